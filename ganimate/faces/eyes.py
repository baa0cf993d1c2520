"""Eyeballs: lids slide over them, and do not draw them along.

A flow that opens an eye stretches its iris to an oval, and one that narrows it squeezes the iris
flat. No face does that: the eyeball rests, and lids show more of it or less. So the photo's own
eyeball is laid between the lids as the flow has moved them, uncovered where lids hid it: what an
eye mostly shows at some distance from its centre, it shows all around.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ganimate.faces.grid import Grid, corners, mixed, smoothstep
from ganimate.faces.topology import EYES
from ganimate.media.planes import GREY, LUMA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.faces.align import FaceFrame

_RIGHT, (_LEFT_IRIS, *_LEFT_LIDS) = EYES
# From the left of the picture to the right: the subject's right eye from its outer corner, the
# left one from its inner.
_EYES = (_RIGHT, (_LEFT_IRIS, *(lid[::-1] for lid in _LEFT_LIDS)))

# Lengths are in radii of the iris.
UPPER_EDGE, LOWER_EDGE = 0.22, 0.12
"""What between the rims is the lids' all the same: lashes, and their shadow."""
LASHES = 0.4
"""How far beyond the rims paint leaves lashes and liner as the photo has them."""
SOFT = 0.08
"""How softly edges end."""
OPENING = (0.6, 1.1)
"""Of an eye that is open this little nothing is laid, and from here on all."""
AROUND = (1.2, 0.5)
"""How far above and below the rims the eyeball is uncovered."""
STILL = 0.01
"""Lids that move less do not move."""
SMALLEST = 2.0
"""Pixels: nobody sees the shape of smaller irises."""
RINGS, FARTHEST, ANGLES = 64, 3.2, 90
"""Circles around the centre on which the photo is looked at, the radius of the last, and points on
each of them."""
SEEN = 0.1
"""The share of a circle that must be seen for it to be known."""
WHITE, DIM = 0.95, 0.85
"""How far out an eye is white, and how light at least, of what it is on the whole: what is darker
is lashes, and goes with the lid."""
WHITES, TOLD = (1.0, 1.25, 2.0), 0.12
"""From where on an eye is told to be white, and from where on nothing else, and until where that is
looked for; the share of it that must be seen for it to be told by that alone."""
PALE = 0.35
"""How much of the colour of the skin below it a white has that is hardly seen, in skin's light."""
BELOW, BESIDE = (2.6, 3.2), (-1.0, 0.0, 1.0)
"""How far below and beside an eye's centre that skin is looked at."""


class Eyeball:
    """One eye of a face.

    Args:
        box: the pixels that the face frame can reach, (h, w[, C]) uint8.
        frame: where the face sits in its photo.
        iris: (5, 2), its centre and four points around it, in pixels of the box.
        upper, lower: (9, 2), the rims of the lids from left to right, likewise.

    Attributes:
        fellow: the other eye, which tells as much of what lids hide.
    """

    fellow: Eyeball | None = None

    def __init__(
        self,
        box: NDArray[np.uint8],
        frame: FaceFrame,
        iris: NDArray[Any],
        upper: NDArray[Any],
        lower: NDArray[Any],
    ) -> None:
        (cos, sin), self._centre = frame.x_axis, iris[0]
        self.radius = max(1e-3, float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean()))
        self._axes = self.radius * np.array([(cos, sin), (-sin, cos)])
        self._inverse = np.linalg.inv(self._axes)
        self._box, self.lids = box, np.concatenate([upper, lower])
        places = self._local(self.lids)
        gap = float(self._gaps(self.lids).max())
        low = places.min(0) - np.array((0.1, AROUND[0]))
        high = places.max(0) + np.array((0.1, AROUND[1]))
        edges = self._pixels(corners(low, high))
        left, top = np.floor(edges.min(0)).clip(0).astype(int)
        right, bottom = np.ceil(edges.max(0)).astype(int) + 1
        self.rows, self.columns = (
            slice(top, min(bottom, len(box))),
            slice(left, min(right, box.shape[1])),
        )
        whole = 0 <= self._centre[0] < box.shape[1] and 0 <= self._centre[1] < len(box)
        within = places[:9, 0].min() < 0 < places[:9, 0].max()
        self.share = float(np.clip((gap - OPENING[0]) / (OPENING[1] - OPENING[0]), 0, 1))
        if self.radius < SMALLEST or not (whole and within):
            self.share = 0.0

    def rims(self, lids: NDArray[Any], *, lashes: bool = False) -> NDArray[np.float64]:
        """The outline of the eyeball between lids (18, 2), likewise: without their edges, which a
        flow narrows with the eye, and fills with iris as it widens it; or with all `lashes`."""
        upper, lower = np.split(self._local(lids), 2)
        before, after = self._gaps(self.lids), self._gaps(lids)
        wider = np.clip(after / np.maximum(before, 1e-3), 1e-3, None)
        narrow = np.minimum(wider, 1 / wider)
        edges = (-LASHES, -LASHES) if lashes else (UPPER_EDGE * narrow, LOWER_EDGE * narrow)
        middle = (upper[1:-1, 1] + lower[1:-1, 1]) / 2
        upper[1:-1, 1] = np.minimum(upper[1:-1, 1] + edges[0], middle)
        lower[1:-1, 1] = np.maximum(lower[1:-1, 1] - edges[1], middle)
        return self._pixels(np.concatenate([upper, lower[::-1]]))

    def _gaps(self, lids: NDArray[Any]) -> NDArray[np.float64]:
        """How far each point of the upper rim but the corners is above the lower one."""
        upper, lower = np.split(self._local(lids)[:, 1], 2)
        return np.asarray((lower - upper)[1:-1])

    @cached_property
    def picture(self) -> NDArray[np.uint8]:
        """The eyeball without lids in `rows` and `columns` of the box, as far as can be known."""
        import cv2

        columns, rows = (np.arange(part.start, part.stop) for part in (self.columns, self.rows))
        places = self._local(np.stack(np.meshgrid(columns, rows), -1))
        far = np.linalg.norm(places, axis=-1).astype(np.float32)
        rings = self._rings()
        step, nowhere = far * (RINGS / FARTHEST), np.zeros_like(far)
        hidden = cv2.remap(rings, step, nowhere, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        shown: Any = np.zeros(far.shape, np.float32)
        outline = self.rims(self.lids) - (self.columns.start, self.rows.start)
        cv2.fillPoly(shown, [np.rint(16 * outline).astype(np.int32)], 1.0, shift=4)
        # Softly within what is shown: beyond it are lashes.
        shown = cv2.GaussianBlur(shown, (0, 0), max(0.5, SOFT * self.radius))
        seen = self._box[self.rows, self.columns]
        if rings.shape[2:] != (2,):  # but for planes of colour
            white = far > WHITE
            lightened = np.maximum(seen, (DIM * hidden).astype(np.uint8))
            seen = np.where(white if seen.ndim == 2 else white[..., None], lightened, seen)
        return mixed(hidden, seen, np.clip(2 * shown - 1, 0, 1))

    def _rings(self) -> NDArray[np.uint8]:
        """What is seen at each distance from the centre, (1, RINGS[, C]): the median of what no lid
        of either eye hides, which leaves out what glints."""
        found = self._samples
        if self.fellow:
            found = np.concatenate([found, self.fellow._samples + self._skin - self.fellow._skin])
        # With the circles beside it: of a few points alone a glint may be the most.
        wider = np.pad(found, ((0, 0), (1, 1), (0, 0)), mode="edge")
        found = np.concatenate([wider[:, :-2], found, wider[:, 2:]])
        seen = np.isfinite(found[..., 0]).mean(0)
        known = np.flatnonzero(seen > min(SEEN, seen.max() / 2))
        profile = np.nanmedian(found[:, known], axis=0)
        rings: Any = [np.interp(np.arange(RINGS), known, channel) for channel in profile.T]
        # Of eyes that are narrow little else than shadows and lashes is seen there.
        far = np.arange(RINGS) * (FARTHEST / RINGS)
        start, whole, end = WHITES
        told = min(1.0, float(seen[(far > whole) & (far < end)].mean()) / TOLD)
        guess = smoothstep((far - start) / (whole - start)) * (1 - told)
        rings = np.stack(rings, 1)
        rings += guess[:, None] * (self._white - rings)
        rings = np.rint(rings.clip(0, 255)).astype(np.uint8)
        return np.asarray(rings.reshape(1, RINGS, *self._box.shape[2:]))

    @cached_property
    def _samples(self) -> NDArray[np.float64]:
        """What the photo shows on circles around the centre, (ANGLES, RINGS, C); not a number where
        a lid hides it."""
        far, angle = np.meshgrid(
            np.arange(RINGS) * (FARTHEST / RINGS), np.arange(ANGLES) * (2 * np.pi / ANGLES)
        )
        places = far[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1)
        found = self._seen_at(places)
        upper, lower = np.split(self._local(self.rims(self.lids)), 2)
        across, down = places[..., 0], places[..., 1]
        shown = (across >= upper[0, 0]) & (across <= upper[-1, 0])
        shown &= down >= np.interp(across, *upper.T)
        shown &= down <= np.interp(across, *lower[::-1].T)
        shown |= not shown.any()
        found[~shown] = np.nan
        return found

    def _seen_at(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the photo shows at places (h, w, 2), (h, w, C)."""
        import cv2

        x, y = cv2.split(self._pixels(places).astype(np.float32))
        found = cv2.remap(self._box, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(found.reshape(*places.shape[:2], -1), np.float64)

    @cached_property
    def _skin(self) -> NDArray[np.float64]:
        """The colour of the skin below it, (C,)."""
        places = np.stack(np.meshgrid(BESIDE, BELOW), -1)
        return np.asarray(np.median(self._seen_at(places), axis=(0, 1)), np.float64)

    @cached_property
    def _white(self) -> NDArray[np.float64]:
        """What its white may be like, (C,), by that."""
        skin = self._skin
        grey = skin @ LUMA if len(skin) == 3 else GREY if len(skin) == 2 else skin
        return np.asarray(grey + PALE * (skin - grey), np.float64)

    def _local(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Pixels (..., 2) as radii of the iris from its centre, along the face's axes."""
        return np.asarray((points - self._centre) @ self._inverse, np.float64)

    def _pixels(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(places @ self._axes + self._centre, np.float64)


class Seen(NamedTuple):
    """What is seen of a face's eyeballs.

    Attributes:
        balls: where they are between the lids, (h, w) in 0..1 on the grid, softly.
        lashes: the same with the lids' lashes.
        shifts: how far each goes with its socket, (x, y) in pixels of the box.
    """

    balls: NDArray[np.float32]
    lashes: NDArray[np.float32]
    shifts: tuple[NDArray[np.float32], ...]


class Eyes:
    """Both eyes of a face, as they are laid into what a flow has moved.

    Args:
        box: the pixels that the face frame can reach, (h, w[, C]) uint8.
        frame: where the face sits in its photo.
        landmarks: (478, 2), in pixels of the box.
        grid: over the box, on which flows and masks are.
    """

    def __init__(
        self,
        box: NDArray[np.uint8],
        frame: FaceFrame,
        landmarks: NDArray[Any],
        grid: Grid,
    ) -> None:
        balls = (Eyeball(box, frame, *(landmarks[list(part)] for part in eye)) for eye in _EYES)
        self._balls = [ball for ball in balls if ball.share > 0]
        if len(self._balls) == 2:
            self._balls[0].fellow, self._balls[1].fellow = self._balls[::-1]
        self._box, self._grid = box, grid

    def seen(self, offsets: NDArray[np.float32]) -> Seen | None:
        """What is seen between lids that a flow moves; None where no lid moves.

        Args:
            offsets: the flow, (2, h, w) on the grid, in pixels of the box.
        """
        import cv2

        places = [self._grid.follow(ball.lids, offsets) for ball in self._balls]
        moves = [
            float(np.abs(lids - ball.lids).max()) / ball.radius
            for ball, lids in zip(self._balls, places, strict=True)
        ]
        if max(moves, default=0.0) < STILL:
            return None
        masks: Any = np.zeros((2, *self._grid.points[::-1]), np.float32)
        for ball, lids, far in zip(self._balls, places, moves, strict=True):
            # Gently from where it begins: a film must not jump there.
            share = ball.share * min(1, 10 * far)
            for mask, outline in zip(
                masks, (ball.rims(lids), ball.rims(lids, lashes=True)), strict=True
            ):
                corners = np.rint(16 * self._grid.at(outline)).astype(np.int32)
                cv2.fillPoly(mask, [corners], share, shift=4)
        softness = SOFT * max(ball.radius for ball in self._balls) / float(self._grid.step.max())
        balls, lashes = (cv2.GaussianBlur(mask, (0, 0), max(0.5, softness)) for mask in masks)
        # Of the upper rim, that is: the corners of the eye.
        shifts = (
            (lids - ball.lids)[[0, 8]].mean(0)
            for ball, lids in zip(self._balls, places, strict=True)
        )
        return Seen(np.asarray(balls, np.float32), np.asarray(lashes, np.float32), tuple(shifts))

    def lay(self, moved: NDArray[np.uint8], seen: Seen) -> None:
        """Put the eyeballs where they are seen in the moved box, in place."""
        import cv2

        for ball, shift in zip(self._balls, seen.shifts, strict=True):
            rows, columns = ball.rows, ball.columns
            picture = cv2.warpAffine(
                ball.picture,
                np.column_stack([np.eye(2), -shift]),
                (columns.stop - columns.start, rows.stop - rows.start),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            part = moved[rows, columns]
            part[...] = mixed(part, picture, self._grid.part(seen.balls, rows, columns))

    def uncovered(self) -> NDArray[np.uint8]:
        """The box with eyeballs that no lids cover."""
        box = np.array(self._box)
        for ball in self._balls:
            box[ball.rows, ball.columns] = ball.picture
        return box
