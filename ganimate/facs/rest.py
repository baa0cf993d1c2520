"""What a face shows at rest: from one photo, its build and its expression look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.errors import check_choice
from ganimate.facs.units import AU_NUMBERS, ActionUnits

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
FIRST = 1.0
"""Seconds that the first look at a moving face counts for: brows that go up in it come down again
without a jump."""
LONGEST = 0.2
"""Seconds that any other look counts for at most: between two of them a face may have been away."""


def at_rest(current: ActionUnits) -> ActionUnits:
    """What a face that shows `current` would show without any expression.

    Action units 1, 2 and 5 as they are read, unless others say that the face moves; 0 else.
    """
    return ActionUnits(current.sides * _built(current.vector))


class Resting:
    """What a face that moves would show without any expression: told from all of its calm moments,
    and the steadier the longer it is seen."""

    def __init__(self) -> None:
        self._seconds: float | None = None
        self._weight = FIRST
        self._mean: NDArray[np.float64] = np.zeros(len(AU_NUMBERS))

    def __call__(self, seconds: float, current: NDArray[Any]) -> NDArray[np.float64]:
        """See the face once more.

        Args:
            seconds: when, later than before.
            current: what it shows, (17,).

        Returns:
            (17,), what it would show at rest, as `at_rest` has it of a photo at first.
        """
        built = _built(current)
        if self._seconds is None:
            self._mean = np.asarray(current * built, np.float64)
        else:
            weight = float(built.max()) * float(np.clip(seconds - self._seconds, 0, LONGEST))
            self._weight += weight
            shown = np.where(np.isin(AU_NUMBERS, BUILD), current, 0)
            self._mean = self._mean + weight / self._weight * (shown - self._mean)
        self._seconds = seconds
        return self._mean


def _built(current: NDArray[Any]) -> NDArray[np.float64]:
    """The share of each intensity of (17,) that is a face's build, (17,)."""
    moved = max(current[AU_NUMBERS.index(number)] for number in MOVED)
    share = np.clip((PLAIN - moved) / (PLAIN - FAINT), 0, 1)
    return np.asarray(np.isin(AU_NUMBERS, BUILD) * share, np.float64)


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
