"""What flesh allows: how far brows rise, lids and lips give way, and what never crosses.

Landmarks are (n, 478, 2) crop pixels. All of this changes them in place, given where they were
before, and measures along the face's own vertical.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from ganimate.faces.topology import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_BROW,
    LEFT_CREASE,
    LEFT_IRIS,
    LEFT_UPPER_LID,
    LOWER_LIP,
    NOSE_WINGS,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_CREASE,
    RIGHT_IRIS,
    RIGHT_UPPER_LID,
    UNDER_BROWS,
    UPPER_LIP,
)
from ganimate.networks.constant import constant
from ganimate.training.fields import RIMS, downwards
from ganimate.training.territory import above_lids

DROP = 0.75
"""The share of what is between lower lip and chin that a falling lip tends to: the chin, at the
frame's edge, has no room to give way and would be pressed flat."""
LEAST_EYE, LEAST_BROW, LEAST_LIP, THINNEST = 0.3, 0.45, 0.38, 0.5
"""Shares of the eye's opening, of each part of the skin between lid and brow, of that between nose
and upper lip, and of each lip's height, that always stay."""
HIGHEST = 8.5
"""Crop pixels that brows tend to, however far they are raised: the highest of real ones."""
WIDEST_EYE = 2.4
"""Radii of the iris by which eyes open at most: its own two, and white above it."""
LOWEST_LIP, CHIN = 17, 152
"""Landmarks below the lower lip's middle and at the chin's."""
CREASED = 0.6
"""How far the crease of a lid follows its rim when it slides down."""
DOWN = 0.85
"""The upper lid's share of what closes an eye."""
PARTING, FOLLOWING = 0.25, 0.85
"""How much of AU25 or 26 must be asked for until lips may part freely; how far the lower lip, kept
closed, follows a raised upper one, which gives way by the rest."""


def limit_face(moved: Tensor, before: Tensor, mean: Tensor) -> None:
    """Keep brows, eyes, nose and lips within what faces do, whatever is asked of them.

    Args:
        mean: the mean face, (478, 2).
    """
    _bend_brows(moved, before, above_lids(mean))
    for upper, lower in RIMS[:2]:
        _hold_open(moved, upper, lower, before, LEAST_EYE)
    for (upper, lower), iris in zip(RIMS[:2], (RIGHT_IRIS, LEFT_IRIS), strict=True):
        _hold_within(moved, upper, lower, before, WIDEST_EYE * _radius(before, iris))
    for rows in _LIDS_TO_BROWS:
        for below, above in pairwise(rows):
            _hold_apart(moved, above[:5], below, before, LEAST_BROW, above, up=1.0)
    for upper, lower, outer, up in _RED:
        _hold_apart(moved, upper, lower, before, THINNEST, outer, up)
    _hold_below(moved, NOSE_WINGS, UPPER_LIP, before, LEAST_LIP)


def narrow(
    moved: Tensor,
    upper: tuple[int, ...],
    lower: tuple[int, ...],
    before: Tensor,
    keep: Tensor,
    share: float,
) -> None:
    """Keep two rims from crossing and scale their opening by `keep` (n,), in place.

    0 closes the opening. The upper rim takes `share` of the correction.
    """
    up, low = constant(upper, moved), constant(lower, moved)
    down = downwards(before)
    gap = _gap(moved, up, low, down)
    # Rims that cross already (a closed mouth, found with noise) may stay as they are.
    floor = _gap(before, up, low, down).clamp(max=0)
    wanted = torch.maximum(gap, floor) * keep.unsqueeze(1)
    correction = (gap - wanted).unsqueeze(-1) * down
    moved[:, up] += share * correction
    moved[:, low] -= (1 - share) * correction


def slide_lids(moved: Tensor, before: Tensor, keep: Tensor) -> None:
    """Let upper lids slide down over their eyes, and their creases follow, in place; `keep` (n,) of
    the opening remains."""
    for (upper, lower), crease in zip(RIMS[:2], (RIGHT_CREASE, LEFT_CREASE), strict=True):
        above = constant(upper[2:-2], moved)
        rim = moved[:, above]
        narrow(moved, upper, lower, before, keep, share=DOWN)
        moved[:, constant(crease, moved)] += CREASED * (moved[:, above] - rim)


def hold_lips(moved: Tensor, before: Tensor, freedom: Tensor) -> None:
    """Let lips part by no more than `freedom` (n,) of what would move them apart; each moves as a
    whole, so that it keeps its shape."""
    upper, lower, yielding, following = (constant(lip, moved) for lip in _LIPS)
    down = downwards(before)
    gap = _gap(moved, upper, lower, down)
    had = _gap(before, upper, lower, down).clamp(min=0)
    parts = ((gap - had).clamp(min=0) * (1 - freedom.unsqueeze(1))).unsqueeze(-1) * down
    for lip, share in ((yielding, 1 - FOLLOWING), (following, -FOLLOWING)):
        moved[:, lip] += share * parts.repeat(1, len(lip) // len(upper), 1)


def hold_off_chin(moved: Tensor, before: Tensor, jaw: Tensor) -> None:
    """Let the lower lip fall less the further it falls, with all that hangs on it, in place.

    Falls are bent, not cut off, so that more of an action unit always shows as more.

    Args:
        jaw: (478,), 1 for what falls with the lower lip, 0 above.
    """
    down = downwards(before)
    falls = ((moved - before) * down).sum(-1)
    fall = falls[:, LOWEST_LIP, None].clamp(min=1e-3)
    below = (before[:, CHIN, None] - before[:, LOWEST_LIP, None]) * down
    room = DROP * below.sum(-1).clamp(min=1)
    kept = room * torch.tanh(fall / room) / fall
    moved -= ((1 - kept) * jaw * falls.clamp(min=0)).unsqueeze(-1) * down


def _bend_brows(moved: Tensor, before: Tensor, above: Tensor) -> None:
    """Let what is `above` (478,) the lids rise the less the further it rises, in place: two muscles
    raise a brow's middle, and not twice as far."""
    down = downwards(before)
    rises = ((before - moved) * down).sum(-1).clamp(min=0) * above
    moved += (rises - HIGHEST * torch.tanh(rises / HIGHEST)).unsqueeze(-1) * down


def _hold_open(
    moved: Tensor, upper: tuple[int, ...], lower: tuple[int, ...], before: Tensor, least: float
) -> None:
    """Keep at least a share of the opening of two rims, in place.

    Each gives way by as much as it narrows the opening: a lower lid that cheeks push up does not
    push the upper one up in its turn.
    """
    up, low = constant(upper, moved), constant(lower, moved)
    down = downwards(before)
    gap = _gap(moved, up, low, down)
    had = _gap(before, up, low, down).clamp(min=0)
    missing = (least * had - gap).clamp(min=0).unsqueeze(-1) * down
    change = ((moved - before) * down).sum(-1)
    falls, rises = change[:, up].clamp(min=0), (-change[:, low]).clamp(min=0)
    share = (falls / (falls + rises).clamp(min=1e-3)).unsqueeze(-1)
    moved[:, up] -= share * missing
    moved[:, low] += (1 - share) * missing


def _hold_within(
    moved: Tensor,
    upper: tuple[int, ...],
    lower: tuple[int, ...],
    before: Tensor,
    most: Tensor,
) -> None:
    """Let an upper rim rise no further than `most` (n,) above the lower one, in place; one that
    already was as far above it does not rise, and a lower one that rises lends it no room."""
    up, low = constant(upper, moved), constant(lower, moved)
    down = downwards(before)
    had = _gap(before, up, low, down)
    rises = ((before[:, low] - moved[:, low]) * down).sum(-1).clamp(min=0)
    gap = _gap(moved, up, low, down) + rises
    room = (most - had.amax(1)).clamp(min=0)
    share = (room / (gap.amax(1) - had.amax(1)).clamp(min=1e-3)).clamp(max=1)
    excess = (gap - had).clamp(min=0) * (1 - share.unsqueeze(1))
    moved[:, up] += excess.unsqueeze(-1) * down


def _hold_apart(
    moved: Tensor,
    upper: tuple[int, ...],
    lower: tuple[int, ...],
    before: Tensor,
    least: float,
    giving: tuple[int, ...],
    up: float,
) -> None:
    """Keep at least a share of the distance between two rims, in place.

    `giving`, as many landmarks as the rims have or a multiple, goes up by what is missing, or down
    where `up` is -1.
    """
    down = downwards(before)
    rims = constant(upper, moved), constant(lower, moved)
    gap = _gap(moved, *rims, down)
    had = _gap(before, *rims, down).clamp(min=0)
    missing = (least * had - gap).clamp(min=0).repeat(1, len(giving) // len(upper))
    moved[:, constant(giving, moved)] -= up * missing.unsqueeze(-1) * down


def _hold_below(
    moved: Tensor, upper: tuple[int, ...], below: tuple[int, ...], before: Tensor, least: float
) -> None:
    """Let what is below a rim rise no nearer to it than a share of the distance, in place.

    What would rise further rises less as a whole, so that it keeps its shape. `below` begins with
    the landmarks that face the rim, and has a multiple of them.
    """
    up, low = constant(upper, moved), constant(below, moved)
    down = downwards(before)
    had = _gap(before, up, low[: len(up)], down).clamp(min=0)
    nearer = (had - _gap(moved, up, low[: len(up)], down)).clamp(min=0)
    share = ((1 - least) * had / nearer.clamp(min=1e-3)).amin(1, keepdim=True).clamp(max=1)
    excess = (nearer * (1 - share)).repeat(1, len(low) // len(up))
    moved[:, low] += excess.unsqueeze(-1) * down


def _gap(landmarks: Tensor, upper: Tensor, lower: Tensor, down: Tensor) -> Tensor:
    """How far a lower rim is below an upper one, (n, k) crop pixels along `down` (n, 1, 2)."""
    return ((landmarks[:, lower] - landmarks[:, upper]) * down).sum(-1)


def _radius(landmarks: Tensor, iris: tuple[int, ...]) -> Tensor:
    """Of an iris, (n,) crop pixels."""
    around = landmarks[:, constant(iris[1:], landmarks)] - landmarks[:, iris[0], None]
    return around.norm(dim=-1).mean(1)


# The inner rims of the lips between their corners, and each whole lip.
_LIPS = (INNER_UPPER_LIP[1:-1], INNER_LOWER_LIP[1:-1], UPPER_LIP, LOWER_LIP)

# Each lip between its rims, of which the outer one gives way, and which way.
_RED = (
    (OUTER_LIPS[1:10], INNER_UPPER_LIP[1:-1], OUTER_LIPS[1:10], 1.0),
    (INNER_LOWER_LIP[1:-1], OUTER_LIPS[:10:-1], OUTER_LIPS[:10:-1], -1.0),
)

# From the rim of each upper lid up: its crease, the skin below the brow, and the whole brow, of
# which the first five are its lower edge.
_LIDS_TO_BROWS = (
    (RIGHT_UPPER_LID[2:-2], RIGHT_CREASE, UNDER_BROWS[:5], RIGHT_BROW),
    (LEFT_UPPER_LID[2:-2], LEFT_CREASE, UNDER_BROWS[5:], LEFT_BROW),
)
