"""The face frame: one similarity transform between a photo and the networks' crop.

Training, reading, editing and evaluation all cut their crops here, so that a network meets at
work the very picture it met in training.

Pixel convention, everywhere in ganimate: pixel ``i`` has its centre at coordinate ``i``, in the
photo and in the crop alike. A crop of size S therefore spans -0.5 .. S - 0.5, and its middle is
at (S - 1) / 2. MediaPipe's normalised coordinates count from the picture's edge instead: half a
pixel is taken off when they come in (locate.py). The stored training faces count from the edge
too; see ``STORED_OFFSET``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.errors import GanimateError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CROP_SIZE = 128
"""Side of the generator's and the reader's crop, in pixels."""

STORED_SCALE = 1.1875
"""Stored training faces show the face frame this much larger: 152 pixels for 128."""

STORED_OFFSET = -0.5
"""Add this to landmarks stored with the training faces to count from pixel centres."""

LANDMARKS = 478
"""Points of MediaPipe's face mesh, irises included."""

RIGHT_EYE = (33, 133, 159, 145)
LEFT_EYE = (263, 362, 386, 374)
MOUTH = (61, 291)
"""Landmarks whose means stand for the eyes (the person's own right and left) and the mouth."""

ACROSS, DOWN, MIDDLE = 1.25, 1.16, 0.47
"""Half the frame's side is so many distances between the eyes, or from eyes to mouth, whichever is
more; its middle is so far down from the eyes to the mouth."""


def within(point: ArrayLike, height: int, width: int) -> bool:
    """Whether a point (x, y) lies in a picture; its mirrored margin shows faces, too."""
    x, y = np.asarray(point, float)
    return bool(-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5)


@dataclass(frozen=True)
class FaceFrame:
    """The upright square around a face.

    Attributes:
        centre: its middle, in photo pixels (x, y).
        x_axis: unit vector along its upper edge, from the person's right eye to the left.
            The other axis is this one turned by 90 degrees, downwards over the face.
        half_side: half the length of its side, in photo pixels.
    """

    centre: tuple[float, float]
    x_axis: tuple[float, float]
    half_side: float

    @classmethod
    def from_landmarks(cls, landmarks: ArrayLike) -> FaceFrame:
        """Frame a face by its eyes and mouth.

        Args:
            landmarks: MediaPipe's points, (478, 2), in photo pixels.

        Raises:
            GanimateError: another shape, or eyes and mouth in one point.
        """
        points = np.asarray(landmarks, dtype=np.float64)
        if points.shape != (LANDMARKS, 2):
            raise GanimateError(f"landmarks have shape {points.shape}, not ({LANDMARKS}, 2)")
        right, left, mouth = (points[list(i)].mean(0) for i in (RIGHT_EYE, LEFT_EYE, MOUTH))
        eyes = (right + left) / 2
        across, down = left - right, mouth - eyes
        # Both lines vote on the roll: the eye line alone shakes with a wink, the eye-mouth line
        # with a crooked smile. The longer of both sets the size, so that a turned head, whose
        # eyes draw together, keeps its scale.
        direction = across + np.array([down[1], -down[0]])
        length = math.hypot(*direction)
        half_side = max(ACROSS * math.hypot(*across), DOWN * math.hypot(*down))
        if not (math.isfinite(half_side) and length > 1e-6 * half_side > 0):
            raise GanimateError("these landmarks are no face: eyes and mouth do not span a square")
        centre = eyes + MIDDLE * down
        return cls(
            centre=(float(centre[0]), float(centre[1])),
            x_axis=(float(direction[0]) / length, float(direction[1]) / length),
            half_side=float(half_side),
        )

    @classmethod
    def turned(cls, centre: tuple[float, float], half_side: float, roll: float) -> FaceFrame:
        """Frame a square whose upper edge is turned by `roll` degrees, clockwise on screen."""
        angle = math.radians(roll)
        return cls(centre, (math.cos(angle), math.sin(angle)), half_side)

    def apart(self, other: FaceFrame) -> float:
        """How far this frame is from another and differs in size, in the other's half sides."""
        moved = math.dist(self.centre, other.centre) / other.half_side
        return moved + abs(math.log(self.half_side / other.half_side))

    @property
    def roll(self) -> float:
        """How far the face is turned in the picture, degrees, clockwise on screen, -180..180."""
        return math.degrees(math.atan2(self.x_axis[1], self.x_axis[0]))

    @property
    def native_side(self) -> float:
        """Length of the frame's side, in photo pixels."""
        return 2 * self.half_side

    def scaled(self, factor: float) -> FaceFrame:
        """The same frame made `factor` times larger about its centre."""
        return replace(self, half_side=self.half_side * factor)

    def resized(self, factor: float) -> FaceFrame:
        """The same frame where the whole photo is made `factor` times larger."""
        x, y = ((value + 0.5) * factor - 0.5 for value in self.centre)
        return replace(self, centre=(x, y), half_side=self.half_side * factor)

    def matrix(self, size: int = CROP_SIZE) -> NDArray[np.float64]:
        """The affine map photo -> crop, (2, 3): crop = matrix @ (x, y, 1)."""
        scale = size / self.native_side
        (cos, sin), (x, y) = self.x_axis, self.centre
        linear = scale * np.array([[cos, sin], [-sin, cos]])
        shift = (size - 1) / 2 - linear @ (x, y)
        return np.column_stack([linear, shift])

    def inverse_matrix(self, size: int = CROP_SIZE) -> NDArray[np.float64]:
        """The affine map crop -> photo, (2, 3)."""
        scale = self.native_side / size
        cos, sin = self.x_axis
        linear = scale * np.array([[cos, -sin], [sin, cos]])
        shift = np.asarray(self.centre) - linear.sum(1) * (size - 1) / 2
        return np.column_stack([linear, shift])

    def to_crop(self, points: ArrayLike, size: int = CROP_SIZE) -> NDArray[np.float64]:
        """Map photo points (..., 2) to pixels of a crop of `size`."""
        return _mapped(points, self.matrix(size))

    def to_photo(self, points: ArrayLike, size: int = CROP_SIZE) -> NDArray[np.float64]:
        """Map points (..., 2) of a crop of `size` to photo pixels."""
        return _mapped(points, self.inverse_matrix(size))

    def corners(self) -> NDArray[np.float64]:
        """The frame's four corners in the photo, (4, 2), clockwise from the upper left."""
        unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=np.float64)
        return self.to_photo(unit - 0.5, size=1)

    def box(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The rows and columns of a photo that the frame can reach.

        Returns:
            (top, bottom, left, right), half open: ``pixels[top:bottom, left:right]`` holds every
            pixel whose centre lies inside the frame.

        Raises:
            GanimateError: the frame lies outside the photo.
        """
        low, high = self.corners().min(0), self.corners().max(0)
        left, top = max(0, math.ceil(low[0])), max(0, math.ceil(low[1]))
        right, bottom = min(width, math.floor(high[0]) + 1), min(height, math.floor(high[1]) + 1)
        if top >= bottom or left >= right:
            raise GanimateError(f"the face frame lies outside the photo of {width} x {height}")
        return top, bottom, left, right

    def crop(self, pixels: NDArray[np.uint8], size: int = CROP_SIZE) -> NDArray[np.uint8]:
        """Resample the frame, mirrored where it leaves the photo.

        Args:
            pixels: the photo, HWC uint8.
            size: side of the crop.

        Returns:
            The crop, (size, size, C) uint8. When the frame shrinks, each crop pixel is the mean
            of the photo's pixels under it, also when the face is turned: fine detail does not
            alias.
        """
        import cv2

        low, high = self.corners().min(0), self.corners().max(0)
        top, bottom = _reach(low[1], high[1], pixels.shape[0])
        left, right = _reach(low[0], high[0], pixels.shape[1])
        # Cut the neighbourhood out first: OpenCV warps no picture of 32767 or more to a side.
        frame = replace(self, centre=(self.centre[0] - left, self.centre[1] - top))
        fineness = max(1, math.ceil(self.native_side / size))
        fine: NDArray[Any] = cv2.warpAffine(
            pixels[top:bottom, left:right],
            frame.matrix(size * fineness),
            (size * fineness, size * fineness),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        if fineness > 1:
            fine = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
        return fine.reshape(size, size, -1)


def _reach(low: float, high: float, length: int) -> tuple[int, int]:
    """The pixels along an axis that low..high shows, in the photo or in its mirror image."""
    first = min(low, 2 * length - high) - 2  # two more for the resampling
    last = max(high, -low) + 3
    return max(0, math.floor(first)), min(length, math.ceil(last))


def _mapped(points: ArrayLike, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply a (2, 3) affine map to points (..., 2)."""
    mapped: NDArray[np.float64] = np.asarray(points, dtype=np.float64) @ matrix[:, :2].T
    return mapped + matrix[:, 2]
