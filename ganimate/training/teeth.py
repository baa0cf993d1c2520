"""The inside of an open mouth, drawn: two rows of teeth, a tongue, and the dark behind them.

A mouth of a small photo is a dozen pixels high, and its teeth are somebody's. Teeth are known well
enough to be drawn: sizes of crowns are the mean ones (Wheeler's Dental Anatomy, Nelson 2014, table
1-1), those behind the canines narrowed as the arch turns away from who looks. Distances are in
millimetres, x from the midline, y downwards from where the upper lip's inner rim crosses it; light
is 1 where the middle teeth are.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ganimate.training.fields import smoothstep

TEETH = (1.04, 1.0, 0.97)
"""Colour of teeth in white light, as shares of their grey; with necks yellower, eight people's."""
DEPTH = (0.2, 0.075, 0.07)
"""Colour of what is deepest in a mouth: photos lose it in black, which looks like a hole."""
TONGUE = (0.53, 0.23, 0.21)
GUMS = (1.0, 0.6, 0.59)
BEHIND = 0.75
"""How light the lower teeth are, which stand behind the upper ones."""


class _Tooth(NamedTuple):
    width: float  # as seen from the front
    raised: float  # its edge's middle above that of the middle teeth
    length: float
    light: float
    point: float  # how far its edge's corners are above its tip


UPPER = (
    _Tooth(8.5, 0.0, 10.5, 1.00, 0.0),
    _Tooth(6.3, 0.7, 9.0, 0.96, 0.0),
    _Tooth(6.0, 0.1, 10.0, 0.88, 0.9),
    _Tooth(4.6, 0.9, 8.5, 0.74, 0.6),
    _Tooth(3.6, 1.4, 7.7, 0.58, 0.3),
    _Tooth(3.2, 1.8, 7.0, 0.42, 0.2),
)
LOWER = (
    _Tooth(5.0, 0.0, 9.0, 1.00, 0.0),
    _Tooth(5.5, 0.2, 9.5, 0.96, 0.0),
    _Tooth(5.6, -0.1, 11.0, 0.84, 0.8),
    _Tooth(4.4, 0.8, 8.5, 0.66, 0.5),
    _Tooth(3.6, 1.2, 8.0, 0.50, 0.3),
    _Tooth(3.2, 1.5, 7.5, 0.36, 0.2),
)
UNEVEN = 0.12
"""How much longer each edge is on one side and shorter on the other: no face is its own mirror."""


class Shown(NamedTuple):
    """How much of the middle upper and lower teeth the lips leave free, and how much higher the
    rows are 30 mm from the midline: the smile's arc."""

    upper: float
    lower: float
    arc: float


def draw(x: Tensor, y: Tensor, lip: Tensor, floor: float, shown: Shown) -> Tensor:
    """What is between the lips, (3, h, w), 0 to about 1.

    Args:
        x, y: where, (h, w).
        lip: y of the upper lip's inner rim at these x, (h, w).
        floor: that of the lower lip's in the middle.
        shown: what the lips leave free.
    """
    picture = _colours(DEPTH) * (0.7 + 0.9 * smoothstep(((y - lip) / floor - 0.35) / 0.65))
    picture = _tongue(picture, x, y, floor)
    picture = _row(picture, x, y - (floor - shown.lower), LOWER, -shown.arc / 2, BEHIND)
    shadow = 1 - 0.34 * torch.exp(-(y - lip).clamp(min=0) / 1.6)
    return _row(picture, x, shown.upper - y, UPPER, shown.arc, shadow)


def _tongue(picture: Tensor, x: Tensor, y: Tensor, floor: float) -> Tensor:
    """With a tongue on the mouth's floor, which only a wide mouth shows."""
    body = 1 - (x / 17).square() - ((y - floor - 2) / (0.5 * floor)).square()
    groove = 1 - 0.2 * torch.exp(-(x / 1.5).square())
    tongue = _colours(TONGUE) * (0.45 + 0.55 * smoothstep(body)) * groove
    share = smoothstep(body / 0.5) * min(1.0, max(0.0, (floor - 12) / 6))
    return torch.lerp(picture, tongue, share)


def _row(
    picture: Tensor,
    x: Tensor,
    height: Tensor,
    teeth: tuple[_Tooth, ...],
    arc: float,
    light: Tensor | float,
) -> Tensor:
    """With a row of teeth in front. `height`: above the edge of the middle teeth, towards gums."""
    near = 0.0
    for number, tooth in enumerate(teeth):
        half = tooth.width / 2
        across = (x.abs() - near - half) / half  # -1 beside the tooth nearer to the midline, 1
        edge = tooth.raised + arc * ((near + half) / 30) ** 2
        edge = edge + UNEVEN * (-1) ** number * x.sign()
        rounding = torch.where(across > 0, 1.5, 0.8)
        corners = 0.75 * rounding * ((across.abs() - 0.55).clamp(min=0) / 0.45).square()
        crown = height - edge - corners - tooth.point * across.abs() ** 1.3
        side = (1 - across.abs()) * half
        turned = 1 - 0.2 * across.abs() ** 3 - 0.05 * across
        # Edges let light through, necks are duller, and what is between two teeth is dark.
        shade = 1 - 0.1 * smoothstep((1.6 - crown) / 1.6) - 0.06 * smoothstep((crown - 4) / 5)
        shade = shade * turned * (1 - 0.36 * torch.exp(-(side / 0.3).square()))
        gloss = torch.exp(-((across + 0.12) / 0.3).square() - ((crown - 3.6) / 2.2).square())
        grey = tooth.light * (shade + 0.1 * gloss)
        yellow = smoothstep((crown - 2) / 7) + (0.5 if tooth.point > 0.7 else 0)
        tint = torch.stack([torch.ones_like(yellow), 1 - 0.02 * yellow, 1 - 0.07 * yellow])
        neck = tooth.length - 1.8 * across.abs() ** 2.2
        gums = smoothstep((crown - neck + 0.2) / 0.4)
        enamel, flesh = grey * tint * _colours(TEETH), (0.55 + 0.45 * grey) * _colours(GUMS)
        drawn = torch.lerp(enamel, flesh, gums)
        cover = (across.abs() <= 1) * smoothstep((crown + 0.15) / 0.3)
        picture = torch.lerp(picture, light * drawn, cover)
        near += tooth.width
    return picture


def _colours(rgb: tuple[float, float, float]) -> Tensor:
    return torch.tensor(rgb)[:, None, None]
