"""Timelines on the command line: what people write, and the frames and films that come of it."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from conftest import Ganimate
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ganimate.cli.app import main
from ganimate.errors import UsageError
from ganimate.facs import ActionUnits, load_expressions, parse_look
from ganimate.timeline import Timeline
from ganimate.trajectory import MAX_FRAMES

CURRENT = ActionUnits({4: 0.4, 12: 0.3, 45: 0.1})


# --- on the line --------------------------------------------------------------------------


def test_keys_on_the_line() -> None:
    trajectory = Timeline.parse("0:neutral 0.6:surprise 45=1,1.4:smile*0.8 2:current").trajectory(
        CURRENT, fps=10
    )
    rows = trajectory.intensities
    assert len(trajectory) == 21
    for frame, look in [(0, "neutral"), (6, "surprise 45=1"), (14, "smile*0.8"), (20, "current")]:
        assert np.array_equal(rows[frame], parse_look(look, CURRENT).vector), look


def test_a_film_may_begin_late_and_fall_back_to_neutral() -> None:
    timeline = Timeline.parse("1:smile*0.5 2:12=1")
    rows = timeline.trajectory(CURRENT, fps=4, base="neutral").intensities
    assert len(rows) == 9
    half = parse_look("smile*0.5", CURRENT, base="neutral").vector
    assert (rows[:5] == half).all()
    assert np.array_equal(rows[-1], ActionUnits({12: 1}).vector)


def test_keys_that_share_a_frame_are_all_seen() -> None:
    rows = Timeline.parse("0:neutral 0.01:smile 0.02:fear").trajectory(CURRENT, fps=5).intensities
    wanted = [parse_look(look, CURRENT).vector for look in ("neutral", "smile", "fear")]
    assert np.array_equal(rows, wanted)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=6, unique=True).map(sorted),
    st.data(),
)
def test_what_is_written_is_read(moments, data) -> None:
    looks = [data.draw(st.sampled_from(sorted(load_expressions()))) for _ in moments]
    timeline = Timeline.parse(
        " ".join(f"{moment / 10}:{look}" for moment, look in zip(moments, looks, strict=True))
    )
    assert [(key.at, key.look) for key in timeline.keyframes] == [
        (moment / 10, look) for moment, look in zip(moments, looks, strict=True)
    ]


@settings(deadline=None)
@given(st.text("0123456789.:=*+-, asmilenutr\n", max_size=40))
def test_whatever_is_written_is_read_or_refused(text) -> None:
    try:
        timeline = Timeline.parse(text)
    except UsageError as error:
        assert error.message
    else:
        times = [key.at for key in timeline.keyframes]
        assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", "'' has no time"),
        ("smile", "'smile' has no time"),
        ("smile 1:fear", "'smile' has no time"),
        ("0:neutral 1:smil", "1:smil: unknown expression 'smil' (did you mean smile?"),
        ("0:neutral 1:", "1:: an empty look"),
        ("0:neutral x:smile", "x:smile: 'x' is not a number"),
        ("0:neutral 1.2.3:smile", "'1.2.3' is not a number"),
        ("-1:neutral", "-1 is out of range"),
        ("0:neutral 1e999:smile", "not a number"),
        ("1:neutral 1:smile", "1:smile: 1 is not after 1"),
        ("0:neutral 1:smile*2", "strength 2 is out of range"),
        ("0:neutral 1:12=2", "12=2"),
    ],
)
def test_wrong_keys_are_named(keys, said) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        Timeline.parse(keys)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fps": 0}, "fps 0"),
        ({"fps": math.nan}, "fps nan"),
        ({"in_between": "bouncy"}, "in-between 'bouncy' is unknown"),
        ({"base": "smile"}, "base 'smile' is unknown"),
    ],
)
def test_a_wrong_request_says_what_is_legal(options, said) -> None:
    with pytest.raises(UsageError, match=said):
        Timeline.parse("0:neutral 1:smile").trajectory(CURRENT, **options)


def test_a_film_without_end_is_refused() -> None:
    with pytest.raises(UsageError, match=str(MAX_FRAMES)):
        Timeline.parse("0:neutral 90000:smile").trajectory(CURRENT)


# --- the command --------------------------------------------------------------------------


def test_a_film_of_a_story(face: Path, ganimate: Ganimate) -> None:
    Image.open(face).resize((200, 200)).save(face.with_name("small.jpg"))
    face.with_name("story.yaml").write_text(
        "fps: 8\nkeyframes:\n- {at: 0, look: neutral}\n- {at: 0.5, look: surprise}\n"
        "tracks: {12: [{at: 0, value: 0}, {at: 1, value: 1.2}]}\n"
    )
    done = ganimate(
        "animate", "small.jpg", "--timeline", "story.yaml", "out.mp4", "--blink", "--liveliness",
        "0.3", "--seed", "4", "--loop", "pingpong", "--json", "--locator", "builtin",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if "clamped" in line]
    assert told == ["ganimate: story.yaml: intensities beyond 0 to 1 were clamped (line 5)"]
    film = face.with_name("out.mp4")
    frames = list(iio.imiter(film, plugin="FFMPEG"))
    summary = json.loads(done.stdout)
    assert len(frames) == summary["frames"] == 16
    assert iio.immeta(film, plugin="FFMPEG")["fps"] == summary["fps"] == 8
    assert np.abs(frames[0].astype(int) - frames[8]).max() > 20
    assert b"timeline story.yaml" in film.read_bytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "nothing to animate"),
        ("--from smile", "nothing to animate"),
        ("--keys 0:smile --timeline s.yaml", "--timeline and --keys exclude each other"),
        ("--keys 0:smile --to smile", "--keys and --to exclude each other"),
        ("--timeline s.yaml --from smile", "--timeline and --from exclude each other"),
        ("--timeline s.yaml --via smile", "--timeline and --via exclude each other"),
        ("--keys 0:smile --seconds 2", "--keys and --seconds exclude each other"),
        ("--keys 0:smile --hold 0", "--keys and --hold exclude each other"),
        ("--keys 0:smile --easing linear", "--keys and --easing exclude each other"),
        ("--to smile --in-between linear", "--in-between goes with --timeline and --keys"),
        ("--keys 0:smil", "0:smil: unknown expression"),
        ("--to smile --liveliness 2", "liveliness 2 is out of range (0 to 1)"),
        ("--to smile --blink --seed -1", "a seed is a whole number, 0 or more"),
        ("--timeline bad.yaml", "bad.yaml, line 2: look: unknown expression"),
    ],
)
def test_a_wrong_request_is_one_line(
    words: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text("keyframes: [{at: 0, look: smile}]")
    (tmp_path / "bad.yaml").write_text("keyframes:\n- {at: 0, look: smil}")
    # There is no such photo: what is wrong with the request is said before it is looked for.
    assert main(["animate", "none.jpg", "out.mp4", *words.split()]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"ganimate: {told}")
    assert error.count("\n") == 1
