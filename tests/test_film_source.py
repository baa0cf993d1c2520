"""Films in: what is said of them, and every frame at its own time."""

from __future__ import annotations

import os
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import ffmpeg, write_film
from imageio_ffmpeg import get_ffmpeg_exe

from ganimate.errors import GanimateError, UsageError
from ganimate.media.probe import Colours, FilmInfo, input_arguments, probe_arguments, read_probe
from ganimate.media.remake import film_remaker
from ganimate.media.source import _unpacked, decode_arguments, open_film

COUNT = 20
SIZE = (64, 48)


def frames() -> list[np.ndarray]:
    """Frame n is grey of level 10 n, but for a red corner at the upper left."""
    made = []
    for number in range(COUNT):
        frame = np.full((SIZE[1], SIZE[0], 3), 10 * number, np.uint8)
        frame[:16, :16] = (200, 30, 30)
        made.append(frame)
    return made


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("films") / "film.mp4", frames())


def level(pixels: np.ndarray) -> float:
    return float(pixels[24:, 32:].mean())


def test_what_it_says_of_a_film(film: Path) -> None:
    with open_film(film) as source:
        assert source.size == SIZE
        assert source.fps == 25
        assert source.duration == pytest.approx(COUNT / 25)
        assert source.frames == COUNT
        assert source.info.audio
        assert not source.info.variable
        assert source.colours == Colours("bt709", "bt709", "bt709", "tv")
        assert source.info.audio == ("aac",)


def test_every_frame_at_its_time_in_its_colours(film: Path) -> None:
    with open_film(film) as source:
        got = list(source)
        assert len(list(source)) == COUNT  # a second time
    assert [seconds for seconds, _ in got] == pytest.approx([n / 25 for n in range(COUNT)])
    for (_, pixels), made in zip(got, frames(), strict=True):
        assert pixels.shape == made.shape
        assert pixels.dtype == np.uint8
        assert level(pixels) == pytest.approx(level(made), abs=2)
        assert pixels[2:10, 2:10].mean(axis=(0, 1)) == pytest.approx([200, 30, 30], abs=6)


@pytest.mark.parametrize("start", [0.5, 1.0, 1.5])
def test_no_frame_of_a_part_comes_before_it(tmp_path: Path, start: float) -> None:
    """ffmpeg rounds when a film begins."""
    path, out = tmp_path / "film.ts", tmp_path / "out.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:d=3:r=30", "-c:v", "libx264", path)
    with open_film(path, start=start) as source:
        times = [seconds for seconds, _ in source]
    assert times[0] == pytest.approx(start, abs=1e-3)
    assert min(times) >= start
    with (
        open_film(path, start=start) as source,
        film_remaker(out, source, provenance=None) as remaker,
    ):
        for seconds, pixels in source:
            remaker.write(seconds, pixels)
    with open_film(out) as source:
        assert len(list(source)) == len(times)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_part_of_it(film: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film{suffix}"
    ffmpeg("-i", film, "-c", "copy", path)
    with open_film(path) as source:
        everything = [(seconds, level(pixels)) for seconds, pixels in source]
    with open_film(path, start=0.3, end=0.6) as source:
        part = [(seconds, level(pixels)) for seconds, pixels in source]
        assert source.duration == pytest.approx(0.3)
    assert part == [one for one in everything if 0.3 <= one[0] < 0.6]
    assert 7 <= len(part) <= 8


def test_a_turned_film_is_shown_upright(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", 90, "-i", film, "-c", "copy", path)
    with open_film(path) as source:
        assert source.size == (SIZE[1], SIZE[0])
        _, pixels = next(iter(source))
    assert pixels.shape == (SIZE[0], SIZE[1], 3)
    assert pixels[-10:-2, 2:10].mean(axis=(0, 1)) == pytest.approx([200, 30, 30], abs=6)


def test_pixels_become_square(tmp_path: Path) -> None:
    path = write_film(tmp_path / "wide.mp4", frames(), graph=",setsar=2")
    with open_film(path) as source:
        assert source.size == (2 * SIZE[0], SIZE[1])
        assert next(iter(source))[1].shape == (SIZE[1], 2 * SIZE[0], 3)


def test_variable_frame_rate(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "variable.mp4"
    ffmpeg("-i", film, "-vf", "select='not(mod(n,4))+gt(n,12)'", "-fps_mode", "vfr", path)
    kept = [n for n in range(COUNT) if n % 4 == 0 or n > 12]
    with open_film(path) as source:
        got = list(source)
        assert source.info.variable
        assert source.info.rate == 25
        assert 8 < source.fps < 20
    assert [seconds for seconds, _ in got] == pytest.approx([n / 25 for n in kept])
    assert [level(pixels) for _, pixels in got] == pytest.approx([10 * n for n in kept], abs=3)


def test_a_film_that_does_not_state_its_length(film: Path, tmp_path: Path) -> None:
    live = ffmpeg("-i", film, "-c:v", "libvpx-vp9", "-cpu-used", 8, "-an", "-f", "webm", "pipe:1")
    (tmp_path / "live.webm").write_bytes(live)
    with open_film(tmp_path / "live.webm") as source:
        assert source.duration is None
        assert source.frames is None
        assert not source.info.audio
        assert len(list(source)) == COUNT


def test_names_that_look_like_something_else(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-dash.mp4", "pipe:0", "a%03d.mp4", "concat:b|c", "[x] 'y'.mp4"):
        Path(name).write_bytes(film.read_bytes())
        with open_film(name) as source:
            assert len(list(source)) == COUNT


@pytest.mark.parametrize(
    "content",
    [b"", b"no film\n", b"ffconcat version 1.0\nfile 'film.mp4'\n", b"#EXTM3U\nfilm.mp4\n"],
)
def test_what_is_no_film(tmp_path: Path, film: Path, content: bytes) -> None:
    (tmp_path / "film.mp4").write_bytes(film.read_bytes())
    (tmp_path / "wrong.mkv").write_bytes(content)
    with pytest.raises(GanimateError, match=r"wrong\.mkv"), open_film(tmp_path / "wrong.mkv"):
        pass


def test_a_photo_a_folder_and_nothing(portrait: Path, tmp_path: Path) -> None:
    for path in (portrait, tmp_path, tmp_path / "none.mp4"):
        with pytest.raises(GanimateError, match=path.name), open_film(path):
            pass


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_film_that_is_cut_off(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(50)]
    extra = ["-movflags", "+faststart"] if suffix == ".mp4" else []
    path = write_film(tmp_path / f"whole{suffix}", noise, *extra)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_film(cut) as source, pytest.raises(GanimateError, match=rf"cut\{suffix}.*cut off"):
        list(source)
    # Said by unpacking alone, too, where decoding ends before ffmpeg has said it.
    assert _unpacked(cut)
    assert _unpacked(path) == ""
    cut.write_bytes(path.read_bytes()[:100])
    with pytest.raises(GanimateError, match=rf"cut\{suffix}"), open_film(cut) as source:
        list(source)


def test_sizes_that_nobody_has(tmp_path: Path) -> None:
    small = [np.zeros((8, 8, 3), np.uint8)] * 3
    path = write_film(tmp_path / "small.mp4", small, sound=False)
    with pytest.raises(GanimateError, match="8 x 8"), open_film(path):
        pass


def test_parts_that_are_none(film: Path) -> None:
    for start, end in ((-1, None), (0.5, 0.5), (float("nan"), None), (9, None)):
        with pytest.raises(UsageError, match="film"), open_film(film, start=start, end=end):
            pass


def test_leaving_ends_ffmpeg(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=s=640x480:d=20", "-preset", "ultrafast", path)

    def running() -> bool:
        listed = subprocess.run(
            ["ps", "-ww", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True
        )
        return str(path) in listed.stdout

    with open_film(path) as source:
        held = iter(source)
        next(held)
        assert running()
    assert not running()


INFO = FilmInfo(
    (64, 48), Fraction(25), 25.0, Fraction(1, 12800), 0.0, 2.0, False, Colours(), 8, (), False, True
)


def test_arguments() -> None:
    opened = input_arguments(Path("-x.mp4"), 1.5, 4)
    assert opened[-2:] == ["-i", f"file:{Path.cwd()}/-x.mp4"]
    assert opened[opened.index("-protocol_whitelist") + 1] == "file,pipe"
    assert opened[opened.index("-ss") + 1] == "1.500000"
    assert opened[opened.index("-t") + 1] == "2.500000"
    assert "-ss" not in input_arguments(Path("x.mp4"))
    assert probe_arguments("ff", Path("x.mp4"))[0] == "ff"
    decode = decode_arguments("ff", Path("x.mp4"), INFO)
    assert decode.index("-copyts") < decode.index("-i")
    assert decode[decode.index("-fps_mode") + 1] == "passthrough"
    graph = decode[decode.index("-vf") + 1]
    assert graph.startswith("scale=64:48:in_color_matrix=bt601:in_range=tv")
    assert decode[-1] == "pipe:1"


def test_what_ffmpeg_says_is_read() -> None:
    told = """\
[info] Input #0, matroska,webm, from 'file:/x.mkv':
[info]   Duration: 01:02:03.50, start: -0.007000, bitrate: 127 kb/s
[info]   Stream #0:0: Video: hevc (Main 10), yuv420p10le(tv), 160x240, 23.98 fps, 23.98 tbr
[info]   Stream #0:1(eng): Audio: opus, 48000 Hz, stereo, fltp
[info]   Stream #0:2: Audio: ac3, 48000 Hz
[info]   Stream #0:3: Subtitle: subrip
[Parsed_showinfo_0 @ 0x7f] [info] config in time_base: 1/1000, frame_rate: 24000/1001
[Parsed_showinfo_0 @ 0x7f] [info] n:   0 pts:  7 pts_time:0.007 fmt:yuv420p10le sar:2/1 s:160x240
[showinfo @ 0x7f] [info] color_range:tv color_space:bt2020nc color_primaries:bt2020 color_trc:pq
"""
    info = read_probe(told)
    assert info == FilmInfo(
        size=(320, 240),
        rate=Fraction(24000, 1001),
        fps=24000 / 1001,
        tick=Fraction(1, 1000),
        begin=-0.007,
        duration=3723.5,
        variable=False,
        colours=Colours("bt2020nc", "bt2020", "pq", "tv"),
        bits=10,
        audio=("opus", "ac3"),
        subtitles=True,
        indexed=True,
    )
    assert read_probe("[error] moov atom not found") is None


def test_colours_of_films_that_do_not_say() -> None:
    assert Colours().matrix(480) == "bt601"
    assert Colours().matrix(1080) == "bt709"
    assert Colours("bt2020nc").matrix(480) == "bt2020"


def test_the_program_is_there() -> None:
    assert Path(get_ffmpeg_exe()).is_file()
