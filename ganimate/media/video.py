"""Films out: frames are streamed to ffmpeg, or to a folder of PNGs, one at a time.

Memory does not grow with the film's length. The film appears complete or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import count
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganimate.errors import GanimateError, UsageError
from ganimate.files import is_folder
from ganimate.media.credentials import check_signable, sign_output
from ganimate.media.ffmpeg import YUV_FORMATS, EncodedFilm, Sink, encoder, gif_encoder
from ganimate.media.marker import Marker
from ganimate.media.planes import Planes, fitted
from ganimate.media.profiles import Pixels, srgb_converter
from ganimate.media.provenance import Provenance, comment, embed, png_text, xmp_packet
from ganimate.output import draft, write_errors

if TYPE_CHECKING:
    from ganimate.faces.align import FaceFrame

FOLDER = ""

FORMATS = {
    ".mp4": "H.264, plays everywhere",
    ".webm": "VP9, for web pages",
    ".gif": "256 colours, loops",
    ".webp": "small, loops",
    ".apng": "lossless, loops",
    FOLDER: "a folder of PNG frames",
}

# What decoders in phones and televisions are built for (H.264 level 5.1: 36 864 macroblocks).
MAX_VIDEO_SIDE = 4096
MAX_VIDEO_PIXELS = 4096 * 2176

# Browsers take a delay under 2/100 s for a mistake and show the GIF at 10 frames a second.
MAX_GIF_FPS = 50
MAX_FPS = 240

_MAX_SIDE = {".webp": 16383, ".gif": 65535}


class FilmWriter:
    """Takes the frames of one film; made by `film_writer`.

    Attributes:
        size: width and height of the finished film.
        frames: how many were written so far.
        planar: whether it also takes `Planes`.
    """

    def __init__(
        self,
        frame_size: tuple[int, int],
        size: tuple[int, int],
        sink: Sink,
        convert: Callable[[Pixels], Pixels] | None = None,
        provenance: Provenance | None = None,
        planar: bool = False,
    ) -> None:
        self.size = size
        self.frames = 0
        self.planar = planar
        self._shape = (frame_size[1], frame_size[0], 3)
        self._sink = sink
        self._convert = convert
        self._provenance = provenance
        self._marker = Marker(provenance, frame_size) if provenance else None
        self._marked: Pixels | None = None

    def write(self, frame: Pixels | Planes) -> None:
        """Add a frame.

        Args:
            frame: (H, W, 3) uint8 RGB of the size the film was opened for; or, if the film is
                planar, what was made of one that `fit` fitted, with the marks of `marker`.
        """
        if isinstance(frame, Planes):
            if not self.planar or frame.luma.shape != self.size[::-1]:
                raise GanimateError(f"planes {frame.luma.shape} do not fit a film {self.size}")
            self._sink(frame)
            self.frames += 1
            return
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise GanimateError(
                f"a frame {frame.shape} {frame.dtype} does not fit a film {self._shape} uint8"
            )
        if self._marker:
            # One array for all frames: a new one of many megapixels costs as much as its copying.
            frame = self._marked = self._marker.mark(frame, self._marked)
        self._sink(self._convert(frame) if self._convert else frame)
        self.frames += 1

    def fit(self, pixels: Pixels) -> Pixels:
        """A frame, HWC uint8 RGB, in the film's colours and size."""
        return fitted(self._convert(pixels) if self._convert else pixels, self.size)

    def marker(self, faces: Sequence[FaceFrame]) -> Marker | None:
        """What marks frames of the film's own size, whose edited faces are there; or nothing."""
        if self._provenance is None:
            return None
        return Marker(replace(self._provenance, faces=tuple(faces)), self.size)


def film_format(path: str | os.PathLike[str]) -> str:
    """Which of `FORMATS` a path asks for.

    Args:
        path: no suffix, a trailing slash, or a folder that exists mean a folder of PNG frames.

    Raises:
        UsageError: the suffix is none of them.
    """
    named = os.fspath(path)
    suffix = Path(named).suffix.lower()
    if named.endswith(("/", os.sep)) or not suffix or is_folder(Path(named)):
        return FOLDER
    if suffix not in FORMATS:
        known = ", ".join(filter(None, FORMATS))
        raise UsageError(
            f"{path}: no film format has the suffix {suffix!r}",
            f"use {known}, or a name without suffix for a folder of PNGs",
        )
    return suffix


def film_size(suffix: str, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the film that frames of a size become.

    Video is shrunk to what decoders can play; H.264 needs even sides and is padded to them.

    Raises:
        UsageError: the format cannot hold this size.
    """
    longest = _MAX_SIDE.get(suffix)
    if longest and max(size) > longest:
        raise UsageError(f"{suffix} holds at most {longest} pixels a side", "write an .mp4 instead")
    width, height = size
    if suffix in YUV_FORMATS:
        scale = min(MAX_VIDEO_SIDE / max(size), sqrt(MAX_VIDEO_PIXELS / (width * height)))
        if scale < 1:
            width, height = int(width * scale) // 2 * 2, int(height * scale) // 2 * 2
    if suffix == ".mp4":
        width, height = width + width % 2, height + height % 2
    return max(width, 2), max(height, 2)


@contextmanager
def film_writer(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int],
    fps: float,
    provenance: Provenance | None,
    force: bool = False,
    source: Path | None = None,
    icc_profile: bytes | None = None,
    notify: Callable[[str], None] | None = None,
) -> Iterator[FilmWriter]:
    """Open a film to write frames to.

        with film_writer("out.mp4", size=(640, 480), fps=25, provenance=None) as film:
            for frame in frames:
                film.write(frame)

    When the block ends the film is finished and moved into place; when it ends with an exception,
    Ctrl-C included, nothing is left behind.

    Args:
        path: the suffix says the format, see `FORMATS` and `film_format`.
        size: width and height of the frames.
        fps: frames a second.
        provenance: stated in the film, and what its frames are marked by; None leaves out both.
        force: replace an existing film, or an existing folder of nothing but frames.
        source: the photo the frames are made from; it is never written over.
        icc_profile: the profile of the frames. Films are sRGB and frames are brought there; PNG
            frames keep it.
        notify: called with a line for each thing that the format could not hold.

    Yields:
        The writer.

    Raises:
        UsageError: unknown suffix, or a size or rate that the format cannot hold.
        GanimateError: the output exists, no frame was written, or the encoder failed.
    """
    suffix = film_format(path)
    path = Path(path)
    if not 1 <= fps <= MAX_FPS:
        raise UsageError(f"{path}: {fps} frames a second are not within 1 to {MAX_FPS}")
    if suffix == ".gif" and fps > MAX_GIF_FPS:
        raise UsageError(f"{path}: a GIF shows at most {MAX_GIF_FPS} frames a second")
    check_signable(suffix, provenance, path)
    finished = film_size(suffix, size)
    if notify and finished[0] * finished[1] < size[0] * size[1]:
        notify(f"{path}: shrunk to {finished[0]} x {finished[1]}, the most that players can show")
    with draft(path, force=force, source=source) as unfinished:
        opened: AbstractContextManager[Sink]
        if suffix == FOLDER:
            opened = _folder(unfinished, path, provenance, icc_profile)
        else:
            form = EncodedFilm(
                suffix, size, finished, fps, comment(provenance) if provenance else ""
            )
            opened = (gif_encoder if suffix == ".gif" else encoder)(form, unfinished, path)
        with opened as sink:
            convert = None if suffix == FOLDER else srgb_converter(icc_profile)
            film = FilmWriter(size, finished, sink, convert, provenance, suffix in YUV_FORMATS)
            yield film
            if film.frames == 0:
                raise GanimateError(f"{path}: no frame was written")
        if provenance is not None:
            with write_errors(path):
                embed(unfinished, suffix, provenance)
                sign_output(unfinished, suffix, provenance, source, path)


@contextmanager
def _folder(
    folder: Path, name: Path, provenance: Provenance | None, icc_profile: bytes | None
) -> Iterator[Sink]:
    """Yield what writes frames as PNGs; `name` is what messages call the film."""
    from PIL import Image

    text = png_text(xmp_packet(provenance, provenance.original)) if provenance else None
    numbers = count()

    def write(frame: Pixels | Planes) -> None:
        assert not isinstance(frame, Planes)
        with write_errors(name):
            Image.fromarray(frame).save(
                folder / f"{next(numbers):05d}.png",
                pnginfo=text,
                icc_profile=icc_profile,
                compress_level=1,
            )

    with write_errors(name):
        folder.mkdir()
    yield write
