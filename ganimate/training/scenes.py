"""Exercises for the generator, made from single labelled photos by the teachers.

No one is photographed twice, so there are no true pairs. Two kinds of made pairs stand in:

forward: a photo, and the teachers' picture of it with other intensities. It is right about motion
    and folds and wrong inside an opening mouth: that is left out, or drawn.
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
from ganimate.networks.constant import constant
from ganimate.networks.inlays import Laid
from ganimate.networks.light import contrast_of
from ganimate.networks.warp import warp
from ganimate.training.fields import FIELD_SIZE, dense_field, polygon
from ganimate.training.framing import reframing, unmoved
from ganimate.training.lenders import NOBODY, Lenders
from ganimate.training.lids import EYES, lend_lids, lid_area
from ganimate.training.motion import SLIDING, Teacher, closing, laid_over
from ganimate.training.mouths import RIM_OF_LIPS, lend_mouths, opening
from ganimate.training.muscles import AU9, AU10, AU12, AU25, AU26, AU45

MOUTH_WEIGHT = 12.0
"""How much more the inside of a lent mouth counts: a fiftieth of the picture, half of the task."""
UNDO_WEIGHT = 2.0
"""How much more a real mouth counts that was closed for the exercise: no one can know its teeth."""
OPENS, STRETCHED = 0.8, 1.2
"""A mouth is lent where lips come to be this many crop pixels apart, and this many times as far as
they were."""
EYE_WEIGHT = 40.0
"""How much more the eyes count where they open or close."""


class Scenes(NamedTuple):
    """Exercises for one batch of n.

    Attributes:
        source: (n, 3, 128, 128), what the generator sees.
        current, target: (n, 17) intensities.
        truth: (n, 3, 128, 128), what it should paint.
        weight: (n, 1, 128, 128), how much each pixel of the truth counts; 0 where it is wrong.
        flow: (n, 2, 64, 64), the motion from source to truth.
        flow_weight: (n, 1, 64, 64).
        place: (n, 2, 32, 32), where on the mean face each point of the truth lies.
        reframing: (n, 2, 3), the truth's own face frame (`framing`): where judges look.
        undo: (n,) bool, whose truth is a real photo.
        laid: where the truth has mouths and closed lids that the source has not.
    """

    source: Tensor
    current: Tensor
    target: Tensor
    truth: Tensor
    weight: Tensor
    flow: Tensor
    flow_weight: Tensor
    place: Tensor
    reframing: Tensor
    undo: Tensor
    laid: Laid | None = None


def chances(labels: Tensor, strong: float) -> Tensor:
    """How likely each face (n, 17) is drawn, (n,): more for what few show strongly, and for open
    mouths, by `strong`."""
    rarity = 1 / (labels > 0.5).float().mean(0).clamp(min=0.01)
    rarity = rarity / rarity.mean()
    rare = ((labels - 0.4).clamp(min=0) * rarity).amax(1)
    return 1 + strong * (rare + labels[:, [AU25, AU26]].amax(1))


def sample_targets(labels: Tensor, others: Tensor, noise: float, rng: torch.Generator) -> Tensor:
    """Intensities to ask for: the paper's, and the sparse changes that people ask for.

    Args:
        labels: (n, 17), what the crops show.
        others: (n, 17), labels of other faces.
        noise: half-width of the uniform noise added to them.

    Returns:
        (n, 17) in 0..1: half are another face's (plus noise), two fifths keep all but one to four
        action units, the rest are at rest but for those; a quarter of all close the eyes, six
        tenths open the mouth, and in a quarter the nose wrinkles, or the upper lip rises.
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
    result[:, AU45] = torch.where(blink, 1 - 0.8 * rand(n) ** 1.5, result[:, AU45])
    opens = rand(n) < 0.6
    for column, share in ((AU25, 0.8), (AU12, 0.6), (AU26, 0.5)):
        asked = opens & (rand(n) < share)
        result[:, column] = torch.where(asked, 0.3 + 0.7 * rand(n), result[:, column])
    # What few faces do at all, and what is drawn of it, would be learned last.
    for column in (AU9, AU10):
        asked = rand(n) < 0.14
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
    undone: slice,
    lenders: Lenders = NOBODY,
    trust: float = 1.0,
) -> Scenes:
    """Turn photos into exercises.

    Args:
        teacher: the fitted teachers, on the crops' device.
        crops: (n, 3, 128, 128) in [-1, 1], with landmarks (n, 478, 2) and labels (n, 17).
        targets: (n, 17), where the teachers take the photo.
        undone: which are undo exercises; a slice, so that no device is waited for.
        lenders: what is lent: mouths where closed ones are to open, and lids where eyes are to
            close; without them such mouths do not count, and such eyes stay open.
        trust: how much the teachers' own picture counts, but for the lids.
    """
    undo = torch.zeros(len(crops), dtype=torch.bool, device=crops.device)
    undo[undone] = True
    moved = teacher.move(landmarks, labels, targets)
    field = dense_field(moved, landmarks)
    change = targets - labels
    mouth, moved_mouth = _mouth(landmarks), _mouth(moved)
    parted = torch.maximum(labels[:, AU25], labels[:, AU26])
    meeting = 1 - torch.maximum(targets[:, AU25], targets[:, AU26]) / parted.clamp(min=1e-3)
    prepared = _darken(crops, mouth, meeting.clamp(0, 1))
    place = teacher.place(moved)
    picture = teacher.shade(warp(prepared, field), labels, targets, place, contrast_of(crops))
    pick = undo.view(-1, 1, 1, 1)
    mouth_of_truth = torch.where(pick, mouth, moved_mouth)
    down = teacher.close_eyes(moved, labels, targets)
    places = lenders.places(torch.where(undo.view(-1, 1, 1), landmarks, moved), down)
    lent, lids = torch.zeros_like(crops[:, :1, :1, :1]), torch.zeros_like(mouth)
    opens = torch.zeros_like(lent)
    if lenders.mouths is not None:
        gaps, moved_gaps = opening(landmarks), opening(moved)
        then, before = torch.where(undo, gaps, moved_gaps), torch.where(undo, moved_gaps, gaps)
        # Teeth that show already may stay, unless they would be stretched.
        opens = (then > OPENS + STRETCHED * before).float().view(-1, 1, 1, 1)
        lent = opens * (~pick).float()
        area = moved_mouth * lent
        picture = lend_mouths(picture, places, area, targets, lenders.mouths.inside)
    covered = laid_over(closing(labels, targets)).view(-1, 1, 1, 1)
    # A CPU leaves out eyes that stay open; a GPU would have to be waited for to say which do.
    shut = covered.flatten().nonzero()[:, 0] if crops.device.type == "cpu" else slice(None)
    if lenders.lids is not None and len(lids[shut]):
        lids[shut] = lid_area(down[shut]) * covered[shut]
        picture[shut] = lend_lids(picture[shut], down[shut], places[shut], lids[shut], lenders.lids)
    # A little wider than the lids themselves: the white of an eye must not peep out below.
    covers = _halved(F.max_pool2d(lids, 3, 1, 1) * (~pick))
    laid = Laid(places, _halved(mouth_of_truth * opens), covers)
    picture = picture.clamp(-1, 1)

    back = torch.zeros_like(field)
    if len(landmarks[undone]):
        place[undone] = teacher.place(landmarks[undone])
        back[undone] = dense_field(landmarks[undone], moved[undone])
    # Inside an opening mouth and under a closing lid motion knows nothing: paint's business.
    flow = torch.where(pick, back, field)
    flow_weight = 1 - 0.9 * _halved(mouth_of_truth)
    # Lids and lips are small and move far: what moves counts for more than what rests.
    flow_weight = flow_weight * (1 + torch.hypot(*flow.split(1, 1)) * CROP_SIZE)
    slides = torch.maximum(-change[:, AU45], closing(labels, targets).clamp(max=SLIDING))
    opened = _eyes(landmarks) * slides.clamp(min=0).view(-1, 1, 1, 1)
    flow_weight = flow_weight * (1 + EYE_WEIGHT * _halved(opened))
    flow_weight = flow_weight * (1 - 0.9 * _halved(lids))
    changes_mouth = (
        (change[:, constant((AU25, AU26), change)].abs().amax(1) > 0.02).float().view(-1, 1, 1, 1)
    )
    unknown = changes_mouth * (1 - lent)
    forward = trust * (1 - moved_mouth * unknown + MOUTH_WEIGHT * moved_mouth * lent)
    weight = torch.where(pick, 1 + UNDO_WEIGHT * mouth, forward)
    weight = weight + EYE_WEIGHT * torch.maximum(lids, opened)
    side = undo.view(-1, 1)
    return Scenes(
        source=torch.where(pick, picture, crops),
        current=torch.where(side, targets, labels),
        target=torch.where(side, labels, targets),
        truth=torch.where(pick, crops, picture),
        weight=weight,
        flow=flow,
        flow_weight=flow_weight,
        place=place,
        reframing=torch.where(
            undo.view(-1, 1, 1),
            unmoved(len(crops), crops.device),
            reframing(landmarks, down, CROP_SIZE),
        ),
        undo=undo,
        laid=laid,
    )


def _halved(maps: Tensor) -> Tensor:
    return F.avg_pool2d(maps, CROP_SIZE // FIELD_SIZE)


def _mouth(landmarks: Tensor) -> Tensor:
    # Half the resolution is enough for a mask with a soft edge, at a quarter of the cost.
    return F.interpolate(
        polygon(landmarks[:, constant(RIM_OF_LIPS, landmarks)], CROP_SIZE // 2), scale_factor=2.0
    )


def _eyes(landmarks: Tensor) -> Tensor:
    eyes = [
        polygon(landmarks[:, constant((*upper, *lower[-2:0:-1]), landmarks)], CROP_SIZE // 2)
        for upper, lower in EYES
    ]
    return F.interpolate(torch.maximum(*eyes), scale_factor=2.0)


def _darken(crops: Tensor, mouth: Tensor, closing: Tensor) -> Tensor:
    """Teeth squeezed between closing lips would leave a white seam; real closed lips a dark one."""
    dark = (crops + 1) * 0.3 - 1
    return torch.lerp(crops, dark, mouth * closing.view(-1, 1, 1, 1))
