"""Every face: looks for each, faces that overlap, and faces that are turned."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from conftest import SHARED, Ganimate
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ganimate import ActionUnits, Animator, Portrait
from ganimate.cli.each import check_each
from ganimate.errors import UsageError
from ganimate.faces.align import FaceFrame
from ganimate.faces.locate import Face
from ganimate.faces.pose import DEPTH, NOSE_TIP, yaw, yaw_notice
from ganimate.faces.topology import FACE_OVAL, MIRROR
from ganimate.facs import at_rest

GRIN = {12: 1.0, 25: 0.8, 2: 1.0}


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator(locator="builtin", device="cpu")


@pytest.fixture(scope="module")
def cheek_to_cheek(portrait: Path) -> NDArray[np.uint8]:
    """A small face on the left, and a larger one that hides its left cheek."""
    photo = Image.open(portrait)
    far = np.asarray(photo.resize((320, 320)))[:, :205]
    near = np.asarray(photo.resize((400, 400)))[:, 104:]
    return np.hstack([np.pad(far, ((0, 80), (0, 0), (0, 0)), mode="reflect"), near])


@pytest.fixture(scope="module")
def close(animator: Animator, cheek_to_cheek: NDArray[np.uint8]) -> Portrait:
    return animator.open(cheek_to_cheek, face="all")


def changes(picture: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.int32]:
    return np.abs(picture.astype(np.int32) - other).max(axis=2)


def inside(face: Face, shape: tuple[int, ...], margin: float) -> NDArray[np.bool_]:
    """Pixels inside an outline made smaller by a margin, a share of the frame's side."""
    oval = face.landmarks[list(FACE_OVAL)]
    shrunk = 1 - 2 * margin
    drawn = Image.new("1", shape[1::-1])
    corners = oval.mean(0) + shrunk * (oval - oval.mean(0))
    ImageDraw.Draw(drawn).polygon([(float(x), float(y)) for x, y in corners], fill=1)
    return np.asarray(drawn)


def border(frame: FaceFrame, shape: tuple[int, ...], width: int) -> NDArray[np.bool_]:
    """The outermost pixels of a frame."""
    rows, columns = np.indices(shape[:2])
    places = np.abs(frame.to_crop(np.stack([columns, rows], axis=-1), size=1)).max(-1)
    return (places <= 0.5) & (places > 0.5 - width / frame.native_side)


# --- a look for each ----------------------------------------------------------------------


def test_a_look_for_each_of_those_named(animator: Animator, close: Portrait) -> None:
    assert [face.index for face in close.chosen] == [0, 1]
    swapped = animator.open(close.photo.pixels, face="right, 0")
    assert [face.index for face in swapped.chosen] == [1, 0]
    edited = swapped.edit(["blink", {"12L": 0.7}])
    rest = at_rest(swapped.currents[0])
    assert edited.targets[0] == edited.action_units == rest.changed({45: 1})
    assert edited.targets[1] == swapped.currents[1].changed({"12L": 0.7})
    asked = edited.provenance.asked_for
    assert re.match(r"face 1: (AU0[125]=0\.\d\d )*AU45=1\.00; face 0: ", asked)
    assert "AU12L=0.70" in asked
    for wrong in (["blink"], ["blink"] * 3, []):
        with pytest.raises(UsageError, match="2 faces"):
            swapped.edit(wrong)


def test_a_look_for_each_through_the_command(
    tmp_path: Path, cheek_to_cheek: NDArray[np.uint8], ganimate: Ganimate
) -> None:
    Image.fromarray(cheek_to_cheek).save(tmp_path / "two.png")
    done = ganimate(
        "edit", "two.png", "--at", "right", "12=1", "25=0.8", "--at", "0", "blink*0.5", "--base",
        "neutral", "-o", "out.png", "--json", "--locator", "builtin",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["faces"] == [1, 0]
    near, far = (entry["action_units"] for entry in told["each"])
    assert (near["12"], near["25"], near["45"]) == (1, 0.8, 0)
    assert (far["12"], far["45"]) == (0, 0.5)
    built = rb"(AU0[125]=0\.\d\d )*"
    asked = rb"face 1: %bAU12=1\.00 AU25=0\.80; face 0: %bAU45=0\.50" % (built, built)
    assert re.search(asked, (tmp_path / "out.png").read_bytes())


def test_two_names_of_one_face(close: Portrait) -> None:
    check_each({"0": "fear", "right": "sad"}, close.chosen)
    with pytest.raises(UsageError, match="right, 1 are 1 face of the photo"):
        check_each({"right": "fear", "1": "sad"}, close.chosen[1:])


def test_a_film_with_an_end_for_each(
    tmp_path: Path, cheek_to_cheek: NDArray[np.uint8], ganimate: Ganimate
) -> None:
    Image.fromarray(cheek_to_cheek).save(tmp_path / "two.png")
    done = ganimate(
        "animate", "two.png", "frames", "--from", "12L=0.1", "--base", "neutral", "--at", "left",
        "12L=0.1", "--at", "1", "wink", "12L=0.1", "--seconds", "0.2", "--hold", "0", "--fps", "10",
        "--locator", "builtin",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pictures = sorted((tmp_path / "frames").iterdir())
    assert len(pictures) == 3
    course = b"face left: 12L=0.1 to 12L=0.1; face 1: 12L=0.1 to wink 12L=0.1"
    assert course in pictures[0].read_bytes()
    first, last = (np.asarray(Image.open(path)) for path in pictures[::2])
    change = changes(first, last)
    assert change[:, :190].max() <= 2
    middle = 291  # of the larger face, whose left half is on the right
    assert change[:, middle:].sum() > 10 * change[:, 210:middle].sum()


# --- faces that overlap -------------------------------------------------------------------


def test_overlapping_faces_have_no_seams(animator: Animator, close: Portrait) -> None:
    photo = close.photo.pixels
    far, near = close.faces
    assert near.frame.half_side > far.frame.half_side
    both = close.edit(GRIN).image
    far_alone, near_alone = (
        animator.open(photo, face=which).edit(GRIN).image for which in ("0", "1")
    )
    shared = border(near.frame, photo.shape, 2) & (changes(far_alone, photo) > 0)
    assert shared.sum() > 20  # the frames do overlap, and what the far face changes, too
    # Where a face begins, it adds nothing to what the other one shows; further in, the jaw that
    # drops takes the neck along, by 4 % of its way in the first pixel and 14 % in the second.
    for alone, begun in ((far_alone, near), (near_alone, far)):
        assert changes(both, alone)[border(begun.frame, photo.shape, 1)].max() <= 2
        assert changes(both, alone)[border(begun.frame, photo.shape, 2)].max() <= 5
    # Each is drawn in full, and keeps off the other. Two faces are read in one batch, whose sums
    # are rounded differently: a pixel may fall to the next grey level.
    alike = changes(both, near_alone)[inside(near, photo.shape, 0.1)]
    assert alike.max() <= 1
    assert alike.mean() < 1e-3
    assert (far_alone == photo)[inside(near, photo.shape, 0.1)].all()
    hidden = inside(near, photo.shape, 0)
    seen = inside(far, photo.shape, 0.1) & ~hidden
    assert (near_alone == photo)[seen].all()
    assert changes(both, photo)[seen].mean() > 5


def test_the_order_of_choosing_does_not_matter(animator: Animator, close: Portrait) -> None:
    again = animator.open(close.photo.pixels, face="1,0")
    assert (again.edit(GRIN).image == close.edit(GRIN).image).all()


# --- faces that are turned ----------------------------------------------------------------


@pytest.mark.parametrize("turn", [35, 180])
def test_a_face_turned_in_the_picture_is_changed_alike(
    portrait: Path, animator: Animator, turn: int
) -> None:
    """Turned, changed and turned back, a photo is what it is when it is changed upright."""
    photo = Image.open(portrait).resize((400, 400), Image.Resampling.LANCZOS)
    upright = animator.open(photo)
    turned = animator.open(photo.rotate(turn, Image.Resampling.BICUBIC, fillcolor="grey"))
    roll = (turned.chosen[0].frame.roll - upright.chosen[0].frame.roll + turn + 180) % 360 - 180
    assert abs(roll) < 4
    look = ActionUnits(GRIN)
    back = Image.fromarray(turned.edit(look).image).rotate(-turn, Image.Resampling.BICUBIC)
    frame = upright.chosen[0].frame
    before, one, other = (
        frame.crop(np.asarray(picture)).astype(int)
        for picture in (photo, upright.edit(look).image, back)
    )
    assert np.abs(one - before).mean() > 2 * np.abs(one - other).mean()


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="needs the validation faces")
def test_yaw_agrees_with_the_poses_of_the_validation_faces() -> None:
    stored = SHARED / "data" / "validation-00000-of-00001.parquet"
    table = parquet.read_table(stored, columns=["landmarks", "pose"])[:400]
    told = np.array(table["pose"].to_pylist())[:, 0]
    faces = [np.reshape(points, (478, 2)) for points in table["landmarks"].to_pylist()]
    error = np.array([yaw(Face.from_landmarks(points, 1.0)) for points in faces]) - told
    assert np.abs(error).mean() < 1.5
    assert np.quantile(np.abs(error), 0.95) < 4.5
    mirrored = [(points * (-1, 1))[list(MIRROR)] for points in faces[:50]]
    again = [yaw(Face.from_landmarks(points, 1.0)) for points in mirrored]
    assert again == pytest.approx([-value for value in (error + told)[:50]], abs=1e-3)


@pytest.mark.parametrize("degrees", [0, 36, -55, 70])
def test_what_is_turned_too_far_is_told(close: Portrait, degrees: float) -> None:
    """A flat face whose nose reaches out as far as noses do, turned."""
    face = close.chosen[1]
    points = face.frame.to_crop(face.landmarks, size=1)
    points = (points + (points * (-1, 1))[list(MIRROR)]) / 2
    depth = np.zeros(len(points))
    depth[list(NOSE_TIP)] = (points[454, 0] - points[234, 0]) / 2 / DEPTH
    angle = np.radians(degrees)
    points[:, 0] = points[:, 0] * np.cos(angle) + depth * np.sin(angle)
    turned = Face.from_landmarks(face.frame.to_photo(points, size=1), 1.0)
    assert yaw(turned) == pytest.approx(degrees, abs=3)
    notice = yaw_notice(turned)
    if abs(degrees) < 40:
        assert notice is None
    else:
        assert notice
        assert f"about {abs(yaw(turned)):.0f} degrees; beyond 40" in notice


def test_a_face_from_the_front_is_opened_without_a_word(animator: Animator, portrait: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        animator.open(portrait)
