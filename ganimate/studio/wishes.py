"""What the page asks for, read from its JSON; and the same in the words of the command line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from ganimate.errors import UsageError
from ganimate.facs import ActionUnits, Expression
from ganimate.timeline import Timeline
from ganimate.timeline.keys import (
    Keyframe,
    check_order,
    read_easing,
    read_look,
    read_number,
    read_seconds,
)
from ganimate.trajectory import Trajectory, check_fps

MAX_KEYS = 200
MAX_SECONDS = 120.0
"""A film made on the page; the command line has no such limit."""

STORY = "story.yaml"

Expressions = Mapping[str, Expression]


@dataclass(frozen=True)
class Film:
    """What one face does in a film.

    Attributes:
        face: its number, from the left.
        keys: keyframes, in the order of time; at least one.
        fps: frames a second.
        blink: whether it blinks now and then.
    """

    face: int
    keys: tuple[Keyframe, ...]
    fps: float
    blink: bool

    def trajectory(self, current: ActionUnits, expressions: Expressions) -> Trajectory:
        """The frames, as `ganimate animate --timeline` makes them of `story`."""
        timeline = Timeline(self.keys, fps=self.fps, expressions=expressions)
        return timeline.trajectory(current).enlivened(blink=self.blink, seed=(0, self.face))

    @property
    def story(self) -> str:
        """The timeline in YAML."""
        lines = [f"fps: {self.fps:g}", "keyframes:"]
        for key in self.keys:
            fields = [f"at: {key.at:g}", f"look: {json.dumps(key.look)}"]
            fields += [f"easing: {key.easing}"] if key.easing else []
            lines.append(f"  - {{{', '.join(fields)}}}")
        return "\n".join(lines) + "\n"


def read_face(wish: Mapping[str, Any], faces: int) -> int:
    """The number of the face that is meant.

    Raises:
        UsageError: the photo has no such face; so for the readers below.
    """
    face = wish.get("face")
    if isinstance(face, bool) or not isinstance(face, int) or not 0 <= face < faces:
        raise UsageError(f"there is no face {face!r}", f"0 to {faces - 1}")
    return face


def read_looks(wish: Mapping[str, Any], faces: int, expressions: Expressions) -> dict[int, str]:
    """What each face is to show, of those that are to show something else."""
    looks = wish.get("looks")
    if not isinstance(looks, dict):
        raise UsageError("looks are missing")
    try:
        numbered = {int(face): read_look(look, expressions) for face, look in looks.items()}
    except ValueError:
        raise UsageError("looks go by the numbers of faces") from None
    for face in numbered:
        read_face({"face": face}, faces)
    return dict(sorted(numbered.items()))


def read_film(wish: Mapping[str, Any], faces: int, expressions: Expressions) -> Film:
    """The film that stands in the strip."""
    given = wish.get("keys")
    if not isinstance(given, list) or not given:
        raise UsageError("a film needs a keyframe", "set an expression and add one")
    if len(given) > MAX_KEYS:
        raise UsageError(f"{len(given)} keyframes are too many", f"{MAX_KEYS} at most")
    keys: list[Keyframe] = []
    for key in given:
        if not isinstance(key, dict):
            raise UsageError("a keyframe is a set of fields")
        at = read_seconds(key.get("at"))
        check_order(keys[-1].end if keys else None, at)
        easing = read_easing(key["easing"]) if key.get("easing") else None
        keys.append(Keyframe(at, read_look(key.get("look"), expressions), easing=easing))
    if keys[-1].at > MAX_SECONDS:
        raise UsageError(f"{keys[-1].at:g} seconds are too long", f"{MAX_SECONDS:g} at most")
    fps = read_number(wish.get("fps", 25))
    check_fps(fps)
    return Film(read_face(wish, faces), tuple(keys), fps, wish.get("blink") is True)


def edit_command(name: str, looks: Mapping[int, str], faces: int) -> str:
    """The command that makes the picture; "" where nothing is asked for.

    Args:
        name: the photo's path, or its name.
        looks: what faces are to show, by their numbers.
        faces: how many there are; the only one needs no number.
    """
    if not looks:
        return ""
    words = ["ganimate", "edit", _path(name)]
    if len(looks) == 1:
        ((face, look),) = looks.items()
        expression, strength, assignments = split_look(look)
        words += ["--expression", expression] if expression else []
        words += ["--strength", strength] if strength else []
        words += ["--au", *assignments] if assignments else []
        words += _face(face, faces)
    else:
        words += [word for face, look in looks.items() for word in ("--at", str(face), look)]
    return shlex.join([*words, "-o", _path(f"{PurePath(name).stem}-edited.png")])


def animate_command(name: str, film: Film, faces: int) -> str:
    """The command that makes the film of `Film.story`, saved as story.yaml."""
    words = ["ganimate", "animate", _path(name), _path(f"{PurePath(name).stem}.mp4")]
    words += ["--timeline", STORY, *(["--blink"] if film.blink else [])]
    return shlex.join([*words, *_face(film.face, faces)])


def split_look(look: str) -> tuple[str, str, list[str]]:
    """`smile*0.8 45=1` -> smile, 0.8, [45=1]."""
    words = look.split()
    head = " ".join(word for word in words if "=" not in word)
    expression, _, strength = head.partition("*")
    return expression, strength, [word for word in words if "=" in word]


def _face(face: int, faces: int) -> list[str]:
    return ["--face", str(face)] if faces > 1 else []


def _path(name: str) -> str:
    return f"./{name}" if name.startswith("-") else name
