"""Putting a painted face back into its photo, at the photo's own resolution.

The networks see 128 x 128; the photo may be 4000 wide. What is enlarged to the photo is never
the composite but flow, attention and colour: the flow moves the photo's own pixels, pores and
hair included, and only where attention is low does the painted colour take over. It then carries
the moved photo's fine detail along, as far as both agree on what is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.faces.align import FaceFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.engine import Painted

FEATHER = 0.06
"""Width of the ramp along the frame's edge, as a share of its side."""

REACH = 0.25
"""No pixel is fetched from beyond this share of its way to the frame's edge: a chin that rises
stretches the skin below it by a third at most, instead of smearing it into stripes."""

AGREEMENT = 20.0
"""Difference of paint and moved photo, in grey levels, beyond which detail is not carried over:
the grain of a lip does not belong on teeth."""


class Blender:
    """Blends paintings of one face into one photo; what does not change is computed once.

    Args:
        pixels: the photo, HWC uint8 RGB; never written to.
        frame: where the face sits in it.
        outlines: where faces overlap, all of theirs, (n, 2) in photo pixels, from the farthest to
            the nearest, and whether it is this face's: others are left alone.

    Raises:
        GanimateError: the frame lies outside the photo.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        frame: FaceFrame,
        outlines: Sequence[tuple[NDArray[Any], bool]] = (),
    ) -> None:
        self.pixels, self.frame = pixels, frame
        height, width = pixels.shape[:2]
        self.top, self.bottom, self.left, self.right = frame.box(height, width)
        self._size = (self.right - self.left, self.bottom - self.top)
        rows, columns = np.mgrid[self.top : self.bottom, self.left : self.right]
        self._columns = (columns - self.left).astype(np.float32)
        self._rows = (rows - self.top).astype(np.float32)
        # Crop position of every pixel of the box, as a share of the side: 0..1 inside the frame.
        linear, shift = np.split(frame.matrix(1), [2], axis=1)
        x = linear[0, 0] * columns + linear[0, 1] * rows + shift[0, 0] + 0.5
        y = linear[1, 0] * columns + linear[1, 1] * rows + shift[1, 0] + 0.5
        place = np.stack([x, y], axis=2).clip(0, 1).astype(np.float32)
        self._reach = (-REACH * place, REACH * (1 - place))
        ramp = np.clip(np.minimum(place, 1 - place).min(axis=2) / FEATHER, 0, 1)
        self._ramp = ramp * ramp * (3 - 2 * ramp)
        if outlines:
            self._ramp *= self._own(outlines)

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
        flow = self._enlarge(painted.flow)
        moves = np.abs(flow).max(2) > 1e-6
        attention = self._enlarge(painted.attention)
        ramp = self._ramp[..., None]
        moved = self._move(region, np.clip(flow * ramp, *self._reach)).astype(np.float32)
        colour = self._enlarge(painted.colour)
        coarse = cv2.GaussianBlur(moved, (0, 0), max(0.5, self._scale * 0.6))
        keep = 1 - (1 - np.clip(attention, 0, 1)[..., None]) * ramp
        face = colour + (coarse - colour) * keep
        face += (moved - coarse) * self._detail(keep, colour - coarse)
        np.clip(face, 0, 255, out=face)
        changed = (self._ramp > 0) & (moves | (attention < 1))
        region[changed] = np.rint(face[changed]).astype(np.uint8)

    def attention(self, painted: Painted) -> NDArray[np.float32]:
        """The attention A in the photo's size, (H, W) float32; 1 (keep) outside the frame."""
        whole = np.ones(self.pixels.shape[:2], np.float32)
        inside = np.clip(self._enlarge(painted.attention), 0, 1)
        whole[self.top : self.bottom, self.left : self.right] = 1 - (1 - inside) * self._ramp
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
        mostly = np.clip((keep - 0.2) / 0.6, 0, 1)
        trust = mostly * mostly * (3 - 2 * mostly)
        detail: NDArray[np.float32] = trust * (keep + (1 - keep) * agreement)
        return detail

    @property
    def _scale(self) -> float:
        """Photo pixels for one pixel of a 128 crop."""
        return self.frame.native_side / 128

    def _enlarge(self, picture: NDArray[Any]) -> NDArray[np.float32]:
        """Resample something of crop shape (h, w[, c]) onto the box."""
        import cv2

        matrix = self.frame.matrix(picture.shape[0])
        matrix[:, 2] += matrix[:, :2] @ (self.left, self.top)
        if self.frame.native_side < picture.shape[0]:
            sigma = 0.4 * picture.shape[0] / self.frame.native_side
            picture = cv2.GaussianBlur(picture, (0, 0), sigma)
        resampled = cv2.warpAffine(
            picture,
            matrix,
            self._size,
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(resampled, np.float32)

    def _move(self, source: NDArray[np.uint8], flow: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The box's own pixels, taken along a flow in crop units."""
        import cv2

        side, (cos, sin) = self.frame.native_side, self.frame.x_axis
        x = self._columns + side * (cos * flow[..., 0] - sin * flow[..., 1])
        y = self._rows + side * (sin * flow[..., 0] + cos * flow[..., 1])
        moved = cv2.remap(
            source,
            x.astype(np.float32),
            y.astype(np.float32),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(moved, np.uint8)


def blend(pixels: NDArray[np.uint8], frame: FaceFrame, painted: Painted) -> NDArray[np.uint8]:
    """Put one painted face into a photo; see `Blender`."""
    return Blender(pixels, frame).blend(painted)
