"""What a face shows at rest: from one photo, its build and its expression look alike."""

from __future__ import annotations

import numpy as np

from ganimate.errors import check_choice
from ganimate.facs.units import AU_NUMBERS, ActionUnits

BASES = ("current", "neutral")
"""What action units fall back to that nobody names: what the face shows, or rest."""

BUILD = (1, 2, 5)
"""Read where brows are born high and eyes large, too: FACS counts from a person's own neutral face,
which one photo does not show. Of 20 people who were asked for a neutral face (the Face Research
Lab's London set) three fifths are read above .3 at AU2 and two fifths at AU5, and photos in which
the same people smile agree with these: r .91, .82 and .77."""
MOVED = (4, 26)
"""Who frowns or drops the jaw has not raised brows and lids by build, but is sad, afraid or
surprised."""
FAINT, PLAIN = 0.1, 0.4
"""Intensities of these up to which all is build, and from which nothing is."""


def at_rest(current: ActionUnits) -> ActionUnits:
    """What a face that shows `current` would show without any expression.

    Action units 1, 2 and 5 as they are read, unless others say that the face moves; 0 else.
    """
    moved = max(current[number] for number in MOVED)
    share = np.clip((PLAIN - moved) / (PLAIN - FAINT), 0, 1)
    kept = np.isin(AU_NUMBERS, BUILD) * share
    return ActionUnits(current.sides * kept)


def over(rest: ActionUnits, expression: ActionUnits) -> ActionUnits:
    """An expression on a face that shows `rest` without it: intensities are shares of what is left
    from there to 1."""
    below = rest.sides.astype(np.float64)
    return ActionUnits((below + (1 - below) * expression.sides).astype(np.float32))


def based(base: str, current: ActionUnits) -> ActionUnits:
    """What a look starts from: "current", all as the face shows it, or "neutral", the face at rest.

    Raises:
        UsageError: another base.
    """
    check_choice("base", base, BASES)
    return current if base == "current" else at_rest(current)
