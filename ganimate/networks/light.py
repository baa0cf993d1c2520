"""The light of a face: how much there is, how much it varies, and how well eyes see a change of it.

Crops are (n, 3, S, S) in [-1, 1], and their middle is the face; figures are (n, 1, 1, 1).
"""

from __future__ import annotations

from torch import Tensor

from ganimate.networks.constant import constant

MIDDLE_GREY, DARKEST = 0.45, 0.1
"""Of 1: how light a face is on which paint counts as it is, and the darkest that is told apart."""

BRIGHTENS, DIMS = 3.5, 3.0
"""How steeply light that is added to skin, or taken from it, ends towards white: on skin as light
as 0.71 of 1, or 0.67, or less all of it is, on a highlight as light as 0.9 a third. What is
overexposed is so in a fold, too; shiny skin would be chalk, and bright cheeks smudged."""

WARMTH = (0.8, 1.05, 1.15)
"""How much more or less red, green and blue light a shadow on skin takes than it does on average:
light that comes out of skin beside a fold is red. Regression finds about this in training faces."""

SHINES, WHITER = 0.3, 1.4
"""How much lighter than the face on the whole skin is that shines, as a share; and how many times
more or less of a colour than the face, of the same light, it counts as having."""


def light_of(crops: Tensor) -> Tensor:
    """Its mean, from `DARKEST` to 1."""
    mean = (face(crops).mean((1, 2, 3), keepdim=True) + 1) / 2
    return mean.clamp(min=DARKEST)


def contrast_of(crops: Tensor) -> Tensor:
    """Its standard deviation as a share of its mean."""
    deviation = face(crops).std((1, 2, 3), keepdim=True).clamp(min=0.05) / 2
    return deviation / light_of(crops)


def full_shade(pictures: Tensor) -> Tensor:
    """What a shade of 1 takes from each pixel of pictures (n, 3, S, S): their light, but warmer.

    Skin that shines is whiter than the face, and loses that first: dimmed alike it would be grey.
    """
    light = pictures + 1
    own, mean = face(light).mean((2, 3), keepdim=True), light.mean(1, keepdim=True)
    own_mean = own.mean(1, keepdim=True)
    whiter = light * own_mean / (mean * own).clamp(min=0.01)
    shines = ((mean / own_mean.clamp(min=0.01) - 1) / SHINES).clamp(0, 1)
    first = 1 + shines * (whiter.clamp(1 / WHITER, WHITER).square() - 1)
    return light * first * constant(WARMTH, pictures).view(3, 1, 1)


def headroom(pictures: Tensor, steep: float) -> Tensor:
    """How much of a change of light each pixel of pictures (n, 3, S, S) takes, (n, 1, S, S)."""
    light = (pictures.mean(1, keepdim=True) + 1) / 2
    return (steep * (1 - light)).clamp(0, 1)


def visibility(crops: Tensor) -> Tensor:
    """How well eyes see one and the same difference on these faces, by Weber's law (1834)."""
    return MIDDLE_GREY / light_of(crops)


def face(crops: Tensor) -> Tensor:
    """The middle half of each side, (n, 3, S/2, S/2)."""
    inner = slice(crops.shape[-1] // 4, -crops.shape[-1] // 4)
    return crops[..., inner, inner]
