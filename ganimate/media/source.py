"""Films in: ffmpeg decodes, frames are streamed from it one at a time, each with its own time."""

from __future__ import annotations

import os
import re
import subprocess
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO

import numpy as np

from ganimate.errors import GanimateError, UsageError
from ganimate.files import check_file
from ganimate.media.ffmpeg import find_ffmpeg
from ganimate.media.profiles import Pixels

CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,mxf,nut,gif,apng"
"""ffmpeg's demuxers that are let at a file. Playlists, which name other files, are none of them."""

INDEXED = ("mov", "matroska", "avi")
"""Those that find any time at once; of others, parts are read from the film's beginning."""

MIN_SIDE, MAX_SIDE = 16, 8192
MAX_PIXELS = 8192 * 4352
"""What a film may declare of its size; 8K is the most that cameras write."""

PROBE_SECONDS = 120
"""How long ffmpeg may take to say what a file is."""

EARLY = 0.5
"""Seconds by which a film may end before its stated end, where ffmpeg complains, too."""

UNTOLD = ("unknown", "unspecified", "reserved")
"""What ffmpeg says of colours where the film does not say."""

_TICK = 1e-5  # clocks are stated to a millionth of a second

# ffmpeg's own lines; a film's tags, which are told too, may say the same words.
_SHOWN = r"^\[(?:Parsed_)?showinfo[^\]]*\] \[info\]"
_NUMBER, _PAIR, _DECIMAL = r"(\d{1,9})", r"(\d{1,9})/(\d{1,9})", r"\d{1,9}(?:\.\d{1,9})?"

_QUIET = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info")

_MATRICES = {
    "bt709": "bt709",
    "fcc": "fcc",
    "bt470bg": "bt601",
    "smpte170m": "bt601",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}


@dataclass(frozen=True)
class Colours:
    """How a film's numbers mean colours, in ffmpeg's words; "unknown" where it does not say.

    Attributes:
        space: the matrix between RGB and YUV, such as bt709.
        primaries: bt709, bt2020 ...
        transfer: bt709, smpte2084 ...
        range: tv or pc.
    """

    space: str = "unknown"
    primaries: str = "unknown"
    transfer: str = "unknown"
    range: str = "unknown"

    def matrix(self, height: int) -> str:
        """The matrix by the name that ffmpeg's scaler gives it; by the height where unknown."""
        return _MATRICES.get(self.space, "bt709" if height >= 720 else "bt601")


@dataclass(frozen=True)
class FilmInfo:
    """What ffmpeg says of a film.

    Attributes:
        size: width and height as shown: turned upright, with square pixels.
        rate: frames a second, where `variable` of those that follow each other at once.
        fps: the same on average.
        tick: seconds; the time of every frame is a multiple of it.
        begin: the time by the file's own clock, seconds, where it begins.
        duration: seconds, of the longest of its streams; None where it is not stated.
        variable: whether frames are shown for different times, as far as the header tells.
        colours: its colour tags.
        bits: of each colour, 8 or more.
        audio: the codec of each audio stream.
        subtitles: whether it has any.
        indexed: whether a part of it is found without reading what comes before.
    """

    size: tuple[int, int]
    rate: Fraction
    fps: float
    tick: Fraction
    begin: float
    duration: float | None
    variable: bool
    colours: Colours
    bits: int
    audio: tuple[str, ...]
    subtitles: bool
    indexed: bool


class FilmSource:
    """A film, or a part of one, whose frames are streamed; made by `open_film`.

        with open_film("in.mp4") as film:
            for seconds, pixels in film:
                ...

    Each iteration decodes anew. Seconds count from the film's beginning, also in a part of it;
    pixels are HWC uint8 RGB of the film's size.

    Attributes:
        path: the file.
        info: what ffmpeg says of the whole film.
        start, end: the part, in seconds; an end of None is the film's.
        size: width and height as shown.
        fps: frames a second, on average where the rate is variable.
        duration: seconds of the part; None where the file does not state it.
        frames: how many the part has, estimated; None where the file does not state its length.
        has_audio: whether there is an audio stream.
        variable: whether frames are shown for different times, as far as the header tells.
        colours: colour tags.
    """

    def __init__(self, path: Path, info: FilmInfo, start: float, end: float | None) -> None:
        self.path, self.info = path, info
        self.start, self.end = start, end
        self.size, self.fps, self.colours = info.size, info.fps, info.colours
        self.has_audio, self.variable = bool(info.audio), info.variable
        ends = [time for time in (end, info.duration) if time is not None]
        self.duration = min(ends) - start if info.duration is not None else None
        self.frames = max(1, round(self.duration * self.fps)) if self.duration is not None else None
        self._running = ExitStack()

    def __iter__(self) -> Iterator[tuple[float, Pixels]]:
        frames = _decode(self)
        self._running.enter_context(closing(frames))
        return frames

    def close(self) -> None:
        """End what still decodes."""
        self._running.close()


@contextmanager
def open_film(
    path: str | os.PathLike[str], *, start: float = 0.0, end: float | None = None
) -> Iterator[FilmSource]:
    """Open a film to read frames from.

    Args:
        path: a video file.
        start: seconds from its beginning where the part to be read begins.
        end: where it ends; None: with the film.

    Raises:
        UsageError: the part is empty, or begins after the film's end.
        GanimateError: the file cannot be read, is no film, or (while frames are read) is damaged.
    """
    path = Path(path)
    if not start >= 0 or (end is not None and not end > start):
        raise UsageError(f"{path}: no part of a film lasts from {start:g} to {end} s")
    info = probe(path)
    if info.duration is not None and start >= info.duration:
        raise UsageError(f"{path}: {start:g} s is after its end", f"it has {info.duration:g} s")
    film = FilmSource(path, info, start, end)
    try:
        yield film
    finally:
        film.close()


def probe(path: Path) -> FilmInfo:
    """What ffmpeg says of a film; its first frame is decoded for that.

    Raises:
        GanimateError: the file cannot be read, or is no film, or one of an absurd size.
    """
    check_file(path)
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise GanimateError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        done = subprocess.run(
            probe_arguments(find_ffmpeg(), path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=PROBE_SECONDS,
            start_new_session=True,  # Ctrl-C is for us; run() ends ffmpeg itself
        )
    except subprocess.TimeoutExpired as error:
        raise GanimateError(f"{path}: ffmpeg cannot tell what this is") from error
    told = done.stderr.decode(errors="replace")
    info = read_probe(told)
    if info is None:
        raise GanimateError(f"{path}: this is no film that can be read", _complaint(told))
    width, height = info.size
    if min(info.size) < MIN_SIDE or max(info.size) > MAX_SIDE or width * height > MAX_PIXELS:
        raise GanimateError(
            f"{path}: {width} x {height} pixels are no size for a film",
            f"{MIN_SIDE} to {MAX_SIDE} a side are possible",
        )
    return info


def input_arguments(path: Path, start: float = 0.0, end: float | None = None) -> list[str]:
    """The part of a command by which ffmpeg opens a film, or a part of it.

    The name is absolute and named as a file's, so that none is taken for an option or an address.
    With `-copyts` before, times come by the film's own clock.
    """
    arguments = ["-protocol_whitelist", "file,pipe", "-format_whitelist", CONTAINERS]
    if start > 0:
        arguments += ["-ss", f"{start:.6f}"]
    if end is not None:
        arguments += ["-t", f"{end - start:.6f}"]
    return [*arguments, "-i", f"file:{path.absolute()}"]


def probe_arguments(ffmpeg: str, path: Path) -> list[str]:
    """The command by which `ffmpeg` describes a film, and its first frame as shown."""
    arguments = [ffmpeg, *_QUIET, *input_arguments(path), "-map", "0:V:0"]
    return [*arguments, "-frames:v", "1", "-vf", "showinfo=checksum=0", "-f", "null", "-"]


def decode_arguments(
    ffmpeg: str, path: Path, info: FilmInfo, start: float = 0.0, end: float | None = None
) -> list[str]:
    """The command by which `ffmpeg` decodes a film to raw RGB on its standard output.

    Every frame comes once, and for each a line with its time, by the film's own clock, goes to
    standard error. Where the film has no index all that comes before the start is there, too.
    """
    width, height = info.size
    span = "pc" if info.colours.range == "pc" else "tv"
    colours = f"in_color_matrix={info.colours.matrix(height)}:in_range={span}:out_range=pc"
    graph = (
        f"scale={width}:{height}:{colours}:flags=lanczos+accurate_rnd+full_chroma_int,"
        "format=rgb24,showinfo=checksum=0"
    )
    if not info.indexed:
        start, end = 0.0, None
    arguments = [ffmpeg, *_QUIET, "-copyts", *input_arguments(path, start, end), "-map", "0:V:0"]
    arguments += ["-vf", graph, "-fps_mode", "passthrough"]
    return [*arguments, "-c:v", "rawvideo", "-f", "rawvideo", "pipe:1"]


def read_probe(told: str) -> FilmInfo | None:
    """What the messages of `probe_arguments` say; None where there is no frame to speak of."""
    stream = re.search(r"^\[info\] +Stream #0:\d+.*?: Video: .*", told, re.MULTILINE)
    exact = re.search(
        rf"{_SHOWN} config in time_base: *{_PAIR}, frame_rate: *{_PAIR}", told, re.MULTILINE
    )
    frame = re.search(
        rf"{_SHOWN} n: *0 .*? fmt:(\w+) .*?sar:{_PAIR} s:{_NUMBER}x{_NUMBER}", told, re.MULTILINE
    )
    if not stream or not frame or not exact:
        return None
    width, height, across, down = (int(frame[i]) for i in (4, 5, 2, 3))
    if across and down:
        width = round(width * across / down)
    mean, ticks = (_rate(stream[0], word) for word in ("fps", "tbr"))
    rate = Fraction(int(exact[3]), int(exact[4]) or 1) or ticks or mean or Fraction(25)
    variable = mean is not None and abs(rate / mean - 1) > 0.01
    stated = re.search(
        rf"^\[info\] +Duration: {_NUMBER}:{_NUMBER}:({_DECIMAL})", told, re.MULTILINE
    )
    begin = re.search(rf"^\[info\] +Duration: .*, start: (-?{_DECIMAL})", told, re.MULTILINE)
    container = re.search(r"^\[info\] Input #0, (\w+)", told, re.MULTILINE)
    tags = {
        name: found[1] if (found := re.search(rf"\bcolor_{name}:(\w+)", told)) else "unknown"
        for name in ("range", "space", "primaries", "trc")
    }
    depth = re.search(r"p(\d\d?)(?:le|be)$", frame[1])
    return FilmInfo(
        size=(width, height),
        rate=rate,
        fps=float(mean if mean and variable else rate),
        tick=Fraction(int(exact[1]), max(1, int(exact[2]))),
        begin=float(begin[1]) if begin else 0.0,
        duration=(
            int(stated[1]) * 3600 + int(stated[2]) * 60 + float(stated[3]) if stated else None
        ),
        variable=variable,
        colours=Colours(tags["space"], tags["primaries"], tags["trc"], tags["range"]),
        bits=int(depth[1]) if depth else 8,
        audio=tuple(re.findall(r"^\[info\] +Stream #0:\d+.*?: Audio: (\w+)", told, re.MULTILINE)),
        subtitles=bool(re.search(r"^\[info\] +Stream #0:\d+.*?: Subtitle: ", told, re.MULTILINE)),
        indexed=container is not None and container[1] in INDEXED,
    )


def _rate(stream: str, word: str) -> Fraction | None:
    """`29.97 fps` or `1k tbr` of ffmpeg's line on a stream."""
    found = re.search(rf"({_DECIMAL})(k?) {word}\b", stream)
    rate = Fraction(found[1]) * (1000 if found[2] else 1) if found else Fraction(0)
    return rate if rate > 0 else None


def _complaint(told: str) -> str:
    """ffmpeg's own words on what is wrong."""
    if "not on whitelist" in told:
        return "mp4, mov, mkv, webm, avi and their like are"
    lines = re.findall(r"\[(?:error|fatal|panic)\] (.*)", told)
    return " / ".join(line.strip() for line in lines[:2])


def _unpacked(path: Path) -> str:
    """What ffmpeg says is wrong with a film that it only unpacks.

    Where it decodes, too, it sometimes ends before it has said so.
    """
    arguments = [find_ffmpeg(), *_QUIET, *input_arguments(path), "-map", "0:V:0"]
    done = subprocess.run(
        [*arguments, "-c", "copy", "-f", "null", "-"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    return _complaint(done.stderr.decode(errors="replace"))


class _Messages:
    """Reads what ffmpeg says while it decodes: the time of each frame, and complaints."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.complaints: deque[str] = deque(maxlen=2)
        self._times: SimpleQueue[float | None] = SimpleQueue()
        self._thread = Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream: IO[bytes]) -> None:
        base = Fraction(0)
        for raw in stream:
            line = raw.decode(errors="replace")
            if found := re.match(rf"{_SHOWN} config in time_base: *{_PAIR}", line):
                base = Fraction(int(found[1]), max(1, int(found[2])))
            elif found := re.match(rf"{_SHOWN} n: *\d+ pts: *(-?\d{{1,19}}|NOPTS)", line):
                self._times.put(float(int(found[1]) * base) if found[1] != "NOPTS" else None)
            elif found := re.search(r"\[(?:error|fatal|panic)\] (.*)", line):
                self.complaints.append(found[1].strip())
        self._times.put(None)

    def next_time(self) -> float | None:
        """When the next frame is shown, by the film's own clock; None where it has no time."""
        return self._times.get()

    def close(self) -> None:
        self._thread.join()


def _decode(film: FilmSource) -> Generator[tuple[float, Pixels], None, None]:
    """Run ffmpeg and yield its frames; when this generator is closed, ffmpeg has ended."""
    arguments = decode_arguments(find_ffmpeg(), film.path, film.info, film.start, film.end)
    width, height = film.size
    size = width * height * 3
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; we end ffmpeg ourselves
        )
    except OSError as error:
        raise GanimateError(f"{arguments[0]}: cannot be started: {error.strerror}") from error
    assert process.stdout is not None
    assert process.stderr is not None
    messages = _Messages(process.stderr)
    reached = film.start if film.info.indexed else 0.0
    try:
        while len(data := process.stdout.read(size)) == size:
            time = messages.next_time()
            seconds = reached if time is None else time - film.info.begin
            reached = seconds + 1 / film.fps
            if film.end is not None and seconds >= film.end - _TICK:
                return
            if seconds >= film.start - _TICK:
                yield max(seconds, 0.0), np.frombuffer(data, np.uint8).reshape(height, width, 3)
        status = process.wait()
        messages.close()
        words = " / ".join(messages.complaints)
        if status != 0 or data:
            raise GanimateError(f"{film.path}: ffmpeg failed to read it ({status})", words)
        end = film.start + film.duration if film.duration is not None else 0.0
        if reached < end - EARLY and (words := words or _unpacked(film.path)):
            raise GanimateError(
                f"{film.path}: the file is damaged or cut off {reached:.1f} s into {end:.1f} s",
                words,
            )
    finally:
        process.kill()
        process.wait()
        messages.close()
        process.stdout.close()
        process.stderr.close()
