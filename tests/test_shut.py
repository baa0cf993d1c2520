"""Eyes that a photo shows shut, and that are asked to open."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Ganimate, names
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ganimate import Animator, Trajectory
from ganimate.engine import Painted
from ganimate.errors import UsageError
from ganimate.faces.shut import ShutEyes
from ganimate.faces.topology import (
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
)
from ganimate.facs import ActionUnits
from ganimate.media.source import open_film
from ganimate.portrait import Portrait
from ganimate.video import FilmEdit

LIDS = ((RIGHT_UPPER_LID, RIGHT_LOWER_LID), (LEFT_UPPER_LID, LEFT_LOWER_LID))


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator(locator="builtin", offline=True)


@pytest.fixture(scope="module")
def open_eyed(animator: Animator, portrait: Path) -> Portrait:
    return animator.open(portrait)


@pytest.fixture(scope="module")
def shut_eyed(animator: Animator, open_eyed: Portrait) -> Portrait:
    """The same face with its eyes shut, as a photo of its own."""
    return animator.open(open_eyed.edit("45=1").image)


def gaps(portrait: Portrait) -> np.ndarray:
    """How far the subject's right and left eye are open, of their width, (2,)."""
    marks = portrait.chosen[0].landmarks
    return np.array(
        [
            np.linalg.norm(marks[lower[4]] - marks[upper[4]])
            / np.linalg.norm(marks[upper[0]] - marks[upper[-1]])
            for upper, lower in LIDS
        ]
    )


def light(picture: np.ndarray, portrait: Portrait, across: float, down: float) -> np.ndarray:
    """How light a picture is in the eyes of another: so far towards the inner corner and down from
    their middles, of their width; of the subject's right and left, (2,)."""
    marks, grey = portrait.chosen[0].landmarks, cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    grey = cv2.GaussianBlur(grey, (0, 0), 1)
    found = []
    for upper, _ in LIDS:
        first, last = marks[upper[0]], marks[upper[-1]]
        along = last - first
        down_the_face = np.array((-along[1], along[0])) * np.sign(along[0])
        x, y = np.rint((first + last) / 2 + across * along + down * down_the_face).astype(int)
        found.append(float(grey[y, x]))
    return np.array(found)


def test_shut_eyes_open(animator: Animator, open_eyed: Portrait, shut_eyed: Portrait) -> None:
    assert shut_eyed.current[45] > 0.5
    assert (gaps(shut_eyed) < 0.4 * gaps(open_eyed)).all()
    woken = shut_eyed.edit("45=0").image
    again = animator.open(woken)
    assert (gaps(again) > 0.7 * gaps(open_eyed)).all()
    assert again.current[45] < 0.2
    # There is an iris between whites, with a dark pupil.
    white, pupil = (light(woken, shut_eyed, x, -0.05) for x in (-0.31, -0.046))
    assert (white > pupil + 40).all()
    # And what the photo shows elsewhere stays.
    rows = slice(int(shut_eyed.chosen[0].landmarks[1, 1]), None)  # from the tip of the nose on
    change = np.abs(woken[rows].astype(int) - shut_eyed.photo.pixels[rows])
    assert change.mean() < 1


def test_the_farther_the_wider_and_without_a_jump(shut_eyed: Portrait) -> None:
    pictures = [
        shut_eyed.edit("45=0", strength=share).image.astype(int) for share in np.linspace(0, 1, 21)
    ]
    steps = np.array([np.abs(b - a).mean() for a, b in pairwise(pictures)])
    assert steps.max() < 4 * np.median(steps)
    far = np.array([np.abs(one - pictures[0]).mean() for one in pictures])
    assert (np.diff(far) > 0).all()


def test_one_eye_opens_alone(shut_eyed: Portrait) -> None:
    winking = shut_eyed.edit("45L=0").image
    right, left = (light(winking, shut_eyed, x, -0.05) for x in (-0.31, -0.046))
    assert right[1] > left[1] + 40  # the left one's white and pupil
    assert abs(right[0] - left[0]) < 40


def test_who_winks_has_two_eyes_of_one_colour(face_model: Path, portrait: Path) -> None:
    animator = Animator(locator="mediapipe", face_model=face_model)
    open_eyed = animator.open(portrait)
    winking = animator.open(open_eyed.edit("45L=1").image)
    marks = winking.chosen[0].landmarks
    (x, y), radius = marks[468], np.linalg.norm(marks[469] - marks[468])
    green = np.array(winking.photo.pixels)
    rows, columns = np.mgrid[: len(green), : green.shape[1]]
    green[np.hypot(columns - x, rows - y) < 0.9 * radius] = (40, 130, 40)  # contact lenses

    def drawn(pixels: np.ndarray) -> np.ndarray:
        """The most colourful of the iris that is drawn."""
        x, y = np.rint(marks[473]).astype(int)
        part = animator.open(pixels).edit("45L=0").image[y - 5 : y + 15, x - 15 : x + 15]
        part = part.reshape(-1, 3).astype(int)
        return part[np.ptp(part, axis=1).argmax()]

    red, most, blue = drawn(green)
    assert most > max(red, blue) + 40
    red, most, blue = drawn(winking.photo.pixels)
    assert most < max(red, blue) + 10


def test_another_photo_gives_the_colour(
    animator: Animator, open_eyed: Portrait, shut_eyed: Portrait, ganimate: Ganimate, tmp_path: Path
) -> None:
    marks = open_eyed.chosen[0].landmarks
    radius = np.linalg.norm(marks[469] - marks[468])
    green = np.array(open_eyed.photo.pixels)
    rows, columns = np.mgrid[: len(green), : green.shape[1]]
    for x, y in marks[[468, 473]]:
        green[np.hypot(columns - x, rows - y) < 0.9 * radius] = (40, 130, 40)
    for name, pixels in (("green.png", green), ("shut.png", shut_eyed.photo.pixels)):
        Image.fromarray(pixels).save(tmp_path / name)
    line = "edit shut.png --au 45=0 --locator builtin --offline -o"
    ganimate(*line.split(), "brown.png")
    ganimate(*line.split(), "out.png", "--eyes", "green.png")
    brown, made = (np.asarray(Image.open(tmp_path / name)) for name in ("brown.png", "out.png"))
    x, y = np.rint(shut_eyed.chosen[0].landmarks[[468, 473]].mean(0)).astype(int)
    greener = [one.astype(int)[..., 1] - one.astype(int)[..., 0] for one in (made, brown)]
    assert (greener[0] > 40).sum() > 40 > (greener[1] > 20).sum()
    # What cannot be: an output over either photo, eyes that are shut, and several faces.
    over = ganimate(*line.split(), "green.png", "--force", "--eyes", "green.png")
    assert over.returncode == 1 and "green.png" in over.stderr
    blind = ganimate(*line.split(), "no.png", "--eyes", "shut.png")
    assert blind.returncode == 1 and "shut.png: shows no open eye" in blind.stderr
    assert names(tmp_path) == ["brown.png", "green.png", "out.png", "shut.png"]
    both = replace(shut_eyed, chosen=shut_eyed.chosen * 2, currents=shut_eyed.currents * 2)
    with pytest.raises(UsageError, match="several faces"):
        both.with_eyes_of(open_eyed)


def test_eyes_that_are_open_or_stay_shut_are_left_alone(
    open_eyed: Portrait, shut_eyed: Portrait
) -> None:
    picture = Painted(*(np.zeros(size, np.float32) for size in ((8, 8), (8, 8, 3), (4, 4, 2))))
    asked = np.zeros((2, 17), np.float32)
    assert open_eyed._layers[0].shut.open(picture, asked) is picture
    shut = shut_eyed._layers[0].shut
    assert shut.open(picture, asked) is not picture
    assert shut.open(picture, shut_eyed.current.sides) is picture


def test_drawn_eyes_are_as_soft_as_their_photo(animator: Animator, shut_eyed: Portrait) -> None:
    def steepest(pixels: np.ndarray) -> float:
        """In the right eye, once it is open."""
        woken = cv2.cvtColor(animator.open(pixels).edit("45=0").image, cv2.COLOR_RGB2GRAY)
        marks = shut_eyed.chosen[0].landmarks[list(RIGHT_UPPER_LID)]
        (left, top), (right, bottom) = marks.min(0).astype(int), marks.max(0).astype(int)
        part = woken[top - 15 : bottom + 10, left:right].astype(np.float32)
        return float(np.hypot(cv2.Sobel(part, -1, 1, 0), cv2.Sobel(part, -1, 0, 1)).max())

    sharp, soft = shut_eyed.photo.pixels, cv2.GaussianBlur(shut_eyed.photo.pixels, (0, 0), 5)
    assert steepest(soft) < 0.4 * steepest(sharp)


def test_black_and_white_photos_stay_so(
    animator: Animator, shut_eyed: Portrait, tmp_path: Path
) -> None:
    Image.fromarray(shut_eyed.photo.pixels).convert("L").save(tmp_path / "grey.png")
    woken = animator.open(tmp_path / "grey.png").edit("45=0").image
    assert np.ptp(woken.astype(int), axis=-1).max() <= 2


def test_a_film_loses_its_blink(animator: Animator, open_eyed: Portrait, tmp_path: Path) -> None:
    shut = open_eyed.current.changed({45: 1.0})
    path = Trajectory.through([open_eyed.current, shut, shut, open_eyed.current], seconds=1, fps=10)
    with open_eyed.film(tmp_path / "blinks.mp4", fps=10) as film:
        for frame in open_eyed.animate(path):
            film.write(frame)

    with open_film(tmp_path / "blinks.mp4") as film:
        before = [frame for _, frame in film]
    with open_film(tmp_path / "blinks.mp4") as film:
        edit = FilmEdit(film, "45=0", animator)
        after = [frame for _, frame in edit.frames()]
    middle = len(before) // 2
    blinking = animator.open(before[middle])
    assert len(after) == len(before)
    assert blinking.current[45] > 0.6
    assert animator.open(after[middle]).current[45] < 0.3
    # The eyes keep their colour, which is not brown.
    marks = open_eyed.chosen[0].landmarks
    radius = np.linalg.norm(marks[469] - marks[468])
    angle = np.linspace(0.2, np.pi - 0.2, 15)
    ring = marks[468] + 0.65 * radius * np.stack([np.cos(angle), np.sin(angle)], 1)
    x, y = np.rint(ring).astype(int).T
    red, _, blue = np.median(after[middle][y, x].astype(int), axis=0)
    alone = blinking.edit("45=0").image
    brown = np.median(alone[y, x].astype(int), axis=0)
    assert blue - red > brown[2] - brown[0] + 10


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    spread=st.sampled_from([0.0, 1e-9, 0.05, 0.5, 30.0]),
    far=st.floats(0, 1),
    wide=st.floats(0, 1),
)
def test_no_landmarks_are_too_odd(seed: int, spread: float, far: float, wide: float) -> None:
    rng = np.random.default_rng(seed)
    crop = rng.integers(0, 256, (64, 64, 3), np.uint8)
    eyes = ShutEyes(crop, 0.5 + spread * rng.normal(size=(478, 2)), ActionUnits({45: 1}).vector)
    before = Painted(
        rng.random((128, 128), np.float32),
        255 * rng.random((128, 128, 3), np.float32),
        np.zeros((32, 32, 2), np.float32),
    )
    kept = [np.array(part) for part in (before.attention, before.colour, before.flow)]
    after = eyes.open(before, ActionUnits({45: 1 - far, 5: wide}).sides)
    for part, copy in zip((before.attention, before.colour, before.flow), kept, strict=True):
        assert (part == copy).all()
    assert np.isfinite(after.flow).all()
    assert after.attention.min() >= 0 and after.attention.max() <= 1.0001
    assert after.colour.min() >= -1 and after.colour.max() <= 256
