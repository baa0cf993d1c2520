"""Closed eyes of training faces, as pictures of their lids that fit any other eyes.

A lid is skin that rolls out from under the brow: motion alone would stretch the lashes into bars
and squeeze the iris into a seam, so the eye stays where it is and a lid is laid over it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.topology import (
    LEFT_LOWER_LID,
    LEFT_UNDER_LID,
    LEFT_UPPER_LID,
    RIGHT_LOWER_LID,
    RIGHT_UNDER_LID,
    RIGHT_UPPER_LID,
)
from ganimate.networks.constant import constant
from ganimate.networks.inlays import (
    alike,
    mix,
    skin_around,
    spread,
    tone,
)
from ganimate.networks.warp import enlarge, show
from ganimate.training.augment import middle
from ganimate.training.cutting import CENTRE, cut, detail, mean_shape, place, texels
from ganimate.training.fields import downwards, polygon

EYES = ((RIGHT_UPPER_LID, RIGHT_LOWER_LID), (LEFT_UPPER_LID, LEFT_LOWER_LID))

# Rings of landmarks around each eye, from its outer corner to the inner: the crease of the upper
# lid, the skin between crease and brow, and the skin under the lower lid.
_CREASE = ((247, 30, 29, 27, 28, 56, 190), (467, 260, 259, 257, 258, 286, 414))
_ABOVE = ((113, 225, 224, 223, 222, 221, 189), (342, 445, 444, 443, 442, 441, 413))
_BELOW = (RIGHT_UNDER_LID, LEFT_UNDER_LID)
SKIN = [i for above, below in zip(_ABOVE, _BELOW, strict=True) for i in (*above, *below)]
"""Skin around the right eye, then as much around the left."""
POINTS = [i for ring in (*_CREASE, *EYES[0], *EYES[1]) for i in ring] + SKIN

AMONG = 3.0
"""Crop pixels within which the nearest skin counts no more than what is a little farther."""
GLOSS = 0.4
"""How much of what is lighter than the lender's skin is kept."""
LASHES = 0.07
"""How far lashes hang below the rim of a closed lid, in widths of the eye."""


class Lids(NamedTuple):
    """Closed eyes that are lent.

    Attributes:
        pictures: (k, 1, HEIGHT, WIDTH), how light they are as shares of the skin around.
        points: (78, 2), crop pixels, where `POINTS` are in a crop whose middle the pictures fill.
        tones: (k,), how light the skin is (`networks.inlays.tone`).
        shares: (2, 14, HEIGHT, WIDTH / 2), how much the skin around counts for each texel
            (`networks.inlays.spread`).
    """

    pictures: Tensor
    points: Tensor
    tones: Tensor
    shares: Tensor


def make_lids(images: Tensor, landmarks: Tensor) -> Lids:
    """Cut the eyes out of faces, each reshaped to the mean of all of theirs.

    Args:
        images: (k, 152, 152, 3) uint8.
        landmarks: (k, 478, 2), of the middle crops.
    """
    centre = landmarks[:, POINTS].mean(1, keepdim=True)
    points = mean_shape(landmarks - centre)[POINTS] + CENTRE
    skin = skin_colour(middle(images), landmarks).mean(1, keepdim=True)
    grey = cut(images, landmarks[:, POINTS], points).mean(1, keepdim=True) + 1
    shares = _nearness(points[-len(SKIN) :])
    pictures = grey / spread(skin, shares).clamp(min=0.05)
    # A flash on the lender's lids is not another face's light; lashes are.
    pictures = torch.where(pictures > 1, 1 + GLOSS * (pictures - 1), pictures)
    return Lids(pictures + detail(pictures), points, tone(skin), shares)


def lid_places(landmarks: Tensor, lids: Lids) -> Tensor:
    """Which points of a picture of lids lie where, (n, 2, 64, 64)."""
    return place(landmarks[:, constant(POINTS, landmarks)], lids.points)


def lid_area(landmarks: Tensor) -> Tensor:
    """Where the upper lids are, from the crease to the lashes, (n, 1, 128, 128), softly.

    Args:
        landmarks: (n, 478, 2), with the lids where they are to be.
    """
    return torch.maximum(*(_lid(landmarks, side) for side in (0, 1)))


def lend_lids(
    pictures: Tensor, landmarks: Tensor, places: Tensor, covers: Tensor, lids: Lids
) -> Tensor:
    """Pictures (n, 3, 128, 128) with the lids of those whose skin is most alike in tone.

    Only light and dark are lent; the colours are those of the skin around each eye.

    Args:
        pictures: in [-1, 1].
        landmarks: (n, 478, 2), with the lids where they are to be: closed, or on the way.
        places: of `lid_places`, for these landmarks.
        covers: (n, 1, 128, 128) in 0..1, how far lids hide what is below (`lid_area`).
        lids: the k.
    """
    skin = skin_colour(pictures, landmarks)
    mixed = mix(lids.pictures, alike(tone(skin), lids.tones)) * spread(skin, lids.shares) - 1
    shown = show(mixed, enlarge(places, CROP_SIZE))
    return torch.lerp(pictures, shown.clamp(-1, 1), covers)


def skin_colour(crops: Tensor, landmarks: Tensor) -> Tensor:
    """Of the skin around the right eye and the left, (n, 3, 2, 14), 0 to 2."""
    places = (landmarks[:, constant(SKIN, landmarks)] + 0.5) * (2 / CROP_SIZE) - 1
    return skin_around(crops, places.unflatten(1, (2, -1)))


def _nearness(skin: Tensor) -> Tensor:
    """How much skin at places (28, 2) counts for each texel, (2, 14, HEIGHT, WIDTH / 2)."""
    halves = torch.stack(texels(skin.device).chunk(2, 1))
    square = (halves.unsqueeze(1) - skin.view(2, -1, 1, 1, 2)).square().sum(-1)
    near = 1 / (square + AMONG**2)
    return near / near.sum(1, keepdim=True)


def _lid(landmarks: Tensor, side: int) -> Tensor:
    """The area of one upper lid."""
    rim = landmarks[:, constant(EYES[side][0], landmarks)]
    width = (rim[:, -1] - rim[:, 0]).norm(dim=-1).view(-1, 1, 1)
    lashes = rim[:, 1:-1] + LASHES * width * downwards(landmarks)
    crease = landmarks[:, constant(_CREASE[side], landmarks)]
    area = polygon(torch.cat([rim[:, :1], crease, rim[:, -1:], lashes.flip(1)], 1))
    return F.avg_pool2d(F.pad(area, (1, 1, 1, 1), mode="replicate"), 3, 1)
