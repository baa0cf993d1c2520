"""Where in a face each action unit acts (Ekman and Friesen 1978, the manual's sections on what
each muscle moves): the prior that a regression on noisy labels lacks."""

from __future__ import annotations

import torch
from torch import Tensor

from ganimate.faces.topology import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_LOWER_LID,
    LOWER_LIP,
    OUTER_LIPS,
    RIGHT_LOWER_LID,
)
from ganimate.facs import AU_NUMBERS
from ganimate.training.fields import smoothstep

UPPER_FACE = (1, 2, 4, 5, 6, 7, 45)
"""Those of the brows, the lids and the cheeks below them; all others are the lower face's."""

FOREIGN = 0.3
"""How much of what regression finds beyond an action unit's own part of the face is kept: muscles
pull on their neighbours, and labels lean on each other."""

NOSE_BASE = 2
"""The landmark where the nose meets the upper lip."""


def territory(points: Tensor, mean: Tensor) -> Tensor:
    """How much of what regression finds at a place is kept for each action unit, 0 to 1.

    Labels of one face lean on each other: a regression finds brows in a lip stretcher. The upper
    face's action units end at the base of the nose, the lower face's at the lower lids, both
    softly.

    Args:
        points: (m, 2), places on the mean face, in crop pixels.
        mean: (478, 2), the mean face.

    Returns:
        (17, m).
    """
    depth = _depth(points, mean)
    upper, lower = 1 - smoothstep((depth - 0.3) / 0.7), smoothstep(depth / 0.6)
    own = torch.stack([upper if number in UPPER_FACE else lower for number in AU_NUMBERS])
    return FOREIGN + (1 - FOREIGN) * own


def around_mouth(mean: Tensor) -> Tensor:
    """(478,): 1 for the landmarks of the mouth and the chin, 0 above the wings of the nose."""
    return smoothstep((_depth(mean, mean) - 0.7) / 0.4)


def below_lips(mean: Tensor) -> Tensor:
    """(478,): 1 for the landmarks of the lower lip and the chin, 0 above, half at lips' corners."""
    mouth = mean[list(INNER_UPPER_LIP + INNER_LOWER_LIP), 1].mean()
    below = smoothstep((mean[:, 1] - mouth) / 4 + 0.5)
    upper = set(OUTER_LIPS + INNER_UPPER_LIP) - set(LOWER_LIP)
    below[sorted(upper)] = 0.0
    below[[*LOWER_LIP]] = 1.0
    below[[OUTER_LIPS[0], OUTER_LIPS[10], INNER_UPPER_LIP[0], INNER_UPPER_LIP[-1]]] = 0.5
    return below


def _depth(points: Tensor, mean: Tensor) -> Tensor:
    """How far down the face places are: 0 at the lower lids, 1 at the base of the nose."""
    lids = mean[list(RIGHT_LOWER_LID + LEFT_LOWER_LID), 1].amax()
    return (points[:, 1] - lids) / (mean[NOSE_BASE, 1] - lids)
