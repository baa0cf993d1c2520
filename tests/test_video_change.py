"""What changes in a film: what a look names and no more, frame after frame, and its flicker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganimate.change import Change
from ganimate.cli.video import _table
from ganimate.engine import Engine
from ganimate.errors import GanimateError, UsageError
from ganimate.facs import AU_NUMBERS, ActionUnits, parse_look
from ganimate.facs.rest import Resting, at_rest
from ganimate.stages import ahead
from ganimate.timeline import Timeline
from ganimate.video import Flicker, paint

SMILE, EYES = AU_NUMBERS.index(12), AU_NUMBERS.index(45)
CURRENT = ActionUnits({1: 0.2, 12: 0.7, 25: 0.5, 45: 0.9})


# What is to change


def targets(change: Change, current: ActionUnits, seconds: float = 0.0) -> np.ndarray:
    rest = at_rest(current).vector[None]
    return change.targets(np.array([seconds]), current.vector[None], rest)[0]


def test_a_look_changes_what_it_names_and_nothing_else() -> None:
    for look, wanted in (
        ("12=+0.4", {12: 1.0}),
        ("12=-0.2 1=0.5", {12: 0.5, 1: 0.5}),
        ("smile", {6: 0.5, 12: 0.7}),
        ("smile*0.5", {6: 0.25, 12: 0.7}),
        ("smile 45=0", {6: 0.5, 12: 0.7, 45: 0.0}),
        ("smile 12=+0.2", {6: 0.5, 12: 0.9}),
        ("current", {}),
    ):
        expected = CURRENT.changed(wanted)
        assert targets(Change.to(look), CURRENT) == pytest.approx(expected.sides), look
    rest = at_rest(CURRENT).sides
    assert rest.max() == pytest.approx(0.2)
    assert targets(Change.to("neutral"), CURRENT) == pytest.approx(rest)
    halfway = (CURRENT.sides + rest) / 2
    assert targets(Change.to("neutral*0.5"), CURRENT) == pytest.approx(halfway)
    right, left = targets(Change.to("12L=0.1"), CURRENT)
    assert (right[SMILE], left[SMILE]) == pytest.approx((0.7, 0.1))


@pytest.mark.parametrize("jaw", [0.0, 0.25, 0.4])
def test_with_rest_as_base_it_is_what_it_is_in_a_photo(jaw: float) -> None:
    face = CURRENT.changed({26: jaw})
    for look in ("12=+0.4", "smile*0.5", "fear 45=1", "current*0.5", "1=0.3 2L=C", "contempt"):
        expected = parse_look(look, face, base="neutral").sides
        assert targets(Change.to(look, base="neutral"), face) == pytest.approx(expected), look


def test_rest_is_told_from_calm_moments_and_never_jumps() -> None:
    brows, jaw = AU_NUMBERS.index(2), AU_NUMBERS.index(26)
    times = np.arange(0, 20, 0.04)
    shown = np.zeros((len(times), 17))
    shown[:, brows] = 0.5 + 0.1 * np.sin(times * 3)
    shown[:, SMILE] = 0.9
    speaks = (times * 2).astype(int) % 2 == 1  # half a second each
    shown[speaks, jaw], shown[speaks, brows] = 0.6, 0.9
    rest = Resting()
    found = np.stack([rest(second, row) for second, row in zip(times, shown, strict=True)])
    assert found[0] == pytest.approx(at_rest(ActionUnits(shown[0])).vector)
    assert found[-1, brows] == pytest.approx(0.5, abs=0.03)  # and not half of .5 and .9
    assert (found[:, AU_NUMBERS.index(12)] == 0).all()
    assert np.abs(np.diff(found[:, brows])).max() < 0.01
    # A face that was away for a minute counts no more than one that was there.
    again = rest(100.0, shown[0] + np.eye(17)[brows] * 0.4)
    assert np.abs(again - found[-1]).max() < 0.02
    # Who begins with a dropped jaw is seen at rest a while after it has closed.
    late = Resting()
    assert late(0, shown[speaks][0]).max() == 0
    last = [late(second, shown[0]) for second in times[1:]][-1]
    assert last[brows] == pytest.approx(shown[0, brows], rel=0.1)


def test_strength() -> None:
    half = targets(Change.to("12=0.1", strength=0.5), CURRENT)
    assert half[:, SMILE] == pytest.approx(0.4)
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(UsageError, match="strength"):
            Change.to("smile", strength=wrong)
    with pytest.raises(UsageError, match="base"):
        Change.to("smile", base="other")


def test_a_timeline_at_the_films_own_seconds() -> None:
    timeline = Timeline.parse("1:current 2:12=0.1 3:12=+0.2")
    change = Change.along(timeline, in_between="linear")
    shown = [targets(change, CURRENT, t)[0, SMILE] for t in (0, 1, 1.5, 2, 2.5, 3, 99)]
    assert shown == pytest.approx([0.7, 0.7, 0.4, 0.1, 0.5, 0.9, 0.9])
    assert targets(change, CURRENT, 2.0)[:, EYES] == pytest.approx(0.9)


def test_a_hold_too_short_to_be_told_apart(tmp_path: Path) -> None:
    story = tmp_path / "story.yaml"
    story.write_text(
        "keyframes:\n- {at: 0, look: 12=0.1}\n- {at: 1, look: 12=0.2, hold: 1.0e-17}\n"
    )
    timeline = Timeline.load(story)
    assert targets(Change.along(timeline), CURRENT, 5.0)[0, SMILE] == pytest.approx(0.2)
    assert timeline.trajectory(CURRENT, fps=25).sides[-1, 0, SMILE] == pytest.approx(0.2)


def test_tracks_and_rounds(tmp_path: Path) -> None:
    (tmp_path / "story.yaml").write_text(
        "tracks:\n  45L: {every: 2, keys: [{at: 0.5, value: 0}, {at: 1, value: 1},"
        " {at: 1.5, value: 0}]}\n"
    )
    change = Change.along(Timeline.load(tmp_path / "story.yaml"))
    left = [targets(change, CURRENT, t)[1, EYES] for t in (0, 0.5, 1, 1.5, 3, 101, 101.5)]
    assert left == pytest.approx([0, 0, 1, 0, 1, 1, 0], abs=1e-6)
    assert targets(change, CURRENT, 1.0)[0, EYES] == pytest.approx(0.9)  # the right eye


def test_faces_of_a_batch_are_painted_each_as_alone(portrait: Path, astronaut: Path) -> None:
    engine = Engine.default(device="cpu")
    crops = np.stack(
        [np.asarray(Image.open(path).resize((128, 128))) for path in (portrait, astronaut)]
    )
    shown = np.stack([ActionUnits({12: 0.1 + 0.5 * n}).vector for n in range(2)])
    asked = np.stack([ActionUnits({12: 0.9, 1: 0.5 * n}).sides for n in range(2)])
    together = paint(engine, crops, asked, shown, [])
    for n in range(2):
        (alone,) = engine.paint(engine.encode(crops[n]), asked[n, :1], shown[n])
        assert np.abs(together[n].colour - alone.colour).max() < 0.5
        assert np.abs(together[n].flow - alone.flow).max() < 1e-3


# The work in threads, and the measure


def test_work_runs_ahead_in_order_and_passes_errors_on() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    line = ahead(ahead(numbers(), 2), 2)
    assert next(line) == 0
    time.sleep(0.2)
    assert 4 <= len(made) <= 8  # two and two wait, and some are in hand
    assert list(line) == list(range(1, 100))

    def broken() -> Iterator[int]:
        yield 1
        raise GanimateError("broken")

    line = ahead(ahead(broken(), 1), 1)
    assert next(line) == 1
    with pytest.raises(GanimateError, match="broken"):
        next(line)


def test_who_leaves_stops_the_work() -> None:
    closed: list[str] = []

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.append("endless")

    line = ahead(ahead(endless(), 1), 1)
    next(line)
    line.close()
    assert closed == ["endless"]


def test_flicker() -> None:
    dark, grey, bright = (np.full((8, 8, 3), level, np.uint8) for level in (10, 14, 40))
    flicker = Flicker()
    assert flicker.ratio is None
    flicker.see(dark, dark)
    flicker.see(grey, bright)
    assert flicker.means == (4, 30)
    assert flicker.ratio == 7.5
    flicker.interrupt()
    flicker.see(dark, dark)
    assert flicker.pairs == 1


def test_flicker_is_told_of() -> None:
    still, flicker = np.full((4, 4, 3), 20, np.uint8), Flicker()
    assert "no face" in _table(flicker)
    for _ in range(2):
        flicker.see(still, still)
    assert "stands still" in _table(flicker)
    flicker.see(still + 4, still + 8)
    assert "ratio 2.0" in _table(flicker)
