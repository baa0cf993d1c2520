"""The networks: shapes, the paper's equation, and that asking for nothing changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from ganimate.networks.critic import Critic, FeatureCritic
from ganimate.networks.evaluation_reader import EvaluationReader
from ganimate.networks.generator import Generator
from ganimate.networks.inlays import AROUND, HEIGHT, Inlays, skin_around
from ganimate.networks.mouth import (
    BACK,
    BEYOND,
    COLUMNS,
    LENGTH,
    PARTED,
    REACH,
    RIM,
    ROW,
    SHADED,
)
from ganimate.networks.painting import Painting, compose
from ganimate.networks.reader import Reader
from ganimate.networks.warp import sample_within, warp


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def random_inputs(n: int, size: int = 128) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    crops = torch.rand(n, 3, size, size, generator=rng) * 2 - 1
    return crops, torch.rand(n, 17, generator=rng), torch.rand(n, 17, generator=rng)


def stirred(generator: Generator) -> Generator:
    """Zero-initialised heads hide mistakes: give every weight a value."""
    torch.manual_seed(1)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return generator.eval()


def test_the_papers_generator_has_its_8_47_million_parameters() -> None:
    paper = Generator("paper", width=64, blocks=6, motion=False)
    assert parameters(paper) == 8_471_296


def test_critic_with_the_papers_cap_has_45_million_parameters() -> None:
    assert 44e6 < parameters(Critic(cap=2048)) < 46e6


def test_readers_are_small() -> None:
    assert parameters(Reader()) < 3e6
    assert parameters(EvaluationReader()) < 3e6


@torch.no_grad()
def test_the_readers_features_end_in_what_it_says() -> None:
    reader, crops = Reader().eval(), random_inputs(2)[0]
    features = reader.features(crops)
    assert [tuple(level.shape[1:]) for level in features] == [
        (48, 32, 32), (96, 16, 16), (192, 8, 8), (256, 4, 4),
    ]  # fmt: skip
    for one, other in zip(reader.conclude(features[-1]), reader.logits(crops), strict=True):
        torch.testing.assert_close(one, other)
    # Patches: 16 x 16, 8 x 8 and 4 x 4.
    assert FeatureCritic(reader.widths)(features[:-1]).shape == (2, 256 + 64 + 16)


@torch.no_grad()
def test_the_evaluation_reader_gives_intensities_and_features() -> None:
    reader, crops = EvaluationReader().eval(), random_inputs(3)[0]
    intensities, features = reader(crops)
    assert intensities.shape == (3, 17) and features.shape == (3, 192)
    # `read` does not care which side is which.
    for read, mirrored in zip(reader.read(crops), reader.read(crops.flip(3)), strict=True):
        torch.testing.assert_close(read, mirrored)
    assert not torch.allclose(reader(crops)[0], reader(crops.flip(3))[0])


@pytest.mark.parametrize("trunk", ["compact", "paper"])
@torch.no_grad()
def test_shapes_and_ranges(trunk: str) -> None:
    generator = stirred(Generator(trunk, size=64, width=16, blocks=2))
    painting = generator(*random_inputs(3, 64))
    assert painting.attention.shape == (3, 1, 64, 64)
    assert painting.colour.shape == (3, 3, 64, 64)
    assert painting.flow.shape == (3, 2, 32, 32)
    assert painting.attention.min() >= 0 and painting.attention.max() <= 1
    assert painting.colour.min() >= -1 and painting.colour.max() <= 1


@pytest.mark.parametrize("trunk", ["compact", "paper"])
@torch.no_grad()
def test_without_motion_the_result_is_equation_1(trunk: str) -> None:
    generator = stirred(Generator(trunk, size=64, width=16, blocks=1, motion=False))
    crops, target, current = random_inputs(2, 64)
    painting = generator(crops, target, current)
    assert not painting.flow.any()
    a, c = painting.attention, painting.colour
    torch.testing.assert_close(compose(crops, painting), a * crops + (1 - a) * c)


@pytest.mark.parametrize("lids", [0, 2])
@torch.no_grad()
def test_the_compact_trunk_keeps_the_crop_where_nothing_is_asked(lids: int) -> None:
    generator = stirred(Generator("compact", lids=lids))
    crops, target, _ = random_inputs(2)
    painting = generator(crops, target, target)
    assert not painting.flow.any()
    assert (painting.attention == 1).all()
    torch.testing.assert_close(compose(crops, painting), crops)


@torch.no_grad()
def test_a_fresh_compact_generator_starts_at_the_identity() -> None:
    crops, target, current = random_inputs(2)
    result = compose(crops, Generator("compact")(crops, target, current))
    torch.testing.assert_close(result, crops)


def test_planes_folded_out_of_the_papers_stem_give_the_same_picture() -> None:
    generator = stirred(Generator("paper", size=64, width=8, blocks=1))
    crops, target, current = random_inputs(2, 64)
    with torch.no_grad():
        folded = generator(crops, target, current)
    with torch.enable_grad():
        planes = generator(crops, target, current)
    for one, other in zip(folded[:3], planes[:3], strict=True):
        torch.testing.assert_close(one, other.detach(), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_encoding_once_serves_many_frames() -> None:
    generator = stirred(Generator("compact", size=64, width=16, blocks=1))
    crops, target, current = random_inputs(4, 64)
    one = crops[:1]
    features = [f.expand(4, -1, -1, -1) for f in generator.encode(one)]
    once = generator.paint(features, one.expand(4, -1, -1, -1), target, current)
    each = generator(one.repeat(4, 1, 1, 1), target, current)
    for shared, separate in zip(once[:3], each[:3], strict=True):
        torch.testing.assert_close(shared, separate, atol=1e-5, rtol=1e-4)


def with_inlays() -> tuple[Generator, Inlays]:
    """A network with two pairs of lids, whose pictures fill their halves of the crop."""
    generator = Generator("compact", size=64, width=16, blocks=1, lids=2)
    inlays = generator.body.inlays
    assert isinstance(inlays, Inlays)
    across, down = torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 16).repeat(2)
    inlays.start.data.copy_(torch.stack(torch.meshgrid(across, down, indexing="xy")))
    mouth = inlays.mouth
    x = torch.linspace(-REACH, REACH, RIM)
    mouth.rest.copy_(torch.stack([torch.stack([x, torch.full((RIM,), y)], 1) for y in (0.0, 10.0)]))
    mouth.along.copy_(F.interpolate(torch.eye(RIM)[None], COLUMNS, mode="linear")[0])
    mouth.lips[0], mouth.lips[1] = -1, 0.5
    mouth.behind.copy_(torch.linspace(0, 0.5, BACK[1]))  # dark on the right side, lighter left
    return generator, inlays


@torch.no_grad()
def test_a_mouth_shows_where_it_is_open_as_placed_and_lit() -> None:
    generator, inlays = with_inlays()
    inlays.head.bias.copy_(torch.tensor([0.0, 0.0, -0.5, 50.0, -50.0]))
    crops, target, current = random_inputs(2, 64)
    painting = generator(crops, target, current)
    shown = compose(crops, painting)
    torch.testing.assert_close(shown[:, :, :30], crops[:, :, :30])
    # Between lips that are as they are at rest there is little light.
    wanted = torch.linspace(0, 1, 64) * float(np.exp(-0.5)) * SHADED - 1
    inner = slice(4, 60)
    torch.testing.assert_close(shown[0, 0, 48, inner], wanted[inner], atol=0.04, rtol=0)
    inlays.mouth.moves[:, 1, :, 1] = PARTED
    wide = torch.full_like(target, 1 / 17)
    lit = compose(crops, generator(crops, wide, wide - 1))
    assert (lit[0, 0, 48, 50] + 1) > 2 * (shown[0, 0, 48, 50] + 1)
    # Lips that part so far show a mouth, even where the network is in doubt; others do not.
    inlays.head.bias[3] = -50
    lit_all_the_same = compose(crops, generator(crops, wide, wide - 1))
    torch.testing.assert_close(lit_all_the_same[0, 0, 48, 50], lit[0, 0, 48, 50], atol=0.1, rtol=0)
    inlays.mouth.moves.zero_()
    torch.testing.assert_close(compose(crops, generator(crops, target, current)), crops)


@torch.no_grad()
def test_upper_teeth_hide_lower_ones_and_both_what_is_behind() -> None:
    generator, inlays = with_inlays()
    inlays.head.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 50.0, -50.0]))
    rows, red, green = inlays.mouth.rows, 0, 1
    edge = int(ROW[0] * BEYOND / (LENGTH + BEYOND))
    rows[0, [red, 3], edge:], rows[1, [green, 3], edge:] = 0.5, 0.5
    rows[:, 3] = rows[:, 3].mul(2).clamp(max=1)
    inlays.mouth.behind.zero_()
    crops, target, current = random_inputs(1, 64)
    target.zero_()
    shown = generator.paint(generator.encode(crops), crops, target, current, 4).colour[0, :, 128:]
    column = (shown[:, :, 128] + 1) / 2
    assert column[red, : int(0.3 * 128)].min() > 0 and column[green, : int(0.3 * 128)].max() < 1e-4
    assert column[:2, int(0.4 * 128) : int(0.85 * 128)].max() < 1e-4  # neither reaches it
    assert column[green, int(0.95 * 128) :].min() > 0
    # An upper lip that is high up shows so much of the upper ones that they hide the lower.
    inlays.mouth.rest[0, :, 1], inlays.mouth.rest[1, :, 1] = -3.0, 4.0
    shown = generator.paint(generator.encode(crops), crops, target, current, 4).colour[0, :, 128:]
    column = (shown[:, :, 128] + 1) / 2
    assert column[red, : int(0.85 * 128)].min() > 0


@torch.no_grad()
def test_the_finest_teeth_show_where_there_are_pixels_for_them() -> None:
    generator, inlays = with_inlays()
    stripes = torch.arange(ROW[1]) % 2
    inlays.mouth.rows[:, :3], inlays.mouth.rows[:, 3] = 0.5 * stripes, 1
    inlays.head.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 50.0, -50.0]))
    crops, target, current = random_inputs(1, 64)
    encoded = generator.encode(crops)
    seen = []
    for detail in (1, 2, 4):
        painting = generator.paint(encoded, crops, target, current, detail)
        assert painting.colour.shape[-1] == 64 * detail
        seen.append(painting.colour[0, :, 40 * detail : 56 * detail].std(-1).mean())
    assert seen[0] < 0.01 and seen[1] < 0.01 < 0.02 < seen[2]


@torch.no_grad()
def test_lids_show_in_the_colour_of_the_skin_around_each_eye() -> None:
    generator, inlays = with_inlays()
    inlays.head.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -50.0, 50.0]))
    inlays.lids.copy_(torch.tensor([0.5, 0.9]).view(2, 1, 1, 1))
    inlays.tones.copy_(torch.tensor([0.1, -1.0]))  # of light and of dark skin
    inlays.around.copy_(torch.tensor([-0.5, 0.5]).view(2, 1, 1).expand(2, AROUND, 2))
    crops, target, current = random_inputs(1, 64)
    light, dark = torch.tensor([1.2, 1.0, 0.8]), torch.tensor([1.1, 1.1, 1.1])
    crops[..., :32], crops[..., 32:] = light.view(3, 1, 1) - 1, dark.view(3, 1, 1) - 1
    shown = compose(crops, generator(crops, target, current))[0]
    torch.testing.assert_close(shown[:, 18, 10], 0.5 * light - 1, atol=1e-3, rtol=0)
    torch.testing.assert_close(shown[:, 18, 55], 0.5 * dark - 1, atol=1e-3, rtol=0)
    darker = (crops + 1) / 3 - 1
    shown = compose(darker, generator(darker, target, current))[0]
    torch.testing.assert_close(shown[:, 18, 10], 0.3 * light - 1, atol=1e-3, rtol=0)


@torch.no_grad()
def test_each_part_of_a_lid_takes_the_colour_of_the_skin_next_to_it() -> None:
    generator, inlays = with_inlays()
    inlays.head.bias.copy_(torch.tensor([0.0, 0.0, 3.0, -50.0, 50.0]))  # no light of their own
    inlays.around[..., 0] = torch.tensor([-0.5, 0.5]).view(2, 1)
    inlays.around[:, : AROUND // 2, 1], inlays.around[:, AROUND // 2 :, 1] = -0.5, 0.5
    inlays.shares.zero_()
    inlays.shares[:, 0, : HEIGHT // 2], inlays.shares[:, -1, HEIGHT // 2 :] = 1, 1
    crops, target, current = random_inputs(1, 64)
    above, below = torch.tensor([1.2, 1.0, 0.8]), torch.tensor([1.1, 1.1, 1.1])
    crops[..., :32, :], crops[..., 32:, :] = above.view(3, 1, 1) - 1, below.view(3, 1, 1) - 1
    shown = compose(crops, generator(crops, target, current))[0]
    torch.testing.assert_close(shown[:, 6, 10], above - 1, atol=1e-3, rtol=0)
    torch.testing.assert_close(shown[:, 26, 55], below - 1, atol=1e-3, rtol=0)


@torch.no_grad()
def test_a_brow_is_no_skin() -> None:
    crops = torch.full((1, 3, 64, 64), 0.2)
    crops[..., :16, :] = -0.8
    places = torch.zeros(1, 2, AROUND, 2)
    places[:, :, 0, 1] = -0.8
    skin = skin_around(crops, places)
    torch.testing.assert_close(skin[..., 1:], torch.full((1, 3, 2, AROUND - 1), 1.2))
    assert skin[..., 0].min() > 0.75 * 1.2 and skin[..., 0].max() < 0.85 * 1.2


def test_too_many_lids_are_refused() -> None:
    with pytest.raises(ValueError, match="lids 65"):
        Generator(lids=65)


def test_sampling_within_is_torchs_border() -> None:
    pictures = torch.rand(2, 3, 5, 9)
    places = torch.rand(2, 40, 40, 2) * 3 - 1.5
    expected = F.grid_sample(pictures, places, padding_mode="border", align_corners=False)
    torch.testing.assert_close(sample_within(pictures, places), expected)


@settings(deadline=None)
@given(x=st.integers(-9, 9), y=st.integers(-9, 9))
def test_warp_takes_pixels_from_where_the_flow_points(x: int, y: int) -> None:
    picture = torch.rand(1, 2, 32, 32, generator=torch.Generator().manual_seed(3))
    flow = torch.tensor([x / 32, y / 32]).view(1, 2, 1, 1).expand(1, 2, 16, 16)
    moved = warp(picture, flow)
    inner = moved[:, :, 10:-10, 10:-10]
    source = picture[:, :, 10 + y : 22 + y, 10 + x : 22 + x]
    torch.testing.assert_close(inner, source, atol=1e-4, rtol=0)


def test_compose_moves_before_it_paints() -> None:
    crops = torch.rand(1, 3, 32, 32)
    flow = torch.full((1, 2, 16, 16), 4 / 32)
    keep_all = Painting(torch.ones(1, 1, 32, 32), torch.zeros(1, 3, 32, 32), flow)
    torch.testing.assert_close(compose(crops, keep_all), warp(crops, flow))


def test_impossible_sizes_are_refused() -> None:
    for wrong in ({"trunk": "huge"}, {"size": 100}, {"width": 0}, {"blocks": 10**9}):
        with pytest.raises(ValueError, match=r"trunk|range"):
            Generator(**wrong)
