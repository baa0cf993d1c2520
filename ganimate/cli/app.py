"""The command `ganimate`: finds the command that is meant, and says what went wrong."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from ganimate import __version__
from ganimate.cli.animate import animate
from ganimate.cli.edit import edit
from ganimate.cli.evaluate import evaluate
from ganimate.cli.expressions import expressions
from ganimate.cli.faces import faces
from ganimate.cli.read import read
from ganimate.cli.train import train
from ganimate.cli.weights import weights
from ganimate.errors import GanimateError

LOOKS = ("--au", "--from", "--to", "--via")
"""Options whose value may run on over several words: --au 12=0.8 6=0.5."""

# Plain help: typer's panels cost a third of a second, as much as all the rest.
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (edit, animate, faces, read, expressions, train, evaluate):
    app.command()(command)
app.add_typer(weights, name="weights")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"ganimate {__version__}")
        raise typer.Exit


@app.callback()
def ganimate(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Change the expression of a face in one photo, and animate it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the one place where errors are caught.

    Args:
        arguments: the words after `ganimate`; by default those of this process.

    Returns:
        The exit status: 1 for a failure, 2 for a request that is itself wrong.

    Raises:
        SystemExit: the command is done, or its options are wrong.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        app(args=join_looks(words), prog_name="ganimate")
    except Exception as error:
        if "--debug" in words:
            traceback.print_exc()
        if isinstance(error, GanimateError):
            print(f"ganimate: {error}", file=sys.stderr)
            return error.exit_code
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"ganimate: unexpected {reason} (--debug shows where)", file=sys.stderr)
    return 1


def join_looks(words: Sequence[str]) -> list[str]:
    """Make one word of a look that was written as several.

    `--au 12=0.8 6=0.5 face.jpg` becomes `--au "12=0.8 6=0.5" face.jpg`: an option of the
    parser takes one value, people write the assignments as they come.
    """
    joined: list[str] = []
    expecting = growing = False  # the next word is a look; the last word was one
    for index, word in enumerate(words):
        if word == "--":
            return [*joined, *words[index:]]
        if growing and _is_assignment(word):
            joined[-1] += f" {word}"
            continue
        growing = (expecting and not word.startswith("-")) or word.startswith(
            tuple(f"{option}=" for option in LOOKS)
        )
        expecting = word in LOOKS
        joined.append(word)
    return joined


def _is_assignment(word: str) -> bool:
    if "=" not in word:
        return False
    from ganimate.facs import looks_like_assignment

    return looks_like_assignment(word)
