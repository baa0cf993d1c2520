"""The face frame of a face that has moved: where edited pictures are looked at.

A mouth that opens or smiles moves the frame that eyes and mouth span. Whoever reads an edited photo
cuts its crop there, so that is what judges are shown, too. Judged where the photo's own frame was,
a generator would learn to move and to swell the whole head as the frame would have.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import ACROSS, DOWN, LEFT_EYE, MIDDLE, MOUTH, RIGHT_EYE
from ganimate.networks.constant import constant


def frames(landmarks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """`FaceFrame.from_landmarks` for n faces at once.

    Args:
        landmarks: (n, 478, 2).

    Returns:
        Centres (n, 2), unit vectors along the upper edges (n, 2), half sides (n,).
    """
    right, left, mouth = (
        landmarks[:, constant(i, landmarks)].mean(1) for i in (RIGHT_EYE, LEFT_EYE, MOUTH)
    )
    eyes = (right + left) / 2
    across, down = left - right, mouth - eyes
    direction = across + torch.stack([down[:, 1], -down[:, 0]], 1)
    half_side = torch.maximum(ACROSS * across.norm(dim=1), DOWN * down.norm(dim=1))
    return eyes + MIDDLE * down, F.normalize(direction, dim=1), half_side


def reframing(before: Tensor, after: Tensor, size: int) -> Tensor:
    """How crops of `size` are to be resampled when their landmarks move from `before` to `after`.

    Args:
        before, after: (n, 478, 2), crop pixels.

    Returns:
        (n, 2, 3) for `torch.nn.functional.affine_grid`: the face then sits in the crop as it did,
        shifted or turned as it was, in the frame of its new landmarks.
    """
    (centre, axis, side), (new_centre, new_axis, new_side) = frames(before), frames(after)
    scale = (new_side / side).unsqueeze(1)
    # The product of one rotation and the other's inverse, as complex numbers.
    cos = (axis * new_axis).sum(1, keepdim=True) * scale
    sin = (axis[:, :1] * new_axis[:, 1:] - axis[:, 1:] * new_axis[:, :1]) * scale
    linear = torch.stack([torch.cat([cos, -sin], 1), torch.cat([sin, cos], 1)], 1)
    middle = (size - 1) / 2
    shift = new_centre - middle + (linear @ (middle - centre).unsqueeze(-1))[..., 0]
    return torch.cat([linear, (shift * (2 / size)).unsqueeze(-1)], -1)


def unmoved(count: int, device: torch.device) -> Tensor:
    """The same where nothing moves, (n, 2, 3)."""
    return torch.eye(2, 3, device=device).expand(count, -1, -1)


def reframed(crops: Tensor, reframing: Tensor) -> Tensor:
    """Crops (n, c, S, S) so resampled, mirrored where they are left."""
    grid = F.affine_grid(reframing, list(crops.shape), align_corners=False)
    return F.grid_sample(crops, grid, padding_mode="reflection", align_corners=False)
