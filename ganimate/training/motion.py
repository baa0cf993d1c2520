"""The teachers: how far each action unit moves the landmarks, and how it shades the skin.

Both are fitted in closed form (ridge regression over the training faces), so that the generator
learns by plain supervision what an adversarial game would take days to find.

Motion: landmarks on [1, 17 intensities, pose and its squares and products], made mirror-symmetric;
the intensities' coefficients D, (17, 478, 2) in crop pixels, move a face by `pulled` D.
Lids and lips are then limited by the face's own apertures, and steepened: see `fit.GAINS`.

Shading: the same regression for the picture's light, in the mean face's shape (an active appearance
model's texture, Cootes et al. 1998): T, (17, 1, 128, 128), how folds and cheeks change. Skin is
multiplied by it: what lies in a shadow keeps its colour, but for some warmth.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise

import torch
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
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
from ganimate.networks.folds import UNSHADED, shade
from ganimate.networks.light import full_shade
from ganimate.networks.pull import pulled
from ganimate.training.fields import RIMS, dense_field, downwards, smoothstep
from ganimate.training.muscles import AU25, AU26, AU45
from ganimate.training.territory import above_lids, below_lips

DROP = 0.75
"""The share of what is between lower lip and chin that a falling lip tends to: the chin, at the
frame's edge, has no room to give way and would be pressed flat."""
LEAST_EYE, LEAST_BROW, LEAST_LIP, THINNEST = 0.35, 0.45, 0.38, 0.5
"""Shares of the eye's opening, of each part of the skin between lid and brow, of that between nose
and upper lip, and of each lip's height, that always stay."""
HIGHEST = 8.5
"""Crop pixels that brows tend to, however far they are raised: the highest of real ones."""
WIDEST_EYE = 2.4
"""Radii of the iris by which eyes open at most: its own two, and white above it."""
LOWEST_LIP, CHIN = 17, 152
"""Landmarks below the lower lip's middle and at the chin's."""
SLIDING, CREASED = 0.6, 0.6
"""The share of what they are open by which eyes close by motion, which takes their lashes along;
lids are laid over what remains open. How far the crease of a lid follows its rim."""
EARLY = 0.6
"""The power of AU45's intensity by which eyes are closed: of training faces labelled .2 they are by
two fifths, .5 by two thirds and .8 by five sixths."""
DOWN = 0.85
"""The upper lid's share of what closes an eye."""
PARTING, FOLLOWING = 0.25, 0.85
"""How much of AU25 or 26 must be asked for until lips may part freely; how far the lower lip, kept
closed, follows a raised upper one, which gives way by the rest."""


@dataclass
class Teacher:
    """The fitted teachers.

    Attributes:
        directions: D, (17, 478, 2), crop pixels at intensity 1.
        mean: the mean face, (478, 2), crop pixels.
        rest: the same of faces that show nothing, as regressed.
        shading: T, (17, 1, 128, 128), in the mean face's shape, in units of a crop's contrast.
        release: (17,), how much of both is undone where an action unit lets go.
    """

    directions: Tensor
    mean: Tensor
    rest: Tensor
    shading: Tensor
    release: Tensor

    def to(self, device: torch.device) -> Teacher:
        return Teacher(*(getattr(self, each.name).to(device) for each in fields(self)))

    def move(self, landmarks: Tensor, current: Tensor, target: Tensor) -> Tensor:
        """Landmarks (n, 478, 2) of faces at `current` (n, 17) as they would be at `target`.

        Eyes close by `SLIDING` at most: see `close_eyes`.
        """
        linear = pulled(current, target, self.release)
        linear[:, AU45] = linear[:, AU45].clamp(max=0)
        moved = landmarks + torch.einsum("nk,kpc->npc", linear, self.directions)
        _bend_brows(moved, landmarks, above_lids(self.mean))
        for upper, lower in RIMS[:2]:
            _hold_open(moved, upper, lower, landmarks, LEAST_EYE)
        for (upper, lower), iris in zip(RIMS[:2], (RIGHT_IRIS, LEFT_IRIS), strict=True):
            _hold_within(moved, upper, lower, landmarks, WIDEST_EYE * _radius(landmarks, iris))
        for rows in _LIDS_TO_BROWS:
            for lower, upper in pairwise(rows):
                _hold_apart(moved, upper[:5], lower, landmarks, LEAST_BROW, upper, up=1.0)
        for outer, inner, up in _RED:
            upper, lower = (outer, inner) if up > 0 else (inner, outer)
            _hold_apart(moved, upper, lower, landmarks, THINNEST, outer, up)
        _hold_below(moved, NOSE_WINGS, UPPER_LIP, landmarks, LEAST_LIP)
        parted_now = torch.maximum(current[:, AU25], current[:, AU26])
        parted_then = torch.maximum(target[:, AU25], target[:, AU26])
        # Lips that nobody asks to part do not: a lip that is raised takes the other along.
        freedom = ((parted_then - parted_now) / PARTING).clamp(0, 1)
        _hold_together(moved, _LIPS, landmarks, freedom)
        _hold_off_chin(moved, landmarks, below_lips(self.mean))
        # Lips that are asked to meet do: whatever is still open between them is closed.
        open_share = torch.where(
            parted_then < parted_now, parted_then / parted_now.clamp(min=1e-3), 1.0
        )
        _limit(moved, *RIMS[2], landmarks, open_share, share=0.4)
        _slide(moved, landmarks, 1 - closing(current, target).clamp(max=SLIDING))
        return moved

    def close_eyes(self, moved: Tensor, current: Tensor, target: Tensor) -> Tensor:
        """Landmarks that `move` returned, with lids as far down as AU45 asks of this very eye."""
        closed, share = moved.clone(), closing(current, target)
        left = (1 - share) / (1 - share.clamp(max=SLIDING))
        for upper, lower in RIMS[:2]:
            _limit(closed, upper, lower, moved, left, share=DOWN)
        return closed

    def basis(self) -> Tensor:
        """The flow of each action unit at intensity 1 on the mean face, (17, 2, 64, 64); that of
        AU45 as it would be if eyes went on to close as far as they do by motion."""
        each = torch.eye(17, device=self.mean.device)
        mean = self.mean.expand(17, -1, -1)
        flows = dense_field(self.move(mean, torch.zeros_like(each), each), mean)
        least = each[[AU45]] * SLIDING ** (1 / EARLY)
        flows[AU45] /= pulled(torch.zeros_like(least), least, self.release)[0, AU45]
        return flows

    def place(self, landmarks: Tensor) -> Tensor:
        """Where on the mean face each point of faces with landmarks (n, 478, 2) lies, as an offset
        in crop units, (n, 2, 32, 32)."""
        return dense_field(landmarks, self.mean.expand_as(landmarks), size=CROP_SIZE // 4)

    def shade(
        self, pictures: Tensor, current: Tensor, target: Tensor, place: Tensor, contrast: Tensor
    ) -> Tensor:
        """Pictures (n, 3, 128, 128) in [-1, 1] with their skin darker and lighter by folds.

        Args:
            pictures: faces that have moved already.
            current, target: (n, 17), what the photos show, and what the pictures are to show.
            place: `place` of the faces in them.
            contrast: (n, 1, 1, 1), `contrast_of` the photos.
        """
        pull = pulled(current, target, UNSHADED * self.release)
        folds = shade(self.shading, pull, place, contrast, pictures)
        return pictures + full_shade(pictures) * folds


def laid_over(share: Tensor) -> Tensor:
    """How far lids cover eyes that close by a share, in 0..1: where motion ends, none shows yet."""
    return smoothstep((share - SLIDING + 0.1) / 0.2)


def closing(current: Tensor, target: Tensor) -> Tensor:
    """Which share of what the eyes are open `target` closes, (n,) in 0..1."""
    here, there = (each[:, AU45].clamp(0, 1) ** EARLY for each in (current, target))
    return ((there - here) / (1 - here).clamp(min=0.05)).clamp(0, 1)


def _gap(landmarks: Tensor, upper: list[int], lower: list[int], down: Tensor) -> Tensor:
    """How far a lower rim is below an upper one, (n, k) crop pixels along `down` (n, 1, 2)."""
    return ((landmarks[:, lower] - landmarks[:, upper]) * down).sum(-1)


def _limit(
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
    up, low = list(upper), list(lower)
    down = downwards(before)
    gap = _gap(moved, up, low, down)
    # Rims that cross already (a closed mouth, found with noise) may stay as they are.
    floor = _gap(before, up, low, down).clamp(max=0)
    wanted = torch.maximum(gap, floor) * keep.unsqueeze(1)
    correction = (gap - wanted).unsqueeze(-1) * down
    moved[:, up] += share * correction
    moved[:, low] -= (1 - share) * correction


def _slide(moved: Tensor, before: Tensor, keep: Tensor) -> None:
    """Let upper lids slide down over their eyes, and their creases follow, in place; `keep` (n,) of
    the opening remains."""
    for (upper, lower), crease in zip(RIMS[:2], (RIGHT_CREASE, LEFT_CREASE), strict=True):
        above = list(upper[2:-2])
        rim = moved[:, above]
        _limit(moved, upper, lower, before, keep, share=DOWN)
        moved[:, list(crease)] += CREASED * (moved[:, above] - rim)


def _hold_together(
    moved: Tensor,
    lips: tuple[tuple[int, ...], ...],
    before: Tensor,
    freedom: Tensor,
) -> None:
    """Let two rims part by no more than `freedom` (n,) of what would move them apart, in place.

    Args:
        lips: the upper rim, the lower, and what moves with each, so that lips keep their shapes:
            as many landmarks as a rim has, or a multiple.
    """
    upper, lower, yielding, following = map(list, lips)
    down = downwards(before)
    gap = _gap(moved, upper, lower, down)
    had = _gap(before, upper, lower, down).clamp(min=0)
    parts = ((gap - had).clamp(min=0) * (1 - freedom.unsqueeze(1))).unsqueeze(-1) * down
    for lip, share in ((yielding, 1 - FOLLOWING), (following, -FOLLOWING)):
        moved[:, lip] += share * parts.repeat(1, len(lip) // len(upper), 1)


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
    gap = _gap(moved, list(upper), list(lower), down)
    had = _gap(before, list(upper), list(lower), down).clamp(min=0)
    missing = (least * had - gap).clamp(min=0).repeat(1, len(giving) // len(upper))
    moved[:, list(giving)] -= up * missing.unsqueeze(-1) * down


def _hold_open(
    moved: Tensor, upper: tuple[int, ...], lower: tuple[int, ...], before: Tensor, least: float
) -> None:
    """Keep at least a share of the opening of two rims, in place.

    Each gives way by as much as it narrows the opening: a lower lid that cheeks push up does not
    push the upper one up in its turn.
    """
    up, low = list(upper), list(lower)
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
    already was as far above it does not rise."""
    up, low = list(upper), list(lower)
    down = downwards(before)
    gap = _gap(moved, up, low, down)
    had = _gap(before, up, low, down)
    room = (most - had.amax(1)).clamp(min=0)
    share = (room / (gap.amax(1) - had.amax(1)).clamp(min=1e-3)).clamp(max=1)
    excess = (gap - had).clamp(min=0) * (1 - share.unsqueeze(1))
    moved[:, up] += excess.unsqueeze(-1) * down


def _hold_below(
    moved: Tensor, upper: tuple[int, ...], below: tuple[int, ...], before: Tensor, least: float
) -> None:
    """Let what is below a rim rise no nearer to it than a share of the distance, in place.

    What would rise further rises less as a whole, so that it keeps its shape. `below` begins with
    the landmarks that face the rim, and has a multiple of them.
    """
    up, low = list(upper), list(below)
    down = downwards(before)
    had = _gap(before, up, low[: len(up)], down).clamp(min=0)
    nearer = (had - _gap(moved, up, low[: len(up)], down)).clamp(min=0)
    share = ((1 - least) * had / nearer.clamp(min=1e-3)).amin(1, keepdim=True).clamp(max=1)
    excess = (nearer * (1 - share)).repeat(1, len(low) // len(up))
    moved[:, low] += excess.unsqueeze(-1) * down


def _bend_brows(moved: Tensor, before: Tensor, above: Tensor) -> None:
    """Let what is `above` (478,) the lids rise the less the further it rises, in place: two muscles
    raise a brow's middle, and not twice as far."""
    down = downwards(before)
    rises = ((before - moved) * down).sum(-1).clamp(min=0) * above
    moved += (rises - HIGHEST * torch.tanh(rises / HIGHEST)).unsqueeze(-1) * down


def _hold_off_chin(moved: Tensor, before: Tensor, jaw: Tensor) -> None:
    """Let the lower lip fall less the further it falls, with all that hangs on it, in place.

    Falls are bent, not cut off, so that more of an action unit always shows as more.

    Args:
        jaw: (478,), 1 for what falls with the lower lip, 0 above.
    """
    down = downwards(before)
    falls = ((moved - before) * down).sum(-1)
    fall = falls[:, [LOWEST_LIP]].clamp(min=1e-3)
    room = DROP * _gap(before, [LOWEST_LIP], [CHIN], down).clamp(min=1)
    kept = room * torch.tanh(fall / room) / fall
    moved -= ((1 - kept) * jaw * falls.clamp(min=0)).unsqueeze(-1) * down


def _radius(landmarks: Tensor, iris: tuple[int, ...]) -> Tensor:
    """Of an iris, (n,) crop pixels."""
    around = landmarks[:, list(iris[1:])] - landmarks[:, [iris[0]]]
    return around.norm(dim=-1).mean(1)


# The inner rims of the lips between their corners, and each whole lip.
_LIPS = (INNER_UPPER_LIP[1:-1], INNER_LOWER_LIP[1:-1], UPPER_LIP, LOWER_LIP)

# The outer rim of each lip, the inner one that faces it, and which way the outer one gives way.
_RED = (
    (OUTER_LIPS[1:10], INNER_UPPER_LIP[1:-1], 1.0),
    (OUTER_LIPS[:10:-1], INNER_LOWER_LIP[1:-1], -1.0),
)

# From the rim of each upper lid up: its crease, the skin below the brow, and the whole brow, of
# which the first five are its lower edge.
_LIDS_TO_BROWS = (
    (RIGHT_UPPER_LID[2:-2], RIGHT_CREASE, UNDER_BROWS[:5], RIGHT_BROW),
    (LEFT_UPPER_LID[2:-2], LEFT_CREASE, UNDER_BROWS[5:], LEFT_BROW),
)
