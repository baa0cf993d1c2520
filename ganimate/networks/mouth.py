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
RIM = 20
"""Landmarks around the inner lips."""
LIKENESS = 0.002
"""Squared distance of outlines within which two mouths mix: in a film one fades into the next."""


class Laid(NamedTuple):
    """What is laid over the photos of n faces, and where.

    Attributes:
        place: (n, 2, S/2, S/2), the point (x, y) of the mouth's picture that shows; its corners
            are at -1 and 1.
        mouth: (n, 1, S/2, S/2) in 0..1, where the mouth's picture shows.
        eyes: (n, 1, S/2, S/2) in 0..1, where lids come down, or eyes open, and nothing of the
            photo may shine through.
    """

    place: Tensor
    mouth: Tensor
    eyes: Tensor


class MouthPainter(nn.Module):
    """Chooses a mouth by the target, and places it.

    Args:
        mouths: how many there are to choose from.
        size: side of the crop.
        channels: of the features at half size that `forward` is given.
    """

    def __init__(self, mouths: int, size: int, channels: int) -> None:
        super().__init__()
        self.pictures: Tensor
        self.register_buffer("pictures", torch.zeros(mouths, 3, HEIGHT, WIDTH))
        # Rims of inner lips, (x, y) each: of the mouths; of an average face, and how its own move
        # with each action unit.
        self.shapes: Tensor
        self.rest: Tensor
        self.moves: Tensor
        self.register_buffer("shapes", torch.zeros(mouths, RIM, 2))
        self.register_buffer("rest", torch.zeros(RIM, 2))
        self.register_buffer("moves", torch.zeros(17, RIM, 2))
        # The places on an average open mouth; the network adds what is this face's.
        self.start = nn.Parameter(torch.zeros(2, size // 2, size // 2))
        self.head = nn.Conv2d(channels, 5, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -2.0, -2.0]))  # type: ignore[union-attr]

    def forward(self, features: Tensor, target: Tensor, gate: Tensor) -> tuple[Laid, Tensor]:
        """What is laid where, and the mouths' colours, (n, 3, S, S) in [-1, 1].

        Args:
            features: (n, channels, S/2, S/2).
            target: (n, 17) intensities.
            gate: (n, 1, 1, 1), 0 where nothing is asked.
        """
        place, light, covers = self.head(features).split([2, 1, 2], 1)
        mouth, eyes = (gate * torch.sigmoid(covers)).chunk(2, 1)
        laid = Laid(self.start + place, mouth, eyes)
        lips = self.rest + torch.einsum("nk,kpc->npc", target, self.moves)
        colours = show(self.pictures, choose(lips, self.shapes), laid.place)
        return laid, ((colours + 1) * torch.exp(double(light)) - 1).clamp(-1, 1)


def choose(lips: Tensor, shapes: Tensor) -> Tensor:
    """Shares (n, k) of mouths: all of the one whose rim (k, RIM, 2) is most alike, or nearly.

    Args:
        lips: (n, RIM, 2), an average face's when it makes the expression: it is the target alone
            that chooses, not this very face.
        shapes: (k, RIM, 2).
    """
    # Written out: ONNX has no cdist.
    square = (outline(lips).unsqueeze(1) - outline(shapes)).square().sum(-1)
    return (-square / LIKENESS).softmax(1)


def outline(rims: Tensor) -> Tensor:
    """The shape of rims (n, RIM, 2): centred, in units of their width; (n, 2 RIM)."""
    width = rims[..., 0].amax(1) - rims[..., 0].amin(1)
    centred = rims - rims.mean(1, keepdim=True)
    return (centred / width.clamp(min=1).view(-1, 1, 1)).flatten(1)


def show(pictures: Tensor, shares: Tensor, place: Tensor) -> Tensor:
    """Mouths (k, 3, h, w) mixed by shares (n, k), at places (n, 2, S/2, S/2): (n, 3, S, S)."""
    mixed = torch.einsum("nk,kchw->nchw", shares, pictures)
    places = double(place).permute(0, 2, 3, 1)
    return F.grid_sample(mixed, places, padding_mode="border", align_corners=False)


def double(maps: Tensor) -> Tensor:
    """Twice the size."""
    return F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)
