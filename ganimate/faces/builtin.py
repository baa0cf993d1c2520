"""The built-in locator: works offline on a bare machine, with what the package carries.

OpenCV's Haar cascade proposes squares; the reader looks at each, says where the landmarks are,
looks again through the face frame that they give, and says whether this is a face at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ganimate.errors import GanimateError
from ganimate.faces.align import FaceFrame
from ganimate.faces.locate import Face, distinct, shrink, windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.engine import Reading

CASCADE = "haarcascade_frontalface_default.xml"
"""Of OpenCV's frontal cascades the one that misses fewest: it finds 291 of 300 training faces."""

BOX_DOWN, BOX_HALF_SIDE = 0.071, 0.473
"""Where the face frame lies in a box of the cascade, in box widths: how far its centre is below
the box's, and its half-side. Medians over those faces; they scatter by 0.025 and 0.036."""

FACE_THRESHOLD = 0.5
"""The reader's face score from which a proposal counts as a face."""

LOOKS = 3
"""Times the reader looks at a proposal, each time through a better face frame."""

SCAN_SIDE, SMALLEST = 960, 24
"""Side of the scanned picture and of the smallest box proposed in it, in pixels."""

ROLLS = ((0,), (30, -30), (90, -90), (60, -60), (180,), (120, -120), (150, -150))
"""The turns of the photo that are tried until some show a face; the cascade bears some 15
degrees either way."""


class Reader(Protocol):
    """What the locator asks of the reader (engine.ReaderEngine)."""

    def read(self, crops: NDArray[np.uint8]) -> Reading: ...


class BuiltinLocator:
    """Haar cascade and reader.

    Args:
        reader: reads crops; by default the shipped reader.

    Raises:
        GanimateError: OpenCV carries no cascade, or the reader's weights are missing.
    """

    name = "builtin"

    def __init__(self, reader: Reader | None = None) -> None:
        import cv2

        if reader is None:
            from ganimate.engine import ReaderEngine

            reader = ReaderEngine.default()
        self._reader = reader
        path = Path(getattr(getattr(cv2, "data", None), "haarcascades", "")) / CASCADE
        self._cascade = cv2.CascadeClassifier(str(path)) if path.is_file() else None
        if self._cascade is None or self._cascade.empty():
            raise GanimateError(
                f"this OpenCV ({cv2.__version__}) carries no {CASCADE}",
                "pip install 'opencv-contrib-python>=4.10,<5'",
            )

    def locate(self, pixels: NDArray[np.uint8]) -> list[Face]:
        """The faces of a photo (HWC uint8 RGB), from left to right."""
        small, factor = shrink(np.ascontiguousarray(pixels[..., :3]), SCAN_SIDE)
        for rolls in ROLLS:
            proposals = [frame for roll in rolls for frame in self._propose(small, roll)]
            frames = [frame.resized(factor) for frame in proposals]
            faces = refine(pixels, frames, self._reader)
            faces = distinct(face for face in faces if face.score >= FACE_THRESHOLD)
            if faces:
                return faces
        return []

    def _propose(self, small: NDArray[np.uint8], roll: float) -> Iterator[FaceFrame]:
        """Rough frames of what may be faces, at one turn of the shrunken photo."""
        import cv2

        assert self._cascade is not None
        height, width = small.shape[:2]
        (view,) = windows(height, width, 0, roll)
        size = round(view.native_side)
        grey = cv2.equalizeHist(cv2.cvtColor(view.crop(small, size), cv2.COLOR_RGB2GRAY))
        boxes: Any = self._cascade.detectMultiScale(
            grey, scaleFactor=1.1, minNeighbors=3, minSize=(SMALLEST, SMALLEST)
        )
        for left, top, side, _ in boxes:
            middle = (left + (side - 1) / 2, top + (side - 1) / 2 + BOX_DOWN * side)
            x, y = (float(v) for v in view.to_photo(middle, size))
            if 0 <= x < width and 0 <= y < height:
                half_side = BOX_HALF_SIDE * float(side) * view.native_side / size
                yield FaceFrame.turned((x, y), half_side, roll)

    def close(self) -> None:
        """Nothing to let go of."""


def refine(pixels: NDArray[np.uint8], frames: Sequence[FaceFrame], reader: Reader) -> list[Face]:
    """Let the reader settle rough face frames.

    Args:
        pixels: the photo, HWC uint8 RGB.
        frames: where faces may be; within some 5 % and 10 degrees is near enough.
        reader: reads crops.

    Returns:
        A face for each frame that still frames one, scored by the reader's last look; doubles
        and non-faces are left in for the caller to drop by score.
    """
    faces: list[Face] = []
    for _ in range(LOOKS):
        if not frames:
            return []
        reading = reader.read(np.stack([frame.crop(pixels) for frame in frames]))
        faces = []
        for frame, landmarks, score in zip(frames, reading.landmarks, reading.face, strict=True):
            try:
                faces.append(Face.from_landmarks(frame.to_photo(landmarks), float(score)))
            except GanimateError:  # the points fell together: no face
                continue
        frames = [face.frame for face in faces]
    return faces
