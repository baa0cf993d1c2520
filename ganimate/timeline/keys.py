"""Keyframes and tracks, and what may stand in them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from reprlib import repr as shortened

import numpy as np
from numpy.typing import NDArray

from ganimate.errors import UsageError, check_choice
from ganimate.facs import ActionUnits, Expression, parse_look
from ganimate.facs.assignments import LETTERS
from ganimate.trajectory import IN_BETWEENS, MAX_FRAMES, MIN_FPS, interpolate

MAX_SECONDS = MAX_FRAMES / MIN_FPS


@dataclass(frozen=True)
class Keyframe:
    """What the whole face shows at a moment.

    Attributes:
        at: seconds from the start.
        look: an expression, assignments, or both, as `facs.parse_look` reads them.
        strength: how much of it, 0 (the base) to 1.
        easing: how the face gets there, of `trajectory.IN_BETWEENS`; None leaves it to the film.
        hold: seconds that it stays so.
    """

    at: float
    look: str
    strength: float = 1.0
    easing: str | None = None
    hold: float = 0.0

    @property
    def end(self) -> float:
        """When the face moves on, in seconds."""
        return self.at + self.hold

    @property
    def knots(self) -> tuple[float, ...]:
        """When the curve passes it: twice where it holds."""
        return (self.at, self.end) if self.end > self.at else (self.at,)


@dataclass(frozen=True, eq=False)
class Track:
    """What one action unit does on its own, whatever the keyframes say.

    Attributes:
        times: of its keys, rising, (k,) seconds.
        values: intensities of the keys, 0..1, (k,).
        easings: how each of them is reached, as for keyframes.
        every: seconds after which it begins anew; None plays it once.
        measured: the keys are samples of a recording and stay between frames where they fall,
            while each key that a person wrote is moved to a frame, which then shows it exactly.
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    easings: tuple[str | None, ...]
    every: float | None = None
    measured: bool = False

    def last_frame(self, fps: float) -> int:
        """The frame with its last key, or, where it begins anew, with the end of one round."""
        if self.every is not None:
            return round((float(self.times[0]) + self.every) * fps)
        if self.measured:
            return round(float(self.times[-1]) * fps)
        return int(on_frames(self.times, fps)[-1])

    def intensities(self, frames: int, fps: float, in_between: str) -> NDArray[np.float64]:
        """(frames,), each 0..1.

        Raises:
            UsageError: a round has more keys than frames.
        """
        times, values, easings = self.times, self.values, self.easings
        if self.every is not None:
            if round(self.every * fps) < len(times):
                problem = f"every {self.every:g}: a round of {len(times)} keys in fewer frames"
                raise UsageError(problem, "make it longer, or the film's fps higher")
            rounds = max(1, math.ceil((frames / fps - times[0]) / self.every) + 1)
            times = (self.every * np.arange(rounds)[:, None] + times).ravel()
            values, easings = np.tile(values, rounds), easings * rounds
        knots = times * fps if self.measured else on_frames(times, fps)
        ways = [easing or in_between for easing in easings[1:]]
        return interpolate(knots, values[:, None], np.arange(float(frames)), ways)[:, 0]


def on_frames(times: NDArray[np.float64], fps: float) -> NDArray[np.float64]:
    """Rising times in seconds -> the nearest frames, no two the same, so that each is seen."""
    order = np.arange(len(times))
    return np.asarray(np.maximum.accumulate(np.rint(times * fps) - order) + order)


def read_seconds(value: object) -> float:
    """A time or a length of time.

    Raises:
        UsageError: not a number of seconds, 0 to 100,000; so for the readers below.
    """
    return _within(value, 0, MAX_SECONDS)


def read_strength(value: object) -> float:
    return _within(value, 0, 1)


def read_easing(value: object) -> str:
    check_choice("easing", str(value), IN_BETWEENS)
    return str(value)


def read_look(value: object, expressions: Mapping[str, Expression] | None) -> str:
    if not isinstance(value, str):
        raise UsageError(
            f"{shortened(value)} is not a look", 'write smile, "12=0.8", or "smile 45=0"'
        )
    parse_look(value, ActionUnits(), expressions=expressions)
    return value


def read_number(value: object) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        raise UsageError(f"{shortened(value)} is not a number") from None
    if not math.isfinite(number):
        raise UsageError(f"{number:g} is not a number")
    return number


def read_intensity(value: object) -> float:
    """A number, which may lie outside 0..1, or a FACS letter."""
    return read_number(LETTERS.get(value.upper(), value) if isinstance(value, str) else value)


def check_order(before: float | None, at: float) -> None:
    """Raises UsageError where a key does not come after the one before it has ended."""
    if before is not None and at <= before:
        raise UsageError(f"{at:g} is not after {before:g}, where the key before it ends")


def _within(value: object, low: float, high: float) -> float:
    number = read_number(value)
    if not low <= number <= high:
        raise UsageError(f"{number:g} is out of range", f"{low:g} to {high:g}")
    return number
