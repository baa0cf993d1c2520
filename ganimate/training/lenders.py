"""What single photos cannot teach is drawn or lent: open mouths, and other faces' closed eyes."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.networks.constant import constant
from ganimate.networks.inlays import Inlays
from ganimate.training.cutting import place
from ganimate.training.dataset import FaceDataset
from ganimate.training.fields import FIELD_SIZE
from ganimate.training.lids import SKIN, Lids, lid_places, make_lids
from ganimate.training.motion import Teacher
from ganimate.training.mouths import LIPS, Mouths, make_mouths
from ganimate.training.muscles import AU45


class Lenders(NamedTuple):
    """What is lent; None where nothing is.

    Attributes:
        mouths: the insides of open mouths.
        lids: closed eyes.
    """

    mouths: Mouths | None = None
    lids: Lids | None = None

    def places(self, lips: Tensor, eyes: Tensor) -> Tensor:
        """Which point of the lids' picture lies where in the upper half, and of the mouth's in the
        lower, (n, 2, 64, 64).

        Args:
            lips: (n, 478, 2), faces with their mouths as they are to be.
            eyes: (n, 478, 2), the same with their lids as they are to be.
        """
        nowhere = lips.new_zeros(len(lips), 2, FIELD_SIZE, FIELD_SIZE)
        lids = lid_places(eyes, self.lids) if self.lids is not None else nowhere
        mouths = place(lips[:, constant(LIPS, lips)], self.mouths.lips) if self.mouths else nowhere
        return torch.cat([lids.chunk(2, 2)[0], mouths.chunk(2, 2)[1]], 2)


NOBODY = Lenders()


def find_lenders(teacher: Teacher, data: FaceDataset, lids: list[str], room: int) -> Lenders:
    """Mouths that are drawn, and the lids of those who are named, or else of the most closed eyes.

    Args:
        teacher: the fitted teachers.
        data: the training faces.
        lids: names of faces in it.
        room: how many pairs of lids are wanted; where there are fewer, some come twice.
    """
    rows = _named(data, lids)
    if len(rows) == 0:
        shut = data.action_units[:, AU45].topk(min(3, len(data)))
        rows = shut.indices[shut.values > 0.5]
    mouths = make_mouths(teacher)
    if len(rows) == 0:
        return Lenders(mouths)
    rows, device = rows[torch.arange(room) * len(rows) // room], teacher.mean.device
    return Lenders(mouths, make_lids(data.images[rows].to(device), data.landmarks[rows].to(device)))


def _named(data: FaceDataset, names: list[str]) -> Tensor:
    """Rows of the faces with these names; those that are there."""
    rows = [data.names.index(name) for name in names if name in data.names]
    return torch.tensor(rows, dtype=torch.long)


def furnish(inlays: Inlays, lenders: Lenders, teacher: Teacher) -> None:
    """Give a network the pictures that are lent, and what it chooses and places them by."""
    if lenders.mouths is not None:
        inlays.mouth.load_state_dict(lenders.mouths.inside.state_dict())
    if lenders.lids is not None:
        inlays.lids.copy_(lenders.lids.pictures)
        inlays.tones.copy_(lenders.lids.tones)
        inlays.shares.copy_(lenders.lids.shares)
    around = (teacher.mean[SKIN] + 0.5) * (2 / CROP_SIZE) - 1
    inlays.around.copy_(around.view_as(inlays.around))


def first_places(lenders: Lenders, teacher: Teacher) -> Tensor:
    """Where on an average face pictures lie, its mouth half open and its eyes shut, (2, 64, 64):
    from there a network learns where they lie on others."""
    mean = teacher.mean[None]
    at_rest = torch.zeros(1, 17, device=mean.device)
    half, shut = torch.full_like(at_rest, 0.5), at_rest.clone()
    shut[:, AU45] = 1
    mouth, eyes = (teacher.move(mean, at_rest, target) for target in (half, shut))
    return lenders.places(mouth, teacher.close_eyes(eyes, at_rest, shut))[0]
