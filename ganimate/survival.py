"""How much of a face's motion is seen again in another's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ganimate.facs import ACTION_UNITS, ActionUnit
from ganimate.recording import Recording

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOVES = 0.05
"""Standard deviation of an intensity from which it counts as moving; readings of a face that is
still vary by less."""
FEWEST = 10
"""Frames from which a correlation says something."""


@dataclass(frozen=True)
class Survival:
    """How much of the motion of one action unit is seen again in the result.

    Attributes:
        unit: which.
        driver: by how much the driver moves it, from the lowest to the highest intensity.
        result: by how much the result does.
        r: Pearson's correlation of both over the frames, -1..1.
    """

    unit: ActionUnit
    driver: float
    result: float
    r: float


def survival(driver: Recording, result: Recording) -> list[Survival]:
    """Compare what a driver's face shows with what the result's does.

    Args:
        driver: as it was read, and smoothed.
        result: the film that was made of it, read in the same way; its first frame is the
            driver's first.

    Returns:
        Those action units that move enough to be measured: the driver's standard deviation is
        0.05 or more. None at all where fewer than 10 frames show both faces.
    """
    asked = result.times - result.times[0] + driver.times[0]
    there = np.interp(asked, driver.times, driver.seen.astype(float)) > 0.99
    there &= result.seen
    if np.count_nonzero(there) < FEWEST:
        return []
    found = []
    for index, unit in enumerate(ACTION_UNITS):
        wanted = np.interp(asked, driver.times, driver.intensities[:, index])[there]
        shown = result.intensities[there, index].astype(np.float64)
        if wanted.std() >= MOVES:
            found.append(Survival(unit, np.ptp(wanted), np.ptp(shown), _correlation(wanted, shown)))
    return found


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if b.std() < 1e-9:  # a result that stands still has nothing of the motion
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
