"""The chosen faces of a photo, each ready to be painted over and over, and all of them composed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.faces.blend import Blender
from ganimate.faces.halves import Midline
from ganimate.faces.shut import ShutEyes
from ganimate.faces.topology import FACE_OVAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.engine import Encoded, Engine, Painted
    from ganimate.faces.align import FaceFrame
    from ganimate.faces.glasses import Bare
    from ganimate.faces.locate import Face
    from ganimate.facs import ActionUnits


@dataclass(frozen=True, eq=False)
class Layer:
    """One face of a photo.

    Attributes:
        engine: what paints it.
        encoded: its crop, as the engine holds it.
        current: what it shows in the photo.
        midline: where its halves meet.
        pixels: the photo without its glasses, HWC uint8 RGB.
        frame: where the face sits in it.
        outlines, landmarks: see `Blender`.
        iris: see `ShutEyes`.
    """

    engine: Engine
    encoded: Encoded
    current: ActionUnits
    midline: Midline
    pixels: NDArray[np.uint8]
    frame: FaceFrame
    outlines: Sequence[tuple[NDArray[Any], bool]]
    landmarks: NDArray[np.float32]
    iris: NDArray[np.float64] | None = None

    @cached_property
    def blender(self) -> Blender:
        """Puts it back into the photo."""
        return Blender(self.pixels, self.frame, self.outlines, landmarks=self.landmarks)

    @cached_property
    def shut(self) -> ShutEyes:
        """Opens its eyes where the photo shows them shut."""
        crop = self.frame.crop(self.pixels, self.engine.size)
        marks = self.frame.to_crop(self.landmarks, 1) + 0.5
        return ShutEyes(crop, marks, self.current.vector, self.iris)

    def paint(self, sides: NDArray[np.float32], *, finest: bool = False) -> list[Painted]:
        """Paint the face n times in one batch.

        Args:
            sides: (n, 2, 17), the intensities of the subject's right and left, 0..1. Only where
                they differ is a face painted twice.
            finest: as fine as a large face can show, at a few times the cost.
        """
        from ganimate.engine import DETAIL, FINEST

        current = self.current.vector
        large = self.frame.native_side > DETAIL * self.engine.size
        detail = FINEST if finest and large else DETAIL
        painted = paint_sides(
            lambda _, asked: self.engine.paint(self.encoded, asked, current, detail),
            sides,
            [self.midline] * len(sides),
        )
        return [self.shut.open(*each) for each in zip(painted, sides, strict=True)]


def paint_sides(
    paint: Callable[[NDArray[np.intp], NDArray[np.float32]], list[Painted]],
    sides: NDArray[np.float32],
    midlines: Sequence[Midline],
) -> list[Painted]:
    """Paint n faces in one batch; only where the sides differ is one painted twice.

    Args:
        paint: given which of the n, (m,), and the intensities asked of them, (m, 17), paints them.
        sides: (n, 2, 17), the intensities of the subject's right and left, 0..1.
        midlines: where the halves of each face meet.
    """
    right, left = sides[:, 0], sides[:, 1]
    uneven = np.flatnonzero((right != left).any(axis=1))
    rows = np.concatenate([np.arange(len(sides)), uneven])
    painted = paint(rows, np.concatenate([right, left[uneven]]))
    for index, other in zip(uneven.tolist(), painted[len(sides) :], strict=True):
        painted[index] = midlines[index].join(painted[index], other)
    return painted[: len(sides)]


def layers(
    engine: Engine,
    pixels: NDArray[np.uint8],
    chosen: Sequence[Face],
    currents: Sequence[ActionUnits],
    faces: Sequence[Face],
    iris: NDArray[np.float64] | None = None,
) -> tuple[Layer, ...]:
    """A layer for each chosen face.

    Args:
        engine: what is to paint them.
        pixels: the photo without their glasses, HWC uint8 RGB.
        chosen: the faces that are to change.
        currents: what each of them shows.
        faces: all of the photo's faces: where frames overlap, each face keeps to its own.
        iris: the colour of their eyes, where it is known: see `ShutEyes`.
    """
    return tuple(
        Layer(
            engine,
            engine.encode(face.frame.crop(pixels, engine.size)),
            current,
            Midline(face.landmarks, face.frame),
            pixels,
            face.frame,
            _outlines(face, faces),
            face.landmarks,
            iris,
        )
        for face, current in zip(chosen, currents, strict=True)
    )


def compose(bare: Bare, layers: Sequence[Layer], painted: Sequence[Painted]) -> NDArray[np.uint8]:
    """A new photo with a painting for each layer; of faces that overlap, the nearest comes last,
    and over them all what glasses they wear."""
    picture = np.array(bare.pixels)
    pairs = zip(layers, painted, strict=True)
    for layer, one in sorted(pairs, key=lambda pair: pair[0].frame.half_side):
        layer.blender.blend_into(picture, one)
    bare.put_on(picture)
    return picture


def kept(bare: Bare, layers: Sequence[Layer], painted: Sequence[Painted]) -> NDArray[np.float32]:
    """The attention in the photo's size, (H, W) float32; 1 where every layer keeps the photo."""
    pairs = zip(layers, painted, strict=True)
    attention = reduce(np.minimum, (layer.blender.attention(one) for layer, one in pairs))
    for glasses in bare.glasses:
        glasses.keep(attention)
    return attention


def _outlines(face: Face, faces: Sequence[Face]) -> list[tuple[NDArray[Any], bool]]:
    """The outlines of a face and of those that reach into its frame, the nearest last.

    The larger a face, the nearer it is taken to be. None where no other reaches into the frame.
    """
    reaching = [other for other in faces if other is face or _reaches(other, face)]
    if len(reaching) == 1:
        return []
    reaching.sort(key=lambda other: other.frame.half_side)
    return [(other.landmarks[list(FACE_OVAL)], other is face) for other in reaching]


def _reaches(other: Face, face: Face) -> bool:
    """Whether some of another face's outline lies in a face's frame."""
    places = face.frame.to_crop(other.landmarks[list(FACE_OVAL)], size=1)
    return bool((np.abs(places) <= 0.5).all(axis=1).any())
