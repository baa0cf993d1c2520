"""What several commands ask for alike: a look, or looks over time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ganimate.facs import Expression
    from ganimate.timeline import Timeline

InBetween = Literal["monotone", "linear", "smooth", "ease-in", "ease-out"]


def asked_look(expression: str | None, strength: float, assignments: list[str]) -> str:
    """One text for all that was asked: `smile*0.7 45=1`; the expression may be such a text, too."""
    from ganimate.errors import UsageError
    from ganimate.facs import parse_assignments

    parse_assignments(assignments)  # else a stray word would pass for an expression
    if expression and strength == 1:
        return " ".join([expression, *assignments])
    if expression:
        if "*" in expression or "=" in expression:
            raise UsageError(
                f"--expression {expression!r} says itself how much", "leave out --strength"
            )
        return " ".join([f"{expression}*{strength}", *assignments])
    if not assignments:
        raise UsageError("nothing to change", "give --au 12=0.8 6=0.5, or --expression smile")
    if strength != 1:
        raise UsageError("--strength goes with --expression", "with --au, write other numbers")
    return " ".join(assignments)


def asked_timeline(
    timeline: Path | None, keys: str | None, expressions: Mapping[str, Expression]
) -> Timeline | None:
    """The timeline that was asked for, from either source."""
    if timeline is None and keys is None:
        return None
    from ganimate.timeline import Timeline

    if keys is not None:
        return Timeline.parse(keys, expressions=expressions)
    assert timeline is not None
    return Timeline.load(timeline, expressions=expressions)
