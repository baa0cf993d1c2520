"""A photo as films hold it, in which faces are painted anew for each frame.

What does not change is converted once: a frame costs what its faces' boxes cost, a pixel of luma
instead of three of RGB, and a quarter as many pairs of colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ganimate.faces.blend import FINE, Blender
from ganimate.faces.glasses import Bare, Glasses
from ganimate.media.planes import TO_CHROMA, TO_LUMA, Planes, to_planes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.engine import Painted
    from ganimate.layers import Layer
    from ganimate.media.marker import Marker

FINE_LUMA, FINE_CHROMA = FINE // 2, FINE // 4
"""A film's own losses hide what finer grids would gain: with these, a grin of a face of 1249 pixels
comes out as it does in RGB to PSNRs of 49 dB in luma and 57 in chroma."""


class Canvas:
    """Paints one photo again and again.

    Args:
        pixels: the photo, HWC uint8 RGB.
        bare: the same without glasses.
        layers: its faces.
        marker: what marks the frames; None leaves them unmarked.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        bare: Bare,
        layers: Sequence[Layer],
        marker: Marker | None = None,
    ) -> None:
        self._pixels, self._marker = pixels, marker
        self._photo = to_planes(bare.pixels)
        self._glasses = _on_planes(bare.glasses, pixels, self._photo)
        self._shown = self._photo.copy()
        self._painted: Sequence[Painted] = ()
        self._pairs = [self._blenders(layer, len(layers) == 1) for layer in layers]
        # Of faces that overlap, the nearest comes last.
        self._order = sorted(range(len(layers)), key=lambda i: layers[i].frame.half_side)

    def paint(self, painted: Sequence[Painted]) -> Planes:
        """The photo with a painting for each layer; the next one is written over it, and the same
        one again costs nothing."""
        if painted is self._painted:  # a face that stands still
            return self._shown
        self._painted = painted
        self._restore()
        for index in self._order:
            for plane, blender in zip(self._shown, self._pairs[index], strict=True):
                blender.blend_into(plane, painted[index])
        for plane, glasses in zip(self._shown, self._glasses, strict=True):
            for one in glasses:
                one.put_on(plane)
        if self._marker:
            self._marker.mark_planes(self._shown, self._pixels)
        return self._shown

    def _blenders(self, layer: Layer, alone: bool) -> tuple[Blender, Blender]:
        luma, chroma = self._photo
        half = layer.frame.resized(0.5)
        halves = [((points + 0.5) / 2 - 0.5, own) for points, own in layer.outlines]
        landmarks = layer.landmarks
        halved = (landmarks + 0.5) / 2 - 0.5
        return (
            Blender(luma, layer.frame, layer.outlines, TO_LUMA, FINE_LUMA, alone, landmarks),
            Blender(chroma, half, halves, TO_CHROMA, FINE_CHROMA, alone, halved),
        )

    def _restore(self) -> None:
        for pair in self._pairs:
            for plane, blender in zip(self._shown, pair, strict=True):
                blender.restore(plane)
        if self._marker and self._marker.labelled:
            self._marker.label.take_off(self._shown, self._photo)


def _on_planes(
    glasses: Sequence[Glasses], pixels: NDArray[np.uint8], bare: Planes
) -> tuple[list[Glasses], list[Glasses]]:
    """A photo's glasses as they lie over its luma, and over its colour at half the size."""
    import cv2

    luma: list[Glasses] = []
    chroma: list[Glasses] = []
    if not glasses:
        return luma, chroma
    photo = to_planes(pixels)
    for one in glasses:
        luma.append(Glasses.over(photo.luma, bare.luma, one.box, one.through[..., :1]))
        height, width = one.through.shape[:2]
        even = np.pad(one.through[..., 0], ((0, height % 2), (0, width % 2)), mode="edge")
        half = (even.shape[1] // 2, even.shape[0] // 2)
        small = cv2.resize(even, half, interpolation=cv2.INTER_AREA)
        through = np.asarray(small[..., None], np.float32)
        box = tuple(slice(side.start // 2, (side.stop + 1) // 2) for side in one.box)
        chroma.append(Glasses.over(photo.chroma, bare.chroma, (box[0], box[1]), through))
    return luma, chroma
