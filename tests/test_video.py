"""Films of every format, encoded for real and read back."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import names
from encoded import COUNT, SIZE, STATED, Frames, probe, read, write
from photos import icc
from PIL import Image, ImageSequence

from ganimate.errors import UsageError
from ganimate.media.ffmpeg import (
    EncodedFilm,
    ffmpeg_arguments,
    find_ffmpeg,
    gif_arguments,
    started,
)
from ganimate.media.provenance import DIGITAL_SOURCE_TYPE
from ganimate.media.video import FORMATS, film_format, film_size, film_writer

SUFFIXES = [suffix for suffix in FORMATS if suffix]


def durations(image: Image.Image) -> list[int]:
    """Milliseconds of every frame."""
    told = []
    for frame in ImageSequence.Iterator(image):
        frame.load()
        told.append(frame.info["duration"])
    return told


def similarity(one: Any, other: Any) -> float:
    """PSNR in dB."""
    error = float(np.square(np.asarray(one, float) - np.asarray(other, float)).mean())
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems size pipes themselves")
def test_frames_go_through_wide_pipes() -> None:
    from fcntl import F_GETPIPE_SZ, fcntl

    allowed = int(Path("/proc/sys/fs/pipe-max-size").read_text())
    words = [find_ffmpeg(), "-loglevel", "error", "-f", "rawvideo", "-video_size", "2x2"]
    words += ["-pixel_format", "gray", "-i", "-", "-f", "rawvideo", "-"]
    with started(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        sizes = [fcntl(pipe, F_GETPIPE_SZ) for pipe in (process.stdin, process.stdout)]
        assert process.communicate(b"abcd")[0] == b"abcd"
    assert sizes == [min(1 << 20, allowed)] * 2


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
        # Colours are halved in size: few dB for a small picture of small things.
        assert similarity(shown, frame) > 32
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
