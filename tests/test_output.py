"""Outputs are refused early, written aside, and appear complete or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ganimate.errors import GanimateError
from ganimate.media.output import check_output, draft, scratch


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


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
    with pytest.raises(GanimateError, match="the photo that is read"):
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


def test_scratch_removes_what_is_there(tmp_path: Path) -> None:
    with scratch(tmp_path, ".mkv") as file, scratch(tmp_path) as folder, scratch(tmp_path):
        file.touch()
        folder.mkdir()
        (folder / "inside").touch()
    assert names(tmp_path) == []
