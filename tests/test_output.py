"""Outputs are refused early, written aside, and appear complete or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from conftest import names

from ganimate import output
from ganimate.errors import GanimateError
from ganimate.media.stills import Photo, write_photo
from ganimate.media.video import film_writer
from ganimate.output import check_output, draft, scratch
from ganimate.recording import Recording


def test_a_new_file_is_fine(tmp_path: Path) -> None:
    check_output(tmp_path / "out.png", force=False)


def test_an_existing_file_needs_force(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    out.write_bytes(b"mine")
    with pytest.raises(GanimateError, match=r"out\.png: this exists already .*--force"):
        check_output(out, force=False)
    check_output(out, force=True)


@pytest.mark.parametrize("link", ["same", "symbolic", "hard"])
def test_the_photo_itself_is_refused_even_with_force(tmp_path: Path, link: str) -> None:
    photo, out = tmp_path / "face.png", tmp_path / "out.png"
    photo.write_bytes(b"photo")
    if link == "same":
        out = tmp_path / "." / "face.png"
    elif link == "symbolic":
        out.symlink_to(photo)
    else:
        out.hardlink_to(photo)
    with pytest.raises(GanimateError, match="the file that is read"):
        check_output(out, force=True, source=photo)


def test_the_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(GanimateError, match="does not exist"):
        check_output(tmp_path / "nowhere" / "out.png", force=False)


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no devices here")
def test_a_device_is_never_replaced() -> None:
    with pytest.raises(GanimateError, match=r"neither a file nor a folder|cannot be written"):
        check_output("/dev/null", force=True)


def test_only_folders_of_frames_are_replaced(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    check_output(frames, force=False)  # empty
    (frames / "00000.png").touch()
    with pytest.raises(GanimateError, match="exists already"):
        check_output(frames, force=False)
    check_output(frames, force=True)
    (frames / "thesis.txt").touch()
    with pytest.raises(GanimateError, match="more than frames"):
        check_output(frames, force=True)


def test_a_draft_takes_its_place(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    with draft(out) as unfinished:
        assert unfinished.parent == tmp_path
        unfinished.write_bytes(b"done")
        assert not out.exists()
    assert out.read_bytes() == b"done"
    assert names(tmp_path) == ["out.png"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_the_result_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    with draft(tmp_path / "out.png") as unfinished:
        unfinished.touch()
    (tmp_path / "plain").touch()
    assert (tmp_path / "out.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("folder", [False, True])
def test_after_an_exception_everything_is_as_it_was(
    tmp_path: Path, interruption: type[BaseException], folder: bool
) -> None:
    out = tmp_path / "out.png"
    out.write_bytes(b"before")
    with pytest.raises(interruption), draft(out, force=True) as unfinished:
        if folder:
            unfinished.mkdir()
            unfinished /= "00000.png"
        unfinished.write_bytes(b"half")
        raise interruption
    assert out.read_bytes() == b"before"
    assert names(tmp_path) == ["out.png"]


def test_a_file_that_came_in_the_meantime_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    with pytest.raises(GanimateError, match="exists already"), draft(out) as unfinished:
        unfinished.write_bytes(b"ours")
        out.write_bytes(b"theirs")
    assert out.read_bytes() == b"theirs"
    assert names(tmp_path) == ["out.png"]


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    out = tmp_path / "frames"
    out.mkdir()
    (out / "00007.png").touch()
    with draft(out, force=True) as unfinished:
        unfinished.mkdir()
        (unfinished / "00000.png").write_bytes(b"new")
    assert names(out) == ["00000.png"]
    assert names(tmp_path) == ["frames"]


def test_an_old_folder_comes_back_if_the_new_one_cannot_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "frames"
    out.mkdir()
    (out / "00007.png").touch()
    monkeypatch.setattr(output, "_exchange", lambda one, other: False)
    rename = Path.rename
    moved: list[Path] = []

    def rename_fails_once(self: Path, target: Path) -> Path:
        moved.append(self)
        if len(moved) == 2:
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", rename_fails_once)
    with pytest.raises(GanimateError, match="Permission denied"), draft(out, force=True) as new:
        new.mkdir()
    assert names(out) == ["00007.png"]
    assert names(tmp_path) == ["frames"]


def killed(folder: Path, kind: str) -> None:
    """Leave in `folder` what a run leaves that is killed while it writes a file, or a folder."""
    program = """
import os, signal, sys
from pathlib import Path
from ganimate.output import draft
with draft(Path(sys.argv[1])) as unfinished:
    if sys.argv[2] == "folder":
        unfinished.mkdir()
        unfinished /= "00000.png"
    unfinished.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program, str(folder / "out.png"), kind])
    assert done.returncode == -signal.SIGKILL


@pytest.mark.skipif(os.name != "posix", reason="processes are asked for as POSIX has it")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_run_left_goes_with_the_next_one(tmp_path: Path, kind: str) -> None:
    killed(tmp_path, kind)
    (left,) = names(tmp_path)
    assert left.startswith(".ganimate-") and left.endswith(".png")
    for other in (".ganimate-notes", ".ganimate-00000000-1-a.png", f"{left}.mine"[1:]):
        (tmp_path / other).touch()  # a person's, another machine's, a person's
    with scratch(tmp_path) as running, draft(tmp_path / "out.png") as unfinished:
        running.touch()
        assert left not in names(tmp_path) and running.name in names(tmp_path)
        unfinished.write_bytes(b"whole")
    assert len(names(tmp_path)) == 4 and (tmp_path / "out.png").read_bytes() == b"whole"


@pytest.mark.skipif(
    not os.access("/dev/shm", os.W_OK), reason="only Linux lets folders change places"
)
def test_folders_change_places_at_once() -> None:
    """In memory, where they always can; not every disk lets them."""
    with TemporaryDirectory(dir="/dev/shm") as folder:
        one, other = Path(folder, "one"), Path(folder, "other")
        one.mkdir()
        (other / "inside").mkdir(parents=True)
        assert output._exchange(one, other)
        assert names(one) == ["inside"] and names(other) == []


def test_names_that_cannot_be(tmp_path: Path) -> None:
    for name in ("long" * 100 + ".png", "zero\0.png"):
        with pytest.raises(GanimateError, match="cannot be written"):
            check_output(tmp_path / name, force=False)
    longest = tmp_path / ("a" * 251 + ".png")
    with draft(longest) as unfinished:
        unfinished.touch()
    assert names(tmp_path) == [longest.name]


def picture(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    write_photo(Photo(noise), path, provenance=None, force=True)


def film(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (5, 96, 96, 3), dtype=np.uint8)
    with film_writer(path, size=(96, 96), fps=10, provenance=None, force=True) as writer:
        for frame in noise:
            writer.write(frame)


def recording(path: Path) -> None:
    values = np.zeros((300, 17), np.float32)
    seen = np.ones(300, np.float32)
    Recording(np.arange(300) / 25, values, seen, 25.0, Path("film")).save(path, force=True)


def checkpoint(path: Path) -> None:
    from ganimate.training.state import save_state

    save_state(path, {"numbers": list(range(10_000))})


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("out.png", picture),
        ("out.mp4", film),
        ("out.gif", film),
        ("frames", film),
        ("out.csv", recording),
        ("out.safetensors", checkpoint),
    ],
)
def test_a_disk_that_fills_up(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    """A limit on the size of files stands for a full disk: the system refuses just the same."""
    import resource

    out = tmp_path / name
    write(out)
    before = out.read_bytes() if out.is_file() else names(out)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(GanimateError, match=name):
            write(out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (out.read_bytes() if out.is_file() else names(out)) == before
    assert names(tmp_path) == [name]


def test_scratch_removes_what_is_there(tmp_path: Path) -> None:
    with scratch(tmp_path, ".mkv") as file, scratch(tmp_path) as folder, scratch(tmp_path):
        file.touch()
        folder.mkdir()
        (folder / "inside").touch()
    assert names(tmp_path) == []
