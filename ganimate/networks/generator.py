"""The generator: from a face crop and action units to attention, colour and flow.

Two trunks share one interface. `encode` does what depends on the photo alone, once; `paint` does
what depends on the intensities, once a frame.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ganimate.networks.compact import CompactTrunk
from ganimate.networks.painting import Painting
from ganimate.networks.paper import PaperTrunk

TRUNKS = ("compact", "paper")
NORMS = ("instance", "fixed")


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
        lids: how many pairs of closed lids the compact trunk can lay over eyes; with them, it lays
            teeth between lips as well.
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
        lids: int = 0,
    ) -> None:
        super().__init__()
        if trunk not in TRUNKS:
            raise ValueError(f"trunk must be one of {', '.join(TRUNKS)}, not {trunk!r}")
        if norm not in NORMS:
            raise ValueError(f"norm must be one of {', '.join(NORMS)}, not {norm!r}")
        fits = size in range(32, 1025, 32) and 8 <= width <= 1024 and 1 <= blocks <= 64
        if not (fits and 4 <= fine <= 512 and lids in range(65)):
            raise ValueError(
                f"out of range: size {size}, width {width}, blocks {blocks}, fine {fine}, "
                f"lids {lids}"
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
            "lids": lids,
        }
        self.size = size
        self.body: CompactTrunk | PaperTrunk = (
            PaperTrunk(size, width, blocks, motion, norm, head_bias)
            if trunk == "paper"
            else CompactTrunk(size, width, blocks, motion, fine, lids)
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
