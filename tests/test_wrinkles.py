"""Drawn wrinkles: thin, on both sides, where the muscles fold skin, and no light in all."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganimate.facs import AU_NUMBERS
from ganimate.training.dataset import FaceDataset
from ganimate.training.fit import _cells, fit_teacher
from ganimate.training.muscles import AU4, AU6, AU9, AU10, AU12, AU15, AU17
from ganimate.training.wrinkles import WRINKLES, wrinkles


@pytest.fixture(scope="module")
def mean(data: FaceDataset) -> Tensor:
    return fit_teacher(data).mean


@pytest.fixture(scope="module")
def drawn(mean: Tensor) -> Tensor:
    return wrinkles(_cells(128), mean).view(17, 128, 128)


def test_only_those_that_are_listed_wrinkle_and_as_deep(drawn: Tensor) -> None:
    listed = {AU_NUMBERS.index(each.number) for each in WRINKLES}
    for row, shade in enumerate(drawn):
        if row not in listed:
            assert not shade.any()
            continue
        deepest = max(each.depth for each in WRINKLES if AU_NUMBERS.index(each.number) == row)
        assert 0.7 * deepest < -shade.min() < 1.5 * deepest


def test_both_halves_are_mirror_images(drawn: Tensor) -> None:
    torch.testing.assert_close(drawn, drawn.flip(-1), atol=1e-3, rtol=1e-3)


def test_what_a_line_takes_its_sides_give(drawn: Tensor) -> None:
    """A wrinkle is no shadow: a cheek that has one is as light as before."""
    for shade in drawn[[AU6, AU9, AU10, AU12]]:
        assert shade.sum().abs() < 0.1 * shade.abs().sum()


def test_they_lie_where_skin_folds(drawn: Tensor, mean: Tensor) -> None:
    def darkest(row: int, mark: int, reach: int) -> float:
        x, y = mean[mark].round().int().tolist()
        return drawn[row, y - reach : y + reach + 1, x - reach : x + reach + 1].min().item()

    for root_or_side in (168, 188, 412):
        assert darkest(AU9, root_or_side, 4) < -0.3
        assert darkest(AU10, root_or_side, 4) > -0.05
    for beside_a_wing in (203, 423):
        assert darkest(AU9, beside_a_wing, 3) < -0.5
        assert darkest(AU10, beside_a_wing, 3) < -0.5
        assert darkest(AU12, beside_a_wing, 3) < -0.3
    for between_brows in (55, 285):
        assert darkest(AU4, between_brows, 5) < -0.5
    for brow in (52, 282):
        assert darkest(AU4, brow, 3) > -0.05
    for below_a_corner in (43, 273):
        assert darkest(AU15, below_a_corner, 5) < -0.4
    assert darkest(AU17, 18, 4) < -0.4
    for below_an_eye in (23, 253):
        assert darkest(AU6, below_an_eye, 6) < -0.3
    for outer_corner in (130, 359):
        assert darkest(AU6, outer_corner, 9) < -0.4
        assert darkest(AU9, outer_corner, 9) > -0.05


def test_they_stay_off_eyes_and_lips(drawn: Tensor, mean: Tensor) -> None:
    for mark in (159, 386, 468, 473, 0, 13, 17):
        x, y = mean[mark].round().int().tolist()
        assert drawn[:, y, x].abs().max() < 0.1


def test_the_teacher_has_them(data: FaceDataset, drawn: Tensor) -> None:
    fitted = fit_teacher(data).shading[:, 0]
    lines = drawn[AU9] < -0.4
    assert fitted[AU9][lines].mean() < -0.3
