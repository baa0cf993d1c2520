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
    JAW_SIDES,
    LEFT_BROW,
    LEFT_CREASE,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    LIP_CORNERS,
    MIRROR,
    NOSE_BRIDGE,
    NOSE_WINGS,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_CREASE,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    SKULL,
    UPPER_LIP,
)
from ganimate.networks.warp import warp
from ganimate.training.augment import middle
from ganimate.training.cutting import blur
from ganimate.training.dataset import FaceDataset
from ganimate.training.fields import dense_field, fade
from ganimate.training.light import contrast_of, light_of
from ganimate.training.motion import Teacher
from ganimate.training.territory import around_mouth, below_lips, territory

TEXTURE_SIZE = 64
PITCH = 1 + 17 + 1
"""Row of the regression's coefficients: after a constant, the action units, and yaw."""

GAINS = (
    (2.2, 2.0), (1.8, 2.0), (1.8, 1.8), (2.6, 1.7), (14.2, 3.8), (3.7, 2.4), (4.2, 3.8),
    (5.6, 3.4), (1.2, 2.6), (4.7, 4.6), (3.4, 2.0), (3.6, 2.2), (5.7, 1.5), (3.2, 4.9),
    (1.3, 1.8), (1.9, 1.7), (1.3, 1.8),
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

OUTLINE_GAIN = 0.5
"""The most that the face's outline is steepened by: it moves with the jaw alone."""
OUTLINE_REACH = 12.0
"""Crop pixels from the outline within which the gain grows to its full size."""
JAW, JAW_GAIN = 15, 0.8
"""Row of the action unit that does move the outline, 26, and the gain there: a chin has little room
to the frame's edge, and beyond this would be pressed flat against it."""
FROWN, SQUINT, NOSE, RAISER, PARTED = 2, 5, 6, 7, 14
"""Rows of AU 4, 7, 9, 10 and 25."""
LEVEL = [12, 13]
"""Rows of AU 20 and 23: they stretch and tighten a mouth, and lift it nowhere."""
LIFTED = 0.7
"""How much of what regression lifts of lower lip and chin with nose or upper lip is not theirs."""
POUTED = 0.4
"""How much of what it lifts of the whole mouth with the nose is not the nose's."""
HUNG = 0.6
"""How much of what it lowers of nose and upper lip with the jaw is not the jaw's."""
DROPPED, FROWNED = 0.35, 0.35
"""How far a jaw that drops parts the lips, of what AU25 does; how far a nose that is wrinkled draws
brows and lids, of what AU 4 and 7 do."""
CHEEKS, ASIDE = 4, 0.4
"""Row of AU6, which raises cheeks and narrows eyes: it is steepened most, and what regression finds
of it in lips, nose and brows is other action units' and stays as it is found. So is most of what it
moves sideways, and of AU10's: smiles widen faces, raised cheeks and lips do not."""
ALONG = 0.4
"""How far the corners of a lip that AU10 raises rise with it."""
LIDS, CREASES = 6.0, 2.0
"""The most that AU6 steepens lower lids by, and upper lids with their creases: it narrows eyes from
below, and on real smiles by an eighth."""
SMILE = [4, 8]
"""Rows of AU 6 and 12."""
BROAD, SMILING = 4.0, 8.0
"""Standard deviations, in texels, of what is too broad to be a fold, and to be a smile's cheek."""
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
    coefficients = (coefficients + flipped) / 2
    directions, nod = coefficients[1:18], coefficients[PITCH]
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
    motion, folds = torch.tensor(GAINS).unbind(1)
    directions = _own(_anchored(directions, nod, mean), mean) * _spread(motion, mean)
    directions = _together(directions, mean)
    shading = shading * folds[:, None, None, None]
    shading = shading * territory(_cells(), mean).view(17, 1, TEXTURE_SIZE, TEXTURE_SIZE)
    shading = _folds(shading)
    release = (RELEASE_GAIN / motion).clamp(max=1)
    return Teacher(directions, mean, shading * _skin(mean), release)


def _folds(shading: Tensor) -> Tensor:
    """Shading (17, 1, 64, 64) without what is broad, and with sharper edges.

    What is broad is light, age and complexion that labels lean on; but a smile's cheeks are as
    broad as they are bright. Folds of many faces never lie quite on one another, so that their
    mean is softer than any one of them.
    """
    local = shading - blur(shading, BROAD)
    local[SMILE] = shading[SMILE] - blur(shading[SMILE], SMILING)
    return local + SHARPER * (local - blur(local, SOFTNESS))


def _anchored(directions: Tensor, nod: Tensor, mean: Tensor) -> Tensor:
    """Directions (17, 478, 2) without what moves the whole head.

    The face frame is laid by eyes and mouth. So where a mouth moves, a regression in crops finds
    the head moving and growing, too: by 4 % at a full smile. And labellers mistake a nod for
    muscles. A photo's head does none of this: what shift, growth and nod explain of the bones'
    motion, by least squares, is taken from every landmark.

    Args:
        directions: as regressed.
        nod: (478, 2), how pitch moves landmarks, likewise.
        mean: (478, 2), the mean face.
    """
    bones = list(SKULL + JAW_SIDES)
    arms = mean - mean[bones].mean(0)
    across, down = torch.eye(2)[:, None].expand(-1, len(mean), -1)
    whole = torch.stack([across, down, arms, nod])
    seen = whole[:, bones].flatten(1).T
    shares = torch.linalg.lstsq(seen, directions[:, bones].flatten(1).T).solution
    return directions - torch.einsum("bk,bpc->kpc", shares, whole)


def _own(directions: Tensor, mean: Tensor) -> Tensor:
    """Directions (17, 478, 2) of what each action unit's own muscle moves."""
    lips = list(OUTER_LIPS)
    own, below = territory(mean, mean), below_lips(mean)
    own[[NOSE, RAISER]] *= 1 - LIFTED * below
    own[NOSE] *= 1 - POUTED * around_mouth(mean)
    own[JAW] *= 1 - HUNG * (1 - below)
    own[CHEEKS] = 1  # limited by its gain: see `_spread`
    directions = directions.clone()
    directions[[CHEEKS, RAISER], :, 0] *= ASIDE
    directions[RAISER, :, 1].clamp_(max=0)  # nothing falls
    lifts = directions[LEVEL][:, lips, 1].mean(1, keepdim=True)
    directions[LEVEL, :, 1] -= around_mouth(mean) * lifts
    # A lip that is raised rises as a whole: labels know of the teeth below it, and not of the lip.
    for row in (NOSE, RAISER):
        rows = directions[row, list(UPPER_LIP)].view(4, -1, 2)
        directions[row, list(UPPER_LIP)] = rows[:1].expand_as(rows).flatten(0, 1)
    # Nor does it hang from its corners.
    most = directions[RAISER, list(UPPER_LIP), 1].amin()
    for lip in (list(LIP_CORNERS), list(UPPER_LIP)):
        directions[RAISER, lip, 1] = directions[RAISER, lip, 1].clamp(max=ALONG * most)
    return directions * own.unsqueeze(-1)


def _together(directions: Tensor, mean: Tensor) -> Tensor:
    """Steepened directions, with what cannot move alone: the lower lip hangs on the jaw, and who
    wrinkles the nose draws brows down and lids together."""
    directions = directions.clone()
    directions[JAW] += DROPPED * below_lips(mean).unsqueeze(-1) * directions[PARTED]
    directions[NOSE] += FROWNED * (directions[FROWN] + directions[SQUINT])
    return directions


def _cells() -> Tensor:
    """Middles of a texture's cells, (64 * 64, 2), in crop pixels."""
    cells = (torch.arange(TEXTURE_SIZE) + 0.5) * (CROP_SIZE / TEXTURE_SIZE) - 0.5
    return torch.stack(torch.meshgrid(cells, cells, indexing="xy"), -1).flatten(0, 1)


def _spread(gain: Tensor, mean: Tensor) -> Tensor:
    """Gains (17,) for each landmark of the mean face, (17, 478, 1): least along the outline."""

    def beyond(rim: tuple[int, ...], reach: float) -> Tensor:
        return (torch.cdist(mean, mean[list(rim)]).amin(1) / reach).clamp(0, 1)

    outline = gain.clamp(max=OUTLINE_GAIN)
    outline[JAW] = JAW_GAIN
    spread = torch.lerp(outline[:, None], gain[:, None], beyond(FACE_OVAL, OUTLINE_REACH))
    cheeks = beyond(OUTER_LIPS, OUTLINE_REACH) * beyond(RIGHT_BROW + LEFT_BROW, OUTLINE_REACH / 2)
    cheeks = cheeks * beyond(NOSE_BRIDGE + NOSE_WINGS, 1.5 * OUTLINE_REACH)
    steep = spread[CHEEKS]
    below, above = RIGHT_LOWER_LID + LEFT_LOWER_LID, RIGHT_UPPER_LID + LEFT_UPPER_LID
    for rim, most in ((below, LIDS), (above + RIGHT_CREASE + LEFT_CREASE, CREASES)):
        steep = torch.lerp(steep.clamp(max=most), steep, beyond(rim, OUTLINE_REACH))
    spread[CHEEKS] = torch.lerp(spread[CHEEKS].clamp(max=1), steep, cheeks)
    return spread.unsqueeze(-1)


def _features(data: FaceDataset) -> Tensor:
    pose = data.pose / 20
    products = [pose[:, i] * pose[:, j] for i in range(3) for j in range(i, 3)]
    return torch.cat(
        [torch.ones(len(data), 1), data.action_units, pose, torch.stack(products, 1)], 1
    )


def _ridge(features: Tensor, values: Tensor, penalty: float) -> Tensor:
    gram = (features.T @ features).double()
    gram += penalty * torch.diag(torch.tensor([0.0] + [1.0] * (len(gram) - 1))).double()
    return torch.linalg.solve(gram, (features.T @ values).double()).float()


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
