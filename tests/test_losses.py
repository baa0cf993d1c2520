"""Losses, each against what its formula says by hand."""

from __future__ import annotations

import pytest
import torch

from ganimate.networks.critic import Critic
from ganimate.networks.light import WARMTH
from ganimate.training import losses


def test_wasserstein_sides_are_opposite() -> None:
    real, fake = torch.tensor([2.0, 4.0]), torch.tensor([1.0, -1.0])
    assert losses.wasserstein_critic(real, fake) == -3
    assert losses.wasserstein_generator(fake) == 0


def test_hinge_counts_only_inside_the_margin() -> None:
    assert losses.hinge_critic(torch.tensor([1.5]), torch.tensor([-2.0])) == 0
    assert losses.hinge_critic(torch.tensor([0.0]), torch.tensor([0.0])) == 2


def test_gradient_penalty_of_a_known_slope() -> None:
    def critic(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return 3 * x[:, 0, 0, 0], x

    rng = torch.Generator().manual_seed(0)
    crops = torch.rand(4, 3, 8, 8)
    penalty = losses.gradient_penalty(critic, crops, -crops, rng)
    assert penalty.item() == pytest.approx((3 - 1) ** 2)


def test_r1_of_a_known_slope_and_its_second_derivative() -> None:
    def critic(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return (2 * x[:, :1, :1, :1]), x

    assert losses.r1_penalty(critic, torch.rand(5, 3, 8, 8)).item() == pytest.approx(4)
    network = Critic(size=32, width=4, layers=3, cap=8)
    losses.r1_penalty(network, torch.rand(2, 3, 32, 32)).backward()
    assert all(p.grad is not None for p in network.body.parameters())


def test_attention_variation_is_the_papers_sum_for_its_batch() -> None:
    attention = torch.rand(25, 1, 16, 16)
    summed = (attention[..., 1:, :] - attention[..., :-1, :]).abs().sum() + (
        attention[..., 1:] - attention[..., :-1]
    ).abs().sum()
    torch.testing.assert_close(losses.attention_variation(attention), summed)
    half = losses.attention_variation(torch.cat([attention, attention]))
    torch.testing.assert_close(half, summed)


def test_attention_and_restraint_pull_apart() -> None:
    attention = torch.full((2, 1, 4, 4), 0.75)
    assert losses.attention_mean(attention) == 0.75
    assert losses.restraint(attention) == 0.25


def test_stripes_are_less_calm_than_a_fold_of_the_same_depth() -> None:
    rows = torch.arange(64.0)
    stripes = (0.1 * torch.sin(rows)).view(1, 1, -1, 1).expand(1, 3, 64, 64)
    fold = (0.1 * torch.sin(rows / 10)).view(1, 1, -1, 1).expand(1, 3, 64, 64)
    light, dark = torch.zeros(1, 3, 64, 64), torch.full((1, 3, 64, 64), -0.5)
    everywhere, nowhere = torch.ones(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
    striped = losses.calm_error(stripes, light, everywhere)
    assert striped > 5 * losses.calm_error(fold, light, everywhere)
    assert losses.calm_error(torch.full_like(fold, 0.3), light, everywhere) == 0
    assert losses.calm_error(stripes, light, nowhere) == 0
    # On skin half as light they are seen twice as well.
    seen = losses.calm_error(stripes, dark, everywhere)
    torch.testing.assert_close(seen, 2 * striped)


def test_flow_error_is_in_pixels_and_heeds_its_weight() -> None:
    flow, wanted = torch.zeros(1, 2, 8, 8), torch.full((1, 2, 8, 8), 10 / 128)
    weight = torch.ones(1, 1, 8, 8)
    assert losses.flow_error(flow, wanted, weight, 128).item() == pytest.approx(10 - 0.25)
    assert losses.flow_error(flow, wanted, 0 * weight, 128) == 0


def test_picture_error_ignores_what_has_no_weight() -> None:
    pictures, wanted = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)
    wanted[..., :8] = 1
    weight = torch.ones(1, 1, 16, 16)
    weight[..., :8] = 0
    assert losses.picture_error(pictures, wanted, weight) == 0
    assert losses.picture_error(pictures, wanted, 1 - weight) > 0.5


def test_a_spot_counts_for_more_than_as_much_shade() -> None:
    photo, everywhere = torch.full((1, 3, 64, 64), -0.1), torch.ones(1, 1, 64, 64)
    nothing, spot = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    spot[..., 30:34, 30:34] = -0.5
    shade = torch.full_like(spot, float(spot.mean()))
    assert losses.excess_error(shade, nothing, photo, everywhere) == 0
    found = losses.excess_error(spot, nothing, photo, everywhere)
    assert found == pytest.approx((0.5 - losses.MARGIN) ** 2 * 16 / 64**2)
    assert losses.excess_error(spot, spot, photo, everywhere) == 0
    assert losses.excess_error(spot, nothing, photo, torch.zeros(1, 1, 64, 64)) == 0


def test_a_blue_shadow_on_skin_counts_and_a_mere_shadow_does_not() -> None:
    skin = torch.tensor([0.6, 0.1, -0.2]).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    everywhere = torch.ones(1, 1, 64, 64)
    shadow = skin - (skin + 1) * 0.3 * torch.tensor(WARMTH).view(3, 1, 1)
    assert losses.tint_error(shadow, skin, everywhere) < 1e-6
    grey = shadow.mean(1, keepdim=True).expand_as(shadow)
    found = losses.tint_error(grey, skin, everywhere)
    assert found > 0.02
    assert losses.tint_error(grey, skin, 0 * everywhere) == 0
    half = torch.lerp(shadow, grey, 0.5)
    assert losses.tint_error(half, skin, everywhere) == pytest.approx(found.item() / 2, rel=0.1)
