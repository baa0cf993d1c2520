"""Smoothing what is measured frame by frame: still where it rests, prompt where it moves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class OneEuro:
    """The One-Euro filter, for an array of values that come one after another.

    A low-pass filter whose cut-off rises with the speed of each value: tremor is taken out where
    little moves, and fast movement passes without lag.

    Args:
        cutoff: Hz, at rest; lower takes out more tremor.
        beta: Hz of cut-off for each unit of speed (values a second); higher lags less.
        speed_cutoff: Hz, for the speed itself.

    Source: Casiez, Roussel, Vogel: 1 € Filter, CHI 2012.
    """

    def __init__(self, cutoff: float = 1.0, beta: float = 0.0, speed_cutoff: float = 1.0) -> None:
        self.cutoff, self.beta, self.speed_cutoff = cutoff, beta, speed_cutoff
        self.reset()

    def reset(self) -> None:
        """Forget all that came: the next values begin anew."""
        self._seconds: float | None = None
        self._values: NDArray[np.float64] = np.zeros(0)
        self._speed: NDArray[np.float64] = np.zeros(0)

    def __call__(self, seconds: float, values: ArrayLike) -> NDArray[np.float64]:
        """The values, smoothed.

        Args:
            seconds: when they were measured; later than those before. Gaps may be of any length.
            values: any shape, the same at each call.

        Returns:
            The same shape; the first values come back as they are.
        """
        measured = np.array(values, np.float64)
        if self._seconds is None:
            self._values, self._speed = measured, np.zeros_like(measured)
            self._seconds = seconds
            return np.array(measured)
        step = max(seconds - self._seconds, 1e-6)
        speed = (measured - self._values) / step
        self._speed = self._speed + _weight(self.speed_cutoff, step) * (speed - self._speed)
        cutoff = self.cutoff + self.beta * np.abs(self._speed)
        smoothed = self._values + _weight(cutoff, step) * (measured - self._values)
        self._seconds, self._values = seconds, np.asarray(smoothed)
        return np.array(self._values)


def _weight(cutoff: Any, step: float) -> Any:
    """How much of a new value counts, 0..1."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * step))
