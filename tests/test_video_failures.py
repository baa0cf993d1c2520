"""Films are written whole or not at all: what fails, is interrupted or killed leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, names
from encoded import COUNT, SIZE, STATED, Frames, read, write

from ganimate.errors import GanimateError
from ganimate.media.probe import probe
from ganimate.media.statement import film_statement
from ganimate.media.video import film_writer


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
    with pytest.raises(GanimateError, match="the file that is read"):
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
    (film := tmp_path / "film.mkv").write_bytes(b"0")
    for ask in (probe, film_statement):
        with pytest.raises(GanimateError, match="cannot be started"):
            ask(film)


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
