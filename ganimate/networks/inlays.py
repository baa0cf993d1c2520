"""What a photo hides: the inside of a mouth and closed lids, as pictures that the network places.

What closed lips and open eyes hide is not this face's in any case. A network that must paint it
pixel by pixel from losses of pixels makes a grey band of all the teeth it has seen, and never quite
covers an iris; one that says *where* each point of a given picture lies paints them as sharp as
that picture is. Lids are kept as light and dark alone, and take the colours of the skin around, of
the nearest above all.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganimate.networks.mouth import Mouth
from ganimate.networks.warp import enlarge, show

HEIGHT, WIDTH = 48, 184
"""Texels of a picture, two to a crop's pixel: of the lids of both eyes, in the crop's upper half,
or of a mouth, in its lower half."""
BRIGHTEST, EDGE = 0.15, 0.1
"""The logarithm of how much lighter teeth may be than their pictures, and how gently light gets
there: a mouth that is hardly open, of which a crop has three pixels, would be a white lamp."""
SEAM = 1.5
"""How much sooner a mouth shows where its lips meet than at its rims, a logit: it opens from there,
instead of appearing through them all at once."""
AROUND = 14
"""Points on the skin around each eye."""
TONE = 0.02
"""Squared distance within which two pairs of lids mix, of the logarithms of how light skin is."""
PATCH = 4
"""Pixels to the side of the squares over which skin is averaged: it has moles and noise."""
HAIR = 0.85
"""Whatever around an eye is darker than this share of the rest is a brow, and no skin."""


class Laid(NamedTuple):
    """What is laid over the photos of n faces, and where.

    Attributes:
        place: (n, 2, S/2, S/2), the point (x, y) that shows, of the lids' picture in the upper half
            and of the mouth's in the lower; its corners are at -1 and 1.
        mouth: (n, 1, S/2, S/2) in 0..1, where a mouth's inside shows.
        lids: (n, 1, S/2, S/2) in 0..1, where lids show that come down.
    """

    place: Tensor
    mouth: Tensor
    lids: Tensor


class Inlays(nn.Module):
    """Places a mouth, and lids that are chosen by the skin.

    Args:
        lids: how many there are to choose from.
        size: side of the crop.
        channels: of the features at half size that `forward` is given.
    """

    def __init__(self, lids: int, size: int, channels: int) -> None:
        super().__init__()
        self.mouth = Mouth()
        self.lids: Tensor
        self.register_buffer("lids", torch.ones(lids, 1, HEIGHT, WIDTH))
        # How light the skin is that each pair of lids comes from; where skin is, around an average
        # face's right and left eye, with the crop's corners at -1 and 1; and how much each of these
        # places counts for the colour of each texel.
        self.tones: Tensor
        self.around: Tensor
        self.shares: Tensor
        self.register_buffer("tones", torch.zeros(lids))
        self.register_buffer("around", torch.zeros(2, AROUND, 2))
        self.register_buffer("shares", torch.full((2, AROUND, HEIGHT, WIDTH // 2), 1 / AROUND))
        # The places on an average face with open mouth and closed eyes; the network adds what is
        # this face's.
        self.start = nn.Parameter(torch.zeros(2, size // 2, size // 2))
        self.head = nn.Conv2d(channels, 5, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -1.0, -1.0]))  # type: ignore[union-attr]

    def closed_eyes(self, crops: Tensor) -> Tensor:
        """The lids that crops (n, 3, S, S) would have, (n, 3, HEIGHT, WIDTH) in [-1, 1] or a little
        beyond: a matter of the photo alone."""
        skin = skin_around(crops, self.around.expand(crops.shape[0], -1, -1, -1))
        lids = mix(self.lids, alike(tone(skin), self.tones)) * spread(skin, self.shares)
        return lids.to(crops.dtype) - 1

    def forward(
        self,
        features: Tensor,
        closed_eyes: Tensor,
        target: Tensor,
        gate: Tensor,
        size: int,
    ) -> tuple[Laid, Tensor, Tensor]:
        """What is laid where; how far it covers what is below, (n, 1, size, size) in 0..1; and its
        colours, (n, 3, size, size) in [-1, 1].

        Args:
            features: (n, channels, S/2, S/2).
            closed_eyes: of `closed_eyes`.
            target: (n, 17) intensities.
            gate: (n, 1, 1, 1), 0 where nothing is asked.
            size: S, or more where the pictures are to be shown larger than crops are.
        """
        maps = self.head(features).to(closed_eyes.dtype).contiguous()
        place, light, covers = maps.split([2, 1, 2], 1)
        # Twice as steep as usual: what is covered half shows both an eye and a lid.
        laid = Laid(self.start + place, *(gate * torch.sigmoid(2 * covers)).chunk(2, 1))
        above, below = laid.place.chunk(2, 2)
        lids = show(closed_eyes, enlarge(above, size))
        # Only mouths have a light of their own: lids have that of the skin around.
        light = light.chunk(2, 2)[1]
        light = BRIGHTEST - EDGE * F.softplus((BRIGHTEST - light) / EDGE)
        mouth = 2 * torch.exp(enlarge(light, size)) * self.mouth(below, target, size) - 1
        # Covers are enlarged before they become steep, and are the steeper the larger: an edge
        # between lip and tooth stays one.
        steep = size / features.shape[-1]
        of_lids, of_mouth = covers[:, 1:].chunk(2, 2)[0], covers[:, :1].chunk(2, 2)[1]
        from_seam = (2 * self.mouth.down(below) - 1).square().clamp(max=1)
        of_mouth = of_mouth + SEAM * (0.5 - from_seam)
        edges = steep * enlarge(torch.cat([of_lids, of_mouth], 2), size)
        return laid, gate * torch.sigmoid(edges), torch.cat([lids, mouth], 2).clamp(-1, 1)


def skin_around(crops: Tensor, places: Tensor) -> Tensor:
    """The colours of skin around both eyes, (n, 3, 2, k), 0 to 2.

    Args:
        crops: (n, 3, S, S) in [-1, 1].
        places: (n, 2, k, 2), around the right eye and the left; the crop's corners are at -1 and 1.
    """
    skin = F.grid_sample(F.avg_pool2d(crops, PATCH), places, align_corners=False) + 1
    light = skin.mean(1, keepdim=True).clamp(min=0.05)
    return skin * (HAIR * light.mean(3, keepdim=True) / light).clamp(min=1)


def spread(skin: Tensor, shares: Tensor) -> Tensor:
    """The colour that skin of colours (n, c, 2, k) around has in each texel, (n, c, HEIGHT, WIDTH).

    Args:
        skin: around the right eye, which is in a picture's left half, and the left.
        shares: (2, k, HEIGHT, WIDTH / 2).
    """
    right, left = torch.einsum("ncsk,skhw->snchw", skin, shares)
    return torch.cat([right, left], 3)


def tone(skin: Tensor) -> Tensor:
    """How light skin of colours (n, 3, 2, k) is: a logarithm, (n,)."""
    return skin.mean((1, 2, 3)).clamp(min=0.05).log()


def alike(tones: Tensor, others: Tensor) -> Tensor:
    """Shares (n, k) of lids, from skins (k,) like these (n,)."""
    return (-(tones[:, None] - others).square() / TONE).softmax(1)


def mix(pictures: Tensor, shares: Tensor) -> Tensor:
    """Pictures (k, c, h, w) by shares (n, k): (n, c, h, w)."""
    return torch.einsum("nk,kchw->nchw", shares, pictures)
