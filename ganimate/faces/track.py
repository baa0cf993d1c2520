"""Following one face through a film, with a face frame that does not tremble."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ganimate.errors import GanimateError, UsageError
from ganimate.faces.align import FaceFrame, within
from ganimate.faces.locate import Face, Locator, choose
from ganimate.smoothing import OneEuro

if TYPE_CHECKING:
    from numpy.typing import NDArray

GAP = 0.5
"""Seconds for which a face may be away and still be awaited where it was."""

LOOK_EVERY, SEARCH_EVERY = 0.2, 5.0
"""Seconds between looks for a face that is away: a first look at the frame, a thorough search."""

REACH = 0.7
"""How far a face moves from one frame to the next at most, in half-sides of its frame."""

STEADY_CUTOFF, STEADY_BETA, STEADY_SPEED = 1.0, 60.0, 5.0
"""The One-Euro filter of the face frame: Hz, Hz for each half-side a second, and Hz. What trembles
within 0.002 half-sides comes to rest; a face that crosses its own width in 4 seconds lags by less
than half a hundredth of it."""


class Tracker:
    """Follows one face through the frames of a film.

        with closing(open_locator()) as locator:
            tracker = Tracker(locator)
            for seconds, pixels in film:
                face = tracker(seconds, pixels)

    A face that is away for up to `GAP` seconds is the same when it comes back near its place.
    After that it may come back anywhere: whoever is not one of those that were in the picture
    when it left counts as this face.

    Args:
        locator: finds the face, and follows it from frame to frame; stays the caller's to close.
        which: of several faces in the first frame that shows one: ``largest``, ``left``,
            ``right``, or a number from the left.

    Raises:
        UsageError: `which` says none of these, or more than one.
    """

    def __init__(self, locator: Locator, which: str = "largest") -> None:
        self._which = check_one(which)
        self._locator = locator
        self._last: Face | None = None
        self._others: list[Face] = []
        self._seen = self._looked = self._searched = -math.inf
        self._steady = OneEuro(STEADY_CUTOFF, STEADY_BETA, STEADY_SPEED)

    def __call__(self, seconds: float, pixels: NDArray[np.uint8]) -> Face | None:
        """The face in the next frame.

        Args:
            seconds: when the frame is shown; later than the one before.
            pixels: HWC uint8 RGB, all frames of one size.

        Returns:
            The face, its landmarks as found and its frame smoothed in time; None where it is not.
        """
        face = self._followed(seconds, pixels) or self._found(seconds, pixels)
        if face is None:
            return None
        if seconds - self._seen > GAP:
            self._steady.reset()
            self._unit = face.frame.half_side
        self._last, self._seen = face, seconds
        return replace(face, frame=self._smoothed(seconds, face.frame))

    def _followed(self, seconds: float, pixels: NDArray[np.uint8]) -> Face | None:
        """The face near its last place."""
        if self._last is None or seconds - self._seen > GAP:
            return None
        face = self._locator.follow(pixels, self._last.frame, seconds)
        height, width = pixels.shape[:2]
        if face is None or not within(face.landmarks.mean(0), height, width):
            return None
        return face if face.frame.apart(self._last.frame) < REACH else None

    def _found(self, seconds: float, pixels: NDArray[np.uint8]) -> Face | None:
        """The face anywhere in the frame, if it is time to look."""
        if seconds - self._looked < LOOK_EVERY:
            return None
        self._looked = seconds
        thorough = seconds - self._searched >= SEARCH_EVERY
        if thorough:
            self._searched = seconds
        faces = self._locator.locate(pixels, thorough=thorough)
        if self._last is None:
            return _chosen(faces, self._which)
        if seconds - self._seen <= GAP:
            last = self._last.frame
            near = min(faces, key=lambda face: face.frame.apart(last), default=None)
            face = near if near and near.frame.apart(last) < 2 * REACH else None
            self._others = [other for other in faces if other is not face]
            return face
        known = [face for face in faces if any(face.overlap(one) > 0.3 for one in self._others)]
        new = [face for face in faces if face not in known]
        self._others = known or self._others
        return _chosen(new, self._which if not self._which.isdecimal() else "largest")

    def _smoothed(self, seconds: float, frame: FaceFrame) -> FaceFrame:
        size = math.log(frame.half_side)
        place = np.divide(frame.centre, self._unit)
        x, y, size, cos, sin = self._steady(seconds, [*place, size, *frame.x_axis])
        length = math.hypot(cos, sin)
        return FaceFrame(
            centre=(float(x * self._unit), float(y * self._unit)),
            x_axis=(float(cos / length), float(sin / length)),
            half_side=math.exp(size),
        )


def check_one(which: str) -> str:
    """What a person says of one face of several, in lower case.

    Raises:
        UsageError: it says none, or more than one.
    """
    word = which.strip().lower()
    if word not in ("largest", "left", "right") and not word.isdecimal():
        raise UsageError(
            f"--face {which!r} does not choose one face of a film",
            "say largest, left, right, or a number from the left such as 0",
        )
    return word


def _chosen(faces: list[Face], which: str) -> Face | None:
    """One of the faces; None where there is none of that number."""
    try:
        return choose(faces, which, "the film")[0]
    except GanimateError:
        return None
