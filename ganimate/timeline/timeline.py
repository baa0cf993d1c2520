"""A timeline: keyframes for the whole face, and tracks for single action units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ganimate.errors import GanimateError, UsageError, check_choice
from ganimate.facs import AU_NUMBERS, ROWS, ActionUnits, Expression, based, blend, parse_look, sided
from ganimate.facs.assignments import NUMBER
from ganimate.timeline import openface, story
from ganimate.timeline.keys import (
    Keyframe,
    Track,
    check_order,
    on_frames,
    read_look,
    read_seconds,
)
from ganimate.trajectory import (
    IN_BETWEENS,
    Trajectory,
    check_fps,
    check_length,
    interpolate,
)

DEFAULT_FPS = 25.0


@dataclass(frozen=True, eq=False)
class Timeline:
    """What a face is to show when, in words that hold for any photo.

        timeline = Timeline.parse("0:neutral 0.6:surprise 2:smile*0.8")
        frames = portrait.animate(timeline.trajectory(portrait.current))

    Made by `Timeline.load` and `Timeline.parse`.

    Attributes:
        keyframes: what the whole face shows, in the order of time; there may be none.
        tracks: what single action units do instead, by number, or by number and side: "45L".
        seconds: when the film ends; None: with its last key.
        fps: frames a second that the file asks for, if it does.
        notices: what a person should know of what was read, a line each.
        expressions: those that looks may name; None: the built-in ones.
    """

    keyframes: tuple[Keyframe, ...] = ()
    tracks: Mapping[int | str, Track] = field(default_factory=dict)
    seconds: float | None = None
    fps: float | None = None
    notices: tuple[str, ...] = ()
    expressions: Mapping[str, Expression] | None = field(default=None, repr=False)

    @classmethod
    def load(
        cls, path: str | Path, *, expressions: Mapping[str, Expression] | None = None
    ) -> Timeline:
        """Read a timeline from YAML, or from a recording of OpenFace (CSV): docs/timelines.md.

        Args:
            path: its suffix says which: .yaml, .yml or .csv.
            expressions: those that looks may name; by default the built-in ones.

        Raises:
            GanimateError: the file cannot be read.
            UsageError: another suffix, or something wrong in the file, with its line.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in (".yaml", ".yml", ".csv"):
            raise UsageError(f"{path}: no timeline has the suffix {suffix!r}", ".yaml, .yml, .csv")
        try:
            if suffix == ".csv":
                return cls(**openface.read(path))
            return cls(**story.read(path, expressions), expressions=expressions)
        except OSError as error:
            raise GanimateError(f"{path}: cannot be read: {error.strerror}") from error

    @classmethod
    def parse(cls, keys: str, *, expressions: Mapping[str, Expression] | None = None) -> Timeline:
        """Read keyframes as people write them on a line.

        Args:
            keys: seconds and looks, as in `0:neutral 0.6:surprise 45=0 1.4:smile*0.8`.
            expressions: those that looks may name; by default the built-in ones.

        Raises:
            UsageError: names the key: no time, a time that does not come after the one before,
                or a wrong look.
        """
        stray, *pieces = re.split(r"(?:^|(?<=[\s,]))([^\s:,]*):", keys)
        if stray.strip() or not pieces:
            first = stray.split()[0] if stray.strip() else keys.strip()
            raise UsageError(f"{first!r} has no time", "write 0:neutral 1:smile")
        keyframes: list[Keyframe] = []
        for time, look in zip(pieces[::2], pieces[1::2], strict=True):
            look = look.strip(" ,\t\n")
            try:
                at = read_seconds(float(time) if NUMBER.fullmatch(time) else time)
                check_order(keyframes[-1].end if keyframes else None, at)
                keyframes.append(Keyframe(at, read_look(look, expressions)))
            except UsageError as error:
                raise UsageError(f"{time}:{look}: {error.message}", error.hint) from None
        return cls(tuple(keyframes), expressions=expressions)

    def trajectory(
        self,
        current: ActionUnits,
        *,
        fps: float | None = None,
        in_between: str = "monotone",
        base: str = "current",
    ) -> Trajectory:
        """The frames for one photo.

        Each key falls on the nearest frame, which shows it exactly. Before its first key and
        after its last one a face, or an action unit that has a track, stands still.

        Args:
            current: what the face in the photo shows.
            fps: frames a second, 1..240; by default the timeline's own, else 25.
            in_between: how keys are crossed that do not say it themselves: `monotone`, a cubic
                that never leaves the range of two neighbouring keys, or an easing: `linear`,
                `smooth`, `ease-in`, `ease-out`.
            base: what action units that nothing names start from: `current`, as the face shows
                them, or `neutral`, the face at rest.

        Returns:
            Intensities of each frame, on both sides of the face.

        Raises:
            UsageError: an unknown word, an fps out of range, or more than 100,000 frames.
        """
        check_choice("in-between", in_between, IN_BETWEENS)
        rate = fps if fps is not None else self.fps if self.fps is not None else DEFAULT_FPS
        check_fps(rate)
        times = np.array([time for key in self.keyframes for time in key.knots])
        knots = on_frames(times, rate)
        frames = self._last_frame(knots, rate) + 1
        check_length(frames)

        start = based(base, current)
        if self.keyframes:
            looks = {
                look: parse_look(look, current, expressions=self.expressions, base=base)
                for look in {key.look for key in self.keyframes}
            }
            shown = [
                blend(start, looks[key.look], key.strength).sides.ravel()
                for key in self.keyframes
                for _ in key.knots
            ]
            ways = [key.easing or in_between for key in self.keyframes for _ in key.knots]
            values = np.stack(shown).astype(np.float64)
            rows = interpolate(knots, values, np.arange(float(frames)), ways[1:])
        else:
            rows = np.repeat(start.sides[None].astype(np.float64), frames, axis=0)
        rows = rows.reshape(frames, 2, len(AU_NUMBERS))
        named = [(*sided(name), track) for name, track in self.tracks.items()]
        for unit, side, track in sorted(named, key=lambda one: one[1]):  # one side comes last
            moves = track.intensities(frames, rate, in_between)
            rows[:, ROWS[side], AU_NUMBERS.index(unit.number)] = moves[:, None]
        return Trajectory(rows, rate)

    def _last_frame(self, knots: np.ndarray, fps: float) -> int:
        if self.seconds is not None:
            # The last key may have been moved on by a frame or two.
            return max(round(self.seconds * fps), int(knots[-1]) if len(knots) else 0)
        once = [track for track in self.tracks.values() if track.every is None]
        if len(knots) or once:
            return max([*map(int, knots[-1:]), *(track.last_frame(fps) for track in once)])
        return max(track.last_frame(fps) for track in self.tracks.values())
