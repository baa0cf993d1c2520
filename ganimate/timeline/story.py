"""Timelines in YAML, read node by node, so that whatever is wrong is told with its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ganimate.errors import UsageError
from ganimate.facs import Expression, sided
from ganimate.files import BAD_VALUES, MAX_YAML, ShallowLoader, read_file
from ganimate.timeline.keys import (
    MAX_SECONDS,
    Keyframe,
    Track,
    check_order,
    read_easing,
    read_intensity,
    read_look,
    read_number,
    read_seconds,
    read_strength,
)
from ganimate.trajectory import check_fps

Readers = Mapping[str, Callable[[object], Any]]


def read(path: Path, expressions: Mapping[str, Expression] | None) -> dict[str, Any]:
    """The fields of the `Timeline` in a YAML file.

    Raises:
        GanimateError: the file cannot be read.
        UsageError: names the file, the line and the field that is wrong.
    """
    content = read_file(path, MAX_YAML)
    return _Story(path, expressions).read(_compose(path, content))


def _compose(path: Path, content: bytes) -> yaml.Node:
    try:
        text = content.decode("utf-8-sig")
        root = yaml.compose(text, Loader=ShallowLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"{path}{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a text file in UTF-8") from error
    if root is None:
        raise UsageError(f"{path}, line 1: an empty timeline", "write keyframes: or tracks:")
    return root


class _Story:
    """One file while it is read."""

    def __init__(self, path: Path, expressions: Mapping[str, Expression] | None) -> None:
        self.path = path
        self.beyond: list[int] = []  # lines of intensities outside 0..1
        self.keyframe: Readers = {
            "at": read_seconds,
            "look": lambda value: read_look(value, expressions),
            "strength": read_strength,
            "easing": read_easing,
            "hold": read_seconds,
        }

    def read(self, root: yaml.Node) -> dict[str, Any]:
        top = self.mapping(root, "the timeline", ("fps", "seconds", "keyframes", "tracks"))
        fps = self.scalar(top["fps"], "fps", _read_fps) if "fps" in top else None
        seconds = self.scalar(top["seconds"], "seconds", read_seconds) if "seconds" in top else None
        end = MAX_SECONDS if seconds is None else seconds
        keyframes = self.keyframes(top["keyframes"], end) if "keyframes" in top else ()
        tracks = self.tracks(top["tracks"], end) if "tracks" in top else {}
        if not keyframes and not tracks:
            raise self.wrong(root, "the timeline", UsageError("holds no keyframes and no tracks"))
        return {
            "keyframes": keyframes,
            "tracks": tracks,
            "seconds": seconds,
            "fps": fps,
            "notices": self.notices(),
        }

    def keyframes(self, node: yaml.Node, end: float) -> tuple[Keyframe, ...]:
        keyframes: list[Keyframe] = []
        for item in self.sequence(node, "keyframes"):
            key = Keyframe(**self.fields(item, "a keyframe", self.keyframe, ("at", "look")))
            self.in_order(item, keyframes[-1].end if keyframes else None, key.at, key.end, end)
            keyframes.append(key)
        return tuple(keyframes)

    def tracks(self, node: yaml.Node, end: float) -> dict[int | str, Track]:
        tracks: dict[int | str, Track] = {}
        for name, value in self.pairs(node, "tracks"):
            try:
                unit, side = sided(str(name.value))  # as written: to YAML 045 is 37
            except UsageError as error:
                raise self.wrong(name, "tracks", error) from None
            key = f"{unit.number}{side}" if side else unit.number
            if key in tracks:
                raise self.wrong(name, "tracks", UsageError(f"AU{key} is given twice"))
            tracks[key] = self.track(value, f"AU{key}", end)
        return tracks

    def track(self, node: yaml.Node, name: str, end: float) -> Track:
        every, keys = None, node
        if isinstance(node, yaml.MappingNode):
            parts = self.mapping(node, name, ("every", "keys"))
            keys = self.needed(node, name, parts, "keys")
            every = self.scalar(parts["every"], "every", _read_every) if "every" in parts else None
        readers: Readers = {"at": read_seconds, "value": read_intensity, "easing": read_easing}
        found: list[dict[str, Any]] = []
        for item in self.sequence(keys, name):
            key = self.fields(item, f"a key of {name}", readers, ("at", "value"))
            self.in_order(item, found[-1]["at"] if found else None, key["at"], key["at"], end)
            if not 0 <= key["value"] <= 1:
                self.beyond.append(_field(item, "value").start_mark.line + 1)
            found.append(key)
        times = np.array([key["at"] for key in found])
        if every is not None and times[-1] - times[0] >= every:
            problem = UsageError(
                f"{every:g} is over before the last key",
                "leave out a last key that is the next round's first",
            )
            raise self.wrong(node, "every", problem)
        values = np.clip([key["value"] for key in found], 0, 1)
        return Track(times, values, tuple(key.get("easing") for key in found), every)

    def in_order(
        self, item: yaml.Node, before: float | None, at: float, stop: float, end: float
    ) -> None:
        """Check that a key follows the one before it, and is over when the film is."""
        try:
            check_order(before, at)
            if stop > end:
                raise UsageError(f"{stop:g} is after the end", f"the film has {end:g} seconds")
        except UsageError as error:
            raise self.wrong(_field(item, "at"), "at", error) from None

    def notices(self) -> tuple[str, ...]:
        if not self.beyond:
            return ()
        more = f" and {len(self.beyond) - 1} more" if len(self.beyond) > 1 else ""
        lines = f"line {self.beyond[0]}{more}"
        return (f"{self.path}: intensities beyond 0 to 1 were clamped ({lines})",)

    # What YAML is made of

    def wrong(self, node: yaml.Node, name: str, error: UsageError) -> UsageError:
        line = node.start_mark.line + 1
        return UsageError(f"{self.path}, line {line}: {name}: {error.message}", error.hint)

    def sequence(self, node: yaml.Node, name: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self.wrong(node, name, UsageError("a list of keys is missing", "- {at: 0, ...}"))
        return list(node.value)

    def pairs(self, node: yaml.Node, name: str) -> list[tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(node, name, UsageError("not a set of fields", "write {at: 0, ...}"))
        return list(node.value)

    def mapping(self, node: yaml.Node, name: str, known: tuple[str, ...]) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for key, value in self.pairs(node, name):
            field = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            if field not in known:
                raise self.wrong(
                    key, name, UsageError(f"unknown field {field!r}", f"known: {', '.join(known)}")
                )
            if field in found:
                raise self.wrong(key, field, UsageError("is given twice"))
            found[field] = value
        return found

    def needed(
        self, node: yaml.Node, name: str, found: Mapping[str, yaml.Node], field: str
    ) -> yaml.Node:
        if field not in found:
            raise self.wrong(node, field, UsageError(f"is missing in {name}"))
        return found[field]

    def fields(
        self, node: yaml.Node, name: str, readers: Readers, needed: tuple[str, ...]
    ) -> dict[str, Any]:
        found = self.mapping(node, name, tuple(readers))
        for field in needed:
            self.needed(node, name, found, field)
        return {field: self.scalar(value, field, readers[field]) for field, value in found.items()}

    def scalar(self, node: yaml.Node, name: str, reader: Callable[[object], Any]) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            raise self.wrong(node, name, UsageError("takes one value"))
        try:
            return reader(yaml.constructor.SafeConstructor().construct_object(node))
        except UsageError as error:
            raise self.wrong(node, name, error) from None
        except (yaml.YAMLError, *BAD_VALUES) as error:  # !!python/... is the former
            raise self.wrong(node, name, UsageError("not a value that YAML knows")) from error


def _field(item: yaml.Node, name: str) -> yaml.Node:
    """The value of a field that is known to be there."""
    return next(value for key, value in item.value if key.value == name)


def _read_fps(value: object) -> float:
    fps = read_number(value)
    check_fps(fps)
    return fps


def _read_every(value: object) -> float:
    seconds = read_seconds(value)
    if seconds == 0:
        raise UsageError("0 is out of range", "more than 0 seconds")
    return seconds
