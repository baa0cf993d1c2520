"""What single photos cannot teach, other faces lend: open mouths and closed eyes.

A mouth that opens shows teeth that no motion knows, so its inside is taken from a face that makes
a like expression (`training.mouths`). A lid is skin that rolls out from under the brow: motion
alone would stretch the lashes into bars and squeeze the iris into a seam, so the eye stays where it
is and a lid is laid over it, from a face whose eyes are closed.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.topology import (
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
)
from ganimate.networks.warp import warp
from ganimate.training.augment import middle
from ganimate.training.fields import FIELD_SIZE, interpolate
from ganimate.training.mouths import Mouths

EYES = ((RIGHT_UPPER_LID, RIGHT_LOWER_LID), (LEFT_UPPER_LID, LEFT_LOWER_LID))

# Rings of landmarks around each eye, from its outer corner to the inner: the crease of the upper
# lid, the skin between crease and brow, and the skin under the lower lid.
_CREASE = ((247, 30, 29, 27, 28, 56, 190), (467, 260, 259, 257, 258, 286, 414))
_ABOVE = ((113, 225, 224, 223, 222, 221, 189), (342, 445, 444, 443, 442, 441, 413))
_BELOW = ((25, 110, 24, 23, 22, 26, 112), (255, 339, 254, 253, 252, 256, 341))
_SKIN = tuple([*above, *below] for above, below in zip(_ABOVE, _BELOW, strict=True))
_POINTS = [i for ring in (*_CREASE, *_SKIN, *EYES[0], *EYES[1]) for i in ring]

GLOSS = 0.4
"""How much of what is lighter than the lender's skin is kept."""
LASHES = 0.07
"""How far lashes hang below the rim of a closed lid, in widths of the eye."""


class Donors(NamedTuple):
    """Faces that lend, of which each exercise takes the one that fits best.

    Attributes:
        images: (k, 152, 152, 3) uint8.
        landmarks: (k, 478, 2).
    """

    images: Tensor
    landmarks: Tensor


class Lenders(NamedTuple):
    """Who lends what; None where nobody does.

    Attributes:
        mouths: the insides of open mouths.
        lids: faces with closed eyes.
    """

    mouths: Mouths | None = None
    lids: Donors | None = None


NOBODY = Lenders()


def lid_area(landmarks: Tensor) -> Tensor:
    """Where the upper lids are, from the crease to the lashes, (n, 1, 128, 128), softly.

    Args:
        landmarks: (n, 478, 2), with the lids where they are to be.
    """
    return torch.maximum(*(_lid(landmarks, side) for side in (0, 1)))


def lend_lids(pictures: Tensor, landmarks: Tensor, donors: Donors) -> Tensor:
    """Pictures (n, 3, 128, 128) with the lids of the donor whose skin is most alike in tone.

    Only light and dark are taken from the donor; the colour is that of the skin around each eye.

    Args:
        pictures: in [-1, 1].
        landmarks: (n, 478, 2), with the lids where they are to be: closed, or on the way.
        donors: faces with closed eyes.
    """
    grey = middle(donors.images).mean(1, keepdim=True)
    around = _SKIN[0] + _SKIN[1]
    ours, tone = (
        _colour(faces, points[:, around]).mean(1).log()
        for faces, points in ((pictures, landmarks), (grey, donors.landmarks))
    )
    chosen = (ours[:, None] - tone[None]).abs().argmin(1)
    there = donors.landmarks[chosen]
    field = interpolate(landmarks[:, _POINTS], (there - landmarks)[:, _POINTS], FIELD_SIZE, 0.5)
    lids = warp(grey[chosen], field) + 1
    for side, skin in enumerate(_SKIN):
        colour = _colour(pictures, landmarks[:, skin])
        tone = _colour(grey[chosen], there[:, skin])
        colour, tone = colour[..., None, None], tone[..., None, None]
        shade = lids / tone
        # A flash on the lender's lids is not this face's light; lashes are.
        shade = torch.where(shade > 1, 1 + GLOSS * (shade - 1), shade)
        lid = (colour * shade - 1).clamp(-1, 1)
        pictures = torch.lerp(pictures, lid, _lid(landmarks, side))
    return pictures


def _lid(landmarks: Tensor, side: int) -> Tensor:
    """The area of one upper lid."""
    rim = landmarks[:, list(EYES[side][0])]
    width = (rim[:, -1] - rim[:, 0]).norm(dim=-1).view(-1, 1, 1)
    down = F.normalize(landmarks[:, 152] - landmarks[:, 10], dim=-1).unsqueeze(1)
    lashes = rim[:, 1:-1] + LASHES * width * down
    crease = landmarks[:, list(_CREASE[side])]
    area = polygon(torch.cat([rim[:, :1], crease, rim[:, -1:], lashes.flip(1)], 1))
    return F.avg_pool2d(F.pad(area, (1, 1, 1, 1), mode="replicate"), 3, 1)


def polygon(points: Tensor, size: int = CROP_SIZE) -> Tensor:
    """1 inside a polygon, 0 outside, softened by a pixel.

    Args:
        points: (n, k, 2) corners in order, in crop pixels.

    Returns:
        (n, 1, size, size).
    """
    centres = torch.arange(size, device=points.device, dtype=points.dtype) + 0.5
    centres = centres * (CROP_SIZE / size) - 0.5
    x, y = centres.view(1, 1, -1), centres.view(1, -1, 1)
    inside = torch.zeros(len(points), size, size, dtype=torch.bool, device=points.device)
    for here, there in zip(points.unbind(1), points.roll(-1, 1).unbind(1), strict=True):
        (x0, y0), (x1, y1) = here.unbind(-1), there.unbind(-1)
        x0, y0, x1, y1 = (v.view(-1, 1, 1) for v in (x0, y0, x1, y1))
        crosses = (y0 > y) != (y1 > y)
        slope = (x1 - x0) / torch.where(y1 == y0, torch.ones_like(y1), y1 - y0)
        inside ^= crosses & (x < x0 + (y - y0) * slope)
    return F.avg_pool2d(F.pad(inside.float().unsqueeze(1), (1, 1, 1, 1), mode="replicate"), 3, 1)


def _colour(pictures: Tensor, places: Tensor) -> Tensor:
    """Mean colour at some landmarks (n, k, 2), (n, 3) or (n, 1) for grey, above 0."""
    grid = (places + 0.5) * (2 / CROP_SIZE) - 1
    colours = F.grid_sample(pictures, grid.unsqueeze(2), align_corners=False)
    return (colours.mean((2, 3)) + 1).clamp(min=0.05)
