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

WARMTH, DOUBT = (0.8, 1.05, 1.15), 0.01
"""How much more or less red, green and blue light a shadow on skin takes than it does on average:
light that comes out of skin beside a fold is red. Nine in ten training faces have 0.64 to 1.02,
0.99 to 1.29 and 0.93 to 1.70. And the variance of a face's light, in logarithms, that tells as much
as this."""
SHADOWS, WHITE = (0.5, 0.7), (1.8, 1.9)
"""How light pixels are that tell of skin and not of brows and nostrils, of the face's mean light;
and that tell nothing any more, of 2: nothing until the first, and all from the second on."""


def light_of(crops: Tensor) -> Tensor:
    """Its mean, from `DARKEST` to 1."""
    mean = (face(crops).mean((1, 2, 3), keepdim=True) + 1) / 2
    return mean.clamp(min=DARKEST)


def contrast_of(crops: Tensor) -> Tensor:
    """Its standard deviation as a share of its mean."""
    deviation = face(crops).std((1, 2, 3), keepdim=True).clamp(min=0.05) / 2
    return deviation / light_of(crops)


def full_shade(pictures: Tensor) -> Tensor:
    """What a shade of 1 takes from each pixel of pictures (n, 3, S, S): their light, in the colours
    that shadows have in this one."""
    return (pictures + 1) * warmth_of(pictures)


def warmth_of(pictures: Tensor) -> Tensor:
    """`WARMTH` as it is in each of the pictures (n, 3, S, S), (n, 3, 1, 1).

    By how much of a face's red, green and blue goes with its light, in logarithms. Photos differ in
    this by the light they were taken in, and by what was done to their colours; shades that go by
    skin in general are grey smudges in some.
    """
    # Nobody is to learn to move a face so that its shadows look otherwise.
    light = (face(pictures.detach()) + 1).clamp(min=0.02)
    mean = light.mean(1, keepdim=True)
    share = mean / mean.mean((2, 3), keepdim=True)
    tells = ((share - SHADOWS[0]) / (SHADOWS[1] - SHADOWS[0])).clamp(0, 1)
    tells = tells * ((WHITE[1] - mean) / (WHITE[1] - WHITE[0])).clamp(0, 1)
    count = tells.sum((2, 3), keepdim=True).clamp(min=1)
    logs, colours = mean.log(), light.log()
    about = logs - (tells * logs).sum((2, 3), keepdim=True) / count
    doubt = DOUBT * tells[0].numel()
    common = constant(WARMTH, pictures).view(3, 1, 1)
    both = (tells * about * colours).sum((2, 3), keepdim=True) + doubt * common
    return both / ((tells * about.square()).sum((2, 3), keepdim=True) + doubt)


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
