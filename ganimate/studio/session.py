"""One photo that one tab has open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ganimate.errors import GanimateError, UsageError
from ganimate.facs import at_rest
from ganimate.media.stills import PHOTO_FORMATS, decode_photo
from ganimate.media.video import FORMATS
from ganimate.studio.view import View, fitting_scale, only
from ganimate.studio.wishes import STORY, Film

if TYPE_CHECKING:
    from ganimate.animator import Animator
    from ganimate.edited import Edited
    from ganimate.portrait import Portrait
    from ganimate.studio.wishes import Expressions

MAX_UPLOAD = 160_000_000
"""Bytes of a photo: 50 megapixels, uncompressed. `media.stills` checks the pixels."""

FILMS = tuple(suffix for suffix in FORMATS if suffix)
VIEWS = 2


class Session:
    """One photo, opened, with its views and its last film, `finished`.

    Args:
        portrait: the photo with all its faces chosen.
        name: what commands call the photo.
        expressions: those that looks may name.
    """

    def __init__(self, portrait: Portrait, name: str, expressions: Expressions) -> None:
        self.portrait, self.name, self.expressions = portrait, name, expressions
        self._views: dict[float, View] = {}
        self._folder: TemporaryDirectory[str] | None = None
        self.finished: Path | None = None

    def view(self, wanted: float) -> View:
        """The photo at about a scale; the last few views are kept."""
        scale = fitting_scale(self.portrait, wanted)
        view = self._views.pop(scale, None) or View(self.portrait, scale)
        self._views[scale] = view
        for old in list(self._views)[:-VIEWS]:
            del self._views[old]
        return view

    def summary(self) -> dict[str, Any]:
        """What the page is told about the photo."""
        height, width = self.portrait.photo.pixels.shape[:2]
        return {
            "name": self.name,
            "width": width,
            "height": height,
            "locator": self.portrait.locator,
            "notices": list(self.portrait.photo.notices),
            "faces": [
                {
                    "index": face.index,
                    "corners": face.frame.corners().round(1).tolist(),
                    "current": current.to_dict(),
                    "rest": at_rest(current).to_dict(),
                }
                for face, current in zip(self.portrait.chosen, self.portrait.currents, strict=True)
            ],
            "largest": max(self.portrait.faces, key=lambda one: one.frame.half_side).index,
        }

    def edited(self, looks: Mapping[int, str]) -> Edited:
        """The picture in the photo's own size."""
        chosen = only(self.portrait, list(looks))
        return chosen.edit(list(looks.values()), expressions=self.expressions)

    def save(self, looks: Mapping[int, str], suffix: str) -> bytes:
        """A picture file, as `ganimate edit` writes it.

        Raises:
            UsageError: no picture has this suffix, or nothing was asked for.
        """
        if suffix not in PHOTO_FORMATS:
            raise UsageError(f"no picture format has the suffix {suffix!r}")
        if not looks:
            raise UsageError("nothing has been changed yet", "move a slider first")
        with TemporaryDirectory(prefix="ganimate-") as folder:
            return self.edited(looks).save(Path(folder) / f"picture{suffix}").read_bytes()

    def film(self, film: Film, suffix: str) -> Iterator[int | Path]:
        """Make a film as `ganimate animate --timeline` does; the last one made is kept.

        Yields:
            How many frames are done, after each; at last the film.

        Raises:
            UsageError: no film has this suffix.
        """
        if suffix not in FILMS:
            raise UsageError(f"no film format has the suffix {suffix!r}", ", ".join(FILMS))
        with ExitStack() as unfinished:
            folder = TemporaryDirectory(prefix="ganimate-")
            path = Path(unfinished.enter_context(folder))
            path /= f"{PurePath(self.name).stem or 'film'}{suffix}"
            portrait = only(self.portrait, [film.face])
            trajectory = film.trajectory(portrait.current, self.expressions)
            course = f"timeline {STORY}"
            with portrait.film(path, fps=trajectory.fps, course=course) as writer:
                for frame in portrait.animate_for(writer, trajectory):
                    writer.write(frame)
                    yield writer.frames
            unfinished.pop_all()
        self.close()
        self._folder, self.finished = folder, path
        yield path

    def close(self) -> None:
        """Remove the last film."""
        if self._folder:
            self._folder.cleanup()
        self._folder = self.finished = None


def open_given(animator: Animator, path: Path, expressions: Expressions) -> Session:
    """Open the photo that the command named."""
    return Session(animator.open(path, face="all"), str(path), expressions)


def open_upload(animator: Animator, data: bytes, name: str, expressions: Expressions) -> Session:
    """Open a photo that the page sent; it is never written to a disk.

    Args:
        animator: what opens it.
        data: the bytes of its file.
        name: the file's name on the person's side.
        expressions: those that looks may name.

    Raises:
        GanimateError: not a photo, too small, too large, or without a face.
    """
    name = PurePath(name.replace("\\", "/")).name or "photo"
    try:
        portrait = animator.open(decode_photo(data, name), face="all")
    except GanimateError as error:
        message = error.message.replace("the photo", name, 1)
        raise type(error)(message, error.hint) from error
    return Session(portrait, name, expressions)
