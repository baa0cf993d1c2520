"""Find the faces in a photo, each with its landmarks and its face frame.

Two locators share one shape: MediaPipe's Face Landmarker (mediapipe.py) and the built-in one
(builtin.py), which needs neither a download nor system libraries. `open_locator` picks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ganimate.errors import GanimateError, UsageError
from ganimate.faces.align import FaceFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOCATORS = ("auto", "mediapipe", "builtin")
MAX_FACES = 16
"""Faces looked for in one photo, and at most returned."""

CHOICES: dict[str, Callable[[list[Face]], list[Face]]] = {
    "largest": lambda faces: [max(faces, key=lambda face: face.frame.half_side)],
    "all": list,
    "left": lambda faces: faces[:1],
    "right": lambda faces: faces[-1:],
}
"""Faces that go by a word, picked from all of a photo's, from left to right."""


@dataclass(frozen=True)
class Face:
    """One face in a photo.

    Attributes:
        index: its number, from left to right, from 0.
        landmarks: MediaPipe's points, (478, 2) float32, in photo pixels.
        frame: its face frame.
        box: (x0, y0, x1, y1), the landmarks' extent in photo pixels.
        score: 0..1; a confidence this face has passed (MediaPipe), or the reader's face score.
    """

    index: int
    landmarks: NDArray[np.float32]
    frame: FaceFrame
    box: tuple[float, float, float, float]
    score: float

    @classmethod
    def from_landmarks(cls, landmarks: NDArray[Any], score: float) -> Face:
        """A face by its points, not yet numbered.

        Raises:
            GanimateError: eyes and mouth do not span a face frame.
        """
        frame = FaceFrame.from_landmarks(landmarks)
        x0, y0, x1, y1 = (float(v) for v in (*landmarks.min(0), *landmarks.max(0)))
        return cls(0, landmarks.astype(np.float32), frame, (x0, y0, x1, y1), float(score))

    def scaled(self, scale: NDArray[Any]) -> Face:
        """The same face where the photo's width and height are `scale` times as large."""
        if (scale == 1).all():
            return self
        points = (self.landmarks + 0.5) * scale - 0.5
        return replace(Face.from_landmarks(points, self.score), index=self.index)

    def overlap(self, other: Face) -> float:
        """How much of the smaller of two boxes lies in the larger, 0..1.

        Intersection over union, with the smaller box for the union: a false face inside a true
        one counts as the duplicate that it is.
        """
        boxes = np.array([self.box, other.box])
        sides = boxes[:, 2:] - boxes[:, :2]
        shared = np.clip(boxes[:, 2:].min(0) - boxes[:, :2].max(0), 0, None)
        return float(shared.prod() / max(sides.prod(1).min(), 1e-9))


class Locator(Protocol):
    """Finds faces; `close` it when done."""

    name: str

    def locate(self, pixels: NDArray[np.uint8], *, thorough: bool = True) -> list[Face]:
        """The faces of a photo (HWC uint8 RGB), from left to right; none is an empty list.

        Where it is not to be thorough, it takes a first look alone: small and turned faces are
        missed.
        """
        ...

    def follow(self, pixels: NDArray[np.uint8], frame: FaceFrame, seconds: float) -> Face | None:
        """The face of a film that was at `frame` a moment ago; None where there is none now.

        Args:
            pixels: the film's next frame.
            frame: where the face was in the frame before.
            seconds: when this frame is shown.
        """
        ...

    def close(self) -> None:
        """Let go of the model. Closing twice is fine."""
        ...


def open_locator(
    kind: str = "auto",
    *,
    face_model: Path | None = None,
    offline: bool = False,
    notify: Callable[[str], None] | None = None,
) -> Locator:
    """Open the locator of a kind.

    Args:
        kind: ``mediapipe``, ``builtin``, or ``auto``: MediaPipe where it can be had, else the
            built-in one and one line of notice.
        face_model: MediaPipe's model file, where it is not looked for or fetched.
        offline: never fetch the model.
        notify: is told, in one line each, what a person should know.

    Raises:
        UsageError: no such kind.
        GanimateError: ``mediapipe`` was asked for and cannot be had, or `face_model` is none.
    """
    from ganimate.faces.builtin import BuiltinLocator
    from ganimate.faces.mediapipe import MediaPipeLocator
    from ganimate.faces.model_file import find_model, is_model

    if kind not in LOCATORS:
        raise UsageError(f"no locator {kind!r}", f"choose {', '.join(LOCATORS)}")
    if kind == "builtin":
        return BuiltinLocator()
    try:
        return MediaPipeLocator(find_model(face_model, offline=offline, notify=notify))
    except GanimateError as error:
        if kind == "mediapipe" or (face_model and not is_model(face_model)):
            raise
        if notify:
            notify(f"using the built-in face locator: {error.message}")
        return BuiltinLocator()


def choose(faces: list[Face], which: str, photo_name: str) -> list[Face]:
    """Pick faces by what a person says of them.

    Args:
        faces: all of a photo's faces, from left to right.
        which: ``largest``, ``all``, ``left`` and ``right`` (the outermost in the picture), a
            number, or several of these: ``0,2``, ``left,right``.
        photo_name: how errors name the photo.

    Returns:
        Each face once, in the order in which they are named.

    Raises:
        GanimateError: the photo has no face, or none of that number.
        UsageError: `which` says none of these.
    """
    words = [word.strip() for word in which.lower().split(",")]
    if not all(word in CHOICES or (word.isdecimal() and len(word) < 10) for word in words):
        raise UsageError(
            f"--face {which!r} is no choice of faces",
            "say largest, all, left, right, a number such as 0, or several: 0,2",
        )
    if not faces:
        raise GanimateError(
            f"no face found in {photo_name}",
            "try a sharper photo that shows the whole face from the front, crop it closer to "
            "the face, or try the other --locator",
        )
    chosen: dict[int, Face] = {}
    for word in words:
        if word in CHOICES:
            chosen |= {face.index: face for face in CHOICES[word](faces)}
        elif int(word) < len(faces):
            chosen[int(word)] = faces[int(word)]
        else:
            count = "1 face: 0" if len(faces) == 1 else f"{len(faces)} faces: 0 to {len(faces) - 1}"
            raise GanimateError(
                f"no face {int(word)} in {photo_name}, which has {count}",
                f"`ganimate faces {photo_name}` lists them",
            )
    return list(chosen.values())


def distinct(faces: Iterable[Face]) -> list[Face]:
    """Drop doubles, keep the surest of each face, and number the rest from left to right."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(face.overlap(other) < 0.5 for other in kept):
            kept.append(face)
    kept = sorted(kept[:MAX_FACES], key=lambda face: face.frame.centre)
    return [replace(face, index=index) for index, face in enumerate(kept)]


def shrink(pixels: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], float]:
    """A photo at no more than `side` pixels to its longer side, and how many of the original's
    pixels one of its own is."""
    import cv2

    height, width = pixels.shape[:2]
    factor = max(1.0, max(height, width) / side)
    if factor == 1:
        return pixels, 1.0
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small: Any = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return small, factor


def windows(height: int, width: int, level: int, roll: float = 0.0) -> list[FaceFrame]:
    """Overlapping squares over a photo, their sides its longer side halved `level` times.

    Level 0 is the whole photo with a quarter of mirrored margin, which a tight crop needs.
    """
    if level == 0:
        middle = ((width - 1) / 2, (height - 1) / 2)
        return [FaceFrame.turned(middle, 0.625 * max(height, width), roll)]
    side = max(height, width) / 2**level
    xs, ys = (
        np.linspace(min(side, n) / 2, n - min(side, n) / 2, max(1, round(2 * n / side) - 1)) - 0.5
        for n in (width, height)
    )
    return [FaceFrame.turned((float(x), float(y)), side / 2, roll) for y in ys for x in xs]
