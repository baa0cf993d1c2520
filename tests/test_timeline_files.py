"""Timelines in YAML: the frames that a story becomes, or the line on which it is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ganimate.errors import GanimateError, UsageError
from ganimate.facs import AU_NUMBERS, ActionUnits, load_expressions
from ganimate.files import MAX_YAML
from ganimate.timeline import Timeline
from ganimate.trajectory import IN_BETWEENS, Trajectory

CURRENT = ActionUnits({1: 0.2, 4: 0.4, 12: 0.3, 45: 0.1})
SCHEMA = json.loads((ROOT / "ganimate" / "timeline.schema.json").read_text("utf-8"))
STORY = """\
fps: 20
keyframes:
  - {at: 0, look: neutral}
  - {at: 0.6, look: "surprise 45=0", easing: ease-out, hold: 0.2}
  - {at: 1.4, look: smile, strength: 0.5}
tracks:
  45:
    every: 0.5
    keys: [{at: 0.1, value: 0}, {at: 0.2, value: A}, {at: 0.3, value: 0}]
  lip_corner_puller: [{at: 0, value: 0}, {at: 1, value: 0.8, easing: linear}]
"""


def column(trajectory: Trajectory, number: int) -> NDArray[np.float32]:
    return trajectory.intensities[:, AU_NUMBERS.index(number)]


@pytest.fixture
def story(tmp_path: Path) -> Path:
    return tmp_path / "story.yaml"


def test_a_story_of_keyframes_and_tracks(story: Path) -> None:
    story.write_text(STORY, "utf-8")
    timeline = Timeline.load(story)
    trajectory = timeline.trajectory(CURRENT)
    rows = trajectory.intensities
    assert (trajectory.fps, len(trajectory), timeline.notices) == (20, 29, ())
    brows = column(trajectory, 1)
    assert brows[0] == 0
    assert (brows[12:17] == np.float32(0.9)).all()  # held
    assert brows[6] == pytest.approx(0.9 * 0.75)  # ease-out
    assert brows[28] == pytest.approx(0.5 * 0.2)  # half of the way from what the face shows
    assert (column(trajectory, 6)[28], rows[28, 2]) == (np.float32(0.25), np.float32(0.2))

    lids = column(trajectory, 45)
    assert lids[[2, 4, 6, 12, 14, 16, 22, 24, 26]] == pytest.approx([0, 0.2, 0] * 3)
    assert lids[3] == pytest.approx(0.1)
    smile = column(trajectory, 12)
    assert smile[:21] == pytest.approx(np.linspace(0, 0.8, 21))
    assert (smile[20:] == np.float32(0.8)).all()

    assert len(timeline.trajectory(CURRENT, fps=10)) == 15  # the caller's rate wins
    straight = timeline.trajectory(CURRENT, in_between="linear")
    assert column(straight, 45)[3] == pytest.approx(0.1)
    assert np.array_equal(column(straight, 1)[:17], brows[:17])  # its own easing wins
    assert not np.array_equal(column(straight, 1)[17:], brows[17:])


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("tracks: {45: [{at: 0, value: 0}, {at: 2, value: 1}]}", 51),
        ("tracks: {45: {every: 3, keys: [{at: 0, value: 0}, {at: 0.2, value: 1}]}}", 76),
        ("seconds: 10\ntracks: {45: {every: 3, keys: [{at: 0, value: 0}]}}", 251),
        ("seconds: 4\nkeyframes: [{at: 1, look: smile}]", 101),
        ("keyframes: [{at: 1, look: smile, hold: 1}]", 51),
        ("keyframes: [{at: 0, look: smile}]", 1),
    ],
)
def test_how_long_a_story_is(story: Path, text: str, frames: int) -> None:
    story.write_text(text, "utf-8")
    trajectory = Timeline.load(story).trajectory(CURRENT)
    assert len(trajectory) == frames
    if "look" not in text:
        assert (column(trajectory, 12) == np.float32(0.3)).all()  # nothing names it


def test_what_is_beyond_is_clamped_and_told_once(story: Path) -> None:
    story.write_text(
        "tracks:\n  12:\n  - {at: 0, value: -0.5}\n  - at: 1\n    value: 1.5\n"
        "  - {at: 2, value: 1}\n"
    )
    timeline = Timeline.load(story)
    assert timeline.notices == (
        f"{story}: intensities beyond 0 to 1 were clamped (line 3 and 1 more)",
    )
    smile = column(timeline.trajectory(CURRENT, fps=10), 12)
    assert (smile[0], smile[10], smile[15]) == (0, 1, 1)


def test_a_story_may_name_ones_own_expressions(story: Path) -> None:
    mine = story.with_name("mine.yaml")
    mine.write_text("calm: {6: 0.3}")
    story.write_text("keyframes: [{at: 0, look: calm}]")
    with pytest.raises(UsageError, match="unknown expression 'calm'"):
        Timeline.load(story)
    trajectory = Timeline.load(story, expressions=load_expressions(mine)).trajectory(CURRENT)
    assert np.array_equal(trajectory.intensities[0], ActionUnits({6: 0.3}).vector)


WRONG = {
    "nothing": ("", "line 1: an empty timeline"),
    "a list": ("- 1", "line 1: the timeline: not a set"),
    "no keys": ("fps: 25", "holds no keyframes and no tracks"),
    "unknown field": ("fps: 25\nkeyframe: []", "line 2: the timeline: unknown field 'keyframe'"),
    "twice": ("fps: 25\nfps: 30\n", "line 2: fps: is given twice"),
    "fps": ("fps: 1000", "line 1: fps: fps 1000 is out of range"),
    "fps of words": ("fps: fast", "line 1: fps: 'fast' is not a number"),
    "no list": ("keyframes: smile", "line 1: keyframes: a list of keys is missing"),
    "no look": ("keyframes:\n- {at: 0}", "line 2: look: is missing in a keyframe"),
    "no time": ("keyframes:\n- look: smile", "line 2: at: is missing"),
    "unknown look": (
        "keyframes:\n- at: 0\n  look: smil",
        "line 3: look: unknown expression 'smil' (did you mean smile?",
    ),
    "a look of yes": ("keyframes:\n- {at: 0, look: yes}", "line 2: look: True is not a look"),
    "a list for a look": ("keyframes:\n- {at: 0, look: [a]}", "line 2: look: takes one value"),
    "bad assignment": ('keyframes:\n- {at: 0, look: "99=1"}', "line 2: look: 99=1"),
    "negative": ("keyframes:\n- look: smile\n  at: -1", "line 3: at: -1 is out of range"),
    "infinite": ("keyframes:\n- {look: smile, at: .inf}", "line 2: at: inf is not a number"),
    "nan": ("keyframes:\n- {look: smile, at: .nan}", "line 2: at: nan is not a number"),
    "true": ("keyframes:\n- {look: smile, at: true}", "line 2: at: True is not a number"),
    "endless digits": (f"keyframes:\n- {{look: smile, at: {'9' * 5000}}}", "line 2: at: "),
    "no date": ("keyframes:\n- {look: smile, at: 2001-99-99}", "line 2: at: not a value"),
    "minutes of minutes": (
        f"keyframes:\n- {{look: smile, at: {'1:' * 190}1.5}}",
        "line 2: at: not a value",
    ),
    "easing": ("keyframes:\n- {at: 0, look: smile, easing: in}", "line 2: easing: easing 'in'"),
    "strength": ("keyframes:\n- {at: 0, look: smile, strength: 2}", "line 2: strength: 2"),
    "order": (
        "keyframes:\n- {at: 1, look: smile}\n- look: fear\n  at: 0.5",
        "line 4: at: 0.5 is not after 1",
    ),
    "into a hold": (
        "keyframes:\n- {at: 0, look: smile, hold: 1}\n- {at: 0.5, look: fear}",
        "line 3: at: 0.5 is not after 1",
    ),
    "after the end": ("seconds: 1\nkeyframes:\n- {at: 2, look: smile}", "line 3: at: 2 is after"),
    "unknown unit": ("tracks:\n  16: [{at: 0, value: 0}]", "line 2: tracks: AU16 (lower lip"),
    "one unit twice": (
        "tracks:\n  45: [{at: 0, value: 0}]\n  blink: [{at: 0, value: 0}]",
        "line 3: tracks: AU45 is given twice",
    ),
    "no value": ("tracks:\n  45:\n  - at: 0", "line 3: value: is missing in a key of AU45"),
    "no intensity": ("tracks:\n  45: [{at: 0, value: F}]", "line 2: value: 'F' is not a number"),
    "every": (
        "tracks:\n  45:\n    every: 1\n    keys: [{at: 0, value: 0}, {at: 1, value: 0}]",
        "every: 1 is over before the last key (leave out",
    ),
    "every 0": ("tracks:\n  45:\n    every: 0\n    keys: []", "every: 0 is out of range"),
    "not YAML": ("fps: 25\nkeyframes: [", "not valid YAML"),
    "an object": (
        "keyframes:\n- {at: !!python/object:os.system 0, look: smile}",
        "line 2: at: not a value",
    ),
    "an alias of nothing": ("keyframes: *a", "line 1: not valid YAML: found undefined alias"),
    "two documents": ("fps: 1\n---\nfps: 2", "line 2: not valid YAML"),
    "deep": ("[" * 700, "nested too deeply"),
    "no text": ("fps: \x00", "not a text file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_story_is_refused_with_its_line(story: Path, name: str) -> None:
    text, said = WRONG[name]
    story.write_text(text, "utf-8")
    with pytest.raises(UsageError) as refused:
        Timeline.load(story)
    assert str(refused.value).startswith(str(story))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500 + len(str(story))


def test_a_round_must_fit_its_frames(story: Path) -> None:
    story.write_text("tracks: {45: {every: 0.05, keys: [{at: 0, value: 0}, {at: 0.01, value: 1}]}}")
    with pytest.raises(UsageError, match="a round of 2 keys"):
        Timeline.load(story).trajectory(CURRENT)
    assert len(Timeline.load(story).trajectory(CURRENT, fps=100)) == 6


@settings(deadline=None)
@given(st.text("{}[]:,-&*!'\"#|> \n\tatlokvueyfps0129.", max_size=60))
def test_whatever_stands_in_a_file_is_read_or_refused(tmp_path_factory, text) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(f"keyframes:\n- {{at: 0, look: smile}}\n- {text}", "utf-8")
    try:
        Timeline.load(file)
    except UsageError as error:
        assert error.message.startswith(str(file))


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(GanimateError, match=r"none\.yaml: there is no such file"):
        Timeline.load(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match=r"'\.txt'"):
        Timeline.load(tmp_path / "story.txt")
    (tmp_path / "long.yaml").write_text("#" * (MAX_YAML + 1))
    with pytest.raises(GanimateError, match=r"long\.yaml: larger than such a file may be"):
        Timeline.load(tmp_path / "long.yaml")


def test_the_schema_knows_what_the_reader_knows(story: Path) -> None:
    key = SCHEMA["definitions"]["keys"]["items"]["properties"]
    assert SCHEMA["definitions"]["easing"]["enum"] == list(IN_BETWEENS)
    names = re.compile(SCHEMA["properties"]["tracks"]["propertyNames"]["pattern"])
    for number in range(1, 60):
        assert bool(names.match(f"AU{number:02d}")) == (number in AU_NUMBERS)
    for fields, start in (
        (SCHEMA["properties"], ""),
        (SCHEMA["properties"]["keyframes"]["items"]["properties"], "keyframes: [{0: 0}]"),
        (key, "tracks: {45: [{0: 0}]}"),
    ):
        story.write_text(start or "0: 0")
        with pytest.raises(UsageError, match=f"known: {', '.join(fields)}"):
            Timeline.load(story)


def test_the_documents_stories_are_right(story: Path) -> None:
    page = (ROOT / "docs" / "timelines.md").read_text("utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)
    assert blocks
    for block in blocks:
        story.write_text(block, "utf-8")
        assert not Timeline.load(story).notices
    for keys in re.findall(r'--keys "([^"]+)"', page):
        Timeline.parse(keys)
    assert [name for name in IN_BETWEENS if f"`{name}`" not in page] == []
