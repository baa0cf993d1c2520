"""Recordings of OpenFace as timelines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ganimate.errors import UsageError
from ganimate.facs import AU_NUMBERS, ActionUnits
from ganimate.timeline import Timeline
from ganimate.trajectory import Trajectory

CURRENT = ActionUnits({1: 0.2, 12: 0.3, 45: 0.1})


def column(trajectory: Trajectory, number: int) -> NDArray[np.float32]:
    return trajectory.intensities[:, AU_NUMBERS.index(number)]


def recording(rows: list[str], units: str = " AU01_r, AU12_r") -> str:
    return "\n".join([f"frame, face_id, timestamp, confidence, success,{units}", *rows, ""])


def test_a_recording_plays_at_its_own_rate(tmp_path: Path) -> None:
    file = tmp_path / "smile.csv"
    values = np.round(np.random.default_rng(0).uniform(0, 5, (40, 2)), 2)
    file.write_text(
        recording(
            [
                f"{n}, 0, {1 + n / 30:.3f}, 0.98, 1, {a}, {b}"
                for n, (a, b) in enumerate(values, start=1)
            ]
        )
    )
    timeline = Timeline.load(file)
    trajectory = timeline.trajectory(CURRENT)
    assert (trajectory.fps, len(trajectory)) == (pytest.approx(30, abs=0.05), 40)
    assert column(trajectory, 1) == pytest.approx(values[:, 0] / 5, abs=1e-6)
    assert column(trajectory, 12) == pytest.approx(values[:, 1] / 5, abs=1e-6)
    assert (column(trajectory, 45) == np.float32(0.1)).all()  # not among its columns
    assert not column(timeline.trajectory(CURRENT, base="neutral"), 45).any()
    assert timeline.notices == ()
    assert len(timeline.trajectory(CURRENT, fps=10)) == 14
    doubled = timeline.trajectory(CURRENT, fps=2 * trajectory.fps)
    assert column(doubled, 1)[::2] == pytest.approx(values[:, 0] / 5, abs=1e-6)


@pytest.mark.parametrize(("each", "rate"), [(2.0, 1.0), (0.002, 240.0)])
def test_slow_and_fast_films_play_at_the_nearest_rate(
    tmp_path: Path, each: float, rate: float
) -> None:
    """Time-lapses and slow motion are films too; they keep their time."""
    file = tmp_path / "lapse.csv"
    file.write_text(recording([f"{n}, 0, {n * each:.3f}, 0.9, 1, {n % 5}, 0" for n in range(12)]))
    timeline = Timeline.load(file)
    assert timeline.trajectory(CURRENT).fps == rate
    played = timeline.trajectory(CURRENT, fps=25)
    assert abs(len(played) / 25 - 11 * each) <= 2 / 25


def test_rows_without_a_sure_face_are_crossed(tmp_path: Path) -> None:
    file = tmp_path / "gaps.csv"
    file.write_text(
        recording(
            [
                "1, 0, 0.00, 0.20, 1, 5, 5",
                "2, 0, 0.04, 0.98, 1, 1, 0",
                "3, 0, 0.08, 0.69, 1, 5, 5",
                "4, 0, 0.12, 0.98, 0, -nan, 5",
                "5, 0, 0.16, 0.98, 1, 4, 0",
                "",
                "9, 0, 0.32, 0.98, 1, 5.5, 5",
                "10, 0, 0.36, 0.00, 0, 0, 0",
            ]
        )
    )
    timeline = Timeline.load(file)
    brows = column(timeline.trajectory(CURRENT, in_between="linear"), 1)
    assert brows == pytest.approx([0.2, 0.2, 0.4, 0.6, 0.8, 0.85, 0.9, 0.95, 1, 1])
    assert timeline.notices == (
        f"{file}: 4 of 7 rows show no sure face and are interpolated",
        f"{file}: intensities beyond 0 to 5 were clamped (line 8)",
    )


def test_a_recording_of_uneven_time_keeps_its_time(tmp_path: Path) -> None:
    file = tmp_path / "uneven.csv"
    file.write_text(" timestamp, AU45_r\n0,0\n0.1,1\n0.25,2\n0.3,3\n0.45,4\n0.5,5\n")
    lids = column(Timeline.load(file).trajectory(CURRENT, fps=20, in_between="linear"), 45)
    assert lids[[0, 2, 5, 6, 9, 10]] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no column timestamp"),
        ("timestamp, AU45_c\n0, 1", "line 1: no column AU01_r"),
        (recording([]), "no row with a face"),
        (recording(["1, 0, 0, 0.5, 1, 0, 0"]), "confidence 0.7 or more"),
        (
            recording(["1, 0, 0, 0.9, 1, 0, 0", "2, 0, 0.1, 0.9, 1, nan, 0"]),
            "line 3: AU01_r: 'nan'",
        ),
        (recording(["1, 0, 0, 0.9, 1, 0, 1_0"]), "line 2: AU12_r: '1_0' is not a number"),
        (recording(["1, 0, 0, nan, 1, 0, 0"]), "line 2: confidence: 'nan'"),
        (recording(["1, 0, , 0.9, 1, 0, 0"]), "line 2: timestamp: ''"),
        (recording(["1, 0, 0, 0.9, 1, inf, 0"]), "line 2: AU01_r: 'inf'"),
        (recording(["1, 0, 0, 0.9, 1, 0"]), "line 2: 6 values for 7 columns"),
        (
            recording(["1, 0, 0.5, 0.9, 1, 0, 0", "1, 1, 0.5, 0.9, 1, 0, 0"]),
            "line 3: timestamp: 0.5 is not after 0.5",
        ),
        (recording([f"{n}, 0, {n * 40}, 0.9, 1, 0, 0" for n in range(3)]), "0.025 frames a second"),
        (recording(["1, 0, 0, 0.9, 1, 0, 0", "2, 0, 1e300, 0.9, 1, 0, 0"]), "timestamp"),
        ("timestamp, AU01_r\n0, " + "9" * 200_000, "line 2: field larger"),
    ],
)
def test_a_wrong_recording_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        Timeline.load(file)
    assert str(refused.value).startswith(str(file))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
