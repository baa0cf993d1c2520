"""An invisible mark in an edited face, found again after JPEG, shrinking and screenshots.

The mark is a fixed noise of 10 to 36 waves to the face frame's side, added to the luminance,
more of it where the picture is busy and hides it. It sits in the face frame, so that whoever
finds the face finds the mark, wherever the picture was cut and however it was resized; what the
new frame misses by, since a smile moves the mouth that it is measured by, is searched.

It says one thing: ganimate painted here. It carries no message, is no proof against those who
want it gone, and can be put on by anyone, since this file is public.

Sources: Cox, Kilian, Leighton, Shamoon 1997, Secure spread spectrum watermarking for multimedia,
for the noise; Kalker, Depovere, Haitsma, Maes 1999, A video watermarking system for broadcast
monitoring, for finding it at any shift by phases alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.media.planes import BLACK, WHITE
from ganimate.media.profiles import Pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.faces.align import FaceFrame

SIZE = 128
"""Side of the mark, in pixels of its own; it spans the face frame."""
BAND = (10, 36)
"""Waves to the side. Fewer are seen as blotches, more do not survive in small faces."""
SEED = 0x67616E696D617465

QUIET, BUSY, LOUDEST = 0.4, 0.4, 3.0
"""Amplitude of the mark, in grey levels: in a plain area, as a share of the picture's own detail,
and at most."""
RMS = 1.7
"""At most this many grey levels on average: 43.5 dB within the frame."""
EDGE = 0.06
"""Width of the ramp along the frame's edge, as a share of its side."""

MARGIN = 1.3
"""What is looked at is the face frame made this much larger ..."""
LOOKED_AT = 256
"""... in this many pixels."""
SCALES = np.arange(-8, 9) * 0.02
ROLLS = np.arange(-3, 4) * 2.0
"""By how much the frame may have changed: its size, and degrees."""
SHIFT = 8
"""By how many of `SIZE` it may have moved."""
THRESHOLD = 6.5
"""A score from which a mark is taken to be there; see benchmarks/README.md."""
ENOUGH = 2 * THRESHOLD
"""A score from which a face is not marked once more: marks of edits of edits would add up."""

Floats = Any  # arrays of float32, whose type numpy's operators lose


class Watermark:
    """The mark for one face, made from a picture of it; it fits others of the same size.

    Args:
        pixels: the picture, HWC uint8 RGB.
        frame: the face's.
    """

    def __init__(self, pixels: Pixels, frame: FaceFrame) -> None:
        import cv2

        self.top, self.bottom, self.left, self.right = frame.box(*pixels.shape[:2])
        mark = _noise() * _loudness(frame.crop(pixels, SIZE)) * _ramp()
        mark *= min(1.0, RMS / max(float(np.sqrt(np.square(mark).mean())), 1e-6))
        matrix = frame.matrix(SIZE)
        matrix[:, 2] += matrix[:, :2] @ (self.left, self.top)
        size = (self.right - self.left, self.bottom - self.top)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        enlarged = cv2.warpAffine(mark, matrix, size, flags=flags)  # 0 outside the frame
        grey = np.rint(enlarged).astype(np.int16)
        self._change = cv2.merge([grey, grey, grey])
        self._luma = np.rint(enlarged * ((WHITE - BLACK) / 255)).astype(np.int16)

    def add_to(self, pixels: Pixels) -> None:
        """Mark a picture in place; outside the face frame no pixel changes."""
        import cv2

        region = pixels[self.top : self.bottom, self.left : self.right]
        region[:] = cv2.add(region, self._change, dtype=cv2.CV_8U)

    def add_to_luma(self, luma: Pixels) -> None:
        """The same for the luma of a picture as films hold it, (H, W) uint8."""
        import cv2

        region = luma[self.top : self.bottom, self.left : self.right]
        region[:] = cv2.add(region, self._luma, dtype=cv2.CV_8U)


def watermarks(pixels: Pixels, frames: Sequence[FaceFrame]) -> list[Watermark]:
    """The marks that the given faces of a picture, HWC uint8 RGB, do not carry yet."""
    return [Watermark(pixels, one) for one in frames if score(pixels, one) < ENOUGH]


def watermarked(pixels: Pixels, frames: Sequence[FaceFrame]) -> Pixels:
    """A new picture, HWC uint8 RGB, with every given face marked."""
    marked = np.array(pixels)
    for watermark in watermarks(pixels, frames):
        watermark.add_to(marked)
    return marked


def score(pixels: Pixels, frame: FaceFrame) -> float:
    """How surely a face carries the mark.

    Args:
        pixels: the picture, HWC uint8 RGB.
        frame: where a face was found in it.

    Returns:
        The best agreement over shifts, sizes and turns, in standard deviations of what any
        single one gives without a mark: 3.5 to 5 for unmarked faces; `THRESHOLD` and more means
        that the mark is there.
    """
    import cv2

    view = _evened(frame.scaled(MARGIN).crop(pixels, LOOKED_AT))
    (rows, columns), heard = _waves(), _heard()
    down, across = _shifts()
    middle = (LOOKED_AT - 1) / 2
    best = 0.0
    for scale in SCALES:
        for roll in np.deg2rad(ROLLS):
            step = (1 + scale) * LOOKED_AT / (SIZE * MARGIN)
            cos, sin = step * np.cos(roll), step * np.sin(roll)
            turn = np.array([[cos, -sin], [sin, cos]])
            matrix = np.column_stack([turn, middle - turn.sum(1) * (SIZE - 1) / 2])
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            looked = cv2.warpAffine(view, matrix, (SIZE, SIZE), flags=flags)
            spectrum = np.fft.rfft2(looked * _ramp())[rows][:, columns]
            phases = spectrum * heard / np.maximum(np.abs(spectrum), 1e-6)
            best = max(best, float((down @ phases @ across).real.max()))
    return best


@cache
def _band() -> NDArray[np.bool_]:
    """Which waves the mark is made of, (SIZE, SIZE), as `numpy.fft.fft2` orders them.

    Upright and level ones are left out: the frame's own edges are full of them.
    """
    waves = np.abs(np.fft.fftfreq(SIZE, 1 / SIZE))
    length = np.hypot(waves[:, None], waves[None])
    straight = np.minimum(waves[:, None], waves[None]) < 2
    chosen: NDArray[np.bool_] = (length >= BAND[0]) & (length <= BAND[1]) & ~straight
    return chosen


@cache
def _spectrum() -> NDArray[np.complex128]:
    """The mark's waves, each of length 1: only their phases differ."""
    # PCG64's raw output is the same in every release of numpy; its distributions may change.
    raw = np.random.PCG64(SEED).random_raw(SIZE * SIZE).reshape(SIZE, SIZE)
    spectrum = np.fft.fft2(raw / 2.0**64 - 0.5)
    return np.where(_band(), spectrum / np.abs(spectrum), 0)


@cache
def _noise() -> Floats:
    """The mark, (SIZE, SIZE), with a standard deviation of 1."""
    noise = np.fft.ifft2(_spectrum()).real
    return (noise / noise.std()).astype(np.float32)


@cache
def _waves() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows and columns of a half spectrum (`numpy.fft.rfft2`) that the band reaches."""
    return np.arange(-BAND[1], BAND[1] + 1), np.arange(BAND[1] + 1)


@cache
def _heard() -> NDArray[np.complex64]:
    """What a spectrum of phases is multiplied with, so that unmarked ones sum up to deviation 1.

    The other half of the spectrum says the same: each wave counts twice.
    """
    rows, columns = _waves()
    half = np.conj(_spectrum())[rows][:, columns]
    heard: NDArray[np.complex64] = 2 * half.astype(np.complex64)
    heard /= np.sqrt(np.count_nonzero(_band()))
    return heard


@cache
def _shifts() -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """How far each wave turns in a move down, and across, by up to `SHIFT` pixels."""
    moves = np.arange(-SHIFT, SHIFT + 1)
    rows, columns = _waves()
    down = np.exp(2j * np.pi / SIZE * np.outer(moves, rows))
    across = np.exp(2j * np.pi / SIZE * np.outer(columns, moves))
    return down.astype(np.complex64), across.astype(np.complex64)


@cache
def _ramp() -> Floats:
    """1 in the middle, falling to 0 two pixels from the edge, so that enlarged nothing leaves."""
    place = np.minimum(np.arange(SIZE), np.arange(SIZE)[::-1])
    side = np.clip((place - 1) / (EDGE * SIZE), 0, 1)
    side = side * side * (3 - 2 * side)
    return np.outer(side, side).astype(np.float32)


def _loudness(crop: Pixels) -> Floats:
    """How loud the mark may be, in grey levels, (SIZE, SIZE).

    An edge alone hides nothing beside it: what counts is the least detail in the neighbourhood.
    """
    import cv2

    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    near = (7, 7)
    detail = np.minimum(np.abs(grey - cv2.blur(grey, near)), 12)
    least = cv2.erode(cv2.blur(detail, near), np.ones(near, np.uint8))
    return np.minimum(QUIET + BUSY * cv2.blur(least, near), LOUDEST)


def _evened(crop: Pixels) -> Floats:
    """Detail alone, equally strong everywhere, so that no edge drowns the rest; (H, W) float32."""
    import cv2

    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    side = round(8 * LOOKED_AT / (SIZE * MARGIN)) | 1
    detail = grey - cv2.blur(grey, (side, side))
    # Running sums leave flat places a hair below nothing.
    energy = np.maximum(cv2.blur(detail * detail, (side, side)), 0)
    return detail / (np.sqrt(energy) + 1.5)
