"""Reading films: what a face shows over time, as numbers, curves and timelines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Ganimate
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from ganimate import ActionUnits, Animator, GanimateError, Recording, Timeline, read_film
from ganimate.errors import UsageError
from ganimate.facs import ACTION_UNITS, AU_NUMBERS
from ganimate.media.curves import EDGE, HEIGHT, LABELS, WIDTH, curve_chart
from ganimate.media.video import film_writer
from ganimate.recording import is_film

BROWS = [AU_NUMBERS.index(number) for number in (1, 2)]


def recorded(rows: NDArray[np.float64], fps: float = 25.0) -> Recording:
    sure = np.ones(len(rows), np.float32)
    return Recording(np.arange(len(rows)) / fps, rows.astype(np.float32), sure, fps)


def raised(heights: list[float] | NDArray[np.float64], fps: float = 25.0) -> Recording:
    """A face that moves its inner brows alone."""
    rows = np.zeros((len(heights), 17))
    rows[:, 0] = heights
    return recorded(rows, fps)


@pytest.fixture(scope="module")
def read(driver: Path) -> Recording:
    return read_film(driver, Animator(locator="builtin", offline=True))


def test_every_frame_is_read_at_its_time(read: Recording) -> None:
    assert len(read) == 30
    assert read.fps == 10
    assert read.times == pytest.approx(np.arange(30) / 10, abs=1e-3)
    assert read.seen.all()
    assert read.notices == ()
    brows = read.intensities[:, BROWS].mean(axis=1)
    assert brows[7:10].mean() > brows[[0, 1, 15, 16]].mean() + 0.1  # surprise at 0.8 s


def test_a_part_of_a_film(driver: Path, read: Recording) -> None:
    animator = Animator(locator="builtin", offline=True)
    part = read_film(driver, animator, start=0.5, end=1.0)
    assert part.times == pytest.approx(np.arange(5, 10) / 10, abs=1e-3)
    assert part.intensities == pytest.approx(read.intensities[5:10], abs=0.15)
    with pytest.raises(UsageError, match="after its end"):
        read_film(driver, animator, start=100)


def test_a_face_that_goes_away_is_interpolated(tmp_path: Path, portrait: Path) -> None:
    there = np.asarray(Image.open(portrait).resize((200, 200)))
    away = np.full_like(there, 128)
    film = tmp_path / "away.mp4"
    with film_writer(film, size=(200, 200), fps=10, provenance=None) as writer:
        for picture in [there] * 4 + [away] * 8 + [there] * 6:
            writer.write(picture)
    found = read_film(film, Animator(locator="builtin", offline=True))
    assert found.seen[:4].all()
    assert not found.seen[4:12].any()
    assert found.seen[-1]
    assert not found.intensities[4:12].any()
    assert "of 18 frames" in found.notices[0]
    timeline = found.timeline()
    assert len(timeline.notices) == 1
    played = timeline.trajectory(ActionUnits())
    assert len(played) == 18
    ends = np.sort(found.intensities[[3, np.flatnonzero(found.seen[12:])[0] + 12]], axis=0)
    assert (played.intensities[4:12] >= ends[0] - 1e-3).all()
    assert (played.intensities[4:12] <= ends[1] + 1e-3).all()

    with film_writer(film, size=(200, 200), fps=10, provenance=None, force=True) as writer:
        writer.write(away)
    with pytest.raises(GanimateError, match=r"no face found in .*away\.mp4"):
        read_film(film, Animator(locator="builtin", offline=True))


@settings(deadline=None, max_examples=25)
@given(
    rows=st.lists(st.lists(st.floats(0, 1), min_size=17, max_size=17), min_size=1, max_size=12),
    fps=st.sampled_from([1.0, 12.5, 24000 / 1001, 25.0, 30000 / 1001, 59.94, 240.0]),
    start=st.floats(0, 1000),
    away=st.sets(st.integers(1, 11)),
)
@example(rows=[[0.0] * 17] * 2, fps=240.0, start=6e-7, away=set())  # rounded to 240.04
def test_a_csv_plays_what_was_recorded(
    rows: list[list[float]], fps: float, start: float, away: set[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    before = recorded(np.array(rows), fps)
    gone = [index for index in away if index < len(rows)]
    before.times[:] += start
    before.confidence[gone] = 0
    path = before.save(tmp_path_factory.mktemp("csv") / "r.csv")
    from_file = Timeline.load(path).trajectory(ActionUnits(), base="neutral")
    direct = before.timeline().trajectory(ActionUnits(), base="neutral")
    assert np.array_equal(from_file.sides, direct.sides)
    assert (from_file.fps, len(from_file)) == (direct.fps, len(rows))
    if len(rows) > 1:
        assert from_file.fps == pytest.approx(fps, rel=1e-3)
    assert from_file.intensities[before.seen] == pytest.approx(
        before.intensities[before.seen], abs=2e-3
    )


def test_smoothing_takes_out_tremor_and_leaves_blinks() -> None:
    rng = np.random.default_rng(0)
    still = raised(np.clip(0.3 + rng.normal(0, 0.02, 200), 0, 1))
    assert still.smoothed().intensities[20:-20, 0].std() < 0.012
    blink = np.zeros(60)
    blink[30:35] = [0.5, 1.0, 0.8, 0.5, 0.2]
    smooth = raised(blink).smoothed().intensities[:, 0]
    assert smooth.max() > 0.85
    assert smooth.argmax() == 31  # and no later than it was


def test_smoothing_leaves_alone_where_no_face_was() -> None:
    lonely = raised([0.1, 0.9, 0.0, 0.2, 0.8])
    lonely.confidence[2] = 0
    assert lonely.smoothed().intensities[2].sum() == 0


def test_the_neutral_is_the_calmest_or_a_moment() -> None:
    heights = np.concatenate([np.full(30, 0.8), np.full(10, 0.2), np.full(10, 0.5)])
    face = raised(heights)
    assert face.neutral()[1] == pytest.approx(0.2)
    assert face.neutral(0.0)[1] == pytest.approx(0.8)
    assert face.neutral(1.8)[1] == pytest.approx(0.5)
    with pytest.raises(UsageError, match="100 s"):
        face.neutral(100)


def test_the_chart_has_a_curve_for_each() -> None:
    times = np.arange(50) / 25
    curves = np.zeros((50, 2), np.float32)
    curves[:, 1] = 1
    seen = np.ones(50, bool)
    seen[20:30] = False
    chart = curve_chart(times, curves, ["low", "high"], seen).astype(int)
    blue = (chart[..., 2] - chart[..., 0]) > 60
    assert chart.shape[1] == WIDTH
    assert not blue[:, : LABELS - 4].any()
    low, high = (np.flatnonzero(part.any(axis=1)) for part in np.split(blue, [EDGE + HEIGHT - 6]))
    assert 0 < len(low) < 12  # a line at 0
    assert 0 < len(high) < 12
    columns = blue.any(axis=0)
    gap = LABELS + round((WIDTH - LABELS) * 0.5)
    assert columns[LABELS + 50]
    assert not columns[gap - 20 : gap].any()
    for count in (1, 30_000):
        long = curve_chart(np.arange(count) / 25, np.zeros((count, 1), np.float32), ["one"])
        assert long.shape[1] == WIDTH


def test_what_is_a_film(driver: Path, portrait: Path, tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    for name in ("a.gif", "a.png", "a.webp"):
        pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:])
    pictures[0].save(tmp_path / "one.gif")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    assert is_film(driver)
    assert is_film(tmp_path / "a.gif")
    assert is_film(tmp_path / "a.png")
    for still in (portrait, *map(tmp_path.joinpath, ("one.gif", "a.webp", "broken.jpg", "none"))):
        assert not is_film(still)


def test_curves_through_the_command(driver: Path, tmp_path: Path, ganimate: Ganimate) -> None:
    part = ("--from-time", "0.5", "--to-time", "1.5")
    done = ganimate("read", driver, "-o", "curves.csv", *part, "--locator", "builtin")
    assert done.returncode == 0, done.stderr
    *table, written = done.stdout.splitlines()
    assert written == "curves.csv"
    assert "10 frames" in table[0]
    assert [int(line.split()[0]) for line in table[1:]] == list(AU_NUMBERS)
    assert all(unit.name in line for unit, line in zip(ACTION_UNITS, table[1:], strict=True))
    timeline = Timeline.load(tmp_path / "curves.csv")
    assert timeline.fps == pytest.approx(10)
    assert len(timeline.trajectory(ActionUnits())) == 10

    words = ("read", driver, "-o", "curves.png", "--json", "--to-time", "0.5")
    done = ganimate(*words, "--locator", "builtin")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["frames"], told["without_face"]) == (5, 0)
    assert set(told["action_units"]) == {str(number) for number in AU_NUMBERS}
    picture = np.asarray(Image.open(tmp_path / "curves.png"))
    assert picture.shape[1] == WIDTH


def test_what_cannot_be_read(driver: Path, face: Path, ganimate: Ganimate) -> None:
    for words, told, code in (
        ((face, "-o", "curves.csv"), "goes with films", 2),
        ((driver, "-o", "curves.txt"), "curves.txt", 2),
        ((driver, "--face", "all"), "one face", 2),
    ):
        done = ganimate("read", *words)
        assert done.returncode == code
        assert told in done.stderr
