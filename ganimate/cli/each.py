"""Looks for single faces: `--at 0 smile --at right "surprise*0.6"`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganimate.faces.locate import Face


def read_each(at: Sequence[str], others: Mapping[str, object], face: str) -> dict[str, str]:
    """The looks of --at by the faces that they are for, in the order written.

    Args:
        at: the option's values: a face, or several as `0,2`, and a look.
        others: options that say what to show, too, and exclude --at, with their values.
        face: the value of --face, which excludes --at, too.

    Raises:
        UsageError: no face, no look, a face named twice, or one of `others`.
    """
    from ganimate.errors import UsageError

    if not at:
        return {}
    stray = [name for name, value in others.items() if value not in (None, [])]
    if face != "largest":
        stray.append("--face")
    if stray:
        raise UsageError(f"--at and {stray[0]} exclude each other")
    looks: dict[str, str] = {}
    for text in at:
        which, _, look = text.strip().partition(" ")
        if not look:
            raise UsageError(f"--at {text}: no look", "write --at FACE LOOK, as in --at 0 smile")
        for one in which.lower().split(","):
            if one == "all":
                raise UsageError("--at takes one face", "for one look on all: --face all")
            if not (one.isdecimal() or one in ("largest", "left", "right")):
                raise UsageError(f"--at {text}: {one!r} is no face", "say 0, left, right, largest")
            if looks.setdefault(one, look) != look:
                raise UsageError(f"--at {text}: face {one} is named twice", "give it one look")
    return looks


def check_each(each: Mapping[str, str], chosen: Sequence[Face]) -> None:
    """Raises UsageError where two names turn out to be those of one face."""
    from ganimate.errors import UsageError

    if len(chosen) < len(each):
        raise UsageError(
            f"--at: {', '.join(each)} are {len(chosen)} face{'s' * (len(chosen) > 1)} of the photo",
            "name each once: `ganimate faces` lists them",
        )
