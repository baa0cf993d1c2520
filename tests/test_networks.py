"""The networks: shapes, the paper's equation, and that asking for nothing changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganimate.networks.critic import Critic, FeatureCritic
from ganimate.networks.evaluation_reader import EvaluationReader
from ganimate.networks.generator import Generator, Painting, compose
from ganimate.networks.mouth import RIM, WIDTH, MouthPainter
from ganimate.networks.reader import Reader
from ganimate.networks.warp import warp


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
    intensities, features = EvaluationReader().eval()(random_inputs(3)[0])
    assert intensities.shape == (3, 17) and features.shape == (3, 192)


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


@pytest.mark.parametrize("mouths", [0, 2])
@torch.no_grad()
def test_the_compact_trunk_keeps_the_crop_where_nothing_is_asked(mouths: int) -> None:
    generator = stirred(Generator("compact", mouths=mouths))
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


@torch.no_grad()
def test_a_mouth_shows_where_it_is_open_as_placed_and_lit() -> None:
    generator = Generator("compact", size=64, width=16, blocks=1, mouths=3)
    painter = generator.body.mouth
    assert isinstance(painter, MouthPainter)
    painter.pictures[1] = torch.linspace(-1, 0, WIDTH)  # dark on the right side, lighter left
    side = torch.linspace(-1, 1, 32)
    painter.start.copy_(torch.stack(torch.meshgrid(side, side, indexing="xy")))
    turn = torch.linspace(0, 6, RIM)
    painter.rest.copy_(torch.stack([20 * turn.cos(), 9 * turn.sin()], 1))
    painter.shapes.copy_(painter.rest * torch.tensor([[[1, 0.2]], [[1, 1.1]], [[1, 2.0]]]))
    painter.head.bias.copy_(torch.tensor([0.0, 0.0, 0.2, 50.0, -50.0]))
    crops, target, current = random_inputs(2, 64)
    painting = generator(crops, target, current)
    shown = compose(crops, painting)
    wanted = torch.linspace(0, 1, 64) * float(np.exp(0.2)) - 1
    inner = slice(4, 60)
    torch.testing.assert_close(
        shown[0, 0, 30, inner], wanted[inner].clamp(max=1), atol=0.04, rtol=0
    )
    painter.head.bias[3] = -50  # closed
    torch.testing.assert_close(compose(crops, generator(crops, target, current)), crops)


def test_too_many_mouths_are_refused() -> None:
    with pytest.raises(ValueError, match="mouths 65"):
        Generator(mouths=65)


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
