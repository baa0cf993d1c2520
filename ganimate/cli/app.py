"""The command `ganimate`: finds the command that is meant, and says what went wrong."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from ganimate import __version__
from ganimate.cli.animate import animate
from ganimate.cli.console import one_line
from ganimate.cli.edit import edit
from ganimate.cli.evaluate import evaluate
from ganimate.cli.export import export
from ganimate.cli.expressions import expressions
from ganimate.cli.faces import faces
from ganimate.cli.keys import keys
from ganimate.cli.read import read
from ganimate.cli.sheet import sheet
from ganimate.cli.studio import studio
from ganimate.cli.train import train
from ganimate.cli.transfer import transfer
from ganimate.cli.verify import verify
from ganimate.cli.video import video
from ganimate.cli.weights import weights
from ganimate.errors import GanimateError

LOOKS = {"--au": 1, "--from": 1, "--to": 1, "--via": 1, "--at": 2}
"""Options whose value may run on over several words, --au 12=0.8 6=0.5, and how many it has at
least: --at 0 smile."""

# Plain help: typer's panels cost a third of a second, as much as all the rest.
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    edit,
    animate,
    video,
    transfer,
    sheet,
    faces,
    read,
    verify,
    expressions,
    studio,
    train,
    evaluate,
    export,
):
    app.command()(command)
app.add_typer(weights, name="weights")
app.add_typer(keys, name="keys")


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
            print(f"ganimate: {one_line(str(error))}", file=sys.stderr)
            return error.exit_code
        if isinstance(error, OSError) and error.strerror:
            where = error.filename or "the standard output"
            print(f"ganimate: {one_line(f'{where}: {error.strerror}')}", file=sys.stderr)
            return 1
        reason = one_line(" ".join(f"{type(error).__name__}: {error}".split()))
        print(f"ganimate: unexpected {reason} (--debug shows where)", file=sys.stderr)
    return 1


def join_looks(words: Sequence[str]) -> list[str]:
    """Make one word of a look that was written as several.

    `--au 12=0.8 6=0.5 face.jpg` becomes `--au "12=0.8 6=0.5" face.jpg`, and `--at 0 smile` becomes
    `--at "0 smile"`: an option of the parser takes one value, people write words as they come.
    """
    joined: list[str] = []
    due, begun = -1, False  # words that the look at hand still needs, -1 outside; has it any?
    for index, word in enumerate(words):
        option, equals, value = word.partition("=")
        if word == "--":
            return [*joined, *words[index:]]
        if option in LOOKS:
            due, begun = max(0, LOOKS[option] - len(value.split())), bool(equals)
        elif word.startswith("-") or due < 0 or (due == 0 and not _is_assignment(word)):
            due = -1
        else:
            due = max(0, due - len(word.split()))
            if begun:
                joined[-1] += f" {word}"
                continue
            begun = True
        joined.append(word)
    return joined


def _is_assignment(word: str) -> bool:
    if "=" not in word:
        return False
    from ganimate.facs import looks_like_assignment

    return looks_like_assignment(word)
