"""The command as a process: ``ganimate``, and ``python -m ganimate``."""

from __future__ import annotations

import codecs
import os
import signal
import sys
from io import TextIOWrapper
from types import FrameType
from typing import Any

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that end a command; what is unfinished is removed first."""

_SPINS = "3000"
"""How often torch's threads look for work before they sleep. By GNU's default of 300,000 they take
a fifth of the processor time of a film from those that blend and encode it."""

_received: list[int] = []
"""Those that came."""


def run() -> int:
    """Run this process's command line, and return its exit status.

    Of a command that a signal ended it is 128 and the signal's number, as shells have it.
    """
    try:
        # nohup ignores SIGHUP, and scripts SIGINT of what they run in the background.
        _handle(_end, instead_of=(signal.SIG_DFL, signal.default_int_handler))
        status = _asked()
        # All is written or removed: from here on signals may end the process as they are.
        _handle(signal.SIG_DFL, instead_of=(_end, signal.default_int_handler))
    except (SystemExit, KeyboardInterrupt):
        status = 1
        _received.append(signal.SIGINT)
    if status and _received:
        status = 128 + _received[0]
    flushed = _flush()
    return status or flushed


def _asked() -> int:
    """Do what is asked, and return the status."""
    if isinstance(sys.stdout, TextIOWrapper):
        # Names of files need not be text, nor text that the terminal or pipe has letters for.
        any_text = codecs.lookup(sys.stdout.encoding).name == "utf-8"
        sys.stdout.reconfigure(errors="surrogateescape" if any_text else "backslashreplace")
    if sys.argv[1:] == ["--version"]:  # at once: the parser alone takes a quarter of a second
        from ganimate import __version__

        try:
            print(f"ganimate {__version__}", flush=True)
        except OSError as error:
            return _lost(error)
        return 0
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)  # read when torch is loaded
    from ganimate.cli.app import main

    try:
        return main(ended=lambda: bool(_received))
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(bool(done.code))
    except KeyboardInterrupt:
        _received.append(signal.SIGINT)
        return 1


def _handle(handler: Any, instead_of: tuple[Any, ...]) -> None:
    """Handle the signals that end a command, where they are handled so."""
    for name in _ENDING:
        number = getattr(signal, name, None)  # Windows lacks one
        if number and signal.getsignal(number) in instead_of:
            signal.signal(number, handler)


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
    """Write out what was printed, and return the status."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError as error:
        return _lost(error)
    return 0


def _lost(error: OSError) -> int:
    """Say that the output could not be written; 0 where a reader has but read enough."""
    # Else Python would try once more at its end, and complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 0
    reason = f"could not be written: {error.strerror}"
    print(f"ganimate: the standard output {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(run())
