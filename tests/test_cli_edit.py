"""`ganimate edit`, through the real command, on a real photo."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import Ganimate
from numpy.typing import NDArray
from PIL import Image

from ganimate.faces.align import FaceFrame
from ganimate.media.source import open_film

LOOK = ("--au", "12=0.8", "6=0.5")
SYNTHETIC = b"compositeWithTrainedAlgorithmicMedia"


def pixels(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path).convert("RGB"))


def outside(frame: dict[str, float], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Pixels whose centres lie outside a face frame, as `ganimate faces --json` tells of it."""
    square = FaceFrame.turned(tuple(frame["centre"]), frame["side"] / 2, frame["roll"])
    rows, columns = np.indices(shape[:2])
    crop = square.to_crop(np.stack([columns, rows], axis=-1), size=1)
    return (np.abs(crop) > 0.51).any(axis=-1)  # the summary is rounded


def test_the_line_of_the_readme(face: Path, process: Ganimate, ganimate: Ganimate) -> None:
    before = hashlib.sha256(face.read_bytes()).digest()
    done = process("edit", "face.jpg", "--au", "12=0.8", "6=0.5")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "face-edited.jpg\n"
    edited = Image.open(face.with_name("face-edited.jpg"))
    assert edited.size == (500, 500)
    assert SYNTHETIC in face.with_name("face-edited.jpg").read_bytes()
    assert hashlib.sha256(face.read_bytes()).digest() == before

    again = ganimate("edit", "face.jpg", "--au", "12=0.8", "6=0.5")
    assert again.returncode == 1
    assert "--force" in again.stderr


def test_png_keeps_every_pixel_outside_the_frame(face: Path, ganimate: Ganimate) -> None:
    done = ganimate("edit", face, *LOOK, "-o", "out.png", "--json", "--compare", "--mask")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["outputs"] == ["out.png", "out-compare.png", "out-mask.png"]
    assert summary["faces"] == [0]
    assert summary["action_units"]["12"] == 0.8
    assert summary["action_units"]["6"] == 0.5
    assert summary["action_units"]["4"] == summary["current"]["4"]

    before, after = pixels(face), pixels(face.with_name("out.png"))
    listed = json.loads(ganimate("faces", face, "--json").stdout)["faces"]
    elsewhere = outside(listed[0], before.shape)
    assert 0.2 < elsewhere.mean() < 0.9
    assert (before[elsewhere] == after[elsewhere]).all()
    inside = np.abs(before[~elsewhere].astype(int) - after[~elsewhere])
    assert inside.max() > 20

    compared = pixels(face.with_name("out-compare.png"))
    assert (compared == np.hstack([before, after])).all()
    mask = np.asarray(Image.open(face.with_name("out-mask.png")).convert("L"))
    assert mask.shape == before.shape[:2]
    assert (mask[elsewhere] == 255).all()


@pytest.mark.parametrize("name", ["out.png", "out.jpeg", "out.webp", "out.tif"])
def test_every_format_and_what_it_states(face: Path, ganimate: Ganimate, name: str) -> None:
    done = ganimate("edit", face, "--expression", "smile", "--locator", "builtin", "-o", name)
    assert done.returncode == 0, done.stderr
    written = face.with_name(name)
    assert Image.open(written).size == (500, 500)
    assert SYNTHETIC in written.read_bytes()


def test_without_provenance(face: Path, ganimate: Ganimate) -> None:
    done = ganimate("edit", face, *LOOK, "--no-provenance", "-q", "--locator", "builtin")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert SYNTHETIC not in face.with_name("face-edited.jpg").read_bytes()


def test_force_replaces(face: Path, ganimate: Ganimate) -> None:
    old = face.with_name("out.png")
    old.write_bytes(b"old")
    assert ganimate("edit", "--force", "-o", "out.png", *LOOK, face).returncode == 0
    assert Image.open(old).size == (500, 500)


def test_a_turned_photo_comes_out_upright(face: Path, ganimate: Ganimate) -> None:
    turned = face.with_name("turned.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    exif[0x010E] = "a portrait"
    Image.open(face).rotate(90).save(turned, exif=exif, quality=95)
    done = ganimate("edit", turned, *LOOK)
    assert done.returncode == 0, done.stderr
    edited = Image.open(face.with_name("turned-edited.jpg"))
    assert edited.getexif().get(0x0112, 1) == 1
    assert edited.getexif()[0x010E] == "a portrait"
    difference = np.abs(np.asarray(edited).astype(int) - pixels(face))
    assert np.median(difference) <= 3


def test_alpha_is_kept(face: Path, ganimate: Ganimate) -> None:
    clear = face.with_name("clear.png")
    photo = Image.open(face).convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    photo.save(clear)
    assert ganimate("edit", clear, *LOOK).returncode == 0
    edited = Image.open(face.with_name("clear-edited.png"))
    assert edited.getchannel("A").tobytes() == photo.getchannel("A").tobytes()


def cut_out(face: Path) -> Path:
    """The face before nothing at all; what lies under it is magenta."""
    path = face.with_name("cut.png")
    photo = Image.open(face).convert("RGBA")
    photo.paste((255, 0, 255, 0), (0, 0, 500, 60))
    photo.save(path)
    return path


def test_what_is_under_transparency_is_never_shown(face: Path, ganimate: Ganimate) -> None:
    cut = cut_out(face)
    done = ganimate("edit", cut, *LOOK, "-o", "cut.jpg", "--compare")
    assert done.returncode == 0, done.stderr
    for name in ("cut.jpg", "cut-compare.jpg"):
        assert pixels(cut.with_name(name))[:40].min() > 250, name
    assert ganimate("edit", cut, *LOOK, "-o", "both.png", "--compare").returncode == 0
    both = Image.open(cut.with_name("both-compare.png"))
    assert both.mode == "RGBA" and not np.asarray(both)[:40, :, 3].any()
    assert ganimate("sheet", cut, "sheet.png", "--au", "12", "--steps", "1").returncode == 0
    magenta = pixels(cut.with_name("sheet.png")) - np.array([255, 0, 255])
    assert (np.abs(magenta).max(2) > 40).all()


@pytest.mark.parametrize("film", ["film.mp4", "frames"])
def test_films_lay_what_is_transparent_on_white(face: Path, ganimate: Ganimate, film: str) -> None:
    done = ganimate("animate", cut_out(face), "--to", "smile", "--seconds", "0.1", film)
    assert done.returncode == 0, done.stderr
    assert "films have no transparency" in done.stderr
    path = face.with_name(film)
    if path.is_dir():
        frame = pixels(sorted(path.iterdir())[0])
    else:
        with open_film(path) as source:
            frame = next(iter(source))[1]
    assert frame[:40].min() > 245


@pytest.mark.parametrize("words", [["edit", "."], ["edit", ""], ["weights", "import", "."]])
def test_a_path_without_a_name(words: list[str], ganimate: Ganimate) -> None:
    done = ganimate(*words, *(LOOK if words[0] == "edit" else ()))
    assert done.returncode == 1
    assert done.stderr == "ganimate: .: this is a folder, not a file\n"


def test_strength_and_base(face: Path, ganimate: Ganimate) -> None:
    words = ("edit", face, "--json", "--force", "--base", "neutral", "--expression", "surprise")
    half = json.loads(ganimate(*words, "--strength", "0.5", "--au", "45=1").stdout)
    assert half["action_units"]["1"] == 0.45
    assert half["action_units"]["45"] == 1
    assert half["action_units"]["12"] == 0


def test_an_expression_may_say_how_much_and_what_else(face: Path, ganimate: Ganimate) -> None:
    words = ("edit", face, "--json", "--force", "--base", "neutral", "--expression")
    for look in ("surprise*0.5 45=1", "surprise*0.5"):
        shown = json.loads(ganimate(*words, look, "--au", "45=1").stdout)["action_units"]
        assert (shown["1"], shown["45"], shown["12"]) == (0.45, 1, 0)


def test_an_expression_of_ones_own(face: Path, ganimate: Ganimate) -> None:
    face.with_name("mine.yaml").write_text("quiet joy: {6: 0.3, 12: 0.4}\n")
    own = ("--expressions-file", "mine.yaml")
    done = ganimate("edit", face, "--expression", "quiet-joy", *own, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    shown, built = found["action_units"], {"1", "2", "5"}
    assert {unit: value for unit, value in shown.items() if value and unit not in built} == {
        "6": 0.3,
        "12": 0.4,
    }


def test_each_of_several_faces(tmp_path: Path, portrait: Path, ganimate: Ganimate) -> None:
    single = pixels(portrait)
    pair = np.hstack([single, single[:, ::-1]])
    Image.fromarray(pair).save(tmp_path / "pair.png")
    one = ganimate("edit", "pair.png", *LOOK, "--face", "1", "-o", "one.png", "--json")
    both = ganimate("edit", "pair.png", *LOOK, "--face", "all", "-o", "both.png", "--json")
    assert json.loads(one.stdout)["faces"] == [1]
    assert json.loads(both.stdout)["faces"] == [0, 1]
    change_one, change_both = (
        np.abs(pixels(tmp_path / name).astype(int) - pair) for name in ("one.png", "both.png")
    )
    assert change_one[:, :700].max() == 0
    assert change_one[:, 900:].max() > 20
    assert change_both[:, :700].max() > 20
    assert change_both[:, 900:].max() > 20


def test_a_machine_without_mediapipe(
    face: Path, process: Ganimate, without_mediapipe: dict[str, str]
) -> None:
    done = process("edit", face, *LOOK, "-o", "out.png", "--json", **without_mediapipe)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["locator"] == "builtin"
    assert done.stderr.count("\n") == 1
    assert "built-in" in done.stderr

    refused = process("faces", face, "--locator", "mediapipe", **without_mediapipe)
    assert refused.returncode == 1
    # Which of the two is missing first depends on whether the model is at hand.
    assert "libegl1" in refused.stderr or "face_landmarker.task" in refused.stderr


def test_a_suffix_that_cannot_be_written_becomes_png(face: Path, ganimate: Ganimate) -> None:
    Image.open(face).save(face.with_name("old.bmp"))
    assert ganimate("edit", "old.bmp", *LOOK, "--locator", "builtin").returncode == 0
    assert Image.open(face.with_name("old-edited.png")).format == "PNG"


def test_from_anywhere_to_anywhere(tmp_path: Path, portrait: Path, ganimate: Ganimate) -> None:
    photo = Path(shutil.copy(portrait, tmp_path / "ein Gesicht, lächelnd.jpg"))
    done = ganimate("edit", photo, "--au", "AU12=C", "--au", "lip corner depressor=0", "45=+0.2")
    assert done.returncode == 0, done.stderr
    assert photo.with_name("ein Gesicht, lächelnd-edited.jpg").is_file()
