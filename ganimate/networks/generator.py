"""The generator: from a face crop and action units to attention, colour and flow.

Result = A * warp(x, F) + (1 - A) * C; with F = 0 this is equation 1 of the paper
(Pumarola et al. 2018). F, the flow, is our addition: muscles move skin.

Two trunks share one interface. `encode` does what depends on the photo alone, once; `paint` does
what depends on the intensities, once a frame.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganimate.networks.inlays import Inlays, Laid, enlarge
from ganimate.networks.warp import warp

ACTION_UNITS = 17
TRUNKS = ("compact", "paper")
NORMS = ("instance", "fixed")


class Painting(NamedTuple):
    """What the generator gives for n crops of side S.

    Attributes:
        attention: A, (n, 1, S, S) in [0, 1]; 1 keeps the (moved) photo.
        colour: C, (n, 3, S, S) in [-1, 1].
        flow: F, (n, 2, S/2, S/2), offsets (x, y) in crop units; zeros where motion is off.
        laid: where a mouth is laid between lips, and lids over eyes, for training.
    """

    attention: Tensor
    colour: Tensor
    flow: Tensor
    laid: Laid | None = None


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


class Generator(nn.Module):
    """The one generator; the trunk is chosen by name.

    Args:
        trunk: ``compact`` (about 1 GFLOP, for CPUs) or ``paper`` (21 GFLOP).
        size: side of the crop in pixels, a multiple of 32.
        width: channels of the compact trunk at 1/8 size (even), or of the paper's first layer.
        blocks: residual blocks.
        fine: channels of the compact trunk's painter at half size; the paper's has none.
        motion: whether there is a flow; without it F = 0 and the paper's eq. 1 holds.
        norm: of the paper's trunk: ``instance``, or ``fixed`` where imported weights bring
            statistics of their own.
        head_bias: whether the paper's heads have a bias, as those of some imported weights.
        mouths, lids: how many insides of mouths the compact trunk can lay between lips, and how
            many pairs of closed lids over eyes; neither or both.
    """

    def __init__(
        self,
        trunk: str = "compact",
        size: int = 128,
        width: int = 96,
        blocks: int = 4,
        motion: bool = True,
        fine: int = 40,
        norm: str = "instance",
        head_bias: bool = False,
        mouths: int = 0,
        lids: int = 0,
    ) -> None:
        super().__init__()
        if trunk not in TRUNKS:
            raise ValueError(f"trunk must be one of {', '.join(TRUNKS)}, not {trunk!r}")
        if norm not in NORMS:
            raise ValueError(f"norm must be one of {', '.join(NORMS)}, not {norm!r}")
        fits = size in range(32, 1025, 32) and 8 <= width <= 1024 and 1 <= blocks <= 64
        inlays = mouths in range(65) and lids in range(65) and (mouths == 0) == (lids == 0)
        if not (fits and 4 <= fine <= 512 and inlays):
            raise ValueError(
                f"out of range: size {size}, width {width}, blocks {blocks}, fine {fine}, "
                f"mouths {mouths}, lids {lids}"
            )
        self.config: dict[str, Any] = {
            "trunk": trunk,
            "size": size,
            "width": width,
            "blocks": blocks,
            "motion": motion,
            "fine": fine,
            "norm": norm,
            "head_bias": head_bias,
            "mouths": mouths,
            "lids": lids,
        }
        self.size = size
        self.body: CompactTrunk | PaperTrunk = (
            PaperTrunk(size, width, blocks, motion, norm, head_bias)
            if trunk == "paper"
            else CompactTrunk(size, width, blocks, motion, fine, mouths, lids)
        )

    def encode(self, crops: Tensor) -> list[Tensor]:
        """What depends on the photo alone: (n, 3, S, S) in [-1, 1] -> feature maps."""
        return self.body.encode(crops)

    def paint(
        self,
        encoded: list[Tensor],
        crops: Tensor,
        target: Tensor,
        current: Tensor,
        detail: int = 1,
    ) -> Painting:
        """Paint encoded crops towards `target`; all arguments share the first dimension n.

        Args:
            encoded: from `encode`.
            crops: the same crops, (n, 3, S, S) in [-1, 1].
            target: (n, 17) intensities to show, 0..1.
            current: (n, 17) intensities the crops show now; the paper's trunk does not look.
            detail: A and C become this many times larger where there are pictures to lay, which
                hold more than a crop shows.
        """
        return self.body.paint(encoded, crops, target, current, detail)

    def forward(self, crops: Tensor, target: Tensor, current: Tensor) -> Painting:
        return self.paint(self.encode(crops), crops, target, current)


class _Conditioned(nn.Module):
    """A residual block whose features are scaled and shifted by the intensities (FiLM).

    Constant planes, as in the paper, are mostly cancelled by the normalisation that follows;
    scaling every block is a direct road for the condition (Perez et al. 2018). Without any
    normalisation absolute colours survive, which paint must match.
    """

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.film = nn.Linear(condition, 2 * width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        with torch.no_grad():
            self.second.weight.mul_(0.2)  # near identity: deep stacks start calm

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.film(condition)[:, :, None, None].chunk(2, 1)
        hidden = F.leaky_relu(self.first(x) * (1 + scale) + shift, 0.1)
        return x + self.second(hidden)


class CompactTrunk(nn.Module):
    """A small U-shaped trunk for CPUs; knows where it stands, sees (target, target - current).

    Features at 1/4 and 1/8 of the crop; a learned map of positions, since every crop shows a face
    in the same frame. The flow is made first; the painter then sees the moved photo, and paints a
    departure from it, so that training starts at the identity. Where nothing is asked
    (target = current) a gate holds flow and paint at exactly zero.
    """

    def __init__(
        self,
        size: int,
        width: int,
        blocks: int,
        motion: bool,
        fine: int,
        mouths: int,
        lids: int,
    ) -> None:
        super().__init__()
        half, look, condition = width // 2, 16, 64
        self.motion = motion
        self.condition = nn.Sequential(
            nn.Linear(2 * ACTION_UNITS, condition),
            nn.LeakyReLU(0.1),
            nn.Linear(condition, condition),
        )
        self.stem = nn.Conv2d(3, half, 8, stride=4, padding=2)
        self.down = nn.Conv2d(half, width, 3, stride=2, padding=1)
        # Uniform, not normal: where only shapes are wanted, torch would load its compiler for that.
        self.position = nn.Parameter(torch.empty(1, width, size // 8, size // 8))
        nn.init.uniform_(self.position, -0.035, 0.035)
        # The flow of each action unit on an average face; the network adds what is this face's.
        self.basis = nn.Parameter(torch.zeros(ACTION_UNITS, 2, size // 2, size // 2))
        # What of it is undone where an action unit lets go: photos show milder faces than can be
        # asked for, so less leads back from them.
        self.release = nn.Parameter(torch.ones(ACTION_UNITS))
        self.blocks = nn.ModuleList(_Conditioned(width, condition) for _ in range(blocks))
        self.up = nn.Conv2d(width, half * 4, 3, padding=1)
        self.middle = _Conditioned(half, condition)
        self.flow = nn.Conv2d(half, 8, 3, padding=1)
        self.finer = nn.Conv2d(half, fine * 4, 3, padding=1)
        self.look = nn.Conv2d(3, look, 4, stride=2, padding=1)
        self.painter = nn.Conv2d(fine + look, fine, 3, padding=1)
        self.refine = nn.Conv2d(fine, fine, 3, padding=1)
        self.paints = nn.Conv2d(fine, 16, 3, padding=1)
        for head in (self.flow, self.paints):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]
        self.inlays = Inlays(mouths, lids, size, fine) if mouths else None

    def encode(self, crops: Tensor) -> list[Tensor]:
        fine = F.leaky_relu(self.stem(crops), 0.1)
        return [fine, self.down(fine) + self.position]

    def paint(
        self,
        encoded: list[Tensor],
        crops: Tensor,
        target: Tensor,
        current: Tensor,
        detail: int = 1,
    ) -> Painting:
        fine, coarse = encoded
        change = target - current
        gate = (1 - torch.exp(-12 * change.abs().amax(1))).view(-1, 1, 1, 1)
        condition = self.condition(torch.cat([target, change], 1))
        x = coarse
        for block in self.blocks:
            x = block(x, condition)
        x = F.pixel_shuffle(self.up(F.leaky_relu(x, 0.1)), 2) + fine
        x = F.leaky_relu(self.middle(x, condition), 0.1)
        pull = change.clamp(min=0) + change.clamp(max=0) * self.release
        flow = torch.einsum("nk,kchw->nchw", pull, self.basis)
        flow = flow.to(crops.dtype) + F.pixel_shuffle(self.flow(x), 2) * (0.1 * gate)
        flow = smooth(flow) if self.motion else torch.zeros_like(flow)
        moved = warp(crops, flow)
        features = torch.cat([F.pixel_shuffle(self.finer(x), 2), self.look(moved)], 1)
        features = self.painter(F.leaky_relu(features, 0.1))
        features = F.leaky_relu(features + self.refine(F.leaky_relu(features, 0.1)), 0.1)
        paints = self.paints(features)
        attention, departure = F.pixel_shuffle(paints, 2).split([1, 3], 1)
        # Paint learns through 1 - A, so A starts at one half; the departure starts at nothing.
        attention = 1 - gate * torch.sigmoid(-attention)
        colour = moved + 2 * departure
        if self.inlays is None:
            return Painting(attention, colour.clamp(-1, 1), flow)
        size = crops.shape[-1] * detail
        laid, covers, colours = self.inlays(features, crops, target, gate, size)
        if detail > 1:
            attention, colour = enlarge(attention, size).clamp(0, 1), enlarge(colour, size)
        colour = torch.lerp(colour.clamp(-1, 1), colours, covers)
        return Painting(attention * (1 - covers), colour, flow, laid)


def smooth(flow: Tensor) -> Tensor:
    """[1 2 1] / 4 along both sides: skin has no steps, and a shuffled head tends to make some."""
    # Means of two, twice: autocast would lower a convolution to bfloat16, too coarse for places.
    padded = F.pad(flow, (1, 1, 1, 1), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(padded, 2, 1), 2, 1)


class PaperTrunk(nn.Module):
    """The paper's network (8.47 M parameters with motion off), with a flow head beside it.

    The intensities enter as constant planes through the 7 x 7 stem. A convolution is linear, so
    the photo's part is computed once in `encode` and the planes' part is 17 fixed maps.
    """

    def __init__(
        self, size: int, width: int, blocks: int, motion: bool, norm: str, head_bias: bool
    ) -> None:
        super().__init__()
        self.size, self.motion = size, motion
        self.stem = nn.Conv2d(3 + ACTION_UNITS, width, 7, padding=3, bias=False)
        layers: list[nn.Module] = [_norm(norm, width), nn.ReLU()]
        for scale in (1, 2):
            layers += [
                nn.Conv2d(width * scale, width * scale * 2, 4, stride=2, padding=1, bias=False),
                _norm(norm, width * scale * 2),
                nn.ReLU(),
            ]
        layers += [_PaperBlock(width * 4, norm) for _ in range(blocks)]
        layers += self._rise(width * 4, norm)
        self.trunk = nn.Sequential(*layers)
        self.last = nn.Sequential(*self._rise(width * 2, norm))
        self.attention = nn.Conv2d(width, 1, 7, padding=3, bias=head_bias)
        self.colour = nn.Conv2d(width, 3, 7, padding=3, bias=head_bias)
        if motion:
            self.flow = nn.Conv2d(width * 2, 2, 3, padding=1)
            nn.init.zeros_(self.flow.weight)
            nn.init.zeros_(self.flow.bias)  # type: ignore[arg-type]
        self._maps: tuple[int, Tensor] | None = None

    @staticmethod
    def _rise(width: int, norm: str) -> list[nn.Module]:
        return [
            nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=False),
            _norm(norm, width // 2),
            nn.ReLU(),
        ]

    def encode(self, crops: Tensor) -> list[Tensor]:
        return [F.conv2d(crops, self.stem.weight[:, :3], padding=3)]

    def _planes(self, target: Tensor) -> Tensor:
        weight = self.stem.weight[:, 3:]
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            planes = target[:, :, None, None].expand(-1, -1, self.size, self.size)
            return F.conv2d(planes, weight, padding=3)
        version = weight._version
        if self._maps is None or self._maps[0] != version:
            ones = weight.new_ones(ACTION_UNITS, 1, self.size, self.size)
            maps = F.conv2d(
                ones.view(1, ACTION_UNITS, self.size, self.size),
                weight.transpose(0, 1).reshape(-1, 1, 7, 7),
                padding=3,
                groups=ACTION_UNITS,
            )
            self._maps = (version, maps.view(ACTION_UNITS, -1))
        flat = target @ self._maps[1]
        return flat.view(len(target), -1, self.size, self.size)

    def paint(
        self,
        encoded: list[Tensor],
        crops: Tensor,
        target: Tensor,
        current: Tensor,
        detail: int = 1,
    ) -> Painting:
        half = self.trunk(encoded[0] + self._planes(target))
        full = self.last(half)
        if self.motion:
            flow = 0.1 * self.flow(half).to(crops.dtype)
        else:
            flow = crops.new_zeros(len(half), 2, self.size // 2, self.size // 2)
        attention, colour = self.attention(full), self.colour(full)
        return Painting(attention.to(crops.dtype).sigmoid(), colour.to(crops.dtype).tanh(), flow)


class _PaperBlock(nn.Module):
    def __init__(self, width: int, norm: str) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            _norm(norm, width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            _norm(norm, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.body(x)
        return result


class _Fixed(nn.Module):
    """A norm by statistics that no longer change: one gain and one shift a channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.bias[:, None, None], x, self.weight[:, None, None])


def _norm(norm: str, width: int) -> nn.Module:
    return nn.InstanceNorm2d(width, affine=True) if norm == "instance" else _Fixed(width)
