"""Pictures as films hold them: a plane of luma, and colour at half the size.

Colours of HD television (ITU-R BT.709) in its range, 16 to 235 and 240, as 4:2:0: each sample of
colour stands in the middle of four of luma. That is half the bytes of RGB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ganimate.media.profiles import Pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

LUMA = (0.2126, 0.7152, 0.0722)
"""How much of light is red, green and blue."""
_RED, _GREEN, _BLUE = LUMA
BLACK, WHITE, GREY = 16, 235, 128
"""Luma of black and white; colour where there is none."""

TO_LUMA: NDArray[np.float64] = np.array([[_RED, _GREEN, _BLUE, 0]]) * (WHITE - BLACK) / 255
TO_LUMA[:, 3] = BLACK
TO_CHROMA: NDArray[np.float64] = np.array(
    [
        [-_RED / (1 - _BLUE), -_GREEN / (1 - _BLUE), 1, 0],
        [1, -_GREEN / (1 - _RED), -_BLUE / (1 - _RED), 0],
    ]
) * (112 / 255)
TO_CHROMA[:, 3] = GREY
"""RGB, 0 to 255, and a 1 -> luma, and Cb and Cr."""


class Planes(NamedTuple):
    """One picture.

    Attributes:
        luma: (H, W) uint8.
        chroma: Cb and Cr, (H/2, W/2, 2) uint8, rounded up; ffmpeg calls the two together NV12.
    """

    luma: Pixels
    chroma: Pixels

    def copy(self) -> Planes:
        return Planes(self.luma.copy(), self.chroma.copy())


def to_planes(pixels: Pixels) -> Planes:
    """Convert a picture, HWC uint8 RGB."""
    import cv2

    height, width = pixels.shape[:2]
    luma: Any = cv2.transform(pixels, TO_LUMA)
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    half = (even.shape[1] // 2, even.shape[0] // 2)
    small = cv2.resize(even, half, interpolation=cv2.INTER_AREA)
    chroma: Any = cv2.transform(small, TO_CHROMA)
    return Planes(luma.reshape(height, width), chroma)


def fitted(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """A picture, HWC uint8 RGB, shrunk to a width and height, or padded by its own edge to them."""
    from PIL import Image

    height, width = pixels.shape[:2]
    if size[0] < width or size[1] < height:
        return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
    if size == (width, height):
        return pixels
    return np.pad(pixels, ((0, size[1] - height), (0, size[0] - width), (0, 0)), mode="edge")
