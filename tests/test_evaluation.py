"""Evaluation: every metric on cases whose answer is known, and the command on a small dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SHARED
from dataset import write_test_split
from torch import Tensor

from ganimate.engine import ReaderEngine
from ganimate.errors import GanimateError
from ganimate.evaluation.control import (
    control,
    swapped,
    sweep,
    transfer,
)
from ganimate.evaluation.edits import intensities, paint_edits
from ganimate.evaluation.fairness import Seen, fairness, read_groups
from ganimate.evaluation.identity import (
    Embedder,
    Identity,
    People,
    cosines,
)
from ganimate.evaluation.realism import Found, distance, finder, found, motion
from ganimate.evaluation.restraint import Restraint, restraint
from ganimate.evaluation.sheet import contact_sheet
from ganimate.evaluation.subjects import (
    GeneratorPainter,
    Painted,
    Painter,
    Reframed,
    Subjects,
    T,
    TeacherPainter,
    Weakened,
    choose_subjects,
    in_context,
    pixels,
)
from ganimate.evaluation.targets import judge
from ganimate.facs import AU_NUMBERS
from ganimate.networks.generator import Generator
from ganimate.networks.painting import compose
from ganimate.training.augment import middle
from ganimate.training.dataset import FaceDataset, load_dataset
from ganimate.training.motion import Teacher

FACES = 18
MODEL = SHARED / "models" / "mobilefacenet.onnx"
WITH_MODELS = pytest.mark.skipif(not MODEL.is_file(), reason="the models are not at hand")


def track(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    yield from items


def still(crops: Tensor, landmarks: Tensor, target: Tensor, current: Tensor) -> Painted:
    """A painter that does nothing."""
    return Painted(crops.clone(), torch.ones_like(crops[:, :1]))


def obedient(crops: Tensor, landmarks: Tensor, target: Tensor, current: Tensor) -> Painted:
    """A painter that writes what was asked into the corner, where `reads_corner` finds it."""
    pictures = crops.clone()
    pictures[:, 0, 0, :17] = target
    return Painted(pictures, torch.full_like(crops[:, :1], 0.75))


def reads_corner(crops: Tensor) -> tuple[Tensor, Tensor]:
    return crops[:, 0, 0, :17].clone(), crops[:, :, ::32, ::32].flatten(1)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_test_split(tmp_path_factory.mktemp("evaluated"), women=12, men=FACES - 12)


@pytest.fixture(scope="module")
def data(dataset: Path) -> FaceDataset:
    return load_dataset(dataset, "test")


@pytest.fixture(scope="module")
def eyes() -> ReaderEngine:
    """The shipped reader, which sees where landmarks are."""
    return ReaderEngine.default(device="cpu")


@pytest.fixture(scope="module")
def subjects(data: FaceDataset, eyes: ReaderEngine) -> Subjects:
    return choose_subjects(data, FACES, eyes)


def test_subjects_are_spread_over_the_split(
    data: FaceDataset, subjects: Subjects, eyes: ReaderEngine
) -> None:
    assert choose_subjects(data, 6, eyes).rows.tolist() == [0, 3, 6, 9, 12, 15]
    assert choose_subjects(data, 999, eyes).rows.tolist() == list(range(FACES))
    with pytest.raises(GanimateError, match="at least 4"):
        choose_subjects(data, 2, eyes)
    read = eyes.read(pixels(subjects.crops[:1])).intensities[0]
    assert subjects.current[0].numpy() == pytest.approx(read, abs=1e-5)
    assert [len(part) for part in subjects.batches()] == [16, 2]


def test_a_painter_that_does_nothing_controls_nothing(subjects: Subjects) -> None:
    figures = control(sweep(still, reads_corner, subjects, track), torch.zeros(17))
    for values in vars(figures).values():
        assert np.abs(values).max() == 0


def test_a_painter_that_obeys_controls_all(subjects: Subjects) -> None:
    readings = sweep(obedient, reads_corner, subjects, track)
    assert readings.shape == (FACES, 17, 5, 17)
    figures = control(readings, torch.full((17,), 0.5))
    assert figures.spearman == pytest.approx(np.ones(17))
    assert figures.slope == pytest.approx(np.ones(17), abs=1e-5)
    assert figures.rise == pytest.approx(np.ones(17), abs=1e-5)
    assert figures.leakage == pytest.approx(np.zeros(17), abs=1e-6)
    told = figures.to_dict()
    assert list(told["action_units"]) == [str(number) for number in AU_NUMBERS]
    assert told["mean"]["rise"] == pytest.approx(1, abs=1e-5)


def test_asked_for_half_of_each_change_a_painter_does_half(subjects: Subjects) -> None:
    readings = sweep(Weakened(obedient, 0.5), reads_corner, subjects, track)
    figures = control(readings, torch.full((17,), 0.5))
    assert figures.rise == pytest.approx(np.full(17, 0.5), abs=1e-5)


def test_edits_are_cut_anew(subjects: Subjects, eyes: ReaderEngine) -> None:
    """A picture in which the whole head moved is read where the head is; a still one stays."""
    part = subjects.part(slice(4))

    def shift(crops: Tensor, landmarks: Tensor, target: Tensor, current: Tensor) -> Painted:
        return Painted(crops.roll(3, 3), torch.ones_like(crops[:, :1]))

    def difference(paint: Painter) -> float:
        pictures, _ = paint(part.crops, part.landmarks, part.current, part.current)
        return float((pictures - part.crops)[..., 24:-24, 24:-24].abs().mean())

    assert difference(Reframed(shift, eyes)) < 0.6 * difference(shift)
    assert difference(Reframed(still, eyes)) < 0.005


def test_transfer(subjects: Subjects) -> None:
    asked = swapped(subjects.labels)
    assert not (asked == subjects.labels).all(1).any()
    obeyed, features = transfer(obedient, reads_corner, subjects, track)
    assert obeyed.r == pytest.approx(1, abs=1e-5)
    assert obeyed.error == pytest.approx(0, abs=1e-6)
    assert features.shape == (FACES, 48)
    ignored, _ = transfer(still, reads_corner, subjects, track)
    assert ignored.r < 0.5
    assert ignored.error > 0.1


def test_distance_compares_with_people_who_were_not_painted(
    data: FaceDataset, subjects: Subjects
) -> None:
    some = subjects.part(slice(0, None, 3))
    features, photos = (reads_corner(crops)[1] for crops in (some.crops, middle(data.images)))
    same = distance(features, photos, some.rows)
    assert same.painted == pytest.approx(same.photos)
    assert distance(features + 1, photos, some.rows).painted > same.photos + 0.1
    everyone = distance(reads_corner(subjects.crops)[1], photos, subjects.rows)
    assert everyone.painted == pytest.approx(everyone.photos)


def test_restraint(subjects: Subjects) -> None:
    few = subjects.part(slice(4))
    nothing = restraint(still, few, paint_edits(still, few, track))
    assert nothing == Restraint(attention=1, outside=0, cycle=0, still=0)

    def brightens(crops: Tensor, landmarks: Tensor, target: Tensor, current: Tensor) -> Painted:
        return Painted(crops + 4 / 127.5, torch.full_like(crops[:, :1], 0.25))

    figures = restraint(brightens, few, paint_edits(brightens, few, track))
    assert figures.attention == pytest.approx(0.25)
    assert figures.still == pytest.approx(4, abs=1e-3)
    assert figures.cycle == pytest.approx(8, abs=1e-3)
    assert figures.outside > 0.9  # but for what was white before


def test_the_generator_is_encoded_once(subjects: Subjects) -> None:
    network = Generator(width=16, blocks=1).eval().requires_grad_(False)
    torch.nn.init.normal_(network.body.paints.weight, std=0.1)  # type: ignore[union-attr, arg-type]
    paint, part = GeneratorPainter(network), subjects.part(slice(3))
    encoded = []
    network.body.stem.register_forward_hook(lambda *_: encoded.append(1))  # type: ignore[union-attr]
    for look in ("smile", "anger"):
        target = intensities(look, part.current)
        painted = paint(part.crops, part.landmarks, target, part.current)
    assert len(encoded) == 1
    painting = network(part.crops, target, part.current)
    # Put back as into a photo: the same, to rounding, but for lips and eyes and the frame's edge.
    middle = (slice(None), slice(None), slice(70, 80), slice(50, 78))
    difference = (painted.pictures - compose(part.crops, painting))[middle].abs()
    assert difference.mean() < 3 / 127.5 < (painted.pictures - part.crops)[middle].abs().mean()
    torch.testing.assert_close(painted.attention, painting.attention)
    # Other crops, though equal ones, are encoded anew.
    paint(part.crops.clone(), part.landmarks, target, part.current)
    assert len(encoded) == 3


def test_attention_is_as_large_as_crops_are(subjects: Subjects) -> None:
    network = Generator(width=16, blocks=1, lids=1).eval().requires_grad_(False)
    part = subjects.part(slice(2))
    target = intensities("grin", part.current)
    painted = GeneratorPainter(network)(part.crops, part.landmarks, target, part.current)
    assert painted.attention.shape == (2, 1, *part.crops.shape[-2:])
    assert painted.pictures.shape == part.crops.shape


def test_the_teacher_moves_pixels_alone(subjects: Subjects) -> None:
    part = subjects.part(slice(2))
    directions = torch.zeros(17, 478, 2)
    directions[AU_NUMBERS.index(12), 61] = torch.tensor([-6.0, -6.0])
    mean, shading = part.landmarks.mean(0), torch.zeros(17, 1, 128, 128)
    teacher = Teacher(directions, mean, mean, shading, torch.ones(17))
    paint = TeacherPainter(teacher)
    same = paint(part.crops, part.landmarks, part.current, part.current)
    assert (same.pictures - part.crops).abs().max() < 0.01
    target = part.current.clone()
    target[:, AU_NUMBERS.index(12)] += 0.8
    moved = paint(part.crops, part.landmarks, target, part.current)
    assert (moved.pictures - part.crops).abs().mean() > 1e-4
    assert (moved.attention == 1).all()


@WITH_MODELS
def test_identity_falls_with_the_face(subjects: Subjects, tmp_path: Path) -> None:
    embed, few = Embedder(MODEL), subjects.part(slice(4))
    same = pixels(few.crops)
    other = np.roll(same, 1, axis=0)  # portrait and astronaut take turns
    spoilt = np.zeros_like(same)
    likeness = cosines(embed, few, np.stack([same, other, spoilt]), track)
    assert likeness[0] == pytest.approx(np.ones(4), abs=1e-3)
    assert likeness[1:].max() < 0.6
    assert np.array_equal(in_context(few.stored.numpy(), same), few.stored.numpy())
    with pytest.raises(GanimateError, match=r"none\.onnx"):
        Embedder(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    with pytest.raises(GanimateError, match=r"bad\.onnx"):
        Embedder(tmp_path / "bad.onnx")


def test_faces_are_found_and_followed(subjects: Subjects, face_model: Path) -> None:
    from ganimate.faces.mediapipe import DOUBTFUL, Landmarker

    few = subjects.part(slice(2))
    landmarker = Landmarker(face_model, DOUBTFUL)
    find = finder(landmarker)
    places = find(few.stored[0].numpy())
    assert places is not None
    assert np.abs(places - few.landmarks[0].numpy()).mean() < 4
    crops = pixels(few.crops)
    covered = crops.copy()
    covered[:, 10:118, 10:118] = 128
    assert found(find, few, np.stack([crops, covered])) == Found(edited=0.5, photos=1)
    followed = motion(still, find, few, track)
    assert followed.jitter == followed.travel == {"12": 0, "45": 0}

    def slides(crops: Tensor, landmarks: Tensor, target: Tensor, current: Tensor) -> Painted:
        """Up to 8 pixels to the right; at AU45 in jerks."""
        even = target[:, AU_NUMBERS.index(12)] - current[:, AU_NUMBERS.index(12)]
        jerky = (target[:, AU_NUMBERS.index(45)] * 8).round() % 2
        moved = even + torch.where(target == current, 0, jerky.unsqueeze(1)).amax(1)
        rows = [torch.roll(crop, int(8 * far), -1) for crop, far in zip(crops, moved, strict=True)]
        return Painted(torch.stack(rows), torch.ones_like(crops[:, :1]))

    uneven = motion(slides, find, few, track)
    assert uneven.travel["12"] > 4
    assert uneven.jitter["45"] > 3 * uneven.jitter["12"]
    landmarker.close()


def test_fairness_finds_the_worst_cell(dataset: Path) -> None:
    groups = read_groups(dataset, "test")
    assert list(groups) == ["age_band", "gender"]
    assert read_groups(dataset, "validation") == {}
    readings = torch.zeros(FACES, 17, 5, 17)
    levels = torch.linspace(0, 1, 5)
    for column in range(17):
        readings[:, column, :, column] = levels
        readings[:11, column, :, column] = levels / 2
    shares = ["a"] * 11 + ["b"] * 6 + ["c"]
    likeness = np.linspace(0, 1, FACES)[None]
    rng = torch.Generator().manual_seed(0)
    photos = torch.randn(2 * FACES, 8, generator=rng)
    painted = photos[:FACES] + 0.1 * torch.arange(FACES).unsqueeze(1)  # ever less like photos
    seen = Seen(torch.arange(FACES), readings, painted, photos, likeness)
    groups = {name: [*column, *column] for name, column in groups.items()}
    told = fairness({"group": [*shares, *"aaabbbccc", *shares[9:]], **groups}, seen).to_dict()
    cells: dict[str, dict[str, dict[str, float]]] = told["cells"]  # type: ignore[assignment]
    assert list(cells["group"]) == ["a"]  # the others are too few
    assert cells["group"]["a"] == pytest.approx(
        {"faces": 11, "rise": 0.5, "spearman": 1, "identity": likeness[0, :11].mean()}
    )
    assert cells["gender"]["Female"]["rise"] == pytest.approx(6.5 / 12)
    assert told["worst"]["rise"] == {"cell": "group a", "value": 0.5}  # type: ignore[index]
    assert cells["gender"]["Female"]["realism"] < -0.1
    assert told["worst"]["realism"]["value"] <= cells["gender"]["Female"]["realism"]  # type: ignore[index]
    assert fairness({}, seen).to_dict() == {"cells": {}, "worst": {}}


def test_targets(subjects: Subjects) -> None:
    calm = Restraint(attention=1, outside=0, cycle=0, still=0)
    alike = Identity(0.9, {}, People(same=1, different=0, count=2))
    obeyed, _ = transfer(obedient, reads_corner, subjects, track)
    readings = sweep(obedient, reads_corner, subjects, track)
    targets = judge(
        control(readings, torch.full((17,), 0.5)), obeyed, calm, alike, Found(edited=1, photos=1)
    )
    assert all(target.passed for target in targets)
    readings[:, AU_NUMBERS.index(9)] = 0
    targets = judge(control(readings, torch.full((17,), 0.5)), obeyed, calm, None, None)
    failing = {target.name: target.failing for target in targets if target.passed is False}
    assert failing == {"median Spearman, AU 5 9 14 23": (9,), "rise, each": (9,)}
    assert sum(target.passed is None for target in targets) == 2


def test_contact_sheet(subjects: Subjects) -> None:
    sheet = contact_sheet(obedient, subjects)
    assert sheet.shape == (18 + 8 * 128, 18 * 128, 3)
    assert np.array_equal(sheet[18 : 18 + 128, :128], pixels(subjects.crops[:1])[0])
    assert (sheet[18:, -128:] == 191).all()  # the attention, 0.75
