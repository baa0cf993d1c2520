"""The grain of skin, for paint that is skin: closed lids.

What the networks paint holds nothing finer than a pixel of their crop. Where paint and photo show
the same thing, the photo's own detail is carried over (`blend`); a lid that comes down shows what
the photo does not. Skin of the same face lies a little below it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.faces.align import FaceFrame

LIDS = (0.18, 0.45)
"""Rows of the face frame, as shares of its side, in which lids lie."""
EDGE = 0.03
"""How softly these rows begin and end, likewise."""
CHEEK = 0.2
"""How far below a lid the skin is that lends it its grain, likewise."""
FINEST = 0.6
"""Blur, in pixels of a 128 crop, beyond which something is finer than paint."""
ROUGHEST = 3.0
"""Grain is cut off at so many of its standard deviations: rims of glasses and lashes are none."""


class Grain:
    """The grain that painted lids of one face can have; worked out when it is first asked for.

    Args:
        pixels: the photo, HWC uint8 RGB, or a plane of it, (H, W).
        frame: where the face sits in it.
        box: (top, bottom, left, right), what of the photo is painted.
        down: (h, w), how far down the frame each pixel of the box lies, 0..1.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        frame: FaceFrame,
        box: tuple[int, int, int, int],
        down: NDArray[np.float32],
    ) -> None:
        top, bottom, left, right = box
        self._box, self._frame = pixels[top:bottom, left:right], frame
        share = np.clip(np.minimum(down - LIDS[0], LIDS[1] - down) / EDGE, 0, 1)
        among = np.flatnonzero(share.any(axis=1))
        self.rows = slice(among[0], among[-1] + 1) if len(among) else slice(0, 0)
        self._share = share[self.rows]

    def add(self, to: NDArray[np.float32], bare: NDArray[np.float32]) -> None:
        """Add it, in place.

        Args:
            to: (h, w) or (h, w, C), the paint of the whole box, in grey levels.
            bare: (h, w), how far paint stands alone, 0..1.
        """
        if self._share.size:
            grain = self._skin * (bare[self.rows] * self._share)
            to[self.rows] += grain if to.ndim == 2 else grain[..., None]

    @cached_property
    def _skin(self) -> NDArray[np.float32]:
        """What is finer than paint in the skin below each pixel of the rows."""
        import cv2

        grey: Any = self._box
        if grey.ndim == 3:
            grey = cv2.cvtColor(grey, cv2.COLOR_RGB2GRAY)
        side, (cos, sin) = self._frame.native_side, self._frame.x_axis
        below = np.array(
            [(1, 0, -CHEEK * side * sin), (0, 1, CHEEK * side * cos + self.rows.start)]
        )
        size = grey.shape[1], self.rows.stop - self.rows.start
        # Whole pixels: resampling would smooth what is looked for.
        below[:, 2] = np.rint(below[:, 2])
        skin = cv2.warpAffine(
            grey,
            below,
            size,
            flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        ).astype(np.float32)
        fine = skin - cv2.GaussianBlur(skin, (0, 0), max(0.5, FINEST * side / 128))
        # The median tells the grain from the few edges among it.
        limit = ROUGHEST * 1.48 * float(np.median(np.abs(fine)))
        return np.asarray(fine.clip(-limit, limit), np.float32)
