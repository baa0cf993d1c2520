"""What ffmpeg says of a film, and how it is asked."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ganimate.errors import GanimateError
from ganimate.files import check_file
from ganimate.media.ffmpeg import find_ffmpeg, started

CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,mxf,nut,gif,apng"
"""ffmpeg's demuxers that are let at a file. Playlists, which name other files, are none of them."""

INDEXED = ("mov", "matroska", "avi")
"""Those that find any time at once; of others, parts are read from the film's beginning."""

MIN_SIDE, MAX_SIDE = 16, 8192
MAX_PIXELS = 8192 * 4352
"""What a film may declare of its size; 8K is the most that cameras write."""

PROBE_SECONDS = 120
"""How long ffmpeg may take to say what a file is."""

UNTOLD = ("unknown", "unspecified", "reserved")
"""What ffmpeg says of colours where the film does not say."""

# ffmpeg's own lines; a film's tags, which are told too, may say the same words.
SHOWN = r"^\[(?:Parsed_)?showinfo[^\]]*\] \[info\]"
_NUMBER, PAIR, _DECIMAL = r"(\d{1,9})", r"(\d{1,9})/(\d{1,9})", r"\d{1,9}(?:\.\d{1,9})?"

NOTES = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info")

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
    with started(probe_arguments(find_ffmpeg(), path), stderr=subprocess.PIPE) as process:
        try:
            said = process.communicate(timeout=PROBE_SECONDS)[1]
        except subprocess.TimeoutExpired as error:
            raise GanimateError(f"{path}: ffmpeg cannot tell what this is") from error
        finally:
            process.kill()
    told = said.decode(errors="replace")
    info = read_probe(told)
    if info is None:
        raise GanimateError(f"{path}: this is no film that can be read", complaint(told))
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
    arguments = [ffmpeg, *NOTES, *input_arguments(path), "-map", "0:V:0"]
    return [*arguments, "-frames:v", "1", "-vf", "showinfo=checksum=0", "-f", "null", "-"]


def read_probe(told: str) -> FilmInfo | None:
    """What the messages of `probe_arguments` say; None where there is no frame to speak of."""
    stream = re.search(r"^\[info\] +Stream #0:\d+.*?: Video: .*", told, re.MULTILINE)
    exact = re.search(
        rf"{SHOWN} config in time_base: *{PAIR}, frame_rate: *{PAIR}", told, re.MULTILINE
    )
    frame = re.search(
        rf"{SHOWN} n: *0 .*? fmt:(\w+) .*?sar:{PAIR} s:{_NUMBER}x{_NUMBER}", told, re.MULTILINE
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


def complaint(told: str) -> str:
    """ffmpeg's own words on what is wrong."""
    if "not on whitelist" in told:
        return "mp4, mov, mkv, webm, avi and their like are"
    lines = re.findall(r"\[(?:error|fatal|panic)\] (.*)", told)
    return " / ".join(line.strip() for line in lines[:2])
