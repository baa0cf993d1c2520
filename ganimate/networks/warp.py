"""Taking the pixels of a picture from elsewhere, and enlarging maps that say from where."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.networks.constant import constant


def warp(pictures: Tensor, flow: Tensor, size: int | None = None) -> Tensor:
    """Take each pixel of the result from where the flow points to in the source.

    Args:
        pictures: (n, c, H, W).
        flow: (n, 2, h, w), offsets (x, y) in crop units: the picture's side is 1. Enlarged
            bilinearly to the result's size.
        size: side of the result; by default the picture's own.

    Returns:
        (n, c, size, size). Zero flow gives the picture back.
    """
    size = size or pictures.shape[-1]
    flow = flow.to(pictures.dtype)  # bfloat16 has no place for a pixel of 128 and a part of one
    if flow.shape[-1] != size:
        flow = F.interpolate(flow, size=(size, size), mode="bilinear", align_corners=False)
    centres = (torch.arange(size, device=flow.device, dtype=flow.dtype) + 0.5) * (2 / size) - 1
    grid = torch.stack(
        [centres.view(1, 1, -1) + 2 * flow[:, 0], centres.view(1, -1, 1) + 2 * flow[:, 1]], -1
    )
    return _sample(pictures, grid)


def show(pictures: Tensor, place: Tensor) -> Tensor:
    """What pictures (n, c, H, W) hold at places (n, 2, h, w) in [-1, 1]: (n, c, h, w)."""
    places = place.permute(0, 2, 3, 1)
    return _sample(pictures, places)


def _sample(pictures: Tensor, places: Tensor) -> Tensor:
    """Bilinearly, at places (n, h, w, 2) in [-1, 1]; beyond the border what is nearest on it."""
    if pictures.device.type == "mps":
        return sample_within(pictures, places)
    return F.grid_sample(pictures, places, padding_mode="border", align_corners=False)


def sample_within(pictures: Tensor, places: Tensor) -> Tensor:
    """The same for devices that lack torch's border, as Apple's do before torch 2.11."""
    edge = constant([1 - 1 / side for side in pictures.shape[:1:-1]], places)
    within = torch.minimum(torch.maximum(places, -edge), edge)
    return F.grid_sample(pictures, within, padding_mode="zeros", align_corners=False)


def enlarge(maps: Tensor, width: int) -> Tensor:
    """Maps (n, c, h, w), doubled until they are so wide: that cuts corners as Chaikin (1974) does,
    where one bilinear step to `width` would leave the kinks of the small maps in curves."""
    while maps.shape[-1] < width:
        maps = F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)
    return maps
