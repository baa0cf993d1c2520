"""Named expressions, and the looks that people ask for: `smile*0.8`, `12=0.8 6L=C` ..."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from reprlib import repr as shortened
from types import MappingProxyType
from typing import Any

from ganimate.errors import UsageError
from ganimate.facs.assignments import (
    LETTERS,
    NUMBER,
    Assignment,
    apply,
    parse_assignments,
    words,
)
from ganimate.facs.rest import at_rest, based, over
from ganimate.facs.units import ActionUnits, blend, find_sided, nearest, plain
from ganimate.files import read_yaml


@dataclass(frozen=True)
class Expression:
    """A named set of intensities, those not named being 0.

    Attributes:
        name: in lower case, its words joined by hyphens.
        intensities: {6: 0.5, "12L": 0.7}: by number, or number and side; 0..1.
        source: where the action units come from.
        note: what else there is to know.
        also: other names that it is asked for by, in the same form.
    """

    name: str
    intensities: Mapping[int, float] | Mapping[int | str, float]
    source: str
    note: str = ""
    also: tuple[str, ...] = ()

    @property
    def action_units(self) -> ActionUnits:
        return ActionUnits(self.intensities)


def load_expressions(path: Path | None = None) -> dict[str, Expression]:
    """The built-in expressions, and on top of them those of the user's YAML file.

    A file holds `name: {12: 0.8, 6: C}` or, with their origin,
    `name: {action_units: {12: 0.8, 6: C}, source: ..., note: ..., also: [...]}`.

    Raises:
        GanimateError: the file cannot be read, or is not YAML.
        UsageError: names the file and the entry that is wrong.
    """
    expressions = dict(_builtin_expressions())
    return expressions | _read_expressions(Path(path)) if path else expressions


@cache
def _builtin_expressions() -> Mapping[str, Expression]:
    return MappingProxyType(_read_expressions(Path(__file__).with_name("expressions.yaml")))


def _read_expressions(path: Path) -> dict[str, Expression]:
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UsageError(f"{path}: holds no expressions", "write lines such as calm: {6: 0.2}")
    expressions: dict[str, Expression] = {}
    for key, entry in content.items():
        try:
            expression = _read_expression(key, entry, default_source=path.name)
        except UsageError as error:
            raise UsageError(f"{path}: {_short(key)}: {error.message}", error.hint) from None
        if expression.name in expressions:
            raise UsageError(f"{path}: {_short(key)}: {expression.name} is already in this file")
        expressions[expression.name] = expression
    return expressions


def _read_expression(key: object, entry: object, default_source: str) -> Expression:
    name = _read_name(key)
    if not isinstance(entry, dict):
        raise UsageError(
            f"{shortened(entry)} is not a set of intensities", "write {12: 0.8, 6: 0.5}"
        )
    details = entry if "action_units" in entry else {"action_units": entry}
    if unknown := details.keys() - {"action_units", "source", "note", "also"}:
        stray = ", ".join(map(_short, unknown))
        raise UsageError(f"unknown key {stray}", "action_units, source, note and also are known")
    if not isinstance(details["action_units"], dict):
        raise UsageError("action_units is not a set of intensities", "write {12: 0.8, 6: 0.5}")
    also = details.get("also", [])
    if not isinstance(also, list):
        raise UsageError("also is not a list of names", "write also: [glad, merry]")
    intensities: dict[int | str, Any] = {
        unit: LETTERS.get(value.upper(), value) if isinstance(value, str) else value
        for unit, value in details["action_units"].items()
    }
    return Expression(
        name,
        MappingProxyType(
            {au: value for au, value in ActionUnits(intensities).to_dict().items() if value}
        ),
        source=str(details.get("source", default_source)),
        note=str(details.get("note", "")),
        also=tuple(map(_read_name, also)),
    )


def _read_name(key: object) -> str:
    name = _expression_name(key) if isinstance(key, str) else ""
    if name == "current" or not re.fullmatch(r"[^\W\d][\w-]*", name):
        raise UsageError("not a name for an expression", "letters first; quote on, off, yes, no")
    return name


def _short(key: object) -> str:
    return key if isinstance(key, str) and len(key) <= 40 else shortened(key)


def _expression_name(text: str) -> str:
    return plain(text).replace(" ", "-")


def _find(text: str, known: Mapping[str, Expression]) -> str | None:
    """The name in `known`, or `current`, of an expression that is asked for by any of its names."""
    name = _expression_name(text)
    if name == "current" or name in known:
        return name
    return next((key for key, one in known.items() if name in one.also), None)


def parse_look(
    text: str,
    current: ActionUnits,
    *,
    expressions: Mapping[str, Expression] | None = None,
    base: str = "current",
) -> ActionUnits:
    """The intensities that `text` asks for.

    Args:
        text: an expression (`smile`, `happily surprised`, `current`), perhaps with a strength
            (`smile*0.8`), or assignments (`12=0.8 6=0.5`), or both (`smile 45=0.5`).
        current: what the face shows now.
        expressions: those that `text` may name; by default the built-in ones.
        base: what an expression of strength below 1, and action units which assignments
            alone do not name, fall back to: "current", or "neutral" (`at_rest`). Relative
            assignments add to the named expression where there is one, else to the base.

    Raises:
        UsageError: an unknown expression (the nearest is suggested), a bad strength, or a
            bad assignment.
    """
    start = based(base, current)
    known = _builtin_expressions() if expressions is None else expressions
    head, assignments = _split(words(text), known)
    if head:
        start = blend(start, *_read_head(head, current, known))
    return apply(start, parse_assignments([assignments]))


def parse_change(
    text: str, *, expressions: Mapping[str, Expression] | None = None
) -> tuple[str, float, tuple[Assignment, ...]]:
    """The parts of a look, whatever the face shows.

    Returns:
        The expression's name as `expressions` has it, or `current`, or "" where there is none;
        its strength; and the assignments that count after it.

    Raises:
        UsageError: as `parse_look`.
    """
    known = _builtin_expressions() if expressions is None else expressions
    parse_look(text, ActionUnits(), expressions=known)  # which says all that may be wrong
    head, assignments = _split(words(text), known)
    name, _, strength = head.partition("*")
    amount = float(strength) if strength else 1.0
    return _find(name, known) or "", amount, parse_assignments([assignments])


def _split(look: Sequence[str], known: Mapping[str, Expression]) -> tuple[str, str]:
    """The expression and the assignments of a look; either may be empty, not both."""
    if not look:
        raise UsageError("an empty look", "name an expression, or write 12=0.8")
    first = next((index for index, word in enumerate(look) if "=" in word), None)
    if first is None:
        return " ".join(look), ""
    # "smile lip corner puller=0.8": the name of the first action unit may be of several words.
    # Where nothing before the equals sign is known, all of it is taken for a wrong name.
    for begin in range(first + 1):
        expression, _, _ = " ".join(look[:begin]).partition("*")
        unit, _, _ = " ".join(look[begin : first + 1]).partition("=")
        if find_sided(unit) or _find(expression, known):
            return " ".join(look[:begin]), " ".join(look[begin:])
    return "", " ".join(look)


def _read_head(
    head: str, current: ActionUnits, known: Mapping[str, Expression]
) -> tuple[ActionUnits, float]:
    """The expression and the strength of `smile` or `smile*0.8`."""
    name, times, strength = head.partition("*")
    key = _find(name, known)
    if key is None:
        also = (other for one in known.values() for other in one.also)
        guess = nearest(_expression_name(name), (*known, "current", *also))
        suggestion = f"did you mean {guess}? " if guess else ""
        raise UsageError(f"unknown expression {name!r}", f"{suggestion}known: {', '.join(known)}")
    if times and not NUMBER.fullmatch(strength):
        raise UsageError(f"{head}: {strength!r} is not a strength", "0 to 1, as in smile*0.8")
    end = current if key == "current" else over(at_rest(current), known[key].action_units)
    return end, float(strength) if times else 1.0
