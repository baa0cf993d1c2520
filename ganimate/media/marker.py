"""What is put into the pixels of an output: the watermark, and the label that people can read."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ganimate.media.grid import lettering
from ganimate.media.planes import BLACK, GREY, WHITE, Planes
from ganimate.media.profiles import Pixels
from ganimate.media.watermark import Watermark, watermarks

if TYPE_CHECKING:
    from ganimate.media.provenance import Provenance

LABEL = "AI-edited"
LETTERS = 0.028
"""Size of the label's letters, as a share of the picture's shorter side ..."""
SMALLEST = 9
"""... but at least so many pixels: smaller ones cannot be read."""
OPACITY = 0.62
"""Of the dark plate under the letters."""


class Marker:
    """Marks the pictures of one output, all of one size.

    Args:
        provenance: where its faces are, and whether it is labelled.
        size: width and height.
    """

    def __init__(self, provenance: Provenance, size: tuple[int, int]) -> None:
        self._faces, self._size = provenance.faces, size
        self.labelled = provenance.marking.label
        self._constant: list[Watermark] | None = None

    def mark(
        self,
        pixels: Pixels,
        out: Pixels | None = None,
    ) -> Pixels:
        """A copy with the first picture's watermark, which codecs keep better than a changing one.

        Args:
            pixels: HWC uint8 RGB.
            out: where to put the copy; else it is a new array.
        """
        marked = np.empty_like(pixels) if out is None else out
        np.copyto(marked, pixels)
        if self._constant is None:
            self._constant = watermarks(pixels, self._faces)
        for watermark in self._constant:
            watermark.add_to(marked)
        if self.labelled:
            self.label.draw_on(marked)
        return marked

    def mark_planes(self, planes: Planes, pixels: Pixels) -> None:
        """Mark a picture in place, as films hold it.

        Args:
            planes: the picture.
            pixels: the photo it was made of, HWC uint8 RGB, which the watermark is fitted to.
        """
        if self._constant is None:
            self._constant = watermarks(pixels, self._faces)
        for watermark in self._constant:
            watermark.add_to_luma(planes.luma)
        if self.labelled:
            self.label.draw_on_planes(planes)

    @cached_property
    def label(self) -> Label:
        return Label(self._size)


class Label:
    """The visible mark in the lower right corner.

    Attributes:
        box: (top, bottom, left, right), the rows and columns it covers.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        from PIL import Image, ImageDraw

        letters = max(SMALLEST, round(min(size) * LETTERS))
        font = lettering(letters)
        gap, margin = letters // 2, letters // 2
        x0, y0, x1, y1 = font.getbbox(LABEL)
        width, height = round(x1 - x0) + 2 * gap, round(y1 - y0) + 2 * gap
        plate = Image.new("L", (width, height), 0)
        ImageDraw.Draw(plate).text((gap - x0, gap - y0), LABEL, 255, font)
        ink = np.asarray(plate, np.float32)[..., None] / 255
        shape = Image.new("L", (width, height), 0)
        ImageDraw.Draw(shape).rounded_rectangle((0, 0, width - 1, height - 1), gap, 255)
        under = np.asarray(shape, np.float32)[..., None] / 255 * OPACITY
        bottom, right = max(size[1] - margin, height), max(size[0] - margin, width)
        bottom, right = min(bottom, size[1]), min(right, size[0])
        top, left = max(0, bottom - height), max(0, right - width)
        self.box = (top, bottom, left, right)
        kept = (slice(height - (bottom - top), None), slice(width - (right - left), None))
        # Over a picture p: white ink on a dark plate, p * keep + add.
        self._keep = ((1 - under) * (1 - ink))[kept]
        self._add = (255 * ink + 20 * under * (1 - ink))[kept]

    def draw_on(self, pixels: Pixels) -> None:
        """Draw it into a picture, HWC uint8 RGB, in place; no pixel outside `box` changes."""
        top, bottom, left, right = self.box
        region = pixels[top:bottom, left:right]
        region[:] = np.rint(region * self._keep + self._add).astype(np.uint8)

    def take_off(self, planes: Planes, clean: Planes) -> None:
        """Put back what it covers of a picture as films hold it."""
        top, bottom, left, right = self.box
        luma = slice(top, bottom), slice(left, right)
        chroma = slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2)
        planes.luma[luma], planes.chroma[chroma] = clean.luma[luma], clean.chroma[chroma]

    def draw_on_planes(self, planes: Planes) -> None:
        """The same on a picture as films hold it."""
        top, bottom, left, right = self.box
        keep = self._keep[..., 0]
        add = self._add[..., 0] * ((WHITE - BLACK) / 255) + BLACK * (1 - keep)
        luma = planes.luma[top:bottom, left:right]
        luma[:] = np.rint(luma * keep + add).astype(np.uint8)
        # Ink and plate are grey: colour fades where they cover it.
        whole = np.pad(keep, ((top % 2, bottom % 2), (left % 2, right % 2)), constant_values=1)
        halves = whole.reshape(len(whole) // 2, 2, -1, 2).mean((1, 3))[..., None]
        chroma = planes.chroma[top // 2 : (bottom + 1) // 2, left // 2 : (right + 1) // 2]
        chroma[:] = np.rint(GREY + (chroma - float(GREY)) * halves).astype(np.uint8)
