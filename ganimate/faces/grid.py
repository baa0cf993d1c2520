"""A coarse grid over a box of pixels: flows and masks are smooth, and are worked out there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Grid:
    """Points spread evenly over a box, as OpenCV enlarges pictures.

    Attributes:
        box: columns and rows of pixels.
        points: columns and rows of points, no more than that.
    """

    box: tuple[int, int]
    points: tuple[int, int]

    @cached_property
    def step(self) -> NDArray[np.float64]:
        """Pixels from one point to the next, (x, y)."""
        return np.divide(self.box, self.points)

    def at(self, pixels: NDArray[Any]) -> NDArray[np.float64]:
        """Pixels (..., 2) of the box in points of the grid."""
        return np.asarray((pixels + 0.5) / self.step - 0.5, np.float64)

    def window(self, corners: NDArray[Any]) -> tuple[slice, slice]:
        """Rows and columns of the points between pixels (n, 2) of the box; at least none."""
        at = self.at(corners)
        left, first = np.clip(np.floor(at.min(0)).astype(int), 0, self.points)
        right, last = np.clip(np.ceil(at.max(0)).astype(int) + 1, (left, first), self.points)
        return slice(first, last), slice(left, right)

    def pixels(self, rows: slice, columns: slice) -> NDArray[np.float64]:
        """Points of the grid, (h, w, 2), as pixels of the box."""
        x, y = np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop)
        return np.asarray((np.stack(np.meshgrid(x, y), -1) + 0.5) * self.step - 0.5, np.float64)

    def follow(self, pixels: NDArray[Any], offsets: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where a flow takes pixels (n, 2) of the box.

        Args:
            offsets: the flow, (2, h, w) on the grid: how far away, in pixels, each is taken from.
        """
        moved = np.asarray(pixels, np.float32)
        # It says where pixels come from; by fixed points, where they go. Where a flow squeezes, a
        # whole step would swing to and fro.
        for _ in range(12):
            come = self.come(moved, offsets)
            moved = (moved + 0.6 * (pixels - come - moved)).astype(np.float32)
        return moved

    def come(self, pixels: NDArray[Any], offsets: NDArray[np.float32]) -> NDArray[np.float32]:
        """How far away a flow takes what comes to pixels (n, 2) or (n, k, 2) of the box from, the
        same shape."""
        import cv2

        at = self.at(pixels).astype(np.float32).reshape(len(pixels), -1, 2)
        x, y, how = at[..., 0], at[..., 1], cv2.INTER_LINEAR
        found = [cv2.remap(one, x, y, how, borderMode=cv2.BORDER_REPLICATE) for one in offsets]
        return np.asarray(np.stack(found, -1).reshape(np.shape(pixels)), np.float32)

    def part(
        self, picture: NDArray[np.float32], rows: slice, columns: slice
    ) -> NDArray[np.float32]:
        """A picture on the grid (h, w) for every pixel of some rows and columns of the box."""
        import cv2

        first = self.at(np.array((columns.start, rows.start)))
        matrix = np.column_stack([np.diag(1 / self.step), first])
        size = (columns.stop - columns.start, rows.stop - rows.start)
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(picture, matrix, size, flags=how), np.float32)


def corners(low: Sequence[float], high: Sequence[float]) -> NDArray[np.float64]:
    """Those of an upright rectangle, (4, 2)."""
    return np.array([low, (high[0], low[1]), high, (low[0], high[1])])


def smoothstep(share: Any) -> Any:
    """From 0 at 0 to 1 at 1 without a kink at either; beyond them it stays."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def mixed(one: Any, other: Any, share: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pictures (h, w[, C]) uint8 by the share (h, w) of the other, 0..1."""
    import cv2

    return np.asarray(cv2.blendLinear(one, other, 1 - share, share), np.uint8)
