"""Run `ganimate` again and again while it is still importing, and end it by a signal each time.

    python tests/killed.py SIGTERM 20 faces face.jpg

The first signals come where they are hard to catch, the others at so many moments spread over an
undisturbed run. Prints status and standard error of each, as a line of JSON; null where the run was
over before. Runs are forked from this process, which has imported nothing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from types import FrameType


def in_lock_callback(frame: FrameType) -> bool:
    """Python forgets the lock of a module that it has imported: nobody catches what is raised."""
    return frame.f_code.co_name == "cb" and "importlib" in frame.f_code.co_filename


def at_the_beginning(frame: FrameType) -> bool:
    """Signals are handled, and nothing else is done."""
    return frame.f_code.co_name == "_asked"


def at_the_end(frame: FrameType) -> bool:
    """All is done, and signals are about to be let go."""
    return frame.f_code.co_name == "_handle" and frame.f_locals["handler"] == signal.SIG_DFL


def start(
    err: int, over: int, number: signal.Signals, there: Callable[[FrameType], bool] | None
) -> int:
    """Run this process's command line in another one, which sends itself a signal when `there`.

    Its standard error goes to the file `err`, the time of its end to `over`.
    """
    process = os.fork()
    if process:
        return process
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(err, 2)
    from ganimate.__main__ import run

    def look(frame: FrameType, _event: str, _argument: object) -> None:
        if there and there(frame):
            sys.setprofile(None)
            os.kill(os.getpid(), number)

    sys.setprofile(look if there else None)
    status = run()
    os.write(over, str(time.monotonic()).encode())
    sys.stderr.flush()
    os._exit(status)


def end(
    number: signal.Signals,
    there: Callable[[FrameType], bool] | None = None,
    after: float | None = None,
) -> tuple[int, str] | None:
    """How a run ended that got a signal at a place in the code, or after some seconds, or never.

    None where it was over before.
    """
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as over:
        process = start(said.fileno(), over.fileno(), number, there)
        sent = 0.0
        if after is not None:
            time.sleep(after)
            if os.waitpid(process, os.WNOHANG)[0]:
                return None
            sent = time.monotonic()
            os.kill(process, number)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        said.seek(0)
        over.seek(0)
        if float(over.read() or "inf") < sent:
            return None  # on a busy machine some time passes from a run's end to its process's
        return status, said.read().decode()


def main() -> None:
    number, moments = signal.Signals[sys.argv[1]], int(sys.argv[2])
    sys.argv = ["ganimate", *sys.argv[3:]]
    begun = time.monotonic()
    end(number)
    seconds = time.monotonic() - begun
    for there in (in_lock_callback, at_the_beginning, at_the_end):
        print(json.dumps(end(number, there)))
    for moment in range(moments):
        print(json.dumps(end(number, after=seconds * moment / moments)))


if __name__ == "__main__":
    main()
