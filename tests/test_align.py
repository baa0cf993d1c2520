"""The face frame: its geometry, its pixel convention, its crops."""

from __future__ import annotations

import math

import numpy as np
import pyarrow.parquet as parquet
import pytest
from conftest import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st

from ganimate.errors import GanimateError
from ganimate.faces.align import (
    CROP_SIZE,
    LANDMARKS,
    LEFT_EYE,
    MOUTH,
    RIGHT_EYE,
    STORED_OFFSET,
    STORED_SCALE,
    FaceFrame,
)


def landmarks(right_eye, left_eye, mouth):
    """478 points whose eyes and mouth lie at the given places."""
    points = np.full((LANDMARKS, 2), 50.0)
    for indices, place in ((RIGHT_EYE, right_eye), (LEFT_EYE, left_eye), (MOUTH, mouth)):
        points[list(indices)] = place
    return points


UPRIGHT = landmarks((40, 40), (60, 40), (50, 60))

coordinates = st.floats(-2000, 6000)
frames = st.builds(
    FaceFrame.turned,
    st.tuples(coordinates, coordinates),
    st.floats(2, 3000),
    st.floats(-180, 180),
)
sizes = st.integers(16, 600)


def test_an_upright_face_has_the_frame_of_the_formula():
    frame = FaceFrame.from_landmarks(UPRIGHT)
    assert frame.centre == pytest.approx((50, 40 + 0.47 * 20))
    assert frame.x_axis == pytest.approx((1, 0))
    assert frame.half_side == pytest.approx(1.25 * 20)
    assert frame.native_side == pytest.approx(50)
    assert frame.roll == pytest.approx(0)


def test_a_long_face_is_sized_by_eyes_to_mouth():
    frame = FaceFrame.from_landmarks(landmarks((40, 40), (60, 40), (50, 70)))
    assert frame.half_side == pytest.approx(1.16 * 30)


@given(
    angle=st.floats(-math.pi, math.pi),
    scale=st.floats(0.05, 50),
    shift=st.tuples(coordinates, coordinates),
)
def test_the_frame_turns_scales_and_moves_with_the_face(angle, scale, shift):
    still = FaceFrame.from_landmarks(UPRIGHT)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    moved = FaceFrame.from_landmarks(scale * UPRIGHT @ turn.T + shift)
    assert moved.centre == pytest.approx(tuple(scale * turn @ still.centre + shift), abs=1e-6)
    assert moved.x_axis == pytest.approx(tuple(turn @ still.x_axis), abs=1e-6)
    assert moved.half_side == pytest.approx(scale * still.half_side)


@given(frame=frames, size=sizes, points=st.lists(st.tuples(coordinates, coordinates), min_size=1))
def test_photo_and_crop_coordinates_round_trip(frame, size, points):
    np.testing.assert_allclose(
        frame.to_photo(frame.to_crop(points, size), size), points, atol=1e-5, rtol=0
    )


@given(frame=frames, size=sizes)
def test_a_crop_spans_its_pixels_and_half_a_pixel_around_their_centres(frame, size):
    low, high = -0.5, size - 0.5
    expected = [(low, low), (high, low), (high, high), (low, high)]
    np.testing.assert_allclose(frame.to_crop(frame.corners(), size), expected, atol=1e-5)
    middle = (size - 1) / 2
    np.testing.assert_allclose(frame.to_crop(frame.centre, size), (middle, middle), atol=1e-5)


@given(frame=frames, size=sizes)
def test_the_matrices_are_inverse_to_each_other(frame, size):
    forth, back = (
        np.vstack([m, (0, 0, 1)]) for m in (frame.matrix(size), frame.inverse_matrix(size))
    )
    np.testing.assert_allclose(forth @ back, np.eye(3), atol=1e-6)


@given(frame=frames, factor=st.floats(0.1, 10))
def test_roll_scaled_and_resized(frame, factor):
    again = FaceFrame.turned(frame.centre, frame.half_side, frame.roll)
    assert again.x_axis == pytest.approx(frame.x_axis)
    assert frame.scaled(factor).native_side == pytest.approx(factor * frame.native_side)
    assert frame.scaled(factor).centre == frame.centre
    edges = (np.asarray(frame.corners()) + 0.5) * factor - 0.5
    np.testing.assert_allclose(frame.resized(factor).corners(), edges, atol=1e-6)


@given(frame=frames)
def test_the_box_holds_exactly_the_pixels_the_frame_can_reach(frame):
    height, width = 300, 400
    low, high = frame.corners().min(0), frame.corners().max(0)
    columns = [x for x in range(width) if low[0] <= x <= high[0]]
    rows = [y for y in range(height) if low[1] <= y <= high[1]]
    if not rows or not columns:
        with pytest.raises(GanimateError, match="outside the photo of 400 x 300"):
            frame.box(height, width)
    else:
        assert frame.box(height, width) == (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1)


def test_a_frame_on_whole_pixels_crops_them_unchanged():
    photo = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    frame = FaceFrame.turned((20 + 31.5, 10 + 31.5), 32, 0)
    np.testing.assert_array_equal(frame.crop(photo, 64), photo[10:74, 20:84])


def test_a_quarter_turn_crops_the_turned_pixels():
    photo = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    crop = FaceFrame.turned((31.5, 31.5), 32, 90).crop(photo, 64)
    np.testing.assert_array_equal(crop, np.rot90(photo))


def test_shrinking_takes_the_mean_of_the_pixels_below():
    photo = np.random.default_rng(2).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    crop = FaceFrame.turned((127.5, 127.5), 128, 0).crop(photo, 32)
    mean = photo.reshape(32, 8, 32, 8, 3).mean((1, 3))
    assert np.abs(crop - mean).max() <= 1


@pytest.mark.parametrize("roll", [0, 30, 45, 77])
def test_shrinking_does_not_alias_at_any_turn(roll):
    stripes = np.zeros((1200, 1200, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = FaceFrame.turned((600, 600), 390, roll).crop(stripes)
    assert crop.std() < 5  # without a prefilter some 50 to 127
    assert crop.mean() == pytest.approx(127.5, abs=1)


def test_outside_the_photo_the_crop_shows_its_mirror_image():
    photo = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    crop = FaceFrame.turned((-0.5, 31.5), 32, 0).crop(photo, 64)
    np.testing.assert_array_equal(crop[:, 32:], photo[:, :32])
    np.testing.assert_array_equal(crop[:, :32], photo[:, :32][:, ::-1])


@settings(max_examples=30, deadline=None)
@given(
    frame=st.builds(
        FaceFrame.turned,
        st.tuples(st.floats(-30, 130), st.floats(-30, 90)),
        st.floats(4, 90),
        st.floats(-180, 180),
    )
)
def test_cropping_from_the_neighbourhood_is_cropping_from_the_photo(frame):
    import cv2

    photo = np.random.default_rng(4).integers(0, 256, (60, 100, 3), dtype=np.uint8)
    photo = cv2.GaussianBlur(photo, (0, 0), 3)
    size = max(16, math.ceil(frame.native_side))
    whole = cv2.warpAffine(photo, frame.matrix(size), (size, size), borderMode=cv2.BORDER_REFLECT)
    assert np.abs(frame.crop(photo, size).astype(int) - whole).max() <= 2


def test_a_photo_wider_than_opencv_warps():
    photo = np.zeros((64, 40_000, 3), np.uint8)
    photo[:, 39_000:] = 200
    crop = FaceFrame.turned((39_500, 31.5), 32, 0).crop(photo, 64)
    assert (crop == 200).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_crop_keeps_the_photo_s_channels(channels):
    photo = np.full((300, 300, channels), 9, np.uint8)
    crop = FaceFrame.turned((150, 150), 140, 10).crop(photo)
    assert crop.shape == (CROP_SIZE, CROP_SIZE, channels)
    assert crop.dtype == np.uint8


@pytest.mark.parametrize(
    "points",
    [np.zeros((LANDMARKS, 2)), np.full((LANDMARKS, 2), np.nan), np.zeros((68, 2))],
    ids=["one point", "not a number", "68 points"],
)
def test_what_is_no_face_is_refused(points):
    with pytest.raises(GanimateError, match="landmarks"):
        FaceFrame.from_landmarks(points)


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="needs the training faces")
def test_the_stored_training_faces_have_this_frame():
    table = parquet.read_table(
        SHARED / "data" / "validation-00000-of-00001.parquet", columns=["landmarks"]
    )
    stored = np.array(table["landmarks"].slice(0, 200).to_pylist(), float).reshape(-1, LANDMARKS, 2)
    found = [FaceFrame.from_landmarks(points + STORED_OFFSET) for points in stored]
    values = np.array([(*frame.centre, frame.half_side, frame.roll) for frame in found])
    side = CROP_SIZE * STORED_SCALE
    np.testing.assert_allclose(
        values.mean(0), ((side - 1) / 2, (side - 1) / 2, CROP_SIZE / 2, 0), atol=0.01
    )
    assert values.std(0).max() < 0.02
