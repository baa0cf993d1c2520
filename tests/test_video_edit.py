"""`ganimate video`: one face of a film is changed, and all else stays."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import COMMAND, Ganimate
from films import FFPROBE, ffmpeg, pans, sound_of, streams, write_film
from PIL import Image
from test_film_source import INFO

from ganimate import Animator
from ganimate.cli.app import main
from ganimate.errors import UsageError
from ganimate.facs import AU_NUMBERS
from ganimate.media.remake import film_remaker, losses, remade_format, remake_arguments
from ganimate.media.source import FilmSource, open_film
from ganimate.media.timed import frame_header, header
from ganimate.video import FilmEdit

Here = Callable[..., tuple[int, str, str]]

COUNT = 14
SMILE, EYES = AU_NUMBERS.index(12), AU_NUMBERS.index(45)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory, portrait: Path) -> Path:
    """14 frames of a face under a moving camera, with sound; nobody is in frames 5 to 7."""
    frames, _ = pans(portrait, COUNT)
    for number in (5, 6, 7):
        frames[number] = np.full_like(frames[number], 100)
    return write_film(tmp_path_factory.mktemp("video") / "in.mp4", frames)


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator(locator="builtin", notify=lambda notice: None)


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Here:
    """Run `ganimate video` in this process: status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        try:
            status = main(["video", *map(str, words), "--locator", "builtin"])
        except SystemExit as left:
            status = int(left.code or 0)
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


def kept(film: Path) -> list[tuple[float, np.ndarray]]:
    with open_film(film) as source:
        return list(source)


def test_the_line_of_the_readme(film: Path, ganimate: Ganimate, tmp_path: Path) -> None:
    words = ("--au", "12=+0.6", "--stats", "--json", "--locator", "builtin")
    done = ganimate("video", film, "out.mp4", *words)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["frames"], summary["edited"]) == (COUNT, COUNT - 3)
    assert 0.5 < summary["flicker"]["ratio"] < 1.3
    out = tmp_path / "out.mp4"
    assert sound_of(out) == sound_of(film)
    before, after = kept(film), kept(out)
    assert [seconds for seconds, _ in after] == [seconds for seconds, _ in before]
    change = [
        float(np.abs(one.astype(int) - other).mean())
        for (_, one), (_, other) in zip(before, after, strict=True)
    ]
    assert max(change[5:8]) < 0.5  # what encoding does
    assert min(change[:5]) > 2 * max(change[5:8])
    with open_film(film) as one, open_film(out) as other:
        assert other.info.colours == one.info.colours
        assert other.info.tick == one.info.tick
        assert other.duration == one.duration
    assert b"TrainedAlgorithmicMedia" in out.read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name != "in.mp4"] == ["out.mp4"]


def test_frames_without_the_face_are_the_very_same(film: Path, animator: Animator) -> None:
    before = kept(film)
    with open_film(film) as source:
        edit = FilmEdit(source, "12=+0.6", animator)
        after = list(edit.frames())
    assert (edit.seen, edit.edited) == (COUNT, COUNT - 3)
    for number, ((_, one), (_, other)) in enumerate(zip(before, after, strict=True)):
        assert np.array_equal(one, other) == (number in (5, 6, 7))
        if number not in (5, 6, 7):
            (top, *_), moved = one, np.abs(one.astype(int) - other).max(axis=2)
            assert moved[:4].max() == 0  # above the face
            assert top.shape == (240, 3)


def test_it_smiles_more_than_it_did_and_blinks_as_it_did(animator: Animator, film: Path) -> None:
    with open_film(film, end=0.2) as source:
        edit = FilmEdit(source, "12=0.9", animator)
        pairs = [(one, other) for (_, one), (_, other) in zip(source, edit.frames(), strict=True)]
    read = [
        animator.reader.read(
            np.stack([animator.open(one).chosen[0].frame.crop(shown) for shown in (one, other)])
        ).intensities
        for one, other in pairs[::2]
    ]
    gained = np.mean([after - before for before, after in read], axis=0)
    assert gained[SMILE] > 0.08
    assert abs(gained[EYES]) < 0.15


def test_a_part_of_a_film(film: Path, here: Here, tmp_path: Path) -> None:
    words = ("--from-time", "0.08", "--to-time", "0.24", "--json")
    keys = ("--keys", "0:current 1:smile", "--face", "left")
    status, told, wrong = here(film, "out.mkv", *keys, *words)
    assert status == 0, wrong
    assert json.loads(told)["frames"] == 4
    after = kept(tmp_path / "out.mkv")
    assert [seconds for seconds, _ in after] == pytest.approx([0, 0.04, 0.08, 0.12], abs=0.001)


def test_what_is_asked_wrongly(film: Path, here: Here, tmp_path: Path) -> None:
    def refused(*words: object) -> str:
        status, _, told = here(film, *words)
        assert status == 2, told
        assert "Traceback" not in told
        return told

    assert "nothing to change" in refused("out.mp4")
    assert ".gif" in refused("out.gif", "--au", "12=1")
    assert "exclude" in refused("out.mp4", "--au", "12=1", "--keys", "0:smile")
    assert "--in-between" in refused("out.mp4", "--au", "12=1", "--in-between", "linear")
    assert "--face" in refused("out.mp4", "--au", "12=1", "--face", "all")
    assert "99" in refused("out.mp4", "--au", "99=1")
    assert "after its end" in refused("out.mp4", "--au", "12=1", "--from-time", "9")
    assert not list(tmp_path.iterdir())


def test_what_fails_leaves_nothing(film: Path, here: Here, tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    whole = write_film(tmp_path / "whole.mp4", [photo] * 50, "-movflags", "+faststart")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    whole.unlink()
    for source, said in ((cut, "cut.mp4"), (tmp_path / "none.mp4", "none.mp4")):
        status, _, told = here(source, "out.mp4", "--au", "12=1")
        assert status == 1
        assert said in told
        assert "Traceback" not in told
    assert here(cut, "cut.mp4", "--au", "12=1", "--force")[0] == 1
    assert list(tmp_path.iterdir()) == [cut]


def test_interrupted_it_leaves_nothing(portrait: Path, tmp_path: Path) -> None:
    still = np.asarray(Image.open(portrait).resize((120, 120)))
    path = write_film(tmp_path / "in.mp4", [still] * 500)
    words = [COMMAND, "video", path, "out.mp4", "--au", "12=1", "--locator", "builtin"]
    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)

    def running() -> str:
        listed = subprocess.run(["ps", "-ww", "-eo", "args="], capture_output=True, text=True)
        return "\n".join(line for line in listed.stdout.splitlines() if str(tmp_path) in line)

    try:
        while "rawvideo" not in running() and process.poll() is None:
            time.sleep(0.1)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == [path]
    assert running() == ""


def test_a_film_without_a_face(tmp_path: Path, here: Here) -> None:
    """Nothing was edited, and no film says that it was."""
    path = write_film(tmp_path / "wall.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 3)
    status, told, notices = here(path, "out.mp4", "--au", "12=1", "--json", "--label")
    assert (status, told) == (1, "")
    assert "wall.mp4: no such face" in notices
    assert list(tmp_path.iterdir()) == [path]


# The film that is written


def copy_film(source: Path, path: Path, **part: float) -> list[str]:
    """The same film, encoded anew; what was said of it."""
    told: list[str] = []
    with (
        open_film(source, **part) as film,
        film_remaker(path, film, provenance=None, notify=told.append) as remade,
    ):
        for seconds, pixels in film:
            remade.write(seconds, pixels)
    return told


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_variable_times_in_every_container(film: Path, tmp_path: Path, suffix: str) -> None:
    path, out = tmp_path / "variable.mp4", tmp_path / f"out{suffix}"
    ffmpeg("-i", film, "-vf", "select='not(mod(n,3))+gt(n,9)'", "-fps_mode", "vfr", path)
    told = copy_film(path, out)
    before, after = kept(path), kept(out)
    assert len(before) == 8
    assert [seconds for seconds, _ in after] == pytest.approx([t for t, _ in before], abs=0.001)
    if suffix == ".webm":
        assert "aac" in told[0]
    else:
        assert told == []
        assert sound_of(out) == sound_of(path)
    for (_, one), (_, other) in zip(before, after, strict=True):
        assert np.abs(one.astype(int) - other).mean() < 3


@pytest.mark.skipif(FFPROBE is None, reason="ffprobe is not installed")
def test_what_another_program_reads_of_it(film: Path, tmp_path: Path) -> None:
    turned, out = tmp_path / "turned.mp4", tmp_path / "out.mp4"
    ffmpeg("-display_rotation", 90, "-i", film, "-c", "copy", turned)
    copy_film(turned, out)
    before, after = streams(film), streams(out)
    assert (after["video"]["width"], after["video"]["height"]) == (180, 240)
    assert "side_data_list" not in after["video"]  # it is upright, and nothing turns it again
    same = ("nb_frames", "avg_frame_rate", "time_base", "duration", "color_space")
    same += ("color_primaries", "color_transfer", "color_range")
    for name in same:
        assert after["video"][name] == before["video"][name], name
    for name in ("codec_name", "sample_rate", "nb_frames", "duration"):
        assert after["audio"][name] == before["audio"][name], name


def test_sound_stays_with_its_picture_in_a_part(tmp_path: Path) -> None:
    """A click at the moment at which the picture turns white."""
    path = tmp_path / "click.mov"
    white = "color=s=64x48:d=2:r=25,drawbox=t=fill:c=white:enable='between(t,1.2,1.23)'"
    click = "aevalsrc=between(t\\,1.2\\,1.24)*sin(6000*t):s=48000:d=2"
    sounds = ("-f", "lavfi", "-i", click)
    ffmpeg("-f", "lavfi", "-i", white, *sounds, "-c:a", "pcm_s16le", path)
    for suffix in (".mov", ".mp4", ".mkv"):
        out = tmp_path / f"out{suffix}"
        copy_film(path, out, start=0.5, end=1.5)
        flash = next(seconds for seconds, pixels in kept(out) if pixels.mean() > 128)
        raw = ffmpeg("-i", out, "-ac", 1, "-ar", 48000, "-f", "f32le", "-")
        heard = np.flatnonzero(np.abs(np.frombuffer(raw, np.float32)) > 0.3)[0] / 48000
        assert flash == pytest.approx(0.7, abs=0.021)
        assert heard == pytest.approx(flash, abs=0.03)


def source(**info: object) -> FilmSource:
    return FilmSource(Path("-in.mp4"), replace(INFO, **info), 1.0, 3.0)


def test_arguments() -> None:
    film = source(audio=("aac", "pcm_s16le"), begin=1.4)
    arguments = remake_arguments("ff", film, ".mp4", (64, 48), "stated", Path("-out.mp4"))
    assert arguments[0] == "ff"
    assert arguments[-1] == f"file:{Path.cwd()}/-out.mp4"
    assert arguments[arguments.index("-itsoffset") + 1] == "-2.400000"
    assert arguments[arguments.index("-c:a:0") + 1] == "copy"
    assert arguments[arguments.index("-c:a:1") + 1] == "aac"
    assert arguments[arguments.index("-enc_time_base") + 1] == "1:12800"
    assert arguments[arguments.index("-video_track_timescale") + 1] == "12800"
    assert arguments[arguments.index("-metadata") + 1] == "comment=stated"
    assert "colorspace=unknown" in arguments[arguments.index("-vf") + 1]
    assert arguments.index("-t") > arguments.index(f"file:{Path.cwd()}/-in.mp4")
    webm = remake_arguments("ff", film, ".webm", (64, 48), "", Path("x.webm"))
    assert webm[webm.index("-c:a:0") + 1] == "libopus"
    assert "-metadata" not in webm


def test_what_cannot_be_kept_is_said() -> None:
    assert losses(".mp4", (64, 48), source(audio=("aac",))) == []
    told = losses(".mp4", (32, 24), source(audio=("vorbis",), bits=10, subtitles=True))
    for word, line in zip(("32 x 24", "vorbis", "10 bits", "subtitles"), told, strict=True):
        assert word in line
    assert remade_format(Path("a.MOV")) == ".mov"
    with pytest.raises(UsageError, match="gif"):
        remade_format(Path("a.gif"))


def test_frames_carry_their_times() -> None:
    times = (0.0, 1 / 30, 0.5, 3600.25)
    pixels = [np.full((16, 32, 3), 20 * n, np.uint8).tobytes() for n in range(4)]
    stream = header((32, 16), Fraction(30)) + b"".join(
        frame_header(time, len(one)) + one for time, one in zip(times, pixels, strict=True)
    )
    words = ("-copyts", "-f", "matroska", "-i", "pipe:0", "-fps_mode", "passthrough", "-f")
    told = ffmpeg(*words, "framehash", "-enc_time_base", "1:90000", "-", given=stream).decode()
    rows = [line.split(",") for line in told.splitlines() if not line.startswith("#")]
    base = next(line for line in told.splitlines() if line.startswith("#tb 0:")).split(": ")[1]
    shown = [int(row[2]) * float(Fraction(base)) for row in rows]
    assert shown == pytest.approx(times, abs=1e-4)
    raw = ffmpeg(*words, "rawvideo", "-", given=stream)
    assert raw == b"".join(pixels)
