"""The one object most programs need: open a photo once, ask for many expressions."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import repeat
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from ganimate.canvas import Canvas
from ganimate.edited import Edited
from ganimate.errors import UsageError
from ganimate.faces.locate import Face, Locator, choose, open_locator
from ganimate.faces.pose import yaw_notice
from ganimate.facs import ActionUnits, Expression, blend, parse_look
from ganimate.layers import Layer, compose, layers
from ganimate.media.planes import Planes
from ganimate.media.provenance import Marking, Provenance
from ganimate.media.stills import Photo, photo_from
from ganimate.media.video import FilmWriter, film_writer
from ganimate.trajectory import Trajectory

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from ganimate.engine import Engine, Painted, ReaderEngine

Look = Mapping[int, float] | Mapping[str, float] | Mapping[int | str, float] | str

BATCH = 8
"""Frames that are painted together: about where a CPU stops gaining, small in memory."""


class Animator:
    """Opens photos; holds what is costly to load: the networks.

    Args:
        weights: a generator's safetensors file; by default the shipped one.
        device: ``auto``, ``cpu``, ``cuda``, ``mps``, or any name that torch knows.
        locator: ``auto``, ``mediapipe`` or ``builtin``.
        face_model: MediaPipe's face_landmarker.task; by default looked for, then fetched.
        offline: never fetch anything.
        notify: called with one line about each thing a person should know, such as a locator
            that had to be replaced; by default these become warnings.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        *,
        device: str = "auto",
        locator: str = "auto",
        face_model: str | Path | None = None,
        offline: bool = False,
        notify: Callable[[str], None] | None = None,
    ) -> None:
        self._weights = Path(weights) if weights else None
        self._device = device
        self._locator = locator
        self._face_model = Path(face_model) if face_model else None
        self._offline = offline
        self.notify = notify or _warn
        self._looking, self._loading = Lock(), Lock()

    @cached_property
    def engine(self) -> Engine:
        """What paints: the generator on its device."""
        from ganimate.engine import Engine

        return Engine.default(self._weights, self._device)

    @cached_property
    def reader(self) -> ReaderEngine:
        """What reads action units off a crop."""
        from ganimate.engine import ReaderEngine

        return ReaderEngine.default(device=self._device)

    def _load(self) -> None:
        """Load the networks, if they are not."""
        with self._loading:
            _ = self.engine, self.reader

    def open_locator(self) -> Locator:
        """What finds faces, of the kind this animator was made for; close it when done.

        Raises:
            GanimateError: it cannot be had.
        """
        return open_locator(
            self._locator,
            face_model=self._face_model,
            offline=self._offline,
            notify=self.notify,
        )

    @cached_property
    def _finder(self) -> Locator:
        """What finds faces in photos: opened once, since MediaPipe keeps memory of each time."""
        return self.open_locator()

    def open(
        self, source: str | Path | Image.Image | NDArray[np.uint8], *, face: str = "largest"
    ) -> Portrait:
        """Read a photo, find its faces, align and read those chosen: paid once a photo.

        Args:
            source: a path, a Pillow image, or an HWC uint8 RGB array.
            face: ``largest``, ``all``, ``left``, ``right``, or numbers from the left: ``0``,
                ``0,2``. Faces keep the order in which they are named.

        Raises:
            GanimateError: the photo cannot be read, or shows no such face.
        """
        photo = photo_from(source)
        for notice in photo.notices:
            self.notify(notice)
        # Loading torch is Python's work, looking for faces is not: the first time both go on.
        with ThreadPoolExecutor(1) as beside:
            networks = beside.submit(self._load)
            with self._looking:
                locator = self._finder
                faces = locator.locate(photo.pixels)
            networks.result()
        chosen = choose(faces, face, photo.path.name if photo.path else "the photo")
        for notice in filter(None, map(yaw_notice, chosen)):
            self.notify(notice)
        crops = np.stack([one.frame.crop(photo.pixels) for one in chosen])
        currents = tuple(map(ActionUnits, self.reader.read(crops).intensities))
        return Portrait(photo, tuple(faces), tuple(chosen), currents, locator.name, self)


@dataclass(frozen=True, eq=False)
class Portrait:
    """A photo whose faces are found, aligned and read. Made by `Animator.open`.

    Attributes:
        photo: the photo itself.
        faces: all its faces, from left to right.
        chosen: those which `edit` and `animate` change, as they were named; at least one.
        currents: what each chosen face shows now.
        locator: what found the faces: ``mediapipe`` or ``builtin``.
        animator: what it was opened with.
    """

    photo: Photo = field(repr=False)
    faces: tuple[Face, ...] = field(repr=False)
    chosen: tuple[Face, ...] = field(repr=False)
    currents: tuple[ActionUnits, ...]
    locator: str
    animator: Animator = field(repr=False)

    @property
    def current(self) -> ActionUnits:
        """What the first chosen face shows now."""
        return self.currents[0]

    def edit(
        self,
        look: Look | Sequence[Look],
        *,
        strength: float = 1.0,
        base: str = "current",
        expressions: Mapping[str, Expression] | None = None,
    ) -> Edited:
        """Change the expression; one pass of the generator for each chosen face.

        Args:
            look: intensities of action units, ``{12: 0.8, "6L": 0.5}`` or all 17 as
                `ActionUnits`; or text: an expression (``smile``), assignments
                (``12=0.8 6L=+0.2``), or both. One for all chosen faces, or a list with one for
                each of them.
            strength: 0 (the base) to 1 (the look).
            base: what action units that the look does not name start from: ``current``,
                as the face shows them, or ``neutral``, all 0.
            expressions: those that text may name; by default the built-in ones.

        Returns:
            The picture, each chosen face changed from what it showed itself.

        Raises:
            UsageError: an unknown action unit, expression or base, a value out of range, or
                another number of looks than faces.
        """
        looks = [look] * len(self.chosen) if isinstance(look, str | Mapping) else list(look)
        if len(looks) != len(self.chosen):
            raise UsageError(f"{len(looks)} looks for {len(self.chosen)} faces", "one for each")
        targets = tuple(
            _target(one, current, strength, base, expressions)
            for one, current in zip(looks, self.currents, strict=True)
        )
        painted = [
            layer.paint(target.sides[None])[0]
            for layer, target in zip(self._layers, targets, strict=True)
        ]
        return Edited(self, targets, painted)

    def animate(self, trajectory: Trajectory | Sequence[Trajectory]) -> Iterator[NDArray[np.uint8]]:
        """Play a trajectory on the chosen faces.

        Args:
            trajectory: one for all of them, or one for each, of equal length.

        Yields:
            Frames, HWC uint8 RGB, the photo's size. They are painted in batches and memory
            does not grow with their number.

        Raises:
            UsageError: trajectories of different lengths, or another number than faces.
        """
        sides = self._sides(trajectory)
        return (
            compose(self.photo.pixels, self._layers, painted) for painted in self._played(sides)
        )

    def animate_for(
        self, film: FilmWriter, trajectory: Trajectory | Sequence[Trajectory]
    ) -> Iterator[NDArray[np.uint8] | Planes]:
        """As `animate`, in the form in which `film` takes frames fastest.

        Yields:
            What `film.write` takes, and no more than once: the next frame may be written over it.
        """
        if not film.planar:
            yield from self.animate(trajectory)
            return
        sides = self._sides(trajectory)
        shown = self._fitted(film)
        marker = film.marker([face.frame for face in shown.chosen])
        canvas = Canvas(shown.photo.pixels, shown._layers, marker)
        for painted in shown._played(sides):
            yield canvas.paint(painted)

    def film(
        self,
        path: str | Path,
        *,
        fps: float,
        course: str = "animated",
        force: bool = False,
        provenance: bool | Marking = True,
    ) -> AbstractContextManager[FilmWriter]:
        """Open a film of the photo's size and colours.

            with portrait.film("blink.mp4", fps=trajectory.fps) as film:
                for frame in portrait.animate(trajectory):
                    film.write(frame)

        Args:
            path: .mp4, .webm, .gif, .webp, .apng, or no suffix: a folder of PNGs.
            fps: frames a second.
            course: what happens, in words, as the film's provenance has it.
            force: write over an existing film. The photo itself is never written over.
            provenance: say in the film's metadata that it was made with trained weights, and put
                the watermark into its faces; a `Marking` also draws a label or signs.

        Raises:
            GanimateError: the film exists, or cannot be written; nothing is left of it then.
            UsageError: a suffix of no known format, or what the format cannot hold.
        """
        height, width = self.photo.pixels.shape[:2]
        stated = Provenance(course, self.animator.engine.fingerprint, original=self.photo.xmp)
        return film_writer(
            path,
            size=(width, height),
            fps=fps,
            provenance=self.stated(stated, provenance),
            force=force,
            source=self.photo.path,
            icc_profile=self.photo.icc_profile,
            notify=self.animator.notify,
        )

    def stated(self, made: Provenance, provenance: bool | Marking) -> Provenance | None:
        """How something of the photo's size was made, with the faces that were changed in it.

        Args:
            made: of what, by what.
            provenance: as in `film`.
        """
        if not provenance:
            return None
        marking = Marking() if provenance is True else provenance
        frames = tuple(face.frame for face in self.chosen)
        return replace(made, faces=frames, marking=marking)

    def _sides(self, trajectory: Trajectory | Sequence[Trajectory]) -> list[NDArray[np.float32]]:
        if isinstance(trajectory, Trajectory):
            trajectory = [trajectory] * len(self.chosen)
        if len(trajectory) != len(self.chosen) or len({len(one) for one in trajectory}) != 1:
            raise UsageError("give one trajectory for all faces, or one of equal length for each")
        return [one.sides for one in trajectory]

    def _fitted(self, film: FilmWriter) -> Portrait:
        """The same in the film's colours and size."""
        pixels = film.fit(self.photo.pixels)
        # What only grew was padded: no pixel moved.
        sizes = np.array([pixels.shape[1::-1], self.photo.pixels.shape[1::-1]])
        scale = np.minimum(sizes[0] / sizes[1], 1)
        faces = {face.index: face.scaled(scale) for face in self.faces}
        return replace(
            self,
            photo=Photo(pixels),
            faces=tuple(faces.values()),
            chosen=tuple(faces[face.index] for face in self.chosen),
        )

    def _played(self, sides: list[NDArray[np.float32]]) -> Iterator[tuple[Painted, ...]]:
        """A painting for each chosen face, frame by frame; the same one while all stand still."""
        rows = np.concatenate(sides, axis=1)
        moves = np.append(True, (rows[1:] != rows[:-1]).any((1, 2)))
        fresh = np.flatnonzero(moves)
        repeats = np.diff(fresh, append=len(rows))
        for start in range(0, len(fresh), BATCH):
            chosen = slice(start, start + BATCH)
            batches = [
                layer.paint(one[fresh[chosen]])
                for layer, one in zip(self._layers, sides, strict=True)
            ]
            for painted, times in zip(zip(*batches, strict=True), repeats[chosen], strict=True):
                yield from repeat(painted, times)

    @cached_property
    def _layers(self) -> tuple[Layer, ...]:
        return layers(
            self.animator.engine, self.photo.pixels, self.chosen, self.currents, self.faces
        )


def _target(
    look: Look,
    current: ActionUnits,
    strength: float,
    base: str,
    expressions: Mapping[str, Expression] | None,
) -> ActionUnits:
    """What a face that shows `current` is to show."""
    if base not in ("current", "neutral"):
        raise UsageError(f"base {base!r} is unknown", "known: current, neutral")
    start = current if base == "current" else ActionUnits()
    if isinstance(look, str):
        return blend(start, parse_look(look, current, expressions=expressions, base=base), strength)
    return blend(start, start.changed(look), strength)


def _warn(notice: str) -> None:
    warnings.warn(notice, stacklevel=3)
