"""A photo as the page shows it: small enough to be painted while a slider moves.

The page has the whole picture once. After that only the square around the changed face travels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ganimate.media.profiles import srgb_converter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.facs import ActionUnits, Expression
    from ganimate.portrait import Portrait
    from ganimate.trajectory import Trajectory

Pixel = TypeVar("Pixel", bound=np.generic)

LONGEST = 2400
"""Pixels to the longer side of a view."""

FACE = (160, 384)
"""Pixels to the side of a face frame in a view: at least what fills the generator's crop of 128,
at most what two processor cores blend in time."""

QUALITY = 90
BLOCK = 8
"""JPEG's blocks. A patch begins and ends on them, so that what it shows unchanged is encoded as
in the whole picture, and no edge is seen."""

TINT = np.array((255, 64, 160), np.float32)
"""Laid over what is painted, where the attention is asked for."""


@dataclass(frozen=True)
class Patch:
    """The part of a view that shows one face.

    Attributes:
        jpeg: the picture.
        box: left, top, width, height of what it shows, in pixels of the photo.
        action_units: what the face was asked to show.
    """

    jpeg: bytes
    box: tuple[float, float, float, float]
    action_units: ActionUnits


class View:
    """A photo at one scale.

    Args:
        portrait: the opened photo.
        scale: view pixels for a photo pixel, up to 1.
    """

    def __init__(self, portrait: Portrait, scale: float) -> None:
        self.portrait = shrunk(portrait, scale)
        self._convert = srgb_converter(portrait.photo.icc_profile)
        height, width = portrait.photo.pixels.shape[:2]
        self._size = (width, height)
        self._alone: dict[int, Portrait] = {}

    @cached_property
    def picture(self) -> bytes:
        """The photo itself, as JPEG."""
        return self._jpeg(self.portrait.photo.pixels)

    def box(self, face: int) -> tuple[float, float, float, float]:
        """Left, top, width and height of what changes when a face does, in photo pixels."""
        rows, columns = self._patch(face)
        height, width = self.portrait.photo.pixels.shape[:2]
        x, y = self._size[0] / width, self._size[1] / height
        return (
            columns.start * x,
            rows.start * y,
            (columns.stop - columns.start) * x,
            (rows.stop - rows.start) * y,
        )

    def patch(
        self,
        face: int,
        look: ActionUnits | str,
        *,
        attention: bool = False,
        expressions: Mapping[str, Expression] | None = None,
    ) -> Patch:
        """Paint one face; the others stay as the photo has them.

        Args:
            face: its number.
            look: what it is to show.
            attention: tint what is painted rather than moved.
            expressions: those that `look` may name; by default the built-in ones.
        """
        edited = self._only(face).edit(look, expressions=expressions)
        pixels = self._cut(edited.image, face)
        if attention:
            # The root, so that a little paint is seen, too.
            painted = 0.8 * np.sqrt(1 - self._cut(edited.attention, face)[..., None])
            pixels = np.rint(pixels + painted * (TINT - pixels)).astype(np.uint8)
        return Patch(self._jpeg(pixels), self.box(face), edited.action_units)

    def play(self, face: int, trajectory: Trajectory) -> Iterator[bytes]:
        """A film of one face, a JPEG of its patch for each frame."""
        for frame in self._only(face).animate(trajectory):
            yield self._jpeg(self._cut(frame, face))

    def _only(self, face: int) -> Portrait:
        if face not in self._alone:
            self._alone[face] = only(self.portrait, [face])
        return self._alone[face]

    def _patch(self, face: int) -> tuple[slice, slice]:
        """Rows and columns of the view."""
        height, width = self.portrait.photo.pixels.shape[:2]
        top, bottom, left, right = self.portrait.faces[face].frame.box(height, width)
        return _on_blocks(top, bottom, height), _on_blocks(left, right, width)

    def _cut(self, picture: NDArray[Pixel], face: int) -> NDArray[Pixel]:
        return picture[self._patch(face)]

    def _jpeg(self, pixels: NDArray[np.uint8]) -> bytes:
        import cv2

        shown = self._convert(pixels) if self._convert else pixels
        options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        return cv2.imencode(".jpg", shown[..., ::-1], options)[1].tobytes()


def fitting_scale(portrait: Portrait, wanted: float) -> float:
    """The scale of a view that comes nearest to what the page would like.

    Args:
        portrait: the opened photo.
        wanted: screen pixels for a photo pixel.

    Returns:
        A quarter power of two, so that a window that is being resized does not ask for a new
        view at every step, or the nearest scale that `LONGEST` and `FACE` allow.
    """
    sides = [face.frame.native_side for face in portrait.faces]
    most = min(1.0, LONGEST / max(portrait.photo.pixels.shape), FACE[1] / max(sides))
    least = min(most, FACE[0] / min(sides))
    step: int = math.ceil(4 * math.log2(max(wanted, 1e-3)))
    fitting: float = min(max(math.pow(2, step / 4), least), most)
    return fitting


def shrunk(portrait: Portrait, scale: float) -> Portrait:
    """The same portrait, all faces chosen, of a smaller photo, laid on white."""
    import cv2

    opaque = portrait.photo.on_white()
    if scale == 1:
        return replace(portrait, photo=opaque)
    height, width = opaque.pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shown = cv2.resize(opaque.pixels, size, interpolation=cv2.INTER_AREA)
    pixels = np.asarray(shown, np.uint8)
    faces = tuple(face.scaled(np.divide(size, (width, height))) for face in portrait.faces)
    photo = replace(opaque, pixels=pixels)
    return replace(portrait, photo=photo, faces=faces, chosen=faces)


def only(portrait: Portrait, faces: Sequence[int]) -> Portrait:
    """The same portrait with other faces chosen, by their numbers; `portrait` has chosen all."""
    return replace(
        portrait,
        chosen=tuple(portrait.faces[face] for face in faces),
        currents=tuple(portrait.currents[face] for face in faces),
    )


def _on_blocks(start: int, stop: int, most: int) -> slice:
    """The blocks that start .. stop lies in and one more, as far as there is a picture."""
    first, last = start // BLOCK - 1, -(-stop // BLOCK) + 1
    return slice(max(0, first * BLOCK), min(last * BLOCK, most))
