"""Open mouths, which are drawn, and lent to faces whose own are closed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.topology import INNER_LOWER_LIP, INNER_UPPER_LIP, OUTER_LIPS
from ganimate.facs import ActionUnits, parse_look
from ganimate.networks.constant import constant
from ganimate.networks.light import face
from ganimate.networks.mouth import COLUMNS, Mouth, but_corners
from ganimate.training.cutting import CENTRE, EXTENT, mean_shape
from ganimate.training.motion import Teacher
from ganimate.training.teeth import draw_behind, draw_rows

OPEN = (
    "6=0.7 12=1 25=0.8",
    "25=0.3",
    "surprise",
    "12=0.6 25=0.4",
    "laugh",
    "fear",
    "25=0.7",
    "12=0.9 25=0.4",
    "25=1 26=1",
    "happily-disgusted",
)
"""The mean of the lips of an average face that makes these is where places are given."""
RIM_OF_LIPS = [*INNER_UPPER_LIP, *INNER_LOWER_LIP[-2:0:-1]]
LIPS = [*OUTER_LIPS, *INNER_UPPER_LIP, *INNER_LOWER_LIP]
RIMS = torch.tensor([INNER_UPPER_LIP, INNER_LOWER_LIP])
LIPS_WIDTH = 50.0
"""Width of the inner lips there, in crop pixels."""
NOSE, MIDDLE, OUTER_EYES = 2, 13, (33, 263)
"""Landmarks below the nose, in the middle of the upper lip, and at the eyes' outer corners."""
EYES_APART = 90.0
"""Millimetres between the latter (Farkas 1994: 87 to 91)."""
DRAWN = 4
"""How much finer pictures are drawn than kept."""

LIGHTEST = 0.77
"""Of 1: how light the middle teeth of all pictures are."""
LIT, LIT_BY = 1.0, 0.65
"""How light teeth are at most in a face whose lightest skin is 1 of 1, and the power of that skin's
light with which this falls: what regression finds in 1,922 training faces that smile, mouths
themselves left out. Where a flash whitens skin, lips still shade teeth."""
KNEE, WHITEST = 0.75, 0.95
"""Of 1: from where on light teeth are held back, and what they never reach."""


class Mouths(NamedTuple):
    """Open mouths.

    Attributes:
        inside: what is between lips.
        lips: (42, 2), crop pixels, where `LIPS` are in a crop whose middle is the picture on which
            places are given.
    """

    inside: Mouth
    lips: Tensor


def make_mouths(teacher: Teacher) -> Mouths:
    """Draw teeth, and take the measure of an average face's lips, on the teachers' device."""
    device, teacher = teacher.rest.device, teacher.to(torch.device("cpu"))
    lips = _open_lips(teacher)
    inside = Mouth()
    for ours, drawn in ((inside.rows, draw_rows(DRAWN)), (inside.behind, draw_behind(DRAWN))):
        ours.copy_(F.avg_pool2d(LIGHTEST * drawn, DRAWN))
    rest, moves = teacher.rest, teacher.directions
    scale = EYES_APART / (rest[OUTER_EYES[1]] - rest[OUTER_EYES[0]]).norm()
    inside.rest.copy_(scale * (rest[RIMS] - rest[MIDDLE]))
    inside.moves.copy_(scale * moves[:, RIMS])
    inside.moves[..., 1] -= scale * moves[:, NOSE, 1].view(-1, 1, 1)
    upper, lower = (lips[RIMS] - CENTRE).unbind(0)
    inside.along.copy_(_along(upper[:, 0]))
    top, apart = upper[:, 1], but_corners((lower - upper)[:, 1])
    top, apart = (each @ inside.along / EXTENT[1] for each in (top, apart))
    inside.lips.copy_(torch.stack([top, 1 / apart]))
    return Mouths(inside.to(device), lips[LIPS].to(device))


def _open_lips(teacher: Teacher) -> Tensor:
    """The mean of an average face's lips that are open as in the looks, (478, 2) crop pixels."""
    asked = np.stack([parse_look(look, ActionUnits(), base="neutral").vector for look in OPEN])
    targets = torch.from_numpy(asked)
    rest = teacher.rest.expand(len(OPEN), -1, -1)
    faces = teacher.move(rest, torch.zeros_like(targets), targets)
    rims = faces[:, RIM_OF_LIPS]
    width = rims[..., 0].amax(1) - rims[..., 0].amin(1)
    shapes = (faces - rims.mean(1, keepdim=True)) / width.view(-1, 1, 1)
    return mean_shape(shapes) * LIPS_WIDTH + CENTRE


def _along(points: Tensor) -> Tensor:
    """What points (p,) across a picture count for in each of its columns when values are
    interpolated between them, and go on beyond the last, (p, COLUMNS)."""
    columns = ((torch.arange(COLUMNS) + 0.5) * (2 / COLUMNS) - 1) * EXTENT[0]
    inside = columns.clamp(float(points[0]), float(points[-1]))
    each = np.eye(len(points))
    counts = torch.tensor(np.stack([np.interp(inside, points, one) for one in each]))
    slope = torch.tensor(each[:, -1] - each[:, 0])[:, None] / (points[-1] - points[0])
    return (counts + slope * (columns - inside)).float()


def lend_mouths(
    pictures: Tensor, places: Tensor, covers: Tensor, targets: Tensor, mouth: Mouth
) -> Tensor:
    """Pictures (n, 3, 128, 128) with mouths in their lower halves, in the light of the pictures.

    Args:
        pictures: in [-1, 1].
        places: of `Lenders.places`.
        covers: (n, 1, 128, 128) in 0..1, where mouths are.
        targets: (n, 17), what the faces show.
        mouth: the teeth there are.
    """
    above, below = pictures.chunk(2, 2)
    light = LIT / LIGHTEST * _lightest(pictures) ** LIT_BY
    levels = mouth(places.chunk(2, 2)[1], targets, CROP_SIZE) * light.view(-1, 1, 1, 1)
    # No tooth is a lamp: lips shade it, even where a flash whitens skin.
    bright = KNEE + (WHITEST - KNEE) * torch.tanh((levels - KNEE) / (WHITEST - KNEE))
    lent = torch.where(levels > KNEE, bright, levels) * 2 - 1
    return torch.cat([above, torch.lerp(below, lent, covers.chunk(2, 2)[1])], 2)


def opening(landmarks: Tensor) -> Tensor:
    """How far the inner lips are apart at most, (n,) crop pixels."""
    upper, lower = (constant(rim, landmarks) for rim in (INNER_UPPER_LIP, INNER_LOWER_LIP))
    gaps = landmarks[:, lower] - landmarks[:, upper]
    return gaps.norm(dim=-1).amax(1)


def _lightest(crops: Tensor) -> Tensor:
    """How light the lightest skin is, (n,) in 0..1: teeth are about as light on any skin, and the
    lightest is less unlike than the whole from one person to another."""
    grey = face(crops).mean(1).flatten(1)
    return ((grey.quantile(0.95, dim=1) + 1) / 2).clamp(min=0.05)
