"""Keyframes and easing become frames."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganimate.errors import UsageError
from ganimate.facs import ActionUnits
from ganimate.trajectory import EASINGS, LOOPS, MAX_FRAMES, Trajectory

NEUTRAL, SMILE = ActionUnits(), ActionUnits({6: 0.5, 12: 0.7, 25: 0.35})
FROWN = ActionUnits({4: 0.9})
AU12 = 8

keyframes = st.lists(
    st.lists(st.floats(0, 1, width=32), min_size=17, max_size=17).map(ActionUnits),
    min_size=1,
    max_size=5,
)
options = st.fixed_dictionaries(
    {
        "seconds": st.floats(0, 4),
        "fps": st.floats(1, 60),
        "hold": st.floats(0, 2),
        "easing": st.sampled_from(sorted(EASINGS)),
        "loop": st.sampled_from(LOOPS),
    }
)


def smile(**options) -> Trajectory:
    return Trajectory.through([NEUTRAL, SMILE], **options)


def test_a_trajectory_is_rows_of_seventeen_and_a_rate() -> None:
    trajectory = Trajectory(np.zeros((50, 17)), fps=25)
    assert len(trajectory) == 50
    assert trajectory.seconds == 2
    assert trajectory.intensities.dtype == np.float32
    assert repr(trajectory) == "Trajectory(50 frames, 25 fps)"
    with pytest.raises(ValueError, match="read-only"):
        trajectory.intensities[0, 0] = 1


def test_a_trajectory_keeps_no_hold_of_the_array_it_came_from() -> None:
    rows = np.zeros((2, 17), np.float32)
    trajectory = Trajectory(rows)
    rows[:] = 1
    assert not trajectory.intensities.any()


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((0, 17)),
        np.zeros((3, 16)),
        np.zeros(17),
        np.full((2, 17), 1.1),
        np.full((2, 17), -0.1),
        np.full((2, 17), np.nan),
        np.zeros((MAX_FRAMES + 1, 17), np.float32),
        [["x"] * 17],
        [[0.0] * 17, [0.0] * 16],
    ],
)
def test_what_is_not_a_trajectory_is_refused(rows) -> None:
    with pytest.raises(UsageError):
        Trajectory(rows)


@pytest.mark.parametrize("fps", [0, 0.9, 241, -25, math.nan, math.inf])
def test_a_rate_out_of_range_is_refused(fps) -> None:
    with pytest.raises(UsageError, match="fps"):
        Trajectory(np.zeros((1, 17)), fps)
    with pytest.raises(UsageError, match="fps"):
        smile(fps=fps)


def test_both_ends_are_shown_and_the_last_is_held() -> None:
    trajectory = smile(seconds=2, fps=10, hold=0.5)
    assert len(trajectory) == 20 + 1 + 5
    assert np.array_equal(trajectory.intensities[0], NEUTRAL.vector)
    assert not np.array_equal(trajectory.intensities[19], SMILE.vector)
    assert (trajectory.intensities[20:] == SMILE.vector).all()


def test_pingpong_comes_back_without_repeating_the_end_frame() -> None:
    rows = smile(seconds=1, fps=4, hold=0, loop="pingpong", easing="linear").intensities
    assert rows[:, AU12] / rows[:, AU12].max() == pytest.approx(
        [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25]
    )


def test_pingpong_holds_both_ends() -> None:
    trajectory = smile(seconds=1, fps=4, hold=0.5, loop="pingpong")
    rows = trajectory.intensities
    assert trajectory.seconds == 2 * (1 + 0.5)
    assert (rows[4:7] == SMILE.vector).all()
    assert (rows[-2:] == NEUTRAL.vector).all()


def test_stops_on_the_way_are_shown_and_divide_the_time_equally() -> None:
    rows = Trajectory.through([NEUTRAL, SMILE, FROWN], seconds=2, fps=10, hold=0).intensities
    assert np.array_equal(rows[10], SMILE.vector)
    assert rows[5] == pytest.approx(SMILE.vector / 2)
    assert rows[15] == pytest.approx((SMILE.vector + FROWN.vector) / 2)


def test_a_single_keyframe_stands_still() -> None:
    for loop in LOOPS:
        trajectory = Trajectory.through([SMILE], seconds=1, fps=10, hold=0.5, loop=loop)
        assert len(trajectory) == 16
        assert (trajectory.intensities == SMILE.vector).all()
        assert len(Trajectory.through([SMILE], seconds=0, hold=0, loop=loop)) == 1


def test_no_time_at_all_still_shows_every_keyframe() -> None:
    rows = Trajectory.through([NEUTRAL, SMILE, FROWN], seconds=0, hold=0).intensities
    assert np.array_equal(rows, [NEUTRAL.vector, SMILE.vector, FROWN.vector])


@pytest.mark.parametrize(
    ("easing", "quarter", "half"),
    [
        ("linear", 0.25, 0.5),
        ("smooth", 0.15625, 0.5),
        ("ease-in", 0.0625, 0.25),
        ("ease-out", 0.4375, 0.75),
    ],
)
def test_easings(easing, quarter, half) -> None:
    rows = smile(seconds=1, fps=4, hold=0, easing=easing).intensities
    assert rows[1:3, AU12] / rows[-1, AU12] == pytest.approx([quarter, half], rel=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"easing": "bouncy"}, "known: linear, smooth, ease-in, ease-out"),
        ({"loop": "forever"}, "known: once, pingpong"),
        ({"seconds": -1}, "seconds -1 is out of range"),
        ({"seconds": math.nan}, "seconds nan is out of range"),
        ({"hold": math.inf}, "hold inf is out of range"),
        ({"seconds": 1e300}, "too long"),
        ({"seconds": 4001}, "100038 frames"),
        ({"seconds": 3000, "loop": "pingpong"}, "frames"),
    ],
)
def test_a_wrong_request_says_what_is_legal(options, said) -> None:
    with pytest.raises(UsageError, match=said):
        smile(**options)


def test_no_keyframes_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one"):
        Trajectory.through([])


@given(keyframes, options)
def test_ends_are_exact_and_nothing_leaves_the_range_of_the_keyframes(keys, options) -> None:
    trajectory = Trajectory.through(keys, **options)
    rows, vectors = trajectory.intensities, np.stack([key.vector for key in keys])
    assert np.array_equal(rows[0], vectors[0])
    if options["loop"] == "once":
        assert np.array_equal(rows[-1], vectors[-1])
    for vector in vectors:
        assert (rows == vector).all(axis=1).any()
    assert (rows >= vectors.min(axis=0)).all()
    assert (rows <= vectors.max(axis=0)).all()


@given(keyframes.filter(lambda keys: len(keys) > 1), options)
def test_the_length_is_what_was_asked_for(keys, options) -> None:
    passes = 2 if options["loop"] == "pingpong" else 1
    fps, parts = options["fps"], len(keys) - 1
    asked = passes * (max(options["seconds"] * fps, parts) + options["hold"] * fps)
    assert abs(len(Trajectory.through(keys, **options)) - asked) <= passes + 1


@given(keyframes, options)
def test_pingpong_reads_the_same_backwards(keys, options) -> None:
    rows = Trajectory.through(keys, **{**options, "loop": "pingpong"}).intensities
    shown = [
        row
        for row, before in zip(rows, [None, *rows[:-1]], strict=True)
        if before is None or not np.array_equal(row, before)
    ]  # holds taken out
    if len(shown) > 1 and np.array_equal(shown[-1], shown[0]):
        shown.pop()
    assert np.array_equal(shown[1:], shown[:0:-1])


@given(st.sampled_from(sorted(EASINGS)), st.integers(1, 100))
def test_easings_rise_from_zero_to_one(easing, steps) -> None:
    eased = EASINGS[easing](np.linspace(0, 1, steps + 1))
    assert eased[0] == 0
    assert eased[-1] == 1
    assert (np.diff(eased) >= 0).all()
