"""Putting a painted face back into its photo, at the photo's own resolution.

The networks see 128 x 128; the photo may be 4000 wide. What is enlarged to the photo is never
the composite but flow, attention and colour: the flow moves the photo's own pixels, pores and
hair included, and only where attention is low does the painted colour take over. It then carries
the moved photo's fine detail along, as far as both agree on what is there.

All this is smooth but for the photo itself. So it is worked out on a grid of at most `FINE` points
to the frame's side and enlarged as two numbers a channel: result = moved photo * detail + rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.faces.align import CROP_SIZE, FaceFrame
from ganimate.faces.eyes import Eyes, Seen
from ganimate.faces.grain import Grain
from ganimate.faces.grid import Grid, smoothstep
from ganimate.faces.lashes import Lashes
from ganimate.faces.lips import Lips

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.engine import Painted

FEATHER = 0.06
"""Width of the ramp along the frame's edge, as a share of its side."""

REACH = 0.25
"""No pixel is fetched from beyond this share of its way to the frame's edge: a chin that rises
stretches the skin below it by a third at most, instead of smearing it into stripes."""

SOFTNESS = 1.0
"""Blur, in pixels of a 128 crop, that enlarged paint is freed from by unsharp masking: teeth beside
skin in the photo's own sharpness would look out of focus."""

AGREEMENT = 20.0
"""Difference of paint and moved photo, in grey levels, beyond which detail is not carried over:
the grain of a lip does not belong on teeth."""

LID = 0.35
"""Attention below which a lid is painted over an eyeball, and beyond one less of which none is."""

FINE = 512
"""Grid points to the frame's side, at most: as many as are painted."""


class Blender:
    """Blends paintings of one face into one photo; what does not change is computed once.

    Args:
        pixels: the photo, HWC uint8 RGB, or one or two planes of it, (H, W) or (H, W, 2); never
            written to.
        frame: where the face sits in it.
        outlines: where faces overlap, all of theirs, (n, 2) in photo pixels, from the farthest to
            the nearest, and whether it is this face's: others are left alone.
        tint: (C, 4), what makes the C planes of RGB, 0 to 255, and a 1; None: they are RGB.
        fine: grid points to the frame's side, at most.
        alone: nothing else is ever written into the box: its pixels are enlarged once by Lanczos'
            filter, and then moved in half the time with as much of their detail.
        landmarks: the face's, (478, 2) in photo pixels: lids then slide over its eyeballs, and lips
            over its teeth, which would be stretched and squeezed without them.

    Raises:
        GanimateError: the frame lies outside the photo.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        frame: FaceFrame,
        outlines: Sequence[tuple[NDArray[Any], bool]] = (),
        tint: NDArray[np.float64] | None = None,
        fine: int = FINE,
        alone: bool = False,
        landmarks: NDArray[Any] | None = None,
    ) -> None:
        import cv2

        self.pixels, self.frame, self._tint = pixels, frame, tint
        height, width = pixels.shape[:2]
        self.top, self.bottom, self.left, self.right = frame.box(height, width)
        self._size = (self.right - self.left, self.bottom - self.top)
        coarseness = max(1.0, frame.native_side / fine)
        self._grid = (ceil(self._size[0] / coarseness), ceil(self._size[1] / coarseness))
        # Points of the grid in pixels of the box, as OpenCV enlarges pictures.
        self._step = np.divide(self._size, self._grid)
        points = [(np.arange(n) + 0.5) * self._size[i] / n - 0.5 for i, n in enumerate(self._grid)]
        place = self._place(*points)
        self._reach = (-REACH * place, REACH * (1 - place))
        self._ramp = smoothstep(np.minimum(place, 1 - place).min(axis=2) / FEATHER)
        if outlines:
            self._ramp *= self._shrunk(self._own(outlines))
        columns, rows = (np.arange(n, dtype=np.float32) for n in self._size)
        place = self._place(columns, rows)
        self._inside: Any = ((place > 0) & (place < 1)).all(axis=2).astype(np.uint8)
        self._columns, self._rows = columns, rows[:, None]
        # Light alone has grain worth having; planes of colour are two.
        boxed = (self.top, self.bottom, self.left, self.right)
        light = pixels.ndim == 2 or pixels.shape[2] == 3
        self._grain = Grain(pixels, frame, boxed, place[..., 1]) if light else None
        box = pixels[self.top : self.bottom, self.left : self.right]
        self._eyes: Eyes | None = None
        self._lashes: Lashes | None = None
        self._lips: Lips | None = None
        if landmarks is not None:
            own, grid = landmarks - (self.left, self.top), Grid(self._size, self._grid)
            self._eyes, self._lips = Eyes(box, frame, own, grid), Lips(frame, own, grid)
            self._lashes = Lashes(frame, own, grid)
        self._enlarged: Any = None
        if alone:
            twice = (2 * self._size[0], 2 * self._size[1])
            self._enlarged = cv2.resize(box, twice, interpolation=cv2.INTER_LANCZOS4)
            self._columns, self._rows = 2 * self._columns + 0.5, 2 * self._rows + 0.5
            self._coarse = self._blurred(box)

    def blend(self, painted: Painted) -> NDArray[np.uint8]:
        """A new photo with the face as painted; outside the frame every pixel is the input's.

        Source: Pumarola et al. 2018, eq. 1, with the photo moved along the flow first.
        """
        result = np.array(self.pixels)
        self.blend_into(result, painted)
        return result

    def blend_into(self, photo: NDArray[np.uint8], painted: Painted) -> None:
        """Write the face into `photo`, which has this photo's size; only the frame changes.

        What is moved and kept is what `photo` shows: this one, or already one with other faces
        written into it.
        """
        import cv2

        region = photo[self.top : self.bottom, self.left : self.right]
        flow, rims = self._flow(painted)
        moved = self._move(region, flow)
        seen = self._eyes.seen(flow) if self._eyes else None
        if self._eyes and seen is not None:
            self._eyes.lay(moved, seen)
        coarse = _deep(self._blurred(moved) if self._enlarged is None else self._moved(flow, seen))
        colour = _deep(self._enlarge(self._sharpened(painted)))
        keep = self._kept(painted, seen, rims)[..., None]
        detail = self._detail(keep, colour - coarse)
        rest = self._whole(colour + (coarse - colour) * keep - coarse * detail)
        if self._grain and (bare := np.clip(2.5 * (1 - keep - detail) - 1, 0, 1)).any():
            self._grain.add(rest, self._whole(bare))
        detail = detail.repeat(colour.shape[2], axis=2)
        face = cv2.multiply(moved, self._whole(detail), dtype=cv2.CV_32F)
        face = cv2.add(face, rest, dtype=cv2.CV_8U)
        if self._lips and rims is not None and painted.parting < 1:
            light = self._grain is not None
            blur = painted.softness / CROP_SIZE
            self._lips.close(np.asarray(face, np.uint8), rims, painted.parting, blur, light)
        cv2.copyTo(face, self._inside, region)

    def restore(self, photo: NDArray[np.uint8]) -> None:
        """Take back what was written into `photo`."""
        box = slice(self.top, self.bottom), slice(self.left, self.right)
        photo[box] = self.pixels[box]

    def _sharpened(self, painted: Painted) -> NDArray[np.float32]:
        """The colours (S, S, C), sharper where paint stands alone and will be enlarged."""
        import cv2

        colour = painted.colour
        amount = min(1.0, max(0.0, (self.frame.native_side / len(colour) - 1) / 2))
        alone = np.clip(1 - 3 * painted.attention, 0, 1)[..., None]
        soft = cv2.GaussianBlur(colour, (0, 0), SOFTNESS)
        colour = np.clip(colour + amount * alone * (colour - soft), 0, 255).astype(np.float32)
        return colour if self._tint is None else np.asarray(cv2.transform(colour, self._tint))

    def attention(self, painted: Painted) -> NDArray[np.float32]:
        """The attention A in the photo's size, (H, W) float32; 1 (keep) outside the frame."""
        whole = np.ones(self.pixels.shape[:2], np.float32)
        flow, rims = self._flow(painted)
        seen = self._eyes.seen(flow) if self._eyes else None
        shown = self._whole(self._kept(painted, seen, rims))
        region = whole[self.top : self.bottom, self.left : self.right]
        np.copyto(region, shown, where=self._inside > 0)
        return whole

    def _own(self, outlines: Sequence[tuple[NDArray[Any], bool]]) -> NDArray[np.float32]:
        """How far each pixel of the box is this face's, (h, w): 0 on others, softly.

        Faces are drawn over one another as they stand, the nearest last.
        """
        import cv2

        own: Any = np.ones(self._size[::-1], np.float32)
        for outline, is_own in outlines:
            corners = np.rint(outline - (self.left, self.top)).astype(np.int32)
            cv2.fillPoly(own, [corners], float(is_own))
        sigma = FEATHER / 3 * self.frame.native_side
        return np.asarray(cv2.GaussianBlur(own, (0, 0), max(0.5, sigma)), np.float32)

    def _detail(
        self, keep: NDArray[np.float32], difference: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """How much of the moved photo's grain to keep, (h, w, 1), from attention and paint.

        All of it where the photo stays. Where paint changes the shade, as in a fold, grain stays;
        where paint puts something else, as teeth, what is left of the photo is a ghost.
        """
        agreement = np.exp(-np.square(difference.mean(2, keepdims=True) / AGREEMENT))
        detail: NDArray[np.float32] = smoothstep((keep - 0.2) / 0.6) * (
            keep + (1 - keep) * agreement
        )
        return detail

    def _kept(
        self, painted: Painted, seen: Seen | None, rims: NDArray[np.float64] | None
    ) -> NDArray[np.float32]:
        """The attention on the grid, (h, w). The photo stays where eyeballs and lashes are seen,
        unless a lid is painted over them, and where a mouth shows its own."""
        inside = np.clip(self._enlarge(painted.attention), 0, 1)
        keep: NDArray[np.float32] = 1 - (1 - inside) * self._ramp
        if seen is not None:
            keep += (1 - keep) * seen.lashes * np.clip((keep - LID) / (1 - 2 * LID), 0, 1)
        own = None
        if self._lips and rims is not None:
            own = self._lips.own(rims, painted.opening)
        return keep if own is None else np.asarray(keep + (1 - keep) * own, np.float32)

    @cached_property
    def _uncovered(self) -> NDArray[np.float32]:
        """`_blurred` of the box with eyeballs that no lids cover."""
        return self._blurred(self._eyes.uncovered()) if self._eyes else self._coarse

    def _place(self, columns: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.float32]:
        """Where pixels of the box lie in the crop, (h, w, 2): 0..1 inside the frame, clipped."""
        (xx, xy, x), (yx, yy, y) = self.frame.matrix(1)
        column, row = columns + self.left, (rows + self.top)[:, None]
        place = np.stack([xx * column + (xy * row + x), yx * column + (yy * row + y)], axis=2)
        return np.asarray((place + 0.5).clip(0, 1), np.float32)

    def _enlarge(self, picture: NDArray[Any]) -> NDArray[np.float32]:
        """Resample something of crop shape (h, w[, c]) onto the grid."""
        import cv2

        matrix = self.frame.matrix(picture.shape[0])
        matrix[:, 2] += matrix[:, :2] @ ((self._step - 1) / 2 + (self.left, self.top))
        matrix[:, :2] *= self._step
        if self.frame.native_side < picture.shape[0]:
            sigma = 0.4 * picture.shape[0] / self.frame.native_side
            picture = cv2.GaussianBlur(picture, (0, 0), sigma)
        resampled = cv2.warpAffine(
            picture,
            matrix,
            self._grid,
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(resampled, np.float32)

    def _whole(self, picture: NDArray[Any]) -> NDArray[np.float32]:
        """From the grid to every pixel of the box."""
        import cv2

        if self._grid == self._size:
            return picture[..., 0] if picture.shape[2:] == (1,) else picture  # as OpenCV does
        return np.asarray(cv2.resize(picture, self._size, interpolation=cv2.INTER_LINEAR))

    def _shrunk(self, picture: NDArray[Any]) -> NDArray[np.float32]:
        """From every pixel of the box to the grid: means of what is under its points."""
        import cv2

        if self._grid != self._size:
            picture = cv2.resize(picture, self._grid, interpolation=cv2.INTER_AREA)
        return np.asarray(picture, np.float32)

    def _blurred(self, moved: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What of the moved photo the networks' crop can hold, on the grid."""
        import cv2

        sigma = max(0.5, 0.6 * self.frame.native_side / 128) / float(self._step.max())
        return np.asarray(cv2.GaussianBlur(self._shrunk(moved), (0, 0), sigma), np.float32)

    def _flow(self, painted: Painted) -> tuple[NDArray[np.float32], NDArray[np.float64] | None]:
        """The flow on the grid, in the photo's pixels, (2, h, w), and where lips go by it."""
        flow = np.clip(self._enlarge(painted.flow) * self._ramp[..., None], *self._reach)
        side, (cos, sin) = self.frame.native_side, self.frame.x_axis
        x, y = flow[..., 0], flow[..., 1]
        x, y = side * (cos * x - sin * y), side * (sin * x + cos * y)
        offsets = np.stack([x, y]).astype(np.float32)
        if self._lashes:
            self._lashes.hold(offsets)
        if self._lips is None:
            return offsets, None
        return offsets, self._lips.follow(offsets, painted.parting, painted.tightening)

    def _move(self, source: NDArray[np.uint8], offsets: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The box's own pixels, taken from as far away as the grid's `offsets` say."""
        import cv2

        how = cv2.INTER_CUBIC
        if self._enlarged is not None:
            source, offsets, how = self._enlarged, 2 * offsets, cv2.INTER_LINEAR
        x, y = self._spread(offsets[0], self._columns), self._spread(offsets[1], self._rows)
        moved = cv2.remap(source, x, y, how, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)

    def _spread(
        self, offsets: NDArray[np.float32], start: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Offsets on the grid as places in the box, which begin with `start`."""
        if self._grid == self._size:
            return offsets + start
        places = self._whole(offsets)
        places += start  # in place: new memory costs more than the sum
        return places

    def _moved(self, offsets: NDArray[np.float32], seen: Seen | None) -> NDArray[np.float32]:
        """`_blurred` of what `_move` gives, with the eyeballs that are seen, but for what it blurs
        across stretches: moved on the grid, at a hundredth of the cost."""
        import cv2

        width, height = self._grid
        x = offsets[0] / np.float32(self._step[0]) + np.arange(width, dtype=np.float32)
        y = offsets[1] / np.float32(self._step[1]) + np.arange(height, dtype=np.float32)[:, None]
        moved = cv2.remap(self._coarse, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if seen is not None:
            share = seen.balls if moved.ndim == 2 else seen.balls[..., None]
            moved = moved + (self._uncovered - moved) * share
        return np.asarray(moved, np.float32)


def _deep(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) -> (h, w, 1): OpenCV drops a single channel."""
    return picture.reshape(*picture.shape[:2], -1)
