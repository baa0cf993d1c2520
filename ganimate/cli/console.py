"""What commands say: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.status import Status

T = TypeVar("T")


def one_line(text: str) -> str:
    """The same with whatever would not show, such as a line feed in a file's name, spelt out."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class Console:
    """One command's voice.

    Args:
        quiet: say nothing, but for errors and a summary that was asked for.
        as_json: the result is a JSON object on one line instead of text.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.quiet = quiet
        self.as_json = as_json
        self._spinner: Status | None = None

    def notice(self, text: str) -> None:
        """Tell what a person should know, and nobody needs to act on."""
        if self._spinner:  # a notice may announce a download, which has a bar of its own
            self._spinner.stop()
        if not self.quiet:
            print(f"ganimate: {one_line(text)}", file=sys.stderr)

    def error(self, text: str) -> None:
        """Say what went wrong where the command goes on, or says more at its end."""
        print(f"ganimate: {one_line(text)}", file=sys.stderr)

    def result(self, text: str, summary: Mapping[str, Any]) -> None:
        """Print what came out: for people, or for machines."""
        if self.as_json:
            line = json.dumps(summary, ensure_ascii=False)
            print(line if line.isprintable() else json.dumps(summary))  # names may be no text
        elif not self.quiet:
            print(text)

    @property
    def _watched(self) -> bool:
        """Whether a person sees what moves on the screen."""
        return not self.quiet and sys.stderr.isatty()

    @contextmanager
    def busy(self, label: str) -> Iterator[None]:
        """Show that something of unknown length is going on."""
        if not self._watched:
            yield
            return
        from rich.console import Console as Screen

        with Screen(stderr=True).status(label) as self._spinner:
            yield
        self._spinner = None

    def track(self, items: Iterable[T], total: int | None, label: str) -> Iterator[T]:
        """Pass `items` on, under a progress bar where a person is watching.

        A `total` of None is a number that is not known.
        """
        if not self._watched:
            yield from items
            return
        from rich.console import Console as Screen
        from rich.progress import track

        yield from track(items, label, total, console=Screen(stderr=True), transient=True)

    @contextmanager
    def progress(self) -> Iterator[Callable[[int, int, float, dict[str, float]], None]]:
        """A progress bar for training: called with step, steps, images a second and losses."""
        if not self._watched:
            yield lambda step, steps, speed, losses: None
            return
        from rich.console import Console as Screen
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        with Progress(
            TextColumn("step {task.completed}/{task.total}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
            console=Screen(stderr=True),
        ) as bar:
            line = bar.add_task("training", total=None, told="")

            def report(step: int, steps: int, speed: float, losses: dict[str, float]) -> None:
                told = " ".join(f"{name} {value:.3g}" for name, value in losses.items())
                bar.update(line, completed=step, total=steps, told=f"{speed:.1f} images/s {told}")

            yield report
