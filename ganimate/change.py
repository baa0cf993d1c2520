"""What is to change in a face that moves by itself, as the face in a film does.

In a photo a look says what the face is to show. In a film that would hold the face still: it
could neither blink nor speak. So here a look changes the action units that it names, and the
others go on as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.errors import UsageError, check_choice
from ganimate.facs import (
    AU_NUMBERS,
    BASES,
    ROWS,
    Expression,
    load_expressions,
    parse_change,
    sided,
)
from ganimate.trajectory import IN_BETWEENS, interpolate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.timeline import Timeline
    from ganimate.timeline.keys import Track


@dataclass(frozen=True, eq=False)
class Change:
    """What a face is to show, told from what it shows by itself.

    Made by `Change.to` and `Change.along`. At each of its times it takes a share of what the face
    shows of every intensity and one of what it would show at rest, and adds something to both; what
    results is clipped to 0..1.

    Attributes:
        times: seconds, rising, (k,).
        shares: (k, 2, 17), how much of each side's intensities is kept, 0..1.
        rests: (k, 2, 17), how much there is of what they are at rest, 0..1.
        sums: (k, 2, 17), what is added, -1..1.
        ways: how each of the k - 1 parts is crossed, of `trajectory.IN_BETWEENS`.
        tracks: action units that go their own way, by number, or number and side.
        in_between: how the tracks' keys are crossed that do not say it.
    """

    times: NDArray[np.float64]
    shares: NDArray[np.float64]
    rests: NDArray[np.float64]
    sums: NDArray[np.float64]
    ways: tuple[str, ...] = ()
    tracks: Mapping[int | str, Track] = field(default_factory=dict)
    in_between: str = "monotone"

    @classmethod
    def to(
        cls,
        look: str,
        *,
        strength: float = 1.0,
        base: str = "current",
        expressions: Mapping[str, Expression] | None = None,
    ) -> Change:
        """The same change all the time.

        Args:
            look: an expression, assignments, or both, as `facs.parse_look` reads them.
            strength: how much of it, 0 to 1.
            base: what becomes of the action units that the look does not name: `current`, they
                go on as they are, or `neutral`, they are at rest. `neutral` as a look names all.
            expressions: those that the look may name; by default the built-in ones.

        Raises:
            UsageError: an unknown word, or a number out of range.
        """
        return cls(np.zeros(1), *_parts(look, strength, base, expressions)[:, None])

    @classmethod
    def along(
        cls, timeline: Timeline, *, in_between: str = "monotone", base: str = "current"
    ) -> Change:
        """The changes of a timeline, at the film's own seconds; the last one stays.

        Args:
            timeline: its looks are read as by `Change.to`.
            in_between: how keys are crossed that do not say it themselves, of
                `trajectory.IN_BETWEENS`.
            base: as for `Change.to`.

        Raises:
            UsageError: an unknown word.
        """
        check_choice("in-between", in_between, IN_BETWEENS)
        check_choice("base", base, BASES)
        times: list[float] = []
        parts: list[NDArray[np.float64]] = []
        ways: list[str] = []
        for key in timeline.keyframes:
            found = _parts(key.look, key.strength, base, timeline.expressions)
            for time in key.knots:
                times.append(time)
                parts.append(found)
                ways.append(key.easing or in_between)
        if not times:
            times, parts = [0.0], [_start(base)]
        shares, rests, sums = np.stack(parts, axis=1)
        tracks = dict(timeline.tracks)
        return cls(np.array(times), shares, rests, sums, tuple(ways[1:]), tracks, in_between)

    def targets(
        self, seconds: NDArray[np.float64], currents: NDArray[Any], resting: NDArray[Any]
    ) -> NDArray[np.float32]:
        """What the face is to show.

        Args:
            seconds: (n,), when the frames are shown.
            currents: (n, 17), what the face shows in each.
            resting: (n, 17), what it would show at rest, as far as is known then.

        Returns:
            (n, 2, 17), the intensities of the subject's right and left, 0..1.
        """
        keys = len(self.times)
        rows = np.concatenate([self.shares, self.rests, self.sums], axis=1).reshape(keys, -1)
        parts = interpolate(self.times, rows, seconds, self.ways)
        shares, rests, sums = np.split(parts.reshape(len(seconds), 6, len(AU_NUMBERS)), 3, axis=1)
        shown = shares * currents[:, None] + rests * resting[:, None] + sums
        named = [(*sided(name), track) for name, track in self.tracks.items()]
        for unit, side, track in sorted(named, key=lambda one: one[1]):  # one side comes last
            moves = _played(track, seconds, self.in_between)
            shown[:, ROWS[side], AU_NUMBERS.index(unit.number)] = moves[:, None]
        return np.asarray(np.clip(shown, 0, 1), np.float32)


def _start(base: str) -> NDArray[np.float64]:
    """The shares, rests and sums (3, 2, 17) of a look that names nothing."""
    start = np.zeros((3, 2, len(AU_NUMBERS)))
    start[BASES.index(base)] = 1
    return start


def _parts(
    look: str, strength: float, base: str, expressions: Mapping[str, Expression] | None
) -> NDArray[np.float64]:
    """What a look keeps of what a face shows and of its rest, and what it adds, (3, 2, 17)."""
    check_choice("base", base, BASES)
    if not 0 <= strength <= 1:
        raise UsageError(f"strength {strength:g} is out of range", "0 to 1")
    known = load_expressions() if expressions is None else expressions
    name, amount, assignments = parse_change(look, expressions=known)
    parts = _start(base)
    if name == "current":
        parts = (1 - amount) * parts + amount * _start("current")
    elif name:
        sides = known[name].action_units.sides.astype(np.float64)
        named = sides > 0 if sides.any() else np.ones_like(sides, bool)
        # Shares of what is left from rest to 1, as `facs.rest.over` has them.
        whole = np.stack([np.zeros_like(sides), 1 - sides, sides])
        parts = np.where(named, (1 - amount) * parts + amount * whole, parts)
    for change in assignments:
        side, column = ROWS[change.side], AU_NUMBERS.index(change.number)
        if not change.relative:
            parts[:, side, column] = 0
        parts[2, side, column] += change.value
    return (1 - strength) * _start(base) + strength * parts


def _played(track: Track, seconds: NDArray[np.float64], in_between: str) -> NDArray[np.float64]:
    """The intensities of a track, (n,), each 0..1."""
    times, values, easings = track.times, track.values, track.easings
    if track.every is not None:
        # A round among its neighbours, so that it joins them as they join each other.
        first = times[0]
        seconds = np.where(seconds < first, first, first + (seconds - first) % track.every)
        times = (track.every * np.arange(-1, 2)[:, None] + times).ravel()
        values, easings = np.tile(values, 3), easings * 3
    ways = [easing or in_between for easing in easings[1:]]
    return interpolate(times, values[:, None], seconds, ways)[:, 0]
