"""The insides of mouths that are drawn: teeth where teeth are, and as light as the photo."""

from __future__ import annotations

import pytest
import torch
from dataset import still

from ganimate.faces.topology import INNER_LOWER_LIP, INNER_UPPER_LIP, LIP_CORNERS
from ganimate.networks.inlays import HEIGHT, WIDTH, Inlays
from ganimate.networks.mouth import (
    BACK,
    BEYOND,
    COLUMNS,
    DISPLAY,
    LENGTH,
    MOST,
    REACH,
    RIM,
    ROW,
    SHADED,
    Mouth,
)
from ganimate.training.dataset import FaceDataset
from ganimate.training.lenders import Lenders
from ganimate.training.motion import Teacher
from ganimate.training.mouths import LIGHTEST, LIT_BY, RIM_OF_LIPS, lend_mouths, make_mouths
from ganimate.training.muscles import AU12, AU25, AU26
from ganimate.training.teeth import LOWER, UPPER, draw_behind, draw_rows

FINE = 8
"""Texels in a drawn row to one that is kept."""


def texel(x: float, height: float) -> tuple[int, int]:
    """Row and column in which millimetres are."""
    row = (height + BEYOND) / (LENGTH + BEYOND) * FINE * ROW[0]
    return int(row), int((x + REACH) / (2 * REACH) * FINE * ROW[1])


@pytest.fixture(scope="module")
def rows() -> torch.Tensor:
    return draw_rows(FINE)


def test_teeth_are_light_and_cover_what_is_behind(rows: torch.Tensor) -> None:
    (_, _, _, cover), light = rows[0], rows[:, :3].mean(1)
    tooth, beyond, gums, beside = (
        texel(*at) for at in ((3, 4), (3, -0.9), (3, LENGTH - 0.2), (REACH - 0.3, 5))
    )
    assert cover[tooth] == cover[gums] == 1 and cover[beyond] == cover[beside] == 0
    assert rows[0, :, beyond[0], beyond[1]].abs().max() == 0  # multiplied by how far it covers
    assert light[0][tooth] > 0.8 and 0.5 < light[1][tooth] < light[0][tooth]
    red, green, blue = rows[0, :3, tooth[0], tooth[1]].tolist()
    assert red > green > blue > 0.85 * red
    red, green, blue = rows[0, :3, gums[0], gums[1]].tolist()
    assert green < 0.7 * red


def test_there_is_a_gap_on_either_side_of_every_tooth(rows: torch.Tensor) -> None:
    for row, teeth in zip(rows, (UPPER, LOWER), strict=True):
        line = row[:3].mean(0)[texel(0, 4)[0]]
        found = [i for i in range(3, len(line) - 3) if line[i] == line[i - 3 : i + 4].min()]
        borders = torch.tensor([tooth.width for tooth in teeth]).cumsum(0)
        for border in (0.0, *borders[:3].tolist()):
            assert min(abs(texel(border, 4)[1] - one) for one in found) <= 3


def test_one_half_is_nearly_the_other_and_not_quite(rows: torch.Tensor) -> None:
    difference = (rows - rows.flip(-1)).abs()
    assert 0.001 < difference.mean() < 0.02


def test_there_is_a_tongue_on_the_floor_of_a_wide_mouth() -> None:
    without, whole = draw_behind(1)
    height, width = BACK
    assert whole[0, -2, width // 2 - 8] > 1.5 * without[0, -2, width // 2 - 8]
    torch.testing.assert_close(without[:, : height // 3], whole[:, : height // 3])
    assert (without[0] > 2 * without[1]).all()  # dark, but flesh


@pytest.fixture(scope="module")
def opening(data: FaceDataset) -> Teacher:
    """Lips that AU25 and AU26 part downwards, and whose corners AU12 draws aside and up."""
    directions = torch.zeros(17, 478, 2)
    lower, upper = list(INNER_LOWER_LIP[1:-1]), list(INNER_UPPER_LIP[1:-1])
    directions[AU25, lower, 1] = 10
    directions[AU26, lower, 1] = 12
    corners = list(LIP_CORNERS)
    side = (data.landmarks.mean(0)[corners, 0] - 63.5).sign()
    directions[AU12, corners, 0] = 6 * side
    directions[AU12, corners, 1] = -2
    directions[AU12, upper, 1] = -4
    teacher = still(data, directions)
    teacher.rest = data.landmarks.mean(0).clone()
    teacher.rest[lower] = teacher.rest[upper] + torch.tensor([0, 0.5])
    return teacher


def asked(**units: float) -> torch.Tensor:
    target = torch.zeros(1, 17)
    for name, intensity in units.items():
        target[0, {"au12": AU12, "au25": AU25, "au26": AU26}[name]] = intensity
    return target


def across(mouth: Mouth, target: torch.Tensor) -> torch.Tensor:
    """A mouth as it is laid when the picture of places fills the lower half of a crop of 128."""
    x, y = torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 32)
    place = torch.stack(torch.meshgrid(x, y, indexing="xy"))[None]
    return mouth(place, target, 512)[0]


def shown_of_upper(mouth: Mouth, target: torch.Tensor) -> float:
    """How many millimetres of a middle upper tooth are shown."""
    light = across(mouth, target).mean(0)[:, 256 + 16]
    top, share = mouth.lips[:, COLUMNS // 2].tolist()
    start = int((top + 1) * 128)
    ends = (light[start + 3 :].diff() < -0.05).nonzero()
    upper, lower = mouth._rims(target)[0, :, RIM // 2, 1].tolist()
    return (3 + int(ends.min())) / 128 * share * (lower - upper)


@torch.no_grad()
def test_lips_move_over_teeth_that_do_not(opening: Teacher) -> None:
    """Jaws that drop uncover no more of the upper teeth, and leave them as large as they were."""
    mouth = make_mouths(opening).inside
    shown = [shown_of_upper(mouth, asked(au26=jaw)) for jaw in (0.6, 0.8, 1.0)]
    assert shown == pytest.approx([DISPLAY] * 3, abs=0.5)


@torch.no_grad()
def test_raised_lips_show_more_of_the_teeth_until_there_are_gums(opening: Teacher) -> None:
    mouth = make_mouths(opening).inside
    shown = [shown_of_upper(mouth, asked(au12=smile, au26=1)) for smile in (0, 0.5, 1)]
    raised = -float(mouth.moves[AU12, 0, RIM // 2, 1])
    assert shown == pytest.approx([DISPLAY + smile * raised for smile in (0, 0.5, 1)], abs=0.6)
    opening_wide = make_mouths(opening).inside
    opening_wide.moves[AU12, 0, :, 1] *= 10
    upper = opening_wide._rims(asked(au12=1))[0, 0, 5, 1]
    assert -14 < upper < -MOST + DISPLAY
    picture = across(opening_wide, asked(au12=1, au26=1))
    teeth = picture[:, picture.shape[1] // 2 - 30]
    assert (teeth[1] > 0.8 * teeth[0])[teeth.mean(0) > 0.5].all()  # no gums


@torch.no_grad()
def test_lips_that_part_bare_lower_teeth_and_smiles_have_an_arc(opening: Teacher) -> None:
    mouth = make_mouths(opening).inside
    mouth.moves[[AU12, AU25]] = 0
    light = [
        across(mouth, asked(au12=s, au25=p, au26=1)).mean(0) for s, p in ((0, 0), (0, 1), (1, 0))
    ]
    top, share = mouth.lips[:, COLUMNS // 2].tolist()
    lip = int((top + 1 / share + 1) * 128)
    lower = [(one[lip - 60 : lip, 256 + 10] > 0.4).sum().item() for one in light]
    assert lower[1] > lower[0] + 10 and abs(lower[2] - lower[0]) <= 1
    outer = 256 + 100  # a premolar
    upper = [(one[: lip - 60, outer] > 0.2).sum().item() for one in light]
    assert upper[2] < upper[0] - 2 and abs(upper[1] - upper[0]) <= 1


@torch.no_grad()
def test_teeth_change_little_from_one_moment_to_the_next(opening: Teacher) -> None:
    mouth = make_mouths(opening).inside
    steps = torch.linspace(0, 1, 41)
    frames = torch.stack([across(mouth, asked(au12=t, au25=t, au26=t)) for t in steps.tolist()])
    changes = frames.diff(dim=0).abs().flatten(1).mean(1)
    around = changes.unfold(0, 5, 1).median(-1).values
    assert (changes[2:-2] < 1.3 * around).all()


@torch.no_grad()
def test_a_mouth_opens_where_its_lips_meet(opening: Teacher) -> None:
    """And not through them, as long as the network is in two minds about the whole of it."""
    inlays = Inlays(lids=1, size=128, channels=1)
    inlays.mouth = make_mouths(opening).inside
    x, y = torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 32)
    inlays.start.copy_(torch.stack(torch.meshgrid(x, y.repeat(2), indexing="xy")))
    from_seam = (inlays.mouth.down(inlays.start[None, :, 32:])[0, 0, :, 32] - 0.5).abs()
    opened = []
    for logit in (-0.5, 0.0, 0.4, 2.0):
        inlays.head.bias[3] = logit
        features, gate = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 1, 1)
        lids = torch.zeros(1, 3, HEIGHT, WIDTH)
        _, covers, _ = inlays(features, lids, asked(au25=0.3), gate, 512)
        shown = covers[0, 0, 256:].unflatten(0, (32, 8)).mean(1)[:, 256] > 0.5
        opened.append(sorted(from_seam[shown].tolist()))
    assert [len(each) for each in opened] == sorted({len(each) for each in opened})
    nearest = sorted(from_seam.tolist())
    assert all(each == nearest[: len(each)] for each in opened)


def test_a_mouth_that_stays_closed_can_be_drawn(data: FaceDataset) -> None:
    mouth = make_mouths(still(data, torch.zeros(17, 478, 2))).inside
    assert all(each.isfinite().all() for each in mouth.buffers())
    assert LIGHTEST < mouth.rows.amax() < 1.2 * LIGHTEST


def test_teeth_are_the_lighter_the_lighter_skin_is(data: FaceDataset, opening: Teacher) -> None:
    mouths, landmarks = make_mouths(opening), data.landmarks[:1].clone()
    landmarks[:, list(INNER_LOWER_LIP[1:-1]), 1] += 12
    places = Lenders(mouths).places(landmarks, landmarks)
    left, top = landmarks[0, RIM_OF_LIPS].amin(0).long().tolist()
    right, bottom = landmarks[0, RIM_OF_LIPS].amax(0).long().tolist()
    shown, everywhere = [], torch.ones(1, 1, 128, 128)
    for skin in (0.3, 0.6):
        crops = torch.full((1, 3, 128, 128), 2 * skin - 1)
        for target in (asked(au12=1, au25=1), asked()):
            lent = lend_mouths(crops, places, everywhere, target, mouths.inside)
            assert (lent[:, :, :64] == crops[:, :, :64]).all()
            inside = (lent[0, :, top:bottom, left:right].mean(0) + 1) / 2
            shown.append(float(inside.quantile(0.9)))
    assert shown[2] / shown[0] == pytest.approx(2**LIT_BY, rel=0.05)
    assert shown[1] < 1.4 * SHADED * shown[0]  # little light gets between lips that hardly part
