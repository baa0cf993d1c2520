"""From key to key: the ways in which the time between is crossed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganimate.facs import ActionUnits, parse_look
from ganimate.timeline import Timeline
from ganimate.trajectory import IN_BETWEENS, Trajectory, interpolate

CURRENT = ActionUnits({1: 0.2, 12: 0.3, 45: 0.1})


@st.composite
def curves(draw):
    """Times of keys, their values, and how each part is crossed."""
    steps = draw(st.lists(st.floats(1e-3, 1e3), max_size=6))
    times = np.cumsum([draw(st.floats(0, 100)), *steps])
    values = draw(
        st.lists(
            st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=len(times), max_size=len(times)
        )
    )
    ways = draw(st.lists(st.sampled_from(IN_BETWEENS), min_size=len(steps), max_size=len(steps)))
    return times, np.array(values), ways


@settings(deadline=None)
@given(curves(), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_no_value_leaves_the_range_of_the_keys_around_it(curve, places) -> None:
    times, values, ways = curve
    at = times[0] + np.sort(places) * (times[-1] - times[0])
    rows = interpolate(times, values, at, ways)
    after = np.clip(
        np.searchsorted(times, at, side="right"), min(1, len(times) - 1), len(times) - 1
    )
    around = np.stack([values[np.maximum(after - 1, 0)], values[after]])
    assert (rows >= around.min(axis=0)).all()
    assert (rows <= around.max(axis=0)).all()


@settings(deadline=None)
@given(curves())
def test_keys_are_exact_and_both_ends_stand_still(curve) -> None:
    times, values, ways = curve
    assert np.array_equal(interpolate(times, values, times, ways), values)
    outside = interpolate(times, values, np.array([times[0] - 1, times[-1] + 1]), ways)
    assert np.array_equal(outside, values[[0, -1]])


def test_the_monotone_cubic_is_smooth_and_rests_where_the_keys_turn() -> None:
    times, values = np.array([0.0, 1, 3, 4]), np.array([[0.0], [0.6], [1.0], [0.2]])
    at = np.linspace(0, 4, 4001)
    curve = interpolate(times, values, at, ["monotone"] * 3)[:, 0]
    speed = np.gradient(curve, at)
    assert np.abs(np.diff(speed)).max() < 0.01  # the speed does not jump
    assert speed[[0, 3000, -1]] == pytest.approx(0, abs=0.01)
    assert (speed[:3000] >= -1e-9).all()
    # Fritsch & Butland's slope at the second key: rises 0.6 and 0.2, parts of 1 and 2 seconds.
    assert speed[1000] == pytest.approx((5 + 4) / (5 / 0.6 + 4 / 0.2), abs=1e-3)


def test_two_keys_are_crossed_as_smoothly_as_before() -> None:
    keys = Timeline.parse("0:neutral 1:smile").trajectory(CURRENT, fps=10)
    through = Trajectory.through(
        [parse_look(look, CURRENT) for look in ("neutral", "smile")], seconds=1, fps=10, hold=0
    )
    assert keys.intensities == pytest.approx(through.intensities, abs=1e-6)
