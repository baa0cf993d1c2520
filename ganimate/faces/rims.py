"""The rims of a mouth's lips, and where a flow takes them: each lip stays one, however it folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.faces.grid import Grid, corners, smoothstep
from ganimate.faces.topology import INNER_LOWER_LIP, INNER_UPPER_LIP, NOSE_WINGS, OUTER_LIPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.faces.align import FaceFrame

INNER, OUTER = (0, 1), (2, 3)
"""Rows of the upper and the lower lip's inner and outer rim."""
DOWN = (-1, 1)
"""Which way lies the outer rim of each, down the face."""
SKIN = ((0.05, 0.12), (0.1, 0.1))
"""How far above the upper lip, where the nose begins, and below the lower one nothing moves any
more: the least and the most, as shares of the face frame's side."""
STEEPEST = 1.7
"""And how many times as far as they do: skin is stretched by no more than it can be."""
AROUND = 0.15
"""How far above and below the lips a flow can take them."""
POINTS, ROUNDS = 96, 3
"""Points on the lines on which a rim is sought, and how often it is."""
CORNERS = 0.25
"""The share of a mouth's width at each end along which lips are laid anew less and less."""
BEYOND = 0.15
"""By how much of the photo's opening lips may part further until teeth are stretched with them."""
SOFT = 0.004
"""How softly what moves with a lip ends at what does not, a point of the grid at least."""
FILLED = 0.004
"""What a lip must lack until all of it is laid anew."""


class Rims:
    """Those of one mouth. Places are shares of the face frame's side along the face's axes, about
    the middle between the corners of the mouth; rims are (4, 11, 2): the inner upper, the inner
    lower, the outer upper and the outer lower one, from the picture's left.

    Args:
        frame: where the face sits in its photo.
        landmarks: (478, 2), in pixels of the box of the face frame.
        grid: over that box, on which flows are.

    Attributes:
        own: the rims in the photo.
        had: (11,), how far down the lower inner rim lies from the upper one.
        side: that of the face frame, in pixels.
        down: one side down the face, in pixels.
    """

    def __init__(self, frame: FaceFrame, landmarks: NDArray[Any], grid: Grid) -> None:
        lips = (
            INNER_UPPER_LIP,
            INNER_LOWER_LIP,
            OUTER_LIPS[:11],
            OUTER_LIPS[:1] + OUTER_LIPS[:9:-1],
        )
        rims = np.stack([landmarks[list(rim)] for rim in lips])
        (cos, sin), self.side = frame.x_axis, frame.native_side
        self._axes = self.side * np.array([(cos, sin), (-sin, cos)])
        self._inverse = np.linalg.inv(self._axes)
        self._centre = (rims[0, 0] + rims[0, -1]) / 2
        self._grid = grid
        self.down: NDArray[np.float64] = self._axes[1]
        self.own = self.places(rims)
        self._nose = self.places(landmarks[list(NOSE_WINGS)])
        self.had: NDArray[np.float64] = self.own[1, :, 1] - self.own[0, :, 1]

    def places(self, pixels: NDArray[Any]) -> NDArray[np.float64]:
        """Pixels of the box (..., 2) as places."""
        return np.asarray((pixels - self._centre) @ self._inverse, np.float64)

    def pixels(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places (..., 2) as pixels of the box."""
        return np.asarray(places @ self._axes + self._centre, np.float64)

    def follow(self, offsets: NDArray[np.float32]) -> NDArray[np.float64]:
        """Where a flow takes the rims, never across one another: of a fold all lies in one place.

        Args:
            offsets: the flow, (2, h, w) on the grid, in pixels.
        """
        wanted = self.own.reshape(-1, 2)
        low, high = wanted[:, 1].min() - AROUND, wanted[:, 1].max() + AROUND
        rows = np.linspace(low, high, POINTS)
        every = np.arange(len(wanted))
        x = wanted[:, 0]
        for _ in range(ROUNDS):
            lines = np.stack(np.broadcast_arrays(x[:, None], rows), -1)
            moved = self._moved(lines, offsets)
            # What comes from farther down lies farther down, seen from above as from below.
            come = rows + moved[..., 1]
            below = np.minimum.accumulate(come[:, ::-1], axis=1)[:, ::-1]
            come = (np.maximum.accumulate(come, axis=1) + below) / 2
            after = (come < wanted[:, 1:]).sum(1).clip(1, POINTS - 1)
            first, second = come[every, after - 1], come[every, after]
            share = ((wanted[:, 1] - first) / (second - first).clip(1e-9)).clip(0, 1)
            y = rows[after - 1] + share * (rows[1] - rows[0])
            first, second = moved[every, after - 1, 0], moved[every, after, 0]
            x = wanted[:, 0] - first - share * (second - first)
        return np.stack([x, y], 1).reshape(self.own.shape)

    def skin(self, lip: int, edge: NDArray[np.float64], far: float) -> NDArray[np.float64]:
        """How far beyond a lip's outer rim (n, 2) skin gives way, (n,).

        All of it does alike: skin that is stretched in one place alone is drawn out to stripes.

        Args:
            lip: 0, the upper one, or 1.
            edge: places of the rim.
            far: how far the rim moves.
        """
        least, most = SKIN[lip]
        nose = edge[:, 1] - _along(edge[:, 0], self._nose)
        return np.asarray(nose.clip(max(least, STEEPEST * far), max(most, STEEPEST * far)))

    def hold_teeth(
        self, offsets: NDArray[np.float32], rims: NDArray[np.float64], share: float
    ) -> None:
        """Let what is between the inner rims stand where it does across the mouth, by a share: a
        mouth that becomes narrower covers its teeth, and does not squeeze them.

        Args:
            offsets: the flow, (2, h, w) on the grid, in pixels; changed in place.
            rims: where it takes them.
        """
        upper, lower = rims[INNER[0]], rims[INNER[1]]
        both = np.concatenate([upper, lower])
        rows, columns = self._grid.window(self.pixels(corners(both.min(0), both.max(0))))
        places = self.places(self._grid.pixels(rows, columns))
        across, down = places[..., 0], places[..., 1]
        top, bottom = _along(across, upper), _along(across, lower)
        part = (down - top) / (bottom - top).clip(1e-6)
        first, last = (_along(across, self.own[rim]) for rim in INNER)
        # Down the face, too, as long as they cover nothing but the mouth.
        beyond = (first - top).clip(0) + (bottom - last).clip(0)
        still = (1 - beyond / (BEYOND * (last - first)).clip(1e-6)).clip(0, 1)
        moved = (1 - still) * (first + part * (last - first) - down)
        come = np.stack([0 * across, moved], -1) @ self._axes
        soft = max(SOFT, float(self._grid.step.max()) / self.side)
        within = (np.minimum(down - top, bottom - down) / soft).clip(0, 1)
        # The dark beside teeth goes along with the corners of the mouth.
        within *= _taper(across, float(upper[0, 0]), float(upper[-1, 0]))
        flow = offsets[:, rows, columns]
        flow += share * within * (np.moveaxis(come, -1, 0) - flow)

    def fill(
        self, offsets: NDArray[np.float32], rims: NDArray[np.float64], least: tuple[float, float]
    ) -> NDArray[np.float64]:
        """Lay lips anew that a flow squeezes between what it moves on both sides of them.

        Args:
            offsets: the flow, (2, h, w) on the grid, in pixels; changed in place.
            rims: where it takes them.
            least: the share of its height in the photo that is left of the upper and the lower one.

        Returns:
            Where it takes them then.
        """
        rims = rims.copy()
        for lip in (0, 1):
            inner, outer, down = rims[INNER[lip]], rims[OUTER[lip]], DOWN[lip]
            x = np.sort(inner[:, 0])
            line, edge = (np.stack([x, _along(x, rim)], 1) for rim in (inner, outer))
            come = x + self._moved(line[None], offsets)[0, :, 0]
            lack = least[lip] * self._thick(come, lip) - down * (edge - line)[:, 1]
            lack = lack.clip(0) * _taper(x, x[0], x[-1])
            if lack.max() * self.side < 0.5:
                continue
            edge[:, 1] += down * lack
            outer[:, 1] += down * np.interp(outer[:, 0], x, lack)
            self._lay(offsets, line, edge, lip, (lack / FILLED).clip(0, 1))
        return rims

    def _thick(self, x: NDArray[np.float64], lip: int) -> NDArray[np.float64]:
        """How thick a lip is in the photo, (n,), so far across the mouth as x (n,): from rim to
        rim, and not straight down where it runs up to a corner."""
        inner, outer = (_along(x, self.own[rims[lip]]) for rims in (INNER, OUTER))
        middle = (self.own[INNER[lip]] + self.own[OUTER[lip]]) / 2
        steep = np.diff(middle[:, 1]) / np.diff(middle[:, 0]).clip(1e-6)
        steep = np.interp(x, (middle[1:, 0] + middle[:-1, 0]) / 2, steep)
        thick: NDArray[np.float64] = DOWN[lip] * (outer - inner) / np.hypot(1, steep)
        return thick.clip(0)

    def _lay(
        self,
        offsets: NDArray[np.float32],
        line: NDArray[np.float64],
        edge: NDArray[np.float64],
        lip: int,
        share: NDArray[np.float64],
    ) -> None:
        """Take what is seen between a lip's rims, the inner `line` and the outer `edge` (n, 2),
        from between them in the photo, by shares (n,), and what is beyond from as much farther."""
        down, x = DOWN[lip], line[:, 0]
        own = self.own[INNER[lip]], self.own[OUTER[lip]]
        moved = self._moved(edge[None], offsets)[0]
        lack = _along(x + moved[:, 0], own[1]) - edge[:, 1] - moved[:, 1]
        skin = self.skin(lip, edge, float((-down * lack).max().clip(0)))
        far = edge + np.multiply.outer(down * skin, (0, 1))
        ends = far[:, 1] + self._moved(far[None], offsets)[0, :, 1]
        low, high = (pick(np.stack([line, edge, far]), (0, 1)) for pick in (np.min, np.max))
        rows, columns = self._grid.window(self.pixels(corners(low, high)))
        places = self.places(self._grid.pixels(rows, columns))
        part = offsets[:, rows, columns]
        come = places + np.moveaxis(part, 0, -1) @ self._inverse
        out = down * (places[..., 1] - np.interp(places[..., 0], x, line[:, 1]))
        height = np.interp(places[..., 0], x, down * (edge - line)[:, 1])
        first, last = (_along(come[..., 0], rim) for rim in own)
        within = first + (last - first) * out / height.clip(1e-6)
        beyond = (out - height) / np.interp(places[..., 0], x, skin)
        beside = last + (np.interp(places[..., 0], x, ends) - last) * beyond
        change = np.where(out > height, beside, within) - come[..., 1]
        change *= beyond < 1
        change *= np.interp(places[..., 0], x, share, left=0, right=0) * (out >= 0)
        part += np.multiply.outer(self.down, change).astype(np.float32)

    def _moved(
        self, places: NDArray[np.float64], offsets: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """How far from places (n, k, 2) a flow takes what comes to them."""
        return np.asarray(self._grid.come(self.pixels(places), offsets) @ self._inverse)


def _taper(x: NDArray[np.float64], left: float, right: float) -> NDArray[np.float64]:
    """1 in the middle of a mouth, 0 at its corners and beyond."""
    beside = np.minimum(x - left, right - x) / max(CORNERS * (right - left), 1e-6)
    return np.asarray(smoothstep(beside))


def _along(x: NDArray[np.float64], rim: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far down a rim (k, 2) is so far across as x."""
    order = np.argsort(rim[:, 0])
    return np.asarray(np.interp(x, rim[order, 0], rim[order, 1]))
