"""Open mouths, as pictures of their insides that fit any lips."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.topology import INNER_LOWER_LIP, INNER_UPPER_LIP, OUTER_LIPS
from ganimate.facs import ActionUnits, parse_look
from ganimate.networks.inlays import FINER, choose, shade, show, steady
from ganimate.training.cutting import CENTRE, EXTENT, mean_shape, texels
from ganimate.training.light import face
from ganimate.training.motion import Teacher
from ganimate.training.muscles import AU12, AU25
from ganimate.training.teeth import Shown, draw

LOOKS = (
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
"""What the faces show whose mouths are drawn, the most wanted first."""
RIM_OF_LIPS = [*INNER_UPPER_LIP, *INNER_LOWER_LIP[-2:0:-1]]
LIPS = [*OUTER_LIPS, *INNER_UPPER_LIP, *INNER_LOWER_LIP]
LIPS_WIDTH = 50.0
"""Width of the inner lips in a mouth's picture, in crop pixels."""
NOSE, MIDDLE, OUTER_EYES = 2, (13, 14), (33, 263)
"""Landmarks below the nose, in the middle of the inner lips, and at the eyes' outer corners."""
EYES_APART = 90.0
"""Millimetres between the latter (Farkas 1994: 87 to 91)."""
DISPLAY, MOST = 3.5, 9.8
"""Millimetres of the upper incisors that parted lips show at rest (Vig and Brundo 1978: 2 to 3.4),
and the most that a raised lip does."""
DRAWN = 2
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
        pictures: of their insides, (k, 3, FINER HEIGHT, FINER WIDTH) in [-1, 1].
        lips: (42, 2), crop pixels, where lips are in a crop whose middle the pictures fill.
        rims: (k, 20, 2), the rims of their inner lips.
    """

    pictures: Tensor
    lips: Tensor
    rims: Tensor

    @property
    def middle(self) -> Tensor:
        """Where the middles of upper and lower lip are on a sheet whose upper half is a mouth and
        whose edges are at -1 and 1, (2,)."""
        return (self.lips[[LIPS.index(each) for each in MIDDLE], 1] - CENTRE) / EXTENT[1] - 0.5


def make_mouths(teacher: Teacher, count: int) -> Mouths:
    """Draw the mouths of an average face that makes each of the `LOOKS`, or the first of them, each
    reshaped to the mean of all their lips."""
    device, teacher = teacher.rest.device, teacher.to(torch.device("cpu"))
    looks = [LOOKS[number % len(LOOKS)] for number in range(count)]
    asked = np.stack([parse_look(look, ActionUnits(), base="neutral").vector for look in looks])
    targets = torch.from_numpy(asked)
    rest = teacher.rest.expand(count, -1, -1)
    faces = teacher.move(rest, torch.zeros_like(targets), targets)
    rims = faces[:, RIM_OF_LIPS]
    width = rims[..., 0].amax(1) - rims[..., 0].amin(1)
    shapes = (faces - rims.mean(1, keepdim=True)) / width.view(-1, 1, 1)
    lips = mean_shape(shapes) * LIPS_WIDTH + CENTRE
    drawn = [
        _draw(face, lips, target, teacher) for face, target in zip(faces, targets, strict=True)
    ]
    pictures = F.avg_pool2d(LIGHTEST * torch.stack(drawn), DRAWN).clamp(0, 1) * 2 - 1
    made = pictures, lips[LIPS], average_lips(teacher, targets)
    return Mouths(*(each.to(device) for each in made))


def _draw(face: Tensor, lips: Tensor, target: Tensor, teacher: Teacher) -> Tensor:
    """The inside of a face's mouth, (3, h, w), in the shape of lips, (478, 2) both."""
    scale = EYES_APART / (face[OUTER_EYES[1]] - face[OUTER_EYES[0]]).norm()
    own, rest = (scale * (each - each[MIDDLE[0]]) for each in (face, teacher.rest))
    upper, lower = list(INNER_UPPER_LIP), list(INNER_LOWER_LIP)
    column, row = texels(lips.device, DRAWN * FINER).unbind(-1)

    def along(values: Tensor) -> Tensor:
        return _along(column, lips[upper, 0], values)

    # Heights go with how far the lips are apart, but for the corners, where they meet.
    apart, wanted = (_but_corners((each[lower] - each[upper])[:, 1]) for each in (own, lips))
    lip = along(own[upper, 1])
    y = lip + (row - along(lips[upper, 1])) * along(apart) / along(wanted)
    floor = max(1.0, float(own[MIDDLE[1], 1]))
    teeth = min(MOST, DISPLAY + float((own - rest)[NOSE, 1]), 0.9 * floor)
    # Rows that nearly meet would look clenched, where a mouth is not quite as open as this one.
    low = min(1 + 3 * float(target[AU25]), (floor - teeth) / 3)
    shown = Shown(upper=teeth, lower=low, arc=2 + 3 * float(target[AU12]))
    return draw(along(own[upper, 0]), y, lip, floor, shown)


def _but_corners(heights: Tensor) -> Tensor:
    return heights.clamp(min=max(1.0, 0.4 * float(heights.max())))


def _along(column: Tensor, columns: Tensor, values: Tensor) -> Tensor:
    """Values at `columns` (p,), interpolated at others (h, w), and on beyond the last."""
    slope = (values[-1] - values[0]) / (columns[-1] - columns[0])
    inside = column.clamp(float(columns[0]), float(columns[-1]))
    found = torch.from_numpy(np.interp(inside, columns, values)).to(column)
    return found + slope * (column - inside)


def average_lips(teacher: Teacher, targets: Tensor) -> Tensor:
    """The rims of an average face's inner lips with these intensities (n, 17), (n, 20, 2)."""
    moves = teacher.directions[:, RIM_OF_LIPS]
    return teacher.rest[RIM_OF_LIPS] + torch.einsum("nk,kpc->npc", targets, moves)


def lend_mouths(
    pictures: Tensor, places: Tensor, lips: Tensor, rest: Tensor, mouths: Mouths
) -> Tensor:
    """The mouths that fit, at their places, in the light of the pictures.

    Args:
        pictures: (n, 3, 128, 128).
        places: (n, 2, 64, 64), on a sheet whose upper half is the mouth.
        lips: of `average_lips`.
        rest: (20, 2), the same with nothing asked.
        mouths: those there are.
    """
    chosen = choose(lips, mouths.rims)
    fitting = F.avg_pool2d(mouths.pictures[chosen], FINER)
    places = steady(places, lips, mouths.rims[chosen], mouths.middle)
    between = show(torch.cat([fitting, fitting], 2), places, CROP_SIZE)
    light = LIT / LIGHTEST * _lightest(pictures) ** LIT_BY
    levels = (between + 1) / 2 * light.view(-1, 1, 1, 1) * shade(lips, rest)
    # No tooth is a lamp: lips shade it, even where a flash whitens skin.
    bright = KNEE + (WHITEST - KNEE) * torch.tanh((levels - KNEE) / (WHITEST - KNEE))
    return torch.where(levels > KNEE, bright, levels) * 2 - 1


def opening(landmarks: Tensor) -> Tensor:
    """How far the inner lips are apart at most, (n,) crop pixels."""
    gaps = landmarks[:, list(INNER_LOWER_LIP)] - landmarks[:, list(INNER_UPPER_LIP)]
    return gaps.norm(dim=-1).amax(1)


def _lightest(crops: Tensor) -> Tensor:
    """How light the lightest skin is, (n,) in 0..1: teeth are about as light on any skin, and the
    lightest is less unlike than the whole from one person to another."""
    grey = face(crops).mean(1).flatten(1)
    return ((grey.quantile(0.95, dim=1) + 1) / 2).clamp(min=0.05)
