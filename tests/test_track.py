"""Following one face through a film."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from films import pans
from numpy.typing import NDArray
from PIL import Image

from ganimate.errors import UsageError
from ganimate.faces.align import FaceFrame
from ganimate.faces.locate import Face, Locator, open_locator
from ganimate.faces.track import GAP, LOOK_EVERY, Tracker, check_one
from ganimate.smoothing import OneEuro

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module", params=["builtin", "mediapipe"])
def locator(request: pytest.FixtureRequest) -> Iterator[Locator]:
    if request.param == "mediapipe":
        request.getfixturevalue("face_model")
    with closing(open_locator(request.param, offline=True)) as opened:
        yield opened


def seen_from(frame: FaceFrame, matrix: NDArray[np.float64]) -> FaceFrame:
    """A face frame of a photo, as the camera of `films.pans` shows it."""
    zoom = math.hypot(*matrix[:, 0])
    x, y = matrix[:, :2] @ frame.centre + matrix[:, 2]
    cos, sin = matrix[:, :2] @ frame.x_axis / zoom
    return FaceFrame((float(x), float(y)), (float(cos), float(sin)), frame.half_side * zoom)


def apart(frame: FaceFrame, other: FaceFrame) -> float:
    """How far frames differ in place, size and turn, in half-sides."""
    turned = math.dist(frame.x_axis, other.x_axis)
    sized = abs(math.log(frame.half_side / other.half_side))
    return math.dist(frame.centre, other.centre) / other.half_side + sized + turned


def still(portrait: Path, count: int) -> list[Pixels]:
    """The same picture over and over, with a camera's noise."""
    pixels = np.asarray(Image.open(portrait).resize((200, 200)), np.float64)
    rng = np.random.default_rng(0)
    noisy = (pixels + rng.normal(0, 6, pixels.shape) for _ in range(count))
    return [np.clip(np.rint(one), 0, 255).astype(np.uint8) for one in noisy]


FPS = 10


def track(tracker: Tracker, frames: list[Pixels | None], fps: int = FPS) -> list[Face | None]:
    """What it finds; None is a frame without anybody."""
    shape = next(frame.shape for frame in frames if frame is not None)
    wall = np.full(shape, 90, np.uint8)
    return [tracker(n / fps, wall if frame is None else frame) for n, frame in enumerate(frames)]


def test_it_moves_with_the_face_and_does_not_lag(locator: Locator, portrait: Path) -> None:
    pixels = np.asarray(Image.open(portrait))
    (face,) = locator.locate(pixels)
    frames, maps = pans(portrait, 9, speed=6)
    found = track(Tracker(locator), list(frames), fps=25)
    for one, matrix in zip(found, maps, strict=True):
        assert one is not None
        assert apart(one.frame, seen_from(face.frame, matrix)) < 0.08


def test_the_frame_of_a_face_at_rest_is_at_rest(locator: Locator, portrait: Path) -> None:
    found = track(Tracker(locator), list(still(portrait, 12)))
    assert all(found)
    raw = [FaceFrame.from_landmarks(one.landmarks) for one in found if one]
    smooth = [one.frame for one in found if one]

    def tremor(frames: list[FaceFrame]) -> float:
        places = np.array([(*one.centre, one.half_side) for one in frames[3:]])
        return float(np.abs(np.diff(places, axis=0)).mean() / frames[0].half_side)

    assert tremor(smooth) < tremor(raw)
    assert tremor(smooth) < 0.002


def test_a_face_that_leaves_and_returns(locator: Locator, portrait: Path) -> None:
    frames: list[Pixels | None] = list(still(portrait, 3))
    away = round(FPS * (GAP + 0.5))
    found = track(Tracker(locator), [*frames, *[None] * away, *frames, *frames])
    seen = [one is not None for one in found]
    assert seen[:3] == [True] * 3
    assert not any(seen[3 : 3 + away])
    returned = seen.index(True, 3)
    assert returned - (3 + away) <= round(FPS * LOOK_EVERY)
    assert all(seen[returned:])


def test_after_a_short_gap_it_is_there_at_once(locator: Locator, portrait: Path) -> None:
    frames: list[Pixels | None] = list(still(portrait, 3))
    found = track(Tracker(locator), [*frames, None, None, *frames])
    assert [one is not None for one in found] == [True] * 3 + [False] * 2 + [True] * 3


def two(left: Pixels | None, right: Pixels | None) -> Pixels:
    wall = np.full((200, 200, 3), 90, np.uint8)
    return np.hstack([wall if one is None else one for one in (left, right)])


def test_one_of_two_and_nobody_else_in_its_place(
    locator: Locator, portrait: Path, astronaut: Path
) -> None:
    one = np.asarray(Image.open(portrait).resize((200, 200)))
    other = np.asarray(Image.open(astronaut).crop((110, 0, 340, 230)).resize((200, 200)))
    away = round(FPS * (GAP + 0.5))
    both = two(one, other)
    for which, alone in (("left", two(None, other)), ("1", two(one, None))):
        tracker = Tracker(locator, which)
        middle = 100 if which == "left" else 300
        found = track(tracker, [both, both, *[alone] * away, *[both] * 4])
        assert all(face and abs(face.frame.centre[0] - middle) < 50 for face in found[:2])
        assert not any(found[2 : 2 + away])
        assert found[-1]
        assert abs(found[-1].frame.centre[0] - middle) < 50


def test_which_faces_can_be_chosen() -> None:
    assert [check_one(word) for word in ("largest", "LEFT", " 2 ")] == ["largest", "left", "2"]
    for word in ("all", "0,1", "", "-1", "smile"):
        with pytest.raises(UsageError, match="--face"):
            check_one(word)


def test_one_euro_as_in_its_paper() -> None:
    def reference(values: list[float], rate: float, least: float, beta: float) -> list[float]:
        def alpha(cutoff: float) -> float:
            return 1 / (1 + rate / (2 * math.pi * cutoff))

        out, speed = [values[0]], 0.0
        for value in values[1:]:
            speed += alpha(1.0) * ((value - out[-1]) * rate - speed)
            out.append(out[-1] + alpha(least + beta * abs(speed)) * (value - out[-1]))
        return out

    values = list(np.random.default_rng(0).normal(size=30).cumsum())
    smooth = OneEuro(1.5, 0.3)
    got = [float(smooth(n / 30, value)) for n, value in enumerate(values)]
    assert got == pytest.approx(reference(values, 30, 1.5, 0.3))


def test_one_euro_is_still_at_rest_and_prompt_in_motion() -> None:
    times, rng = np.arange(200) / 25, np.random.default_rng(0)
    tremor = rng.normal(0, 0.001, (200, 3))
    smooth = OneEuro(1.0, 60.0, 5.0)
    rest = np.array([smooth(t, 5 + one) for t, one in zip(times, tremor, strict=True)])
    assert rest[50:].std() < 0.5 * tremor[50:].std()
    smooth.reset()
    ramp = np.array([smooth(t, np.full(3, 2 * t)) for t in times])
    assert ramp.shape == (200, 3)
    assert np.abs(ramp[20:] - 2 * times[20:, None]).max() < 0.01


def test_one_euro_bears_any_steps_of_time() -> None:
    smooth = OneEuro()
    given = np.array([1.0, 2.0])
    first = smooth(0.0, given)
    assert first.tolist() == [1, 2]
    first[:] = 9  # what it gave is the caller's
    given[:] = 9
    assert smooth(0.0, [1.0, 2.0]).tolist() == pytest.approx([1, 2])
    assert smooth(1e9, [3.0, 3.0]).tolist() == pytest.approx([3, 3])
