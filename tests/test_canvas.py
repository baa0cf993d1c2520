"""Films painted plane by plane show what painting in RGB shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ganimate import Animator, Portrait, Trajectory
from ganimate.errors import GanimateError
from ganimate.media.planes import Planes, fitted, to_planes
from ganimate.media.provenance import Marking
from ganimate.media.source import open_film
from ganimate.media.watermark import THRESHOLD, score

DB = 45.0


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator(locator="builtin", device="cpu")


@pytest.fixture(scope="module")
def single(portrait: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(portrait).convert("RGB").resize((401, 400)))


@pytest.fixture(scope="module")
def one(animator: Animator, single: NDArray[np.uint8]) -> Portrait:
    return animator.open(single)


def smile(portrait: Portrait, frames: int = 3) -> Trajectory:
    looks = [portrait.current, portrait.current.changed({12: 1, 25: 1, 5: 1})]
    return Trajectory.through(looks, seconds=(frames - 1) / 25, fps=25, hold=0)


def decibels(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> float:
    error = np.square(ours.astype(float) - theirs).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def shown(portrait: Portrait, path: Path, marking: Marking | bool) -> list[Planes]:
    """The frames that a film is given."""
    way = smile(portrait)
    with portrait.film(path, fps=25, provenance=marking) as film:
        frames = []
        for frame in portrait.animate_for(film, way):
            assert isinstance(frame, Planes)
            frames.append(frame.copy())
            film.write(frame)
    return frames


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("marking", [False, True, Marking(label=True)])
def test_planes_are_those_of_rgb(
    one: Portrait, tmp_path: Path, suffix: str, marking: Marking | bool
) -> None:
    path = tmp_path / f"film{suffix}"
    planes = shown(one, path, marking)
    rgb = [to_planes(fitted(frame, (402, 400))) for frame in one.animate(smile(one))]
    photo = to_planes(fitted(one.photo.pixels, (402, 400)))
    width = 402 if suffix == ".mp4" else 401  # H.264 has even sides
    top, bottom, left, right = one.chosen[0].frame.box(400, 401)
    for ours, theirs in zip(planes, rgb, strict=True):
        assert ours.luma.shape == (400, width) and ours.chroma.shape == (200, 201, 2)
        box = slice(top, bottom), slice(left, right)
        assert decibels(ours.luma[box], theirs.luma[box]) > (40 if marking else DB)
        half = slice(top // 2, bottom // 2), slice(left // 2, right // 2)
        assert decibels(ours.chroma[half], theirs.chroma[half]) > DB
        if not isinstance(marking, Marking):
            assert (ours.luma[:, :left] == photo.luma[:, :left]).all()
            assert (ours.luma[: top - 1] == photo.luma[: top - 1, :width]).all()
    assert (planes[0].luma != planes[-1].luma).any()


def test_marks_are_as_in_rgb(animator: Animator, single: NDArray[np.uint8], tmp_path: Path) -> None:
    one = animator.open(single[:, :400])
    planes = shown(one, tmp_path / "planes.mp4", Marking(label=True))
    with one.film(tmp_path / "rgb.mp4", fps=25, provenance=Marking(label=True)) as film:
        for frame in one.animate(smile(one)):
            film.write(frame)
    assert len(planes) == 3
    with open_film(tmp_path / "planes.mp4") as ours, open_film(tmp_path / "rgb.mp4") as theirs:
        for (_, our), (_, their) in zip(ours, theirs, strict=True):
            assert decibels(our, their) > 40
            assert decibels(our[380:, 280:], their[380:, 280:]) > 38, "the label"
            assert score(our, one.chosen[0].frame) > THRESHOLD


def test_faces_that_overlap(animator: Animator, single: NDArray[np.uint8], tmp_path: Path) -> None:
    group = animator.open(np.hstack([single[:, 40:360], single[:, 360:40:-1]]), face="all")
    planes = shown(group, tmp_path / "film.mp4", False)
    for ours, frame in zip(planes, group.animate(smile(group)), strict=True):
        theirs = to_planes(frame)
        assert decibels(ours.luma, theirs.luma) > DB
        assert decibels(ours.chroma, theirs.chroma) > DB


def test_a_large_photo_is_shrunk_before_it_is_painted(
    animator: Animator, portrait: Path, tmp_path: Path
) -> None:
    photo = Image.open(portrait).convert("RGB")
    large = np.asarray(
        photo.resize((4800, 3200), box=(0, 100, photo.width, 100 + photo.width // 2))
    )
    opened = animator.open(large)
    with pytest.raises(GanimateError, match="no frame"):  # noqa: SIM117
        with opened.film(tmp_path / "never.mp4", fps=25) as film:
            small = opened._fitted(film)
    assert small.photo.pixels.shape[1::-1] == film.size
    scale = film.size[0] / 4800
    assert small.chosen[0].frame.half_side == pytest.approx(
        opened.chosen[0].frame.half_side * scale, rel=2e-3
    )


def test_planes_that_do_not_fit(one: Portrait, tmp_path: Path) -> None:
    planes = to_planes(np.zeros((64, 64, 3), np.uint8))
    for name in ("film.mp4", "film.apng"):
        with (
            pytest.raises(GanimateError, match="do not fit"),
            one.film(tmp_path / name, fps=25) as film,
        ):
            film.write(planes)


@pytest.mark.parametrize(
    ("colour", "planes"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_colours_are_those_of_bt709(
    colour: tuple[int, int, int], planes: tuple[int, int, int]
) -> None:
    made = to_planes(np.full((5, 7, 3), colour, np.uint8))
    assert made.luma.shape == (5, 7) and made.chroma.shape == (3, 4, 2)
    assert (made.luma == planes[0]).all() and (made.chroma == planes[1:]).all()
