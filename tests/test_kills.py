"""A handful of real runs, killed at random moments; `benchmarks/kills.py` kills hundreds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from conftest import ROOT

from ganimate.cli.app import main

# Python, and what a run has to say when it is killed, are the same on all of these.
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


def test_a_killed_run_leaves_the_old_picture_or_the_new_one() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "kills.py"), "--kills", "4", "--only", "still"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] == 4 and not told["wrong"]


@pytest.mark.parametrize(("name", "moments"), [("SIGTERM", 20), ("SIGINT", 0)])
def test_a_signal_amid_the_imports_ends_a_run_without_a_word(name: str, moments: int) -> None:
    """An exception raised there may be dropped, or come out as another one."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "killed.py"), name, str(moments), "faces", "no.jpg"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    endings = [json.loads(line) for line in done.stdout.splitlines()]
    ended = 128 + signal.Signals[name]
    told = "ganimate: no.jpg: there is no such file\n"
    assert endings[:3] == [[ended, ""], [ended, ""], [ended, told]]
    # A process that has not come to our code yet is ended by the signal itself.
    others = [ending for ending in endings[3:] if ending]
    usual = (ended, -signal.Signals[name])
    assert not [ending for ending in others if ending[0] not in usual]
    assert not any("Traceback" in said or "unexpected" in said for _, said in others), others
    assert len(others) >= moments / 4


def test_what_c_code_says_in_place_of_a_signal_is_not_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Torch's, as it reads a checkpoint: "could not determine the shape of object type"."""
    assert main(["faces", "no.jpg"], ended=lambda: True) == 1
    assert capsys.readouterr().err == ""
