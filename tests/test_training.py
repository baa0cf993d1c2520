"""Training: the data's one road, exact resume, stopping on request, and every shipped recipe."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import COMMAND, ROOT, Ganimate
from dataset import write_dataset

from ganimate.errors import GanimateError, UsageError
from ganimate.faces.align import FaceFrame
from ganimate.networks.generator import CompactTrunk
from ganimate.training.augment import Jitter, middle, random_crops
from ganimate.training.dataset import load_dataset
from ganimate.training.generator_task import GeneratorTask
from ganimate.training.lids import make_lids
from ganimate.training.mouths import make_mouths
from ganimate.training.recipe import load_recipe
from ganimate.training.run import prepare, recipe_path
from ganimate.training.state import load_state, save_state
from ganimate.training.trainer import Trainer, rate_at
from ganimate.weights import load_generator, load_reader

TINY: dict[str, dict[str, Any]] = {
    "generator": {
        "schedule": {"steps": 4, "batch": 4},
        "network": {"trunk": "compact", "width": 16, "blocks": 1},
        "critic": {
            "loss": "hinge", "updates": 1, "penalty_every": 2, "width": 4, "layers": 5, "cap": 8,
            "augment": True,
        },
        "losses": {"motion": 1.0, "picture": 1.0, "undo": True, "reader": 0.1, "cycle": 1.0},
    },
    "finish": {
        "task": "generator",
        "schedule": {"steps": 4, "batch": 4},
        "network": {
            "trunk": "compact", "width": 16, "blocks": 1, "fine": 8, "mouths": 2, "lids": 2,
        },
        "critic": {
            "sees": "features", "loss": "hinge", "updates": 2, "penalty": 0.0, "width": 4,
            "augment": True,
        },
        "losses": {
            "action_units": 0.0, "cycle": 0.0, "motion": 1.0, "picture": 1.0, "undo": True,
            "reader": 0.1, "features": 0.1, "trust": 0.3,
        },
        "lenders": ["train/1.jpg", "train/3.jpg", "someone/else.jpg"],
        "lid_lenders": ["train/2.jpg", "train/1.jpg"],
    },
    "evaluation": {
        "schedule": {"steps": 4, "batch": 8},
        "network": {"widths": [8, 8, 8, 8, 8], "features": 16},
    },
    "reader": {
        "schedule": {"steps": 4, "batch": 8},
        "network": {"widths": [8, 8, 16, 16], "features": 16},
        "rough_share": 0.25,
        "junk_share": 0.25,
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("dataset"))


def tiny(folder: Path, task: str, **changes: Any) -> Path:
    path = folder / f"{task}.yaml"
    path.write_text(yaml.safe_dump({"task": task} | TINY[task] | changes))
    return path


def trainer(dataset: Path, recipe: Path, out: Path, start: Path | None = None) -> Trainer:
    from lightning import Fabric

    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    # Teachers that the first run fits serve all.
    fitted, here = dataset / "teacher.safetensors", out / "teacher.safetensors"
    brought = here.exists()
    if recipe.stem in ("generator", "finish") and fitted.exists() and not brought:
        out.mkdir(exist_ok=True)
        shutil.copy(fitted, here)
    made = prepare(dataset, recipe, out, fabric=fabric, start=start)
    if here.exists() and not fitted.exists() and not brought:
        shutil.copy(here, fitted)
    return made


@pytest.mark.parametrize("task", ["generator", "reader", "evaluation"])
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


def test_dataset_agrees_with_the_face_frame(dataset: Path) -> None:
    data = load_dataset(dataset, "train")
    assert data.images.shape == (12, 152, 152, 3)
    for landmarks in data.landmarks:
        frame = FaceFrame.from_landmarks(landmarks.numpy())
        assert frame.centre == pytest.approx((63.5, 63.5), abs=0.3)
        assert frame.half_side == pytest.approx(64, abs=0.3)
    assert middle(data.images).shape == (12, 3, 128, 128)


def test_dataset_limit_and_fingerprint(dataset: Path) -> None:
    assert len(load_dataset(dataset, "train", limit=5)) == 5
    one, other = (load_dataset(dataset, split).fingerprint for split in ("train", "validation"))
    assert one != other


def test_broken_datasets_are_named(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(GanimateError, match="no train-"):
        load_dataset(tmp_path, "train")
    shard = tmp_path / "train-00000-of-00001.parquet"
    shard.write_bytes(b"PAR1 not really")
    with pytest.raises(GanimateError, match="train-00000"):
        load_dataset(tmp_path, "train")


def test_random_crops_move_landmarks_with_the_pixels(dataset: Path) -> None:
    """A white dot set on a landmark is found where the augmented landmark says."""
    data = load_dataset(dataset, "train")
    images = torch.zeros_like(data.images)
    for i, landmarks in enumerate(data.landmarks):
        x, y = (landmarks[33] + 12).round().long()
        images[i, y - 2 : y + 3, x - 2 : x + 3] = 255
    rng = torch.Generator().manual_seed(2)
    jitter = Jitter(shift=0.05, turn=10, scale=0.1, colour=0, blur=0)
    crops, landmarks = random_crops(images, data.landmarks, jitter, rng)
    sides = set()
    for crop, points in zip(crops, landmarks, strict=True):
        y, x = np.unravel_index(int(crop[0].argmax()), crop[0].shape)
        spots = torch.stack([points[33], points[263]])
        distance = (spots - torch.tensor([x, y])).norm(dim=-1)
        assert distance.min() < 4
        sides.add(int(distance.argmin()))
    assert sides == {0, 1}  # some were mirrored: the dot then sits on the partner


@pytest.mark.parametrize("task", ["reader", "evaluation", "generator", "finish"])
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
    mouths = make_mouths(data.images[[1, 3]], data.landmarks[[1, 3]])
    lids = make_lids(data.images[[2, 1]], data.landmarks[[2, 1]])
    assert isinstance(task.generator.body, CompactTrunk)
    inlays = task.generator.body.inlays
    assert inlays is not None
    torch.testing.assert_close(inlays.mouths, mouths.pictures)
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
    network = {"trunk": "compact", "width": 16, "blocks": 1, "fine": 8, "mouths": 5, "lids": 4}
    task = trainer(dataset, tiny(tmp_path, "finish", network=network), tmp_path / "f").task
    assert isinstance(task, GeneratorTask)
    mouths, lids = task.lenders
    assert mouths is not None and lids is not None
    for pictures, room in ((mouths.pictures, 5), (lids.pictures, 4)):
        assert len(pictures) == room
        assert len(pictures.flatten(1).unique(dim=0)) == 2


def test_a_run_can_start_from_weights(dataset: Path, tmp_path: Path, trained: Path) -> None:
    second = trainer(dataset, tiny(tmp_path, "generator", seed=2), tmp_path / "second", trained)
    exported = load_generator(trained)[0].state_dict()
    for name in ("generator", "average"):
        for key, value in second.task.networks[name].state_dict().items():
            if key not in ("body.basis", "body.release"):  # the teacher's, as it is now
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
        "shading": torch.zeros(17, 1, 64, 64),
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


def test_every_shipped_recipe_is_read_whole() -> None:
    for path in sorted((ROOT / "recipes").glob("*.yaml")):
        assert load_recipe(path).schedule.steps > 0


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("task: dance", "task"),
        ("task: reader\nspeed: 3", "speed"),
        ("task: reader\nschedule: {stepz: 3}", "stepz"),
        ("task: reader\nschedule: {steps: many}", "steps"),
        ("task: generator\nlenders: someone", "lenders"),
        ("task: generator\ncritic: {sees: stars}", "stars"),
        ("task: generator\ncritic: {sees: features, loss: hinge, penalty: 1}", "penalty"),
        ("task: [", "YAML"),
    ],
)
def test_wrong_recipes_name_the_key(text: str, names: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=names):
        load_recipe(path)


def test_state_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {"a": [1, {"b": torch.arange(3)}], 5: None, "x": {"y": 1.5, 0: "text"}}
    save_state(tmp_path / "s", state)
    back = load_state(tmp_path / "s")
    assert back["a"][1]["b"].tolist() == [0, 1, 2]
    assert back[5] is None and back["x"] == {"y": 1.5, 0: "text"}


def test_rate_rises_holds_and_falls() -> None:
    from ganimate.training.recipe import Schedule

    schedule = Schedule(warmup=0.1, decay_from=0.5)
    rates = [rate_at(p / 100, schedule) for p in range(101)]
    assert rates[0] < 0.01 and rates[30] == 1 and rates[100] == pytest.approx(0, abs=1e-9)
    assert rates[50:] == sorted(rates[50:], reverse=True)


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
