"""The teachers: how far each action unit moves the landmarks, and how it shades the skin.

Both are linear and fitted in closed form (ridge regression over the training faces), so that the
generator learns by plain supervision what an adversarial game would take days to find.

Motion: landmarks on [1, 17 intensities, pose and its squares and products], made mirror-symmetric;
the intensities' coefficients D, (17, 478, 2) in crop pixels, move a face by (target - current) D.
Lids and lips are then limited by the face's own apertures, and steepened: see `GAINS`.

Shading: the same regression for the picture itself, in the mean face's shape (an active appearance
model's texture, Cootes et al. 1998): T, (17, 3, 64, 64), how folds and cheeks change.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.topology import (
    FACE_OVAL,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    IRISES,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    MIRROR,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
)
from ganimate.networks.warp import warp
from ganimate.training.augment import middle
from ganimate.training.dataset import FaceDataset

FIELD_SIZE = 64
TEXTURE_SIZE = 64
AU12, AU25, AU26, AU45 = 8, 14, 15, 16
"""Columns of the action units that pull the lips' corners, part them, drop the jaw, close eyes."""

GAINS = (
    (2.1, 2.8), (2.1, 2.8), (2.1, 3.0), (2.5, 2.0), (3.5, 4.0), (3.2, 3.2), (3.4, 4.0),
    (3.6, 4.0), (1.7, 2.2), (3.1, 3.5), (2.8, 3.0), (3.1, 2.6), (3.1, 3.0), (2.8, 3.5),
    (1.9, 2.0), (2.1, 2.0), (1.3, 2.0),
)  # fmt: skip
"""What each action unit's motion and shading are multiplied by.

Noise in labels flattens every slope that is regressed on them (Spearman 1904), and the more so the
less two labellers agree. Found with the reader: the fitted slopes are steepened until, on calm
validation faces asked for intensity 1, it reads what it reads on the ten strongest real faces, or
until brows, lips or the nose fold over.
"""

OUTLINE_GAIN = 1.4
"""The most that the face's outline is steepened by: it moves with the jaw alone."""
OUTLINE_REACH = 12.0
"""Crop pixels from the outline within which the gain grows to its full size."""
JAW = (11, 14, 15)
"""Rows of the action units that do move the outline: 17, 25 and 26."""

_KEPT = [i for i in range(478) if i not in IRISES]
"""Irises do not move with the lids: left out of every field."""


@dataclass
class Teacher:
    """The fitted teachers.

    Attributes:
        directions: D, (17, 478, 2), crop pixels at intensity 1.
        mean: the mean face, (478, 2), crop pixels.
        shading: T, (17, 3, 64, 64), in the mean face's shape, in units of a crop's contrast.
    """

    directions: Tensor
    mean: Tensor
    shading: Tensor

    def to(self, device: torch.device) -> Teacher:
        return Teacher(self.directions.to(device), self.mean.to(device), self.shading.to(device))

    def move(self, landmarks: Tensor, current: Tensor, target: Tensor) -> Tensor:
        """Landmarks (n, 478, 2) of faces at `current` (n, 17) as they would be at `target`.

        Eyes open, but do not close: see `close_eyes`.
        """
        change = target - current
        linear = change.clone()
        linear[:, AU45] = linear[:, AU45].clamp(max=0)
        moved = landmarks + torch.einsum("nk,kpc->npc", linear, self.directions)
        for upper, lower in _RIMS[:2]:
            _limit(moved, upper, lower, landmarks, torch.ones_like(change[:, 0]), share=0.85)
        parted_now = torch.maximum(current[:, AU25], current[:, AU26])
        parted_then = torch.maximum(target[:, AU25], target[:, AU26])
        # Lips that are asked to meet do: whatever the linear motion leaves open is closed.
        open_share = torch.where(
            parted_then < parted_now, parted_then / parted_now.clamp(min=1e-3), 1.0
        )
        _limit(moved, *_RIMS[2], landmarks, open_share, share=0.4)
        return moved

    def close_eyes(self, moved: Tensor, current: Tensor, target: Tensor) -> Tensor:
        """Landmarks that `move` returned, with lids as far down as AU45 asks of this very eye."""
        closed = moved.clone()
        for upper, lower in _RIMS[:2]:
            _limit(closed, upper, lower, moved, 1 - closing(current, target), share=0.85)
        return closed

    def basis(self) -> Tensor:
        """The flow of each action unit at intensity 1 on the mean face, (17, 2, 64, 64)."""
        each = torch.eye(17, device=self.mean.device)
        mean = self.mean.expand(17, -1, -1)
        return dense_field(self.move(mean, torch.zeros_like(each), each), mean)

    def shade(self, change: Tensor, landmarks: Tensor, contrast: Tensor) -> Tensor:
        """How the skin changes its colour, (n, 3, 128, 128).

        Args:
            change: (n, 17), target minus current.
            landmarks: (n, 478, 2), of the face as it is in the picture to be shaded.
            contrast: (n, 1, 1, 1), of the crops.
        """
        texture = torch.einsum("nk,kchw->nchw", change, self.shading)
        field = dense_field(landmarks, self.mean.expand_as(landmarks), size=32)
        return warp(texture, field, CROP_SIZE) * contrast


def closing(current: Tensor, target: Tensor) -> Tensor:
    """Which share of what the eyes are open `target` closes, (n,) in 0..1."""
    here, there = current[:, AU45], target[:, AU45]
    return ((there - here) / (1 - here).clamp(min=0.05)).clamp(0, 1)


def _limit(
    moved: Tensor,
    upper: tuple[int, ...],
    lower: tuple[int, ...],
    before: Tensor,
    keep: Tensor,
    share: float,
) -> None:
    """Keep two rims from crossing and scale their opening by `keep` (n,), in place.

    0 closes the opening. The upper rim takes `share` of the correction.
    """
    up, low = list(upper), list(lower)
    down = _downwards(before)
    gap = ((moved[:, low] - moved[:, up]) * down).sum(-1)
    # Rims that cross already (a closed mouth, found with noise) may stay as they are.
    floor = ((before[:, low] - before[:, up]) * down).sum(-1).clamp(max=0)
    wanted = torch.maximum(gap, floor) * keep.unsqueeze(1)
    correction = (gap - wanted).unsqueeze(-1) * down
    moved[:, up] += share * correction
    moved[:, low] -= (1 - share) * correction


def dense_field(
    result: Tensor, source: Tensor, size: int = FIELD_SIZE, softness: float = 0.6
) -> Tensor:
    """The flow that takes a picture with landmarks `source` to one with landmarks `result`.

    Inverse-distance interpolation (Shepard 1968) of the landmarks' offsets, held at zero around
    the frame and faded towards its edge.

    Args:
        result, source: (n, 478, 2) in crop pixels.
        size: side of the field.
        softness: distance in crop pixels below which landmarks blend.

    Returns:
        (n, 2, size, size): where each pixel of the result is taken from, as an offset in crop
        units (the crop's side is 1).
    """
    kept = torch.tensor(_KEPT, device=result.device)
    anchors = _anchors(result.device).expand(len(result), -1, -1)
    points = torch.cat([_apart(result)[:, kept], anchors], 1)
    offsets = torch.cat([source[:, kept] - result[:, kept], torch.zeros_like(anchors)], 1)
    return _fade(size, result.device) * interpolate(points, offsets, size, softness)


def interpolate(points: Tensor, offsets: Tensor, size: int, softness: float) -> Tensor:
    """Inverse-distance interpolation: (n, k, 2) crop pixels, twice -> (n, 2, size, size) flow."""
    n, device = len(points), points.device
    points = points + 0.5
    cells = (torch.arange(size, device=device) + 0.5) * (CROP_SIZE / size)
    grid = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), -1).view(1, -1, 2)
    # A few rows at a time: the weights of a whole picture would not stay in a CPU's cache.
    rows = grid.shape[1] if device.type == "cuda" else 512
    lengths = (points * points).sum(-1).unsqueeze(1) + softness**2
    parts = []
    for part in grid.split(rows, 1):
        square = torch.baddbmm(
            lengths + (part * part).sum(-1, keepdim=True),
            part.expand(n, -1, -1),
            points.transpose(1, 2),
            alpha=-2,
        )
        weight = square.square_().reciprocal_()
        parts.append((weight @ offsets) / weight.sum(-1, keepdim=True))
    field = torch.cat(parts, 1)
    return field.view(n, size, size, 2).permute(0, 3, 1, 2) / CROP_SIZE


_RIMS = (
    (RIGHT_UPPER_LID, RIGHT_LOWER_LID),
    (LEFT_UPPER_LID, LEFT_LOWER_LID),
    (INNER_UPPER_LIP, INNER_LOWER_LIP),
)


def _apart(landmarks: Tensor, distance: float = 1.2) -> Tensor:
    """Put rims a little onto the lid or lip they belong to.

    The flesh just beside a rim moves as the rim does. Where two rims meet their motions differ;
    on one spot they would cancel, and a closing mouth would drag its inside out onto the lips.
    """
    down = _downwards(landmarks)
    places = landmarks.clone()
    for upper, lower in _RIMS:
        places[:, list(upper[1:-1])] -= distance * down
        places[:, list(lower[1:-1])] += distance * down
    return places


def _downwards(landmarks: Tensor) -> Tensor:
    """(n, 1, 2): the face's own vertical, from brow to chin."""
    return F.normalize(landmarks[:, 152] - landmarks[:, 10], dim=-1).unsqueeze(1)


def _anchors(device: torch.device, count: int = 12) -> Tensor:
    side = torch.linspace(0, CROP_SIZE - 1, count, device=device)
    low, high = torch.zeros_like(side), torch.full_like(side, CROP_SIZE - 1)
    edges = [(side, low), (side, high), (low, side), (high, side)]
    return torch.cat([torch.stack(edge, -1) for edge in edges]).unsqueeze(0)


def _fade(size: int, device: torch.device, width: float = 0.08) -> Tensor:
    position = (torch.arange(size, device=device) + 0.5) / size
    ramp = (torch.minimum(position, 1 - position) / width).clamp(0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return ramp[:, None] * ramp[None, :]


def contrast_of(crops: Tensor) -> Tensor:
    """(n, 1, 1, 1): standard deviation of each crop's middle, where the face is."""
    quarter = CROP_SIZE // 4
    face = crops[:, :, quarter:-quarter, quarter:-quarter]
    return face.std((1, 2, 3), keepdim=True).clamp(min=0.05)


def fit_teacher(data: FaceDataset, ridge: float = 30.0, faces: int = 8000) -> Teacher:
    """Fit both teachers to a training split (about two minutes on one core).

    Args:
        data: the training faces.
        ridge: penalty on the coefficients, in faces.
        faces: how many faces the shading is fitted to.
    """
    mirror = torch.tensor(MIRROR)
    features = _features(data)
    coefficients = _ridge(features, data.landmarks.flatten(1), ridge)[1:18].view(17, 478, 2)
    flipped = coefficients[:, mirror] * torch.tensor([-1.0, 1.0])
    directions = (coefficients + flipped) / 2
    mean = data.landmarks.mean(0)
    flipped_mean = mean[mirror] * torch.tensor([-1.0, 1.0]) + torch.tensor([CROP_SIZE - 1.0, 0.0])
    mean = (mean + flipped_mean) / 2

    chosen = torch.linspace(0, len(data) - 1, min(faces, len(data))).long()
    textures = []
    for part in chosen.split(64):
        crops = middle(data.images[part])
        crops = (crops - crops.mean((2, 3), keepdim=True)) / contrast_of(crops)
        field = dense_field(mean.expand(len(part), -1, -1), data.landmarks[part], size=32)
        textures.append(warp(crops, field, CROP_SIZE).to(torch.float16))
    pictures = F.avg_pool2d(torch.cat(textures).float(), CROP_SIZE // TEXTURE_SIZE)
    found = _ridge(features[chosen], pictures.flatten(1), ridge)[1:18]
    shading = found.view(17, 3, TEXTURE_SIZE, TEXTURE_SIZE)
    shading = (shading + shading.flip(-1)) / 2
    motion, folds = torch.tensor(GAINS).unbind(1)
    directions = directions * _spread(motion, mean)
    shading = shading * folds[:, None, None, None]
    # Folds are local; what is broad is light, age and complexion that labels lean on.
    shading = shading - _blur(shading, 4.0)
    return Teacher(directions, mean, shading * _skin(mean))


def _spread(gain: Tensor, mean: Tensor) -> Tensor:
    """Gains (17,) for each landmark of the mean face, (17, 478, 1): least along the outline."""
    distance = torch.cdist(mean, mean[list(FACE_OVAL)]).amin(1)
    inner = (distance / OUTLINE_REACH).clamp(0, 1)
    outline = gain.clamp(max=OUTLINE_GAIN)
    outline[list(JAW)] = gain[list(JAW)]
    return torch.lerp(outline[:, None], gain[:, None], inner[None, :]).unsqueeze(-1)


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


def _blur(pictures: Tensor, sigma: float) -> Tensor:
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


def _skin(mean: Tensor) -> Tensor:
    """1 on skin, 0 on eyes, mouth and towards the frame, softly; (64, 64)."""
    cells = (torch.arange(TEXTURE_SIZE) + 0.5) * (CROP_SIZE / TEXTURE_SIZE) - 0.5
    grid = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), -1)
    skin = _fade(TEXTURE_SIZE, mean.device, 0.15).clone()
    holes = (
        (INNER_UPPER_LIP + INNER_LOWER_LIP, 1.0, 4.0),
        (RIGHT_UPPER_LID + RIGHT_LOWER_LID, 1.0, 2.0),
        (LEFT_UPPER_LID + LEFT_LOWER_LID, 1.0, 2.0),
    )
    for rim, grow, edge in holes:
        points = mean[list(rim)]
        low, high = points.amin(0) - grow, points.amax(0) + grow
        centre, half = (low + high) / 2, (high - low) / 2
        # An ellipse around the rim is enough here: the motion's field keeps the exact shape.
        inside = (((grid - centre) / (half + edge)).square().sum(-1)).sqrt()
        skin *= (1 - torch.exp(-(inside.clamp(min=1e-3) ** 8))).clamp(0, 1)
    return skin


def largest_moves(teacher: Teacher) -> list[float]:
    """The farthest that each action unit moves any landmark, in crop pixels."""
    return [float(v) for v in teacher.directions[:, _KEPT].norm(dim=-1).amax(1)]
