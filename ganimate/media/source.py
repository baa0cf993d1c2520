"""Films in: ffmpeg decodes, frames are streamed from it one at a time, each with its own time."""

from __future__ import annotations

import os
import re
import subprocess
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO

import numpy as np

from ganimate.errors import GanimateError, UsageError
from ganimate.media.ffmpeg import find_ffmpeg, started
from ganimate.media.probe import NOTES, PAIR, SHOWN, FilmInfo, complaint, input_arguments, probe
from ganimate.media.profiles import Pixels

EARLY = 0.5
"""Seconds by which a film may end before its stated end, where ffmpeg complains, too."""

_TICK = 1e-5  # clocks are stated to a millionth of a second


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
        colours: colour tags.
    """

    def __init__(self, path: Path, info: FilmInfo, start: float, end: float | None) -> None:
        self.path, self.info = path, info
        self.start, self.end = start, end
        self.size, self.fps, self.colours = info.size, info.fps, info.colours
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
    arguments = [ffmpeg, *NOTES, "-copyts", *input_arguments(path, start, end), "-map", "0:V:0"]
    arguments += ["-vf", graph, "-fps_mode", "passthrough"]
    return [*arguments, "-c:v", "rawvideo", "-f", "rawvideo", "pipe:1"]


def _unpacked(path: Path) -> str:
    """What ffmpeg says is wrong with a film that it only unpacks.

    Where it decodes, too, it sometimes ends before it has said so.
    """
    arguments = [find_ffmpeg(), *NOTES, *input_arguments(path), "-map", "0:V:0"]
    arguments += ["-c", "copy", "-f", "null", "-"]
    with started(arguments, stderr=subprocess.PIPE) as process:
        try:
            return complaint(process.communicate()[1].decode(errors="replace"))
        finally:
            process.kill()


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
            if found := re.match(rf"{SHOWN} config in time_base: *{PAIR}", line):
                base = Fraction(int(found[1]), max(1, int(found[2])))
            elif found := re.match(rf"{SHOWN} n: *\d+ pts: *(-?\d{{1,19}}|NOPTS)", line):
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
    process = started(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
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
                yield (
                    max(seconds, film.start),
                    np.frombuffer(data, np.uint8).reshape(height, width, 3),
                )
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
