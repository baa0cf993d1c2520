"""The command as a process: ``ganimate``, and ``python -m ganimate``."""

from __future__ import annotations

import os
import signal
import sys
from io import TextIOWrapper
from types import FrameType

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that end a command; what is unfinished is removed first."""

_received: list[int] = []
"""Those that came."""


def run() -> int:
    """Run this process's command line, and return its exit status.

    Of a command that a signal ended it is 128 and the signal's number, as shells have it.
    """
    for name in _ENDING:
        number = getattr(signal, name, None)
        usual = signal.SIG_DFL, signal.default_int_handler
        if number and signal.getsignal(number) in usual:  # nohup ignores SIGHUP
            signal.signal(number, _end)
    if isinstance(sys.stdout, TextIOWrapper):  # names of files need not be text
        sys.stdout.reconfigure(errors="surrogateescape")
    try:
        if sys.argv[1:] == ["--version"]:  # at once: the parser alone takes a quarter of a second
            from ganimate import __version__

            print(f"ganimate {__version__}")
            status = 0
        else:
            from ganimate.cli.app import main

            status = main(ended=lambda: bool(_received))
    except SystemExit as done:
        status = done.code if isinstance(done.code, int) else int(bool(done.code))
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    if status and _received:
        status = 128 + _received[-1]
    # All is written or removed: from here on signals may end the process as they are.
    for name in _ENDING:
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    flushed = _flush()
    return status or flushed


def _end(number: int, frame: FrameType | None) -> None:
    """Raise what ends the command; amid an import, as soon as that is done.

    There it could be lost: C code that imports may drop it or say something else in its place,
    and nobody can catch what is raised in a callback of Python's import locks.
    """
    _received.append(number)
    ending = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
    outermost = None
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            outermost = frame
        frame = frame.f_back
    if not outermost:
        raise ending
    importer = outermost.f_back

    def wait(frame: FrameType, _event: str, _argument: object) -> None:
        if frame is not outermost and importer in (frame, frame.f_back):
            sys.setprofile(None)
            raise ending

    sys.setprofile(wait)


def _flush() -> int:
    """Write out what was printed; the status is 1 where nobody takes it."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError as error:
        # Else Python would try once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            reason = f"could not be written: {error.strerror}"
            print(f"ganimate: the standard output {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run())
