"""The inside of an open mouth: one row of teeth in the head, one in the jaw, and what is behind.

Lips part, widen and rise over teeth that do not. So each row is one picture, in millimetres, and is
laid where it stands: what an average face's lips do says how much of either they leave free.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganimate.networks.pull import tension
from ganimate.networks.warp import enlarge, show

RIM = 11
"""Landmarks along the inner rim of either lip, from corner to corner."""
REACH, LENGTH, BEYOND = 33.0, 12.4, 1.4
"""A row's picture reaches as many millimetres to either side of the midline, from the edges of the
middle teeth towards the gums, and away from them."""
ROW = (44, 208)
"""Height and width of that picture: four texels to a crop's pixel."""
FINER = 2
"""As many of them become one where a crop is laid at no more than twice its size."""
BACK = (24, 104)
"""Of the picture of what is behind the teeth: as wide, and from the upper lip to the lower."""
COLUMNS = 92
"""As many are told apart on the picture on which places are given."""

DISPLAY, MOST = 3.5, 9.8
"""Millimetres of the upper incisors that parted lips show at rest (Vig and Brundo 1978: 2 to 3.4),
and the most that a raised lip does: further up are gums."""
BARED, LOWERED, ROOM = 1.0, 3.0, 1 / 3
"""Millimetres of the lower incisors that a dropped jaw shows, how many more AU25 does, and the most
of what the upper ones leave: rows that nearly meet look clenched."""
ARC, SMILING = 2.0, 3.0
"""By how many millimetres teeth 30 mm from the midline stand higher, and by how many more where
AU12 is 1: the smile's arc."""
RAISED, DROPPED = (9.0, 4.0), (10.0, 13.0)
"""Millimetres that lips go up, and down, as far as is asked, and the most that they go beyond."""
SHADE, FADES = 0.34, 1.6
"""How much light the upper lip takes from teeth, and within how many millimetres."""
TONGUE, WHOLE = 12.0, 18.0
"""From how far open on there is a tongue, and where all of it is there, millimetres."""
SHADED, PARTED = 0.35, 6.3
"""How light teeth still are between lips that hardly part, and by how many millimetres these must
part until nothing but the upper lip shades them."""

_AU12, _AU25 = 8, 14
"""Columns of these action units in targets."""


class Mouth(nn.Module):
    """Lays teeth between lips."""

    def __init__(self) -> None:
        super().__init__()
        # The upper row and the lower: colours, 0 to 1 or just above, multiplied by how far they
        # cover what is behind, which is last. Behind: without a tongue, and with one.
        self.rows: Tensor
        self.behind: Tensor
        self.register_buffer("rows", torch.zeros(2, 4, *ROW))
        self.register_buffer("behind", torch.zeros(2, 3, *BACK))
        # The inner rims of an average face's upper and lower lip, and how they move in relation to
        # the head with each action unit: (x, y) in millimetres, from the middle of the upper one.
        self.rest: Tensor
        self.moves: Tensor
        self.register_buffer("rest", torch.zeros(2, RIM, 2))
        self.register_buffer("moves", torch.zeros(17, 2, RIM, 2))
        # On the picture on which places are given: what each point of a rim counts for in each
        # column; where the upper rim is there, and by what distances from it become shares of the
        # way to the lower.
        self.along: Tensor
        self.lips: Tensor
        self.register_buffer("along", torch.zeros(RIM, COLUMNS))
        self.register_buffer("lips", torch.zeros(2, COLUMNS))

    def forward(self, place: Tensor, target: Tensor, width: int) -> Tensor:
        """What is between the lips, in the light that they let in, (n, 3, H, width), 0 to about 1.

        Args:
            place: (n, 2, h, w), which point (x, y) between -1 and 1 of the picture shows on whose
                lips `along` and `lips` are; w is half of the crop's side.
            target: (n, 17) intensities.
            width: w, doubled as often as you like.
        """
        upper, lower = self._rims(target).unbind(1)
        x, lip, below, down = self._inside(place, upper, lower)
        middle, floor = upper[:, RIM // 2, 1], lower[:, RIM // 2, 1]
        edge = (middle + MOST).clamp(max=DISPLAY)
        bared = torch.minimum(BARED + LOWERED * target[:, _AU25], ROOM * (floor - edge))
        arc = ARC + SMILING * target[:, _AU12]
        gap = floor - middle
        tongue = ((gap - TONGUE) / (WHOLE - TONGUE)).clamp(0, 1)
        closed = (self.rest[1] - self.rest[0])[RIM // 2, 1]
        opened = ((gap - closed) / PARTED).clamp(0, 1)
        let_in = SHADED + (1 - SHADED) * opened * opened * (3 - 2 * opened)
        edge, lower_edge, arc, tongue, let_in = (
            each.view(-1, 1, 1, 1) for each in (edge, floor - bared, arc, tongue, let_in)
        )
        y, rises = lip + below, arc * (x / 30).square()
        above_edge, below_edge = _on_row(edge - rises - y), _on_row(y - lower_edge + rises / 2)
        x = x / REACH
        n = x.shape[0]
        behind = torch.lerp(self.behind[0].expand(n, -1, -1, -1), self.behind[1], tongue)
        behind = show(behind, torch.cat([x, 2 * down - 1], 1))

        maps = enlarge(torch.cat([x, above_edge, below_edge, below, behind], 1), width)
        x, above_edge, below_edge, below, picture = maps.split([1, 1, 1, 1, 3], 1)
        rows = self.rows if width > 4 * place.shape[-1] else F.avg_pool2d(self.rows, FINER)
        in_head, in_jaw = (each.expand(n, -1, -1, -1) for each in rows)
        teeth = show(in_jaw, torch.cat([x, below_edge], 1))
        picture = picture * (1 - teeth[:, 3:]) + teeth[:, :3]
        teeth = show(in_head, torch.cat([x, above_edge], 1))
        light = 1 - SHADE * torch.exp(-below.clamp(min=0) / FADES)
        return let_in * (picture * (1 - teeth[:, 3:]) + teeth[:, :3] * light)

    def down(self, place: Tensor) -> Tensor:
        """Which share of the way from the upper lip to the lower points are, (n, 1, h, w).

        Args:
            place: (n, 2, h, w), as in `forward`.
        """
        lips = self.lips.expand(place.shape[0], -1, -1)
        top, share = _of_columns(lips, place).split(1, 1)
        return (place[:, 1:] - top) * share

    def _rims(self, target: Tensor) -> Tensor:
        """The rims of an average face that makes the expression, (n, 2, RIM, 2) millimetres."""
        # Written out: autocast would take products of matrices in bfloat16, too coarse for teeth.
        x, y = (tension(target).view(-1, 17, 1, 1, 1) * self.moves).sum(1).unbind(-1)
        return self.rest + torch.stack([x, _at_most(y, *DROPPED) - _at_most(-y, *RAISED)], -1)

    def _inside(self, place: Tensor, upper: Tensor, lower: Tensor) -> tuple[Tensor, ...]:
        """For each of the places x and the upper rim's y, how far below that it is, all in
        millimetres, and which share of the way to the lower rim that is; (n, 1, h, w) each."""
        own = torch.stack([*upper.unbind(-1), but_corners((lower - upper)[..., 1])], 1)
        own = (own.unsqueeze(-1) * self.along).sum(2)
        x, lip, apart = _of_columns(own, place).split(1, 1)
        down = self.down(place)
        return x, lip, down * apart, down


def _of_columns(values: Tensor, place: Tensor) -> Tensor:
    """What values (n, k, COLUMNS) are in the columns of places (n, 2, h, w), (n, k, h, w)."""
    across = place[:, :1]
    return show(values.unsqueeze(2), torch.cat([across, torch.zeros_like(across)], 1))


def but_corners(apart: Tensor) -> Tensor:
    """How far rims are apart, (..., RIM) millimetres, as if they did not meet at the corners: a
    place there says little of how far down it is."""
    return torch.maximum(apart, 0.4 * apart.amax(-1, keepdim=True)).clamp(min=1)


def _at_most(distance: Tensor, free: float, more: float) -> Tensor:
    """Distances, 0 where they are negative, that never reach `free + more`."""
    over = (distance - free).clamp(min=0)
    return distance.clamp(min=0) - over + more * (1 - torch.exp(-over / more))


def _on_row(height: Tensor) -> Tensor:
    """Where millimetres towards the gums are on a row's picture, -1 to 1."""
    return (height - (LENGTH - BEYOND) / 2) / ((LENGTH + BEYOND) / 2)
