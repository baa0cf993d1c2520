"""Fitting the teachers to a training split, in closed form."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.topology import (
    FACE_OVAL,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_BROW,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    MIRROR,
    RIGHT_BROW,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
)
from ganimate.networks.folds import SIDE
from ganimate.networks.light import contrast_of, light_of
from ganimate.networks.warp import warp
from ganimate.training.augment import middle
from ganimate.training.cutting import blur
from ganimate.training.dataset import FaceDataset
from ganimate.training.fields import dense_field, fade
from ganimate.training.motion import Teacher
from ganimate.training.muscles import AU6, AU12, muscles
from ganimate.training.territory import folds
from ganimate.training.wrinkles import wrinkles

TEXTURE_SIZE = 64
FINER = SIDE // TEXTURE_SIZE
"""Side of what is regressed, and how much finer it is once wrinkles are drawn into it."""
PITCH = 1 + 17 + 1
"""Row of the regression's coefficients: after a constant, the action units, and yaw."""

GAINS = (
    (2.7, 2.0), (2.5, 2.0), (1.75, 1.4), (2.0, 1.7), (25.0, 7.0), (3.6, 4.0), (3.4, 3.8),
    (7.8, 7.7), (1.18, 2.45), (5.6, 6.6), (2.5, 2.0), (3.3, 1.9), (4.6, 1.5), (3.0, 4.9),
    (1.2, 1.7), (1.7, 1.6), (1.3, 1.8),
)  # fmt: skip
"""What each action unit's motion and shading are multiplied by where it grows.

Noise in labels flattens every slope that is regressed on them (Spearman 1904), and the more so the
less two labellers agree. Found with the reader, and by eye: the fitted slopes are steepened until,
on calm validation faces asked for intensity 1, it reads what it reads on the ten strongest real
faces, or until a face begins to look drawn.
"""

RELEASE_GAIN = 1.2
"""The same where an action unit lets go. The flat slope is the right one there: it is what the
labels of real faces, noisy as they are, say of how far these faces are from rest."""
SMILE_RELEASED = 1.45
"""But of AU12: polite smiles are hardly read. From 20 people's smiles to their own neutral photos
an edit takes the mouth's corners .52 of the way on average; .46 before."""

BROAD, SMILING = 4.0, 8.0
"""Standard deviations, in texels, of what is too broad to be a fold, and to be a smile's cheek."""
LIGHTER = 0.55
"""How much is kept of what is lightened: on cheeks that face no lamp, bright patches that smiles
leave on others look put on, and folds alone say as much."""
PALER = 0.5
"""How much of that is kept for AU6: cheeks that are raised below eyes would be pale patches."""
SHARPER, SOFTNESS = 0.7, 1.5
"""How much of what is finer than this many texels is added once more."""


def fit_teacher(data: FaceDataset, ridge: float = 30.0, faces: int = 8000) -> Teacher:
    """Fit both teachers to a training split (about two minutes on one core).

    Args:
        data: the training faces.
        ridge: penalty on the coefficients, in faces.
        faces: how many faces the shading is fitted to.
    """
    mirror = torch.tensor(MIRROR)
    features = _features(data)
    coefficients = _ridge(features, data.landmarks.flatten(1), ridge).view(-1, 478, 2)
    flipped = coefficients[:, mirror] * torch.tensor([-1.0, 1.0])
    flipped[0] += torch.tensor([CROP_SIZE - 1.0, 0.0])
    coefficients = (coefficients + flipped) / 2
    rest, directions, nod = coefficients[0], coefficients[1:18], coefficients[PITCH]
    mean = data.landmarks.mean(0)
    flipped_mean = mean[mirror] * torch.tensor([-1.0, 1.0]) + torch.tensor([CROP_SIZE - 1.0, 0.0])
    mean = (mean + flipped_mean) / 2

    chosen = torch.linspace(0, len(data) - 1, min(faces, len(data))).long()
    textures = []
    for part in chosen.split(64):
        crops = middle(data.images[part])
        light = (crops.mean(1, keepdim=True) + 1) / 2
        light = (light / light_of(crops) - 1) / contrast_of(crops)
        field = dense_field(mean.expand(len(part), -1, -1), data.landmarks[part], size=32)
        textures.append(warp(light, field, CROP_SIZE).to(torch.float16))
    pictures = F.avg_pool2d(torch.cat(textures).float(), CROP_SIZE // TEXTURE_SIZE)
    found = _ridge(features[chosen], pictures.flatten(1), ridge)[1:18]
    shading = found.view(17, 1, TEXTURE_SIZE, TEXTURE_SIZE)
    shading = (shading + shading.flip(-1)) / 2
    motion, depth = torch.tensor(GAINS).unbind(1)
    directions = muscles(directions, nod, motion, mean)
    own = folds(_cells(), mean)
    # Last, since folds cut off before would be sharpened where they are cut.
    own = own.view(17, 1, TEXTURE_SIZE, TEXTURE_SIZE) * _skin(mean)
    shading = _folds(shading * depth[:, None, None, None]) * own
    shading = F.interpolate(shading, scale_factor=FINER, mode="bilinear", align_corners=False)
    shading += wrinkles(_cells(FINER * TEXTURE_SIZE), mean).view_as(shading)
    lighter = torch.full((17, 1, 1, 1), LIGHTER)
    lighter[AU6] *= PALER
    shading = shading.clamp(max=0) + lighter * shading.clamp(min=0)
    release = (RELEASE_GAIN / motion).clamp(max=1)
    release[AU12] = SMILE_RELEASED / motion[AU12]
    return Teacher(directions, mean, rest, shading, release)


def _folds(shading: Tensor) -> Tensor:
    """Shading (17, 1, 64, 64) without what is broad, and with sharper edges.

    What is broad is light, age and complexion that labels lean on; but a smile's cheeks are as
    broad as they are bright. Folds of many faces never lie quite on one another, so that their
    mean is softer than any one of them.
    """
    local = shading - blur(shading, BROAD)
    smile = [AU6, AU12]
    local[smile] = shading[smile] - blur(shading[smile], SMILING)
    return local + SHARPER * (local - blur(local, SOFTNESS))


def _cells(size: int = TEXTURE_SIZE) -> Tensor:
    """Middles of a texture's cells, (size * size, 2), in crop pixels."""
    cells = (torch.arange(size) + 0.5) * (CROP_SIZE / size) - 0.5
    return torch.stack(torch.meshgrid(cells, cells, indexing="xy"), -1).flatten(0, 1)


def _features(data: FaceDataset) -> Tensor:
    pose = data.pose / 20
    products = [pose[:, i] * pose[:, j] for i in range(3) for j in range(i, 3)]
    return torch.cat(
        [torch.ones(len(data), 1), data.action_units, pose, torch.stack(products, 1)], 1
    )


def _ridge(features: Tensor, values: Tensor, penalty: float) -> Tensor:
    # In doubles: slopes are steepened twenty times, and rounding with them.
    features = features.double()
    gram = features.T @ features
    gram += penalty * torch.diag(torch.tensor([0.0] + [1.0] * (len(gram) - 1))).to(gram)
    return torch.linalg.solve(gram, features.T @ values.double()).float()


def _skin(mean: Tensor) -> Tensor:
    """1 on the face's skin, 0 on eyes and mouth and beyond its outline, softly; (64, 64)."""
    grid = _cells().view(TEXTURE_SIZE, TEXTURE_SIZE, 2)
    corners = (mean[list(FACE_OVAL)] + 0.5) * (TEXTURE_SIZE / CROP_SIZE) - 0.5
    face = cv2.fillPoly(
        np.zeros((TEXTURE_SIZE, TEXTURE_SIZE), np.float32), [corners.round().int().numpy()], 1.0
    )
    # Well inside: neither outlines nor what is behind them belong to the skin.
    inner = cv2.GaussianBlur(cv2.erode(face, np.ones((5, 5))), (0, 0), 1.5)
    skin = torch.from_numpy(inner) * fade(TEXTURE_SIZE, mean.device, 0.08)
    holes = (
        (INNER_UPPER_LIP + INNER_LOWER_LIP, 1.0, 4.0),
        (RIGHT_UPPER_LID + RIGHT_LOWER_LID, 1.0, 2.0),
        (LEFT_UPPER_LID + LEFT_LOWER_LID, 1.0, 2.0),
        # Brows of many shapes never lie on one another: what regression finds there is their edges.
        (RIGHT_BROW, 1.0, 2.0),
        (LEFT_BROW, 1.0, 2.0),
    )
    for rim, grow, edge in holes:
        points = mean[list(rim)]
        low, high = points.amin(0) - grow, points.amax(0) + grow
        centre, half = (low + high) / 2, (high - low) / 2
        # An ellipse around the rim is enough here: the motion's field keeps the exact shape.
        inside = (((grid - centre) / (half + edge)).square().sum(-1)).sqrt()
        skin *= (1 - torch.exp(-(inside.clamp(min=1e-3) ** 8))).clamp(0, 1)
    return skin
