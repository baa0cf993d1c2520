"""`ganimate animate`, through the real command: every format is read back."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from conftest import COMMAND, Ganimate
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from ganimate.faces.align import FaceFrame

SHORT = ("--seconds", "0.4", "--hold", "0.2", "--fps", "10", "--locator", "builtin")


@pytest.fixture
def small(face: Path) -> Path:
    """The portrait at 301 x 321: odd sides, quick films."""
    photo = face.with_name("small.jpg")
    Image.open(face).resize((301, 321)).save(photo, quality=95)
    return photo


def frames_of(film: Path) -> list[NDArray[np.uint8]]:
    """What is shown, of loops in steps of a tenth of a second."""
    if film.is_dir():
        return [np.asarray(Image.open(path)) for path in sorted(film.iterdir())]
    if film.suffix in (".mp4", ".webm"):
        return list(iio.imiter(film, plugin="FFMPEG"))
    frames = []
    for picture in ImageSequence.Iterator(Image.open(film)):
        frame = np.asarray(picture.convert("RGB"))
        # Encoders may store a face that holds still once, and show it for longer.
        frames += [frame] * round(picture.info["duration"] / 100)
    return frames


def test_the_line_of_the_readme(face: Path, process: Ganimate, ganimate: Ganimate) -> None:
    done = process("animate", "face.jpg", "--from", "neutral", "--to", "smile", "out.mp4")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "out.mp4\n"
    film = face.with_name("out.mp4")
    about = iio.immeta(film, plugin="FFMPEG")
    assert about["codec"] == "h264"
    assert about["pix_fmt"].startswith("yuv420p")
    assert (about["fps"], about["size"]) == (25, (500, 500))
    frames = frames_of(film)
    assert len(frames) == 1 + 2 * 25 + 12
    assert film.read_bytes().index(b"moov") < film.read_bytes().index(b"mdat")  # faststart

    # Mouth and eyes move, and nothing outside the face frame does.
    listed = json.loads(ganimate("faces", face, "--json").stdout)["faces"][0]
    frame = FaceFrame.turned(tuple(listed["centre"]), listed["side"] / 2, listed["roll"])
    change = np.abs(frames[0].astype(int) - frames[-1]).mean(axis=-1)
    top, bottom, left, right = frame.box(500, 500)
    mouth = frame.crop(np.repeat(change[..., None], 3, axis=-1).astype(np.uint8))[80:110, 40:88]
    assert mouth.mean() > 3
    change[top:bottom, left:right] = 0
    assert change.mean() < 0.5


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.gif", "out.webp", "out.apng", "out"])
def test_every_format(small: Path, ganimate: Ganimate, name: str) -> None:
    done = ganimate("animate", small, "--to", "surprise", name, *SHORT, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    film = small.with_name(name)
    frames = frames_of(film)
    assert summary["frames"] == len(frames) == 7
    height, width = frames[0].shape[:2]
    assert summary["size"] == [width, height] == ([302, 322] if name == "out.mp4" else [301, 321])
    assert np.abs(frames[0].astype(int) - frames[-1]).max() > 20
    if film.suffix in (".mp4", ".webm"):
        assert iio.immeta(film, plugin="FFMPEG")["fps"] == 10
    elif film.is_file():
        assert Image.open(film).info.get("loop", 0) == 0
    else:
        assert sorted(path.name for path in film.iterdir())[-1] == "00006.png"
    stated = film / "00000.png" if film.is_dir() else film
    assert b"TrainedAlgorithmicMedia" in stated.read_bytes()
    assert not list(small.parent.glob(".*"))


def test_there_and_back_over_another_look(small: Path, ganimate: Ganimate) -> None:
    done = ganimate(
        "animate", small, "frames", "--from", "1=0.5", "2=0.5", "--via", "anger", "--to", "smile",
        "45=1", "--loop", "pingpong", "--easing", "linear", "--no-provenance", *SHORT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    frames = frames_of(small.with_name("frames"))
    assert len(frames) == 2 * (4 + 2)
    assert (frames[3] == frames[7]).all()  # the way back is the way there
    first = (small.with_name("frames") / "00000.png").read_bytes()
    assert b"TrainedAlgorithmicMedia" not in first


def test_frames_replace_frames_only_by_force(small: Path, ganimate: Ganimate) -> None:
    words = ("animate", small, "--to", "smile", "frames", *SHORT)
    assert ganimate(*words).returncode == 0
    refused = ganimate(*words)
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert ganimate(*words, "--force", "--hold", "0").returncode == 0
    assert len(list(small.with_name("frames").iterdir())) == 5


def test_interrupted_it_leaves_nothing(small: Path) -> None:
    before = set(small.parent.iterdir())
    words = [COMMAND, "animate", small, "--to", "smile", "out.mp4", "--seconds", "1000"]
    process = subprocess.Popen(words, cwd=small.parent, stderr=subprocess.PIPE, text=True)
    try:
        while set(small.parent.iterdir()) == before and process.poll() is None:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in told
    assert set(small.parent.iterdir()) == before
