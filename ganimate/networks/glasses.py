"""The glasses finder: from a face crop to where glasses are in it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Block(nn.Sequential):
    def __init__(self, before: int, after: int) -> None:
        super().__init__(
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        )


class GlassesFinder(nn.Module):
    """A small U-Net (Ronneberger et al. 2015) over the upper part of the crop, where glasses are.

    Args:
        widths: channels at full size, a half, a quarter ...
        size: side of the crop in pixels.
        rows: how many of its rows are looked at, from above; 2 ** (levels - 1) divides them.
    """

    def __init__(
        self, widths: tuple[int, ...] = (12, 24, 48, 64, 96), size: int = 128, rows: int = 80
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "widths": list(widths),
            "size": size,
            "rows": rows,
        }
        if rows > size or rows % 2 ** (len(widths) - 1):
            raise ValueError(f"{rows} rows of {size} cannot be halved {len(widths) - 1} times")
        self.size, self.rows = size, rows
        self.down = nn.ModuleList(
            _Block(before, after) for before, after in zip((3, *widths), widths, strict=False)
        )
        self.up = nn.ModuleList(
            _Block(widths[level] + widths[level + 1], widths[level])
            for level in reversed(range(len(widths) - 1))
        )
        self.where = nn.Conv2d(widths[0], 1, 1)

    def forward(self, crops: Tensor) -> Tensor:
        """Whether each pixel is a rim, an arm, or a lens that hides the eye.

        Args:
            crops: (n, 3, S, S) in [-1, 1].

        Returns:
            Logits, (n, 1, S, S).
        """
        x = crops[:, :, : self.rows]
        seen = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            seen.append(x)
        x = seen.pop()
        for block in self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = block(torch.cat([x, seen.pop()], 1))
        # Below what is looked at there are none.
        return F.pad(self.where(x), (0, 0, 0, self.size - self.rows), value=-20.0)
