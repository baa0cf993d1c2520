"""What muscles do (Ekman and Friesen 1978): corrections of the motion that a regression finds.

Labels are noisy and lean on each other, so that a regression finds the head growing in smiles, eyes
sinking below raised brows and mouths rising with dimples. Directions are (17, 478, 2) crop pixels
at intensity 1, the mean face is (478, 2) crop pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganimate.faces.align import LEFT_EYE, RIGHT_EYE
from ganimate.faces.topology import (
    FACE_OVAL,
    JAW_SIDES,
    LEFT_BROW,
    LEFT_CREASE,
    LEFT_LOWER_LID,
    LEFT_UNDER_LID,
    LEFT_UPPER_LID,
    LIP_CORNERS,
    NOSE_BRIDGE,
    NOSE_WINGS,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_CREASE,
    RIGHT_LOWER_LID,
    RIGHT_UNDER_LID,
    RIGHT_UPPER_LID,
    SKULL,
    UNDER_BROWS,
    UPPER_LIP,
)
from ganimate.training.limits import CREASED
from ganimate.training.territory import around_mouth, below_lips, cheeks, distance, territory

AU1, AU2, AU4, AU5, AU6, AU7, AU9, AU10, AU12, AU14, AU15, AU17, AU20, AU23, AU25, AU26, AU45 = (
    range(17)
)
"""Columns of the action units."""

OUTLINE_GAIN = 0.5
"""The most that the face's outline is steepened by: it moves with the jaw alone."""
OUTLINE_REACH = 12.0
"""Crop pixels from the outline within which the gain grows to its full size."""
JAW_GAIN = 0.8
"""The gain of AU26 at the outline, which it does move: a chin has little room to the frame's edge,
and beyond this would be pressed flat against it."""
EYE = 16.0
"""Crop pixels from an eye's corners over which AU7, which narrows eyes, leaves them in place."""
LIDS, CREASES = 6.5, 3.2
"""The most that AU6 steepens lower lids by, and upper lids with their creases: it narrows eyes from
below, and on real smiles by an eighth."""
ASIDE = 0.4
"""How much of what AU 6, 7 and 10 move sideways is theirs: smiles widen faces, raised cheeks and
lips do not."""
DRAWN_IN = 0.7
"""How much of what draws the mouth's corners in is AU14's: the rest makes a small mouth of it."""
HELD = {AU14: 0.8, AU20: 1.0, AU23: 1.0}
"""How much of what lifts the mouth is not theirs: they draw its corners in, stretch and tighten."""
LIFTED = 0.7
"""How much of what regression lifts of lower lip and chin with nose or upper lip is not theirs."""
POUTED = 0.4
"""How much of what it lifts of the whole mouth with the nose is not the nose's."""
ALONG = 0.4
"""How far the corners of a lip that AU10 raises rise with it."""
HUNG = 0.6
"""How much of what it lowers of nose and upper lip with the jaw is not the jaw's."""
SQUINTED = {AU6: 0.35, AU7: 0.28}
"""The upper lid's share of what they narrow eyes by. Regression finds as much for AU7 and more for
AU6; of 20 people who smile, the upper lid falls as far as the lower one rises."""
CARRIED = 0.35
"""How far creases of lids follow brows that rise: lashes stand below them, and do not stretch."""
DROPPED, FROWNED = 0.35, 0.35
"""How far a jaw that drops parts the lips, of what AU25 does; how far a nose that is wrinkled draws
brows and lids, of what AU 4 and 7 do."""


def muscles(found: Tensor, nod: Tensor, gains: Tensor, mean: Tensor) -> Tensor:
    """The directions of each action unit's own muscle, as steep as `gains` (17,) make them.

    Args:
        found: directions as regressed.
        nod: (478, 2), how pitch moves landmarks, likewise.
    """
    directions = anchored(found, nod, mean)
    directions[[AU6, AU7, AU10], :, 0] *= ASIDE
    raisers = [AU1, AU2, AU10]
    directions[raisers, :, 1] = directions[raisers, :, 1].clamp(max=0)  # they lower nothing
    _brows_and_eyes(directions, mean)
    _mouth(directions, mean)
    directions *= _own(mean).unsqueeze(-1) * _steepness(gains, mean).unsqueeze(-1)
    _squint(directions)
    # What cannot move alone: the lower lip hangs on the jaw, and who wrinkles the nose frowns.
    directions[AU26] += DROPPED * below_lips(mean).unsqueeze(-1) * directions[AU25]
    directions[AU9] += FROWNED * (directions[AU4] + directions[AU7])
    return directions


def anchored(found: Tensor, nod: Tensor, mean: Tensor) -> Tensor:
    """Directions without what moves the whole head.

    The face frame is laid by eyes and mouth. So where a mouth moves, a regression in crops finds
    the head moving and growing, too: by 4 % at a full smile. And labellers mistake a nod for
    muscles. A photo's head does none of this: what shift, growth and nod explain of the bones'
    motion, by least squares, is taken from every landmark.
    """
    bones = list(SKULL + JAW_SIDES)
    arms = mean - mean[bones].mean(0)
    across, down = torch.eye(2)[:, None].expand(-1, len(mean), -1)
    whole = torch.stack([across, down, arms, nod])
    seen = whole[:, bones].flatten(1).T
    shares = torch.linalg.lstsq(seen, found[:, bones].flatten(1).T).solution
    return found - torch.einsum("bk,bpc->kpc", shares, whole)


def _brows_and_eyes(directions: Tensor, mean: Tensor) -> None:
    for corners in (list(RIGHT_EYE[:2]), list(LEFT_EYE[:2])):
        near = 1 - (torch.cdist(mean, mean[corners]).amin(1) / EYE).clamp(max=1)
        directions[AU7] -= near[:, None] * directions[AU7, corners].mean(0)
    # Brows end below their landmarks: they would be stretched there, and look thick.
    for row in (AU1, AU2):
        edges = directions[row, list(RIGHT_BROW[:5] + LEFT_BROW[:5])]
        directions[row, list(UNDER_BROWS)] = edges
        directions[row, list(RIGHT_CREASE + LEFT_CREASE)] = CARRIED * edges


def _squint(directions: Tensor) -> None:
    """Both lids narrow an eye: a lower one alone would rise over its pupil."""
    for upper, lower, crease, skin in _LIDS:
        for row, share in SQUINTED.items():
            above, below = directions[row, list(upper), 1], directions[row, list(lower), 1]
            falls = share * (above - below).clamp(min=0) - above
            for rim in (upper, lower, skin):
                directions[row, list(rim), 1] += falls
            directions[row, list(crease), 1] += CREASED * falls[1:-1]


def _mouth(directions: Tensor, mean: Tensor) -> None:
    near = around_mouth(mean, mean)
    directions[AU14, :, 0] *= DRAWN_IN
    for row, held in HELD.items():
        directions[row, :, 1] -= held * near * directions[row, list(OUTER_LIPS), 1].mean()
    # A lip that is raised rises as a whole: labels know of the teeth below it, and not of the lip.
    lip = list(UPPER_LIP)
    for row in (AU9, AU10):
        rows = directions[row, lip].view(4, -1, 2)
        directions[row, lip] = rows[:1].expand_as(rows).flatten(0, 1)
    # Nor does it hang from its corners.
    least = ALONG * directions[AU10, lip, 1].amin()
    for part in (list(LIP_CORNERS), lip):
        directions[AU10, part, 1] = directions[AU10, part, 1].clamp(max=least)


def _own(mean: Tensor) -> Tensor:
    """How much of each landmark's motion is each action unit's own, (17, 478), 0 to 1."""
    own, below = territory(mean, mean), below_lips(mean)
    own[[AU9, AU10]] *= 1 - LIFTED * below
    own[AU9] *= 1 - POUTED * around_mouth(mean, mean)
    own[AU26] *= 1 - HUNG * (1 - below)
    own[AU6] = 1  # limited by its steepness
    return own


def _steepness(gains: Tensor, mean: Tensor) -> Tensor:
    """Gains (17,) for each landmark, (17, 478): least along the outline.

    AU6 is steepened most, and there alone where cheeks are: what regression finds of it in lips,
    nose, brows and forehead is other action units' and stays as it is found.
    """

    def beyond(rim: tuple[int, ...], reach: float) -> Tensor:
        return (distance(rim, mean, mean) / reach).clamp(0, 1)

    outline = gains.clamp(max=OUTLINE_GAIN)
    outline[AU26] = JAW_GAIN
    steep = torch.lerp(outline[:, None], gains[:, None], beyond(FACE_OVAL, OUTLINE_REACH))
    raised = steep[AU6]
    below, above = RIGHT_LOWER_LID + LEFT_LOWER_LID, RIGHT_UPPER_LID + LEFT_UPPER_LID
    for rim, most in ((below, LIDS), (above + RIGHT_CREASE + LEFT_CREASE, CREASES)):
        raised = torch.lerp(raised.clamp(max=most), raised, beyond(rim, OUTLINE_REACH))
    share = cheeks(mean, mean) * beyond(RIGHT_BROW + LEFT_BROW, OUTLINE_REACH / 2)
    share = share * beyond(NOSE_BRIDGE + NOSE_WINGS, 1.5 * OUTLINE_REACH)
    steep[AU6] = torch.lerp(steep[AU6].clamp(max=1), raised, share)
    return steep


# Of each eye the rims without their corners, the upper lid's crease, and the skin below the lower.
_LIDS = (
    (RIGHT_UPPER_LID[1:-1], RIGHT_LOWER_LID[1:-1], RIGHT_CREASE, RIGHT_UNDER_LID),
    (LEFT_UPPER_LID[1:-1], LEFT_LOWER_LID[1:-1], LEFT_CREASE, LEFT_UNDER_LID),
)
