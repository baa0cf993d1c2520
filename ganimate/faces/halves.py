"""The two halves of a face, each painted on its own and joined along the face's midline.

The generator is symmetric: it knows no left and no right. A face that shows something on one side
alone is painted twice, once as each side is to be, and of both paintings one half is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.faces.align import FaceFrame
from ganimate.faces.grid import smoothstep
from ganimate.faces.topology import MIDLINE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.engine import Painted

RAMP, MOUTH_RAMP = 0.06, 0.2
"""Width of the seam between the halves, as a share of the frame's side: down to the nose, where the
eyes are near, and from the mouth on, which would look torn were half of it opened at once."""

NOSE, MOUTH = 2, 13
"""Landmarks between which the seam widens: below the nose, and inside the upper lip."""


@dataclass(frozen=True, eq=False)
class Midline:
    """Where the halves of a face meet: from forehead to chin over nose and lips, at any yaw.

    Attributes:
        landmarks: (478, 2), in photo pixels.
        frame: the face's.
    """

    landmarks: NDArray[Any]
    frame: FaceFrame

    @cached_property
    def _points(self) -> NDArray[np.float64]:
        """All landmarks, as shares of the frame's side from its middle."""
        return self.frame.to_crop(self.landmarks, size=1)

    def left_share(self, size: int) -> NDArray[np.float32]:
        """How far each pixel of a crop of `size` belongs to the subject's left half.

        Returns:
            (size, size) float32, 0 on the right, 1 on the left, a smooth ramp between them.
        """
        place = (np.arange(size) + 0.5) / size - 0.5
        line = self._points[list(MIDLINE)]
        x, y = line[np.argsort(line[:, 1])].T  # from forehead to chin
        middle = np.interp(place, y, x)[:, None]
        width = np.interp(place, self._points[[NOSE, MOUTH], 1], (RAMP, MOUTH_RAMP))[:, None]
        share: NDArray[np.float32] = smoothstep((place - middle) / width + 0.5).astype(np.float32)
        return share

    def join(self, right: Painted, left: Painted) -> Painted:
        """One painting of the right half of one and the left half of the other.

        Each one's colour counts by as much as it covers.
        """
        from ganimate.engine import Painted

        fine, coarse = (self.left_share(len(part)) for part in (right.attention, right.flow))
        cover_right = (1 - fine) * (1 - right.attention)
        cover_left = fine * (1 - left.attention)
        # Where neither covers anything the colour does not count, but is enlarged with the rest.
        weight_right, weight_left = cover_right + 1e-3 * (1 - fine), cover_left + 1e-3 * fine
        share = (weight_left / (weight_right + weight_left))[..., None]
        return Painted(
            attention=1 - cover_right - cover_left,
            colour=right.colour + share * (left.colour - right.colour),
            flow=right.flow + coarse[..., None] * (left.flow - right.flow),
            parting=(right.parting + left.parting) / 2,
            opening=(right.opening + left.opening) / 2,
            tightening=(right.tightening + left.tightening) / 2,
            softness=(right.softness + left.softness) / 2,
        )
