"""What regression finds is corrected by what muscles do: each moves its own part of the face."""

from __future__ import annotations

import pytest
import torch

from ganimate.faces.topology import (
    JAW_SIDES,
    LEFT_BROW,
    LIP_CORNERS,
    LOWER_LIP,
    MIRROR,
    NOSE_BRIDGE,
    RIGHT_BROW,
    RIGHT_CREASE,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    SKULL,
    UNDER_BROWS,
    UPPER_LIP,
)
from ganimate.training.dataset import FaceDataset
from ganimate.training.fit import GAINS, fit_teacher
from ganimate.training.limits import CREASED
from ganimate.training.muscles import (
    ALONG,
    AU14,
    CARRIED,
    CREASES,
    DROPPED,
    HELD,
    HUNG,
    LIDS,
    LIFTED,
    OUTLINE_GAIN,
    POUTED,
    SQUINTED,
)
from ganimate.training.territory import FOREIGN, UNMOVED


def taught(data: FaceDataset, wanted: torch.Tensor) -> torch.Tensor:
    """The directions fitted to faces whose landmarks move with their labels as `wanted`."""
    intensities = torch.rand(480, 17, generator=torch.Generator().manual_seed(1))
    many = FaceDataset(
        data.images.repeat(40, 1, 1, 1), intensities,
        data.landmarks.mean(0) + torch.einsum("nk,kpc->npc", intensities, wanted),
        data.pose.repeat(40, 1), data.names * 40, "",
    )  # fmt: skip
    return fit_teacher(many, ridge=0.01, faces=16).directions


def test_a_known_motion_is_found(data: FaceDataset) -> None:
    """Landmarks made to move with the labels give that very motion back, steepened."""
    wanted = torch.zeros(17, 478, 2)
    wanted[8, :, 1] = 3.0
    wanted[8, list(SKULL + JAW_SIDES)] = 0
    found = taught(data, wanted)
    # Steepened everywhere, and less where the face ends.
    nose, chin = 4, 152
    assert found[8, nose, 1] == pytest.approx(3.0 * GAINS[8][0], abs=0.05)
    assert found[8, chin, 1] == pytest.approx(3.0 * OUTLINE_GAIN, abs=0.05)
    assert found[[i for i in range(17) if i != 8]].abs().max() < 0.1


def test_each_action_unit_moves_its_own_part_of_the_face(data: FaceDataset) -> None:
    """What labels that lean on each other find elsewhere is mostly not kept."""
    wanted = torch.zeros(17, 478, 2)
    brows, lips = [RIGHT_BROW[4], RIGHT_BROW[9]], [*UPPER_LIP[3:6]]  # far from the outline
    parts = [*brows, *[MIRROR[i] for i in brows], *lips]
    # AU4 of the brows, AU12 of the lower face, AU17 and 15 of the mouth
    kept = {2: (1, 0), 8: (FOREIGN, 1), 11: (FOREIGN * (1 - UNMOVED), 1), 10: (0, 1)}
    for row in kept:
        wanted[row, parts, 1] = 2.0
    found = taught(data, wanted)[..., 1]
    for row, shares in kept.items():
        for part, share in zip((brows, lips), shares, strict=True):
            found_share = found[row, part].mean() / (2.0 * GAINS[row][0])
            assert found_share == pytest.approx(share, rel=0.05, abs=0.01), row


def test_raised_cheeks_leave_forehead_and_jaw_where_they_are(data: FaceDataset) -> None:
    """AU6 is steepened twenty times, and what regression finds of it elsewhere would be, too."""
    wanted = torch.zeros(17, 478, 2)
    wanted[4, :, 1] = -0.4
    wanted[4, list(SKULL + JAW_SIDES)] = 0
    found = taught(data, wanted)[4, :, 1]
    cheek, forehead, jaw = [50, 280], [151, 108, 337], [210, 430]
    assert found[cheek].mean() < -3
    assert found[forehead + jaw].abs().max() < 0.6


def test_jaw_and_nose_take_along_what_hangs_on_them(data: FaceDataset) -> None:
    wanted = torch.zeros(17, 478, 2)
    upper, lower = list(UPPER_LIP), list(LOWER_LIP[4::9])  # the chin's outline is not near
    wanted[6, upper + lower, 1] = -2.0  # AU9 and AU26 of both lips, AU25 and AU4 of one part each
    wanted[15, upper + lower, 1] = 2.0
    wanted[14, lower, 1] = 3.0
    wanted[2, list(RIGHT_BROW + LEFT_BROW), 1] = 2.0
    found = taught(data, wanted)[..., 1]
    gain = [motion for motion, _ in GAINS]
    near = {"rel": 0.05}
    assert found[6, upper].mean() == pytest.approx(-2 * gain[6] * (1 - POUTED), **near)
    assert found[6, lower].mean() == pytest.approx(
        -2 * gain[6] * (1 - LIFTED) * (1 - POUTED), **near
    )
    assert found[6, list(RIGHT_BROW)].mean() > 0.5
    assert found[15, upper].mean() == pytest.approx(2 * gain[15] * (1 - HUNG), **near)
    hangs = 2 * gain[15] + DROPPED * 3 * gain[14]
    assert found[15, lower].mean() == pytest.approx(hangs, **near)


def test_a_head_that_moves_and_grows_moves_no_muscle(data: FaceDataset) -> None:
    """The face frame follows the mouth, and the whole head moves in it: that is no motion."""
    intensities = torch.rand(480, 17, generator=torch.Generator().manual_seed(1))
    mean = data.landmarks.mean(0)
    arms = mean - mean.mean(0) + torch.tensor([0.0, 30.0])
    grown = mean + 0.05 * intensities[:, 8, None, None] * arms
    many = FaceDataset(
        data.images.repeat(40, 1, 1, 1), intensities, grown, data.pose.repeat(40, 1),
        data.names * 40, "",
    )  # fmt: skip
    assert fit_teacher(many, ridge=0.01, faces=16).directions.abs().max() < 0.1


def test_cheeks_narrow_eyes_from_below(data: FaceDataset) -> None:
    """AU6, the steepest of all, is less steep at the lids, and least at the upper ones."""
    wanted = torch.zeros(17, 478, 2)
    wanted[4, :, 1] = -0.5
    wanted[4, list(SKULL + JAW_SIDES)] = 0
    found = taught(data, wanted)[4, :, 1]
    lower, upper = list(RIGHT_LOWER_LID[2:-2]), [*RIGHT_UPPER_LID[2:-2], *RIGHT_CREASE]
    assert found[upper].min() >= -0.5 * CREASES - 0.01
    assert found[lower].min() >= -0.5 * LIDS - 0.01
    assert found[lower].max() < found[upper].max() - 0.1
    assert found.min() < -0.5 * LIDS, "the cheeks"


def test_a_raised_lip_keeps_its_shape(data: FaceDataset) -> None:
    """Where labels mean the teeth below a lip, regression lifts its outer rim alone."""
    wanted = torch.zeros(17, 478, 2)
    wanted[[[6], [7]], list(UPPER_LIP[:9]), 1] = -2.0
    wanted[7, [*NOSE_BRIDGE[-3:], *LIP_CORNERS], 1] = 1.0
    found = taught(data, wanted)[..., 1]
    for row, share in ((6, 1 - POUTED), (7, 1)):
        lip = found[row, list(UPPER_LIP)].view(4, 9)[:, 2:-2].flatten()
        assert lip.tolist() == pytest.approx([-2.0 * share * GAINS[row][0]] * 20, rel=0.05)
    assert found[7, list(NOSE_BRIDGE[-3:])].max() <= 0
    assert found[7, list(LIP_CORNERS)].mean() == pytest.approx(-2.0 * ALONG * GAINS[7][0], rel=0.3)


def test_brows_rise_with_the_skin_below_them_and_lower_nothing(data: FaceDataset) -> None:
    """Brows end below their landmarks, and eyes stay where they are."""
    wanted = torch.zeros(17, 478, 2)
    edge, eye = [RIGHT_BROW[2], RIGHT_BROW[3]], list(RIGHT_LOWER_LID[2:-2])
    wanted[0, [*edge, *[MIRROR[i] for i in edge]], 1] = -3.0
    wanted[0, [*eye, *[MIRROR[i] for i in eye]], 1] = 2.0
    found = taught(data, wanted)[0, :, 1]
    assert found[list(UNDER_BROWS[2:4])].tolist() == pytest.approx(found[edge].tolist(), rel=0.05)
    crease = found[list(RIGHT_CREASE[2:4])]
    assert crease.tolist() == pytest.approx((CARRIED * found[edge]).tolist(), rel=0.05)
    assert found.max() <= 0


def test_narrowed_eyes_stay_in_place(data: FaceDataset) -> None:
    wanted = torch.zeros(17, 478, 2)
    eye = [*RIGHT_UPPER_LID, *RIGHT_LOWER_LID[1:-1]]
    wanted[5, [*eye, *[MIRROR[i] for i in eye]], 1] = -1.0  # AU7 lifts the whole eye
    found = taught(data, wanted)[5, :, 1]
    assert found[[RIGHT_LOWER_LID[0], RIGHT_LOWER_LID[-1]]].abs().max() < 0.1 * GAINS[5][0]


@pytest.mark.parametrize("row", SQUINTED)
def test_both_lids_narrow_an_eye(data: FaceDataset, row: int) -> None:
    """Regression has the lower one rise alone, and over the pupil."""
    wanted = torch.zeros(17, 478, 2)
    lower = list(RIGHT_LOWER_LID[2:-2])
    wanted[row, [*lower, *[MIRROR[i] for i in lower]], 1] = -1.0
    found = taught(data, wanted)[row, :, 1]
    upper, middle = found[list(RIGHT_UPPER_LID[3:-3])], slice(1, -1)
    narrower = upper - found[lower[middle]]
    assert narrower.min() > 3
    assert upper.tolist() == pytest.approx((SQUINTED[row] * narrower).tolist(), abs=0.05)
    crease = found[list(RIGHT_CREASE[middle])]
    assert crease.tolist() == pytest.approx((CREASED * upper).tolist(), abs=0.05)


def test_dimples_lift_no_mouth(data: FaceDataset) -> None:
    wanted = torch.zeros(17, 478, 2)
    lips = list(UPPER_LIP + LOWER_LIP + LIP_CORNERS)
    wanted[9, lips, 1] = -2.0
    found = taught(data, wanted)[9, list(LOWER_LIP[4::9]), 1]
    left = -2.0 * GAINS[9][0] * (1 - HELD[AU14])
    assert found.tolist() == pytest.approx([left] * 4, rel=0.1)
