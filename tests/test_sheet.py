"""Contact sheets: every cell in its place, every label there, and the line of the README."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Ganimate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from photos import LINEAR_RGB, icc
from PIL import Image

from ganimate import Animator, Portrait, contact_sheet
from ganimate.errors import UsageError
from ganimate.media.grid import labelled_grid
from ganimate.sheet import MARGIN, check_sheet


@pytest.fixture(scope="module")
def faces(portrait: Path, astronaut: Path) -> list[Portrait]:
    animator = Animator(locator="builtin", offline=True)
    return [animator.open(photo) for photo in (portrait, astronaut)]


def cells(sheet: NDArray[np.uint8], rows: int, columns: int, size: int) -> NDArray[np.int32]:
    """(rows, columns, size, size, 3): what is right of and below the labels."""
    table = sheet[-rows * size :, -columns * size :]
    split = table.reshape(rows, size, columns, size, 3).transpose(0, 2, 1, 3, 4)
    return split.astype(np.int32)


def change(cell: NDArray[np.int32], photo: NDArray[np.int32]) -> float:
    return float(np.abs(cell - photo).mean())


def test_a_row_goes_from_rest_to_full(faces: list[Portrait]) -> None:
    sheet = contact_sheet(faces[0], [1, "AU12L"], ["surprise"], steps=3, size=96)
    table = cells(sheet, 3, 4, 96)
    view = faces[0].chosen[0].frame.scaled(MARGIN).crop(faces[0].photo.pixels, 96)
    for row in table:
        assert np.abs(row[0] - view).mean() < 3  # the photo, resampled twice
        assert change(row[3], row[0]) > change(row[2], row[0]) > change(row[1], row[0])
    # One-sided: the subject's left is on the right of the picture.
    moved = np.abs(table[1, 3] - table[1, 0]).mean(axis=(0, 2))
    assert moved[48:].sum() > 3 * moved[:48].sum()


def test_photos_of_other_colours_are_brought_to_the_same(
    faces: list[Portrait], tmp_path: Path, ganimate: Ganimate
) -> None:
    """One face twice, once in numbers of another profile: both rows look the same."""
    pixels = faces[1].photo.pixels
    light = np.where(
        (share := pixels / 255) <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4
    )
    Image.fromarray(pixels).save(tmp_path / "srgb.png")
    linear = Image.fromarray(np.rint(light * 255).astype(np.uint8))
    linear.save(tmp_path / "linear.png", icc_profile=icc(LINEAR_RGB))
    words = ("--au", "12", "--size", "96", "--locator", "builtin")
    done = ganimate("sheet", "linear.png", "srgb.png", "sheet.png", *words)
    assert done.returncode == 0, done.stderr
    sheet = Image.open(tmp_path / "sheet.png")
    assert "icc_profile" not in sheet.info
    first, second = cells(np.asarray(sheet), 2, 2, 96)[:, 0]
    assert np.abs(first - second).mean() < 4


def test_a_cell_shows_what_an_edit_gives(faces: list[Portrait]) -> None:
    for portrait in faces:
        cell = cells(contact_sheet(portrait, looks=["grin"], steps=1, size=128), 1, 2, 128)[0, 1]
        edited = portrait.edit("grin").image
        view = portrait.chosen[0].frame.scaled(MARGIN).crop(edited, 128)
        assert np.abs(cell - view).mean() < 3


def test_several_photos_are_rows(faces: list[Portrait]) -> None:
    table = cells(contact_sheet(faces, [12], ["surprise"], size=64), 2, 3, 64)
    for portrait, row in zip(faces, table, strict=True):
        view = portrait.chosen[0].frame.scaled(MARGIN).crop(portrait.photo.pixels, 64)
        assert np.abs(row[0] - view).mean() < 4
        assert change(row[1], row[0]) > 0.5
        assert change(row[2], row[0]) > 0.5


def test_all_17_where_nothing_is_named_of_one_face(faces: list[Portrait]) -> None:
    sheet = contact_sheet(faces[0], steps=1, size=48)
    assert sheet.shape[0] // 48 == 17
    twins = replace(faces[0], chosen=faces[0].chosen * 2, currents=faces[0].currents * 2)
    with pytest.raises(UsageError, match="one face"):
        contact_sheet(twins, [12])


@settings(deadline=None, max_examples=30)
@given(
    size=st.integers(32, 96),
    columns=st.lists(st.text("abcdefg 12=.", min_size=1, max_size=40), min_size=1, max_size=3),
    rows=st.lists(st.tuples(st.sampled_from(["AU1", "smile"]), st.just("a note")), max_size=2),
)
def test_labels_never_touch_the_pictures(
    size: int, columns: list[str], rows: list[tuple[str, str]]
) -> None:
    count = max(1, len(rows))
    pictures = np.full((count, len(columns), size, size, 3), 77, np.uint8)
    sheet = labelled_grid(pictures, columns, rows)
    height, width = sheet.shape[:2]
    top, left = height - count * size, width - len(columns) * size
    assert (sheet[top:, left:] == 77).all()
    assert bool(left) == bool(rows)
    if rows:
        for index in range(count):
            label = sheet[top + index * size : top + (index + 1) * size, :left]
            assert label.min() < 100  # letters
            assert (label[:, 0] == 255).all()  # that are not cut off
    for index, title in enumerate(columns):
        letters = sheet[:top, left + index * size : left + (index + 1) * size]
        assert letters.min() < 128 or not title.strip(" .")


def test_the_line_of_the_readme(face: Path, ganimate: Ganimate) -> None:
    photo = face.rename(face.with_name("photo.jpg"))
    done = ganimate("sheet", "photo.jpg", "--au", "12", "--au", "4", "--steps", "7", "sheet.png")
    assert (done.returncode, done.stdout) == (0, "sheet.png\n"), done.stderr
    written = photo.with_name("sheet.png")
    width, height = Image.open(written).size
    assert (width - 8 * 160, height - 2 * 160) == pytest.approx((136, 24), abs=40)
    assert b"compositeWithTrainedAlgorithmicMedia" in written.read_bytes()

    again = ganimate("sheet", "photo.jpg", "--au", "12", "sheet.png")
    assert again.returncode == 1
    assert "--force" in again.stderr


def test_all_expressions(face: Path, ganimate: Ganimate) -> None:
    words = ("sheet", face, "--expressions", "--steps", "1", "--size", "48", "--json")
    done = ganimate(*words, "--locator", "builtin", "sheet.jpg")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told["looks"]) > 20
    assert told["size"] == list(Image.open(face.with_name("sheet.jpg")).size)
    assert told["size"][1] // 48 == len(told["looks"])


def test_what_cannot_be_drawn(face: Path, ganimate: Ganimate) -> None:
    done = ganimate("sheet", face, "--au", "12=0.8", "out.png")
    assert done.returncode == 2
    assert "name the action unit alone" in done.stderr
    done = ganimate("sheet", face, "face.jpg", "--au", "12", "--steps", "3", "out.png")
    assert done.returncode == 2
    assert "one photo" in done.stderr
    assert not face.with_name("out.png").exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"units": ["27"]}, "jaw_drop"),
        ({"looks": ["smlie"]}, "did you mean smile"),
        ({"steps": 0}, "1 to 21"),
        ({"size": 10}, "48 to 1024"),
        ({"units": [1, 2, 4], "steps": 21, "size": 1024}, "too many"),
        ({"base": "angry"}, "current, neutral"),
    ],
)
def test_what_cannot_be_asked_for(wrong: dict[str, Any], told: str) -> None:
    asked = {"units": ["12"], "looks": [], "steps": 7, "size": 160, "base": "current"} | wrong
    with pytest.raises(UsageError) as error:
        check_sheet(1, **asked)
    assert told in str(error.value)
