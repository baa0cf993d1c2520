"""Random shifts, turns, scales, mirroring, colour and blur: how crops differ in the wild."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.topology import MIRROR
from ganimate.networks.constant import constant
from ganimate.training.dataset import STORED_SIZE
from ganimate.training.framing import reframed


@dataclass(frozen=True)
class Jitter:
    """How far a crop may stray; every range is symmetric around no change.

    Attributes:
        shift: of the crop's side.
        turn: degrees.
        scale: 0.05 means between 0.95 and 1.05 times.
        colour: brightness, contrast and per-channel gain, as a share.
        blur: probability of a mild Gaussian blur.
    """

    shift: float = 0.04
    turn: float = 5.0
    scale: float = 0.05
    colour: float = 0.15
    blur: float = 0.15


def to_unit(images: Tensor) -> Tensor:
    """(n, H, W, 3) uint8 -> (n, 3, H, W) float in [-1, 1]."""
    return images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def middle(images: Tensor) -> Tensor:
    """The unaugmented crops: (n, 152, 152, 3) uint8 -> (n, 3, 128, 128) in [-1, 1]."""
    edge = (STORED_SIZE - CROP_SIZE) // 2
    return to_unit(images[:, edge : edge + CROP_SIZE, edge : edge + CROP_SIZE])


def random_crops(
    images: Tensor, landmarks: Tensor, jitter: Jitter, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Cut randomly placed crops out of the stored images, with their landmarks.

    Args:
        images: (n, 152, 152, 3) uint8 RGB.
        landmarks: (n, 478, 2) in pixels of the middle crop.
        jitter: the ranges.
        rng: on the images' device; the only source of randomness.

    Returns:
        Crops (n, 3, 128, 128) in [-1, 1] and landmarks (n, 478, 2) in their pixels. Where half of
        them are mirrored, landmarks trade sides with their partners.
    """
    n, device = len(images), images.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=rng, device=device) * 2 - 1

    angle = uniform(n) * math.radians(jitter.turn)
    scale = 1 + uniform(n) * jitter.scale
    shift = uniform(n, 2) * jitter.shift * CROP_SIZE
    mirrored = torch.rand(n, generator=rng, device=device) < 0.5
    cos, sin = angle.cos() * scale, angle.sin() * scale
    # photo = centre + M (crop - centre) + shift, with the x axis flipped where mirrored
    flip = torch.where(mirrored, -1.0, 1.0)
    matrix = torch.stack(
        [torch.stack([cos * flip, -sin], -1), torch.stack([sin * flip, cos], -1)], -2
    )
    theta = torch.cat(
        [matrix * (CROP_SIZE / STORED_SIZE), (shift * (2 / STORED_SIZE)).unsqueeze(-1)], -1
    )
    grid = F.affine_grid(theta, [n, 3, CROP_SIZE, CROP_SIZE], align_corners=False)
    crops = F.grid_sample(to_unit(images), grid, padding_mode="reflection", align_corners=False)

    centre = (CROP_SIZE - 1) / 2
    offsets = (landmarks - centre - shift.unsqueeze(1)) @ torch.linalg.inv_ex(matrix).inverse.mT
    moved = offsets + centre
    partner = constant(MIRROR, moved)
    moved = torch.where(mirrored[:, None, None], moved[:, partner], moved)
    return recolour(crops, jitter.colour, jitter.blur, rng), moved


def recolour(crops: Tensor, colour: float, blur: float, rng: torch.Generator) -> Tensor:
    """Change brightness, contrast and white balance of each crop; blur some of them."""
    n, device = len(crops), crops.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=rng, device=device) * 2 - 1

    gain = 1 + uniform(n, 1, 1, 1) * colour + uniform(n, 3, 1, 1) * colour / 3
    mean = crops.mean((2, 3), keepdim=True)
    crops = (crops - mean) * gain + mean + uniform(n, 1, 1, 1) * colour
    if blur > 0:
        soft = _soften(_soften(crops, 2), 3)
        amount = (torch.rand(n, 1, 1, 1, generator=rng, device=device) < blur) * (
            torch.rand(n, 1, 1, 1, generator=rng, device=device)
        )
        crops = torch.lerp(crops, soft, amount)
    return crops.clamp(-1, 1)


def _soften(x: Tensor, dim: int) -> Tensor:
    """[1 2 1] / 4 along one dimension; on a CPU slices are 10 times faster than convolution."""
    n = x.shape[dim]
    before = torch.cat([x.narrow(dim, 0, 1), x.narrow(dim, 0, n - 1)], dim)
    after = torch.cat([x.narrow(dim, 1, n - 1), x.narrow(dim, n - 1, 1)], dim)
    return (before + after).mul_(0.25).add_(x, alpha=0.5)


def shake(crops: Tensor, rng: torch.Generator, reframing: Tensor) -> Tensor:
    """Small random shifts, colour and blur for what a judge sees, real and painted alike.

    Noise that pleases one judge at one exact place pleases it no more a pixel further on, and a
    tint no more where colour fades. Differentiable. (n, 3, S, S) -> the same.

    Args:
        crops: (n, 3, S, S).
        rng: the only source of randomness.
        reframing: (n, 2, 3), where to look at them in the first place: see `framing`.
    """
    n, size = len(crops), crops.shape[-1]
    shift = (torch.rand(n, 2, generator=rng, device=crops.device) * 2 - 1) * (6 / size)
    scale = 1 + (torch.rand(n, generator=rng, device=crops.device) * 2 - 1) * 0.04
    linear, place = reframing.split([2, 1], 2)
    place = place + linear @ shift.unsqueeze(-1)
    moved = reframed(crops, torch.cat([linear * scale.view(-1, 1, 1), place], 2))
    faded = torch.rand(n, 1, 1, 1, generator=rng, device=crops.device) * 0.8
    moved = torch.lerp(moved, moved.mean(1, keepdim=True), faded)
    return recolour(moved, 0.1, 0.5, rng)
