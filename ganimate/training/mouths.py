"""Open mouths of training faces, as pictures of their insides that fit any other lips."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.topology import INNER_LOWER_LIP, INNER_UPPER_LIP, MIRROR, OUTER_LIPS
from ganimate.networks.mouth import HEIGHT, WIDTH, MouthPainter, show
from ganimate.training.augment import middle, to_unit
from ganimate.training.dataset import STORED_SIZE
from ganimate.training.fields import FIELD_SIZE, interpolate
from ganimate.training.motion import Teacher

RIM_OF_LIPS = [*INNER_UPPER_LIP, *INNER_LOWER_LIP[-2:0:-1]]
LIPS = [*OUTER_LIPS, *INNER_UPPER_LIP, *INNER_LOWER_LIP]
EXTENT = (28.0, 12.0)
"""Half of the width and of the height of a mouth's picture, in crop pixels."""
LIPS_WIDTH = 50.0
"""Width of the inner lips in it, in crop pixels."""

TEETH = (1.04, 1.01, 0.95)
"""Colour of teeth in white light, as shares of their grey."""
LIPS_RED = 1.35
"""Red beyond this share of green is no tooth."""


class Mouths(NamedTuple):
    """Mouths that lend their insides.

    Attributes:
        pictures: (k, 3, HEIGHT, WIDTH) in [-1, 1].
        lips: (42, 2), crop pixels, where lips are in a crop whose middle the pictures fill.
        rims: (k, 20, 2), the rims of their inner lips.
        light: (k,), how light the faces are, above 0.
    """

    pictures: Tensor
    lips: Tensor
    rims: Tensor
    light: Tensor


def make_mouths(images: Tensor, landmarks: Tensor) -> Mouths:
    """Cut the mouths out of faces, each reshaped to the mean of all their lips.

    Args:
        images: (k, 152, 152, 3) uint8.
        landmarks: (k, 478, 2), of the middle crops.
    """
    device = images.device
    rims = landmarks[:, RIM_OF_LIPS]
    centre = rims.mean(1, keepdim=True)
    width = (rims[..., 0].amax(1) - rims[..., 0].amin(1)).clamp(min=1).view(-1, 1, 1)
    mean = ((landmarks - centre) / width).mean(0)
    mean = (mean + mean[torch.tensor(MIRROR, device=device)] * mean.new_tensor([-1, 1])) / 2
    middle_of_crop = (CROP_SIZE - 1) / 2
    lips = mean[LIPS] * LIPS_WIDTH + middle_of_crop

    field = _towards(lips.expand(len(images), -1, -1), landmarks[:, LIPS])
    rows, columns = ((torch.arange(n, device=device) + 0.5) / n * 2 - 1 for n in (HEIGHT, WIDTH))
    texels = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)
    texels = texels * texels.new_tensor(EXTENT) + middle_of_crop
    grid = ((texels + 0.5) * (2 / CROP_SIZE) - 1).expand(len(images), -1, -1, -1)
    there = F.grid_sample(field, grid, align_corners=False).permute(0, 2, 3, 1)
    margin = (STORED_SIZE - CROP_SIZE) / 2
    there = (there + margin + 0.5) * (2 / STORED_SIZE) - 1
    pictures = F.grid_sample(to_unit(images), there, align_corners=False)
    return Mouths(_white(pictures), lips, rims, _light(middle(images)))


def place(landmarks: Tensor, lips: Tensor) -> Tensor:
    """Which point of a mouth's picture lies where, (n, 2, 64, 64), for faces (n, 478, 2)."""
    there = _towards(landmarks[:, LIPS], lips.expand(len(landmarks), -1, -1))
    half = there.new_tensor(EXTENT).view(1, 2, 1, 1)
    return (there - (CROP_SIZE - 1) / 2) / half


def furnish(painter: MouthPainter, mouths: Mouths, teacher: Teacher) -> None:
    """Give a painter these mouths, and what it chooses and places them by."""
    painter.pictures.copy_(mouths.pictures)
    painter.shapes.copy_(mouths.rims)
    painter.rest.copy_(teacher.mean[RIM_OF_LIPS])
    painter.moves.copy_(teacher.directions[:, RIM_OF_LIPS])
    mean = teacher.mean[None]
    half = torch.full((1, 17), 0.5, device=mean.device)
    painter.start.data.copy_(
        place(teacher.move(mean, torch.zeros_like(half), half), mouths.lips)[0]
    )


def average_lips(teacher: Teacher, targets: Tensor) -> Tensor:
    """The rims of an average face's inner lips with these intensities (n, 17), (n, 20, 2)."""
    moves = teacher.directions[:, RIM_OF_LIPS]
    return teacher.mean[RIM_OF_LIPS] + torch.einsum("nk,kpc->npc", targets, moves)


def lend_mouths(pictures: Tensor, places: Tensor, shares: Tensor, mouths: Mouths) -> Tensor:
    """Mouths by their shares (n, k) at their places, in the light of the pictures.

    Args:
        pictures: (n, 3, 128, 128).
        places: (n, 2, 64, 64).
        shares: of `networks.mouth.choose`.
        mouths: the k.
    """
    between = show(mouths.pictures, shares, places)
    # Teeth are less unlike than skins: only part of the difference is light.
    light = (_light(pictures) / (shares @ mouths.light)).clamp(0.2, 2) ** 0.6
    return ((between + 1) * light.view(-1, 1, 1, 1) - 1).clamp(-1, 1)


def _white(pictures: Tensor) -> Tensor:
    """The same mouths in white light, told by their teeth; those that show none stay."""
    levels = (pictures + 1) / 2
    grey = levels.mean(1).flatten(1)
    teeth = (grey >= grey.quantile(0.9, dim=1, keepdim=True)).unsqueeze(1)
    colour = (levels.flatten(2) * teeth).sum(2) / teeth.sum(2)
    wanted = colour.mean(1, keepdim=True) * colour.new_tensor(TEETH)
    red = colour[:, :1] > LIPS_RED * colour[:, 1:2]  # lips, or a tongue
    gain = torch.where(red, torch.ones_like(colour), wanted / colour.clamp(min=0.05))
    return (levels * gain[..., None, None]).clamp(0, 1) * 2 - 1


def _towards(points: Tensor, others: Tensor) -> Tensor:
    """Where each pixel lies on the other lips, (n, 2, 64, 64) crop pixels."""
    flow = interpolate(points, others - points, FIELD_SIZE, 1.0) * CROP_SIZE
    cells = (torch.arange(FIELD_SIZE, device=flow.device) + 0.5) * (CROP_SIZE / FIELD_SIZE) - 0.5
    return flow + torch.stack(torch.meshgrid(cells, cells, indexing="xy"))


def _light(crops: Tensor) -> Tensor:
    inner = slice(CROP_SIZE // 4, -CROP_SIZE // 4)
    return (crops[:, :, inner, inner].mean((1, 2, 3)) + 1).clamp(min=0.1)
