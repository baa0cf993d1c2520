"""The built-in locator: works offline on a bare machine, with what the package carries.

OpenCV's Haar cascade proposes squares; the reader looks at each, says where the landmarks are,
looks again through the face frame that they give, and says whether this is a face at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ganimate.errors import GanimateError
from ganimate.faces.align import FaceFrame, within
from ganimate.faces.locate import Face, distinct, shrink, windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.engine import Reading

CASCADE = "haarcascade_frontalface_alt2.xml"
"""Of OpenCV's frontal cascades the one that misses fewest: 14 of 350 training faces."""

BOX_DOWN, BOX_HALF_SIDE = 0.074, 0.485
"""Where the face frame lies in a box of the cascade, in box widths: how far its centre is below
the box's, and its half-side. Medians over those faces; they scatter by 0.023 and 0.030."""

FACE_THRESHOLD = 0.95
"""The reader's face score from which a proposal counts as a face: portraits have 0.97 and up."""

LOOKS = 4
"""Times the reader looks at a proposal, each time through a better face frame."""

STEADY = 0.05
"""How far the last look may still move the face frame, in half-sides. On a face it comes to rest
(99 of 100 rough proposals, the good ones at once); on the rest it mostly wanders on, whatever the
score."""

DRIFT = 0.06
"""How far, in half-sides, frames drawn too large and too small may come to rest from a turned face:
mostly it is under 0.01, at parts that pass for faces 0.04 and more."""

SMALLEST = 20
"""Side of the smallest box proposed, in pixels of the scanned picture."""

ROUNDS = ((640, (0,)), *((320, rolls) for rolls in ((30, -30), (90, -90), (60, -60), (180,))))
ROUNDS += ((320, (120, -120)), (320, (150, -150)))
"""Longer side of the scanned picture and its turns, in degrees, until some show a face. The
cascade bears 15 degrees either way; the turned photo is scanned small, since that is most of the
time."""


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

    def locate(self, pixels: NDArray[np.uint8], *, thorough: bool = True) -> list[Face]:
        """The faces of a photo (HWC uint8 RGB), from left to right."""
        pixels = np.ascontiguousarray(pixels[..., :3])
        turned: list[Face] = []
        for side, rolls in ROUNDS if thorough else ROUNDS[:1]:
            small, factor = shrink(pixels, side)
            proposals = [frame for roll in rolls for frame in self._propose(small, roll)]
            frames = [frame.resized(factor) for frame in proposals]
            faces = refine(pixels, frames, self._reader)
            faces = [face for face in faces if face.score >= FACE_THRESHOLD]
            # The cascade proposes faces that stand; what the reader turns far is none of them.
            faces = [
                face
                for face in faces
                if any(abs((face.frame.roll - roll + 180) % 360 - 180) <= 40 for roll in rolls)
            ]
            if faces and 0 in rolls:
                return distinct(faces)
            turned += faces
        return distinct(self._firmest(pixels, turned))

    def _firmest(self, pixels: NDArray[np.uint8], faces: list[Face]) -> list[Face]:
        """Of faces that lie over each other the one that draws frames back best.

        In a face that is turned, parts of it pass for small faces at other turns, with high scores.
        """
        drift = [(drift_of(pixels, face, self._reader), i) for i, face in enumerate(faces)]
        kept: list[Face] = []
        for far, i in sorted(drift):
            frame = faces[i].frame
            if far < DRIFT and all(
                math.dist(frame.centre, other.frame.centre)
                > max(frame.half_side, other.frame.half_side)
                for other in kept
            ):
                kept.append(faces[i])
        return kept

    def _propose(self, small: NDArray[np.uint8], roll: float) -> Iterator[FaceFrame]:
        """Rough frames of what may be faces, at one turn of the shrunken photo."""
        import cv2

        assert self._cascade is not None
        height, width = small.shape[:2]
        (view,) = windows(height, width, 0, roll)
        size = round(view.native_side)
        grey = cv2.cvtColor(view.crop(small, size), cv2.COLOR_RGB2GRAY)
        # As it is, and equalised: the one misses faces in poor light, the other dark skin before
        # a bright wall.
        for picture in (grey, cv2.equalizeHist(grey)):
            boxes: Any = self._cascade.detectMultiScale(
                picture, scaleFactor=1.2, minNeighbors=3, minSize=(SMALLEST, SMALLEST)
            )
            for left, top, side, _ in boxes:
                middle = (left + (side - 1) / 2, top + (side - 1) / 2 + BOX_DOWN * side)
                x, y = (float(v) for v in view.to_photo(middle, size))
                if within((x, y), height, width):
                    half_side = BOX_HALF_SIDE * float(side) * view.native_side / size
                    yield FaceFrame.turned((x, y), half_side, roll)

    def follow(self, pixels: NDArray[np.uint8], frame: FaceFrame, seconds: float) -> Face | None:
        """The face that was at `frame` a moment ago: the reader settles there anew."""
        faces = refine(pixels, [frame], self._reader)
        return faces[0] if faces and faces[0].score >= FACE_THRESHOLD else None

    def close(self) -> None:
        """Nothing to let go of."""


def refine(pixels: NDArray[np.uint8], frames: Sequence[FaceFrame], reader: Reader) -> list[Face]:
    """Let the reader settle rough face frames.

    Args:
        pixels: the photo, HWC uint8 RGB.
        frames: where faces may be; within some 5 % and 10 degrees is near enough.
        reader: reads crops.

    Returns:
        A face for each frame that comes to rest, scored by the reader's last look; doubles and
        low scores are left in for the caller to drop.
    """
    faces: list[Face] = []
    for look in range(LOOKS):
        if not frames:
            return []
        reading = reader.read(np.stack([frame.crop(pixels) for frame in frames]))
        faces = []
        for frame, landmarks, score in zip(frames, reading.landmarks, reading.face, strict=True):
            try:
                face = Face.from_landmarks(frame.to_photo(landmarks), float(score))
            except GanimateError:  # the points fell together: no face
                continue
            if look < LOOKS - 1 or face.frame.apart(frame) < STEADY:
                faces.append(face)
        frames = [face.frame for face in faces]
    return faces


def drift_of(pixels: NDArray[np.uint8], face: Face, reader: Reader) -> float:
    """How far from a face frames come to rest that start much too large and too small.

    Args:
        pixels: the photo, HWC uint8 RGB.
        face: what `refine` came to rest at.
        reader: reads crops.

    Returns:
        In half-sides; infinite where they do not come to rest.
    """
    again = refine(pixels, [face.frame.scaled(1.3), face.frame.scaled(0.77)], reader)
    if len(again) < 2:
        return math.inf
    return max(one.frame.apart(face.frame) for one in again)
