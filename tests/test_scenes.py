"""Exercises: what is asked, what is lent, and what counts of the pictures made for it."""

from __future__ import annotations

import pytest
import torch
from dataset import still

from ganimate.faces.topology import INNER_LOWER_LIP, INNER_UPPER_LIP
from ganimate.networks.warp import warp
from ganimate.training.augment import middle
from ganimate.training.dataset import FaceDataset
from ganimate.training.lenders import Lenders
from ganimate.training.lids import lend_lids, lid_area, make_lids
from ganimate.training.motion import Teacher
from ganimate.training.mouths import LIGHTEST, LIT, LIT_BY, make_mouths
from ganimate.training.muscles import AU4, AU9, AU10, AU15, AU17, AU23, AU25, AU26, AU45
from ganimate.training.scenes import make_scenes, sample_targets, undo_targets


@pytest.fixture(scope="module")
def lifting(data: FaceDataset) -> Teacher:
    """A teacher whose action unit 12 lifts the whole face by 5 pixels."""
    directions = torch.zeros(17, 478, 2)
    directions[8, :, 1] = -5
    return still(data, directions)


def test_undo_scenes_end_at_the_real_photo(data: FaceDataset, lifting: Teacher) -> None:
    crops = middle(data.images)
    labels = data.action_units.clone()
    labels[:, 8] = 1
    targets = labels.clone()
    targets[:, 8] = 0
    scenes = make_scenes(lifting, crops, data.landmarks, labels, targets, slice(None))
    assert (scenes.truth == crops).all()
    assert (scenes.target == labels).all()
    # The motion back undoes the motion there.
    back = warp(scenes.source, scenes.flow)
    assert (back - crops).abs().mean() < 0.5 * (scenes.source - crops).abs().mean()


def test_a_closed_mouth_that_opens_is_lent_teeth(data: FaceDataset) -> None:
    lower, upper = list(INNER_LOWER_LIP[1:-1]), list(INNER_UPPER_LIP[1:-1])
    directions = torch.zeros(17, 478, 2)
    directions[14, lower, 1] = 8  # AU25
    parting = still(data, directions)
    closed = data.landmarks[:2].clone()
    closed[:, lower] = closed[:, upper]
    parting.rest = closed[0].clone()
    labels, targets = torch.zeros(2, 17), torch.zeros(2, 17)
    targets[:, 14] = 1
    mouths = make_mouths(parting)
    mouths.inside.rows.zero_()[:, 3] = 1
    mouths.inside.rows[:, :3] = LIGHTEST
    lenders = Lenders(mouths)
    crops = torch.zeros(2, 3, 128, 128)
    scenes = make_scenes(parting, crops, closed, labels, targets, slice(0), lenders, trust=0.5)
    open_ = parting.move(closed, labels, targets)
    x, y = open_[0, [13, 14]].mean(0).round().long().tolist()
    lit = LIT * 0.5**LIT_BY * 2 - 1  # the crop is a grey of 0.5 of 1
    assert scenes.truth[0, :, y + 1, x].tolist() == pytest.approx([lit] * 3, abs=0.06)
    assert scenes.weight[0, 0, y, x] > 4 * scenes.weight[0, 0, 10, 10]
    assert scenes.weight[0, 0, 10, 10] == pytest.approx(0.5)
    assert scenes.laid is not None
    assert scenes.laid.mouth[0, 0, y // 2, x // 2] > 0.5
    assert scenes.laid.mouth[0, 0, 5, 5] == 0
    assert not scenes.laid.lids.any()
    assert not scenes.undo.any()


@pytest.mark.parametrize(("slit", "falls", "lent"), [(0, 2, True), (2, 2, True), (2, 1, False)])
def test_a_slit_of_teeth_is_kept_until_it_would_be_stretched(
    data: FaceDataset, slit: float, falls: float, lent: bool
) -> None:
    lower, upper = list(INNER_LOWER_LIP[1:-1]), list(INNER_UPPER_LIP[1:-1])
    directions = torch.zeros(17, 478, 2)
    directions[AU25, lower, 1] = falls
    parting = still(data, directions)
    mouth = data.landmarks[:1].clone()
    mouth[:, lower] = mouth[:, upper] + torch.tensor([0.0, slit])
    labels, targets = torch.zeros(1, 17), torch.zeros(1, 17)
    targets[:, AU25] = 1
    crops = torch.zeros(1, 3, 128, 128)
    lenders = Lenders(make_mouths(parting))
    scenes = make_scenes(parting, crops, mouth, labels, targets, slice(0), lenders)
    assert scenes.laid is not None
    assert bool(scenes.laid.mouth.any()) == lent


def test_eyes_that_close_are_lent_lids_in_the_colour_of_their_skin(data: FaceDataset) -> None:
    resting = still(data, torch.zeros(17, 478, 2))
    images = torch.full((1, 152, 152, 3), 120, dtype=torch.uint8)
    lenders = Lenders(lids=make_lids(images, data.landmarks[:1]))
    crops = torch.tensor([0.5, 0.0, -0.5]).view(1, 3, 1, 1).expand(2, 3, 128, 128).clone()
    landmarks = data.landmarks[:1].expand(2, -1, -1)
    eye = landmarks[0, [159, 145]].mean(0).round().long().tolist()
    crops[:, :, eye[1], eye[0]] = -1  # a pupil
    labels, targets = torch.zeros(2, 17), torch.zeros(2, 17)
    targets[0, AU45] = 1
    scenes = make_scenes(resting, crops, landmarks, labels, targets, slice(0), lenders)
    closed, open_ = scenes.truth[:, :, eye[1], eye[0]]
    assert closed.tolist() == pytest.approx([0.5, 0.0, -0.5], abs=0.02)
    assert open_.tolist() == [-1, -1, -1]
    assert scenes.weight[0, 0, eye[1], eye[0]] > 10 * scenes.weight[1, 0, eye[1], eye[0]]
    assert scenes.laid is not None
    covered, free = scenes.laid.lids[:, 0, eye[1] // 2, eye[0] // 2].tolist()
    assert covered > 0.5 and free == 0


def test_lids_lent_to_their_own_face_are_those_lids(data: FaceDataset) -> None:
    images, landmarks, crops = data.images[:1], data.landmarks[:1], middle(data.images[:1])
    lids = make_lids(images, landmarks)
    places = Lenders(lids=lids).places(landmarks, landmarks)
    lent = lend_lids(crops, landmarks, places, lid_area(landmarks), lids)
    area = lid_area(landmarks) > 0.9
    assert area.sum() > 100
    ours, theirs = (x.mean(1, keepdim=True) for x in (lent, crops))
    difference = (ours - theirs)[area].abs().mean() * 127.5
    assert difference < 12  # of 255: once resampled, gloss dimmed
    assert (ours.flip(-1) - theirs)[area].abs().mean() * 127.5 > 2 * difference
    assert (lent == crops).all(1, keepdim=True)[lid_area(landmarks) == 0].all()


def test_undo_never_opens_a_mouth(data: FaceDataset) -> None:
    rng = torch.Generator().manual_seed(0)
    labels = data.action_units.repeat(20, 1)
    targets = undo_targets(labels, torch.ones_like(labels), rng)
    assert (targets[:, [AU25, AU26]] <= labels[:, [AU25, AU26]]).all()


def test_targets_stay_in_range_and_vary() -> None:
    rng = torch.Generator().manual_seed(0)
    labels = torch.rand(500, 17, generator=rng)
    targets = sample_targets(labels, labels.roll(1, 0), 0.1, rng)
    assert targets.min() >= 0 and targets.max() <= 1
    changed = (targets != labels).sum(1)
    assert (changed >= 1).float().mean() > 0.95
    assert 0.2 < (changed <= 4).float().mean() < 0.7


def test_noses_wrinkle_and_lips_rise_more_often_than_in_photos() -> None:
    rng = torch.Generator().manual_seed(0)
    calm = torch.zeros(2000, 17)
    asked = (sample_targets(calm, calm, 0.0, rng) > 0.3).float().mean(0)
    assert all(0.14 < asked[row] < 0.25 for row in (AU9, AU10))
    assert all(asked[row] < 0.13 for row in (AU4, AU15, AU17, AU23))
