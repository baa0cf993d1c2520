"""The command `ganimate`: finds the command that is meant, and says what went wrong."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from ganimate import __version__
from ganimate.errors import GanimateError

COMMANDS = {
    "edit": "Change the expression of a face in a photo.",
    "animate": "Animate a face from one expression to another.",
    "video": "Change the expression of a face in a film.",
    "transfer": "Play on a photo what the face in a film does.",
    "sheet": "Draw a contact sheet.",
    "faces": "List the faces of a photo, numbered from the left.",
    "read": "Read the action units that a face shows, 0 to 1.",
    "verify": "Say what files carry of their origin.",
    "expressions": "List the named expressions.",
    "studio": "Change a face in the browser, with sliders.",
    "train": "Train on a dataset.",
    "evaluate": "Measure control, identity, realism, restraint and fairness.",
    "export": "Write a network as ONNX, for programs without torch.",
    "weights": "Show what a weights file is, or import another program's.",
    "keys": "Make a test certificate to sign Content Credentials with.",
}
"""Each is what its module in `ganimate.cli` calls by its own name; the words begin its help."""

LOOKS = {"--au": 1, "--from": 1, "--to": 1, "--via": 1, "--at": 2}
"""Options whose value may run on over several words, --au 12=0.8 6=0.5, and how many it has at
least: --at 0 smile."""

PARSER_WORDS = {
    "Input should be a valid number.*": "not a number",
    "Input should be a valid integer.*": "not a whole number",
    r"Input should be greater than or equal to (\S+)": r"\1 or more",
    r"Input should be less than or equal to (\S+)": r"\1 or less",
    "Value error, ": "",
}
"""What the parser says in its library's words, and what is said instead."""


class _Made(Mapping[str, Any]):
    """The commands, each made when it is asked for: all of them take a tenth of a second."""

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        command = getattr(import_module(f"ganimate.cli.{name}"), name)
        if not isinstance(command, typer.Typer):
            alone = typer.Typer(rich_markup_mode=None, add_completion=False)
            alone.command(name)(command)
            command = alone
        made = get_command(command)
        made.name = name
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Commands(TyperGroup):
    """What `ganimate` can do."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"commands": _Made()})

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


# Plain help: typer's panels cost a third of a second, as much as all the rest.
app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


def main(
    arguments: Sequence[str] | None = None, *, ended: Callable[[], bool] = lambda: False
) -> int:
    """Run a command line; the one place where errors are caught.

    Args:
        arguments: the words after `ganimate`; by default those of this process.
        ended: whether a signal has asked for the end; then errors are not told, since C code puts
            some in place of what a signal's handler raised.

    Returns:
        The exit status: 1 for a failure, 2 for a request that is itself wrong.

    Raises:
        SystemExit: the command is done, or its options are wrong.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        status = app(args=join_looks(words), prog_name="ganimate", standalone_mode=False)
    except SystemExit:
        # So typer ends where a reader, such as `head`, has read enough: that is no failure.
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":
            return 0
        raise
    except Exception as error:
        if "--debug" in words:
            traceback.print_exc()
        if ended():
            return 1
        from ganimate.cli.console import one_line

        if hasattr(error, "format_message"):  # the parser's
            return _refused(error, one_line(error.format_message()))
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
    raise SystemExit(status if isinstance(status, int) else 0)


def _refused(error: Any, message: str) -> int:
    """Say in one line what the parser found wrong, and return the exit status."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return int(error.exit_code)
    for theirs, ours in PARSER_WORDS.items():
        message = re.sub(theirs, ours, message)
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "ganimate"
    print(f"ganimate: {message.strip().rstrip('.')} ({command} --help)", file=sys.stderr)
    return int(error.exit_code)


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
