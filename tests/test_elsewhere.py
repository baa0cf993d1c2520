"""Devices that are not the CPU, without one: nothing is mixed, nothing waits (`elsewhere.py`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny, trainer

from ganimate import Animator
from ganimate.networks.constant import constant
from ganimate.training.state import load_state, save_state

SCRIPT = Path(__file__).parent / "elsewhere.py"


def elsewhere(*words: str | Path) -> str:
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("task", ["generator", "finish", "reader", "evaluation", "glasses"])
def test_training_there_is_as_here_and_no_step_waits(
    task: str, dataset: Path, tmp_path: Path
) -> None:
    recipe = tiny(tmp_path, task, precision="32-true")
    here = trainer(dataset, recipe, tmp_path / "run").task
    wanted = [{name: float(value) for name, value in here.step(i).items()} for i in range(2)]
    told = json.loads(elsewhere("train", dataset, recipe, tmp_path / "run").splitlines()[-1])
    assert told["waited"] == {} or task == "glasses"  # which are drawn on the CPU
    for one, other in zip(told["losses"], wanted, strict=True):
        assert one == pytest.approx(other, rel=1e-3, abs=1e-5)


def test_a_photo_is_edited_there_as_here(astronaut: Path, tmp_path: Path) -> None:
    elsewhere("edit", astronaut, tmp_path / "edited.npy")
    edited = np.load(tmp_path / "edited.npy").astype(int)
    wanted = Animator().open(astronaut).edit("smile").image
    # Here convolutions may be bfloat16's.
    assert np.abs(edited - wanted).mean() < 1


def test_a_run_goes_on_on_another_kind_of_device(dataset: Path, tmp_path: Path) -> None:
    """Whose generator has a state of another length, and whose Adam is one kernel."""
    recipe = tiny(tmp_path, "reader")
    trainer(dataset, recipe, tmp_path / "run").run()
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    state = load_state(checkpoint)
    state["rng"] = torch.zeros(16, dtype=torch.uint8)
    for optimiser in state["optimisers"].values():
        optimiser["param_groups"][0]["fused"] = True
    save_state(checkpoint, state)
    again = trainer(
        dataset, tiny(tmp_path, "reader", schedule={"steps": 6, "batch": 8}), tmp_path / "run"
    )
    again.resume()
    assert not any(one.param_groups[0]["fused"] for one in again.task.optimisers.values())
    again.run()
    assert again.step == 6


def test_constants_are_made_once_and_can_be_trained_with() -> None:
    like = torch.zeros(3, requires_grad=True)
    with torch.inference_mode():
        first = constant((2, 0), like)
    assert constant([2, 0], like) is first
    like[first].sum().backward()
    assert like.grad is not None and like.grad.tolist() == [1, 0, 1]
    assert constant((0.5, 2.0), like.double()).tolist() == [0.5, 2]
    assert constant((0.5, 2.0), like.double()).dtype is torch.float64
