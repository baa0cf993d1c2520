"""The insides of open mouths: pictures that the network places between the lips it paints.

What a closed mouth hides is another mouth's in any case. A network that must paint it pixel by
pixel from losses of pixels makes a grey band of all the teeth it has seen; one that says *where*
each point of a given mouth lies paints them as sharp as that mouth is.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEIGHT, WIDTH = 48, 112
"""Texels of a mouth's picture."""


class Mouth(NamedTuple):
    """What is laid between the lips of n crops, and where.

    Attributes:
        place: (n, 2, S/2, S/2), the point (x, y) of the mouth's picture that shows; its corners
            are at -1 and 1.
        inside: (n, 1, S/2, S/2) in 0..1, where the mouth is open.
        choice: (n, k), logits of the mouths.
    """

    place: Tensor
    inside: Tensor
    choice: Tensor


class MouthPainter(nn.Module):
    """Chooses a mouth, and places it.

    Args:
        mouths: how many there are to choose from.
        size: side of the crop.
        channels: of the features at half size that `forward` is given.
        condition: length of the vector that stands for the intensities.
    """

    def __init__(self, mouths: int, size: int, channels: int, condition: int) -> None:
        super().__init__()
        self.pictures: Tensor
        self.register_buffer("pictures", torch.zeros(mouths, 3, HEIGHT, WIDTH))
        # The places on an average open mouth; the network adds what is this face's.
        self.start = nn.Parameter(torch.zeros(2, size // 2, size // 2))
        self.choose = nn.Linear(condition, mouths)
        self.head = nn.Conv2d(channels, 4, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        with torch.no_grad():
            self.head.bias[2] = -2.0  # type: ignore[index]

    def forward(self, features: Tensor, condition: Tensor, gate: Tensor) -> tuple[Mouth, Tensor]:
        """Where which mouth shows, and its colours, (n, 3, S, S) in [-1, 1].

        Args:
            features: (n, channels, S/2, S/2).
            condition: (n, condition).
            gate: (n, 1, 1, 1), 0 where nothing is asked.
        """
        place, inside, light = self.head(features).split([2, 1, 1], 1)
        inside = gate * torch.sigmoid(inside)
        mouth = Mouth(self.start + place, inside, self.choose(condition))
        colours = show(self.pictures, mouth.choice.softmax(1), mouth.place)
        return mouth, ((colours + 1) * torch.exp(double(light)) - 1).clamp(-1, 1)


def show(pictures: Tensor, shares: Tensor, place: Tensor) -> Tensor:
    """Mouths (k, 3, h, w) mixed by shares (n, k), at places (n, 2, S/2, S/2): (n, 3, S, S)."""
    mixed = torch.einsum("nk,kchw->nchw", shares, pictures)
    places = double(place).permute(0, 2, 3, 1)
    return F.grid_sample(mixed, places, padding_mode="border", align_corners=False)


def double(maps: Tensor) -> Tensor:
    """Twice the size."""
    return F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)
