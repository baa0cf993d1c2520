"""Intensities over time: keyframes and easing become one row of 17 a frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganimate.errors import UsageError
from ganimate.facs import AU_NUMBERS, ActionUnits

MAX_FRAMES = 100_000  # an hour at 25 frames a second
MIN_FPS, MAX_FPS = 1.0, 240.0

# From 0 to 1 over time 0..1; each is exact at both ends.
EASINGS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "linear": lambda t: t,
    "smooth": lambda t: t * t * (3 - 2 * t),  # smoothstep
    "ease-in": lambda t: t * t,
    "ease-out": lambda t: t * (2 - t),
}
LOOPS = ("once", "pingpong")


class Trajectory:
    """What a face does, frame by frame; immutable.

    Args:
        intensities: (frames, 17), each 0..1, in the order of `facs.AU_NUMBERS`.
        fps: frames a second, 1..240.

    Raises:
        UsageError: another shape, a value outside 0..1, no frames or over 100,000, a bad fps.
    """

    __slots__ = ("_fps", "_intensities")

    def __init__(self, intensities: ArrayLike, fps: float = 25.0) -> None:
        try:
            rows = np.array(intensities, dtype=np.float32)
        except (TypeError, ValueError):
            raise UsageError("a trajectory's intensities must be numbers, 0 to 1") from None
        if rows.ndim != 2 or rows.shape[1] != len(AU_NUMBERS):
            raise UsageError(f"a trajectory has shape (frames, 17), not {rows.shape}")
        _check_length(len(rows))
        _check_fps(fps)
        if not np.all((rows >= 0) & (rows <= 1)):  # NaN fails this too
            raise UsageError("a trajectory's intensities must lie in 0 to 1")
        rows.flags.writeable = False
        self._intensities = rows
        self._fps = float(fps)

    @property
    def intensities(self) -> NDArray[np.float32]:
        """Read-only float32 (frames, 17), each 0..1."""
        return self._intensities

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self._fps

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self) / self._fps

    def __len__(self) -> int:
        return len(self._intensities)

    def __repr__(self) -> str:
        return f"Trajectory({len(self)} frames, {self._fps:g} fps)"

    @classmethod
    def through(
        cls,
        keyframes: Sequence[ActionUnits],
        *,
        seconds: float = 2.0,
        fps: float = 25.0,
        easing: str = "smooth",
        hold: float = 0.5,
        loop: str = "once",
    ) -> Trajectory:
        """Move through keyframes, each of which some frame shows exactly.

        Args:
            keyframes: one or more; a single one stands still for `seconds` and `hold`.
            seconds: time of one pass through all of them, in parts of equal length.
            fps: frames a second, 1..240.
            easing: of each part: linear, smooth, ease-in or ease-out.
            hold: seconds that the last keyframe stays; with pingpong the first one too.
            loop: "once" begins at the first keyframe and ends at the last; "pingpong" goes
                back again and joins its own beginning, so that it plays round and round with
                no frame shown twice in passing.

        Raises:
            UsageError: no keyframes, an unknown easing or loop, a negative time, an fps out
                of range, or more than 100,000 frames.
        """
        if not keyframes:
            raise UsageError("a trajectory needs at least one keyframe")
        _check_choice("easing", easing, EASINGS)
        _check_choice("loop", loop, LOOPS)
        _check_fps(fps)
        # No part is shorter than a frame: every keyframe is seen, however short the time.
        moving = max(_frames("seconds", seconds, fps), len(keyframes) - 1)
        resting = _frames("hold", hold, fps)
        returns = loop == "pingpong" and len(keyframes) > 1
        _check_length(2 * (moving + resting) if returns else moving + resting + 1)

        there = _pass(np.stack([key.vector for key in keyframes]), moving, EASINGS[easing])
        rows = [there, np.repeat(there[-1:], resting, axis=0)]
        if returns:
            rows += [there[-2:0:-1], np.repeat(there[:1], resting, axis=0)]
        return cls(np.concatenate(rows), fps)


def _pass(
    keys: NDArray[np.float32],
    moving: int,
    ease: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float32]:
    """(moving + 1, 17): from the first of `keys` to the last."""
    if len(keys) == 1:
        return np.repeat(keys, moving + 1, axis=0)
    parts = len(keys) - 1
    # Keyframes are put on whole frames, so that rounding never skips over one.
    knots = np.rint(np.linspace(0, moving, len(keys)))
    position = np.interp(np.arange(moving + 1), knots, np.arange(len(keys)))
    part = np.minimum(position.astype(int), parts - 1)
    amount = ease(position - part)[:, None]
    # In this form, unlike a + amount * (b - a), both keyframes are shown exactly.
    rows = (1 - amount) * keys[part] + amount * keys[part + 1]
    return np.asarray(rows, dtype=np.float32)


def _frames(name: str, seconds: float, fps: float) -> int:
    if not (math.isfinite(seconds) and seconds >= 0):
        raise UsageError(f"{name} {seconds:g} is out of range", "0 or more")
    if seconds * fps > 2 * MAX_FRAMES:  # also keeps the arithmetic below finite
        raise UsageError(f"{name} {seconds:g} is too long", f"at most {MAX_FRAMES} frames")
    return round(seconds * fps)


def _check_length(frames: int) -> None:
    if not 1 <= frames <= MAX_FRAMES:
        raise UsageError(f"a trajectory of {frames} frames", f"1 to {MAX_FRAMES} are possible")


def _check_fps(fps: float) -> None:
    if not MIN_FPS <= fps <= MAX_FPS:
        raise UsageError(f"fps {fps:g} is out of range", f"{MIN_FPS:g} to {MAX_FPS:g}")


def _check_choice(name: str, value: str, legal: Collection[str]) -> None:
    if value not in legal:
        raise UsageError(f"{name} {value!r} is unknown", f"known: {', '.join(legal)}")
