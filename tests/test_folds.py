"""Folds: laid where the network says, dimming the photo's own pixels, and nothing but that."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganimate.networks.compact import CompactTrunk
from ganimate.networks.folds import DEEPEST, ROOM, SIDE, Folds, opacity
from ganimate.networks.generator import Generator
from ganimate.networks.light import WARMTH, contrast_of, full_shade, warmth_of
from ganimate.networks.painting import compose
from ganimate.networks.pull import pulled
from ganimate.training.muscles import AU4, AU9

INTENSITIES = st.lists(st.floats(0, 1), min_size=17, max_size=17)


@pytest.fixture
def skin() -> Tensor:
    rng = torch.Generator().manual_seed(0)
    return torch.rand(2, 3, SIDE, SIDE, generator=rng) - 0.6


def asked(row: int, intensity: float) -> Tensor:
    intensities = torch.zeros(2, 17)
    intensities[:, row] = intensity
    return intensities


def test_a_fresh_generator_shades_as_its_folds_say(skin: Tensor) -> None:
    """A shadow of each channel's own light, of the whole picture that the crop is."""
    network = Generator(width=16, blocks=1, fine=8).eval()
    assert isinstance(network.body, CompactTrunk)
    network.body.folds.shading[AU9, 0, 20:60, 40:80] = -0.4
    with torch.no_grad():
        painting = network(skin, asked(AU9, 1.0), asked(AU9, 0.0))
        found = compose(skin, painting)
    depth = DEEPEST * torch.tanh(torch.tensor(0.4 / DEEPEST)) * contrast_of(skin)
    wanted = skin - full_shade(skin) * depth
    inside = (slice(None), slice(None), slice(24, 46), slice(44, 76))
    torch.testing.assert_close(found[inside], wanted[inside], atol=4e-3, rtol=0)
    # As black that covers the photo a little: its pixels are dimmed, and not painted over.
    covered = 1 - painting.attention[:, 0, 24:46, 44:76]
    beside = 1 - painting.attention[:, 0, 64:70, 100:110]
    strongest = (full_shade(skin) / (skin + 1)).amax(1)[inside[1:]]
    least = 1 - (1 - depth[:, 0] * strongest) * (1 - beside.mean())
    torch.testing.assert_close(covered, least.expand_as(covered), atol=0.02, rtol=0)


def test_a_fold_goes_along_with_the_skin_that_moves(skin: Tensor) -> None:
    network = Generator(width=16, blocks=1, fine=8).eval()
    assert isinstance(network.body, CompactTrunk)
    network.body.folds.shading[AU9, 0, 56:72] = -0.6
    flat = torch.full_like(skin, -0.2)
    flat[:, :, ::2] += 0.2  # some contrast, or there would be no shade
    down = torch.zeros(2, 32, 32)
    down[1] = -10 / SIDE  # taken from 10 pixels further up
    with torch.no_grad():
        network.body.basis[AU9] = torch.nn.functional.interpolate(down[None], size=64)[0]
        painting = network(flat, asked(AU9, 1.0), asked(AU9, 0.0))
    covered = (1 - painting.attention[0, 0]).mean(1)
    rows = torch.arange(SIDE)
    middle = (covered - covered.min()).square() @ rows.float()
    middle /= (covered - covered.min()).square().sum()
    assert middle.item() == pytest.approx(73.5, abs=1)


def test_places_say_where_on_the_average_face_a_point_lies(skin: Tensor) -> None:
    folds = Folds(17)
    folds.shading[AU4, 0, :, :64] = -0.3
    place = torch.zeros(2, 2, 32, 32)
    place[:, 0] = 0.25  # everything shows what the average face has a quarter further right
    shade = folds(asked(AU4, 1.0), place, contrast_of(skin), skin)
    assert (shade[..., :28] < 0).all()
    assert (shade[..., 36:] == 0).all()


@given(st.floats(0.01, 1), st.floats(0.01, 1))
def test_more_is_further_and_first_steps_are_the_longest(some: float, more: float) -> None:
    some, more = sorted((some, more))
    asked = torch.tensor([[0.0], [some], [more], [1.0]])
    rest, low, high, full = pulled(torch.zeros(4, 1), asked, torch.ones(1))[:, 0].tolist()
    assert rest == 0
    assert full == pytest.approx(1, abs=1e-4)
    assert low <= high <= full
    assert low / some >= high / more - 1e-4
    assert pulled(asked, asked, torch.ones(1)).tolist() == [[0.0]] * 4


@settings(max_examples=30, deadline=None)
@given(INTENSITIES, INTENSITIES, st.floats(0, 1))
def test_shades_are_limited_and_paint_can_give_them(
    current: list[float], target: list[float], light: float
) -> None:
    folds = Folds(17)
    rng = torch.Generator().manual_seed(1)
    folds.shading.copy_(torch.randn(17, 1, SIDE, SIDE, generator=rng))
    skin = torch.full((1, 3, SIDE, SIDE), 2 * light - 1)
    contrast = torch.full((1, 1, 1, 1), 0.4)
    pull = pulled(torch.tensor([current]), torch.tensor([target]), torch.ones(17))
    shade = folds(pull, torch.zeros(1, 2, 32, 32), contrast, skin)
    assert shade.abs().max() <= DEEPEST * 0.4 + 1e-6
    paint = full_shade(skin) * shade
    covered = opacity(paint, shade, skin)
    assert covered.min() >= 0 and covered.max() <= 1
    colour = skin + paint / covered.clamp(min=1e-3)
    assert colour.min() >= -1.01
    assert colour.max() <= max(1.0, float(skin.max()) + ROOM) + 0.01


def test_faint_light_hardly_covers_overexposed_skin() -> None:
    skin = torch.tensor([1.0, 0.2, 0.0]).view(1, 3, 1, 1).expand(1, 3, 100, 100)
    shade = torch.linspace(-0.02, 0.02, 100).view(1, 1, 1, 100)
    covered = opacity(full_shade(skin) * shade, shade, skin)
    assert covered.diff(dim=-1).abs().max() < 0.01
    assert covered.max() < 0.2


@pytest.mark.parametrize("warmth", [(0.5, 1.2, 1.7), (0.6, 1.5, 1.2), (1.0, 1.0, 1.0)])
def test_shades_have_the_colours_of_the_photos_shadows(warmth: tuple[float, ...]) -> None:
    skin = torch.tensor([1.5, 1.0, 0.7])
    powers = torch.tensor(warmth)
    depth = torch.linspace(-0.7, 0.7, SIDE)
    lit = skin.view(3, 1, 1) * torch.exp(depth * powers.view(3, 1, 1))
    photo = lit.expand(1, 3, SIDE, SIDE) - 1
    own = warmth_of(photo).flatten()
    wanted = powers / ((powers * skin).sum() / skin.sum())
    missed = (own - wanted).abs() - 0.35 * (torch.tensor(WARMTH) - wanted).abs()
    assert missed.max() < 0.03
    photo = photo.clone()
    photo[..., 60:68, 60:68] = -0.97  # a nostril says nothing of skin
    assert warmth_of(photo).flatten().tolist() == pytest.approx(own.tolist(), rel=0.05)


def test_shades_are_skins_where_a_photo_says_nothing_and_grey_in_grey_ones() -> None:
    flat = torch.tensor([0.3, 0.0, -0.2]).view(1, 3, 1, 1).expand(1, 3, SIDE, SIDE)
    assert warmth_of(flat).flatten().tolist() == pytest.approx(WARMTH)
    rng = torch.Generator().manual_seed(2)
    grey = (torch.rand(1, 1, SIDE, SIDE, generator=rng) - 0.6).expand(1, 3, SIDE, SIDE)
    assert warmth_of(grey).flatten().tolist() == pytest.approx([1] * 3, abs=0.05)


def test_nothing_is_shaded_where_nothing_is_asked(skin: Tensor) -> None:
    network = Generator(width=16, blocks=1, fine=8).eval()
    assert isinstance(network.body, CompactTrunk)
    network.body.folds.shading.fill_(-0.5)
    shown = torch.rand(2, 17, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        painting = network(skin, shown, shown)
    torch.testing.assert_close(compose(skin, painting), skin)
