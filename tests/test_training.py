"""Training: exact resume, stopping on request, and what each stage learns, and from whom."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
import yaml
from conftest import COMMAND, Ganimate
from tiny import TINY, tiny, trainer

from ganimate.errors import GanimateError
from ganimate.networks.compact import CompactTrunk
from ganimate.training.dataset import load_dataset
from ganimate.training.generator_task import GeneratorTask
from ganimate.training.lids import make_lids
from ganimate.training.mouths import make_mouths
from ganimate.training.run import recipe_path
from ganimate.training.state import load_state, save_state
from ganimate.training.trainer import rate_at
from ganimate.weights import load_generator, load_reader


@pytest.mark.parametrize("task", ["generator", "reader", "evaluation", "glasses"])
def test_bfloat16_lowers_the_networks_alone(task: str, dataset: Path, tmp_path: Path) -> None:
    """Losses are near those of float32; pictures, places and weights stay float32."""
    told = []
    for precision in ("32-true", "bf16-mixed"):
        folder = tmp_path / precision
        folder.mkdir()
        recipe = tiny(folder, task, precision=precision)
        made = trainer(dataset, recipe, tmp_path / "run")
        told.append({name: float(value) for name, value in made.task.step(0).items()})
        for network in made.task.networks.values():
            assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    assert told[0] != told[1]
    assert told[0].keys() == told[1].keys()
    for name, value in told[0].items():
        assert told[1][name] == pytest.approx(value, rel=0.1, abs=0.01), name


@pytest.mark.parametrize("task", ["reader", "evaluation", "glasses", "generator", "finish"])
def test_resuming_goes_on_exactly(task: str, dataset: Path, tmp_path: Path) -> None:
    whole = trainer(dataset, tiny(tmp_path, task), tmp_path / "whole")
    whole.run()
    half = trainer(
        dataset, tiny(tmp_path, task, schedule={**TINY[task]["schedule"]}), tmp_path / "halves"
    )
    # Two steps, then another process would begin here.
    half.task.recipe.schedule.__dict__["steps"] = 2
    full_rate_until_the_end = rate_at(0.5, whole.task.recipe.schedule)
    assert full_rate_until_the_end == 1
    half.run()
    again = trainer(dataset, tiny(tmp_path, task), tmp_path / "halves")
    again.resume()
    assert again.step == 2
    again.run()
    for name, network in whole.task.networks.items():
        other = again.task.networks[name].state_dict()
        for key, value in network.state_dict().items():
            torch.testing.assert_close(other[key], value, msg=lambda m, k=key: f"{k}: {m}")


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a generator after its few steps."""
    folder = tmp_path_factory.mktemp("trained")
    trainer(dataset, tiny(folder, "generator"), folder / "run").run()
    return folder / "run" / "generator.safetensors"


def test_exported_weights_load_and_say_what_they_are(trained: Path) -> None:
    network, info = load_generator(trained)
    assert network.config["width"] == 16
    assert info.metadata["images_seen"] == 16
    assert info.metadata["recipe"]["losses"]["undo"] is True
    assert "CC BY" in info.metadata["licence"]
    with pytest.raises(GanimateError, match="holds a generator"):
        load_reader(trained)


def test_the_second_stage_waits_and_borrows_from_named_faces(dataset: Path, tmp_path: Path) -> None:
    task = trainer(dataset, tiny(tmp_path, "finish", motion_only=0.25), tmp_path / "f").task
    assert isinstance(task, GeneratorTask)
    data = task.train_set
    assert task.teacher is not None
    mouth = make_mouths(task.teacher).inside
    lids = make_lids(data.images[[2, 1]], data.landmarks[[2, 1]])
    assert isinstance(task.generator.body, CompactTrunk)
    inlays = task.generator.body.inlays
    assert inlays is not None
    for ours, drawn in zip(inlays.mouth.buffers(), mouth.buffers(), strict=True):
        torch.testing.assert_close(ours, drawn)
    torch.testing.assert_close(inlays.lids, lids.pictures)
    first = set(task.step(0))
    assert not {"reader", "adversarial", "critic/contest"} & first
    assert {"place", "laid"} <= first
    assert {"reader", "features", "adversarial", "critic/contest"} <= set(task.step(1))


def test_what_the_reader_knows_less_of_it_teaches_less(dataset: Path, tmp_path: Path) -> None:
    task = trainer(dataset, tiny(tmp_path, "finish"), tmp_path / "f").task
    assert isinstance(task, GeneratorTask)
    spread = task.train_set.action_units.std(0).clamp(min=0.05)
    counts = task.judges.balance * spread
    found = load_reader()[1].metadata["metrics"]
    known = torch.tensor([found[f"r/{row}"] for row in range(17)])
    torch.testing.assert_close(counts / counts[8], (known / known[8]).square())
    assert task.judges.balance.mean() == pytest.approx(1)


def test_fewer_lenders_than_there_is_room_for_lend_twice(dataset: Path, tmp_path: Path) -> None:
    network = {"trunk": "compact", "width": 16, "blocks": 1, "fine": 8, "lids": 4}
    task = trainer(dataset, tiny(tmp_path, "finish", network=network), tmp_path / "f").task
    assert isinstance(task, GeneratorTask)
    mouths, lids = task.lenders
    assert mouths is not None and lids is not None
    assert len(lids.pictures) == 4
    assert len(lids.pictures.flatten(1).unique(dim=0)) == 2


def test_a_run_can_start_from_weights(dataset: Path, tmp_path: Path, trained: Path) -> None:
    second = trainer(dataset, tiny(tmp_path, "generator", seed=2), tmp_path / "second", trained)
    exported = load_generator(trained)[0].state_dict()
    for name in ("generator", "average"):
        taught = ("body.basis", "body.release", "body.folds.shading")  # as the teacher is now
        for key, value in second.task.networks[name].state_dict().items():
            if key not in taught:
                torch.testing.assert_close(value, exported[key])
    other = tiny(tmp_path, "generator", network={"trunk": "compact", "width": 24, "blocks": 1})
    with pytest.raises(GanimateError, match="another network"):
        trainer(dataset, other, tmp_path / "third", trained)


def test_a_damaged_checkpoint_is_refused(dataset: Path, tmp_path: Path) -> None:
    run = trainer(dataset, tiny(tmp_path, "reader"), tmp_path / "r")
    run.run()
    whole = run.checkpoint.read_bytes()
    run.checkpoint.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(GanimateError, match="checkpoint"):
        run.resume()


def test_the_papers_recipe_trains(dataset: Path, tmp_path: Path) -> None:
    """The paper's game (WGAN-GP, cycle, 5:1) through its own code, with a small network."""
    data = yaml.safe_load(recipe_path("paper").read_text())
    data["network"] |= {"width": 8, "blocks": 1}
    data["critic"] |= {"width": 4, "cap": 8}
    data["schedule"] |= {"steps": 2, "batch": 4}
    path = tmp_path / "small-paper.yaml"
    path.write_text(yaml.safe_dump(data))
    run = trainer(dataset, path, tmp_path / "paper")
    before = [p.clone() for p in run.task.networks["generator"].parameters()]
    run.run()
    after = list(run.task.networks["generator"].parameters())
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    assert not (tmp_path / "paper" / "teacher.safetensors").exists()


def test_the_generator_learns(dataset: Path, tmp_path: Path) -> None:
    """A teacher whose action units all lift the face is followed after a few steps."""
    directions = torch.zeros(17, 478, 2)
    directions[..., 1] = -3
    mean = load_dataset(dataset, "train").landmarks.mean(0)
    teacher = {
        "directions": directions,
        "mean": mean,
        "rest": mean,
        "shading": torch.zeros(17, 1, 128, 128),
        "release": torch.ones(17),
    }
    save_state(tmp_path / "learns" / "teacher.safetensors", teacher)
    recipe = tiny(
        tmp_path,
        "generator",
        schedule={"steps": 12, "batch": 4, "average": 0.5},
        losses={"adversarial": 0.0, "action_units": 0.0, "cycle": 0.0, "motion": 1.0},
        optimiser={"rate": 5e-3},
    )
    run = trainer(dataset, recipe, tmp_path / "learns")
    for name in ("generator", "average"):  # forget what the teacher gave to start from
        run.task.networks[name].body.basis.data.zero_()
    before = run.task.validate()
    after = run.run()
    assert after["motion"] < 0.8 * before["motion"]


def test_a_teacher_of_another_version_is_refused(dataset: Path, tmp_path: Path) -> None:
    old = {name: torch.zeros(17, 1, 64, 64) for name in ("directions", "mean", "rest", "release")}
    save_state(
        tmp_path / "old" / "teacher.safetensors", old | {"shading": torch.zeros(17, 1, 64, 64)}
    )
    recipe = tiny(tmp_path, "generator", losses={"motion": 1.0})
    with pytest.raises(GanimateError, match="another version"):
        trainer(dataset, recipe, tmp_path / "old")


def test_state_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {"a": [1, {"b": torch.arange(3)}], 5: None, "x": {"y": 1.5, 0: "text"}}
    save_state(tmp_path / "s", state)
    back = load_state(tmp_path / "s")
    assert back["a"][1]["b"].tolist() == [0, 1, 2]
    assert back[5] is None and back["x"] == {"y": 1.5, 0: "text"}


def test_train_command_stops_on_sigterm_and_resumes(
    dataset: Path, tmp_path: Path, ganimate: Ganimate
) -> None:
    recipe = tiny(tmp_path, "reader", schedule={"steps": 100_000, "batch": 8})
    words = [COMMAND, "train", dataset, "--recipe", recipe, "--out", tmp_path / "run", "--json"]
    process = subprocess.Popen(
        [*map(str, words), "--every", "1s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    deadline = time.monotonic() + 250
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    done = json.loads(out.splitlines()[-1])
    assert done["steps"] > 0 and not done["finished"]
    assert done["images_a_second"] > 0 and 0 < done["share_of_peak"] < 1
    assert not list((tmp_path / "run").glob(".*partial"))

    refused = ganimate("train", dataset, "--recipe", recipe, "--out", tmp_path / "run")
    assert refused.returncode == 2 and "--resume" in refused.stderr
    resumed = ganimate(
        "train", dataset, "--recipe", recipe, "--out", tmp_path / "run",
        "--resume", "--max-time", "1s", "--json",
    )  # fmt: skip
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout.splitlines()[-1])["steps"] > done["steps"]


def test_train_command_names_a_missing_dataset(ganimate: Ganimate, tmp_path: Path) -> None:
    result = ganimate("train", tmp_path / "nowhere")
    assert result.returncode == 1
    assert "nowhere" in result.stderr and "Traceback" not in result.stderr
