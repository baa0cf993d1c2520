"""Glasses are found, and stay still while the face behind them moves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from films import pans, write_film
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ganimate import Animator, Portrait, Trajectory
from ganimate.faces.align import FaceFrame
from ganimate.faces.glasses import WORN, Bare, Glasses, seen, take_off
from ganimate.media.planes import Planes, to_planes
from ganimate.media.source import open_film
from ganimate.media.stills import photo_from
from ganimate.training.glasses import Style, wear
from ganimate.video import FilmEdit

SIDE = 400
SURPRISE = "surprise"
"""Raises brows, and would bend what is before them."""
DARK = Style(
    half_width=0.42,
    half_height=0.32,
    bridge=0.13,
    drop=0.06,
    power=3.0,
    taper=0.1,
    lift=0.03,
    upper=0.07,
    lower=0.06,
    colour=np.full(3, 40.0),
    opacity=1.0,
    gloss=0.1,
    lens=(np.full(3, 200.0), 0.0),
    glare=0.0,
    shade=0.2,
)


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator(locator="builtin", device="cpu")


@pytest.fixture(scope="module")
def plain(animator: Animator, portrait: Path) -> Portrait:
    opened = animator.open(portrait)
    frame = opened.chosen[0].frame.scaled(1.5)
    return animator.open(frame.crop(opened.photo.pixels, SIDE))


@pytest.fixture(scope="module")
def drawn(plain: Portrait) -> tuple[np.ndarray, np.ndarray]:
    """The same face with dark rims, and how far each pixel is theirs."""
    marks = plain.chosen[0].landmarks.astype(float)
    return wear(plain.photo.pixels, marks, np.random.default_rng(0), DARK)


@pytest.fixture(scope="module")
def worn(animator: Animator, plain: Portrait, drawn: tuple[np.ndarray, np.ndarray]) -> Portrait:
    """As found without glasses: where a face is does not matter here."""
    return replace(plain, photo=photo_from(drawn[0]))


def boxes() -> st.SearchStrategy[tuple[int, int, int]]:
    return st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31))


@given(boxes(), st.sampled_from([(), (2,), (3,)]))
def test_glasses_over_what_is_behind_them_are_the_photo(
    case: tuple[int, int, int], channels: tuple[int, ...]
) -> None:
    height, width, seed = case
    rng = np.random.default_rng(seed)
    photo, bare = rng.integers(0, 256, (2, height + 3, width + 3, *channels), np.uint8)
    box = slice(2, 2 + height), slice(1, 1 + width)
    through = rng.random((height, width, 1)).astype(np.float32) * rng.integers(0, 2)
    picture = bare.copy()
    Glasses.over(photo, bare, box, through).put_on(picture)
    assert (picture[box] == photo[box]).all()
    picture[box] = bare[box]
    assert (picture == bare).all()


def test_nothing_is_taken_off_who_wears_none(plain: Portrait, animator: Animator) -> None:
    photo, frame = plain.photo.pixels, plain.chosen[0].frame
    where, worn = np.ones((1, 128, 128), np.float32), np.zeros(1, np.float32)
    for bare in (animator.glasses.take_off(photo, [frame]), take_off(photo, [frame], where, worn)):
        assert bare.pixels is photo and not bare.glasses


@pytest.mark.parametrize("corner", [(0, 0), (90, 350), (399, 20)])
def test_frames_may_leave_the_photo(plain: Portrait, corner: tuple[int, int]) -> None:
    photo = plain.photo.pixels
    before = photo.copy()
    where = np.zeros((1, 128, 128), np.float32)
    where[0, 60:66] = 1
    frame = FaceFrame.turned(corner, 150, 30)
    bare = take_off(photo, [frame], where, seen(where))
    assert bare.glasses and (bare.pixels != photo).any()
    again = bare.pixels.copy()
    bare.put_on(again)
    assert (again == photo).all() and (photo == before).all()


def test_drawn_glasses_are_found_where_they_are(
    worn: Portrait, animator: Animator, drawn: tuple[np.ndarray, np.ndarray]
) -> None:
    frame = worn.chosen[0].frame
    found = animator.glasses.find(frame.crop(worn.photo.pixels)[None])
    assert seen(found)[0] > WORN[1]
    mine = found[0] > 0.5
    truth = frame.crop((drawn[1][..., None] * 255).astype(np.uint8))[..., 0] > 127
    assert (mine & truth).sum() > 0.6 * (mine | truth).sum()


def test_a_photo_is_itself_while_nothing_is_asked(worn: Portrait) -> None:
    assert worn._bare.glasses
    edited = worn.edit("12=+0")
    assert np.abs(edited.image.astype(int) - worn.photo.pixels).max() <= 2


def test_glasses_stay_while_brows_are_raised(
    worn: Portrait,
    drawn: tuple[np.ndarray, np.ndarray],
    animator: Animator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photo = worn.photo.pixels
    rims = drawn[1] > 0.9

    def moved(portrait: Portrait) -> float:
        edited = portrait.edit(SURPRISE)
        assert (edited.attention[rims] > 0.5).mean() > (0.9 if portrait._bare.glasses else 0)
        return float(np.abs(edited.image.astype(float) - photo)[rims].mean())

    still = moved(worn)
    monkeypatch.setitem(animator.__dict__, "glasses", _Blind())
    bent = moved(replace(worn))
    assert still < 4 < 3 * still + 4 < bent


class _Blind:
    """Sees no glasses."""

    def find(self, crops: np.ndarray) -> np.ndarray:
        return np.zeros(crops.shape[:3], np.float32)

    def take_off(self, pixels: np.ndarray, frames: object) -> Bare:
        return Bare(pixels)


def test_films_show_what_edits_do(worn: Portrait, tmp_path: Path) -> None:
    looks = [worn.current, worn.current.changed({1: 1, 2: 1, 26: 1})]
    way = Trajectory.through(looks, seconds=0.16, fps=25, hold=0)
    pictures = list(worn.animate(way))
    with worn.film(tmp_path / "out.mp4", fps=25, provenance=False) as film:
        planes = [frame.copy() for frame in worn.animate_for(film, way) if not film.write(frame)]
    for ours, picture in zip(planes, pictures, strict=True):
        assert isinstance(ours, Planes)
        for plane, expected in zip(ours, to_planes(picture), strict=True):
            error = np.square(plane.astype(float) - expected[: len(plane)]).mean()
            assert 10 * np.log10(255**2 / max(error, 1e-9)) > 42
    rims = worn._bare.glasses[0]
    solid = np.zeros(worn.photo.pixels.shape[:2], bool)
    solid[rims.box] = rims.through[..., 0] < 0.02
    assert solid.sum() > 300
    first, last = (each.luma[solid].astype(int) for each in (planes[0], planes[-1]))
    assert np.abs(first - last).max() <= 2


def test_they_stay_in_films_that_are_edited(
    drawn: tuple[np.ndarray, np.ndarray],
    animator: Animator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Image.fromarray(drawn[0]).save(tmp_path / "worn.png")
    frames, maps = pans(tmp_path / "worn.png", 6, (320, 300))
    film = write_film(tmp_path / "in.mkv", frames, sound=False)
    solid = (drawn[1] > 0.9).astype(np.float32)
    rims = [
        cv2.warpAffine(solid, matrix, (320, 300), flags=cv2.INTER_AREA) > 0.8 for matrix in maps
    ]

    def moved() -> float:
        with open_film(film) as source:
            edit = FilmEdit(source, "1=1 2=1", animator)
            pairs = zip(source, edit.frames(), rims, strict=True)
            change = [
                np.abs(one.astype(float) - two)[at].mean() for (_, one), (_, two), at in pairs
            ]
        assert edit.edited == len(frames)
        return float(np.mean(change))

    still = moved()
    monkeypatch.setitem(animator.__dict__, "glasses", _Blind())
    assert 2 * still < moved()
