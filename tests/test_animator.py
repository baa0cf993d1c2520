"""The Python interface, on a real photo with the shipped weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganimate
from ganimate import ActionUnits, Animator, Portrait, Trajectory
from ganimate.errors import UsageError
from ganimate.facs import at_rest
from ganimate.media.planes import Planes


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator(locator="builtin", device="cpu")


@pytest.fixture(scope="module")
def opened(animator: Animator, portrait: Path) -> Portrait:
    return animator.open(portrait)


@pytest.fixture(scope="module")
def pair(animator: Animator, portrait: Path) -> Portrait:
    single = np.asarray(Image.open(portrait).resize((400, 400)))
    return animator.open(np.hstack([single, single[:, ::-1]]), face="all")


def test_the_public_names_are_there() -> None:
    assert all(hasattr(ganimate, name) for name in ganimate.__all__)
    assert set(ganimate.__all__) <= set(dir(ganimate))
    with pytest.raises(AttributeError, match="nonsense"):
        ganimate.nonsense  # noqa: B018


def test_a_path_an_image_and_an_array_are_the_same(
    animator: Animator, opened: Portrait, portrait: Path
) -> None:
    image = Image.open(portrait)
    for source in (str(portrait), image, np.asarray(image)):
        again = animator.open(source)
        assert (again.photo.pixels == opened.photo.pixels).all()
        assert again.current == opened.current


def test_an_edit_is_a_picture_of_the_photos_size(opened: Portrait) -> None:
    edited = opened.edit({12: 0.8, 6: 0.5})
    before = opened.photo.pixels
    assert (edited.image.shape, edited.image.dtype) == (before.shape, np.uint8)
    assert (edited.attention.shape, edited.attention.dtype) == (before.shape[:2], np.float32)
    assert 0 <= edited.attention.min() <= edited.attention.max() <= 1
    assert edited.action_units == ActionUnits({**opened.current, 12: 0.8, 6: 0.5})
    top, bottom, left, right = opened.chosen[0].frame.box(*before.shape[:2])
    outside = np.ones(before.shape[:2], bool)
    outside[top:bottom, left:right] = False
    assert (edited.image[outside] == before[outside]).all()
    assert (edited.attention[outside] == 1).all()
    assert np.abs(edited.image.astype(int) - before).max() > 20


@pytest.mark.parametrize(
    ("look", "options", "asked"),
    [
        ({"lip_corner_puller": 0.8}, {"base": "neutral"}, {12: 0.8}),
        ("12=0.8", {"base": "neutral"}, {12: 0.8}),
        ("12=0.8", {"base": "neutral", "strength": 0.5}, {12: 0.4}),
        (ActionUnits({12: 0.8}), {}, ActionUnits({12: 0.8})),
        ("blink", {}, {45: 1.0}),
        ("neutral", {}, {}),
    ],
)
def test_looks(
    opened: Portrait, look: str, options: dict[str, str], asked: Mapping[int, float]
) -> None:
    rest = at_rest(opened.current)
    assert rest[2] == opened.current[2] > 0
    shown = opened.edit(look, **options).action_units  # type: ignore[arg-type]
    assert shown == rest.changed(asked)


def test_what_is_not_named_stays(opened: Portrait) -> None:
    assert opened.edit({}).action_units == opened.current
    assert opened.edit("surprise", strength=0).action_units == opened.current
    raised = opened.edit("12=+0.25").action_units
    assert raised[12] == pytest.approx(opened.current[12] + 0.25, abs=1e-6)


def test_asking_for_what_is_there_changes_next_to_nothing(opened: Portrait) -> None:
    frame = opened.chosen[0].frame
    before, after = (
        frame.crop(picture) for picture in (opened.photo.pixels, opened.edit({}).image)
    )
    assert np.abs(before.astype(int) - after).mean() < 2


@pytest.mark.parametrize(
    ("look", "options"),
    [
        ({99: 1.0}, {}),
        ({12: 2.0}, {}),
        ("smil", {}),
        ({}, {"base": "smile"}),
        ({}, {"strength": 2}),
    ],
)
def test_wrong_looks(opened: Portrait, look: Any, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        opened.edit(look, **options)


def test_frames_are_the_edits_of_their_intensities(opened: Portrait) -> None:
    smile = opened.edit("smile")
    path = Trajectory.through([opened.current, smile.action_units], seconds=0.4, hold=0)
    frames = list(opened.animate(path))
    assert len(frames) == len(path) == 11
    assert np.abs(frames[-1].astype(int) - smile.image).max() <= 2
    assert np.abs(frames[0].astype(int) - frames[-1]).max() > 20


def test_a_face_that_stands_still_is_painted_once(
    opened: Portrait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, smile = opened.current.vector, opened.edit("smile").action_units.vector
    engine, asked = opened.animator.engine, []
    paint = engine.paint

    def counting(encoded: Any, rows: Any, *others: Any) -> Any:
        asked.append(len(rows))
        return paint(encoded, rows, *others)

    monkeypatch.setattr(engine, "paint", counting)
    path = Trajectory(np.stack([calm, smile, smile, smile, calm, calm, smile]))
    painted = []
    with opened.film(tmp_path / "smile.mp4", fps=25) as film:
        for frame in opened.animate_for(film, path):
            assert isinstance(frame, Planes)
            painted.append(frame.copy())
            film.write(frame)
    shown = [frame.luma.astype(int) for frame in painted]
    assert len(shown) == 7 and sum(asked) == 4
    for index, like in enumerate([0, 1, 1, 1, 0, 0, 1]):
        assert np.abs(shown[index] - shown[like]).max() <= 1
    assert np.abs(shown[0] - shown[1]).max() > 20


def test_a_large_face_is_painted_finer_in_a_photo_than_in_a_film(opened: Portrait) -> None:
    (layer,) = opened._layers
    size = opened.animator.engine.size
    assert layer.frame.native_side > 2 * size
    sides = opened.current.changed({25: 1}).sides[None]
    small = replace(layer, frame=layer.frame.scaled(0.3))
    for one, finest, wanted in ((layer, True, 4), (layer, False, 2), (small, True, 2)):
        (painted,) = one.paint(sides, finest=finest)
        assert painted.attention.shape == (wanted * size, wanted * size)


def test_frames_come_as_they_are_asked_for(opened: Portrait) -> None:
    hour = Trajectory(np.zeros((90_000, 17)))
    assert len(list(islice(opened.animate(hour), 2))) == 2


def test_several_faces(pair: Portrait) -> None:
    assert len(pair.chosen) == len(pair.currents) == 2
    change = np.abs(pair.edit({12: 1.0, 25: 0.8}).image.astype(int) - pair.photo.pixels)
    assert change[:, :400].max() > 20
    assert change[:, 400:].max() > 20


def test_a_trajectory_for_each_face(pair: Portrait) -> None:
    still, smiling = (
        Trajectory(np.stack([look.vector] * 2))
        for look in (pair.currents[0], pair.edit("grin").action_units)
    )
    frame = next(pair.animate([still, smiling])).astype(int)
    change = np.abs(frame - pair.photo.pixels)
    assert change[:, 400:].mean() > 3 * change[:, :400].mean()
    for wrong in ([still], [still, Trajectory(smiling.intensities[:1])], []):
        with pytest.raises(UsageError, match="one trajectory"):
            pair.animate(wrong)


def test_save_and_film_refuse_what_exists(opened: Portrait, tmp_path: Path) -> None:
    edited = opened.edit("smile")
    assert edited.save(tmp_path / "out.png") == tmp_path / "out.png"
    with pytest.raises(ganimate.GanimateError, match="exists"):
        edited.save(tmp_path / "out.png")
    film = tmp_path / "out.gif"
    film.touch()
    with pytest.raises(ganimate.GanimateError, match="exists"), opened.film(film, fps=25):
        raise AssertionError("the film was opened")


def test_notices_are_warnings_unless_taken(portrait: Path, tmp_path: Path) -> None:
    frames = [Image.open(portrait), Image.open(portrait).transpose(Image.Transpose.ROTATE_180)]
    film = tmp_path / "film.webp"
    frames[0].save(film, save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="first"):
        Animator(locator="builtin").open(film)
    heard: list[str] = []
    Animator(locator="builtin", notify=heard.append).open(film)
    assert len(heard) == 1
