"""Lips slide over teeth: what a smooth flow alone would stretch and squeeze."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from drawn import (
    FRAME,
    LIP,
    MOUTH,
    SIDE,
    drawn,
    painted,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ganimate import Animator
from ganimate.engine import Painted, asked_of_lips
from ganimate.faces.align import FaceFrame
from ganimate.faces.blend import Blender
from ganimate.faces.grid import Grid
from ganimate.faces.lips import GROWS, TIGHT
from ganimate.faces.rims import Rims
from ganimate.faces.topology import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    NOSE_WINGS,
)
from ganimate.facs import AU_NUMBERS


def teeth(picture: np.ndarray) -> int:
    """White pixels in the middle of the mouth."""
    part = picture[310:410, 190:290].astype(int)
    return int((part.min(2) > 215).sum())


def test_lips_meet_over_teeth_as_far_as_is_asked() -> None:
    photo, marks = drawn(gap=30)
    blender = Blender(photo, FRAME, landmarks=marks)
    shown = [teeth(blender.blend(painted(parting=stays))) for stays in (1, 0.75, 0.5, 0.25, 0)]
    assert shown[0] == teeth(photo) > 1500
    assert sorted(shown, reverse=True) == shown
    assert shown[2] == pytest.approx(shown[0] / 2, rel=0.25)
    assert shown[-1] == 0
    closed = blender.blend(painted(parting=0))
    # Lips do not vanish; nose and what is beyond the cheeks stay.
    red = [int((one[..., 0] > one[..., 1].astype(int) + 50).sum()) for one in (photo, closed)]
    assert 0.9 * red[0] < red[1] < 1.3 * red[0]
    assert (closed[:240] == photo[:240]).all()
    assert (closed[:, :130] == photo[:, :130]).all()


def test_lips_of_which_one_is_raised_meet_where_the_mouth_was() -> None:
    """The raised one comes down again, instead of the lower one with the chin going up to it."""
    photo, marks = drawn(gap=30)
    y, x = np.mgrid[:64, :64] * (SIDE / 64)
    near = np.exp(-(((x - MOUTH[0]) / 90) ** 2 + ((y - 325) / 26) ** 2))
    flow = np.stack([0 * x, 30 / SIDE * near], -1).astype(np.float32)
    closed = Blender(photo, FRAME, landmarks=marks).blend(painted(flow, parting=0))
    column = closed[:, MOUTH[0]].astype(int)
    red = np.flatnonzero(column[:, 0] > column[:, 1] + 50)
    assert teeth(closed) == 0
    assert (red[0] + red[-1]) / 2 == pytest.approx(MOUTH[1], abs=8)


def test_lips_meet_where_a_flow_folds() -> None:
    """It brings one point of the upper rim to the lower one, and nothing beside it."""
    photo, marks = drawn(gap=30)
    y, x = np.mgrid[:64, :64] * (SIDE / 64)
    near = np.exp(-(((x - MOUTH[0]) / 9) ** 2 + ((y - 345) / 20) ** 2))
    flow = np.stack([0 * x, -30 / SIDE * near], -1).astype(np.float32)
    closed = Blender(photo, FRAME, landmarks=marks).blend(painted(flow, parting=0))
    assert teeth(closed) == 0


def reds(picture: np.ndarray) -> tuple[int, int]:
    """How high what is red is, in the middle of the mouth, above and below the line of lips that
    meet, the darkest."""
    column = picture[:, MOUTH[0]].astype(int)
    red = np.flatnonzero(column[:, 0] > column[:, 1] + 50)
    line = red[0] + int(column[red[0] : red[-1], 0].argmin())
    return int(line - red[0]), int(red[-1] - line)


@pytest.mark.parametrize("tightening", [0.0, 1.0])
def test_lips_that_meet_keep_their_height_where_a_flow_squeezes_it_out(tightening: float) -> None:
    """It takes skin from beside them right to the line on which they meet."""
    photo, marks = drawn(gap=30)
    y, x = np.mgrid[:64, :64] * (SIDE / 64)
    from_lip = (y - MOUTH[1]) / 36
    pull = 34 * np.tanh(6 * from_lip) * np.exp(-np.square(from_lip))
    pull *= np.exp(-np.square((x - MOUTH[0]) / 120))
    flow = np.stack([0 * x, pull / SIDE], -1).astype(np.float32)
    squeezed = painted(flow, parting=0)
    blender = Blender(photo, FRAME, landmarks=marks)
    before = Blender(photo, FRAME).blend(squeezed)
    assert sum(before[:, MOUTH[0], 0] > before[:, MOUTH[0], 1].astype(int) + 50) < 20
    upper, lower = reds(blender.blend(replace(squeezed, tightening=tightening)))
    shares = upper / 16, lower / 20  # of what was drawn
    assert shares == pytest.approx((1 - TIGHT * tightening,) * 2, abs=0.25)


def test_skin_above_lips_that_close_is_stretched_evenly() -> None:
    """A part of it alone would be drawn out to stripes."""
    photo, marks = drawn(gap=30)
    marks[list(NOSE_WINGS)] = (240, 280)
    rows = np.arange(270, 329)
    photo[rows] = (4 * (rows - 270))[:, None, None]
    x, y = np.mgrid[:64, :64][::-1] * (SIDE / 64) + 3.25
    from_lip = (y - 330) / 20
    pull = 12 * from_lip * np.exp(-np.square(from_lip)) * np.exp(-np.square((x - MOUTH[0]) / 120))
    flow = np.stack([0 * x, -pull / SIDE], -1).astype(np.float32)
    closed = Blender(photo, FRAME, landmarks=marks).blend(painted(flow, parting=0))
    column = closed[:, MOUTH[0]].astype(float)
    grey = np.flatnonzero((np.ptp(column, axis=1) < 3) & (column[:, 0] < 225))
    grey = grey[(grey > 282) & (grey < MOUTH[1])]
    steps = np.diff(column[grey[0] : grey[-1] - 3 : 6, 0]) / 24
    assert len(steps) > 7
    assert steps.mean() < 0.85  # there is more of it now
    assert steps.min() > 0.6 * steps.max()


@pytest.mark.parametrize("narrower", [1.0, 1.2])
def test_lips_grow_as_their_mouth_narrows(narrower: float) -> None:
    photo, marks = drawn(gap=30)
    y, x = np.mgrid[:64, :64] * (SIDE / 64) + 3.25
    near = np.exp(-np.square((y - MOUTH[1]) / 120))
    pull = (narrower - 1) * np.clip(x - MOUTH[0], -90, 90) * near
    flow = np.stack([pull / SIDE, 0 * x], -1).astype(np.float32)
    closed = Blender(photo, FRAME, landmarks=marks).blend(painted(flow, parting=0))
    upper, lower = reds(closed)
    expected = (16 * narrower ** GROWS[0], 20 * narrower ** GROWS[1])
    assert (upper, lower) == pytest.approx(expected, abs=3)


def test_the_line_where_lips_meet_is_as_soft_as_its_photo() -> None:
    photo, marks = drawn(gap=30)
    blender = Blender(photo, FRAME, landmarks=marks)
    sharp, soft = (
        blender.blend(replace(painted(parting=0), softness=blur))[:, MOUTH[0], 1].astype(int)
        for blur in (0.0, 1.0)
    )
    rows = slice(MOUTH[1] - 9, MOUTH[1] + 12)
    dark = [int((LIP[1] - line[rows] > 5).sum()) for line in (sharp, soft)]
    assert sharp[rows].min() < soft[rows].min() - 10
    assert 0 < dark[0] < dark[1]
    assert (sharp[rows] <= LIP[1] + 1).all() and (soft[rows] <= LIP[1] + 1).all()  # no teeth


def test_rims_go_from_left_to_right(astronaut: Path) -> None:
    face = Animator(locator="builtin", offline=True).open(astronaut).chosen[0]
    rims = Rims(face.frame, face.landmarks, Grid((512, 512), (128, 128)))
    assert (np.diff(rims.own[..., 0], axis=1) > 0).all()
    upper, lower, above, below = rims.own[:, 3:8, 1]
    assert (above < upper).all() and (upper < lower).all() and (lower < below).all()


def test_closed_lips_have_nothing_to_close() -> None:
    photo, marks = drawn(gap=0)
    closed = Blender(photo, FRAME, landmarks=marks).blend(painted(parting=0))
    assert (closed == photo).all()


@pytest.mark.parametrize(
    ("gap", "opening", "own"),
    [(30, 1.0, True), (30, 0.0, True), (2, 1.0, False), (2, 0.0, True)],
)
def test_a_mouth_that_shows_teeth_or_is_not_to_open_stays_its_own(
    gap: float, opening: float, own: bool
) -> None:
    photo, marks = drawn(gap=gap)
    green = Painted(
        np.zeros((128, 128), np.float32),
        np.full((128, 128, 3), (0, 255, 0), np.float32),
        np.zeros((64, 64, 2), np.float32),
        opening=opening,
    )
    blender = Blender(photo, FRAME, landmarks=marks)
    result = blender.blend(green)
    x, y = MOUTH
    assert (np.abs(result[y, x].astype(int) - photo[y, x]).max() < 12) == own
    assert (result[y - 60, x] == (0, 255, 0)).all()
    assert (blender.attention(green)[y, x] > 0.99) == own


def test_teeth_stand_still_while_a_mouth_becomes_narrower() -> None:
    photo, marks = drawn(gap=30)
    teeth = range(MOUTH[0] - 42, MOUTH[0] + 43, 14)
    for x in teeth:  # between each two of them
        photo[MOUTH[1] - 8 : MOUTH[1] + 9, x - 1 : x + 2] = 100
    y, x = np.mgrid[:64, :64] * (SIDE / 64) + 3.25
    pull = 0.3 * np.clip(x - MOUTH[0], -90, 90) * np.exp(-np.square((y - MOUTH[1]) / 120))
    narrow = painted(np.stack([pull / SIDE, 0 * x], -1).astype(np.float32))

    def gaps(blender: Blender) -> list[int]:
        row = blender.blend(narrow)[MOUTH[1], MOUTH[0] - 40 : MOUTH[0] + 41, 1].astype(int)
        dark = np.flatnonzero((row < 180) & (row <= np.roll(row, 1)) & (row < np.roll(row, -1)))
        return [int(each) for each in np.diff(dark) if each > 3]

    still, squeezed = gaps(Blender(photo, FRAME, landmarks=marks)), gaps(Blender(photo, FRAME))
    assert len(still) >= 5 and np.abs(np.array(still[1:-1]) - 14).max() <= 1  # but at its corners
    assert np.mean(squeezed) < 12


@pytest.mark.parametrize(("narrower", "own"), [(1.0, True), (1.6, False)])
def test_teeth_give_way_where_a_mouth_becomes_narrow_and_high(narrower: float, own: bool) -> None:
    """Its own would be long and thin."""
    photo, marks = drawn(gap=30)
    y, x = np.mgrid[:64, :64] * (SIDE / 64) + 3.25
    pull = (narrower - 1) * np.clip(x - MOUTH[0], -90, 90) * np.exp(-np.square((y - 360) / 120))
    green = Painted(
        np.zeros((128, 128), np.float32),
        np.full((128, 128, 3), (0, 255, 0), np.float32),
        np.stack([pull / SIDE, 0 * x], -1).astype(np.float32),
    )
    result = Blender(photo, FRAME, landmarks=marks).blend(green)[MOUTH[1], MOUTH[0]]
    assert (np.abs(result.astype(int) - photo[MOUTH[1], MOUTH[0]]).max() < 12) == own


@given(seed=st.integers(0, 2**32 - 1), most=st.floats(0, 60))
def test_rims_keep_their_order_however_a_flow_folds(seed: int, most: float) -> None:
    _, marks = drawn(gap=30)
    grid = Grid((SIDE, SIDE), (SIDE, SIDE))
    wave = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(SIDE, 1)), (0, 0), 25)
    down = most * wave / np.abs(wave).max()
    offsets = np.stack([0 * down, down]).repeat(SIDE, 2).astype(np.float32)
    rims = Rims(FRAME, marks, grid)
    found = rims.follow(offsets)
    assert found[..., 0] == pytest.approx(rims.own[..., 0], abs=1e-6)
    order = np.argsort(rims.own[..., 1], axis=None)
    assert (np.diff(found[..., 1].ravel()[order]) > -1e-6).all()
    if np.diff(down[:, 0]).min() > -0.5:  # nothing folds
        rows = rims.pixels(found)[..., 1]
        come = rows + np.interp(rows, np.arange(SIDE), down[:, 0])
        assert come == pytest.approx(rims.pixels(rims.own)[..., 1], abs=0.5)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    x=st.floats(-40, 240),
    y=st.floats(-40, 190),
    side=st.floats(8, 300),
    roll=st.floats(-180, 180),
    spread=st.sampled_from([0.0, 3.0, 60.0, 500.0]),
    stays=st.floats(0, 1),
    film=st.booleans(),
)
def test_no_landmarks_are_too_odd_and_outside_the_frame_nothing_changes(
    seed: int, x: float, y: float, side: float, roll: float, spread: float, stays: float, film: bool
) -> None:
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (150, 200, 3), np.uint8)
    frame = FaceFrame.turned((x, y), side / 2, roll)
    marks = np.array([x, y]) + rng.normal(size=(478, 2)) * spread
    flow = cv2.GaussianBlur(rng.normal(size=(64, 64, 2)).astype(np.float32), (0, 0), 4)
    assume((frame.corners().max(0) > 1).all() and (frame.corners().min(0) < (198, 148)).all())
    blender = Blender(photo, frame, landmarks=marks, alone=film)
    result = blender.blend(painted(flow, parting=stays))
    rows, columns = np.mgrid[:150, :200]
    places = frame.to_crop(np.stack([columns, rows], -1), 1)
    outside = ~(np.abs(places) <= 0.5 + 1e-9).all(-1)
    assert (result[outside] == photo[outside]).all()


def test_the_share_that_stays_is_what_is_asked_of_parted_lips() -> None:
    now, then = torch.zeros(4, 17), torch.zeros(4, 17)
    part, drop = AU_NUMBERS.index(25), AU_NUMBERS.index(26)
    now[:, part], now[1, drop] = 0.5, 0.8
    then[:, part] = torch.tensor([0.5, 0.4, 0.0, 0.9])
    then[3, AU_NUMBERS.index(23)] = 0.6
    stays, opens, tighten = asked_of_lips(now, then)
    assert stays.tolist() == pytest.approx([1, 0.5, 0, 1])
    assert opens.tolist() == pytest.approx([0, 0, 0, 0.4])
    assert tighten.tolist() == pytest.approx([0, 0, 0, 0.6])


def test_a_real_smile_closes_and_opens_again(astronaut: Path) -> None:
    animator = Animator(locator="builtin", offline=True)
    portrait = animator.open(astronaut)

    def gap(share: float) -> float:
        """Between the lips, in pixels, where the locator finds them in the edited photo."""
        marks = animator.open(portrait.edit("neutral", strength=share).image).chosen[0].landmarks
        return float((marks[list(INNER_LOWER_LIP)] - marks[list(INNER_UPPER_LIP)])[:, 1].max())

    gaps = [gap(share) for share in (0, 0.4, 0.7, 1)]
    assert sorted(gaps, reverse=True) == gaps
    assert gaps[-1] < 0.4 * gaps[0]
