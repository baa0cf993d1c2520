"""MediaPipe's Face Landmarker as a locator, and what keeps its start quick and quiet."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import weakref
from collections import deque
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.errors import GanimateError
from ganimate.faces.align import FaceFrame, within
from ganimate.faces.locate import MAX_FACES, Face, distinct, shrink, windows
from ganimate.faces.model_file import is_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
                if within(points.mean(0), height, width)
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
        _close_dropped()
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
                self._task = task
                self._drop = weakref.finalize(self, _DROPPED.append, task)
                self._drop.atexit = False
                _OPEN.add(self)
                self._detect = task.detect_for_video if video else task.detect
                self._clock = _Clock() if video else None
                self._look(np.zeros((64, 64, 3), np.uint8), 0.0)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            if not is_model(model) and not isinstance(error, ImportError):
                raise GanimateError(
                    f"{model}: MediaPipe cannot read this face model", "leave out --face-model"
                ) from error
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

    def close(self) -> None:
        if self._drop.detach():
            _close(self._task)

    def _look(self, window: NDArray[np.uint8], seconds: float) -> Any:
        picture = self._picture(self._srgb, window)
        if self._clock is None:
            return self._detect(picture)
        return self._detect(picture, self._clock.milliseconds(seconds))


_OPEN: weakref.WeakSet[Landmarker] = weakref.WeakSet()
_DROPPED: deque[Any] = deque()
"""Tasks whose landmarkers are gone. Closing one waits for a thread of MediaPipe's, which whoever
held when the garbage collector came along may be waiting for: so it is done later."""


def _close_dropped() -> None:
    while _DROPPED:
        _close(_DROPPED.popleft())


@atexit.register
def _close_all() -> None:
    """Without it the __del__ of MediaPipe's tasks prints a TypeError at exit."""
    for landmarker in list(_OPEN):
        landmarker.close()
    _close_dropped()


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
