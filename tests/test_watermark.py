"""The mark in edited faces: unseen, found again, and nowhere else."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ganimate.faces.align import FaceFrame
from ganimate.media import watermark
from ganimate.media.marker import Marker
from ganimate.media.provenance import Marking, Provenance
from ganimate.media.stills import read_photo
from ganimate.media.watermark import THRESHOLD, Watermark, score, watermarked

Pixels = NDArray[np.uint8]
PORTRAIT = FaceFrame.turned((393.4, 461.8), 184.2, -0.2)
"""The face frame of examples/portrait.jpg, as MediaPipe finds it."""


@pytest.fixture(scope="module")
def photo(portrait: Path) -> Pixels:
    return read_photo(portrait).pixels


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def inside(frame: FaceFrame, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    rows, columns = np.indices(shape[:2])
    crop = frame.to_crop(np.stack([columns, rows], axis=-1), size=1)
    return (np.abs(crop) <= 0.5).all(axis=-1)


def test_it_is_faint_and_stays_in_the_frame(photo: Pixels) -> None:
    before = photo.copy()
    marked = watermarked(photo, [PORTRAIT])
    assert (photo == before).all()
    here = inside(PORTRAIT, photo.shape)
    assert (marked[~here] == photo[~here]).all()
    error = np.square(marked[here].astype(float) - photo[here]).mean()
    assert error > 0.5, "something is there"
    assert 10 * np.log10(255**2 / error) > 42


@pytest.mark.parametrize("roll", [37, 90, 180])
def test_it_stays_in_a_turned_frame_that_leaves_the_photo(photo: Pixels, roll: float) -> None:
    frame = FaceFrame.turned((60.5, 700.2), 150.0, roll)
    marked = watermarked(photo, [frame])
    here = inside(frame, photo.shape)
    assert (marked[~here] == photo[~here]).all()
    assert (marked[here] != photo[here]).any()
    assert score(marked, frame) > THRESHOLD > score(photo, frame)


def test_a_marked_face_is_not_marked_again(photo: Pixels) -> None:
    marked = watermarked(photo, [PORTRAIT])
    assert (watermarked(marked, [PORTRAIT]) == marked).all()


def test_black_and_white_do_not_wrap(photo: Pixels) -> None:
    for grey in (0, 255):
        flat = np.full_like(photo, grey)
        assert np.abs(watermarked(flat, [PORTRAIT]).astype(int) - grey).max() <= 10


ATTACKS = {
    "none": (lambda pixels: pixels, 1.0),
    "JPEG 75": (lambda pixels: jpeg(pixels, 75), 1.0),
    "half": (lambda pixels: cv2.resize(pixels, (400, 400), interpolation=cv2.INTER_AREA), 0.5),
    "half and JPEG 75": (lambda pixels: jpeg(cv2.resize(pixels, (400, 400)), 75), 0.5),
    "shown smaller": (lambda pixels: jpeg(cv2.resize(pixels, (663, 663)), 80), 663 / 800),
    "larger": (lambda pixels: cv2.resize(pixels, (1500, 1500)), 1500 / 800),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_is_found_again(photo: Pixels, attack: str) -> None:
    change, scale = ATTACKS[attack]
    frame = PORTRAIT.resized(scale)
    assert score(change(watermarked(photo, [PORTRAIT])), frame) > THRESHOLD + 2
    assert score(change(photo), frame) < THRESHOLD - 0.5


def test_it_is_found_where_the_face_has_changed_its_frame(photo: Pixels) -> None:
    marked = watermarked(photo, [PORTRAIT])
    x, y = PORTRAIT.centre
    moved = FaceFrame.turned((x + 9, y - 7), PORTRAIT.half_side * 1.12, PORTRAIT.roll + 3)
    assert score(marked, moved) > THRESHOLD
    far = FaceFrame.turned((x + 80, y), PORTRAIT.half_side * 1.5, PORTRAIT.roll)
    assert score(marked, far) < THRESHOLD


def test_a_cut_out_face_and_a_mirrored_one(photo: Pixels) -> None:
    marked = watermarked(photo, [PORTRAIT])
    cut = np.ascontiguousarray(marked[250:680, 190:600])
    x, y = PORTRAIT.centre
    frame = FaceFrame.turned((x - 190, y - 250), PORTRAIT.half_side, PORTRAIT.roll)
    assert score(cut, frame) > THRESHOLD
    mirrored = np.ascontiguousarray(marked[:, ::-1])
    assert score(mirrored, FaceFrame.turned((799 - x, y), PORTRAIT.half_side, 0.2)) < THRESHOLD


def test_plain_areas_and_noise_are_not_taken_for_it() -> None:
    rng = np.random.default_rng(3)
    frame = FaceFrame.turned((150, 150), 100, 0)
    for pixels in (np.zeros((300, 300, 3)), rng.integers(0, 256, (300, 300, 3))):
        assert score(pixels.astype(np.uint8), frame) < THRESHOLD - 0.5


def test_the_mark_is_the_same_everywhere() -> None:
    """A mark of another pattern would not be found by the next release."""
    expected = [-0.13, -0.13, 0.22, 0.08, -0.81, -1.44, -1.04, -0.2]
    assert watermark._noise()[60, 60:68] == pytest.approx(expected, abs=0.006)


def test_a_film_keeps_the_first_mark(photo: Pixels) -> None:
    marker = Marker(Provenance("x", "w", faces=(PORTRAIT,)), (800, 800))
    grey = np.clip(photo, 20, 235)
    darker = (grey * 0.8).astype(np.uint8) + np.uint8(12)
    first = marker.mark(grey).astype(int) - grey
    assert (marker.mark(darker).astype(int) - darker == first).all()


def test_several_faces(photo: Pixels) -> None:
    pair = np.hstack([photo, photo])
    x, y = PORTRAIT.centre
    other = FaceFrame.turned((x + 800, y), PORTRAIT.half_side, PORTRAIT.roll)
    marked = watermarked(pair, [other])
    assert score(marked, PORTRAIT) < THRESHOLD < score(marked, other)


@pytest.mark.parametrize("size", [(64, 64), (300, 200), (200, 900), (1600, 1200)])
def test_the_label_is_in_its_corner_and_can_be_read(size: tuple[int, int]) -> None:
    marker = Marker(Provenance("x", "w", marking=Marking(label=True)), size)
    top, bottom, left, right = marker.label.box
    assert 0 <= top < bottom <= size[1] and 0 <= left < right <= size[0]
    assert 9 <= bottom - top <= max(24, min(size) / 8)
    for grey in (0, 128, 255):
        flat = np.full((size[1], size[0], 3), grey, np.uint8)
        marked = marker.mark(flat)
        changed = (marked != flat).any(axis=-1)
        changed[top:bottom, left:right] = False
        assert not changed.any()
        shown = marked[top:bottom, left:right]
        assert shown.max() > 200 and np.median(shown) < 130, "light letters on a dark plate"


def test_a_watermark_needs_a_face_in_the_picture(photo: Pixels) -> None:
    from ganimate.errors import GanimateError

    with pytest.raises(GanimateError, match="outside"):
        Watermark(photo, FaceFrame.turned((2000, 2000), 50, 0))
