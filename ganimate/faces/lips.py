"""Lips that are asked to meet, and do: they slide over teeth, and do not squeeze them flat.

A flow is smooth; where lips close, what is above and what is below the line on which they meet come
from far apart. So what a flow leaves open is closed here: each lip is moved on by its share, and
the teeth between them are not moved at all, but covered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.faces.grid import Grid, mixed
from ganimate.faces.topology import INNER_LOWER_LIP, INNER_UPPER_LIP, OUTER_LIPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.faces.align import FaceFrame

# Lengths are shares of the face frame's side.
UPPER_SHARE = 0.6
"""How much of an opening the upper lip closes; the lower one does the rest, with the jaw."""
OVERLAP = 0.005
"""How far beyond its rim each lip closes: a little of the teeth always clings to the rims."""
ROLLS_OUT = (0.35, 0.2)
"""By how much of its height each lip, drawn thin as it parted, grows again as it closes."""
FAR = 0.03
"""The opening from which on it does so in full."""
SKIN = (0.07, 0.1)
"""How far above and below the lips nothing moves any more."""
BESIDE = 0.05
"""How far beyond the corners of the mouth."""
EDGE = 0.003
"""How soft the edge of a lip is, a pixel at least."""
GENTLE = 0.25
"""Of the opening, what must be asked to close until what the flow leaves open counts in full."""
SHOWS = (0.01, 0.02)
"""Openings from which on a mouth begins to show teeth of its own, and shows them."""
STRETCH = (1.5, 1.7)
"""How many times as far it may open until its teeth begin to give way to lent ones, and have."""
RIM = 0.01
"""How much of the lips stays the photo's around its teeth."""
ACROSS = 96
"""Points across a mouth at which shifts are worked out."""


class Lips:
    """The mouth of one face.

    Args:
        frame: where the face sits in its photo.
        landmarks: (478, 2), in pixels of the box of the face frame.
        grid: over that box, on which flows are.
    """

    def __init__(self, frame: FaceFrame, landmarks: NDArray[Any], grid: Grid) -> None:
        lips = (
            INNER_UPPER_LIP,
            INNER_LOWER_LIP,
            OUTER_LIPS[:11],
            OUTER_LIPS[:9:-1] + OUTER_LIPS[:1],
        )
        self._rims = np.stack([landmarks[list(rim)] for rim in lips])
        self._upper, self._lower = self._rims[:2]
        (cos, sin), self._side = frame.x_axis, frame.native_side
        self._axes = self._side * np.array([(cos, sin), (-sin, cos)])
        self._centre = (self._upper[0] + self._upper[-1]) / 2
        self._grid = grid

    def teeth(self, offsets: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Where on the grid a mouth that stands open in the photo goes on showing its own teeth,
        (h, w) in 0..1; None where it shows none, or too few for how far it opens.

        Args:
            offsets: the flow, (2, h, w) on the grid, in pixels.
        """
        import cv2

        before = [self._local(rim) for rim in (self._upper, self._lower)]
        after = [self._local(self._grid.follow(rim, offsets)) for rim in (self._upper, self._lower)]
        had, gap = (float((low - up)[:, 1].max()) for up, low in (before, after))
        share = min(1.0, (STRETCH[1] - gap / max(had, 1e-6)) / (STRETCH[1] - STRETCH[0]))
        share *= min(1.0, (had - SHOWS[0]) / (SHOWS[1] - SHOWS[0]))
        if had <= SHOWS[0] or share <= 0:
            return None
        upper, lower = after
        upper[1:-1, 1] -= RIM
        lower[1:-1, 1] += RIM
        rims = np.concatenate([upper, lower[::-1]]) @ self._axes + self._centre
        mask: Any = np.zeros(self._grid.points[::-1], np.float32)
        cv2.fillPoly(mask, [np.rint(16 * self._grid.at(rims)).astype(np.int32)], share, shift=4)
        soft = RIM / 2 * self._side / float(self._grid.step.max())
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.5, soft)), np.float32)

    def close(self, face: NDArray[np.uint8], offsets: NDArray[np.float32], stays: float) -> None:
        """Close the lips of the painted box as far as is asked, in place.

        Args:
            face: (h, w[, C]) uint8.
            offsets: the flow by which it was painted, (2, h, w) on the grid, in pixels.
            stays: the share of the photo's opening that is asked to stay, 0..1.
        """
        import cv2

        moved = self._grid.follow(self._rims.reshape(-1, 2), offsets)
        upper, lower, upper_edge, lower_edge = self._local(moved).reshape(4, -1, 2)
        had = (self._local(self._lower) - self._local(self._upper))[:, 1].clip(0)
        gap = lower[:, 1] - upper[:, 1]
        shift = (gap - stays * had).clip(0) * min(1.0, (1 - stays) / GENTLE)
        if shift.max() * self._side < 0.5:
            return
        shift[[0, -1]] = 0  # the corners
        top = np.stack([upper[:, 0], upper[:, 1] + UPPER_SHARE * shift], 1)
        bottom = np.stack([lower[:, 0], lower[:, 1] - (1 - UPPER_SHARE) * shift], 1)

        low = np.minimum(top.min(0), bottom.min(0)) - np.array((BESIDE, SKIN[0] + 0.08))
        high = np.maximum(top.max(0), bottom.max(0)) + np.array((BESIDE, SKIN[1] + 0.11))
        corners = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
        corners = corners @ self._axes + self._centre
        left, first = np.floor(corners.min(0)).astype(int).clip(0)
        right, last = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, face.shape[1::-1])
        if right - left < 2 or last - first < 2:
            return
        size = (int(right - left), int(last - first))
        small = (min(size[0], ACROSS), min(size[1], max(1, ACROSS * size[1] // size[0])))
        x, y = ((np.arange(n) + 0.5) * size[i] / n - 0.5 for i, n in enumerate(small))
        points = np.stack(np.meshgrid(x + left, y + first), -1)
        across, down = np.moveaxis(self._local(points), -1, 0)

        def along(rim: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
            order = np.argsort(rim[:, 0])
            return np.asarray(np.interp(across, rim[order, 0], values[order]))

        above, below = along(top, top[:, 1]) - down, down - along(bottom, bottom[:, 1])
        rolled = np.minimum(1, shift / FAR) * (1 - stays)
        moves = []
        for rim, edge, far, share, most, skin in (
            (upper, upper_edge, above, UPPER_SHARE, ROLLS_OUT[0], SKIN[0]),
            (lower, lower_edge, below, 1 - UPPER_SHARE, ROLLS_OUT[1], SKIN[1]),
        ):
            height = np.abs(edge - rim)[:, 1]
            grown = along(rim, 1 + most * rolled)
            height, clings = along(rim, height) * grown, along(rim, OVERLAP * rolled)
            full = share * along(rim, shift) + clings
            inside = np.clip(far, 0, height)
            moves.append((full - inside * (1 - 1 / grown)) * _fades(far - height, skin))
        moves[1] *= -1

        def whole(values: NDArray[Any]) -> Any:
            return cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)

        columns = np.arange(left, right, dtype=np.float32)
        rows = np.arange(first, last, dtype=np.float32)[:, None]
        lips = []
        for move in moves:
            dx, dy = (whole(move * axis) for axis in self._axes[1])
            lips.append(
                cv2.remap(
                    face, columns - dx, rows - dy, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
                )
            )
        part = face[first:last, left:right]
        soft = max(1.0, EDGE * self._side)
        # The upper lip lies on the lower one: on their line nothing from between them is seen.
        under = np.clip(1.5 + whole(below) * self._side / soft, 0, 1)
        over = np.clip(0.5 + whole(above) * self._side / soft, 0, 1)
        part[...] = mixed(mixed(part, lips[1], under), lips[0], over)

    def _local(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Pixels (..., 2) as places along the face's axes about the mouth's middle."""
        return np.asarray((points - self._centre) @ np.linalg.inv(self._axes), np.float64)


def _fades(distance: NDArray[np.float64], none: float) -> NDArray[np.float64]:
    """1 up to a distance of 0, 0 from another on, smoothly."""
    share = np.clip(1 - distance / none, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))
