"""One side of a face alone: from `12L=0.6` to the pixels, which on the other side stay."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest
from conftest import SHARED, Ganimate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ganimate import ActionUnits, Animator, Portrait, Timeline, Trajectory
from ganimate.engine import Engine, Painted
from ganimate.errors import UsageError
from ganimate.faces.halves import Midline
from ganimate.faces.locate import Face
from ganimate.faces.topology import LEFT_LOWER_LID, LEFT_UPPER_LID, RIGHT_LOWER_LID, RIGHT_UPPER_LID
from ganimate.facs import (
    ACTION_UNITS,
    AU_NUMBERS,
    Assignment,
    blend,
    load_expressions,
    parse_assignments,
    parse_look,
    sided,
)

AU12, AU45 = AU_NUMBERS.index(12), AU_NUMBERS.index(45)
RIGHT, LEFT = 0, 1
RIGHT_LIDS, LEFT_LIDS = RIGHT_UPPER_LID + RIGHT_LOWER_LID, LEFT_UPPER_LID + LEFT_LOWER_LID

two_sided = st.integers(0, 2**32 - 1).map(
    lambda seed: ActionUnits(np.random.default_rng(seed).random((2, 17)).round(3))
)


# --- how sides are written ----------------------------------------------------------------


@pytest.mark.parametrize("unit", ACTION_UNITS, ids=lambda unit: unit.slug)
def test_every_way_of_naming_a_side(unit: Any) -> None:
    number, name = unit.number, unit.name
    for side, letter in (("left", "L"), ("right", "R")):
        ways = [
            f"{number}{letter}", f"{letter}{number}", f"{number}{letter.lower()}",
            f"AU{number:02d}{letter}", f"{name} {side}", f"{side} {name}",
            f"{unit.slug}_{letter}", f"{unit.slug}_{side}", f"{side}-{unit.slug}".upper(),
        ]  # fmt: skip
        assert {sided(way) for way in ways} == {(unit, letter)}
    assert sided(number) == sided(name) == (unit, "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("16L", "AU16 (lower lip depressor) is not among the 17"),
        ("99R", "did you mean AU9?"),
        ("12X", "there is no action unit '12X'"),
        ("12LR", "there is no action unit '12LR'"),
        ("L", "there is no action unit 'L'"),
    ],
)
def test_a_side_of_what_there_is_not(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        sided(name)


def test_assignments_of_a_side_refine_those_of_both() -> None:
    assert parse_assignments(["12L=0.6"]) == (Assignment(12, 0.6, False, "L"),)
    assert parse_assignments(["12=0.5 12L=+0.3, 12R=A"]) == (
        Assignment(12, 0.5, False),
        Assignment(12, 0.3, True, "L"),
        Assignment(12, 0.2, False, "R"),
    )
    with pytest.raises(UsageError, match="both sides first"):
        parse_assignments(["12L=0.6", "12=0.5"])
    with pytest.raises(UsageError, match="AU12L is already given"):
        parse_assignments(["12L=0.6 left_lip_corner_puller=0.5"])


# --- intensities --------------------------------------------------------------------------


def test_action_units_with_sides() -> None:
    wink = ActionUnits({12: 0.2, "12L": 0.6, "45L": 1})
    assert wink.sides.shape == (2, 17)
    assert wink.sides[:, AU12] == pytest.approx([0.2, 0.6])
    assert wink[12] == pytest.approx(0.4)
    assert wink.vector[AU45] == 0.5
    assert wink != ActionUnits(wink.vector)
    assert wink == ActionUnits(wink.sides) == ActionUnits(wink)
    assert repr(wink) == "ActionUnits({'12R': 0.2, '12L': 0.6, '45L': 1})"
    assert json.loads(json.dumps(wink.to_dict()))["45R"] == 0
    assert ActionUnits({12: 0.5}).changed({"12R": 0.7}) == ActionUnits({"12R": 0.7, "L12": 0.5})
    with pytest.raises(ValueError, match="read-only"):
        wink.sides[0, 0] = 1


@pytest.mark.parametrize(
    "wrong", [{"12L": 2}, {"12L": 0.5, "L12": 0.5}, {"12L": 0.5, 12: 0.5}, np.zeros((3, 17))]
)
def test_what_is_refused_of_sides(wrong: Any) -> None:
    with pytest.raises(UsageError):
        ActionUnits(wrong)


@settings(deadline=None)
@given(two_sided, two_sided, st.floats(0, 1))
def test_sides_come_back_and_blend_exactly(start: ActionUnits, end: ActionUnits, s: float) -> None:
    assert ActionUnits(start.to_dict()) == start
    assert eval(repr(start), {"ActionUnits": ActionUnits}) == start
    assert blend(start, end, 0) == start
    assert blend(start, end, 1) == end
    between = blend(start, end, s).sides
    assert np.all(between >= np.minimum(start.sides, end.sides) - 1e-7)
    assert np.all(between <= np.maximum(start.sides, end.sides) + 1e-7)


@pytest.mark.parametrize(
    ("look", "asked"),
    [
        ("12L=0.6", {12: 0.2, "12L": 0.6}),
        ("12R=+0.3", {12: 0.2, "12R": 0.5}),
        ("smile*0.5 left blink=1", {6: 0.25, 12: 0.45, "45L": 1}),
        ("wink 45L=0.5", {**load_expressions()["wink"].intensities, "45L": 0.5}),
        ("contempt", load_expressions()["contempt"].intensities),
    ],
)
def test_looks_with_sides(look: str, asked: dict[int | str, float]) -> None:
    found = parse_look(look, ActionUnits({12: 0.2}))
    assert found.sides == pytest.approx(ActionUnits(asked).sides, abs=1e-6)


def test_expressions_of_one_side(tmp_path: Path) -> None:
    known = load_expressions()
    wink, contempt = known["wink"].action_units.sides, known["contempt"].action_units.sides
    assert wink[LEFT, AU45] == 1
    assert wink[RIGHT, AU45] == 0
    assert contempt[RIGHT, AU12] > contempt[LEFT, AU12]
    mine = tmp_path / "mine.yaml"
    mine.write_text("other wink: {45R: 1, AU6R: B}\n", "utf-8")
    assert load_expressions(mine)["other-wink"].intensities == {"6R": 0.4, "45R": 1}


# --- over time ----------------------------------------------------------------------------


def test_a_trajectory_through_a_wink() -> None:
    keys = [ActionUnits(), load_expressions()["wink"].action_units]
    film = Trajectory.through(keys, seconds=1, fps=10, hold=0, loop="pingpong")
    assert film.sides.shape == (len(film), 2, 17)
    assert np.array_equal(film.sides[10], keys[1].sides)
    assert not film.sides[:, RIGHT, AU45].any()
    assert film.intensities[10, AU45] == 0.5
    again = Trajectory(film.sides, 10).pingpong().enlivened(blink=True, liveliness=0.3, seed=3)
    closed = again.sides[..., AU45]
    assert closed[:, RIGHT].max() > 0.9  # the blink is one of both eyes
    assert (closed[:, LEFT] >= closed[:, RIGHT]).all()


def test_timelines_with_sides(tmp_path: Path) -> None:
    keyed = Timeline.parse("0:neutral 1:wink 2:12R=0.5").trajectory(ActionUnits(), fps=10)
    assert keyed.sides[10, :, AU45].tolist() == [0, 1]
    assert keyed.sides[20, :, AU12].tolist() == [0.5, 0]
    story = tmp_path / "story.yaml"
    story.write_text(
        "tracks:\n"
        "  45L: [{at: 0, value: 0}, {at: 1, value: 1}]\n"
        "  45: [{at: 0, value: 0.25}]\n"
        "  right lip corner puller: [{at: 0, value: 0.5}]\n",
        "utf-8",
    )
    told = Timeline.load(story)
    assert list(told.tracks) == ["45L", 45, "12R"]
    sides = told.trajectory(ActionUnits({12: 0.1}), fps=10).sides
    assert sides[-1, :, AU45].tolist() == [0.25, 1]
    assert sides[-1, :, AU12] == pytest.approx([0.5, 0.1])
    story.write_text("tracks:\n  45L: [{at: 0, value: 0}]\n  L45: [{at: 0, value: 1}]\n", "utf-8")
    with pytest.raises(UsageError, match="line 3: tracks: AU45L is given twice"):
        Timeline.load(story)


# --- the halves of a face -----------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(portrait: Path) -> Portrait:
    return Animator(locator="builtin", device="cpu").open(portrait)


def shares(face: Face, points: tuple[int, ...]) -> NDArray[np.float32]:
    """How far the left half has the crop's pixels under some of a face's landmarks."""
    share = Midline(face.landmarks, face.frame).left_share(128)
    column, row = np.rint(face.frame.to_crop(face.landmarks[list(points)])).astype(int).T
    return share[row.clip(0, 127), column.clip(0, 127)]


def test_each_eye_lies_in_its_half(opened: Portrait) -> None:
    face = opened.chosen[0]
    assert shares(face, RIGHT_LIDS).max() == 0
    assert shares(face, LEFT_LIDS).min() == 1
    share = Midline(face.landmarks, face.frame).left_share(64)
    assert (np.diff(share, axis=1) >= 0).all()
    assert np.abs(np.diff(share, axis=1)).max() < 0.5


def test_the_midline_follows_a_turned_head() -> None:
    """On faces turned by 30 to 40 degrees the frame's middle lies in an eye or a cheek."""
    stored = SHARED / "data" / "validation-00000-of-00001.parquet"
    if not stored.is_file():
        pytest.skip("needs the validation faces")
    table = parquet.read_table(stored, columns=["landmarks", "pose"])
    yaw = np.abs(np.array(table["pose"].to_pylist())[:, 0])
    turned = table["landmarks"].take(np.flatnonzero(yaw > 25)).to_pylist()
    faces = [Face.from_landmarks(np.reshape(points, (478, 2)), 1.0) for points in turned]
    assert len(faces) > 50
    # Of the far eye the inner corner alone may reach into the seam.
    assert max(np.median(shares(face, RIGHT_LIDS)) for face in faces) < 0.01
    assert min(np.median(shares(face, LEFT_LIDS)) for face in faces) > 0.99
    assert np.quantile([shares(face, (61,))[0] for face in faces], 0.9) < 0.1
    assert np.quantile([shares(face, (291,))[0] for face in faces], 0.1) > 0.9


def painting(attention: float, colour: float, flow: float) -> Painted:
    return Painted(
        np.full((128, 128), attention, np.float32),
        np.full((128, 128, 3), colour, np.float32),
        np.full((64, 64, 2), flow, np.float32),
    )


def test_halves_are_joined_without_the_colour_of_what_does_not_cover(opened: Portrait) -> None:
    face = opened.chosen[0]
    midline = Midline(face.landmarks, face.frame)
    one = painting(0.4, 200, 0.1)
    same = midline.join(one, one)
    for part in ("attention", "colour", "flow"):
        assert getattr(same, part) == pytest.approx(getattr(one, part), abs=1e-4)
    joined = midline.join(painting(1.0, 0, 0.0), painting(0.0, 200, 0.1))
    assert joined.attention[:, [0, -1]].mean(0) == pytest.approx([1, 0])
    assert joined.flow[:, [0, -1]].mean((0, 2)) == pytest.approx([0, 0.1])
    covered = joined.attention < 0.9
    assert joined.colour[covered].min() > 195  # the right half's black covers nothing


# --- in the pixels ------------------------------------------------------------------------


def eye(opened: Portrait, picture: NDArray[np.uint8], lids: tuple[int, ...]) -> NDArray[np.int32]:
    points = opened.chosen[0].landmarks[list(lids)]
    (left, top), (right, bottom) = points.min(0).astype(int), points.max(0).astype(int) + 1
    return picture[top:bottom, left:right].astype(np.int32)


@pytest.mark.parametrize("side", ["L", "R"])
def test_one_eye_closes_and_the_other_stays_open(opened: Portrait, side: str) -> None:
    before, both = opened.edit({}).image, opened.edit({45: 1}).image
    one = opened.edit({f"45{side}": 1}).image
    closed, open_ = (LEFT_LIDS, RIGHT_LIDS) if side == "L" else (RIGHT_LIDS, LEFT_LIDS)
    assert np.abs(eye(opened, one, closed) - eye(opened, both, closed)).max() <= 2
    assert np.abs(eye(opened, one, open_) - eye(opened, before, open_)).max() <= 2
    assert np.abs(eye(opened, one, closed) - eye(opened, before, closed)).mean() > 15


class CountingEngine(Engine):
    """The engine, which also notes how many rows each pass has."""

    rows: list[int]

    def paint(self, encoded: Any, targets: Any, *others: Any) -> list[Painted]:
        self.rows.append(len(targets))
        return super().paint(encoded, targets, *others)


def test_only_what_differs_is_painted_twice(portrait: Path) -> None:
    animator = Animator(locator="builtin", device="cpu")
    engine = CountingEngine.default(device="cpu")
    engine.rows = []
    animator.__dict__["engine"] = engine
    opened = animator.open(portrait)
    frames = [opened.edit(look).image for look in ("smile", "wink")]
    assert engine.rows == [1, 2]
    rows = np.stack([target.sides for target in (ActionUnits({12: 1}), ActionUnits({"12L": 1}))])
    list(opened.animate(Trajectory(np.tile(rows, (2, 1, 1)))))
    assert engine.rows[2:] == [6]
    assert np.abs(frames[0].astype(int) - frames[1]).max() > 20


def test_a_wink_through_the_command(face: Path, ganimate: Ganimate) -> None:
    words = ("edit", face, "--expression", "wink", "--au", "12R=0.1", "--base", "neutral")
    done = ganimate(*words, "-o", "out.png", "--json", "--locator", "builtin")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["action_units"]
    assert (told["45L"], told["45R"], told["12R"], told["1"]) == (1, 0, 0.1, 0)
    stated = face.with_name("out.png").read_bytes()
    assert b"AU45L=1.00" in stated
    assert b"AU12R=0.10" in stated
    assert b"AU45R" not in stated
