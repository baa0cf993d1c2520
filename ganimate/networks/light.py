"""The light of a face: how much there is, how much it varies, and how well eyes see a change of it.

Crops are (n, 3, S, S) in [-1, 1], and their middle is the face; figures are (n, 1, 1, 1).
"""

from __future__ import annotations

from torch import Tensor

from ganimate.networks.constant import constant

MIDDLE_GREY, DARKEST = 0.45, 0.1
"""Of 1: how light a face is on which paint counts as it is, and the darkest that is told apart."""

ROOM = 3.5
"""How steeply light that is added to skin ends towards white: on skin as light as 0.71 of 1 or less
all of it is added, on a highlight as light as 0.9 a third. Shiny skin would be chalk else."""

WARMTH = (0.8, 1.05, 1.15)
"""How much more or less red, green and blue light a shadow on skin takes than it does on average:
light that comes out of skin beside a fold is red. Regression finds about this in training faces."""


def light_of(crops: Tensor) -> Tensor:
    """Its mean, from `DARKEST` to 1."""
    mean = (face(crops).mean((1, 2, 3), keepdim=True) + 1) / 2
    return mean.clamp(min=DARKEST)


def contrast_of(crops: Tensor) -> Tensor:
    """Its standard deviation as a share of its mean."""
    deviation = face(crops).std((1, 2, 3), keepdim=True).clamp(min=0.05) / 2
    return deviation / light_of(crops)


def full_shade(pictures: Tensor) -> Tensor:
    """What a shade of 1 takes from each pixel of pictures (n, 3, S, S): their light, but warmer."""
    return (pictures + 1) * constant(WARMTH, pictures).view(3, 1, 1)


def headroom(pictures: Tensor) -> Tensor:
    """How much of light that is added each pixel of pictures (n, 3, S, S) takes, (n, 1, S, S)."""
    light = (pictures.mean(1, keepdim=True) + 1) / 2
    return (ROOM * (1 - light)).clamp(0, 1)


def visibility(crops: Tensor) -> Tensor:
    """How well eyes see one and the same difference on these faces, by Weber's law (1834)."""
    return MIDDLE_GREY / light_of(crops)


def face(crops: Tensor) -> Tensor:
    """The middle half of each side, (n, 3, S/2, S/2)."""
    inner = slice(crops.shape[-1] // 4, -crops.shape[-1] // 4)
    return crops[..., inner, inner]
