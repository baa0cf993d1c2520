"""``ganimate expressions``: the named expressions and their action units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganimate.cli import options
from ganimate.cli.console import Console

if TYPE_CHECKING:
    from ganimate.facs import Expression


def expressions(
    expressions_file: options.ExpressionsFile = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List the named expressions, their action units and where they come from."""
    from ganimate.facs import load_expressions

    known = load_expressions(expressions_file)
    Console(quiet=quiet, as_json=json).result(
        "\n".join(map(_line, known.values())),
        {
            name: {
                "action_units": dict(expression.intensities),
                "source": expression.source,
                "note": expression.note,
                "also": list(expression.also),
            }
            for name, expression in known.items()
        },
    )


def _line(expression: Expression) -> str:
    look = " ".join(f"{number}={value:g}" for number, value in expression.intensities.items())
    note = f"; {expression.note}" if expression.note else ""
    note += f"; also {', '.join(expression.also)}" if expression.also else ""
    return f"{expression.name:22s} {look:48s} {expression.source}{note}"
