"""Cutting pieces of faces out as pictures that fit other faces."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.topology import MIRROR
from ganimate.networks.constant import constant
from ganimate.networks.inlays import HEIGHT, WIDTH
from ganimate.training.augment import to_unit
from ganimate.training.dataset import STORED_SIZE
from ganimate.training.fields import FIELD_SIZE, interpolate

EXTENT = (WIDTH / 4, HEIGHT / 4)
"""Half of the width and of the height of a picture, in crop pixels."""
CENTRE = (CROP_SIZE - 1) / 2
SHARPER, SOFT = 0.9, 1.5
"""Unsharp masking of light in pictures, and its blur in texels."""
FINER = 2
"""How much finer pictures are cut than kept."""


def mean_shape(shapes: Tensor) -> Tensor:
    """The mean of landmarks (k, 478, 2) that lie around 0, made symmetric: (478, 2)."""
    mean = shapes.mean(0)
    mirrored = mean[torch.tensor(MIRROR, device=mean.device)] * mean.new_tensor([-1, 1])
    return (mean + mirrored) / 2


def cut(images: Tensor, points: Tensor, wanted: Tensor) -> Tensor:
    """The middle of faces, reshaped so that their points come to lie where they are wanted.

    Args:
        images: (k, 152, 152, 3) uint8.
        points: (k, p, 2), in the middle crops.
        wanted: (p, 2), crop pixels; `CENTRE` is the middle of the picture.

    Returns:
        (k, 3, HEIGHT, WIDTH) in [-1, 1], two texels to a crop pixel.
    """
    field = _towards(wanted.expand(len(images), -1, -1), points)
    grid = (texels(images.device, FINER) + 0.5) * (2 / CROP_SIZE) - 1
    grid = grid.expand(len(images), -1, -1, -1)
    there = F.grid_sample(field, grid, align_corners=False).permute(0, 2, 3, 1)
    margin = (STORED_SIZE - CROP_SIZE) / 2
    there = (there + margin + 0.5) * (2 / STORED_SIZE) - 1
    found = F.grid_sample(to_unit(images), there, align_corners=False).clamp(-1, 1)
    return F.avg_pool2d(found, FINER)


def texels(device: torch.device, finer: int = 1) -> Tensor:
    """Where the texels of a picture `finer` than those kept are, (h, w, 2) crop pixels."""
    rows, columns = (
        (torch.arange(n, device=device) + 0.5 - n / 2) / (2 * finer) + CENTRE
        for n in (finer * HEIGHT, finer * WIDTH)
    )
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)


def place(points: Tensor, wanted: Tensor) -> Tensor:
    """Which point of a picture lies where, (n, 2, 64, 64) from -1 to 1 within it.

    Args:
        points: (n, p, 2) of faces, crop pixels.
        wanted: (p, 2), where `cut` put them.
    """
    there = _towards(points, wanted.expand(len(points), -1, -1)) - CENTRE
    return there / constant(EXTENT, there).view(1, 2, 1, 1)


def _towards(points: Tensor, others: Tensor) -> Tensor:
    """Where each pixel lies on the others, (n, 2, 64, 64) crop pixels."""
    offsets = others - points
    all_over = offsets.mean(1, keepdim=True)
    flow = interpolate(points, offsets - all_over, FIELD_SIZE) * CROP_SIZE
    flow = flow + all_over.mT.unsqueeze(-1)
    cells = (torch.arange(FIELD_SIZE, device=flow.device) + 0.5) * (CROP_SIZE / FIELD_SIZE) - 0.5
    return flow + torch.stack(torch.meshgrid(cells, cells, indexing="xy"))


def detail(light: Tensor) -> Tensor:
    """What makes light (n, 1, h, w) sharper: small photos are lent to large ones."""
    return SHARPER * (light - blur(light, SOFT))


def blur(pictures: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of pictures (n, c, h, w), mirrored at their edges."""
    reach = int(2.5 * sigma)
    steps = torch.arange(-reach, reach + 1, device=pictures.device)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel /= kernel.sum()
    channels = pictures.shape[1]
    padded = F.pad(pictures, (reach,) * 4, mode="reflect")
    across = F.conv2d(
        padded, kernel.view(1, 1, 1, -1).expand(channels, -1, -1, -1), groups=channels
    )
    return F.conv2d(across, kernel.view(1, 1, -1, 1).expand(channels, -1, -1, -1), groups=channels)
