"""Starting and ending: networks are loaded beside the search for faces, and all ends quietly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ganimate import Animator
from ganimate.errors import GanimateError, UsageError


@pytest.mark.usefixtures("face_model")
def test_a_program_that_keeps_its_animator_ends_quietly(portrait: Path) -> None:
    program = f"""
from ganimate import Animator
animator = Animator(locator="mediapipe", offline=True)
portrait = animator.open({str(portrait)!r})
print(portrait.locator)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "mediapipe\n")
    assert "Error" not in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"weights": "none.safetensors"}, GanimateError), ({"device": "abacus"}, UsageError)],
)
def test_what_cannot_be_loaded_is_said_when_a_photo_is_opened(
    portrait: Path, settings: dict[str, str], error: type[GanimateError]
) -> None:
    animator = Animator(locator="builtin", **settings)  # type: ignore[arg-type]
    with pytest.raises(error, match=next(iter(settings.values()))):
        animator.open(portrait)


def test_a_photo_without_a_face_loads_the_networks_once() -> None:
    animator = Animator(locator="builtin", device="cpu")
    wall = np.full((200, 200, 3), 128, np.uint8)
    engines = []
    for _ in range(2):
        with pytest.raises(GanimateError, match="no face"):
            animator.open(wall)
        engines.append(animator.engine)
    assert engines[0] is engines[1]


@pytest.mark.parametrize(
    ("set_already", "found"),
    [({}, "3000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, "None")],
)
def test_waiting_threads_leave_the_processor_to_others(
    set_already: dict[str, str], found: str
) -> None:
    program = """
import os, sys
sys.argv = ["ganimate", "expressions", "--quiet"]
from ganimate.__main__ import run
run()
print(os.environ.get("GOMP_SPINCOUNT"))
"""
    others = {name: value for name, value in os.environ.items() if "OMP" not in name}
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, env=others | set_already)
    assert done.stdout.splitlines()[-1] == found, done.stderr
