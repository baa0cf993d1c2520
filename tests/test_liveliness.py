"""What a living face does besides: it blinks, and wanders a little."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ganimate.errors import UsageError
from ganimate.facs import AU_NUMBERS, ActionUnits
from ganimate.trajectory import Trajectory

CURRENT = ActionUnits({1: 0.2, 12: 0.3, 45: 0.1})


def column(trajectory: Trajectory, number: int) -> NDArray[np.float32]:
    return trajectory.intensities[:, AU_NUMBERS.index(number)]


def runs(closed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Beginnings and ends of what is true, (n, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(int)))
    return edges.reshape(-1, 2)


def test_blinks_come_as_often_and_last_as_long_as_peoples() -> None:
    fps, minutes = 100, 16
    still = Trajectory(np.zeros((fps * 60 * minutes, 17)), fps)
    blinking = still.enlivened(blink=True, seed=1)
    lids = column(blinking, 45)
    blinks = runs(lids > 0)
    seconds = np.diff(blinks, axis=1)[:, 0] / fps
    assert len(blinks) / minutes == pytest.approx(15, rel=0.1)
    assert seconds.min() >= 0.15 - 2 / fps
    assert seconds.max() <= 0.3
    assert seconds.std() > 0.03
    assert all(lids[begin:end].max() == 1 for begin, end in blinks)
    assert np.diff(blinks[:, 0]).min() > 0.6 * fps
    assert not np.delete(blinking.intensities, AU_NUMBERS.index(45), axis=1).any()


@pytest.mark.parametrize("fps", [1, 5, 25, 60])
@pytest.mark.parametrize("seed", range(5))
def test_every_short_film_has_a_whole_blink(fps: int, seed: int) -> None:
    lids = column(Trajectory(np.zeros((2 * fps + 1, 17)), fps).enlivened(blink=True, seed=seed), 45)
    assert lids.max() == 1
    if fps > 5:
        assert lids[0] == lids[-1] == 0


def test_a_blink_closes_what_is_half_closed_and_opens_it_no_further() -> None:
    rows = np.full((250, 17), 0.5)
    lids = column(Trajectory(rows).enlivened(blink=True), 45)
    assert (lids.min(), lids.max()) == (0.5, 1)


def test_a_lively_face_wanders_a_little_and_slowly() -> None:
    rows = np.full((1000, 17), 0.5)
    rows[:, 0], rows[:, 1] = 0, 1
    lively = Trajectory(rows, 50).enlivened(liveliness=0.5, seed=2)
    change = lively.intensities - rows
    assert 0.02 < np.abs(change).max() <= 0.06 + 1e-6
    assert not column(lively, 45).std()
    moving = np.delete(change, AU_NUMBERS.index(45), axis=1)
    assert (moving.std(axis=0) > 0.005).all()
    spectrum = np.abs(np.fft.rfft(moving, axis=0)) ** 2
    fast = np.fft.rfftfreq(1000, 1 / 50) > 1.01
    assert spectrum[fast].sum() < 1e-6 * spectrum[1:].sum()
    # The last frame leads on to the first: loops have no seam.
    steps = np.abs(np.diff(np.concatenate([moving, moving[:1]]), axis=0))
    assert steps[-1].max() <= steps[:-1].max()


def test_the_same_seed_gives_the_same_film() -> None:
    still = Trajectory(np.full((100, 17), 0.3))

    def film(**options: object) -> NDArray[np.float32]:
        return still.enlivened(**options).intensities  # type: ignore[arg-type]

    both = film(blink=True, liveliness=1, seed=3)
    assert np.array_equal(both, film(blink=True, liveliness=1, seed=3))
    assert not np.array_equal(both, film(blink=True, liveliness=1, seed=4))
    assert not np.array_equal(both, film(blink=True, liveliness=1, seed=(3, 1)))
    eyes = AU_NUMBERS.index(45)
    assert np.array_equal(both[:, eyes], film(blink=True, seed=3)[:, eyes])
    assert np.array_equal(film(), still.intensities)


@settings(deadline=None)
@given(st.integers(1, 60), st.floats(1, 240), st.booleans(), st.floats(0, 1), st.integers(0, 2**32))
def test_every_film_can_be_enlivened(frames, fps, blink, liveliness, seed) -> None:
    rows = np.random.default_rng(seed).uniform(0, 1, (frames, 17))
    lively = Trajectory(rows, fps).enlivened(blink=blink, liveliness=liveliness, seed=seed)
    assert (len(lively), lively.fps) == (frames, fps)


@pytest.mark.parametrize("options", [{"liveliness": 2}, {"liveliness": math.nan}, {"seed": -1}])
def test_what_enlivens_nothing_is_refused(options) -> None:
    with pytest.raises(UsageError):
        Trajectory(np.zeros((5, 17))).enlivened(**options)
