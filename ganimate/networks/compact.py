"""The compact trunk, which is shipped: about 1 GFLOP, for CPUs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganimate.networks.folds import UNSHADED, Folds, opacity
from ganimate.networks.inlays import Inlays
from ganimate.networks.light import contrast_of, full_shade
from ganimate.networks.painting import ACTION_UNITS, Painting
from ganimate.networks.pull import pulled
from ganimate.networks.warp import enlarge, warp


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
        self.place = nn.Conv2d(half, 2, 3, padding=1)
        self.folds = Folds(ACTION_UNITS)
        self.finer = nn.Conv2d(half, fine * 4, 3, padding=1)
        self.look = nn.Conv2d(3, look, 4, stride=2, padding=1)
        self.painter = nn.Conv2d(fine + look, fine, 3, padding=1)
        self.refine = nn.Conv2d(fine, fine, 3, padding=1)
        self.paints = nn.Conv2d(fine, 16, 3, padding=1)
        for head in (self.flow, self.place, self.paints):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]
        self.inlays = Inlays(lids, size, fine) if lids else None

    def encode(self, crops: Tensor) -> list[Tensor]:
        fine = F.leaky_relu(self.stem(crops), 0.1)
        encoded = [fine, self.down(fine) + self.position, contrast_of(crops)]
        return encoded if self.inlays is None else [*encoded, self.inlays.closed_eyes(crops)]

    def paint(
        self,
        encoded: list[Tensor],
        crops: Tensor,
        target: Tensor,
        current: Tensor,
        detail: int = 1,
    ) -> Painting:
        fine, coarse, contrast, *closed_eyes = encoded
        change = target - current
        gate = (1 - torch.exp(-12 * change.abs().amax(1))).view(-1, 1, 1, 1)
        condition = self.condition(torch.cat([target, change], 1))
        x = coarse
        for block in self.blocks:
            x = block(x, condition)
        x = F.pixel_shuffle(self.up(F.leaky_relu(x, 0.1)), 2) + fine
        x = F.leaky_relu(self.middle(x, condition), 0.1)
        flow = torch.einsum("nk,kchw->nchw", pulled(current, target, self.release), self.basis)
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
        # Where on an average face a point lies: what moved it is undone, the rest is this face's.
        place = F.avg_pool2d(flow, 2) + 0.1 * self.place(x)
        pull = pulled(current, target, UNSHADED * self.release)
        shade = self.folds(pull, place, contrast, moved)
        folds = full_shade(moved) * shade
        covered = 1 - attention * (1 - opacity(folds, shade, moved))
        paint = (1 - attention) * 2 * departure + folds
        attention, colour = 1 - covered, moved + paint / covered.clamp(min=1e-3)
        if self.inlays is None:
            return Painting(attention, colour.clamp(-1, 1), flow, place=place)
        size = crops.shape[-1] * detail
        laid, covers, colours = self.inlays(features, *closed_eyes, target, gate, size)
        if detail > 1:
            attention, colour = enlarge(attention, size).clamp(0, 1), enlarge(colour, size)
        colour = torch.lerp(colour.clamp(-1, 1), colours, covers)
        return Painting(attention * (1 - covers), colour, flow, laid, place)


def smooth(flow: Tensor) -> Tensor:
    """[1 2 1] / 4 along both sides: skin has no steps, and a shuffled head tends to make some."""
    # Means of two, twice: autocast would lower a convolution to bfloat16, too coarse for places.
    padded = F.pad(flow, (1, 1, 1, 1), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(padded, 2, 1), 2, 1)
