"""A photo whose faces are found: edited and animated as often as one likes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganimate.canvas import Canvas
from ganimate.edited import Edited
from ganimate.errors import GanimateError, UsageError
from ganimate.faces.locate import Face
from ganimate.facs import ActionUnits, Expression, based, blend, parse_look
from ganimate.layers import Layer, compose, layers
from ganimate.media.planes import Planes
from ganimate.media.provenance import Marking, Provenance
from ganimate.media.stills import Photo
from ganimate.media.video import FilmWriter, film_writer
from ganimate.trajectory import Trajectory

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.animator import Animator
    from ganimate.engine import Painted
    from ganimate.faces.glasses import Bare

Look = Mapping[int, float] | Mapping[str, float] | Mapping[int | str, float] | str

BATCH = 8
"""Frames that are painted together: about where a CPU stops gaining, small in memory."""


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
        iris: the colour of the eyes, where another photo has shown it: see `with_eyes_of`.
    """

    photo: Photo = field(repr=False)
    faces: tuple[Face, ...] = field(repr=False)
    chosen: tuple[Face, ...] = field(repr=False)
    currents: tuple[ActionUnits, ...]
    locator: str
    animator: Animator = field(repr=False)
    iris: NDArray[np.float64] | None = field(default=None, repr=False)

    @property
    def current(self) -> ActionUnits:
        """What the first chosen face shows now."""
        return self.currents[0]

    def with_eyes_of(self, other: Portrait) -> Portrait:
        """The same, but that eyes which it shows shut open in the colour of another photo's.

        Args:
            other: of the same person, with an eye open.

        Raises:
            GanimateError: neither eye is open in it.
            UsageError: several faces are chosen.
        """
        if len(self.chosen) != 1:
            raise UsageError("several faces do not have the same eyes", "choose one: --face 0")
        iris = other._layers[0].shut.iris
        if iris is None:
            name = other.photo.path or "the other photo"
            raise GanimateError(f"{name}: shows no open eye", "take a photo that does")
        return replace(self, iris=iris)

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
                as the face shows them, or ``neutral``, as it would without any expression.
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
            layer.paint(target.sides[None], finest=True)[0]
            for layer, target in zip(self._layers, targets, strict=True)
        ]
        return Edited(self, targets, painted)

    def animate(self, trajectory: Trajectory | Sequence[Trajectory]) -> Iterator[NDArray[np.uint8]]:
        """Play a trajectory on the chosen faces.

        Args:
            trajectory: one for all of them, or one for each, of equal length.

        Yields:
            Frames, HWC uint8 RGB, the photo's size, what is transparent laid on white. They are
            painted in batches and memory does not grow with their number.

        Raises:
            UsageError: trajectories of different lengths, or another number than faces.
        """
        sides, shown = self._sides(trajectory), self._opaque
        return (compose(shown._bare, shown._layers, painted) for painted in shown._played(sides))

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
        shown = self._opaque._fitted(film)
        marker = film.marker([face.frame for face in shown.chosen])
        canvas = Canvas(shown.photo.pixels, shown._bare, shown._layers, marker)
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
        if self.photo.see_through:
            self.animator.notify(f"{path}: films have no transparency; laid on white")
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

    @cached_property
    def _opaque(self) -> Portrait:
        """The same without transparency, which films have not."""
        return self if self.photo.alpha is None else replace(self, photo=self.photo.on_white())

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
    def _bare(self) -> Bare:
        """The photo without the glasses of those who are to change."""
        frames = [face.frame for face in self.chosen]
        return self.animator.glasses.take_off(self.photo.pixels, frames)

    @cached_property
    def _layers(self) -> tuple[Layer, ...]:
        engine, pixels = self.animator.engine, self._bare.pixels
        return layers(engine, pixels, self.chosen, self.currents, self.faces, self.iris)


def _target(
    look: Look,
    current: ActionUnits,
    strength: float,
    base: str,
    expressions: Mapping[str, Expression] | None,
) -> ActionUnits:
    """What a face that shows `current` is to show."""
    start = based(base, current)
    if isinstance(look, str):
        return blend(start, parse_look(look, current, expressions=expressions, base=base), strength)
    return blend(start, start.changed(look), strength)
