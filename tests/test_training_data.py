"""What training is given, the faces and the recipe: read whole, or refused with what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT

from ganimate.errors import GanimateError, UsageError
from ganimate.faces.align import FaceFrame
from ganimate.training.augment import Jitter, middle, random_crops
from ganimate.training.dataset import load_dataset
from ganimate.training.recipe import load_recipe
from ganimate.training.trainer import rate_at


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
        ("task: reader\nschedule: {steps: true}", "steps"),
        ("task: reader\nschedule: {average: 1.5}", "average"),
        ("task: reader\nrough_share: 0.8\njunk_share: 0.5", "rough_share"),
        ("task: reader\nnetwork: {breadth: 3}", "breadth"),
        ("task: evaluation\nnetwork: {widht: 3}", "widht"),
        ("task: generator\nnetwork: {widht: 96}", "widht"),
        ("task: generator\nnetwork: {width: -1}", "network: out of range"),
        ("task: generator\nnetwork: {size: wide}", "network"),
        ("task: generator\ncritic: {penalty_every: 0}", "penalty_every"),
        ("task: generator\nlid_lenders: someone", "lid_lenders"),
        ("task: generator\nlid_lenders: [1, 2]", "lid_lenders"),
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


def test_rate_rises_holds_and_falls() -> None:
    from ganimate.training.recipe import Schedule

    schedule = Schedule(warmup=0.1, decay_from=0.5)
    rates = [rate_at(p / 100, schedule) for p in range(101)]
    assert rates[0] < 0.01 and rates[30] == 1 and rates[100] == pytest.approx(0, abs=1e-9)
    assert rates[50:] == sorted(rates[50:], reverse=True)
