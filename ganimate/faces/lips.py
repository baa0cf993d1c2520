"""Lips that are asked to meet, and do: they slide over teeth, and do not squeeze them flat.

A flow is smooth; where lips close, what is above and what is below the line on which they meet come
from far apart. So what a flow leaves open is closed here: each lip is moved on by its share, and
the teeth between them are not moved at all, but covered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.faces.grid import Grid, corners, mixed
from ganimate.faces.rims import Rims

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.faces.align import FaceFrame

# Lengths are shares of the face frame's side.
UPPER_SHARE, UPPER_MOST = 0.6, 0.035
"""How much of an opening the upper lip closes, and how far below its place in the photo it comes at
most: there is no more skin below the nose. The lower one does the rest, with the jaw."""
OVERLAP = 0.005
"""How far beyond its rim each lip closes: a little of the teeth always clings to the rims."""
GROWS, TIGHT = (1.45, 0.95), 0.8
"""The power of how many times narrower a mouth becomes by which each lip is higher then, as it was
drawn thin; and how much less high are lips that are tightened. Of 12 people who smile with their
teeth (the Face Research Lab's London set) mouths are .82 as wide without, lips 1.3 and 1.17 times
as high; of training faces labelled .75 and more for AU12, .74, 1.43 and 1.28."""
NARROWEST = 1.25
"""Beyond so many times narrower lips grow no more: of mouths that are wide open, too, not all are
drawn thin."""
FAR = 0.03
"""The opening from which on lips that meet have their shadow in full."""
LINE, SHADE = 0.006, 0.4
"""How wide the shadow is on the line where lips meet, and how deep."""
BESIDE = 0.05
"""How far beyond the corners of the mouth."""
EDGE = 0.003
"""How soft the edge of a lip is, a pixel at least."""
GENTLE = 0.25
"""Of the opening, what must be asked to close until what the flow leaves open counts in full."""
SHOWS = (0.01, 0.02)
"""Openings from which on a mouth begins to show teeth of its own, and shows them."""
STRETCH = (1.25, 1.45)
"""How many times as far it may open, or as high for its width, until its teeth begin to give way to
lent ones, and have."""
STILL = (1.0, 1.08)
"""How many times narrower a mouth becomes until its teeth begin to stand still, and do."""
PARTS = 0.1
"""How much lips must be asked to part before all is shown that is painted between them."""
RIM = 0.01
"""How much of the lips stays the photo's around what is its own."""
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
        self._rims, self._grid = Rims(frame, landmarks, grid), grid

    def follow(
        self, offsets: NDArray[np.float32], stays: float, tightened: float
    ) -> NDArray[np.float64]:
        """Where a flow takes the rims of the lips, as `Rims` has them, in the face's axes.

        Lips that meet keep their height, however it squeezes them.

        Args:
            offsets: the flow, (2, h, w) on the grid, in pixels; changed in place.
            stays: the share of the photo's opening that is asked to stay, 0..1.
            tightened: how much lips are asked to tighten, 0..1.
        """
        rims = self._rims.follow(offsets)
        still = float(np.clip((self._narrower(rims) - STILL[0]) / (STILL[1] - STILL[0]), 0, 1))
        if still > 0:
            self._rims.hold_teeth(offsets, rims, still)
        shows = (float(self._rims.had.max()) - SHOWS[0]) / (SHOWS[1] - SHOWS[0])
        share = min(1.0, (1 - stays) / GENTLE) * min(1.0, shows)
        if share <= 0:
            return rims
        narrower = min(NARROWEST, max(1.0, self._narrower(rims)))
        upper, lower = (share * (narrower**power - TIGHT * tightened) for power in GROWS)
        return self._rims.fill(offsets, rims, (upper, lower))

    def _narrower(self, rims: NDArray[np.float64]) -> float:
        """How many times narrower the mouth becomes."""
        before, after = (
            np.linalg.norm(each[0, -1] - each[0, 0]) for each in (self._rims.own, rims)
        )
        return float(before / max(after, 1e-6))

    def own(self, rims: NDArray[np.float64], opening: float) -> NDArray[np.float32] | None:
        """Where on the grid a mouth goes on showing what it shows in the photo, (h, w) in 0..1: its
        own teeth, where it shows enough of them for how far it opens, or that it is closed, where
        it is not asked to open. None: nowhere.

        Args:
            rims: what `follow` gave.
            opening: by how much more lips are asked to part, 0..1.
        """
        import cv2

        upper, lower = rims[0].copy(), rims[1].copy()
        had, gap = float(self._rims.had.max()), float((lower - upper)[:, 1].max())
        taller = gap / max(had, 1e-6) * max(1.0, self._narrower(rims))
        share = min(1.0, (STRETCH[1] - taller) / (STRETCH[1] - STRETCH[0]))
        share *= float(np.clip((had - SHOWS[0]) / (SHOWS[1] - SHOWS[0]), 0, 1))
        share = max(share, 1 - opening / PARTS)
        if share <= 0:
            return None
        upper[1:-1, 1] -= RIM
        lower[1:-1, 1] += RIM
        outline = self._rims.pixels(np.concatenate([upper, lower[::-1]]))
        mask: Any = np.zeros(self._grid.points[::-1], np.float32)
        cv2.fillPoly(mask, [np.rint(16 * self._grid.at(outline)).astype(np.int32)], share, shift=4)
        soft = RIM / 2 * self._rims.side / float(self._grid.step.max())
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.5, soft)), np.float32)

    def close(
        self,
        face: NDArray[np.uint8],
        rims: NDArray[np.float64],
        stays: float,
        blur: float = 0.0,
        light: bool = True,
    ) -> None:
        """Close the lips of the painted box as far as is asked, in place.

        Args:
            face: (h, w[, C]) uint8.
            rims: what `follow` gave for the flow by which it was painted.
            stays: the share of the photo's opening that is asked to stay, 0..1.
            blur: how soft the photo is, a share of the face frame's side.
            light: whether it shows light, which has a shadow where lips meet, and not colour alone.
        """
        import cv2

        upper, lower, upper_edge, lower_edge = rims
        shift = (lower[:, 1] - upper[:, 1] - stays * self._rims.had.clip(0)).clip(0)
        shift *= min(1.0, (1 - stays) / GENTLE)
        if shift.max() * self._rims.side < 0.5:
            return
        shift[[0, -1]] = 0  # the corners
        raised = (self._rims.own[0, :, 1] - upper[:, 1]).clip(0)
        down = np.minimum(UPPER_SHARE * shift, UPPER_MOST + raised)
        top, bottom = upper[:, 1] + down, lower[:, 1] - (shift - down)
        met = np.minimum(1, shift / FAR) * (1 - stays)
        heights = upper[:, 1] - upper_edge[:, 1], lower_edge[:, 1] - lower[:, 1]
        shifts = down, shift - down
        edges = np.stack([upper_edge, lower_edge])
        edges[..., 1] += (shifts[0], -shifts[1])
        skins = [
            self._rims.skin(lip, edge, float(far.max()))
            for lip, (edge, far) in enumerate(zip(edges, shifts, strict=True))
        ]
        reach = [float((one + skin).max()) for one, skin in zip(heights, skins, strict=True)]
        window = _Window(self._rims, face, (upper[:, 0] + lower[:, 0]) / 2, top, bottom, reach)
        if not window.part.size:
            return

        slid = []
        for side, far in enumerate((window.above, window.below)):
            move = window.along(shifts[side] + OVERLAP * met)
            beyond = (far - window.along(heights[side])) / window.along(skins[side])
            move *= (1 - beyond).clip(0, 1)
            slid.append(window.moved(-move if side else move))
        soft = max(1 / self._rims.side, EDGE)
        # The upper lip lies on the lower one: on their line nothing from between them is seen.
        under, over = 1.5 + window.below / soft, 0.5 + window.above / soft
        joined: Any = mixed(window.part, slid[1], window.whole(under).clip(0, 1))
        joined = mixed(joined, slid[0], window.whole(over).clip(0, 1))
        if light:
            meet = np.clip(1 - (bottom - top) / LINE, 0, 1) * met
            line = max(LINE, 1 / self._rims.side)
            wide = float(np.hypot(line, np.sqrt(2) * blur))
            near = line / wide * np.exp(-np.square(window.above / wide))
            shade: Any = window.whole(1 - SHADE * window.along(meet) * near)
            shade = shade if joined.ndim == 2 else cv2.merge([shade] * joined.shape[2])
            joined = cv2.multiply(joined, shade, dtype=cv2.CV_8U)
        window.part[...] = joined


class _Window:
    """What of a face closing lips can move, and where its points lie.

    Args:
        rims: those of the mouth.
        face: the painted box, (h, w[, C]) uint8.
        rim: (11,), how far across the rims' points are.
        top, bottom: (11,), how far down they are to be.
        reach: how far above and below them anything moves.
    """

    def __init__(
        self,
        rims: Rims,
        face: NDArray[np.uint8],
        rim: NDArray[np.float64],
        top: NDArray[np.float64],
        bottom: NDArray[np.float64],
        reach: list[float],
    ) -> None:
        self._face, self._down = face, rims.down
        self._rim = np.sort(rim)
        low = self._rim[0] - BESIDE, float(top.min()) - reach[0]
        high = self._rim[-1] + BESIDE, float(bottom.max()) + reach[1]
        edges = rims.pixels(corners(low, high))
        left, first = np.floor(edges.min(0)).astype(int).clip(0)
        right, last = (np.ceil(edges.max(0)).astype(int) + 1).clip(0, face.shape[1::-1])
        self.part = face[first:last, left:right]
        self._size = (max(1, right - left), max(1, last - first))
        self._columns = np.arange(left, right, dtype=np.float32)
        self._rows = np.arange(first, last, dtype=np.float32)[:, None]
        # Worked out on fewer points: all of this is smooth but for the rims, which are cut later.
        few = [min(n, ACROSS) for n in self._size]
        x, y = ((np.arange(n) + 0.5) * self._size[i] / n - 0.5 for i, n in enumerate(few))
        places = rims.places(np.stack(np.meshgrid(x + left, y + first), -1))
        self._across = places[..., 0]
        self.above = self.along(top) - places[..., 1]
        self.below = places[..., 1] - self.along(bottom)

    def along(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values (11,) at the rims for each of the points, by how far across they are."""
        return np.asarray(np.interp(self._across, self._rim, values))

    def whole(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Values at the points for every pixel."""
        import cv2

        enlarged = cv2.resize(values.astype(np.float32), self._size)
        return np.asarray(enlarged, np.float32)

    def moved(self, far: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The window with every point moved so far down the face."""
        import cv2

        x, y = (
            self._columns - self.whole(far * self._down[0]),
            self._rows - self.whole(far * self._down[1]),
        )
        moved = cv2.remap(self._face, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)
