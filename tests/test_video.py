"""Films of every format, encoded for real and read back."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image, ImageSequence

from ganimate.errors import GanimateError, UsageError
from ganimate.media.ffmpeg import EncodedFilm, ffmpeg_arguments, gif_arguments
from ganimate.media.provenance import DIGITAL_SOURCE_TYPE, Provenance
from ganimate.media.video import FORMATS, film_format, film_size, film_writer

ROOT = Path(__file__).resolve().parents[1]
REAL = next(
    iter(
        sorted((ROOT.parent / "shared" / "photos").glob("london-*.jpg"))
        + sorted((ROOT / "examples").glob("*.jpg"))
    )
)
STATED = Provenance("neutral to smile", "9f86d081", "ganimate 0")
SUFFIXES = [suffix for suffix in FORMATS if suffix]
SIZE = (131, 97)  # odd both ways
COUNT = 13

Frames = list[np.ndarray[Any, np.dtype[np.uint8]]]


@pytest.fixture(scope="module")
def frames() -> Frames:
    """A real photo in which a soft bright spot moves."""
    with Image.open(REAL) as image:
        still = np.asarray(image.convert("RGB").resize(SIZE), float)
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    moved = []
    for number in range(COUNT):
        spot = 90 * np.exp(-((x - 30 - 5 * number) ** 2 + (y - 50) ** 2) / 150)[..., None]
        moved.append(np.clip(still + spot, 0, 255).astype(np.uint8))
    return moved


def write(path: Path, frames: Frames, **options: Any) -> Path:
    asked: dict[str, Any] = {"size": SIZE, "fps": 25, "provenance": STATED} | options
    with film_writer(path, **asked) as film:
        for frame in frames:
            film.write(frame)
        assert film.frames == len(frames)
    return path


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def read(path: Path) -> list[np.ndarray[Any, Any]]:
    """The frames of a film as RGB, by Pillow where it can, else by ffmpeg."""
    if path.suffix in (".mp4", ".webm"):
        size = probe(path)["size"]
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
        bt709 = [
            "-vf",
            "scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd+full_chroma_int",
        ]
        command = [get_ffmpeg_exe(), "-v", "error", "-i", str(path), *bt709, *raw]
        out = subprocess.run(command, check=True, capture_output=True).stdout
        return list(np.frombuffer(out, np.uint8).reshape(-1, size[1], size[0], 3))
    with Image.open(path) as image:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]


def durations(image: Image.Image) -> list[int]:
    """Milliseconds of every frame."""
    told = []
    for frame in ImageSequence.Iterator(image):
        frame.load()
        told.append(frame.info["duration"])
    return told


def probe(path: Path) -> dict[str, Any]:
    """What ffprobe, or without it ffmpeg's own listing, says of a video file."""
    if ffprobe := shutil.which("ffprobe"):
        show = ["-count_frames", "-show_streams", "-show_format", "-of", "json"]
        command = [ffprobe, "-v", "error", *show, str(path)]
        told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        stream = told["streams"][0]
        return {
            "size": (stream["width"], stream["height"]),
            "fps": float(Fraction(stream["avg_frame_rate"])),
            "frames": int(stream["nb_read_frames"]),
            "format": stream["pix_fmt"],
            "codec": stream["codec_name"],
            "colours": {stream.get(f"color_{k}") for k in ("space", "transfer", "primaries")},
            "tags": {k.lower(): v for k, v in told["format"].get("tags", {}).items()},
        }
    command = [get_ffmpeg_exe(), "-i", str(path), "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, text=True).stderr
    stream = re.search(r"Video: (\w+).*?, (\w+)\((.*?)\).*?, (\d+)x(\d+).*?([\d.]+) fps", told)
    counted, tag = re.findall(r"frame= *(\d+)", told), re.search(r"comment *: (.*)", told, re.I)
    assert stream and counted
    return {
        "size": (int(stream[4]), int(stream[5])),
        "fps": float(stream[6]),
        "frames": int(counted[-1]),
        "format": stream[2],
        "codec": stream[1],
        "colours": {"bt709"} if "bt709" in stream[3] else set(),
        "tags": {"comment": tag[1]} if tag else {},
    }


def similarity(one: Any, other: Any) -> float:
    """PSNR in dB."""
    error = float(np.square(np.asarray(one, float) - np.asarray(other, float)).mean())
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


# --- formats ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "h264"), (".webm", "vp9")])
def test_video(tmp_path: Path, frames: Frames, suffix: str, codec: str) -> None:
    path = write(tmp_path / f"film{suffix}", frames)
    told = probe(path)
    size = (132, 98) if suffix == ".mp4" else SIZE
    assert told["size"] == size
    assert (told["fps"], told["frames"]) == (25, COUNT)
    assert (told["format"], told["codec"], told["colours"]) == ("yuv420p", codec, {"bt709"})
    for expected in ("neutral to smile", "9f86d081", DIGITAL_SOURCE_TYPE):
        assert expected in told["tags"]["comment"]
    for shown, frame in zip(read(path), frames, strict=True):
        shown = shown[: SIZE[1], : SIZE[0]]
        assert similarity(shown, frame) > 33
        assert np.abs(shown.mean((0, 1)) - frame.mean((0, 1))).max() < 1, "colours stay"
    assert names(tmp_path) == [f"film{suffix}"]


def test_mp4_is_padded_by_its_edge_and_starts_at_once(tmp_path: Path, frames: Frames) -> None:
    path = write(tmp_path / "film.mp4", frames)
    shown = read(path)[0]
    assert np.abs(shown[:, -1].astype(int) - shown[:, -2]).mean() < 6
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize(("suffix", "least"), [(".gif", 30), (".webp", 33), (".apng", 99)])
def test_animations(tmp_path: Path, frames: Frames, suffix: str, least: float) -> None:
    path = write(tmp_path / f"film{suffix}", frames)
    with Image.open(path) as image:
        assert image.size == SIZE and image.n_frames == COUNT
        assert image.info["loop"] == 0, "for ever"
        assert durations(image) == [40] * COUNT
    for shown, frame in zip(read(path), frames, strict=True):
        assert similarity(shown, frame) >= least
    assert names(tmp_path) == [f"film{suffix}"], "no recording, no draft is left"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_film_says_how_it_was_made(tmp_path: Path, frames: Frames, suffix: str) -> None:
    path = write(tmp_path / f"film{suffix}", frames[:3])
    content = path.read_bytes()
    assert DIGITAL_SOURCE_TYPE.encode() in content
    if suffix != ".webm":
        assert b"<Iptc4xmpExt:DigitalSourceType>" in content
    if suffix in (".gif", ".apng", ".webp"):
        with Image.open(path) as image:
            where = {".gif": "comment", ".apng": "Comment", ".webp": "xmp"}[suffix]
            assert DIGITAL_SOURCE_TYPE in str(image.info[where])
            assert suffix == ".gif" or DIGITAL_SOURCE_TYPE in str(image.info["xmp"])
    assert len(read(path)) == 3
    silent = write(tmp_path / f"silent{suffix}", frames[:3], provenance=None).read_bytes()
    assert DIGITAL_SOURCE_TYPE.encode() not in silent


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_film_of_one_frame(tmp_path: Path, frames: Frames, suffix: str) -> None:
    path = write(tmp_path / f"film{suffix}", frames[:1])
    shown = read(path)
    assert len(shown) == 1
    assert similarity(shown[0][: SIZE[1], : SIZE[0]], frames[0]) > 30
    if suffix == ".webp":
        with Image.open(path) as image:
            assert DIGITAL_SOURCE_TYPE.encode() in image.info["xmp"]


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp"])
def test_frames_a_second(tmp_path: Path, frames: Frames, suffix: str) -> None:
    path = write(tmp_path / f"film{suffix}", frames[:3], fps=12.5)
    if suffix in (".mp4", ".webm"):
        assert probe(path)["fps"] == 12.5
    else:
        with Image.open(path) as image:
            assert durations(image) == [80] * 3


@pytest.mark.parametrize("name", ["frames", "frames.v2/"])
def test_a_folder_of_pngs(tmp_path: Path, frames: Frames, name: str) -> None:
    with film_writer(f"{tmp_path}/{name}", size=SIZE, fps=25, provenance=STATED) as film:
        for frame in frames:
            film.write(frame)
    folder = tmp_path / name
    assert names(folder) == [f"{number:05d}.png" for number in range(COUNT)]
    for number, frame in enumerate(frames):
        with Image.open(folder / f"{number:05d}.png") as image:
            assert np.array_equal(np.asarray(image), frame)
            assert DIGITAL_SOURCE_TYPE.encode() in image.info["xmp"]
    assert names(tmp_path) == [name.rstrip("/")]


def test_frames_of_another_colour_space(tmp_path: Path) -> None:
    from test_stills import icc

    profile = icc("linear")
    frame = np.full((64, 64, 3), 55, np.uint8)  # what sRGB encodes as 128
    options: dict[str, Any] = {"size": (64, 64), "icc_profile": profile}
    film = write(tmp_path / "film.apng", [frame] * 2, **options)
    assert abs(int(read(film)[0].mean()) - 128) <= 2
    folder = write(tmp_path / "frames", [frame] * 2, **options)
    with Image.open(folder / "00000.png") as image:
        assert image.info["icc_profile"] == profile and np.asarray(image).max() == 55


def test_large_video_is_shrunk_to_what_players_can_show(tmp_path: Path) -> None:
    told: list[str] = []
    frame = np.zeros((64, 6001, 3), np.uint8)
    path = tmp_path / "film.mp4"
    with film_writer(path, size=(6001, 64), fps=25, provenance=None, notify=told.append) as film:
        film.write(frame)
        assert film.size == (4096, 42)
    assert probe(path)["size"] == (4096, 42)
    assert len(told) == 1 and "shrunk to 4096 x 42" in told[0]


# --- what is asked for -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "suffix"),
    [("a.mp4", ".mp4"), ("A.GIF", ".gif"), ("frames", ""), ("frames/", ""), ("a.mp4/", "")],
)
def test_formats(path: str, suffix: str) -> None:
    assert film_format(path) == suffix


@pytest.mark.parametrize("path", ["a.avi", "a.mp5", "film.png", Path("a.mov")])
def test_unknown_suffixes(path: str | Path) -> None:
    with pytest.raises(UsageError, match=r"use \.mp4, \.webm, \.gif, \.webp, \.apng") as caught:
        film_format(path)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("suffix", "size", "film"),
    [
        (".mp4", (640, 480), (640, 480)),
        (".mp4", (641, 481), (642, 482)),
        (".webm", (641, 481), (641, 481)),
        (".mp4", (4096, 2176), (4096, 2176)),
        (".mp4", (8000, 6000), (3446, 2584)),
        (".webm", (3000, 4500), (2436, 3656)),
        ("", (8000, 6001), (8000, 6001)),
    ],
)
def test_sizes(suffix: str, size: tuple[int, int], film: tuple[int, int]) -> None:
    assert film_size(suffix, size) == film


def test_a_size_or_rate_that_a_format_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at most 16383"):
        film_size(".webp", (16384, 64))
    for name, fps in [("a.gif", 60), ("a.mp4", 0), ("a.mp4", 500), ("a.mp4", float("nan"))]:
        with pytest.raises(UsageError, match="frames a second"):
            write(tmp_path / name, [], fps=fps)


def test_arguments_are_a_plain_list() -> None:
    film = EncodedFilm(".mp4", (131, 97), (132, 98), 29.97, "a; rm -rf $HOME 'b'")
    arguments = ffmpeg_arguments("/bin/ffmpeg", film, Path("/films/-y %d;.mp4"))
    assert arguments[0] == "/bin/ffmpeg"
    assert arguments[-1] == "file:/films/-y %d;.mp4"
    pairs = dict(pairwise(arguments))
    assert pairs["-i"] == "pipe:0" and pairs["-protocol_whitelist"] == "pipe"
    assert pairs["-video_size"] == "132x98" and pairs["-framerate"] == "2997/100"
    assert pairs["-c:v"] == "libx264" and pairs["-movflags"] == "+faststart"
    assert pairs["-metadata"] == "comment=a; rm -rf $HOME 'b'"
    assert pairs["-pixel_format"] == "nv12" and "colorspace=bt709" in pairs["-vf"]
    assert pairs["-f"] == "mp4"


def test_frames_are_piped_at_the_films_size() -> None:
    film = EncodedFilm(".webm", (8000, 6000), (3446, 2584), 25)
    arguments = ffmpeg_arguments("ffmpeg", film, Path("/out"))
    assert "3446x2584" in arguments and "-metadata" not in arguments
    arguments = ffmpeg_arguments("ffmpeg", replace(film, suffix=".apng"), Path("/out"))
    assert arguments[arguments.index("-pixel_format") + 1] == "rgb24"


def test_gif_arguments_read_the_recording_twice() -> None:
    arguments = gif_arguments("ffmpeg", Path("/a.mkv"), Path("/b.gif"))
    assert arguments.count("file:/a.mkv") == 2 and arguments[-1] == "file:/b.gif"
    assert arguments.count("-protocol_whitelist") == 2


def test_odd_names(tmp_path: Path, frames: Frames) -> None:
    for name in ("-y.gif", "a %03d 'b' $HOME é.mp4", "file:x.webp"):
        assert len(read(write(tmp_path / name, frames[:2]))) == 2


def test_a_name_relative_to_here(
    tmp_path: Path, frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("film.webp"), frames[:2])
    assert names(tmp_path) == ["film.webp"]


# --- whole or not at all ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["film.mp4", "film.gif", "frames"])
@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_an_interrupted_film_leaves_nothing(
    tmp_path: Path, frames: Frames, name: str, interruption: type[BaseException]
) -> None:
    def interrupted() -> Iterator[Any]:
        yield from frames[:5]
        raise interruption

    with pytest.raises(interruption):
        write(tmp_path / name, interrupted())  # type: ignore[arg-type]
    assert names(tmp_path) == []
    assert children() == []


def test_an_interrupted_film_leaves_the_old_one(tmp_path: Path, frames: Frames) -> None:
    path = tmp_path / "film.gif"
    path.write_bytes(b"old")
    with pytest.raises(GanimateError, match="exists already"):
        write(path, frames)
    with pytest.raises(GanimateError, match="does not fit"):
        write(path, [*frames[:3], frames[0][1:]], force=True)
    assert path.read_bytes() == b"old" and names(tmp_path) == ["film.gif"]
    write(path, frames, force=True)
    assert len(read(path)) == COUNT


def test_the_source_is_never_written_over(tmp_path: Path, frames: Frames) -> None:
    source = write(tmp_path / "face.webp", frames[:1])
    with pytest.raises(GanimateError, match="the photo that is read"):
        write(source, frames, force=True, source=source)


def test_frames_replace_frames_and_nothing_else(tmp_path: Path, frames: Frames) -> None:
    folder = write(tmp_path / "frames", frames)
    write(folder, frames[:2], force=True)
    assert names(folder) == ["00000.png", "00001.png"]
    (folder / "notes.txt").touch()
    with pytest.raises(GanimateError, match="more than frames"):
        write(folder, frames, force=True)
    assert len(names(folder)) == 3 and names(tmp_path) == ["frames"]


@pytest.mark.parametrize("name", ["film.webm", "film.gif", "frames"])
def test_a_film_without_frames_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(GanimateError, match="no frame"):
        write(tmp_path / name, [])
    assert names(tmp_path) == []


@pytest.mark.parametrize("shape", [(97, 131), (97, 131, 4), (131, 97, 3)])
def test_a_frame_must_fit(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(GanimateError, match="does not fit a film"):
        write(tmp_path / "film.mp4", [np.zeros(shape, np.uint8)])
    with pytest.raises(GanimateError, match="float32"):
        write(tmp_path / "film.mp4", [np.zeros((97, 131, 3), np.float32)])  # type: ignore[list-item]


def children() -> list[int]:
    """The processes that this one has started and that still run."""
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in listing.read_text().split()] if listing.exists() else []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds ffmpeg in /proc")
@pytest.mark.parametrize("moment", ["while frames come", "at the end"])
def test_a_killed_ffmpeg_is_reported(tmp_path: Path, frames: Frames, moment: str) -> None:
    with (
        pytest.raises(GanimateError, match=r"film\.mp4: ffmpeg was killed by signal 9"),
        film_writer(tmp_path / "film.mp4", size=SIZE, fps=25, provenance=STATED) as film,
    ):
        film.write(frames[0])
        (encoder,) = children()
        os.kill(encoder, signal.SIGKILL)
        for frame in frames * 20 if moment == "while frames come" else []:
            film.write(frame)
    assert names(tmp_path) == [] and children() == []


def test_a_failing_ffmpeg_is_quoted(
    tmp_path: Path, frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        __import__("ganimate.media.ffmpeg", fromlist=["x"]).ENCODERS, ".mp4", ["-c:v", "nonesuch"]
    )
    with pytest.raises(GanimateError, match=r"film\.mp4: ffmpeg failed .*nonesuch"):
        write(tmp_path / "film.mp4", frames * 20)
    assert names(tmp_path) == []


@pytest.mark.parametrize("program", ["/nowhere/ffmpeg", __file__])
def test_an_ffmpeg_that_cannot_start(
    tmp_path: Path, frames: Frames, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: program)
    with pytest.raises(GanimateError, match="cannot be started"):
        write(tmp_path / "film.mp4", frames)
    assert names(tmp_path) == []


def test_no_ffmpeg_at_all(tmp_path: Path, frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", missing)
    with pytest.raises(GanimateError, match="reinstall imageio-ffmpeg"):
        write(tmp_path / "film.mp4", frames)
    write(tmp_path / "frames", frames[:2])
    assert names(tmp_path) == ["frames"]


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize("name", ["film.mp4", "film.gif", "frames"])
def test_ctrl_c_leaves_nothing(tmp_path: Path, name: str) -> None:
    """As a terminal does it: to the whole process group, in the middle of a film."""
    script = (
        "import sys, numpy as np\n"
        "from ganimate.media.video import film_writer\n"
        "frame = np.zeros((96, 96, 3), np.uint8)\n"
        "with film_writer(sys.argv[1], size=(96, 96), fps=25, provenance=None) as film:\n"
        "    while True:\n"
        "        film.write(frame)\n"
        "        print(film.frames, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / name)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    try:
        for _ in range(5):
            assert process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=20) != 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()
    assert names(tmp_path) == []


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    tracemalloc = pytest.importorskip("tracemalloc")
    frame = np.zeros((256, 256, 3), np.uint8)  # 0.2 MB; all of them would be 12
    tracemalloc.start()
    try:
        with film_writer(tmp_path / "a.mp4", size=(256, 256), fps=25, provenance=None) as film:
            for number in range(60):
                film.write(frame + np.uint8(number))
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(os.name != "posix", reason="a shell script plays the encoder")
def test_writing_does_not_wait_for_messages_to_be_read(tmp_path: Path) -> None:
    """An encoder that fills its standard error must not stand still."""
    program = tmp_path / "ffmpeg"
    program.write_text(
        "#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' x >&2\ncat >/dev/null\nexit 3\n"
    )
    program.chmod(0o755)
    started = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: str(program))
        with pytest.raises(GanimateError, match=r"failed \(3\)"):
            write(tmp_path / "film.mp4", [np.zeros((97, 131, 3), np.uint8)] * 5)
    assert time.monotonic() - started < 10
