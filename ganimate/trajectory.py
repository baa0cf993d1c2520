"""Intensities over time: keyframes and easing become 17 intensities a frame, of either side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganimate.errors import UsageError, check_choice
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
IN_BETWEENS = ("monotone", *EASINGS)
"""How a timeline crosses from key to key: a monotone cubic through all of them, or eased parts."""
LOOPS = ("once", "pingpong")

# At rest people blink 17 times a minute (Bentivoglio et al. 1997), listeners less; lids close
# about twice as fast as they open (VanderWerf et al. 2003).
BLINKS_A_MINUTE = 15.0
BLINK_SECONDS = (0.15, 0.3)
BLINK_CLOSING = 1 / 3
BLINK_REST = 1.0
"""Seconds from one blink to the next, at least."""

LIVELY_HERTZ = 1.0
"""Nothing in a lively face moves to and fro faster than this."""
LIVELY_SHARE = 0.12
"""How much of a slowly wandering face is mixed in at liveliness 1."""


class Trajectory:
    """What a face does, frame by frame; immutable.

    Args:
        intensities: (frames, 17), each 0..1, in the order of `facs.AU_NUMBERS`; or, where the
            sides of the face differ, (frames, 2, 17), the subject's right and left.
        fps: frames a second, 1..240.

    Raises:
        UsageError: another shape, a value outside 0..1, no frames or over 100,000, a bad fps.
    """

    __slots__ = ("_fps", "_sides")

    def __init__(self, intensities: ArrayLike, fps: float = 25.0) -> None:
        try:
            rows = np.array(intensities, dtype=np.float32)
        except (TypeError, ValueError):
            raise UsageError("a trajectory's intensities must be numbers, 0 to 1") from None
        if rows.shape[1:] == (len(AU_NUMBERS),):
            rows = np.stack([rows, rows], axis=1)
        if rows.shape[1:] != (2, len(AU_NUMBERS)):
            raise UsageError(f"a trajectory has shape (frames, 17), not {rows.shape}")
        check_length(len(rows))
        check_fps(fps)
        if not np.all((rows >= 0) & (rows <= 1)):  # NaN fails this too
            raise UsageError("a trajectory's intensities must lie in 0 to 1")
        rows.flags.writeable = False
        self._sides = rows
        self._fps = float(fps)

    @property
    def intensities(self) -> NDArray[np.float32]:
        """Read-only float32 (frames, 17), each 0..1; the mean of both sides of the face."""
        mean: NDArray[np.float32] = self._sides.mean(axis=1)  # exact where they are the same
        mean.flags.writeable = False
        return mean

    @property
    def sides(self) -> NDArray[np.float32]:
        """Read-only float32 (frames, 2, 17), each 0..1: the subject's right, and left."""
        return self._sides

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self._fps

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self) / self._fps

    def __len__(self) -> int:
        return len(self._sides)

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
            UsageError: no keyframes, or other than ActionUnits; an unknown easing or loop, a
                negative time, an fps out of range, or more than 100,000 frames.
        """
        if not keyframes:
            raise UsageError("a trajectory needs at least one keyframe")
        if not all(isinstance(key, ActionUnits) for key in keyframes):
            raise UsageError("keyframes are ActionUnits", "Timeline.parse reads looks in words")
        check_choice("easing", easing, EASINGS)
        check_choice("loop", loop, LOOPS)
        check_fps(fps)
        # No part is shorter than a frame: every keyframe is seen, however short the time.
        moving = max(_frames("seconds", seconds, fps), len(keyframes) - 1)
        resting = _frames("hold", hold, fps)
        returns = loop == "pingpong" and len(keyframes) > 1
        check_length(2 * (moving + resting) if returns else moving + resting + 1)

        there = _pass(np.stack([key.sides for key in keyframes]), moving, EASINGS[easing])
        rows = [there, np.repeat(there[-1:], resting, axis=0)]
        if returns:
            rows += [there[-2:0:-1], np.repeat(there[:1], resting, axis=0)]
        return cls(np.concatenate(rows), fps)

    def pingpong(self) -> Trajectory:
        """There and back again, joining its own beginning with no frame shown twice.

        Raises:
            UsageError: that makes more than 100,000 frames.
        """
        rows = self._sides
        return Trajectory(np.concatenate([rows, rows[-2:0:-1]]), self._fps)

    def enlivened(
        self, *, blink: bool = False, liveliness: float = 0.0, seed: int | Sequence[int] = 0
    ) -> Trajectory:
        """The same with what a living face does besides; a loop stays without a seam.

        Args:
            blink: close the eyes (AU45) about 15 times a minute, for 150 to 300 ms, first within
                four seconds. Films shorter than 0.4 s have no room for one.
            liveliness: 0 to 1; at 1 each action unit but AU45 goes 0.12 of the way towards an
                intensity that wanders through 0 to 1, no faster than 1 Hz.
            seed: the same seed gives the same blinks and the same variation.

        Raises:
            UsageError: liveliness is not in 0..1, or the seed is negative.

        Source: Bentivoglio et al., Movement Disorders 12, 1997 (rate); VanderWerf et al.,
        J. Neurophysiology 89, 2003 (the shape of a blink).
        """
        if not 0 <= liveliness <= 1:
            raise UsageError(f"liveliness {liveliness:g} is out of range", "0 to 1")
        try:
            # Of their own, so that one does not change when the other is asked for.
            blinking, wandering = np.random.default_rng(seed).spawn(2)
        except (TypeError, ValueError):
            raise UsageError("a seed is a whole number, 0 or more") from None
        rows, eyes = self._sides.astype(np.float64), AU_NUMBERS.index(45)
        if liveliness:
            share = np.full(len(AU_NUMBERS), LIVELY_SHARE * liveliness)
            share[eyes] = 0
            wave = _wandering(len(self), self._fps, wandering)
            rows = (1 - share) * rows + share * wave[:, None]
        if blink:
            lids = _blinks(len(self), self._fps, blinking)
            rows[..., eyes] = np.maximum(rows[..., eyes], lids[:, None])
        return Trajectory(rows, self._fps)


def interpolate(
    times: NDArray[np.float64],
    values: NDArray[np.float64],
    at: NDArray[np.float64],
    ways: Sequence[str],
) -> NDArray[np.float64]:
    """Values between keys; exact at each key, and between two keys within their range.

    Args:
        times: of the keys, rising, (k,); seconds or frames.
        values: of the keys, (k, n).
        at: times that are asked for, (f,). Before the first key its values stand, and after
            the last key the last's.
        ways: how each of the k - 1 parts is crossed, of `IN_BETWEENS`. The monotone cubic starts
            and ends at rest, and rests where the keys turn.

    Returns:
        (f, n).

    Source: Fritsch & Carlson, SIAM J. Numerical Analysis 17, 1980; the slopes are the weighted
    harmonic means of Fritsch & Butland, SIAM J. Sci. Stat. Computing 5, 1984 ("PCHIP").
    """
    if len(times) == 1:
        return np.repeat(values, len(at), axis=0)
    part = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    length = np.diff(times)
    t = np.clip((at - times[part]) / length[part], 0, 1)[:, None]
    first, last = values[part], values[part + 1]
    rows = np.empty_like(first)
    crossed = np.array(ways)[part]
    for way in set(ways):
        here = crossed == way
        s, a, b = t[here], first[here], last[here]
        if way == "monotone":
            slopes, h, k = _slopes(length, values), length[part[here], None], part[here]
            rows[here] = (
                (1 + 2 * s) * (1 - s) ** 2 * a
                + s * s * (3 - 2 * s) * b
                + h * s * (1 - s) * ((1 - s) * slopes[k] - s * slopes[k + 1])
            )
        else:
            eased = EASINGS[way](s)
            rows[here] = (1 - eased) * a + eased * b
    # Rounding may step over a key's value by its last bit.
    return np.clip(rows, np.minimum(first, last), np.maximum(first, last))


def _slopes(length: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, n): 0 at both ends and where the keys turn, else between those of both parts."""
    rise = np.diff(values, axis=0) / length[:, None]
    before, after = rise[:-1], rise[1:]
    h_before, h_after = length[:-1, None], length[1:, None]
    w_before, w_after = h_before + 2 * h_after, 2 * h_before + h_after
    slopes = np.zeros_like(values)
    with np.errstate(all="ignore"):  # a rise of 0 is left out below
        mean = (w_before + w_after) / (w_before / before + w_after / after)
    slopes[1:-1] = np.where(np.sign(before) * np.sign(after) > 0, mean, 0)
    return slopes


def _wandering(frames: int, fps: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(frames, 17) in 0..1: noise below `LIVELY_HERTZ` that joins its own beginning."""
    hertz = np.fft.rfftfreq(frames, 1 / fps)
    heard = (hertz > 0) & (hertz <= max(LIVELY_HERTZ, fps / frames))
    shape = (np.count_nonzero(heard), len(AU_NUMBERS))
    spectrum = np.zeros((len(hertz), len(AU_NUMBERS)), complex)
    spectrum[heard] = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    waves = np.fft.irfft(spectrum, frames, axis=0)
    return np.asarray(0.5 + 0.5 * waves / np.maximum(np.abs(waves).max(axis=0), 1e-9))


def _blinks(frames: int, fps: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(frames,): how far the lids are closed; some frame shows each blink at its height."""
    closed = np.zeros(frames)
    mean, longest = 60 / BLINKS_A_MINUTE, BLINK_SECONDS[1]
    margin = longest * (1 - BLINK_CLOSING)  # no blink is cut off by the film's ends
    end = frames / fps - margin
    around = np.arange(-math.ceil(longest * fps), math.ceil(longest * fps) + 1)
    height = rng.uniform(margin, max(margin, min(mean, end)))
    while height <= end:
        duration = rng.uniform(*BLINK_SECONDS)
        seconds = around / fps
        lift = np.minimum(
            1 + seconds / (duration * BLINK_CLOSING), 1 - seconds / (duration * (1 - BLINK_CLOSING))
        )
        frame = around + min(round(height * fps), frames - 1)
        seen = (frame >= 0) & (frame < frames)
        closed[frame[seen]] = np.maximum(
            closed[frame[seen]], EASINGS["smooth"](np.clip(lift[seen], 0, 1))
        )
        height += BLINK_REST + rng.gamma(3, (mean - BLINK_REST) / 3)
    return closed


def _pass(
    keys: NDArray[np.float32],
    moving: int,
    ease: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float32]:
    """(moving + 1, 2, 17): from the first of `keys`, (k, 2, 17), to the last."""
    if len(keys) == 1:
        return np.repeat(keys, moving + 1, axis=0)
    parts = len(keys) - 1
    # Keyframes are put on whole frames, so that rounding never skips over one.
    knots = np.rint(np.linspace(0, moving, len(keys)))
    position = np.interp(np.arange(moving + 1), knots, np.arange(len(keys)))
    part = np.minimum(position.astype(int), parts - 1)
    amount = ease(position - part)[:, None, None]
    # In this form, unlike a + amount * (b - a), both keyframes are shown exactly.
    rows = (1 - amount) * keys[part] + amount * keys[part + 1]
    return np.asarray(rows, dtype=np.float32)


def _frames(name: str, seconds: float, fps: float) -> int:
    if not (math.isfinite(seconds) and seconds >= 0):
        raise UsageError(f"{name} {seconds:g} is out of range", "0 or more")
    if seconds * fps > 2 * MAX_FRAMES:  # also keeps the arithmetic below finite
        raise UsageError(f"{name} {seconds:g} is too long", f"at most {MAX_FRAMES} frames")
    return round(seconds * fps)


def check_length(frames: int) -> None:
    """Raise UsageError unless a film may have so many frames."""
    if not 1 <= frames <= MAX_FRAMES:
        raise UsageError(f"a trajectory of {frames} frames", f"1 to {MAX_FRAMES} are possible")


def check_fps(fps: float) -> None:
    """Raise UsageError unless a film may show so many frames a second."""
    if not MIN_FPS <= fps <= MAX_FPS:
        raise UsageError(f"fps {fps:g} is out of range", f"{MIN_FPS:g} to {MAX_FPS:g}")
