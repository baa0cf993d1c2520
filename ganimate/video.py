"""Changing the expression of one face in a film, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganimate.animator import Animator
from ganimate.change import Change
from ganimate.errors import GanimateError
from ganimate.faces.blend import Blender
from ganimate.faces.glasses import seen, take_off
from ganimate.faces.halves import Midline
from ganimate.faces.pose import MAX_YAW, yaw
from ganimate.faces.shut import ShutEyes
from ganimate.faces.track import GAP, Tracker, check_one
from ganimate.facs.rest import Resting
from ganimate.layers import paint_sides
from ganimate.media.provenance import Marking, Provenance
from ganimate.media.remake import film_remaker
from ganimate.media.watermark import ENOUGH, Watermark, score
from ganimate.portrait import BATCH
from ganimate.recording import SMOOTHING
from ganimate.smoothing import OneEuro
from ganimate.stages import ahead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.engine import Engine, Painted
    from ganimate.faces.glasses import Bare
    from ganimate.faces.locate import Face, Locator
    from ganimate.media.source import FilmSource

ROOM = 4
"""Frames that may wait between two stages of the work."""

LEAST_FACE = 0.5
"""The reader's score from which a tracked face counts as one; below it the frame is left alone."""

RISE = 0.2
"""Seconds in which the change comes on where the face comes into the picture."""

STEADY = 0.2
"""How much of the colour that eyes have is a frame's own: lids dim it as they fall. So is it of
how much is seen of glasses."""

Frames = Iterable[tuple[float, "NDArray[np.uint8]"]]


@dataclass
class Flicker:
    """How much a face changes from one frame to the next, in grey levels of 255.

    Measured on crops of the same face frames: what is left once the face's own movement through
    the picture is taken out.

    Attributes:
        before: sum of the mean absolute differences in the original.
        after: the same in the edited film.
    """

    before: float = 0.0
    after: float = 0.0
    pairs: int = 0
    _last: tuple[NDArray[np.int16], NDArray[np.int16]] | None = None

    def interrupt(self) -> None:
        """The next frame has no face."""
        self._last = None

    def see(self, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> None:
        """Take the crops of the next frame, (S, S, 3) uint8, of the original and of the edit."""
        crops = before.astype(np.int16), after.astype(np.int16)
        if self._last is not None:
            self.before += float(np.abs(crops[0] - self._last[0]).mean())
            self.after += float(np.abs(crops[1] - self._last[1]).mean())
            self.pairs += 1
        self._last = crops

    @property
    def ratio(self) -> float | None:
        """Edited against original; None where nothing could be measured."""
        return self.after / self.before if self.before > 0 else None

    @property
    def means(self) -> tuple[float, float]:
        """Of the original and of the edited film, for each pair of neighbouring frames."""
        pairs = max(1, self.pairs)
        return self.before / pairs, self.after / pairs


@dataclass
class _Shot:
    """One frame on its way through the stages."""

    seconds: float
    pixels: NDArray[np.uint8]
    face: Face | None
    bare: Bare | None = None
    painted: Painted | None = None


class FilmEdit:
    """A film in which one face shows something else.

        with open_film("in.mp4") as film:
            edit = FilmEdit(film, "12=+0.4")
            edit.save("out.mp4")

    Args:
        film: the film, or the part of one.
        change: what the face is to show; text is a look, as in ``smile*0.5 45=0``.
        animator: holds the networks, and says what finds the face.
        face: of several: ``largest``, ``left``, ``right``, or a number from the left, in the
            first frame that shows one.
        measure: whether `flicker` is measured, which costs some time.

    Attributes:
        seen: how many frames were passed on so far.
        edited: in how many of them the face was changed.
        size: width and height of the film as `save` writes it; before, as it is.
        flicker: how much the face flickers, where it is measured.
        locator: what found the face: ``mediapipe`` or ``builtin``; "" before.

    Raises:
        UsageError: a wrong look, or choice of a face.
    """

    def __init__(
        self,
        film: FilmSource,
        change: Change | str,
        animator: Animator | None = None,
        *,
        face: str = "largest",
        measure: bool = False,
    ) -> None:
        self.film = film
        self.change = Change.to(change) if isinstance(change, str) else change
        self.animator = animator or Animator()
        self.face = check_one(face)
        self.seen = self.edited = 0
        self.size = film.size
        self.flicker = Flicker() if measure else None
        self.locator = ""
        self._asked = change if isinstance(change, str) else "edited"
        self._turned = 0

    def frames(self) -> Generator[tuple[float, NDArray[np.uint8]], None, None]:
        """The frames, HWC uint8 RGB, each with its seconds from the film's beginning.

        A frame without the face is passed on as it is. Frames are decoded, searched, painted and
        composed in threads of their own; memory does not grow with the film's length.
        """
        return self._frames(marked=False)

    def _frames(self, *, marked: bool) -> Generator[tuple[float, NDArray[np.uint8]], None, None]:
        """As `frames`; `marked` puts the watermark into every face that was changed."""
        self.seen = self.edited = self._turned = 0
        # What is left early is closed here from the last stage to the first, so that no thread
        # still takes from the film when it is closed.
        with ExitStack() as running:
            locator = running.enter_context(closing(self.animator.open_locator()))
            self.locator = locator.name
            decoded = running.enter_context(closing(ahead(iter(self.film), ROOM)))
            tracked = running.enter_context(closing(ahead(self._tracked(decoded, locator), ROOM)))
            painted = running.enter_context(closing(ahead(self._painted(tracked), ROOM)))
            composed = self._composed(painted, marked)
            yield from running.enter_context(closing(ahead(composed, ROOM)))
        if self._turned:
            self.animator.notify(
                f"{self.film.path}: in {self._turned} of {self.seen} frames the face is turned "
                f"by more than {MAX_YAW} degrees; the generator has seen nothing of the kind"
            )

    def save(
        self,
        path: str | Path,
        *,
        course: str = "",
        force: bool = False,
        provenance: bool | Marking = True,
        progress: Callable[[Frames, int | None], Frames] | None = None,
    ) -> Path:
        """Write the film, with the original's sound, times and colour tags.

        Args:
            path: .mp4, .mov, .mkv or .webm.
            course: what was asked for, in words, as the film's provenance has it.
            force: write over an existing film. The original itself is never written over.
            provenance: say in the film's metadata that it was made with trained weights, and put
                the watermark into the face; a `Marking` also draws a label or signs.
            progress: passes the frames on; called with them and their number, if it is known.

        Returns:
            The path.

        Raises:
            GanimateError: the film cannot be read to its end, or shows no such face, or the output
                exists or cannot be written; nothing is left of it then.
            UsageError: a suffix of no known format.
        """
        fingerprint = self.animator.engine.fingerprint
        marking = provenance if isinstance(provenance, Marking) else Marking()
        made = Provenance(course or self._asked, fingerprint, marking=marking)
        stated = made if provenance else None
        with (
            film_remaker(
                path, self.film, provenance=stated, force=force, notify=self.animator.notify
            ) as remade,
            closing(self._frames(marked=stated is not None)) as frames,
        ):
            passed = progress(frames, self.film.frames) if progress else frames
            self.size = remade.size
            for seconds, pixels in passed:
                remade.write(seconds, pixels)
            if not self.edited:  # it would say of itself that it was
                raise GanimateError(
                    f"{self.film.path}: no such face was found in it", "see --face and --locator"
                )
        return Path(path)

    def _tracked(self, frames: Frames, locator: Locator) -> Iterator[_Shot]:
        tracker = Tracker(locator, self.face)
        for seconds, pixels in frames:
            yield _Shot(seconds, pixels, tracker(seconds, pixels))

    def _painted(self, shots: Iterator[_Shot]) -> Iterator[_Shot]:
        engine, reader, finder = self.animator.engine, self.animator.reader, self.animator.glasses
        smooth, rest = OneEuro(**SMOOTHING), Resting()
        iris: NDArray[np.float64] | None = None
        worn: NDArray[np.float32] | None = None
        last = -np.inf  # when the face was seen
        came = -np.inf  # when it came into the picture
        while batch := list(islice(shots, BATCH)):
            there = [(shot, shot.face) for shot in batch if shot.face is not None]
            if there:
                crops = np.stack([face.frame.crop(shot.pixels) for shot, face in there])
                reading = reader.read(crops)
                where = finder.find(crops)
                count = seen(where)
            kept, currents, resting, rise = [], [], [], []
            for index, (shot, face) in enumerate(there):
                if reading.face[index] < LEAST_FACE:
                    shot.face = None
                    continue
                if shot.seconds - last > GAP:
                    smooth.reset()
                    worn = None
                    came = shot.seconds if np.isfinite(last) else -np.inf
                last = shot.seconds
                currents.append(smooth(shot.seconds, reading.intensities[index]))
                resting.append(rest(shot.seconds, currents[-1]))
                rise.append(min(1.0, (shot.seconds - came) / RISE))
                worn = count[[index]] if worn is None else worn + STEADY * (count[index] - worn)
                shot.bare = take_off(shot.pixels, [face.frame], where[[index]], worn)
                kept.append((index, shot, face))
            if kept:
                times = np.array([shot.seconds for _, shot, _ in kept])
                shown = np.array(currents, np.float32)
                targets = self.change.targets(times, shown, np.stack(resting))
                amount = np.array(rise, np.float32)[:, None, None]
                targets = shown[:, None] + amount * (targets - shown[:, None])
                midlines = [Midline(face.landmarks, face.frame) for _, _, face in kept]
                chosen = np.stack([_bare_crop(shot, face, crops[i]) for i, shot, face in kept])
                painted = paint(engine, chosen, targets, shown, midlines)
                each = zip(kept, chosen, shown, painted, targets, strict=True)
                for (_, shot, face), crop, current, one, asked in each:
                    marks = face.frame.to_crop(face.landmarks, 1) + 0.5
                    eyes = ShutEyes(crop, marks, current, iris)
                    shot.painted = eyes.open(one, asked)
                    if eyes.iris is not None:
                        iris = eyes.iris if iris is None else iris + STEADY * (eyes.iris - iris)
            yield from batch

    def _composed(
        self, shots: Iterator[_Shot], marked: bool
    ) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        for shot in shots:
            pixels, face = shot.pixels, shot.face
            if face is not None and shot.bare is not None and shot.painted is not None:
                blender = Blender(shot.bare.pixels, face.frame, landmarks=face.landmarks)
                pixels = blender.blend(shot.painted)
                shot.bare.put_on(pixels)
                if marked and self.edited == 0:  # a film that was edited before keeps its mark
                    marked = score(pixels, face.frame) < ENOUGH
                if marked:
                    Watermark(pixels, face.frame).add_to(pixels)
                self.edited += 1
                self._turned += abs(yaw(face)) > MAX_YAW
            self.seen += 1
            if self.flicker and face is None:
                self.flicker.interrupt()
            elif self.flicker and face is not None:
                self.flicker.see(face.frame.crop(shot.pixels), face.frame.crop(pixels))
            yield shot.seconds, pixels


def _bare_crop(shot: _Shot, face: Face, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A face's crop without its glasses; `crop` itself, where it wears none."""
    return face.frame.crop(shot.bare.pixels) if shot.bare and shot.bare.glasses else crop


def paint(
    engine: Engine,
    crops: NDArray[np.uint8],
    targets: NDArray[np.float32],
    currents: NDArray[np.float32],
    midlines: list[Midline],
) -> list[Painted]:
    """Paint the faces of n frames in one batch.

    Args:
        engine: what paints.
        crops: (n, S, S, 3) uint8 RGB.
        targets: (n, 2, 17), the intensities of the subject's right and left, 0..1.
        currents: (n, 17), what the crops show.
        midlines: where the halves of each face meet.
    """
    return paint_sides(
        lambda rows, asked: engine.paint(engine.encode(crops[rows]), asked, currents[rows]),
        targets,
        midlines,
    )
