"""The insides of mouths that are drawn: teeth where teeth are, and as light as the photo."""

from __future__ import annotations

import pytest
import torch
from dataset import still

from ganimate.faces.topology import INNER_LOWER_LIP, INNER_UPPER_LIP, LIP_CORNERS
from ganimate.networks.inlays import FINER, HEIGHT, HIGHER, RIM, WIDTH, choose, steady
from ganimate.training.dataset import FaceDataset
from ganimate.training.lenders import Lenders
from ganimate.training.motion import Teacher
from ganimate.training.mouths import (
    LIGHTEST,
    LIT_BY,
    LOOKS,
    RIM_OF_LIPS,
    average_lips,
    lend_mouths,
    make_mouths,
)
from ganimate.training.muscles import AU12, AU25, AU26
from ganimate.training.teeth import LOWER, UPPER, Shown, draw


def drawn(floor: float, shown: Shown) -> tuple[torch.Tensor, torch.Tensor]:
    """A mouth 60 mm wide and 24 high, ten points to a millimetre; and its light."""
    rows, columns = torch.arange(240.0) / 10, torch.arange(-300.0, 301.0) / 10
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    picture = draw(x, y, torch.zeros_like(x), floor, shown)
    return picture, picture.mean(0)


def test_teeth_are_light_and_what_is_between_the_rows_is_dark() -> None:
    picture, light = drawn(20, Shown(upper=8, lower=3, arc=4))
    middle = 300 + 30  # within the first tooth
    assert light[50, middle] > 0.8
    assert light[120, middle] < 0.3
    assert 0.5 < light[190, middle] < light[50, middle]
    edges = (light[:, middle].diff() < -0.1).nonzero()
    assert edges.min().item() == pytest.approx(80, abs=4)
    red, green, blue = picture[:, 50, middle].tolist()
    assert red > green > blue > 0.85 * red
    assert picture[0, 120, middle] > 2 * picture[1, 120, middle]  # flesh


def test_there_is_a_gap_on_either_side_of_every_tooth() -> None:
    for row, teeth, at in ((55, UPPER, 8), (185, LOWER, 3)):
        light = drawn(20, Shown(upper=at, lower=3, arc=0))[1][row]
        right = light[300:]
        found = [i for i in range(3, 230) if right[i] == right[i - 3 : i + 4].min()]
        borders = torch.tensor([tooth.width for tooth in teeth]).cumsum(0) * 10
        for border in borders[:3].tolist():
            assert min(abs(border - one) for one in found) <= 2
        assert light[300] == light[297:304].min()


def test_one_half_is_nearly_the_other_and_not_quite() -> None:
    light = drawn(20, Shown(upper=8, lower=3, arc=4))[1]
    difference = (light - light.flip(1)).abs()
    assert 0.001 < difference.mean() < 0.02


def test_rows_rise_along_a_smiles_arc() -> None:
    flat, arched = (drawn(20, Shown(upper=8, lower=3, arc=arc))[1] for arc in (0, 5))
    canine = 300 + 178
    lengths = [(light[:, canine] > 0.5).sum().item() for light in (flat, arched)]
    assert lengths[1] < lengths[0] - 10


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


def test_each_look_is_given_its_own_mouth(opening: Teacher) -> None:
    mouths = make_mouths(opening, 6)
    assert mouths.pictures.shape == (6, 3, FINER * HEIGHT, FINER * WIDTH)
    assert mouths.pictures.isfinite().all() and mouths.pictures.abs().max() <= 1
    assert choose(mouths.rims, mouths.rims).tolist() == list(range(6))
    targets = torch.zeros(1, 17)
    targets[0, AU25] = 0.3
    assert LOOKS[int(choose(average_lips(opening, targets), mouths.rims))] == "25=0.3"


def test_raised_lips_show_more_of_the_teeth(opening: Teacher) -> None:
    mouths = make_mouths(opening, 3)
    light = (mouths.pictures.mean(1) + 1) / 2
    middle = light[..., FINER * (WIDTH // 2 - 12) : FINER * WIDTH // 2] > 0.5
    grin, surprise = middle[[0, 2]].float().mean((1, 2))
    assert "12=1" in LOOKS[0] and LOOKS[2] == "surprise"
    assert grin > 1.3 * surprise
    assert light.amax() <= 1.1 * LIGHTEST


def test_a_mouth_that_stays_closed_can_be_drawn(data: FaceDataset) -> None:
    assert make_mouths(still(data, torch.zeros(17, 478, 2)), 1).pictures.isfinite().all()


def test_teeth_stay_where_they_are_while_lips_move() -> None:
    """A lip that widens, falls or parts uncovers other parts of the same teeth."""
    turn = torch.linspace(0, 2 * torch.pi, RIM + 1)[:RIM] + torch.pi
    drawn = torch.stack([20 * turn.cos(), 8 * turn.sin()], 1)[None]  # from corner to corner
    middle = torch.tensor([-0.8, -0.2])
    across, down = torch.tensor([-0.5, 0.0, 0.4]), torch.tensor([-0.7, -0.25])
    x, y = torch.meshgrid(across, down, indexing="xy")
    place = torch.stack([x, y])[None]
    torch.testing.assert_close(steady(place, drawn, drawn, middle), place)
    wider, lower, parted = (drawn.clone() for _ in range(3))
    wider[..., 0] *= 1.2
    moved = steady(place, wider, drawn, middle)
    torch.testing.assert_close(moved[:, 0], 1.2 * place[:, 0])
    torch.testing.assert_close(moved[:, 1], place[:, 1])
    lower[..., 1] += 2
    moved = steady(place, lower, drawn, middle)[0, 1]
    pixel = 0.6 / 16  # of the sheet to a pixel of the crop
    torch.testing.assert_close(moved[0], place[0, 1, 0] + 2 * pixel)  # more of them is hidden
    torch.testing.assert_close(moved[1], place[0, 1, 1])  # the jaw's go with the lower lip
    lower[..., 1] -= 12
    moved = steady(place, lower, drawn, middle)[0, 1]
    torch.testing.assert_close(moved[0], place[0, 1, 0] - HIGHER * pixel)  # hardly any gums
    parted[:, RIM // 2 + 1 :, 1] += 8
    moved = steady(place, parted, drawn, middle)[0, 1]
    # Half as far open again: as many pixels below the lip are as many of the picture, too.
    torch.testing.assert_close((moved[0] + 0.8) / pixel, 1.5 * (place[0, 1, 0] + 0.8) / pixel)


def test_teeth_are_the_lighter_the_lighter_skin_is(data: FaceDataset, opening: Teacher) -> None:
    mouths, landmarks = make_mouths(opening, 1), data.landmarks[:1].clone()
    landmarks[:, list(INNER_LOWER_LIP[1:-1]), 1] += 12
    places = Lenders(mouths).places(landmarks, landmarks)
    left, top = landmarks[0, RIM_OF_LIPS].amin(0).long().tolist()
    right, bottom = landmarks[0, RIM_OF_LIPS].amax(0).long().tolist()
    shown, rest = [], opening.rest[RIM_OF_LIPS]
    for skin in (0.3, 0.6):
        crops = torch.full((1, 3, 128, 128), 2 * skin - 1)
        for parted in (mouths.rims, rest[None]):
            lent = lend_mouths(crops, places, parted, rest, mouths)
            inside = (lent[0, :, top:bottom, left:right].mean(0) + 1) / 2
            shown.append(float(inside.quantile(0.9)))
    assert shown[2] / shown[0] == pytest.approx(2**LIT_BY, rel=0.05)
    assert shown[1] < 0.6 * shown[0]  # little light gets between lips that hardly part
