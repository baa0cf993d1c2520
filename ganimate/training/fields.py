"""Fields of motion: from some landmarks' offsets to every pixel's."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.topology import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    SPREAD,
)
from ganimate.networks.constant import constant

FIELD_SIZE = 64

RIMS = (
    (RIGHT_UPPER_LID, RIGHT_LOWER_LID),
    (LEFT_UPPER_LID, LEFT_LOWER_LID),
    (INNER_UPPER_LIP, INNER_LOWER_LIP),
)
"""Upper and lower rims that meet: the lids of both eyes, and the lips."""

CACHED = 2**19
"""Covariances that are worked out at once on a CPU: 2 MB of them."""

REACH = 12.0
"""Crop pixels over which skin moves together: the length scale of what is interpolated."""
NOISE = 0.02
"""The variance, against that of motion, by which a landmark may be misplaced."""


def dense_field(result: Tensor, source: Tensor, size: int = FIELD_SIZE) -> Tensor:
    """The flow that takes a picture with landmarks `source` to one with landmarks `result`.

    The landmarks' offsets, interpolated, held at zero around the frame and faded towards its edge.

    Args:
        result, source: (n, 478, 2) in crop pixels.
        size: side of the field.

    Returns:
        (n, 2, size, size): where each pixel of the result is taken from, as an offset in crop
        units (the crop's side is 1).
    """
    kept = constant(SPREAD, result)
    anchors = _anchors(result.device).expand(len(result), -1, -1)
    points = torch.cat([_apart(result)[:, kept], anchors], 1)
    offsets = torch.cat([source[:, kept] - result[:, kept], torch.zeros_like(anchors)], 1)
    return fade(size, result.device) * interpolate(points, offsets, size)


def interpolate(points: Tensor, offsets: Tensor, size: int) -> Tensor:
    """Kriging (Matheron 1963): what is likeliest between points whose offsets are known.

    Offsets vary as smoothly as a Matern covariance of 3/2 says. Unlike a weighted mean (Shepard
    1968), which is flat at every point, it leaves no waves along a brow that rises. Far from all
    points it tends to zero.

    Args:
        points, offsets: (n, k, 2), crop pixels.

    Returns:
        (n, 2, size, size), in crop units.
    """
    apart = (points.unsqueeze(2) - points.unsqueeze(1)).square().sum(-1)
    known = _covariance(apart)
    known.diagonal(dim1=1, dim2=2).add_(NOISE)
    # Never singular, with noise; to check it, a GPU's host would have to wait.
    root = torch.linalg.cholesky_ex(known).L
    weights = torch.cholesky_solve(offsets, root).mT.contiguous()
    cells = (torch.arange(size, device=points.device) + 0.5) * (CROP_SIZE / size) - 0.5
    across, down = (points.unsqueeze(-1) - cells).square().unbind(2)
    # A few rows at a time: the covariances of a whole picture would not stay in a CPU's cache.
    rows = size if points.is_cuda else max(1, CACHED // across.numel())
    parts = [
        weights @ _covariance(some.unsqueeze(-1) + across.unsqueeze(2)).flatten(2)
        for some in down.split(rows, 2)
    ]
    return torch.cat(parts, 2).unflatten(2, (size, size)) / CROP_SIZE


def _covariance(square: Tensor) -> Tensor:
    """Of the motion of places so far apart, squared, in crop pixels; takes the tensor's memory."""
    far = square.mul_(3 / REACH**2).sqrt_()
    return torch.exp(-far).mul_(far.add_(1))


def _apart(landmarks: Tensor, distance: float = 1.2) -> Tensor:
    """Put rims a little onto the lid or lip they belong to.

    The flesh just beside a rim moves as the rim does. Where two rims meet their motions differ;
    on one spot they would cancel, and a closing mouth would drag its inside out onto the lips.
    """
    down = downwards(landmarks)
    places = landmarks.clone()
    for upper, lower in RIMS:
        places[:, constant(upper[1:-1], places)] -= distance * down
        places[:, constant(lower[1:-1], places)] += distance * down
    return places


def downwards(landmarks: Tensor) -> Tensor:
    """(n, 1, 2): the face's own vertical, from brow to chin."""
    return F.normalize(landmarks[:, 152] - landmarks[:, 10], dim=-1).unsqueeze(1)


def _anchors(device: torch.device, count: int = 12) -> Tensor:
    side = torch.linspace(0, CROP_SIZE - 1, count, device=device)
    low, high = torch.zeros_like(side), torch.full_like(side, CROP_SIZE - 1)
    edges = [(side, low), (side, high), (low, side), (high, side)]
    return torch.cat([torch.stack(edge, -1) for edge in edges]).unsqueeze(0)


def fade(size: int, device: torch.device, width: float = 0.08) -> Tensor:
    position = (torch.arange(size, device=device) + 0.5) / size
    ramp = smoothstep(torch.minimum(position, 1 - position) / width)
    return ramp[:, None] * ramp[None, :]


def smoothstep(share: Tensor) -> Tensor:
    """0 up to 0, 1 from 1 on, and a cubic without edges between."""
    share = share.clamp(0, 1)
    return share * share * (3 - 2 * share)


def polygon(points: Tensor, size: int = CROP_SIZE) -> Tensor:
    """1 inside a polygon, 0 outside, softened by a pixel.

    Args:
        points: (n, k, 2) corners in order, in crop pixels.

    Returns:
        (n, 1, size, size).
    """
    centres = torch.arange(size, device=points.device, dtype=points.dtype) + 0.5
    centres = centres * (CROP_SIZE / size) - 0.5
    x, y = centres.view(1, 1, -1), centres.view(1, -1, 1)
    inside = torch.zeros(len(points), size, size, dtype=torch.bool, device=points.device)
    for here, there in zip(points.unbind(1), points.roll(-1, 1).unbind(1), strict=True):
        (x0, y0), (x1, y1) = here.unbind(-1), there.unbind(-1)
        x0, y0, x1, y1 = (v.view(-1, 1, 1) for v in (x0, y0, x1, y1))
        crosses = (y0 > y) != (y1 > y)
        slope = (x1 - x0) / torch.where(y1 == y0, torch.ones_like(y1), y1 - y0)
        inside ^= crosses & (x < x0 + (y - y0) * slope)
    return F.avg_pool2d(F.pad(inside.float().unsqueeze(1), (1, 1, 1, 1), mode="replicate"), 3, 1)
