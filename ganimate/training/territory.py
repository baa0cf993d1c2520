"""Where in a face each action unit acts (Ekman and Friesen 1978, the manual's sections on what
each muscle moves): the prior that a regression on noisy labels lacks.

Places are (m, 2) on the mean face (478, 2), in crop pixels; what is said of them is (m,), 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ganimate.faces.topology import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    LIP_CORNERS,
    LOWER_LIP,
    NOSE_BRIDGE,
    NOSE_WINGS,
    OUTER_LIPS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    UPPER_LIP,
)
from ganimate.facs import AU_NUMBERS
from ganimate.networks.constant import constant
from ganimate.training.fields import smoothstep

UPPER_FACE = (1, 2, 4, 5, 6, 7, 45)
"""Those of the brows, the lids and the cheeks below them; all others are the lower face's."""
BROWS, LIDS, CHEEKS = (1, 2, 4), (5, 7, 45), (6,)
WRINKLER, RAISER = (9,), (10,)
MOUTH, LIPS = (14, 15, 17, 20, 23, 25), (14, 15, 23)
"""Those of muscles around the mouth, and of them those that reach no further than a dimple."""

FOREIGN = 0.3
"""How much of what regression finds beyond an action unit's own part of the face is kept: muscles
pull on their neighbours, and labels lean on each other."""
UNMOVED = 0.8
"""How much of what it finds on nose and cheeks is not that of muscles around the mouth."""

FOLD = 1.9
"""How far down raised cheeks deepen the fold from the nose to the mouth."""

NOSE_BASE, NOSE_ROOT = 2, 8
"""The landmarks where the nose meets the upper lip, and where it rises from between the brows."""


def territory(points: Tensor, mean: Tensor) -> Tensor:
    """How much of what regression finds at each place is kept for each action unit, (17, m).

    Labels of one face lean on each other: a regression finds brows in a lip stretcher. The upper
    face's action units end at the base of the nose, the lower face's at the lower lids, all softly;
    and most end sooner.
    """
    depth = _depth(points, mean)
    upper, lower = 1 - smoothstep((depth - 0.3) / 0.7), smoothstep(depth / 0.6)
    own = torch.stack([upper if number in UPPER_FACE else lower for number in AU_NUMBERS])
    own = FOREIGN + (1 - FOREIGN) * own
    own[_rows(BROWS)] *= 1 - smoothstep((depth + 0.2) / 0.3)
    own[_rows(LIDS)] *= near(_LIDS, points, mean, 4, 14)
    own[_rows(CHEEKS)] *= cheeks(points, mean, FOLD)
    own[_rows(MOUTH)] *= 1 - UNMOVED * (1 - around_mouth(points, mean))
    own[_rows(LIPS)] *= near(_LIPS, points, mean, 8, 26)
    return own


def folds(points: Tensor, mean: Tensor) -> Tensor:
    """The same of shading, (17, m): what is pulled along is not always folded."""
    own = territory(points, mean)
    others = [number for number in AU_NUMBERS if number not in WRINKLER]
    own[_rows(others)] *= 1 - on_nose(points, mean)
    own[_rows(WRINKLER)] *= near(_NOSE + UPPER_LIP, points, mean, 8, 24)
    # Beside the nose, and down to the lip that is raised.
    own[_rows(RAISER)] *= near(_NOSE + _LIPS, points, mean, 8, 24)
    own[_rows(RAISER)] *= 1 - smoothstep((_depth(points, mean) - 1.25) / 0.25)
    return own


def around_mouth(points: Tensor, mean: Tensor) -> Tensor:
    """1 at the mouth and the chin, 0 above the wings of the nose."""
    return smoothstep((_depth(points, mean) - 0.7) / 0.4)


def cheeks(points: Tensor, mean: Tensor, until: float = 1.2) -> Tensor:
    """1 from the lids down to the cheeks' middle, 0 from the brows up and from `until` down, a
    depth: 1 is that of the nose's wings."""
    depth = _depth(points, mean)
    return smoothstep((depth + 0.5) / 0.4) * (1 - smoothstep((depth - until + 0.6) / 0.6))


def on_nose(points: Tensor, mean: Tensor) -> Tensor:
    """1 on the nose up to its root, 0 where folds beside and above it begin."""
    nose = near(_NOSE, points, mean, 5, 11)
    return torch.maximum(nose, near((NOSE_ROOT,), points, mean, 3, 8))


def near(rim: tuple[int, ...], points: Tensor, mean: Tensor, within: float, until: float) -> Tensor:
    """1 `within` so many crop pixels of the nearest of these landmarks, 0 from `until` on."""
    return 1 - smoothstep((distance(rim, points, mean) - within) / (until - within))


def distance(rim: tuple[int, ...], points: Tensor, mean: Tensor) -> Tensor:
    """How far places are from the nearest of these landmarks, (m,) crop pixels."""
    return torch.cdist(points, mean[constant(rim, mean)]).amin(1)


def below_lips(mean: Tensor) -> Tensor:
    """(478,): 1 for the landmarks of the lower lip and the chin, 0 above, half at lips' corners."""
    mouth = mean[constant(INNER_UPPER_LIP + INNER_LOWER_LIP, mean), 1].mean()
    below = smoothstep((mean[:, 1] - mouth) / 4 + 0.5)
    upper = set(OUTER_LIPS + INNER_UPPER_LIP) - set(LOWER_LIP)
    below[constant(sorted(upper), mean)] = 0.0
    below[constant(LOWER_LIP, mean)] = 1.0
    corners = OUTER_LIPS[0], OUTER_LIPS[10], INNER_UPPER_LIP[0], INNER_UPPER_LIP[-1]
    below[constant(corners, mean)] = 0.5
    return below


def above_lids(mean: Tensor) -> Tensor:
    """(478,): 1 for the landmarks of brows and forehead, 0 from the upper lids' rims down."""
    lids = mean[constant(RIGHT_UPPER_LID + LEFT_UPPER_LID, mean), 1].amin()
    return smoothstep((lids - mean[:, 1]) / 4)


def _depth(points: Tensor, mean: Tensor) -> Tensor:
    """How far down the face places are: 0 at the lower lids, 1 at the base of the nose."""
    lids = mean[constant(RIGHT_LOWER_LID + LEFT_LOWER_LID, mean), 1].amax()
    return (points[:, 1] - lids) / (mean[NOSE_BASE, 1] - lids)


def _rows(numbers: Iterable[int]) -> list[int]:
    return [AU_NUMBERS.index(number) for number in numbers]


_LIDS = RIGHT_UPPER_LID + RIGHT_LOWER_LID + LEFT_UPPER_LID + LEFT_LOWER_LID
_NOSE = NOSE_BRIDGE + NOSE_WINGS
_LIPS = UPPER_LIP + LOWER_LIP + LIP_CORNERS
