"""ffmpeg: the commands that encode a film, built by pure functions, and their running."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np

from ganimate.errors import GanimateError
from ganimate.media.planes import Planes, fitted, to_planes
from ganimate.media.profiles import Pixels
from ganimate.output import scratch

Stream = int | IO[bytes]
Sink = Callable[["Pixels | Planes"], None]

# What is stored as `Planes`, and so given to ffmpeg.
YUV_FORMATS = (".mp4", ".webm")

_TAGS = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"

ENCODERS: dict[str, list[str]] = {
    # Most of a photo stands still. `medium` at 18 makes files of the same size, nearer by 1 dB (57
    # instead of 56) to what it is given, in 2.3 times the time: most of a whole command's.
    ".mp4": ["-c:v", "libx264", "-preset", "veryfast", "-crf", "17", "-movflags", "+faststart"],
    ".webm": ["-c:v", "libvpx-vp9", "-crf", "24", "-b:v", "0", "-cpu-used", "4", "-row-mt", "1"],
    # libwebp_anim keeps its compressed frames until the end; a frame is a few kilobytes, since it
    # stores what changed. It converts RGB itself, to the colours that WebP prescribes.
    ".webp": ["-c:v", "libwebp_anim", "-pix_fmt", "bgra", "-quality", "90", "-loop", "0"],
    ".apng": ["-c:v", "apng", "-pix_fmt", "rgb24", "-pred", "mixed", "-plays", "0"],
    # Lossless RGB, what a GIF is made from: see `gif_arguments`.
    ".mkv": ["-c:v", "libx264rgb", "-preset", "ultrafast", "-qp", "0"],
}
_MUXERS = {".mkv": "matroska"}

# The draft that ffmpeg writes to is new, and ours, so it may overwrite (-y).
QUIET = ("-hide_banner", "-loglevel", "error", "-y")


@dataclass(frozen=True)
class EncodedFilm:
    """What an encoder has to know.

    Attributes:
        suffix: the format, of `FORMATS`, or ".mkv" for lossless RGB.
        frame: width and height of the frames.
        size: width and height of the film, from `film_size`.
        fps: frames a second.
        comment: a line for the container's tags, may be empty.
    """

    suffix: str
    frame: tuple[int, int]
    size: tuple[int, int]
    fps: float
    comment: str = ""

    @property
    def planar(self) -> bool:
        """Whether ffmpeg is given planes of the film's size, instead of RGB."""
        return self.suffix in YUV_FORMATS


def ffmpeg_arguments(ffmpeg: str, film: EncodedFilm, output: Path) -> list[str]:
    """The command by which the program `ffmpeg` encodes raw frames from its standard input."""
    rate = Fraction(film.fps).limit_denominator(1001)
    arguments = [ffmpeg, *QUIET, "-protocol_whitelist", "pipe"]
    arguments += ["-f", "rawvideo", "-framerate", str(rate)]
    arguments += ["-pixel_format", "nv12" if film.planar else "rgb24"]
    arguments += ["-video_size", f"{film.size[0]}x{film.size[1]}", "-i", "pipe:0"]
    if film.planar:
        arguments += ["-vf", f"format=yuv420p,{_TAGS}"]
    arguments += ENCODERS[film.suffix]
    if film.comment:
        arguments += ["-metadata", f"comment={film.comment}"]
    muxer = _MUXERS.get(film.suffix, film.suffix.removeprefix("."))
    return [*arguments, "-f", muxer, f"file:{output.absolute()}"]


def gif_arguments(ffmpeg: str, recording: Path, output: Path) -> list[str]:
    """The command that turns a recording into a GIF with one palette for the whole film.

    A palette a frame, all that a single pass allows, makes still parts flicker and the file twice
    as large. So the frames are recorded without loss first, and read twice: for the palette, and
    for the frames, dithered only where something moves.
    """
    reading = ["-protocol_whitelist", "file", "-f", "matroska"]
    reading += ["-i", f"file:{recording.absolute()}"]
    graph = (
        "[0:v]palettegen=stats_mode=full[palette];"
        "[1:v][palette]paletteuse=dither=sierra2_4a:diff_mode=rectangle"
    )
    arguments = [ffmpeg, *QUIET, *reading, *reading, "-filter_complex", graph]
    return [*arguments, "-loop", "0", "-f", "gif", f"file:{output.absolute()}"]


@contextmanager
def encoder(film: EncodedFilm, output: Path, name: Path) -> Iterator[Sink]:
    """Yield what pipes frames to an encoder; `name` is what messages call the film."""
    with running(ffmpeg_arguments(find_ffmpeg(), film, output), name) as feed:

        def write(frame: Pixels | Planes) -> None:
            if film.planar and not isinstance(frame, Planes):
                frame = to_planes(fitted(frame, film.size))
            for part in frame if isinstance(frame, Planes) else (frame,):
                feed(np.ascontiguousarray(part).data)

        yield write


@contextmanager
def gif_encoder(film: EncodedFilm, output: Path, name: Path) -> Iterator[Sink]:
    """As `encoder`, in the two passes of `gif_arguments`."""
    with scratch(output.parent, ".mkv") as recording:
        with encoder(replace(film, suffix=".mkv"), recording, name) as sink:
            yield sink
        with running(gif_arguments(find_ffmpeg(), recording, output), name):
            pass


@contextmanager
def running(arguments: list[str], name: Path) -> Iterator[Callable[[memoryview], None]]:
    """Run ffmpeg around the block and yield what feeds its standard input.

    When the block is left ffmpeg has ended, by itself or, after an exception, killed.

    Raises:
        GanimateError: ffmpeg failed or was killed, with its own last words.
    """
    # A file takes the messages, since a pipe that nobody empties would stop ffmpeg.
    with tempfile.TemporaryFile() as messages:
        process = started(arguments, stdin=subprocess.PIPE, stderr=messages)
        assert process.stdin is not None
        pipe = process.stdin

        def failure() -> GanimateError:
            status = process.wait()
            messages.seek(0)
            words = messages.read().decode(errors="replace").split("\n")
            ending = f"was killed by signal {-status}" if status < 0 else f"failed ({status})"
            return GanimateError(f"{name}: ffmpeg {ending}", " / ".join(filter(None, words[:3])))

        def feed(data: memoryview) -> None:
            try:
                pipe.write(data)
            except OSError as error:  # it has gone: its own words tell more
                raise failure() from error

        try:
            yield feed
            with suppress(OSError):
                pipe.close()
            if process.wait() != 0:
                raise failure()
        finally:
            process.kill()
            process.wait()
            with suppress(OSError):
                pipe.close()


def started(
    arguments: list[str],
    *,
    stdin: Stream = subprocess.DEVNULL,
    stdout: Stream = subprocess.DEVNULL,
    stderr: Stream = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """ffmpeg, running; whoever starts it ends it, as Ctrl-C does not reach it.

    Raises:
        GanimateError: it cannot be started.
    """
    try:
        process = subprocess.Popen(
            arguments, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
        )
    except OSError as error:
        raise GanimateError(f"{arguments[0]}: cannot be started: {error.strerror}") from error
    for pipe in filter(None, (process.stdin, process.stdout)):
        _widen(pipe)
    return process


def _widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold a megabyte where the system allows it: frames of many megapixels pass at half
    the speed through one of 64 KB."""
    try:
        from fcntl import F_SETPIPE_SZ, fcntl  # Linux has it
    except ImportError:
        return
    with suppress(OSError):
        fcntl(pipe, F_SETPIPE_SZ, 1 << 20)


def find_ffmpeg() -> str:
    """The program: imageio-ffmpeg's, or what IMAGEIO_FFMPEG_EXE names.

    Raises:
        GanimateError: there is none.
    """
    from imageio_ffmpeg import get_ffmpeg_exe

    try:
        return str(get_ffmpeg_exe())
    except RuntimeError as error:
        raise GanimateError(
            "no ffmpeg was found, which reads and writes films",
            "reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE; frames go to a folder without it",
        ) from error
