"""Transfer: what a driver's face does, done by the face in a photo."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Ganimate
from numpy.typing import NDArray
from PIL import Image

from ganimate import ActionUnits, Recording
from ganimate.cli.app import main
from ganimate.errors import UsageError
from ganimate.facs import AU_NUMBERS
from ganimate.survival import FEWEST, survival

BUILTIN = ("--locator", "builtin")


def smiling(heights: list[float] | NDArray[np.float64], also: float = 0.0) -> Recording:
    """A face that moves the corners of its lips, and holds AU4 at `also`."""
    rows = np.zeros((len(heights), 17), np.float32)
    rows[:, AU_NUMBERS.index(12)] = heights
    rows[:, AU_NUMBERS.index(4)] = also
    return Recording(np.arange(len(rows)) / 25, rows, np.ones(len(rows), np.float32), 25.0)


@pytest.fixture
def small(face: Path) -> Path:
    """The portrait at 240 x 240: quick films."""
    photo = face.with_name("small.jpg")
    Image.open(face).resize((240, 240)).save(photo, quality=95)
    return photo


@pytest.fixture
def run(
    face: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The command without a process of its own: exit status, stdout, stderr."""
    monkeypatch.chdir(face.parent)

    def run(*words: object) -> tuple[int, str, str]:
        try:
            status = main([*map(str, words)])
        except SystemExit as ended:
            status = int(ended.code or 0)
        return status, *capsys.readouterr()

    return run


def frames_of(folder: Path) -> NDArray[np.uint8]:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


def test_motion_counts_from_the_drivers_neutral() -> None:
    driver = smiling([0.2] * 10 + [0.5, 0.8], also=0.3)
    photo = ActionUnits({12: 0.1, 4: 0.6})
    told: list[str] = []
    onto = driver.onto(photo, notify=told.append)
    assert onto.intensities[[0, 10, 11], AU_NUMBERS.index(12)] == pytest.approx([0.1, 0.4, 0.7])
    assert onto.intensities[:, AU_NUMBERS.index(4)] == pytest.approx(0.6)
    assert onto.times is driver.times
    rest = driver.onto(photo, base="neutral", strength=0.5)
    assert rest.intensities[[0, 11], AU_NUMBERS.index(12)] == pytest.approx([0, 0.3])
    assert not rest.intensities[:, AU_NUMBERS.index(4)].any()
    as_read = driver.onto(photo, neutral=ActionUnits(), base="neutral")
    assert np.array_equal(as_read.intensities, driver.intensities)
    assert not told
    wild = driver.onto(ActionUnits({12: 0.9}), strength=2, notify=told.append)
    assert wild.intensities.max() == 1
    assert told == ["the film: intensities beyond 1 were clamped in 2 of 12 frames"]
    for wrong in ({"strength": 4}, {"strength": -1}, {"base": "sad"}):
        with pytest.raises(UsageError):
            driver.onto(photo, **wrong)


def test_survival_is_the_correlation_of_what_moves() -> None:
    wave = 0.5 + 0.4 * np.sin(np.arange(40) / 5)
    driver = smiling(wave, also=0.3)
    (same,) = survival(driver, smiling(wave * 0.5))
    assert (same.unit.number, same.r) == (12, pytest.approx(1))
    assert same.result == pytest.approx(same.driver / 2)
    (against,) = survival(driver, smiling(1 - wave))
    assert against.r == pytest.approx(-1)
    (nothing,) = survival(driver, smiling(np.full(40, 0.5)))
    assert (nothing.r, nothing.result) == (0, 0)
    assert survival(smiling(np.full(40, 0.5)), smiling(wave)) == []
    assert survival(smiling(wave[: FEWEST - 1]), smiling(wave[: FEWEST - 1])) == []
    # What a driver without a face would have shown is not compared.
    shown = smiling(np.where(np.arange(40) < 20, wave, 0))
    driver.confidence[20:] = 0
    assert survival(driver, shown)[0].r == pytest.approx(1)


def test_a_driver_moves_a_photo_and_the_motion_can_be_shared(
    small: Path, driver: Path, ganimate: Ganimate
) -> None:
    plain = ("--no-provenance", *BUILTIN)
    words = ("transfer", driver, small, "out", "--save-timeline", "motion.csv", "--json")
    done = ganimate(*words, *plain)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["frames"], told["fps"], told["without_face"]) == (30, 10, 0)
    assert told["base"] == "current"
    moved = told["survival"]
    assert {"1", "2"} & set(moved)  # the surprise
    assert max(one["r"] for one in moved.values()) > 0.6
    assert all(-1 <= one["r"] <= 1 and one["driver"] > 0.05 for one in moved.values())

    done = ganimate("animate", small, "again", "--timeline", "motion.csv", *plain)
    assert done.returncode == 0, done.stderr
    frames = frames_of(small.with_name("out"))
    assert len(frames) == 30
    assert np.array_equal(frames, frames_of(small.with_name("again")))
    change = np.abs(frames.astype(int) - frames[0]).mean(axis=(1, 2, 3))
    assert change[8] > 3 * change[15]  # surprised, and at rest again


def test_for_people_it_says_what_survives(small: Path, driver: Path, ganimate: Ganimate) -> None:
    part = ("--to-time", "1.2", "--strength", "0.5", "--base", "neutral")
    done = ganimate("transfer", driver, small, "out.mp4", *part, "--driver-neutral", "0", *BUILTIN)
    assert done.returncode == 0, done.stderr
    head, *lines, written = done.stdout.splitlines()
    assert written == "out.mp4"
    assert head.split()[-3:] == ["driver", "result", "r"]
    assert any("brow raiser" in line for line in lines)
    assert "not measured" in lines[-1]
    assert b"the motion of driver.mp4" in small.with_name("out.mp4").read_bytes()


def test_a_photo_as_driver(
    small: Path, astronaut: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    words = ("transfer", astronaut, small, "--json", "--save-timeline", "look.csv", *BUILTIN)
    status, out, error = run(*words, "out.png")
    assert status == 0, error
    told = json.loads(out)
    assert (told["frames"], told["base"], told["survival"]) == (1, "neutral", {})
    assert Image.open(small.with_name("out.png")).size == (240, 240)
    look = ActionUnits(told["asked"])
    assert look[12] > told["current"]["12"] + 0.2  # she smiles

    more = ("--force", "--no-provenance", "--driver-neutral", small)
    status, out, error = run(*words, "out", *more)
    assert status == 0, error
    told = json.loads(out)
    assert told["base"] == "current"
    assert told["frames"] == len(frames_of(small.with_name("out"))) == 63
    assert told["neutral"]["12"] == pytest.approx(told["current"]["12"], abs=0.01)


def test_what_cannot_be_transferred(
    small: Path, driver: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    for words, told in (
        ((driver, small, "out.png"), "a film as driver makes a film"),
        ((small, small, "out.png", "--driver-neutral", "2"), "no other moment"),
        ((small, small, "out.png", "--to-time", "2"), "--to-time"),
        ((driver, small, "out.mp4", "--save-timeline", "m.txt"), "m.txt"),
        ((driver, small, "out.mp4", "--strength", "9"), "0 to 3"),
    ):
        status, _, error = run("transfer", *words)
        assert status == 2
        assert told in error
    assert not list(small.parent.glob("out*"))
    calm = small.with_name("calm.png")
    Image.open(small).save(calm)
    before = calm.read_bytes()
    words = ("transfer", small, small, calm, "--driver-neutral", calm, "--force")
    status, _, error = run(*words)
    assert status == 1 and calm.read_bytes() == before
    assert "calm.png" in error
    for words in (("read", "none.mp4", "-o", "x.csv"), ("transfer", "none.mp4", small, "x.mp4")):
        status, _, error = run(*words)
        assert status == 1 and "none.mp4: there is no such file" in error


def test_what_is_asked_wrongly_is_said_before_the_film_is_read(
    small: Path, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    """The driver shows no face, and nobody gets to see that."""
    (wall := tmp_path / "wall.mp4").touch()
    for words, status, told in (
        (("--fps", "1000"), 2, "fps 1000 is out of range"),
        (("--driver-neutral", "none.jpg"), 1, "none.jpg: there is no such file"),
    ):
        found, _, error = run("transfer", wall, small, "out.mp4", *words)
        assert (found, told in error) == (status, True), error
