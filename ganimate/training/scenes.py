"""Exercises for the generator, made from single labelled photos by the teachers.

No one is photographed twice, so there are no true pairs. Two kinds of made pairs stand in:

forward: a photo, and the teachers' picture of it with other intensities. It is right about motion
    and folds and wrong inside an opening mouth: that is left out, or lent by another face.
undo: the teachers' picture as the *source* and the real photo as the *truth*. A grin is closed to a
    straight mouth, folds are taken off, and the generator must give the photo back: real teeth,
    real open mouths and real eyes are what it learns to paint.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.topology import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    OUTER_LIPS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
)
from ganimate.networks.warp import warp
from ganimate.training.augment import middle
from ganimate.training.motion import (
    AU12,
    AU25,
    AU26,
    AU45,
    FIELD_SIZE,
    Teacher,
    contrast_of,
    dense_field,
    interpolate,
)

MOUTH_WEIGHT = 12.0
"""How much more the inside of a lent mouth counts: a fiftieth of the picture, half of the task."""
UNDO_WEIGHT = 2.0
"""How much more a real mouth counts that was closed for the exercise: no one can know its teeth."""
EYE_WEIGHT = 24.0
"""How much more the eyes count where they open or close."""

# The skin between lid and brow, whose colour a closing lid takes.
UPPER_SKIN = ((30, 29, 27, 28, 56), (260, 259, 257, 258, 286))
EYES = ((RIGHT_UPPER_LID, RIGHT_LOWER_LID), (LEFT_UPPER_LID, LEFT_LOWER_LID))


class Donors(NamedTuple):
    """Faces with open mouths, of which each exercise takes the one that fits best.

    Attributes:
        images: (k, 152, 152, 3) uint8.
        landmarks: (k, 478, 2).
    """

    images: Tensor
    landmarks: Tensor


class Scenes(NamedTuple):
    """Exercises for one batch of n.

    Attributes:
        source: (n, 3, 128, 128), what the generator sees.
        current, target: (n, 17) intensities.
        truth: (n, 3, 128, 128), what it should paint.
        weight: (n, 1, 128, 128), how much each pixel of the truth counts; 0 where it is wrong.
        flow: (n, 2, 64, 64), the motion from source to truth.
        flow_weight: (n, 1, 64, 64).
    """

    source: Tensor
    current: Tensor
    target: Tensor
    truth: Tensor
    weight: Tensor
    flow: Tensor
    flow_weight: Tensor


def sample_targets(labels: Tensor, others: Tensor, noise: float, rng: torch.Generator) -> Tensor:
    """Intensities to ask for: the paper's, and the sparse changes that people ask for.

    Args:
        labels: (n, 17), what the crops show.
        others: (n, 17), labels of other faces.
        noise: half-width of the uniform noise added to them.

    Returns:
        (n, 17) in 0..1: half are another face's (plus noise), two fifths keep all but one to four
        action units, the rest are at rest but for those; a quarter of all close the eyes, six
        tenths open the mouth.
    """
    n, device = len(labels), labels.device

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=rng, device=device)

    borrowed = others + (rand(n, 17) * 2 - 1) * noise
    changed = rand(n, 17) < rand(n, 1) * 3 / 17
    one = torch.randint(17, (n, 1), generator=rng, device=device)
    changed.scatter_(1, one, torch.ones_like(one, dtype=torch.bool))
    kind = rand(n, 1)
    base = torch.where(kind < 0.9, labels, torch.zeros_like(labels))
    sparse = torch.where(changed, rand(n, 17), base)
    result = torch.where(kind < 0.5, borrowed, sparse).clamp(0, 1)
    # What everyone will ask for is rare in photos: closed eyes, and mouths that open.
    blink = rand(n) < 0.25
    result[:, AU45] = torch.where(blink, 1 - 0.5 * rand(n).square(), result[:, AU45])
    opens = rand(n) < 0.6
    for column, share in ((AU25, 1.0), (AU12, 0.6), (AU26, 0.4)):
        asked = opens & (rand(n) < share)
        result[:, column] = torch.where(asked, 0.3 + 0.7 * rand(n), result[:, column])
    return result


def undo_targets(labels: Tensor, targets: Tensor, rng: torch.Generator) -> Tensor:
    """Where to take a photo so that coming back teaches paint: mouths close, never open.

    Two thirds go to a calm face with closed lips; the rest to `targets`, no further open than now.
    """
    n, device = len(labels), labels.device

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=rng, device=device)

    calm = torch.where(rand(n, 17) < 0.7, labels * 0.15 * rand(n, 17), labels)
    result = torch.where(rand(n, 1) < 0.67, calm, targets)
    shut = torch.where(rand(n, 1) < 0.75, torch.zeros(n, 1, device=device), rand(n, 1))
    for column in (AU25, AU26):
        result[:, column] = torch.minimum(result[:, column], labels[:, column] * shut[:, 0])
    return result


def make_scenes(
    teacher: Teacher,
    crops: Tensor,
    landmarks: Tensor,
    labels: Tensor,
    targets: Tensor,
    undo: Tensor,
    donors: Donors | None = None,
    trust: float = 1.0,
) -> Scenes:
    """Turn photos into exercises.

    Args:
        teacher: the fitted teachers, on the crops' device.
        crops: (n, 3, 128, 128) in [-1, 1], with landmarks (n, 478, 2) and labels (n, 17).
        targets: (n, 17), where the teachers take the photo.
        undo: (n,) bool: which are undo exercises.
        donors: who lends a mouth where a closed one is to open; without them such mouths do not
            count.
        trust: how much the teachers' own picture counts, but for the lids.
    """
    moved = teacher.move(landmarks, labels, targets)
    field = dense_field(moved, landmarks)
    change = targets - labels
    prepared = _close_eyes(crops, landmarks, change[:, AU45], labels[:, AU45])
    mouth = _mouth(landmarks)
    parted = torch.maximum(labels[:, AU25], labels[:, AU26])
    closing = 1 - torch.maximum(targets[:, AU25], targets[:, AU26]) / parted.clamp(min=1e-3)
    prepared = _darken(prepared, mouth, closing.clamp(0, 1))
    picture = warp(prepared, field) + teacher.shade(change, moved, contrast_of(crops))
    moved_mouth = _mouth(moved)
    lent = torch.zeros(len(crops), 1, 1, 1, device=crops.device)
    if donors is not None:
        # Teeth that show already may stay, unless they would be stretched.
        opens = (opening(moved) > 1.5 + 1.3 * opening(landmarks)) & ~undo
        lent = opens.float().view(-1, 1, 1, 1)
        if bool(opens.any()):
            mouths = _lend(picture, moved, donors)
            picture = torch.lerp(picture, mouths, moved_mouth * lent)
    picture = picture.clamp(-1, 1)

    back = torch.zeros_like(field)
    if bool(undo.any()):
        back[undo] = dense_field(landmarks[undo], moved[undo])
    pick = undo.view(-1, 1, 1, 1)
    mouth_of_truth = torch.where(pick, mouth, moved_mouth)
    # Inside an opening mouth motion knows nothing: paint's business.
    flow = torch.where(pick, back, field)
    flow_weight = 1 - 0.9 * F.avg_pool2d(mouth_of_truth, CROP_SIZE // FIELD_SIZE)
    # Lids and lips are small and move far: what moves counts for more than what rests.
    flow_weight = flow_weight * (1 + flow.norm(dim=1, keepdim=True) * CROP_SIZE)
    lids = EYE_WEIGHT * _eyes(landmarks) * change[:, AU45].abs().view(-1, 1, 1, 1)
    flow_weight = flow_weight * (1 + F.avg_pool2d(lids, CROP_SIZE // FIELD_SIZE))
    changes_mouth = (change[:, [AU25, AU26]].abs().amax(1) > 0.02).float().view(-1, 1, 1, 1)
    unknown = changes_mouth * (1 - lent)
    forward = trust * (1 - moved_mouth * unknown + MOUTH_WEIGHT * moved_mouth * lent)
    weight = torch.where(pick, 1 + UNDO_WEIGHT * mouth, forward)
    weight = weight + lids
    side = undo.view(-1, 1)
    return Scenes(
        source=torch.where(pick, picture, crops),
        current=torch.where(side, targets, labels),
        target=torch.where(side, labels, targets),
        truth=torch.where(pick, crops, picture),
        weight=weight,
        flow=flow,
        flow_weight=flow_weight,
    )


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


def opening(landmarks: Tensor) -> Tensor:
    """How far the inner lips are apart at most, (n,) crop pixels."""
    gaps = landmarks[:, list(INNER_LOWER_LIP)] - landmarks[:, list(INNER_UPPER_LIP)]
    return gaps.norm(dim=-1).amax(1)


def _lend(pictures: Tensor, landmarks: Tensor, donors: Donors) -> Tensor:
    """For each face the mouth of the donor whose lips are shaped most alike, in its own light."""
    lips = [*OUTER_LIPS, *INNER_UPPER_LIP, *INNER_LOWER_LIP]
    chosen = torch.cdist(_lip_shape(landmarks), _lip_shape(donors.landmarks)).argmin(1)
    crops = middle(donors.images[chosen])
    points, theirs = landmarks[:, lips], donors.landmarks[chosen][:, lips]
    mouths = warp(crops, interpolate(points, theirs - points, FIELD_SIZE, 1.0))
    inner = slice(CROP_SIZE // 4, -CROP_SIZE // 4)
    ours, other = (x[:, :, inner, inner].mean((1, 2, 3)) + 1 for x in (pictures, crops))
    # Teeth are less unlike than skins: only part of the difference is light.
    light = (ours / other.clamp(min=0.1)).clamp(0.2, 2) ** 0.6
    return ((mouths + 1) * light.view(-1, 1, 1, 1) - 1).clamp(-1, 1)


def _lip_shape(landmarks: Tensor) -> Tensor:
    """The inner rim of the lips, centred and in units of its width, (n, 2 k)."""
    rim = landmarks[:, [*INNER_UPPER_LIP, *INNER_LOWER_LIP[-2:0:-1]]]
    width = (rim[..., 0].amax(1) - rim[..., 0].amin(1)).clamp(min=1).view(-1, 1, 1)
    return ((rim - rim.mean(1, keepdim=True)) / width).flatten(1)


def _mouth(landmarks: Tensor) -> Tensor:
    rim = [*INNER_UPPER_LIP, *INNER_LOWER_LIP[-2:0:-1]]
    # Half the resolution is enough for a mask with a soft edge, at a quarter of the cost.
    return F.interpolate(polygon(landmarks[:, rim], CROP_SIZE // 2), scale_factor=2.0)


def _eyes(landmarks: Tensor) -> Tensor:
    eyes = [
        polygon(landmarks[:, [*upper, *lower[-2:0:-1]]], CROP_SIZE // 2) for upper, lower in EYES
    ]
    return F.interpolate(torch.maximum(*eyes), scale_factor=2.0)


def _darken(crops: Tensor, mouth: Tensor, closing: Tensor) -> Tensor:
    """Teeth squeezed between closing lips would leave a white seam; real closed lips a dark one."""
    dark = (crops + 1) * 0.3 - 1
    return torch.lerp(crops, dark, mouth * closing.view(-1, 1, 1, 1))


def _close_eyes(crops: Tensor, landmarks: Tensor, change: Tensor, current: Tensor) -> Tensor:
    """Fill closing eyes with the colour of the skin above them, which the lid will carry down."""
    closing = (change / (1 - current).clamp(min=0.05)).clamp(0, 1)
    some = (closing > 0.01).nonzero()[:, 0]
    if len(some) == 0:
        return crops
    whole, crops, landmarks = crops.clone(), crops[some], landmarks[some]
    closing = closing[some].view(-1, 1, 1, 1)
    for (upper, lower), skin in zip(EYES, UPPER_SKIN, strict=True):
        eye = polygon(landmarks[:, [*upper, *lower[-2:0:-1]]])
        places = (landmarks[:, list(skin)] + 0.5) * (2 / CROP_SIZE) - 1
        colour = F.grid_sample(crops, places.unsqueeze(2), align_corners=False)
        fill = colour.mean(2, keepdim=True)
        crops = torch.lerp(crops, fill.expand_as(crops), eye * closing)
    whole[some] = crops
    return whole
