"""How people write intensities: `12=0.8`, `AU12=C`, `lip_corner_puller=0.8`, `12L=+0.3`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ganimate.errors import UsageError
from ganimate.facs.units import AU_NUMBERS, ROWS, ActionUnits, sided

# FACS's letters for how strongly an action unit acts, and the intensities they stand for here.
LETTERS = dict(zip("ABCDE", (0.2, 0.4, 0.6, 0.8, 1.0), strict=True))
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_HINT = "write 0 to 1, a FACS letter A to E, or a change such as +0.3 or -0.2"


@dataclass(frozen=True)
class Assignment:
    """`12=0.8`, or, relative to what is there, `12=+0.3` (value 0.3) and `12=-0.2` (-0.2).

    `12L=0.8` and `12R=0.8` are of one side, the subject's own left or right ("" is both).
    """

    number: int
    value: float
    relative: bool
    side: str = ""


def looks_like_assignment(token: str) -> bool:
    """Whether a word of a command line is meant as an assignment, right or wrong.

    True for `99=0.5` and `foo=`, so that `parse_assignments` can say what is wrong with
    them; False for paths: `a/b=1`, `a=b.jpg`, `12=0.8.mp4`, `frames=1/`.
    """
    name, equals, value = token.partition("=")
    is_path = re.search(r"[/\\]", name) or re.search(r"(\.[a-z]\w*|[/\\])$", value, re.IGNORECASE)
    return bool(equals and name.strip() and not name.startswith("-") and not is_path)


def parse_assignments(tokens: Sequence[str]) -> tuple[Assignment, ...]:
    """Read `12=0.8`, `AU12=0.8`, `12=C`, `12=+0.3`, `12L=0.8`, `lip_corner_puller=0.8`, ...

    Args:
        tokens: words of a command line; each may hold several assignments, set apart by
            spaces or commas.

    Returns:
        One assignment an action unit and side, in the order written: `12=0.5 12L=0.8` is 0.5,
        but on the left 0.8.

    Raises:
        UsageError: names the token: an unknown action unit, a bad value, or an action unit
            given two different values.
    """
    found: dict[tuple[int, str], Assignment] = {}
    for token in (piece for text in tokens for piece in _pieces(text)):
        name, _, value = token.partition("=")
        try:
            unit, side = sided(name)
            assignment = Assignment(unit.number, *_read_intensity(value), side)
        except UsageError as error:
            raise UsageError(f"{token}: {error.message}", error.hint) from None
        key = (unit.number, side)
        overruled = key not in found and not side and any(unit.number == n for n, _ in found)
        if overruled or found.setdefault(key, assignment) != assignment:
            raise UsageError(
                f"{token}: AU{unit.number}{side} is already given another value",
                "name both sides first, then one" if overruled else "name it once",
            )
    return tuple(found.values())


def words(text: str) -> list[str]:
    """Words set apart by spaces or commas; `a = b` and `a * b` are one word."""
    return re.sub(r"\s*([=*])\s*", r"\1", text).replace(",", " ").split()


def _pieces(text: str) -> Iterator[str]:
    """The assignments in `text`; a name may be of several words, a value is always one."""
    name: list[str] = []
    for word in words(text):
        name.append(word)
        if "=" in word:
            yield " ".join(name)
            name = []
    if name:
        point = ", with a point and not a comma" if "," in text else ""
        raise UsageError(f"{' '.join(name)}: not an assignment", f"write one such as 12=0.8{point}")


def _read_intensity(text: str) -> tuple[float, bool]:
    """(value, relative) of what stands right of the equals sign."""
    if text.upper() in LETTERS:
        return LETTERS[text.upper()], False
    if not NUMBER.fullmatch(text):
        problem = f"{text!r} is not an intensity" if text else "the intensity is missing"
        raise UsageError(problem, _HINT)
    value, relative = float(text), text[0] in "+-"
    if not (-1 if relative else 0) <= value <= 1:
        raise UsageError(f"{text} is out of range", _HINT)
    return value, relative


def apply(base: ActionUnits, assignments: Iterable[Assignment]) -> ActionUnits:
    """`base` with the assignments made; relative ones are added to it and kept in 0..1."""
    sides = base.sides.astype(np.float64)
    for change in assignments:
        here = sides[ROWS[change.side], AU_NUMBERS.index(change.number)]
        here[:] = np.clip(here * change.relative + change.value, 0, 1)
    return ActionUnits(sides)
