"""The teachers: they move what an action unit moves, and stay at rest when nothing is asked."""

from __future__ import annotations

import pytest
import torch
from dataset import still

from ganimate.faces.topology import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    IRISES,
    LOWER_LIP,
    MIRROR,
    NOSE_WINGS,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_CREASE,
    RIGHT_IRIS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    SPREAD,
    UNDER_BROWS,
    UPPER_LIP,
)
from ganimate.networks.pull import pulled
from ganimate.training.augment import middle
from ganimate.training.dataset import FaceDataset
from ganimate.training.fields import NOISE, REACH, dense_field, interpolate, polygon
from ganimate.training.fit import GAINS, fit_teacher
from ganimate.training.limits import (
    CHIN,
    CREASED,
    DROP,
    HIGHEST,
    LEAST_EYE,
    LEAST_LIP,
    LOWEST_LIP,
)
from ganimate.training.motion import SLIDING, Teacher, closing, laid_over
from ganimate.training.muscles import AU25, AU26, AU45
from ganimate.training.scenes import make_scenes
from ganimate.training.territory import below_lips


@pytest.fixture(scope="module")
def teacher(data: FaceDataset) -> Teacher:
    return fit_teacher(data)


def gap(landmarks: torch.Tensor, upper: tuple[int, ...], lower: tuple[int, ...]) -> torch.Tensor:
    return (landmarks[:, list(lower)] - landmarks[:, list(upper)])[..., 1]


def test_mirror_is_its_own_inverse() -> None:
    assert [MIRROR[i] for i in MIRROR] == list(range(478))


def test_a_lip_never_reaches_the_nose(data: FaceDataset) -> None:
    directions = torch.zeros(17, 478, 2)
    directions[7, list(UPPER_LIP), 1] = -30
    face, asked = data.landmarks[:1], torch.zeros(1, 17)
    asked[:, 7] = 1
    moved = still(data, directions).move(face, torch.zeros(1, 17), asked)
    had, kept = (gap(each, NOSE_WINGS, UPPER_LIP[:9])[0] for each in (face, moved))
    assert (kept / had).min() >= LEAST_LIP - 0.02
    assert (kept / had).max() <= 1


def test_a_lower_lip_never_reaches_the_chin_and_more_is_always_more(data: FaceDataset) -> None:
    directions = torch.zeros(17, 478, 2)
    directions[[14, 15], :, 1] = 25.0 * below_lips(data.landmarks.mean(0))
    teacher, face = still(data, directions), data.landmarks[:1].repeat(6, 1, 1)
    asked = torch.zeros(6, 17)
    asked[1:, 14], asked[5, 15] = torch.tensor([0.25, 0.5, 0.75, 1, 1]), 1
    falls = (teacher.move(face, torch.zeros(6, 17), asked) - face)[:, LOWEST_LIP, 1]
    assert (falls.diff() > 0).all()
    room = (face[0, CHIN] - face[0, LOWEST_LIP])[1]
    assert falls[-1] < DROP * room
    assert falls[1] > 0.9 * 0.25 * 25, "a small fall is hardly bent"


def test_lips_part_only_when_asked(data: FaceDataset) -> None:
    """A raised upper lip takes the lower along, until AU25 asks for an opening."""
    directions = torch.zeros(17, 478, 2)
    upper, lower = INNER_UPPER_LIP[1:-1], INNER_LOWER_LIP[1:-1]
    directions[7, list(upper), 1] = -6  # AU10
    teacher = still(data, directions)
    shut = data.landmarks[:1].clone()
    shut[:, list(lower)] = shut[:, list(upper)]
    at_rest, raised, parted = (torch.zeros(1, 17) for _ in range(3))
    raised[:, 7] = parted[:, 7] = 1
    parted[:, 14] = 0.5
    moved = teacher.move(shut, at_rest, raised)
    assert gap(moved, upper, lower).abs().max() < 0.5
    assert (shut - moved)[:, list(upper), 1].mean() > 4
    assert gap(teacher.move(shut, at_rest, parted), upper, lower).mean() > 5


def test_directions_are_symmetric(teacher: Teacher) -> None:
    flipped = teacher.directions[:, list(MIRROR)] * torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(flipped, teacher.directions)


def test_nothing_asked_nothing_moves(data: FaceDataset, teacher: Teacher) -> None:
    moved = teacher.move(data.landmarks, data.action_units, data.action_units)
    torch.testing.assert_close(moved, data.landmarks)
    crops = middle(data.images)
    scenes = make_scenes(
        teacher, crops, data.landmarks, data.action_units, data.action_units, slice(0)
    )
    torch.testing.assert_close(scenes.truth, crops, atol=1e-5, rtol=0)


def test_a_full_blink_closes_the_lids_and_full_lips_meet(
    data: FaceDataset, teacher: Teacher
) -> None:
    target = data.action_units.clone()
    target[:, AU45] = 1
    current = data.action_units.clone()
    current[:, AU45] = 0
    opened = teacher.move(data.landmarks, current, target)
    closed = teacher.close_eyes(opened, current, target)
    lids = gap(closed, RIGHT_UPPER_LID, RIGHT_LOWER_LID)
    assert lids.abs().max() < 0.5 < gap(opened, RIGHT_UPPER_LID, RIGHT_LOWER_LID).max()
    current[:, [AU25, AU26]] = 0.8
    target = current.clone()
    target[:, [AU25, AU26]] = 0
    lips = gap(teacher.move(data.landmarks, current, target), INNER_UPPER_LIP, INNER_LOWER_LIP)
    assert lips.abs().max() < 0.5


def test_eyes_close_by_motion_first_and_lids_come_over_the_rest(data: FaceDataset) -> None:
    teacher = still(data, torch.zeros(17, 478, 2))
    landmarks = data.landmarks[:1].repeat(5, 1, 1)
    current, target = torch.zeros(5, 17), torch.zeros(5, 17)
    target[:, AU45] = torch.tensor([0.0, 0.2, 0.4, 0.7, 1.0])
    share = closing(current, target)
    assert share[0] == 0 and share[4] == 1
    assert (share[1:4] > target[1:4, AU45]).all()  # sooner than evenly, as people's do
    had = gap(landmarks, RIGHT_UPPER_LID, RIGHT_LOWER_LID)
    moved = teacher.move(landmarks, current, target)
    opened = gap(moved, RIGHT_UPPER_LID, RIGHT_LOWER_LID) / had
    wanted = (1 - share.clamp(max=SLIDING)).unsqueeze(1).expand_as(opened)
    torch.testing.assert_close(opened[:, 1:-1], wanted[:, 1:-1], atol=0.01, rtol=0)
    lids = gap(teacher.close_eyes(moved, current, target), RIGHT_UPPER_LID, RIGHT_LOWER_LID)
    whole = (1 - share).unsqueeze(1) * had
    torch.testing.assert_close(lids[:, 1:-1], whole[:, 1:-1], atol=0.05, rtol=0)
    crease = (moved - landmarks)[:, list(RIGHT_CREASE), 1]
    rim = (moved - landmarks)[:, list(RIGHT_UPPER_LID[2:-2]), 1]
    torch.testing.assert_close(crease, CREASED * rim, atol=0.01, rtol=0)
    assert laid_over(share).tolist() == sorted(laid_over(share).tolist())
    assert laid_over(share)[2] < 1 and laid_over(share)[4] == 1
    assert laid_over(torch.tensor(SLIDING - 0.1)) == 0


def test_the_field_carries_landmarks_and_rests_at_the_edge(data: FaceDataset) -> None:
    source = data.landmarks[:2]
    result = source.clone()
    result[:, :, 1] += 4
    field = dense_field(result, source)
    assert field[:, :, 32, 32][:, 1] * 128 == pytest.approx([-4, -4], abs=0.3)
    for edge in (field[..., 0], field[..., -1], field[:, :, 0], field[:, :, -1]):
        assert edge.abs().max() * 128 < 0.2


def test_interpolation_is_krigings() -> None:
    rng = torch.Generator().manual_seed(2)
    points, offsets = (
        torch.rand(3, 40, 2, generator=rng) * 128,
        torch.randn(3, 40, 2, generator=rng),
    )
    field = interpolate(points, offsets, 16)

    def covariance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        far = torch.cdist(one.double(), other.double()) * 3**0.5 / REACH
        return (1 + far) * torch.exp(-far)

    centres = (torch.arange(16).double() + 0.5) * 8 - 0.5
    grid = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1).view(1, -1, 2)
    known = covariance(points, points) + NOISE * torch.eye(40).double()
    weights = torch.linalg.solve(known, offsets.double())
    expected = covariance(grid.expand(3, -1, -1), points) @ weights / 128
    assert torch.allclose(field.flatten(2).transpose(1, 2).double(), expected, atol=1e-6)


def test_what_rises_along_a_line_has_no_waves() -> None:
    across = torch.arange(28.0, 101.0, 8)
    points = torch.stack([across, torch.full_like(across, 64)], 1)[None]
    rise = interpolate(points, torch.tensor([0.0, 5.0]).expand_as(points), 128)[0, 1] * 128
    assert rise[64, 28:100].tolist() == pytest.approx([5] * 72, rel=0.06)


def test_a_field_is_of_landmarks_enough_on_both_sides() -> None:
    assert sorted(set(SPREAD)) == list(SPREAD)
    assert {MIRROR[i] for i in SPREAD} == set(SPREAD)
    rims = RIGHT_UPPER_LID + RIGHT_LOWER_LID + INNER_UPPER_LIP + INNER_LOWER_LIP + OUTER_LIPS
    assert set(rims + RIGHT_BROW + UNDER_BROWS + RIGHT_CREASE) <= set(SPREAD)
    assert not set(IRISES) & set(SPREAD)


def test_two_muscles_raise_a_brow_no_higher_than_it_goes(data: FaceDataset) -> None:
    directions = torch.zeros(17, 478, 2)
    directions[:2, list(RIGHT_BROW + UNDER_BROWS), 1] = -8
    raised = torch.zeros(len(data), 17)
    rise = {}
    for asked in ((0,), (1,), (0, 1)):
        raised[:] = 0
        raised[:, list(asked)] = 1
        moved = still(data, directions).move(data.landmarks, torch.zeros_like(raised), raised)
        rise[asked] = (data.landmarks - moved)[:, RIGHT_BROW[2]].norm(dim=-1)
    assert rise[0,].tolist() == pytest.approx(rise[1,].tolist())
    assert (rise[0, 1] < HIGHEST).all()
    assert (rise[0, 1] > 1.1 * rise[0,]).all()


def test_lips_that_tighten_stay_half_as_high(data: FaceDataset) -> None:
    directions = torch.zeros(17, 478, 2)
    upper, lower = OUTER_LIPS[5], OUTER_LIPS[15]
    directions[13, upper, 1], directions[13, lower, 1] = 30, -30  # AU23
    tight = torch.zeros(len(data), 17)
    tight[:, 13] = 1
    moved = still(data, directions).move(data.landmarks, torch.zeros_like(tight), tight)
    for rim, inner in ((upper, INNER_UPPER_LIP[5]), (lower, INNER_LOWER_LIP[5])):
        had = (data.landmarks[:, rim] - data.landmarks[:, inner]).norm(dim=-1)
        left = (moved[:, rim] - moved[:, inner]).norm(dim=-1)
        assert left.tolist() == pytest.approx((0.5 * had).tolist(), abs=0.7)


def test_brows_and_lids_never_fold_over_the_eye(data: FaceDataset) -> None:
    directions = torch.zeros(17, 478, 2)
    directions[2, [52, 105, 223], 1] = 30  # AU4 drags the brow far down,
    directions[5, 159, 1] = 30  # and AU7 the upper lid
    pulling = still(data, directions)
    current, target = torch.zeros(len(data), 17), torch.zeros(len(data), 17)
    target[:, [2, 5]] = 1
    moved = pulling.move(data.landmarks, current, target)
    for upper, lower, least in ((52, 223, 0.45), (223, 27, 0.45), (159, 145, 0.35)):
        before = data.landmarks[:, lower, 1] - data.landmarks[:, upper, 1]
        after = moved[:, lower, 1] - moved[:, upper, 1]
        assert after.tolist() == pytest.approx((least * before).tolist(), abs=0.7)


def test_a_lower_lid_that_rises_leaves_the_upper_where_it_is(data: FaceDataset) -> None:
    directions = torch.zeros(17, 478, 2)
    directions[4, list(RIGHT_LOWER_LID[1:-1]), 1] = -30  # AU6
    pushed = torch.zeros(len(data), 17)
    pushed[:, 4] = 1
    moved = still(data, directions).move(data.landmarks, torch.zeros_like(pushed), pushed)
    upper, (before, after) = (
        list(RIGHT_UPPER_LID),
        (gap(each, RIGHT_UPPER_LID, RIGHT_LOWER_LID).amax(1) for each in (data.landmarks, moved)),
    )
    assert (moved - data.landmarks)[:, upper].abs().max() < 0.01
    assert after.tolist() == pytest.approx((LEAST_EYE * before).tolist(), abs=0.7)


def test_closed_lips_rise_together_and_grow_no_thicker(data: FaceDataset) -> None:
    """Also where they are asked to meet: a face at rest reads as hardly parted."""
    directions = torch.zeros(17, 478, 2)
    directions[7, list(UPPER_LIP), 1] = -4.0
    current, target = torch.zeros(1, 17), torch.zeros(1, 17)
    current[:, AU25], target[:, 7] = 0.05, 1
    face = data.landmarks[:1].clone()
    face[:, list(LOWER_LIP[:9])] = face[:, list(UPPER_LIP[27:])]  # closed
    moved = still(data, directions).move(face, current, target)
    rise = (face - moved)[0, :, 1]
    upper, lower = (rise[list(lip)].view(4, 9)[:, 1:-1] for lip in (UPPER_LIP, LOWER_LIP))
    assert lower[0].tolist() == pytest.approx(upper[3].tolist(), abs=0.1)
    for lip in (upper, lower):
        assert (lip[0] - lip[3]).abs().max() < 0.1
    assert lower.min() > 2


def test_eyes_open_no_further_than_iris_and_some_white(data: FaceDataset) -> None:
    directions = torch.zeros(17, 478, 2)
    directions[3, list(RIGHT_UPPER_LID[1:-1]), 1] = -30  # AU5
    wide = torch.zeros(len(data), 17)
    wide[:, 3] = 1
    moved = still(data, directions).move(data.landmarks, torch.zeros_like(wide), wide)
    iris = data.landmarks[:, list(RIGHT_IRIS)]
    radius = (iris[:, 1:] - iris[:, :1]).norm(dim=-1).mean(1)
    before, after = (
        gap(points, RIGHT_UPPER_LID, RIGHT_LOWER_LID).amax(1) for points in (data.landmarks, moved)
    )
    assert after.tolist() == pytest.approx(torch.maximum(2.4 * radius, before).tolist(), abs=0.5)
    assert (after > before + 0.5).any()


def test_a_lower_lid_that_rises_lends_the_upper_no_room(data: FaceDataset) -> None:
    directions = torch.zeros(17, 478, 2)
    directions[3, list(RIGHT_UPPER_LID[1:-1]), 1] = -30  # AU5
    directions[5, list(RIGHT_LOWER_LID[1:-1]), 1] = -2  # AU7
    target = torch.zeros(2, len(data), 17)
    target[:, :, 3] = 1
    target[1, :, 5] = 1
    rims = [
        still(data, directions).move(data.landmarks, torch.zeros_like(wide), wide)[
            :, list(RIGHT_UPPER_LID[2:-2]), 1
        ]
        for wide in target
    ]
    torch.testing.assert_close(*rims, atol=0.3, rtol=0)


def test_what_lets_go_moves_less(data: FaceDataset, teacher: Teacher) -> None:
    current, target = torch.zeros(2, 17), torch.zeros(2, 17)
    target[0], current[1] = 0.5, 0.5
    up, down = pulled(current, target, teacher.release)
    shares = [min(1, 1.2 / gain) for gain, _ in GAINS]
    shares[8] = 1.45 / GAINS[8][0]  # AU12: smiles are read as less than they are
    assert down.tolist() == pytest.approx(
        [-pull * share for pull, share in zip(up.tolist(), shares, strict=True)]
    )


def test_polygon_covers_its_area() -> None:
    square = torch.tensor([[[20.0, 30.0], [60.0, 30.0], [60.0, 90.0], [20.0, 90.0]]])
    for size in (64, 128):
        area = polygon(square, size).sum() * (128 / size) ** 2
        assert area.item() == pytest.approx(40 * 60, rel=0.02)
