"""Lids slide over eyeballs: what a smooth flow alone would stretch and squeeze."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn import (
    EYES,
    FRAME,
    RADIUS,
    SIDE,
    SKIN,
    WHITE,
    drawn,
    flow_of,
    painted,
)
from hypothesis import given
from hypothesis import strategies as st

from ganimate.faces.blend import Blender
from ganimate.faces.eyes import Eyeball
from ganimate.faces.grid import Grid
from ganimate.faces.topology import (
    RIGHT_IRIS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
)
from ganimate.media.planes import LUMA


def pupil(picture: np.ndarray) -> tuple[float, float]:
    """How high and how wide the dark of the right eye is."""
    x, y = EYES[0]
    dark = picture[y - 40 : y + 40, x - 60 : x + 60].max(2) < 70
    return float(dark.any(1).sum()), float(dark.any(0).sum())


@pytest.mark.parametrize("move", [-11, -5, 11])
def test_an_iris_stays_round_under_lids_that_move(move: float) -> None:
    photo, marks = drawn()
    flow = painted(flow_of(move, 154))
    blender = Blender(photo, FRAME, landmarks=marks)
    lid = marks[[RIGHT_UPPER_LID[4]]]
    (moved,) = Grid((SIDE, SIDE), blender._grid).follow(lid, blender._flow(flow)[0])
    truth = pupil(drawn(up=float(EYES[0][1] - moved[1]))[0])
    slid, dragged = (pupil(each.blend(flow)) for each in (blender, Blender(photo, FRAME)))
    assert slid == pytest.approx(truth, abs=1)
    assert abs(dragged[0] - truth[0]) > 1
    # What of the eye no lid covers is the photo's own.
    x, y = EYES[0]
    middle = slice(y, y + 8), slice(x - 15, x + 15)
    kept = np.abs(blender.blend(flow)[middle].astype(int) - photo[middle])
    assert kept.mean() < 3


def test_what_glints_in_an_eye_does_not_spread_where_a_lid_rises() -> None:
    photo, marks = drawn(up=4)
    (x, y), flow = EYES[0], painted(flow_of(-11, 154))
    cv2.circle(photo, (x + 10, y + 2), 3, (255, 255, 255), -1)
    result = Blender(photo, FRAME, landmarks=marks).blend(flow)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    iris = (columns - x) ** 2 + (rows - y) ** 2 < (RADIUS - 3) ** 2
    uncovered = iris & (rows < y - 4) & (result.max(2) < 190)
    assert uncovered.sum() > 100
    glints = iris & (result.min(2) > SKIN[2] + 10)
    assert glints.any() and ((columns - x - 10) ** 2 + (rows - y - 2) ** 2)[glints].max() < 25


def test_eyes_that_are_hardly_open_or_tiny_are_moved_as_all_else() -> None:
    for photo, marks in (drawn(up=2, down=3), drawn()):
        scale = 1.0 if marks[RIGHT_UPPER_LID[4]][1] > 170 else 0.08
        small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        frame = FRAME.resized(scale)
        points = (marks + 0.5) * scale - 0.5
        flow = painted(flow_of(-8, 154))
        with_marks = Blender(small, frame, landmarks=points).blend(flow)
        assert (with_marks == Blender(small, frame).blend(flow)).all()


def test_lids_that_do_not_move_leave_every_pixel() -> None:
    photo, marks = drawn()
    assert (Blender(photo, FRAME, landmarks=marks).blend(painted()) == photo).all()


def whites(photo: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """What both eyes are taken for where lids hide them, beside and above the iris, (2, 3)."""
    eyes = Blender(photo, FRAME, landmarks=marks)._eyes
    assert eyes is not None
    box = eyes.uncovered().astype(float)
    return np.array([box[y - 24, x + 24] for x, y in EYES])


def test_whites_that_are_hardly_seen_are_as_light_as_skin_and_alike() -> None:
    """Narrow eyes show lashes and shadows there, and each others."""
    photo, marks = drawn(up=9, down=8)
    white = (photo.min(2) > 225) & (np.arange(SIDE) < SIDE / 2)
    photo[white] = 90
    right, left = whites(photo, marks)
    assert np.abs(right - left).max() < 20
    luma = np.array(SKIN) @ LUMA
    assert right @ LUMA == pytest.approx(luma, rel=0.15)
    assert np.ptp(right) < np.ptp(SKIN) / 2


def test_whites_that_are_seen_are_as_the_photo_has_them() -> None:
    photo, marks = drawn(up=20, down=20)
    assert np.abs(whites(photo, marks) - WHITE).max() < 12


@given(
    move=st.floats(-6, 6),
    x=st.floats(100, 380),
    y=st.floats(100, 380),
    points=st.integers(64, SIDE),
)
def test_points_are_followed_to_where_a_flow_takes_them(
    move: float, x: float, y: float, points: int
) -> None:
    grid = Grid((SIDE, SIDE), (points, points))
    rows = (np.arange(points) + 0.5) * SIDE / points - 0.5
    # What is at row r comes from r + move * wave(r): a point p is where that is p.
    wave = np.tile(np.sin(rows / 40)[:, None], (1, points)).astype(np.float32)
    offsets = np.stack([0 * wave, move * wave])
    (found,) = grid.follow(np.array([(x, y)]), offsets)
    come = found[1] + np.interp(found[1], rows, move * np.sin(rows / 40))
    assert found[0] == pytest.approx(x, abs=1e-3)
    assert come == pytest.approx(y, abs=0.1)  # OpenCV rounds to 32nds of a point


def test_what_is_far_from_an_iris_is_not_its_pupil() -> None:
    photo, marks = drawn()
    eye = (marks[list(part)] for part in (RIGHT_IRIS, RIGHT_UPPER_LID, RIGHT_LOWER_LID))
    rings = Eyeball(photo, FRAME, *eye)._rings()[0]
    assert rings[0].max() < 40, "the pupil"
    assert rings[-1].min() > 100
