"""Lashes stay as long as they are when brows are raised."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn import EYES, FRAME, SIDE, drawn, painted
from hypothesis import given, settings
from hypothesis import strategies as st

from ganimate.faces.blend import Blender
from ganimate.faces.grid import Grid
from ganimate.faces.lashes import Lashes
from ganimate.faces.topology import LEFT_BROW, RIGHT_BROW

UP, LONG, BROW = 12, 14, 60
"""How far lids, and the tips of lashes beyond them, and brows are above an iris' centre."""


def face() -> tuple[np.ndarray, np.ndarray]:
    """The drawn face with lashes and brows."""
    photo, marks = drawn(up=UP)
    for brow, (x, y) in zip((RIGHT_BROW, LEFT_BROW), EYES, strict=True):
        across = np.linspace(x - 50, x + 50, 5)
        marks[list(brow[:5])] = np.stack([across, np.full(5, y - BROW)], 1)
        for column in range(x - 20, x + 21, 8):
            cv2.line(photo, (column, y - UP - LONG), (column, y - UP), (30, 20, 20), 2)
    return photo, marks


def raised(brows: float) -> np.ndarray:
    """A flow that takes brows up by so many pixels, and what is below them to the lids by less."""
    y = np.mgrid[:64, :64][0] * (SIDE / 64)
    lid, brow = EYES[0][1] - UP, EYES[0][1] - BROW - brows
    share = np.clip((lid - y) / (lid - brow), 0, 1) * np.clip(y / 40, 0, 1)
    return np.stack([0 * y, share * brows / SIDE], -1).astype(np.float32)


def lashes(picture: np.ndarray) -> float:
    """How many rows of lashes there are above the lids."""
    x, y = EYES[0]
    above = picture[y - BROW - 20 : y - UP - 2, x - 20 : x + 21].max(2)
    return float((above < 110).sum(0)[::8].mean())


@pytest.mark.parametrize("brows", [8, 16])
@pytest.mark.parametrize("plane", [False, True])
def test_lashes_grow_no_longer_with_raised_brows(brows: float, plane: bool) -> None:
    photo, marks = face()
    if plane:
        photo = photo[..., :1].repeat(3, 2)
    flow = painted(raised(brows))
    held, drawn_out = (
        lashes(each.blend(flow))
        for each in (Blender(photo, FRAME, landmarks=marks), Blender(photo, FRAME))
    )
    before = lashes(photo)
    assert drawn_out > before + 1.5
    assert held == pytest.approx(before, abs=1)


@settings(max_examples=30)
@given(st.floats(-20, 60))
def test_nothing_folds_and_nothing_else_moves(brows: float) -> None:
    _, marks = face()
    grid = Grid((SIDE, SIDE), (SIDE, SIDE))
    flow = cv2.resize(raised(brows) * SIDE, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    before = np.ascontiguousarray(np.moveaxis(flow, -1, 0))
    after = before.copy()
    Lashes(FRAME, marks, grid).hold(after)
    come = after[1] + np.arange(SIDE)[:, None]
    assert np.diff(come, axis=0).min() > -0.05
    changed = np.flatnonzero((after != before).any((0, 2)))
    lid, brow = EYES[0][1], EYES[0][1] - BROW - max(0.0, brows)
    assert not len(changed) or (brow - 3 < changed.min() and changed.max() < lid + 3)
    if brows <= 0:
        assert not len(changed)
