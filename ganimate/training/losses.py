"""Losses: pure functions of tensors, one by one as in Pumarola et al. 2018, section 5, and ours."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.networks.constant import constant
from ganimate.networks.light import full_shade, visibility

REFERENCE_BATCH = 25
"""The batch for which the paper's weights were written; sums are converted to means with it."""
MARGIN = 0.05
"""Paint beyond its teacher's that is forgiven, on skin as light as middle grey."""


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Critic's side of WGAN: real patches up, painted ones down."""
    return fake.mean() - real.mean()


def wasserstein_generator(fake: Tensor) -> Tensor:
    """Generator's side of WGAN."""
    return -fake.mean()


def gradient_penalty(
    critic: Callable[[Tensor], tuple[Tensor, Tensor]],
    real: Tensor,
    fake: Tensor,
    rng: torch.Generator,
) -> Tensor:
    """Mean of (|gradient| - 1)^2 on straight lines between real and painted (Gulrajani 2017)."""
    mix = torch.rand(len(real), 1, 1, 1, generator=rng, device=real.device)
    between = torch.lerp(real, fake, mix).detach().requires_grad_(True)
    score = critic(between)[0]
    (gradient,) = torch.autograd.grad(score.sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Critic's side of the hinge game (Lim & Ye 2017): only patches within the margin count."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """Generator's side of the hinge game."""
    return -fake.mean()


def r1_penalty(critic: Callable[[Tensor], tuple[Tensor, Tensor]], real: Tensor) -> Tensor:
    """Mean squared gradient on real crops (Mescheder et al. 2018), a crop."""
    real = real.detach().requires_grad_(True)
    score = critic(real)[0]
    (gradient,) = torch.autograd.grad(score.mean((1, 2, 3)).sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def intensity_error(read: Tensor, wanted: Tensor, balance: Tensor | None = None) -> Tensor:
    """Mean squared error of intensities, (n, 17) each; `balance` (17,) weighs the action units."""
    error = (read - wanted).square()
    return (error if balance is None else error * balance).mean()


def attention_mean(attention: Tensor) -> Tensor:
    """The paper's pull on A: its mean, so that A does not saturate at 1 and copy the photo."""
    return attention.mean()


def attention_variation(attention: Tensor) -> Tensor:
    """Total variation of A as the paper's code sums it over its batch of 25.

    A mean over neighbours times their number in 25 masks: the same weight means the same pull at
    any batch size.
    """
    height, width = attention.shape[-2:]
    down = (attention[..., 1:, :] - attention[..., :-1, :]).abs().mean()
    right = (attention[..., :, 1:] - attention[..., :, :-1]).abs().mean()
    return REFERENCE_BATCH * (down * (height - 1) * width + right * height * (width - 1))


def restraint(attention: Tensor) -> Tensor:
    """Our opposite of it: mean of 1 - A, so that paint stays where it is needed."""
    return (1 - attention).mean()


def calm_error(paint: Tensor, photo: Tensor, outside: Tensor) -> Tensor:
    """Total variation of paint where folds and shades are all that is to be painted.

    Whoever is told what a reader sees finds stripes that it takes for muscles. Eyes see them by how
    much they differ from the light around (Weber 1834), so on dark skin they count for more.

    Args:
        paint: (n, 3, S, S), how far the picture departs from the moved photo, and its teacher's
            from it, if there is one: folds that it draws are no stripes.
        photo: (n, 3, S, S) in [-1, 1], whose middle is the face.
        outside: (n, 1, S, S), 0 in mouths and on lids.
    """
    paint = paint * visibility(photo)
    down = (paint[..., 1:, :] - paint[..., :-1, :]).abs() * outside[..., 1:, :]
    right = (paint[..., :, 1:] - paint[..., :, :-1]).abs() * outside[..., :, 1:]
    return down.mean() + right.mean()


def excess_error(paint: Tensor, wanted: Tensor, photo: Tensor, outside: Tensor) -> Tensor:
    """Mean square of how much further paint on skin is from its teacher's than `MARGIN`.

    Shades that teachers cannot know are small; a dark spot between the brows that pleases a reader
    is not, and L1 hardly minds it.

    Args:
        paint, wanted: (n, 3, S, S), how far pictures depart from the moved photo.
        photo: (n, 3, S, S) in [-1, 1], whose middle is the face.
        outside: (n, 1, S, S), 0 in mouths and on lids.
    """
    excess = ((paint - wanted).abs() * visibility(photo) - MARGIN).clamp(min=0)
    return (excess.square() * outside).mean()


def tint_error(pictures: Tensor, moved: Tensor, outside: Tensor) -> Tensor:
    """Mean distance of pictures from the nearest that are shades of the moved photo.

    A fold takes light from skin and leaves its colour, or makes it a little warmer (`WARMTH`); a
    reader is as well pleased with a blue one.

    Args:
        pictures: (n, 3, S, S) in [-1, 1].
        moved: (n, 3, S, S), the photo moved along the flow.
        outside: (n, 1, S, S), 0 in mouths and on lids.
    """
    change, full = pictures - moved, full_shade(moved)
    # Least squares, a pixel: how much of such a shade the change is.
    shade = (change * full).sum(1, keepdim=True) / full.square().sum(1, keepdim=True).clamp(
        min=4e-3
    )
    error = (change - shade * full).abs() * outside
    return 0.5 * (error * visibility(moved.detach())).mean()


def cycle_error(there_and_back: Tensor, crops: Tensor) -> Tensor:
    """L1 between a crop and itself after an edit and its reverse."""
    return (there_and_back - crops).abs().mean()


def flow_error(flow: Tensor, wanted: Tensor, weight: Tensor, side: int) -> Tensor:
    """Smooth L1 between flows, in pixels of a crop of `side`.

    Args:
        flow, wanted: (n, 2, h, w) in crop units.
        weight: (n, 1, h, w).
    """
    error = F.smooth_l1_loss(flow * side, wanted * side, reduction="none", beta=0.5)
    return (error * weight).mean()


def picture_error(pictures: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Weighted L1 at full and quarter size; the coarser one forgives a pixel's misplacement.

    Args:
        pictures, wanted: (n, 3, S, S) in [-1, 1].
        weight: (n, 1, S, S).
    """
    difference = pictures - wanted
    fine = (difference.abs() * weight).mean()
    coarse = _quarter(difference).abs() * _quarter(weight)
    return fine + coarse.mean()


def place_error(
    place: Tensor, wanted: Tensor, inside: Tensor, extent: tuple[float, float]
) -> Tensor:
    """Smooth L1 between places on a picture, in crop pixels, in and just around what is laid.

    Args:
        place, wanted: (n, 2, h, w), from -1 to 1.
        inside: (n, 1, h, w).
        extent: half of the picture's width and height, in crop pixels.
    """
    half = constant(extent, place).view(1, 2, 1, 1)
    error = F.smooth_l1_loss(place * half, wanted * half, reduction="none", beta=0.5)
    near = F.max_pool2d(inside, 3, 1, 1)
    return (error * near).sum() / near.sum().clamp(min=1)


def cover_error(cover: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy of covers in 0..1: squares would leave the last tenth open, and eyes show."""
    return F.binary_cross_entropy(cover.clamp(1e-4, 1 - 1e-4), wanted.clamp(0, 1))


def feature_error(pictures: list[Tensor], wanted: list[Tensor], weight: Tensor) -> Tensor:
    """Weighted L1 between a network's features of pictures and of their truths (Johnson 2016).

    Features forgive where exactly a tooth ends and not that there is none, as a mean of all
    possible mouths would have it.

    Args:
        pictures, wanted: levels of (n, c, h, w).
        weight: (n, 1, S, S), how much each pixel of the truth counts.
    """
    total = weight.new_zeros(())
    for ours, theirs in zip(pictures, wanted, strict=True):
        counts = F.adaptive_avg_pool2d(weight, (ours.shape[-2], ours.shape[-1]))
        total = total + ((ours - theirs).abs() * counts).mean()
    return total


def _quarter(pictures: Tensor) -> Tensor:
    """Means of 4 x 4 pixels; a view and a sum are faster on CPUs than pooling."""
    n, c, height, width = pictures.shape
    return pictures.view(n, c, height // 4, 4, width // 4, 4).mean((3, 5))
