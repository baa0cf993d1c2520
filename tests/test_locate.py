"""Finding faces in real photos, with MediaPipe and with the built-in locator."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT, SHARED
from PIL import Image, ImageOps

from ganimate.errors import GanimateError, UsageError
from ganimate.faces.align import LANDMARKS, LEFT_EYE, MOUTH, RIGHT_EYE, FaceFrame
from ganimate.faces.builtin import BuiltinLocator, refine
from ganimate.faces.locate import (
    Face,
    choose,
    distinct,
    open_locator,
    shrink,
    windows,
)
from ganimate.faces.mediapipe import SURE, MediaPipeLocator


def photo(name: str) -> np.ndarray:
    """A real portrait; of the examples where the larger set is not at hand."""
    path = SHARED / "photos" / name
    path = path if path.is_file() else ROOT / "examples" / "portrait.jpg"
    with Image.open(path) as picture:
        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))


@pytest.fixture(scope="module")
def mediapipe(face_model):
    locator = MediaPipeLocator(face_model)
    yield locator
    locator.close()


@pytest.fixture(scope="module")
def builtin():
    return BuiltinLocator()


@pytest.fixture(params=["mediapipe", "builtin"])
def locator(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def portrait():
    """A portrait and its face, cut out so that 2.5 faces fit across."""
    pixels = photo("zoom-45cm.jpg")
    scale = 400 / max(pixels.shape)
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def truth(portrait, request):
    """The portrait's face frame by whichever locator there is."""
    (face,) = request.getfixturevalue("builtin").locate(portrait)
    return face.frame


def agree(frame: FaceFrame, other: FaceFrame, tolerance: float = 0.08) -> bool:
    apart = np.hypot(*np.subtract(frame.centre, other.centre)) / other.half_side
    turn = abs((frame.roll - other.roll + 180) % 360 - 180)
    size = abs(np.log(frame.half_side / other.half_side))
    return bool(apart < tolerance and size < tolerance and turn < 6)


def test_a_portrait_has_one_face(locator, portrait, truth):
    (face,) = locator.locate(portrait)
    assert face.index == 0
    assert face.landmarks.shape == (LANDMARKS, 2)
    assert face.landmarks.dtype == np.float32
    assert face.score >= 0.8
    assert face.frame == FaceFrame.from_landmarks(face.landmarks.astype(float)) or agree(
        face.frame, FaceFrame.from_landmarks(face.landmarks), 1e-3
    )
    np.testing.assert_allclose(face.box[:2], face.landmarks.min(0), atol=0.01)
    np.testing.assert_allclose(face.box[2:], face.landmarks.max(0), atol=0.01)
    assert agree(face.frame, truth)


@pytest.mark.parametrize(
    "name", ["london-005-neutral.jpg", "london-082-smiling.jpg", "lisa-lisa3.jpg"]
)
def test_the_two_locators_agree(mediapipe, builtin, name):
    pixels, _ = shrink(photo(name), 600)
    (one,), (other,) = mediapipe.locate(pixels), builtin.locate(pixels)
    assert agree(one.frame, other.frame)
    error = np.linalg.norm(one.landmarks - other.landmarks, axis=1).mean()
    assert error / one.frame.native_side * 128 < 4  # crop pixels


@pytest.mark.parametrize("margin", [1.0, 0.9])
def test_a_tight_crop_shows_one_face(locator, portrait, truth, margin):
    top, bottom, left, right = truth.scaled(margin).box(*portrait.shape[:2])
    (face,) = locator.locate(portrait[top:bottom, left:right])
    moved = np.subtract(truth.centre, (left, top))
    assert np.hypot(*np.subtract(face.frame.centre, moved)) < 0.1 * truth.half_side


def test_a_small_face_in_a_large_picture(locator, portrait, truth):
    canvas = np.full((1400, 2000, 3), 128, np.uint8)
    height, width = (side // 2 for side in portrait.shape[:2])
    small = Image.fromarray(portrait).resize((width, height), Image.Resampling.BOX)
    canvas[900 : 900 + height, 1500 : 1500 + width] = small
    (face,) = locator.locate(canvas)
    assert face.frame.native_side == pytest.approx(truth.native_side / 2, rel=0.08)
    assert face.frame.centre == pytest.approx(
        (1500 + truth.centre[0] / 2, 900 + truth.centre[1] / 2), abs=3
    )


@pytest.mark.parametrize("turn", [35, 90, 180, -130])
def test_a_face_turned_by_any_angle(locator, portrait, truth, turn):
    view = FaceFrame.turned(truth.centre, 1.5 * truth.half_side, truth.roll + turn)
    faces = locator.locate(view.crop(portrait, 270))
    (face,) = choose(faces, "largest", "turned.png")
    assert agree(face.frame, FaceFrame.turned((134.5, 134.5), 90, -turn), 0.1)


def test_two_faces_are_numbered_from_left_to_right(locator, portrait, truth):
    other, _ = shrink(photo("london-013-neutral.jpg"), max(portrait.shape))
    height = max(portrait.shape[0], other.shape[0])
    pair = np.concatenate(
        [
            np.pad(p, ((0, height - p.shape[0]), (0, 0), (0, 0)), mode="edge")
            for p in (portrait, other)
        ],
        axis=1,
    )
    faces = locator.locate(pair)
    assert [face.index for face in faces] == [0, 1]
    assert faces[0].frame.centre[0] < portrait.shape[1] < faces[1].frame.centre[0]
    assert agree(faces[0].frame, truth)


def test_a_picture_without_a_face(locator):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    assert locator.locate(np.asarray(coarse.resize((320, 240), Image.Resampling.BICUBIC))) == []


def test_opening_is_quiet_and_closing_twice_is_fine(face_model, capfd):
    locator = MediaPipeLocator(face_model)
    locator.close()
    locator.close()
    assert capfd.readouterr().err == ""


def test_a_spoiled_model_is_named_as_an_error(tmp_path):
    pytest.importorskip("mediapipe", exc_type=ImportError)
    (tmp_path / "bad.task").write_bytes(b"no model")
    with pytest.raises(GanimateError, match=r"bad\.task: MediaPipe cannot read"):
        MediaPipeLocator(tmp_path / "bad.task")


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No model on disk, no network allowed, and a built-in locator that costs nothing to open."""
    monkeypatch.setenv("GANIMATE_HOME", str(tmp_path))
    monkeypatch.setenv("GANIMATE_OFFLINE", "1")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *a, **k: tmp_path / "cache")
    opened = SimpleNamespace(name="builtin")
    monkeypatch.setattr("ganimate.faces.builtin.BuiltinLocator", lambda: opened)
    return opened


def test_auto_falls_back_with_one_notice(bare):
    notices = []
    assert open_locator(notify=notices.append) is bare
    assert len(notices) == 1
    assert "built-in" in notices[0]
    assert "\n" not in notices[0]


def test_a_locator_that_is_dropped_waits_for_nobody(face_model):
    """The garbage collector may come along where MediaPipe's own thread pool is locked."""
    pytest.importorskip("mediapipe", exc_type=ImportError)
    from concurrent.futures import thread

    from ganimate.faces import mediapipe

    locator = MediaPipeLocator(face_model)
    locator.again = locator  # only the collector finds that nobody holds it
    dropped = len(mediapipe._DROPPED)

    def collect() -> None:
        with thread._global_shutdown_lock:
            gc.collect()

    del locator
    collecting = Thread(target=collect, daemon=True)
    collecting.start()
    collecting.join(20)
    assert not collecting.is_alive()
    assert len(mediapipe._DROPPED) == dropped + 2
    MediaPipeLocator(face_model).close()
    assert not mediapipe._DROPPED


def test_auto_falls_back_where_mediapipe_cannot_be_imported(bare, face_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    notices = []
    assert open_locator(face_model=face_model, notify=notices.append) is bare
    assert "MediaPipe cannot be used" in notices[0]


def test_mediapipe_asked_for_does_not_fall_back(bare):
    with pytest.raises(GanimateError, match="offline"):
        open_locator("mediapipe")


def test_wrong_requests(bare):
    with pytest.raises(UsageError, match="dlib"):
        open_locator("dlib")
    with pytest.raises(GanimateError, match="nowhere"):
        open_locator(face_model=Path("nowhere.task"))


def test_a_locator_opens_from_the_home_folder(face_model, monkeypatch):
    monkeypatch.setenv("GANIMATE_HOME", os.fspath(face_model.parent))
    locator = open_locator("mediapipe", offline=True)
    assert locator.name == "mediapipe"
    locator.close()


def face(x: float, size: float = 20.0, score: float = SURE) -> Face:
    """A made-up face with its eyes around x."""
    points = np.full((LANDMARKS, 2), (x, 100 + size / 2))
    for indices, offset in ((RIGHT_EYE, (-0.5, 0)), (LEFT_EYE, (0.5, 0)), (MOUTH, (0, 1))):
        points[list(indices)] = (x + offset[0] * size, 100 + offset[1] * size)
    return Face.from_landmarks(points, score)


def test_choosing():
    faces = distinct([face(300), face(100), face(200, size=40)])
    assert [f.frame.centre[0] for f in faces] == [100, 200, 300]

    def chosen(which: str) -> list[int]:
        return [f.index for f in choose(faces, which, "group.jpg")]

    assert chosen("largest") == [1]
    assert chosen("all") == [0, 1, 2]
    assert chosen("left") == [0]
    assert chosen("right") == [2]
    assert chosen("2") == [2]
    assert chosen("2, 0,2") == [2, 0]


def test_choosing_what_is_not_there():
    faces = distinct([face(100), face(300)])
    with pytest.raises(GanimateError, match=r"no face 2 in group\.jpg, which has 2 faces: 0 to 1"):
        choose(faces, "0,2", "group.jpg")
    with pytest.raises(GanimateError, match=r"no face found in wall\.jpg") as caught:
        choose([], "largest", "wall.jpg")
    assert caught.value.hint
    for which in ("biggest", "-1", "", "0,", "1.5"):
        with pytest.raises(UsageError, match="--face"):
            choose(faces, which, "group.jpg")


def test_doubles_leave_the_surest():
    kept = distinct([face(100, score=0.5), face(102, score=0.9), face(101, 8, score=0.7)])
    assert [(f.index, f.score) for f in kept] == [(0, 0.9)]


@pytest.mark.parametrize("shape", [(300, 400), (64, 64), (200, 3000)])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_windows_cover_the_photo(shape, level):
    covered = np.zeros(shape, bool)
    for view in windows(*shape, level):
        top, bottom, left, right = view.box(*shape)
        covered[top:bottom, left:right] = True
    assert covered.all()


def test_the_reader_pulls_a_rough_frame_onto_the_face():
    """A stand-in reader that sees a red, a green and a blue dot as eyes and mouth."""

    def read(crops):
        found = []
        for crop in crops.astype(float):
            points = np.zeros((LANDMARKS, 2), np.float32)
            for channel, indices in enumerate((RIGHT_EYE, LEFT_EYE, MOUTH)):
                weight = np.clip(crop[..., channel] - crop.mean(-1), 0, None) + 1e-12
                ys, xs = np.indices(weight.shape)
                points[list(indices)] = (
                    np.average(xs, weights=weight),
                    np.average(ys, weights=weight),
                )
            found.append(points)
        return SimpleNamespace(landmarks=np.array(found), face=np.full(len(crops), 0.75))

    ys, xs = np.indices((400, 400))
    dots = ((160, 180), (240, 200), (190, 270))
    pixels = np.stack([np.hypot(xs - x, ys - y) < 12 for x, y in dots], -1).astype(np.uint8) * 255
    points = np.zeros((LANDMARKS, 2))
    for indices, dot in zip((RIGHT_EYE, LEFT_EYE, MOUTH), dots, strict=True):
        points[list(indices)] = dot
    rough = FaceFrame.turned((205, 225), 115, 0)
    (found,) = refine(pixels, [rough], SimpleNamespace(read=read))
    assert agree(found.frame, FaceFrame.from_landmarks(points), 0.005)
    assert found.score == 0.75
    assert refine(pixels, [], SimpleNamespace(read=read)) == []
