"""A handful of real runs, killed at random moments; `benchmarks/kills.py` kills hundreds."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT

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
