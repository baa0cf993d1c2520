"""Films made of films: other pictures; the sound, the times and the colour tags of the original.

Pictures are encoded anew, turned upright and with square pixels; sound is copied as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from ganimate.errors import GanimateError, UsageError
from ganimate.media.credentials import check_signable, sign_output
from ganimate.media.ffmpeg import ENCODERS, QUIET, find_ffmpeg, running
from ganimate.media.marker import Marker
from ganimate.media.probe import UNTOLD, input_arguments
from ganimate.media.profiles import Pixels
from ganimate.media.provenance import Provenance, comment, embed
from ganimate.media.source import FilmSource
from ganimate.media.timed import frame_header, header
from ganimate.media.video import film_size
from ganimate.output import draft, write_errors

CONTAINERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Suffixes, and the names of ffmpeg's writers of such files."""

# Everything moves in a film: here the slower preset pays, which photos do without.
_MOVING = ["-c:v", "libx264", "-preset", "medium", "-crf", "18", "-movflags", "+faststart"]

_MPEG_AUDIO = ("aac", "mp3", "ac3", "eac3", "alac")
_COPIED = {".mp4": (*_MPEG_AUDIO, "opus"), ".mov": _MPEG_AUDIO, ".webm": ("opus", "vorbis")}
"""Sound that a container takes as it is, and that players of it know; .mkv takes any."""
_SOUND = {".webm": ("libopus", "128k")}
_OTHER_SOUND = ("aac", "192k")

# Finer than any camera's clock; some containers' own cannot be told to others.
_FINEST = Fraction(1, 1_000_000)
_USUAL = Fraction(1, 90_000)


class FilmRemaker:
    """Takes the frames of one film; made by `film_remaker`.

    Attributes:
        size: width and height of the finished film.
        frames: how many were written so far.
    """

    def __init__(
        self,
        source: FilmSource,
        size: tuple[int, int],
        feed: Callable[[memoryview], None],
        marker: Marker | None = None,
    ) -> None:
        self.size = size
        self.frames = 0
        self._source, self._feed, self._marker = source, feed, marker
        self._shape = (source.size[1], source.size[0], 3)
        (width, height), (shown_width, shown_height) = size, source.size
        shrinks = width < shown_width or height < shown_height
        self._edges = (0, 0) if shrinks else (height - shown_height, width - shown_width)
        self._shown = -1.0

    def write(self, seconds: float, frame: Pixels) -> None:
        """Add a frame, (H, W, 3) uint8 RGB of the source's size.

        Args:
            seconds: when it is shown, by the source's clock; later than the one before.
            frame: what is shown.
        """
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise GanimateError(
                f"a frame {frame.shape} {frame.dtype} does not fit a film {self._shape} uint8"
            )
        if self._marker:
            frame = self._marker.mark(frame)
        below, beside = self._edges
        if below or beside:
            frame = np.pad(frame, ((0, below), (0, beside), (0, 0)), mode="edge")
        if self.frames == 0:
            height, width = frame.shape[:2]
            self._feed(memoryview(header((width, height), self._source.info.rate)))
        time = max(seconds - self._source.start, self._shown + float(clock(self._source)))
        self._feed(memoryview(frame_header(time, frame.nbytes)))
        self._feed(np.ascontiguousarray(frame).data)
        self._shown = time
        self.frames += 1


def remade_format(path: Path) -> str:
    """Which of `CONTAINERS` a path asks for.

    Raises:
        UsageError: the suffix is none of them.
    """
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        raise UsageError(
            f"{path}: no film with sound has the suffix {suffix!r}", f"use {', '.join(CONTAINERS)}"
        )
    return suffix


@contextmanager
def film_remaker(
    path: str | os.PathLike[str],
    source: FilmSource,
    *,
    provenance: Provenance | None,
    force: bool = False,
    notify: Callable[[str], None] | None = None,
) -> Iterator[FilmRemaker]:
    """Open a film to write the frames of another one to, as they are or changed.

    When the block ends the film is finished and moved into place; when it ends with an exception,
    Ctrl-C included, nothing is left behind.

    Args:
        path: .mp4, .mov, .mkv or .webm.
        source: where frames and times come from, and what sound is taken from.
        provenance: stated in the film, and whether frames are labelled and it is signed; None
            does nothing of it. Watermarks are for the caller, who knows where faces are.
        force: replace an existing film. The source itself is never written over.
        notify: called with a line for each thing that cannot be kept.

    Yields:
        The writer.

    Raises:
        UsageError: unknown suffix.
        GanimateError: the output exists, no frame was written, or the encoder failed.
    """
    path = Path(path)
    suffix = remade_format(path)
    check_signable(suffix, provenance, path)
    size = film_size(".webm" if suffix == ".webm" else ".mp4", source.size)
    if notify:
        for notice in losses(suffix, size, source):
            notify(f"{path}: {notice}")
    with draft(path, force=force, source=source.path) as unfinished:
        stated = comment(provenance) if provenance else ""
        arguments = remake_arguments(find_ffmpeg(), source, suffix, size, stated, unfinished)
        with running(arguments, path) as feed:
            labelled = provenance and provenance.marking.label
            marker = Marker(provenance, source.size) if provenance and labelled else None
            film = FilmRemaker(source, size, feed, marker)
            yield film
            if film.frames == 0:
                raise GanimateError(f"{source.path}: there is no frame in this part of the film")
        if provenance is not None:
            with write_errors(path):
                embed(unfinished, ".mp4" if suffix == ".mov" else suffix, provenance)
                sign_output(unfinished, suffix, provenance, source.path, path)


def remake_arguments(
    ffmpeg: str, source: FilmSource, suffix: str, size: tuple[int, int], stated: str, output: Path
) -> list[str]:
    """The command by which the program `ffmpeg` encodes timed frames and adds a film's sound.

    Args:
        ffmpeg: the program.
        source: the film, or the part of one, whose sound, times and colour tags are kept.
        suffix: of `CONTAINERS`.
        size: width and height of the finished film.
        stated: a line for the container's tags, may be empty.
        output: the file.
    """
    info = source.info
    tick = clock(source)
    # Both inputs keep their own clocks, and sound is moved to where the pictures' clock begins.
    arguments = [ffmpeg, *QUIET, "-copyts", "-protocol_whitelist", "pipe"]
    arguments += ["-probesize", "32", "-analyzeduration", "0", "-f", "matroska", "-i", "pipe:0"]
    arguments += ["-itsoffset", f"{-info.begin - source.start:.6f}"]
    # ffmpeg goes to some point before; what sounds until the part begins is dropped below.
    arguments += ["-noaccurate_seek"] if source.start > 0 else []
    arguments += input_arguments(source.path, source.start if info.indexed else 0.0)
    arguments += ["-map", "0:v:0", "-map", "1:a?", "-map_metadata", "1"]
    arguments += ["-vf", _graph(source, size), "-fps_mode", "passthrough"]
    arguments += ["-enc_time_base", f"{tick.numerator}:{tick.denominator}"]
    if suffix in (".mp4", ".mov") and tick.numerator == 1:
        arguments += ["-video_track_timescale", str(tick.denominator)]
    arguments += ENCODERS[".webm"] if suffix == ".webm" else _MOVING
    for index, codec in enumerate(info.audio):
        if copies(suffix, codec):
            arguments += [f"-c:a:{index}", "copy"]
        else:
            encoder, bits = _SOUND.get(suffix, _OTHER_SOUND)
            arguments += [f"-c:a:{index}", encoder, f"-b:a:{index}", bits]
    if source.start > 0:
        arguments += ["-ss", "0"]
    if source.end is not None:
        arguments += ["-t", f"{source.end - source.start:.6f}"]
    if stated:
        arguments += ["-metadata", f"comment={stated}"]
    return [*arguments, "-f", CONTAINERS[suffix], f"file:{output.absolute()}"]


def copies(suffix: str, codec: str) -> bool:
    """Whether a container takes this kind of sound as it is."""
    if suffix == ".mov" and codec.startswith("pcm_"):
        return True
    return suffix not in _COPIED or codec in _COPIED[suffix]


def clock(source: FilmSource) -> Fraction:
    """The step of the film's clock, in seconds."""
    tick = source.info.tick
    return tick if _FINEST <= tick <= Fraction(1, 24) else _USUAL


def losses(suffix: str, size: tuple[int, int], source: FilmSource) -> list[str]:
    """What of a film cannot be kept, in words."""
    info, told = source.info, []
    if size[0] * size[1] < source.size[0] * source.size[1]:
        told.append(f"shrunk to {size[0]} x {size[1]}, the most that players can show")
    other = sorted({codec for codec in info.audio if not copies(suffix, codec)})
    if other:
        encoder, _ = _SOUND.get(suffix, _OTHER_SOUND)
        told.append(f"{suffix} takes no {', '.join(other)} sound: encoded anew as {encoder}")
    if info.bits > 8:
        told.append(f"colours of {info.bits} bits become those of 8")
    if info.subtitles:
        told.append("subtitles are left out")
    return told


def _graph(source: FilmSource, size: tuple[int, int]) -> str:
    """The filters from RGB to the source's own kind of YUV, so that colours come back as were."""
    colours = source.colours
    span = "pc" if colours.range == "pc" else "tv"
    matrix = colours.matrix(source.size[1])
    rgb_becomes = "bt709" if matrix == "bt709" else "smpte170m"
    tags = {
        "color_primaries": colours.primaries,
        "color_trc": colours.transfer,
        "colorspace": rgb_becomes if colours.space == "gbr" else colours.space,
        "range": colours.range,
    }
    told = ":".join(
        f"{name}={'unknown' if value in UNTOLD else value}" for name, value in tags.items()
    )
    return (
        f"scale={size[0]}:{size[1]}:in_range=pc:out_color_matrix={matrix}:out_range={span}:"
        f"flags=lanczos+accurate_rnd+full_chroma_int,format=yuv420p,setparams={told}"
    )
