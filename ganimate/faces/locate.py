"""Find the faces in a photo, each with its landmarks and its face frame.

Two locators share one shape: MediaPipe's Face Landmarker (here) and the built-in one
(builtin.py), which needs neither a download nor system libraries. `open_locator` picks.
"""

from __future__ import annotations

import contextlib
import os
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ganimate.errors import GanimateError, UsageError
from ganimate.faces.align import FaceFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOCATORS = ("auto", "mediapipe", "builtin")
MAX_FACES = 16
"""Faces looked for in one photo, and at most returned."""

SCAN_SIDE = 2048
"""A photo is searched at no more than this many pixels to its longer side."""

ROUNDS: tuple[tuple[tuple[int, float], ...], ...] = (
    ((0, 0), (1, 0)),
    ((2, 0),),
    ((0, 90), (1, 90)),
    ((0, -90), (1, -90)),
    ((0, 180), (1, 180)),
    ((3, 0),),
)
"""How MediaPipe scans a photo, until a round finds a sure face: windows' level and roll."""

DOUBTFUL, SURE = 0.5, 0.8
"""MediaPipe's detection confidences. At 0.5 it also reads an upright face into 1 of 8 faces that
are upside down; at 0.8, on the face's own upright crop, into none of 166, and keeps 94 of 100
small photos of faces and every portrait."""


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
        UsageError: no such kind, or no file at `face_model`.
        GanimateError: ``mediapipe`` was asked for and cannot be had.
    """
    from ganimate.faces.builtin import BuiltinLocator
    from ganimate.faces.model_file import find_model

    if kind not in LOCATORS:
        raise UsageError(f"no locator {kind!r}", f"choose {', '.join(LOCATORS)}")
    if kind == "builtin":
        return BuiltinLocator()
    try:
        return MediaPipeLocator(find_model(face_model, offline=offline, notify=notify))
    except UsageError:
        raise
    except GanimateError as error:
        if kind == "mediapipe":
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
    if not all(word in CHOICES or word.isdecimal() for word in words):
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


class MediaPipeLocator:
    """MediaPipe's Face Landmarker over a whole photo, whatever the size and turn of its faces.

    Its detector sees faces from 1/8 of a picture's side up, turned by up to some 60 degrees. So
    the photo is scanned through overlapping windows, and where that finds no sure face, through
    smaller and through turned ones. Each face is then read again on its own upright crop from
    the full photo, where landmarks are sharpest and false faces drop out.

    Args:
        model: the ``face_landmarker.task`` file.

    Raises:
        GanimateError: MediaPipe, a system library or the model cannot be loaded.
    """

    name = "mediapipe"

    def __init__(self, model: Path) -> None:
        self._landmarkers = {score: Landmarker(model, score) for score in (SURE, DOUBTFUL)}
        self._model = model
        self._follower: Landmarker | None = None

    def locate(self, pixels: NDArray[np.uint8], *, thorough: bool = True) -> list[Face]:
        """The faces of a photo (HWC uint8 RGB), from left to right."""
        small, factor = shrink(np.ascontiguousarray(pixels[..., :3]), SCAN_SIDE)
        height, width = small.shape[:2]
        found: list[Face] = []
        for plan in ROUNDS if thorough else ROUNDS[:1]:
            views = [view for level, roll in plan for view in windows(height, width, level, roll)]
            candidates = distinct(
                Face.from_landmarks((points + 0.5) * factor - 0.5, DOUBTFUL)
                for view in views
                for points in self._landmarkers[DOUBTFUL](small, view, size=256)
                if _inside(points, height, width)
            )
            refined = (self._refine(pixels, face.frame) for face in candidates)
            found = distinct([*found, *(face for face in refined if face)])
            if any(face.score >= SURE for face in found):
                break
        return found

    def _refine(self, pixels: NDArray[np.uint8], frame: FaceFrame) -> Face | None:
        """Read a face again on its own upright crop; None where there is no face after all."""
        for score, landmarker in self._landmarkers.items():
            for points in landmarker(pixels, frame.scaled(1.5), size=512):
                face = Face.from_landmarks(points, score)
                moved = np.subtract(face.frame.centre, frame.centre)
                if np.hypot(*moved) < frame.half_side / 2:
                    return face
        return None

    def follow(self, pixels: NDArray[np.uint8], frame: FaceFrame, seconds: float) -> Face | None:
        """The face that was at `frame` a moment ago, in MediaPipe's mode for video.

        It is shown a window that moves and turns with the face: so the place where it saw the
        face in the window before is about right, however fast the face moves in the film.
        """
        if self._follower is None:
            self._follower = Landmarker(self._model, DOUBTFUL, video=True)
        for points in self._follower(pixels, frame.scaled(1.5), size=384, seconds=seconds):
            return Face.from_landmarks(points, DOUBTFUL)
        return None

    def close(self) -> None:
        for landmarker in (*self._landmarkers.values(), self._follower):
            if landmarker:
                landmarker.close()


class Landmarker:
    """MediaPipe's task at one detection confidence, reading windows of a photo, or of a film's
    frames one after another: then it looks for one face, and knows where that was before."""

    def __init__(self, model: Path, confidence: float, *, video: bool = False) -> None:
        try:
            with _hushed(), _without_pyplot():
                import mediapipe
                from mediapipe.tasks.python import BaseOptions, vision

                self._picture = mediapipe.Image
                self._srgb = mediapipe.ImageFormat.SRGB
                task = vision.FaceLandmarker.create_from_options(
                    vision.FaceLandmarkerOptions(
                        # Bytes, since MediaPipe reads no path outside the system's code page.
                        base_options=BaseOptions(model_asset_buffer=model.read_bytes()),
                        running_mode=(
                            vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE
                        ),
                        num_faces=1 if video else MAX_FACES,
                        min_face_detection_confidence=confidence,
                    )
                )
                # Without an explicit close, its __del__ prints a TypeError at exit.
                self.close = weakref.finalize(self, _close, task)
                self._detect = task.detect_for_video if video else task.detect
                self._clock = _Clock() if video else None
                self._look(np.zeros((64, 64, 3), np.uint8), 0.0)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise GanimateError(
                f"MediaPipe cannot be used: {reason}",
                "on Debian or Ubuntu it needs libegl1 and libgles2; or use --locator builtin",
            ) from error

    def __call__(
        self, pixels: NDArray[np.uint8], view: FaceFrame, size: int, seconds: float = 0.0
    ) -> Iterator[NDArray[np.float64]]:
        """The landmarks, (478, 2) in the photo's pixels, of each face in a window."""
        for points in self._look(view.crop(pixels, size), seconds).face_landmarks:
            edge = np.array([(point.x, point.y) for point in points])
            yield view.to_photo(edge * size - 0.5, size)

    def _look(self, window: NDArray[np.uint8], seconds: float) -> Any:
        picture = self._picture(self._srgb, window)
        if self._clock is None:
            return self._detect(picture)
        return self._detect(picture, self._clock.milliseconds(seconds))


def _close(task: Any) -> None:
    try:
        task.close()
    except RuntimeError:  # Python is ending, and the threads that close it have ended before
        task._handle = None  # else it tries again, and prints


class _Clock:
    """Times as MediaPipe takes them: they rise all the while, though another film may begin."""

    def __init__(self) -> None:
        self._last, self._begun, self._seconds = 0, 0.0, 0.0

    def milliseconds(self, seconds: float) -> int:
        if seconds < self._seconds:  # another film, some time later
            self._begun = self._last / 1000 + 10 - seconds
        self._seconds = seconds
        self._last = max(self._last + 1, round(1000 * (self._begun + seconds)))
        return self._last


def _inside(points: NDArray[Any], height: int, width: int) -> bool:
    """Whether a face's middle lies in the photo: its mirrored margin shows faces, too."""
    x, y = points.mean(0)
    return bool(-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5)


@contextlib.contextmanager
def _without_pyplot() -> Iterator[None]:
    """Keep MediaPipe from loading matplotlib, for pictures we never draw: a third of a start.

    What it gets instead loads the real one when it is first asked for something.
    """
    names = ("matplotlib", "matplotlib.pyplot")
    if any(name in sys.modules for name in names):
        yield
        return
    stand_ins = {name: _Later(name) for name in names}
    vars(stand_ins["matplotlib"])["pyplot"] = stand_ins["matplotlib.pyplot"]
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in names:
            if isinstance(sys.modules.get(name), _Later):
                del sys.modules[name]


class _Later(ModuleType):
    """Stands for a module that is loaded when something of it is first used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system's own questions
            raise AttributeError(name)
        return getattr(import_module(self.__name__), name)


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep native start-up chatter, which no Python setting reaches, off the terminal."""
    try:
        saved = os.dup(2)
    except OSError:  # no standard error at all
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
