"""Wrinkles that a regression cannot find, drawn where the anatomists have them.

Folds of many faces never lie quite on one another, so that the mean of them is a soft shadow at
best, and of the fine ones nothing is left: what a wrinkled nose is known by (Ekman and Friesen
1978, on AU 6, 9 and 10; skin folds across the pull of the muscle below). Each is a dark line with
light sides, and takes from a neighbourhood as much light as it gives.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ganimate.facs import AU_NUMBERS
from ganimate.training.fields import smoothstep
from ganimate.training.territory import NOSE_ROOT


class Wrinkle(NamedTuple):
    """A line on the person's right half of the face, and its mirror image on the left.

    Attributes:
        number: of the action unit.
        depth: what it takes of the light in its middle, in units of a crop's contrast.
        width: standard deviation across it, crop pixels.
        path: landmarks, each with a shift (x, y) in crop pixels, outwards and down.
    """

    number: int
    depth: float
    width: float
    path: tuple[tuple[int, float, float], ...]


WRINKLES = (
    # AU1 and AU2: across the forehead, its middle and its sides.
    Wrinkle(1, 0.45, 0.9, ((9, 19, -5.2), (9, 10, -4.6), (9, 0, -4.8), (9, -10, -4.6))),
    Wrinkle(1, 0.45, 0.9, ((9, 20, -11.0), (9, 10, -10.2), (9, 0, -10.4), (9, -10, -10.2))),
    Wrinkle(2, 0.45, 0.9, ((9, 10, -4.6), (9, 22, -6.2), (9, 36, -4.0))),
    Wrinkle(2, 0.45, 0.9, ((9, 10, -10.2), (9, 22, -11.6), (9, 36, -9.4))),
    # AU4: two furrows that rise from the brows' inner ends, and one across the nose's root.
    Wrinkle(4, 0.8, 0.9, ((55, -3.6, 3.0), (55, -4.6, -2.5), (107, -5.4, -3.5), (107, -4.4, -9.5))),
    Wrinkle(4, 0.4, 0.8, ((168, -5, -0.6), (168, 0, -1.6), (168, 5, -0.6))),
    # AU9: across the nose's root; down its sides; around its wings.
    Wrinkle(9, 0.5, 0.8, ((168, -4, 1.0), (168, 0, 0.2), (168, 4, 1.0))),
    Wrinkle(9, 0.6, 0.8, ((6, -5, -0.8), (6, 0, -1.8), (6, 5, -0.8))),
    Wrinkle(9, 0.8, 0.8, ((193, 0.0, 2.5), (188, 0.5, -1.0), (114, 2.0, -0.5))),
    Wrinkle(9, 0.8, 0.8, ((122, 0.0, 2.0), (188, 0.0, 2.8), (217, 2.0, -0.5))),
    Wrinkle(9, 0.6, 0.8, ((197, 2.5, 0.5), (114, -1.5, 2.5), (217, 0.5, 3.0))),
    Wrinkle(9, 0.9, 1.2, ((126, 0.0, -3.5), (129, 1.8, -3.5), (203, 0.0, -0.5), (206, 1.0, 0.0))),
    # AU10: the fold from the wings of the nose, deepest in its middle.
    Wrinkle(10, 0.9, 1.4, ((129, 0.5, -5.0), (203, 0.5, -1.0), (206, 0.8, 0.0), (216, 1.5, 2.0))),
    # AU12: the same fold, further down.
    Wrinkle(12, 0.7, 1.3, ((129, 0.5, -3.0), (203, 0.5, 0.0), (206, 1.5, 0.0), (216, 3.0, 3.0))),
    # AU6: crow's feet.
    Wrinkle(6, 0.7, 0.7, ((33, 4.5, -2.0), (33, 8.0, -4.0), (33, 12.0, -6.5))),
    Wrinkle(6, 0.8, 0.7, ((33, 5.0, 0.5), (33, 9.0, 0.5), (33, 13.5, 0.0))),
    Wrinkle(6, 0.7, 0.7, ((33, 4.5, 3.0), (33, 8.0, 5.0), (33, 12.0, 8.0))),
    # ... and below the lower lid, from its inner corner outwards.
    Wrinkle(6, 0.5, 0.8, ((133, 0.0, 3.5), (23, 0.0, 4.8), (24, 3.5, 4.0))),
    # AU15: from the lips' corners down.
    Wrinkle(15, 0.6, 1.1, ((61, 0.5, -1.0), (61, 3.0, 4.0), (61, 4.4, 9.0), (61, 4.6, 14.0))),
    # AU17: below the lower lip, over the chin's boss.
    Wrinkle(17, 0.7, 1.2, ((18, 15.0, 5.0), (18, 8.0, 2.0), (18, 0, 0.6), (18, -8.0, 2.0))),
)
BROADER = 2.2
"""By how much the light sides of a wrinkle are broader than its dark."""
TAPER = 0.35
"""The share of a wrinkle over which it fades towards either end."""
STEPS = 60
"""Points of a line that distances are measured from."""


def wrinkles(points: Tensor, mean: Tensor) -> Tensor:
    """How they shade places (m, 2) on the mean face (478, 2), both crop pixels: (17, m)."""
    middle = mean[NOSE_ROOT, 0]
    right = torch.stack([middle - (points[:, 0] - middle).abs(), points[:, 1]], 1)
    shading = points.new_zeros(len(AU_NUMBERS), len(points))
    for each in WRINKLES:
        marks, *shifts = zip(*each.path, strict=True)
        path = mean[list(marks)] + mean.new_tensor(shifts).T * mean.new_tensor([-1, 1])
        shading[AU_NUMBERS.index(each.number)] -= each.depth * _line(right, path, each.width)
    return shading


def _line(points: Tensor, path: Tensor, width: float) -> Tensor:
    """1 on a line through `path` (k, 2), less beside it and negative further off, (m,)."""
    share = torch.linspace(0, 1, STEPS, device=points.device)
    powers = torch.arange(len(path), device=points.device)
    knots = torch.linspace(0, 1, len(path), device=points.device)
    line = share[:, None] ** powers @ torch.linalg.solve(knots[:, None] ** powers, path)
    distance, nearest = torch.cdist(points, line).min(1)
    fading = smoothstep(torch.minimum(share, 1 - share)[nearest] / TAPER)
    dark, sides = (torch.exp(-0.5 * (distance / w).square()) for w in (width, BROADER * width))
    return fading * (dark - sides / BROADER) / (1 - 1 / BROADER)
