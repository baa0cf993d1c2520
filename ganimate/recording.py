"""What a face in a film shows, read frame by frame, and the same motion on another face."""

from __future__ import annotations

import warnings
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ganimate.errors import GanimateError, UsageError
from ganimate.facs import AU_NUMBERS, ActionUnits, based
from ganimate.media.stills import PHOTO_FORMATS
from ganimate.output import draft, write_errors
from ganimate.smoothing import OneEuro
from ganimate.timeline import Timeline, openface
from ganimate.trajectory import MAX_FRAMES, Trajectory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from ganimate.animator import Animator
    from ganimate.engine import ReaderEngine

Frames: TypeAlias = "Iterable[tuple[float, NDArray[np.uint8]]]"

STILLS = frozenset((*PHOTO_FORMATS, ".avif", ".bmp", ".heic", ".heif", ".jp2"))
"""Suffixes of photos: a file of such a name that cannot be read is no film."""

BATCH = 16
"""Crops that are read together."""
CALM_SHARE = 0.1
CALM_FRAMES = 5
"""A face at rest is sought in the calmest tenth of its frames, 5 at least."""
SMOOTHING = {"cutoff": 1.5, "beta": 8.0, "speed_cutoff": 3.0}
"""Halves the tremor of a face at rest, and leaves a blink nine tenths of its height and more."""
MAX_STRENGTH = 3.0
NOTABLE = 0.02
"""What an intensity may be clamped by without a word."""
MOMENT = 0.1
"""Seconds to either side of a moment whose frames are read together."""


@dataclass(frozen=True, eq=False)
class Recording:
    """What a face showed, frame by frame; made by `read_film`.

    Attributes:
        times: seconds, rising, (n,) float64.
        intensities: (n, 17) float32, each 0..1; 0 where there was no face.
        confidence: how sure the reader was of the face, 0..1, (n,) float32; 0: there was none.
            Below 0.7 a frame counts as one without a face.
        fps: frames a second, the mean where they vary.
        name: what notices call it.
    """

    times: NDArray[np.float64] = field(repr=False)
    intensities: NDArray[np.float32] = field(repr=False)
    confidence: NDArray[np.float32] = field(repr=False)
    fps: float
    name: Path = Path("the film")

    @classmethod
    def of(cls, trajectory: Trajectory) -> Recording:
        """What a trajectory has a face do."""
        frames = np.arange(float(len(trajectory)))
        sure = np.ones(len(frames), np.float32)
        return cls(frames / trajectory.fps, trajectory.intensities, sure, trajectory.fps)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which frames show the face, (n,)."""
        return self.confidence >= openface.MIN_CONFIDENCE

    def neutral(self, at: float | None = None) -> ActionUnits:
        """What the face shows at rest.

        Args:
            at: a moment at which it is, in seconds; by default the median of the calmest tenth
                of all frames is taken, those with the smallest sum of intensities.

        Raises:
            UsageError: no frame near that moment shows the face.
        """
        rows = self.intensities[self.seen]
        if at is not None:
            near = rows[np.abs(self.times[self.seen] - at) <= max(MOMENT, 0.5 / self.fps)]
            if not len(near):
                raise UsageError(f"{self.name}: no face is seen at {at:g} s")
        else:
            count = max(CALM_FRAMES, round(CALM_SHARE * len(rows)))
            near = rows[np.argsort(rows.sum(axis=1), kind="stable")[:count]]
        return ActionUnits(np.median(near, axis=0))

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know of it, a line each."""
        missing = len(self) - int(self.seen.sum())
        if not missing:
            return ()
        return (f"{self.name}: {missing} of {len(self)} frames show no sure face",)

    def smoothed(self) -> Recording:
        """The same without the reader's tremor; nothing comes later than it was.

        Source: Casiez, Roussel, Vogel: 1 € Filter, CHI 2012; here it runs there and back.
        """
        rows, times = self.intensities.copy(), self.times[self.seen]
        there = _filtered(times, rows[self.seen])
        rows[self.seen] = _filtered(-times[::-1], there[::-1])[::-1]
        return replace(self, intensities=rows)

    def onto(
        self,
        current: ActionUnits,
        *,
        neutral: ActionUnits | None = None,
        base: str = "current",
        strength: float = 1.0,
        notify: Callable[[str], None] | None = None,
    ) -> Recording:
        """The same motion, as a face in a photo is to make it.

        Args:
            current: what the face in the photo shows.
            neutral: what is taken off: what this face shows at rest; by default `neutral()`.
            base: what the motion is added to: ``current``, or ``neutral``, the face at rest.
            strength: 0 (no motion) to 3; 1 is this face's.
            notify: called with a line where intensities beyond 1 were clamped.

        Returns:
            The same frames with other intensities, clamped to 0..1.

        Raises:
            UsageError: an unknown base, or a strength out of range.
        """
        check_strength(strength)
        start = based(base, current)
        rest = self.neutral() if neutral is None else neutral
        rows = start.vector + strength * (self.intensities - rest.vector)
        beyond = int((rows[self.seen] > 1 + NOTABLE).any(axis=1).sum())
        if beyond and notify:
            seen = f"{beyond} of {len(rows)} frames"
            notify(f"{self.name}: intensities beyond 1 were clamped in {seen}")
        return replace(self, intensities=np.clip(rows, 0, 1).astype(np.float32))

    def timeline(self) -> Timeline:
        """The same as a timeline, to be played on a photo.

        Frames without a face are interpolated, as a notice of the timeline says. What plays is
        what `save` writes, to the last digit.

        Raises:
            UsageError: no frame shows a face.
        """
        return Timeline(**openface.parse(self.name, self.text().splitlines()))

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write a CSV as OpenFace's, which `Timeline.load` reads.

        Raises:
            GanimateError: the file exists, or cannot be written.
            UsageError: another suffix than .csv.
        """
        path = Path(path)
        check_csv(path)
        with draft(path, force=force) as unfinished, write_errors(path):
            unfinished.write_text(self.text(), encoding="utf-8", newline="")
        return path

    def text(self) -> str:
        """What `save` writes."""
        return "".join(openface.recorded(self.times, self.intensities, self.confidence))


def _filtered(times: NDArray[np.float64], rows: NDArray[Any]) -> NDArray[np.float64]:
    smooth = OneEuro(**SMOOTHING)
    found = [smooth(float(time), row) for time, row in zip(times, rows, strict=True)]
    return np.array(found).reshape(rows.shape)


class Recorder:
    """Reads crops as they come, some at a time, and makes a `Recording` of them.

    Args:
        reader: what reads.
    """

    def __init__(self, reader: ReaderEngine) -> None:
        self._reader = reader
        self._times: list[float] = []
        self._crops: list[NDArray[np.uint8] | None] = []
        self._rows: list[NDArray[np.float32]] = []
        self._confidence: list[float] = []

    def see(self, seconds: float, crop: NDArray[np.uint8] | None) -> None:
        """Take the next frame's crop, (S, S, 3) uint8, or None where there is no face.

        Raises:
            UsageError: more than 100,000 frames.
        """
        if len(self._times) == MAX_FRAMES:
            raise UsageError(f"a film of more than {MAX_FRAMES} frames", "take a part of it")
        if self._times and seconds <= self._times[-1]:
            return  # a frame that is never shown
        self._times.append(seconds)
        self._crops.append(crop)
        if len(self._crops) == BATCH:
            self._read()

    def recording(self, fps: float, name: Path = Path("the film")) -> Recording:
        """What was seen so far."""
        self._read()
        rows = np.array(self._rows, np.float32).reshape(-1, len(AU_NUMBERS))
        times, confidence = np.array(self._times), np.array(self._confidence, np.float32)
        return Recording(times, rows, confidence, fps, name)

    def _read(self) -> None:
        there = [crop for crop in self._crops if crop is not None]
        if there:
            reading = self._reader.read(np.stack(there))
            read = iter(zip(reading.intensities, reading.face, strict=True))
        for crop in self._crops:
            row, sure = next(read) if crop is not None else (np.zeros(len(AU_NUMBERS)), 0.0)
            self._rows.append(np.clip(row, 0, 1))
            self._confidence.append(float(sure))
        self._crops.clear()


def read_film(
    path: str | Path,
    animator: Animator | None = None,
    *,
    face: str = "largest",
    start: float = 0.0,
    end: float | None = None,
    progress: Callable[[Frames, int | None], Frames] | None = None,
) -> Recording:
    """Read what a face in a film shows, frame by frame.

    Args:
        path: a film.
        animator: says what finds the face, and what reads it.
        face: of several: ``largest``, ``left``, ``right``, or a number from the left, in the
            first frame that shows a face.
        start: seconds into the film from which it is read.
        end: seconds into the film until which it is read; None: its end.
        progress: passes the frames on; called with them and their number, if it is known.

    Returns:
        A row for each frame; memory for a film of an hour is some 10 MB.

    Raises:
        GanimateError: no film that can be read, or no face in it.
        UsageError: a part that the film does not have, or more than 100,000 frames.
    """
    from ganimate.animator import Animator
    from ganimate.faces.track import Tracker
    from ganimate.media.source import open_film

    path, animator = Path(path), animator or Animator()
    recorder = Recorder(animator.reader)
    with open_film(path, start=start, end=end) as film, closing(animator.open_locator()) as locator:
        tracker = Tracker(locator, face)
        for seconds, pixels in progress(film, film.frames) if progress else film:
            found = tracker(seconds, pixels)
            recorder.see(seconds, found.frame.crop(pixels) if found else None)
        recording = recorder.recording(film.fps, path)
    if not recording.seen.any():
        raise GanimateError(f"no face found in {path}", "is one seen from the front?")
    return recording


def check_strength(strength: float) -> None:
    """Raises UsageError where it is out of range."""
    if not 0 <= strength <= MAX_STRENGTH:
        raise UsageError(f"strength {strength:g} is out of range", f"0 to {MAX_STRENGTH:g}")


def check_csv(path: Path) -> None:
    """Raises UsageError where a recording is not to be written so."""
    if path.suffix.lower() != ".csv":
        raise UsageError(f"{path}: a recording is written as CSV", "name it .csv")


def is_film(path: Path) -> bool:
    """Whether a file moves; what is not there, or no photo that can be read, is said elsewhere."""
    from PIL import Image

    if not path.is_file():
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bombs: nothing is decoded here
            image = Image.open(path)
        with image:
            loops = image.format in ("GIF", "PNG") and getattr(image, "is_animated", False)
            return loops or image.format == "MPEG"  # which Pillow knows by name alone
    except Exception:  # not a picture at all, or a damaged one
        return path.suffix.lower() not in STILLS
