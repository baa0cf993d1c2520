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

HEIGHT, WIDTH = 48, 184
"""Texels of a picture, two to a crop's pixel. A sheet has two: a mouth above, and the lids of both
eyes below."""
FINER = 2
"""How many times as fine mouths are kept: teeth have edges, and lids have none."""
RIM = 20
"""Landmarks around the inner lips: from corner to corner along the upper, and back."""
CORNERS, UPPER, LOWER = (0, 10), 5, 15
"""Which of them are at the corners, and in the middle of either lip."""
BRIGHTEST, EDGE = 0.15, 0.1
"""The logarithm of how much lighter teeth may be than their pictures, and how gently light gets
there: a mouth that is hardly open, of which a crop has three pixels, would be a white lamp."""
SHADED, PARTED = 0.35, 5.0
"""How light teeth still are between lips that hardly part, and by how many crop pixels an average
face's must part until nothing shades them but the upper lip in their pictures."""
HIGHER, FALLEN = 1.0, 4.0
"""The most, in crop pixels, that an upper lip is taken to stand higher than in a picture, as what
it uncovers are gums, or further down."""
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
        place: (n, 2, S/2, S/2), the point (x, y) of the sheet that shows; its corners are at -1
            and 1.
        mouth: (n, 1, S/2, S/2) in 0..1, where a mouth's inside shows.
        lids: (n, 1, S/2, S/2) in 0..1, where lids show that come down.
    """

    place: Tensor
    mouth: Tensor
    lids: Tensor


class Inlays(nn.Module):
    """Chooses a mouth by the target and lids by the skin, and places both.

    Args:
        mouths, lids: how many there are to choose from.
        size: side of the crop.
        channels: of the features at half size that `forward` is given.
    """

    def __init__(self, mouths: int, lids: int, size: int, channels: int) -> None:
        super().__init__()
        self.mouths: Tensor
        self.lids: Tensor
        self.register_buffer("mouths", torch.zeros(mouths, 3, FINER * HEIGHT, FINER * WIDTH))
        self.register_buffer("lids", torch.ones(lids, 1, HEIGHT, WIDTH))
        # Rims of inner lips, (x, y) each: of the mouths; of an average face, and how its own move
        # with each action unit. In a picture, how far down on the sheet the middles of both are.
        self.middle: Tensor
        self.register_buffer("middle", torch.tensor([-0.75, -0.25]))
        self.rims: Tensor
        self.rest: Tensor
        self.moves: Tensor
        self.register_buffer("rims", torch.zeros(mouths, RIM, 2))
        self.register_buffer("rest", torch.zeros(RIM, 2))
        self.register_buffer("moves", torch.zeros(17, RIM, 2))
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
        self, features: Tensor, closed_eyes: Tensor, target: Tensor, gate: Tensor, size: int
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
        lips = self.rest + torch.einsum("nk,kpc->npc", target, self.moves)
        chosen = choose(lips, self.rims)
        mouths = self.mouths[chosen]
        crop = 2 * self.start.shape[-1]
        if size > 2 * crop:
            closed_eyes = F.interpolate(closed_eyes, scale_factor=float(FINER), mode="bilinear")
        else:  # what is finer than what it is shown on would flicker
            mouths = F.avg_pool2d(mouths, FINER)
        sheet = torch.cat([mouths, closed_eyes], 2)
        mouth = laid.place[:, 1:] < 0
        teeth = steady(laid.place, lips, self.rims[chosen], self.middle)
        shown = torch.where(mouth, teeth, laid.place)
        # Only mouths have a light of their own: lids have that of the skin around.
        light = (BRIGHTEST - EDGE * F.softplus((BRIGHTEST - light) / EDGE)) * mouth
        # Covers are enlarged before they become steep, and are the steeper the larger: an edge
        # between lip and tooth stays one.
        steep = 2 * size / crop
        open_mouth, open_lids = (1 - gate * torch.sigmoid(steep * enlarge(covers, size))).chunk(
            2, 1
        )
        light = light + shade(lips, self.rest).log() * mouth
        colours = (show(sheet, shown, size) + 1) * torch.exp(enlarge(light, size)) - 1
        return laid, 1 - open_mouth * open_lids, colours.clamp(-1, 1)


def choose(lips: Tensor, rims: Tensor) -> Tensor:
    """Which mouth's rim (k, RIM, 2) is most alike, (n,).

    Args:
        lips: (n, RIM, 2), an average face's when it makes the expression: it is the target alone
            that chooses, not this very face.
        rims: (k, RIM, 2).
    """
    # Written out: ONNX has no cdist.
    return (outline(lips).unsqueeze(1) - outline(rims)).square().sum(-1).argmin(1)


def steady(place: Tensor, lips: Tensor, rims: Tensor, middle: Tensor) -> Tensor:
    """Places on pictures that were drawn for other lips, so that teeth are no wider or longer.

    Lips part, widen and rise over teeth that do not: upper ones stay where they are in the head,
    and lower ones as far below the lower lip as they were.

    Args:
        place: (n, 2, h, w), of pictures that are stretched to the lips.
        lips: (n, RIM, 2), an average face's when it makes the expression.
        rims: (n, RIM, 2), those that the pictures were drawn for.
        middle: (2,), where the middles of upper and lower lip are on a picture.
    """

    def measured(rim: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        width = rim[:, CORNERS[1], 0] - rim[:, CORNERS[0], 0]
        upper, lower = rim[:, UPPER, 1], rim[:, LOWER, 1]
        every = width.clamp(min=1), upper, (lower - upper).clamp(min=1)
        return tuple(each.view(-1, 1, 1, 1) for each in every)  # type: ignore[return-value]

    (width, upper, gap), (drawn_width, drawn_upper, drawn_gap) = measured(lips), measured(rims)
    x, y = place.split(1, 1)
    down = (y - middle[0]) / (middle[1] - middle[0])
    below_upper = down * gap + (upper - drawn_upper).clamp(-HIGHER, FALLEN)
    above_lower = drawn_gap - (1 - down) * gap
    # Upper teeth are longer: they have the upper half, lower ones the last tenth.
    share = ((down - 0.5) / 0.4).clamp(0, 1)
    there = torch.lerp(below_upper, above_lower, share) / drawn_gap
    there = (middle[0] + there * (middle[1] - middle[0])).clamp(-1, 0)
    return torch.cat([x * width / drawn_width, there], 1)


def shade(lips: Tensor, rest: Tensor) -> Tensor:
    """How much light gets to the teeth between lips (n, RIM, 2) that are (RIM, 2) at rest,
    (n, 1, 1, 1) in 0..1."""
    gap, closed = (each[..., LOWER, 1] - each[..., UPPER, 1] for each in (lips, rest))
    share = ((gap - closed) / PARTED).clamp(0, 1)
    return (SHADED + (1 - SHADED) * share * share * (3 - 2 * share)).view(-1, 1, 1, 1)


def outline(rims: Tensor) -> Tensor:
    """The shape of rims (n, RIM, 2): centred, in units of their width; (n, 2 RIM)."""
    width = rims[..., 0].amax(1) - rims[..., 0].amin(1)
    centred = rims - rims.mean(1, keepdim=True)
    return (centred / width.clamp(min=1).view(-1, 1, 1)).flatten(1)


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


def show(sheet: Tensor, place: Tensor, size: int) -> Tensor:
    """The sheet's (n, 3, h, w) points at places (n, 2, S/2, S/2): (n, 3, size, size)."""
    places = enlarge(place, size).permute(0, 2, 3, 1)
    return F.grid_sample(sheet, places, padding_mode="border", align_corners=False)


def enlarge(maps: Tensor, size: int) -> Tensor:
    """To (n, c, size, size), doubled until it is so large: that cuts corners as Chaikin (1974)
    does, where one bilinear step to `size` would leave the kinks of the small maps in curves."""
    while maps.shape[-1] < size:
        maps = F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)
    return maps
