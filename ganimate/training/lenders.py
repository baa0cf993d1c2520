"""What single photos cannot teach is drawn or lent: open mouths, and other faces' closed eyes."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.networks.inlays import Inlays
from ganimate.training.cutting import place
from ganimate.training.dataset import FaceDataset
from ganimate.training.fields import FIELD_SIZE
from ganimate.training.lids import SKIN, Lids, lid_places, make_lids
from ganimate.training.motion import Teacher
from ganimate.training.mouths import LIPS, RIM_OF_LIPS, Mouths, make_mouths
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
        """Which point of a sheet, mouth above lids, lies where, (n, 2, 64, 64).

        Args:
            lips: (n, 478, 2), faces with their mouths as they are to be.
            eyes: (n, 478, 2), the same with their lids as they are to be.
        """
        nowhere = lips.new_zeros(len(lips), 2, FIELD_SIZE, FIELD_SIZE)
        above = lid_places(eyes, self.lids) if self.lids is not None else nowhere
        below = place(lips[:, LIPS], self.mouths.lips, row=0) if self.mouths else nowhere
        rows = (torch.arange(FIELD_SIZE, device=lips.device) + 0.5) * (CROP_SIZE / FIELD_SIZE)
        border = (lips[:, LIPS, 1].mean(1) + eyes[:, SKIN, 1].mean(1)) / 2
        return torch.where(rows.view(1, 1, -1, 1) < border.view(-1, 1, 1, 1), above, below)


NOBODY = Lenders()


def find_lenders(
    teacher: Teacher, data: FaceDataset, lids: list[str], room: tuple[int, int]
) -> Lenders:
    """Mouths that are drawn, and the lids of those who are named, or else of the most closed eyes.

    Args:
        teacher: the fitted teachers.
        data: the training faces.
        lids: names of faces in it.
        room: how many mouths and pairs of lids are wanted; where there are fewer, some come twice.
    """
    rows = _named(data, lids)
    if len(rows) == 0:
        shut = data.action_units[:, AU45].topk(min(3, len(data)))
        rows = shut.indices[shut.values > 0.5]
    mouths = make_mouths(teacher, room[0])
    if len(rows) == 0:
        return Lenders(mouths)
    rows, device = rows[torch.arange(room[1]) * len(rows) // room[1]], teacher.mean.device
    return Lenders(mouths, make_lids(data.images[rows].to(device), data.landmarks[rows].to(device)))


def _named(data: FaceDataset, names: list[str]) -> Tensor:
    """Rows of the faces with these names; those that are there."""
    rows = [data.names.index(name) for name in names if name in data.names]
    return torch.tensor(rows, dtype=torch.long)


def furnish(inlays: Inlays, lenders: Lenders, teacher: Teacher) -> None:
    """Give a network the pictures that are lent, and what it chooses and places them by."""
    mean = teacher.mean[None]
    if lenders.mouths is not None:
        inlays.mouths.copy_(lenders.mouths.pictures)
        inlays.rims.copy_(lenders.mouths.rims)
        inlays.middle.copy_(lenders.mouths.middle)
    if lenders.lids is not None:
        inlays.lids.copy_(lenders.lids.pictures)
        inlays.tones.copy_(lenders.lids.tones)
        inlays.shares.copy_(lenders.lids.shares)
    inlays.rest.copy_(teacher.rest[RIM_OF_LIPS])
    inlays.moves.copy_(teacher.directions[:, RIM_OF_LIPS])
    around = (teacher.mean[SKIN] + 0.5) * (2 / CROP_SIZE) - 1
    inlays.around.copy_(around.view_as(inlays.around))
    at_rest = torch.zeros(1, 17, device=mean.device)
    half, shut = torch.full_like(at_rest, 0.5), at_rest.clone()
    shut[:, AU45] = 1
    mouth, eyes = (teacher.move(mean, at_rest, target) for target in (half, shut))
    inlays.start.data.copy_(lenders.places(mouth, teacher.close_eyes(eyes, at_rest, shut))[0])
