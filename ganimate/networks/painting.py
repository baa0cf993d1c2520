"""What a generator gives, and what is made of it.

Result = A * warp(x, F) + (1 - A) * C; with F = 0 this is equation 1 of the paper
(Pumarola et al. 2018). F, the flow, is our addition: muscles move skin.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ganimate.networks.inlays import Laid
from ganimate.networks.warp import warp

ACTION_UNITS = 17


class Painting(NamedTuple):
    """What the generator gives for n crops of side S.

    Attributes:
        attention: A, (n, 1, S, S) in [0, 1]; 1 keeps the (moved) photo.
        colour: C, (n, 3, S, S) in [-1, 1].
        flow: F, (n, 2, S/2, S/2), offsets (x, y) in crop units; zeros where motion is off.
        laid: where a mouth is laid between lips, and lids over eyes, for training.
        place: (n, 2, S/4, S/4), where on the average face each point lies, as an offset in crop
            units, likewise.
    """

    attention: Tensor
    colour: Tensor
    flow: Tensor
    laid: Laid | None = None
    place: Tensor | None = None


def carry(crops: Tensor, painting: Painting) -> Tensor:
    """warp(x, F), the crops moved along the flow, as large as A and C are."""
    return warp(crops, painting.flow, painting.colour.shape[-1])


def compose(crops: Tensor, painting: Painting, moved: Tensor | None = None) -> Tensor:
    """A * warp(x, F) + (1 - A) * C, as large as A and C are.

    Args:
        crops: (n, 3, S, S) in [-1, 1].
        painting: what was painted for them.
        moved: what `carry` makes of them, where it is known already.
    """
    moved = carry(crops, painting) if moved is None else moved
    return torch.lerp(painting.colour, moved, painting.attention)
