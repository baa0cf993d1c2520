"""Open mouths of training faces, as pictures of their insides that fit any other lips."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.topology import INNER_LOWER_LIP, INNER_UPPER_LIP, OUTER_LIPS
from ganimate.networks.inlays import mix, show
from ganimate.training.augment import middle
from ganimate.training.cutting import CENTRE, cut, detail, mean_shape
from ganimate.training.fields import smoothstep
from ganimate.training.light import face
from ganimate.training.motion import Teacher

RIM_OF_LIPS = [*INNER_UPPER_LIP, *INNER_LOWER_LIP[-2:0:-1]]
LIPS = [*OUTER_LIPS, *INNER_UPPER_LIP, *INNER_LOWER_LIP]
LIPS_WIDTH = 50.0
"""Width of the inner lips in a mouth's picture, in crop pixels."""

TEETH = (1.06, 1.0, 0.94)
"""Colour of teeth in white light, as shares of their grey."""
LIGHTEST = 0.75
"""Of 1: how light the teeth of all pictures are."""
LIT, LIT_BY = 0.88, 0.75
"""How light teeth are in a face whose lightest skin is 1 of 1, and the power of that skin's light
with which this falls: about what regression finds in training faces with open mouths. Where a flash
whitens skin, lips still shade teeth."""
SHOWN = 0.75
"""A mouth whose lightest part is darker than this share of the lightest skin shows no teeth."""
KNEE, WHITEST = 0.75, 0.95
"""Of 1: from where on light teeth are held back, and what they never reach."""
DEPTH = (0.14, 0.055, 0.05)
"""Colour of what is deepest in a mouth: photos lose it in black, which looks like a hole."""
ALIKE = 0.7
"""How far each tooth's own colour gives way to `TEETH`: small photos smear the colours of lips over
some of them, and JPEG makes others green."""
LIPS_RED = 1.35
"""Red beyond this share of green is no tooth."""
REDDEST, BLUEST = (1.6, 0.12), (1.1, 0.02)
"""Red and blue stay below so many times green, and so much more: lipstick would show above
another's teeth."""


class Mouths(NamedTuple):
    """Mouths that lend their insides.

    Attributes:
        pictures: (k, 3, HEIGHT, WIDTH) in [-1, 1].
        lips: (42, 2), crop pixels, where lips are in a crop whose middle the pictures fill.
        rims: (k, 20, 2), the rims of their inner lips.
    """

    pictures: Tensor
    lips: Tensor
    rims: Tensor


def make_mouths(images: Tensor, landmarks: Tensor) -> Mouths:
    """Cut the mouths out of faces, each reshaped to the mean of all their lips.

    Args:
        images: (k, 152, 152, 3) uint8.
        landmarks: (k, 478, 2), of the middle crops.
    """
    rims = landmarks[:, RIM_OF_LIPS]
    centre = rims.mean(1, keepdim=True)
    width = (rims[..., 0].amax(1) - rims[..., 0].amin(1)).clamp(min=1).view(-1, 1, 1)
    lips = mean_shape((landmarks - centre) / width)[LIPS] * LIPS_WIDTH + CENTRE
    pictures = _clear(cut(images, landmarks[:, LIPS], lips, lines=True), _lightest(middle(images)))
    return Mouths(pictures, lips, rims)


def average_lips(teacher: Teacher, targets: Tensor) -> Tensor:
    """The rims of an average face's inner lips with these intensities (n, 17), (n, 20, 2)."""
    moves = teacher.directions[:, RIM_OF_LIPS]
    return teacher.mean[RIM_OF_LIPS] + torch.einsum("nk,kpc->npc", targets, moves)


def lend_mouths(pictures: Tensor, places: Tensor, shares: Tensor, mouths: Mouths) -> Tensor:
    """Mouths by their shares (n, k) at their places, in the light of the pictures.

    Args:
        pictures: (n, 3, 128, 128).
        places: (n, 2, 64, 64), on a sheet whose upper half is the mouth.
        shares: of `networks.inlays.choose`.
        mouths: the k.
    """
    mixed = mix(mouths.pictures, shares)
    between = show(torch.cat([mixed, mixed], 2), places, CROP_SIZE)
    light = LIT / LIGHTEST * _lightest(pictures) ** LIT_BY
    levels = (between + 1) / 2 * light.view(-1, 1, 1, 1)
    # No tooth is a lamp: lips shade it, even where a flash whitens skin.
    bright = KNEE + (WHITEST - KNEE) * torch.tanh((levels - KNEE) / (WHITEST - KNEE))
    return torch.where(levels > KNEE, bright, levels) * 2 - 1


def opening(landmarks: Tensor) -> Tensor:
    """How far the inner lips are apart at most, (n,) crop pixels."""
    gaps = landmarks[:, list(INNER_LOWER_LIP)] - landmarks[:, list(INNER_UPPER_LIP)]
    return gaps.norm(dim=-1).amax(1)


def _clear(pictures: Tensor, skin: Tensor) -> Tensor:
    """The same mouths, sharper, never black, and with teeth in white light and as much of it.

    Args:
        pictures: (k, 3, HEIGHT, WIDTH).
        skin: (k,), how light the lightest skin of these faces is.
    """
    levels = _in_white_light((pictures + 1) / 2)
    light = levels.mean(1, keepdim=True)
    shown = _inner(light).flatten(1).quantile(0.95, dim=1)
    gain = (LIGHTEST / torch.maximum(shown, SHOWN * skin)).view(-1, 1, 1, 1)
    levels, light = gain * levels, gain * light
    depth = light.new_tensor(DEPTH)[:, None, None] * (1 - light).clamp(min=0) ** 8
    return (levels + depth + detail(light)).clamp(0, 1) * 2 - 1


def _in_white_light(levels: Tensor) -> Tensor:
    """Mouths (k, 3, h, w) in 0..1 without the colour of the light they are in, told by their teeth;
    those that show none keep it. Their lips are no redder than most."""
    inner = _inner(levels)
    grey = inner.mean(1).flatten(1)
    teeth = (grey >= grey.quantile(0.9, dim=1, keepdim=True)).unsqueeze(1)
    colour = (inner.flatten(2) * teeth).sum(2) / teeth.sum(2)
    wanted = colour.mean(1, keepdim=True) * colour.new_tensor(TEETH)
    red = colour[:, :1] > LIPS_RED * colour[:, 1:2]  # lips, or a tongue
    gain = torch.where(red, torch.ones_like(colour), wanted / colour.clamp(min=0.05))
    levels = (levels * gain[..., None, None]).clamp(0, 1)
    light = levels.mean(1, keepdim=True)
    warm = levels[:, :1] / levels[:, 1:2].clamp(min=0.05)
    tooth = smoothstep((light - 0.35) / 0.2) * smoothstep((LIPS_RED - warm) / 0.25)
    teeth_colour = light * light.new_tensor(TEETH)[:, None, None]
    levels = torch.lerp(levels, teeth_colour, ALIKE * tooth)
    for channel, (times, more) in ((0, REDDEST), (2, BLUEST)):
        levels[:, channel] = torch.minimum(levels[:, channel], times * levels[:, 1] + more)
    return levels


def _inner(pictures: Tensor) -> Tensor:
    """What is between the corners of the lips; beyond them is skin."""
    side = (pictures.shape[-1] - round(2 * LIPS_WIDTH)) // 2
    return pictures[..., side:-side]


def _lightest(crops: Tensor) -> Tensor:
    """How light the lightest skin is, (n,) in 0..1: teeth are about as light on any skin, and the
    lightest is less unlike than the whole from one person to another."""
    grey = face(crops).mean(1).flatten(1)
    return ((grey.quantile(0.95, dim=1) + 1) / 2).clamp(min=0.05)
