"""The inside of an open mouth, drawn: two rows of teeth, a tongue, and the dark behind it.

A mouth of a small photo is a dozen pixels high, and its teeth are somebody's. Teeth are known well
enough to be drawn: sizes of crowns are the mean ones (Wheeler's Dental Anatomy, Nelson 2014, table
1-1), those behind the canines narrowed as the arch turns away from who looks. Distances are in
millimetres, x from the midline; light is 1 where the middle teeth are.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ganimate.networks.mouth import BACK, BEYOND, LENGTH, REACH, ROW
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


def draw_rows(finer: int) -> Tensor:
    """The upper row of teeth and the lower, (2, 4, h, w): colours that are multiplied by how far
    they cover what is behind, and that; `finer` times as fine as `ROW`, for `Mouth.rows`."""
    x, height = _texels(ROW, finer, (-REACH, REACH), (-BEYOND, LENGTH))
    return torch.stack([_row(x, height, UPPER, 1.0), _row(x, height, LOWER, BEHIND)])


def draw_behind(finer: int) -> Tensor:
    """What is behind, without a tongue and with one, (2, 3, h, w); `finer` times as fine as
    `BACK`, for `Mouth.behind`."""
    x, down = _texels(BACK, finer, (-REACH, REACH), (0, 1))
    dark = _colours(DEPTH) * (0.7 + 0.9 * smoothstep((down - 0.35) / 0.65))
    body = 1 - (x / 19).square() - ((down - 1.15) / 0.68).square()
    groove = 1 - 0.2 * torch.exp(-(x / 1.5).square())
    tongue = _colours(TONGUE) * (0.45 + 0.9 * smoothstep(body)) * groove
    return torch.stack([dark, torch.lerp(dark, tongue, smoothstep(body / 0.45))])


def _texels(
    size: tuple[int, int], finer: int, across: tuple[float, float], down: tuple[float, float]
) -> tuple[Tensor, ...]:
    """Where the texels of a picture are that reaches across and down so far, (h, w) each."""
    height, width = (finer * each for each in size)
    columns, rows = (
        first + (torch.arange(n) + 0.5) * ((last - first) / n)
        for n, (first, last) in ((width, across), (height, down))
    )
    return torch.meshgrid(columns, rows, indexing="xy")


def _row(x: Tensor, height: Tensor, teeth: tuple[_Tooth, ...], light: float) -> Tensor:
    """A row of teeth, (4, h, w). `height`: above the edges of the middle ones, towards gums."""
    row = torch.zeros(4, *x.shape)
    near = 0.0
    for number, tooth in enumerate(teeth):
        half = tooth.width / 2
        across = (x.abs() - near - half) / half  # -1 beside the tooth nearer to the midline, 1
        edge = tooth.raised + UNEVEN * (-1) ** number * x.sign()
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
        drawn = light * torch.lerp(enamel, flesh, gums)
        cover = (across.abs() <= 1) * smoothstep((crown + 0.15) / 0.3)
        row = torch.lerp(row, torch.cat([drawn, torch.ones_like(cover)[None]]), cover)
        near += tooth.width
    return row


def _colours(rgb: tuple[float, float, float]) -> Tensor:
    return torch.tensor(rgb)[:, None, None]
