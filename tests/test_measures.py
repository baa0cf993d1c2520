"""Evaluation's measures, on numbers and pictures whose answer is known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import SHARED

from ganimate.errors import GanimateError
from ganimate.evaluation.control import (
    control,
    leakage,
    real_rise,
    spearman,
)
from ganimate.evaluation.identity import (
    TEMPLATE,
    Embedder,
    Identity,
    alignment,
    compare_people,
)
from ganimate.evaluation.realism import kernel_distance
from ganimate.evaluation.restraint import outline, outside_share

MODEL = SHARED / "models" / "mobilefacenet.onnx"
WITH_MODELS = pytest.mark.skipif(not MODEL.is_file(), reason="the models are not at hand")


def test_spearman_knows_ties_and_direction() -> None:
    readings = torch.zeros(1, 17, 5, 17)
    readings[0, 0, :, 0] = torch.tensor([5.0, 4, 3, 2, 1])
    readings[0, 1, :, 1] = torch.tensor([0.0, 0, 1, 1, 2])
    readings[0, 2, :, 2] = torch.tensor([0.1, 0.3, 0.2, 0.4, 0.5])
    got = spearman(readings)[0]
    # By hand: ranks .5 .5 2.5 2.5 4 against 0 1 2 3 4; one swap of neighbours costs 6*2/120.
    assert got[:4].tolist() == pytest.approx([-1, 9 / np.sqrt(10 * 9), 0.9, 0])


def test_leakage_is_what_the_others_do() -> None:
    readings = torch.zeros(2, 17, 5, 17)
    readings[:, 3, 4, 3] = 1.0
    readings[0, 3, 4, 5] = 0.8
    readings[1, 3, 4, 6] = -0.8
    assert leakage(readings)[:, 3].tolist() == pytest.approx([0.05, 0.05])
    assert control(readings, torch.full((17,), 0.5)).leakage[3] == pytest.approx(0.05)


def test_the_real_rise_is_from_faces_at_rest_to_the_strongest() -> None:
    labels = torch.zeros(40, 17)
    labels[:12, 3] = torch.linspace(0.1, 1.0, 12)
    found = real_rise(0.5 * labels + 0.25, labels)  # a reader that flattens
    assert float(found[3]) == pytest.approx(0.5 * float(labels[2:12, 3].mean()), abs=1e-6)
    assert found[[i for i in range(17) if i != 3]].abs().max() < 1e-6


def test_kernel_distance_grows_with_the_shift() -> None:
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(400, 16, generator=rng), torch.randn(300, 16, generator=rng)
    same, near, far = (kernel_distance(x, y + shift) for shift in (0.0, 0.3, 1.0))
    assert abs(same) < 0.05
    assert 3 * abs(same) < near < far
    # Two points each, by hand: kernel (x y + 1)^3 of scalars, the diagonal left out.
    one, other = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]])
    assert kernel_distance(one, other) == pytest.approx(1 + 343 - 2 * (1 + 1 + 27 + 64) / 4)


def test_outline_and_what_changes_outside() -> None:
    landmarks = np.full((478, 2), 60.0)
    landmarks[:4] = [(20, 20), (100, 20), (100, 100), (20, 100)]
    inside = outline(landmarks, 128)
    assert inside[20:101, 20:101].all()
    assert inside.sum() == 81 * 81
    before = np.full((128, 128, 3), 100, np.uint8)
    after = before.copy()
    after[30:90, 30:90] = 0  # inside: allowed
    after[:10, :, 1] += 2  # too little to see
    assert outside_share(before, after, landmarks) == 0
    after[:10, :, 1] += 1
    assert outside_share(before, after, landmarks) == pytest.approx(1280 / (128**2 - 81**2))


def test_alignment_puts_a_face_on_the_template() -> None:
    landmarks = np.zeros((478, 2))
    turn = np.array([(0.8, -0.6), (0.6, 0.8)])
    points = (TEMPLATE - 56) @ turn.T * 0.9 + 64
    for places, point in zip(
        ((33, 133, 159, 145), (263, 362, 386, 374), (1,), (61,), (291,)), points, strict=True
    ):
        landmarks[list(places)] = point
    matrix = alignment(landmarks)
    stored = points + 12
    np.testing.assert_allclose(stored @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-6)


@WITH_MODELS
def test_people_are_compared_by_their_names(tmp_path: Path) -> None:
    for name in ("london-005-neutral", "london-005-smiling", "london-007-neutral"):
        photo = cv2.imread(str(SHARED / "photos" / f"{name}.jpg"))
        cv2.imwrite(str(tmp_path / f"{name}.jpg"), cv2.resize(photo, (450, 450)))
    people = compare_people(Embedder(MODEL), tmp_path, offline=True)
    assert people.count == 1
    assert people.same > 0.6 > 0.4 > people.different
    figures = Identity(edited=0.5, looks={"smile": 0.5}, people=people).to_dict()
    assert figures["of_same"] == pytest.approx(0.5 / people.same)
    (tmp_path / "london-005-smiling.jpg").unlink()
    with pytest.raises(GanimateError, match="two photos of one person"):
        compare_people(Embedder(MODEL), tmp_path, offline=True)
