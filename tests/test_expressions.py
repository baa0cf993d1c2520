"""Named expressions, looks, and the page about them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganimate.errors import GanimateError, UsageError
from ganimate.facs import (
    ACTION_UNITS,
    AU_NUMBERS,
    ActionUnits,
    Expression,
    at_rest,
    load_expressions,
    parse_change,
    parse_look,
    sided,
)

DOCS = Path(__file__).resolve().parents[1] / "docs" / "expressions.md"

action_units = st.lists(st.floats(0, 1, width=32), min_size=17, max_size=17).map(ActionUnits)
look_text = st.text("=*+-.,_ 0129acelimsuAUCE", max_size=30)


# --- expressions --------------------------------------------------------------------------


def test_the_expressions_people_expect_are_there() -> None:
    expected = "neutral smile grin laugh sad surprise fear anger disgust contempt blink wink"
    assert {*expected.split(), "pout", "skeptical", "happily-surprised"} <= set(load_expressions())
    assert load_expressions()["neutral"].action_units == ActionUnits()


@pytest.mark.parametrize("expression", load_expressions().values(), ids=lambda entry: entry.name)
def test_an_expression_has_the_action_units_its_source_names(expression) -> None:
    """What the 17 lack of the source's code is told in the note."""
    _, _, code = expression.source.partition(": ")
    named = {int(number) for number in re.findall(r"\d+", code)}
    acting = {sided(key)[0].number for key in expression.intensities}
    assert named & set(AU_NUMBERS) <= acting
    for absent in named - set(AU_NUMBERS):
        assert expression.note, f"the note should tell what stands in for AU{absent}"
    if "R" in code or "L" in code:
        assert any(sided(key)[1] for key in expression.intensities)


def test_loaded_expressions_are_the_callers_own() -> None:
    load_expressions().clear()
    assert load_expressions()
    with pytest.raises(TypeError):
        load_expressions()["smile"].intensities[12] = 0  # type: ignore[index]


def test_a_users_file_adds_and_replaces(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "Quiet Joy: {12: 0.3, lip_tightener: A}\n"
        "smile: {action_units: {AU12: D}, source: me, note: wider}\n"
        "blank: {}\n",
        encoding="utf-8",
    )
    loaded = load_expressions(file)
    assert loaded["quiet-joy"] == Expression("quiet-joy", {12: 0.3, 23: 0.2}, "mine.yaml")
    assert loaded["smile"] == Expression("smile", {12: 0.8}, "me", "wider")
    assert loaded["blank"].action_units == ActionUnits()
    assert loaded["grin"] == load_expressions()["grin"]
    assert load_expressions()["smile"].source != "me"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("happy: {16: 0.5}", "happy: AU16 (lower lip depressor)"),
        ("happy: {12: 2}", "happy: AU12=2 is not an intensity"),
        ("happy: {12: .nan}", "happy: AU12=nan is not an intensity"),
        ("happy: {12: yes}", "happy: AU12=True is not an intensity"),
        ("happy: {12: +F}", "happy: AU12='+F' is not an intensity"),
        ("happy: {12: [1]}", "happy: AU12=[1] is not an intensity"),
        ("happy: {12: 0.5, AU12: 0.5}", "happy: AU12 is given twice"),
        ("happy: {12: 0.5, 12: 0.6}", "line 1: not valid YAML: 12 is given twice"),
        ("happy: {}\nhappy: {}", "line 2: not valid YAML: happy is given twice"),
        ("happy: {}\nHappy: {}", "Happy: happy is already in this file"),
        ("happy: 0.5", "happy: 0.5 is not a set of intensities"),
        ("happy: {action_units: 3}", "happy: action_units is not a set of intensities"),
        ("happy: {action_units: {}, sauce: me}", "happy: unknown key sauce"),
        ("current: {12: 0.5}", "current: not a name"),
        ("12: {12: 0.5}", "12: not a name"),
        ("on: {12: 0.5}", "True: not a name"),
        ("a=b: {12: 0.5}", "a=b: not a name"),
        ("- smile", "holds no expressions"),
        ("", "holds no expressions"),
        ("happy: {12: 0.5", "line 1: not valid YAML"),
        ("happy: !!python/object:os.system {}", "not valid YAML"),
        ("\0", "not a text file"),
    ],
)
def test_an_error_in_a_users_file_names_the_file_and_the_entry(tmp_path, text, said) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(GanimateError, match=re.escape(said)) as caught:
        load_expressions(file)
    assert str(caught.value).startswith(str(file))


def test_a_users_file_that_cannot_be_read(tmp_path) -> None:
    with pytest.raises(GanimateError, match=r"nowhere\.yaml: there is no such file"):
        load_expressions(tmp_path / "nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"caf\xe9: {}")
    with pytest.raises(GanimateError, match="UTF-8"):
        load_expressions(tmp_path / "latin.yaml")


# --- looks --------------------------------------------------------------------------------

NOW = ActionUnits({4: 0.4, 12: 0.2})
SMILE = load_expressions()["smile"].action_units


@pytest.mark.parametrize(
    ("text", "base", "expected"),
    [
        ("smile", "current", SMILE),
        ("smile", "neutral", SMILE),
        ("Smile", "current", SMILE),
        ("current", "neutral", NOW),
        ("neutral", "current", ActionUnits()),
        ("smile*0.5", "neutral", ActionUnits({6: 0.25, 12: 0.35})),
        ("smile * 0.5", "current", ActionUnits({4: 0.2, 6: 0.25, 12: 0.45})),
        ("smile*0", "current", NOW),
        ("12=0.8 6=0.5", "current", ActionUnits({4: 0.4, 12: 0.8, 6: 0.5})),
        ("12=0.8 6=0.5", "neutral", ActionUnits({12: 0.8, 6: 0.5})),
        ("12=+0.3", "current", ActionUnits({4: 0.4, 12: 0.5})),
        ("12=-0.3", "current", ActionUnits({4: 0.4})),
        ("smile 45=0.5", "current", ActionUnits({**SMILE, 45: 0.5})),
        ("smile, 12=+0.2", "current", ActionUnits({**SMILE, 12: 0.9})),
        ("smile lip corner puller=0.1", "current", ActionUnits({**SMILE, 12: 0.1})),
        ("neutral jaw drop=1", "current", ActionUnits({26: 1})),
        ("current 26=1", "neutral", ActionUnits({**NOW, 26: 1})),
    ],
)
def test_looks(text, base, expected) -> None:
    look = parse_look(text, NOW, base=base)
    assert look.vector == pytest.approx(expected.vector, abs=1e-6)


@pytest.mark.parametrize("text", ["happily-surprised", "happily surprised", "Happily_Surprised"])
def test_the_name_of_an_expression_may_be_written_with_spaces(text) -> None:
    wanted = load_expressions()["happily-surprised"].action_units
    assert parse_look(text, NOW) == wanted
    assert parse_look(f"{text} 45=1", NOW) == ActionUnits({**wanted, 45: 1})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("smlie", "did you mean smile?"),
        ("smlie 12=0.5", "did you mean smile?"),
        ("currant", "did you mean current?"),
        ("12", "unknown expression '12'"),
        ("smile 99=1", "99=1: there is no action unit '99'"),
        ("foo=1", "foo=1: there is no action unit 'foo'"),
        ("lip corner puler=1", "did you mean lip_corner_puller?"),
        ("smile lip corner puler=1", "did you mean lip_corner_puller?"),
        ("smile*2", "strength 2 is out of range"),
        ("smile*", "'' is not a strength"),
        ("smile*much", "'much' is not a strength"),
        ("smile*-1", "strength -1 is out of range"),
        ("", "an empty look"),
        (" , ", "an empty look"),
    ],
)
def test_a_wrong_look_is_named_in_one_line(text, said) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        parse_look(text, NOW)
    assert "\n" not in str(caught.value)


def test_a_wrong_base_is_refused() -> None:
    with pytest.raises(UsageError, match="current, neutral"):
        parse_look("smile", NOW, base="smile")


def test_looks_may_name_the_users_own_expressions() -> None:
    mine = {"calm": Expression("calm", {45: 0.2}, "me")}
    assert parse_look("calm", NOW, expressions=mine) == ActionUnits({45: 0.2})
    with pytest.raises(UsageError, match="known: calm"):
        parse_look("smile", NOW, expressions=mine)


@given(action_units, st.sampled_from(sorted(load_expressions())), st.floats(0, 1))
def test_strength_scales_an_expression_over_a_neutral_base(current, name, strength) -> None:
    look = parse_look(f"{name}*{strength!r}", current, base="neutral")
    rest, full = at_rest(current).vector, parse_look(name, current).vector
    assert look.vector == pytest.approx(rest + strength * (full - rest), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "meant"), [("happy", "smile"), ("Eyes closed", "blink"), ("angry*0.5 12=0.1", "anger")]
)
def test_an_expression_is_found_by_its_other_names(name: str, meant: str) -> None:
    current = ActionUnits({15: 0.3})
    _, times, rest = name.partition("*")
    assert parse_look(name, current) == parse_look(meant + times + rest, current)
    assert parse_change(name)[0] == meant
    # Whose own has this name means that.
    first = name.split("*")[0].lower().replace(" ", "-")
    mine = {**load_expressions(), first: Expression(first, {9: 0.4}, "me")}
    assert parse_look(first, current, expressions=mine) == ActionUnits({9: 0.4})


def test_no_name_means_two_expressions() -> None:
    known = load_expressions()
    names = [*known, *(name for one in known.values() for name in one.also)]
    assert len(names) == len(set(names))


def test_high_brows_and_large_eyes_are_a_faces_own() -> None:
    built = {1: 0.3, 2: 0.6, 5: 0.5}
    face = ActionUnits({**built, 12: 0.4, 25: 0.7})
    assert at_rest(face) == ActionUnits(built)
    assert parse_look("smile", face) == ActionUnits({**built, 6: 0.5, 12: 0.7})
    surprise = parse_look("surprise", face)
    assert [surprise[unit] for unit in (1, 2, 5)] == pytest.approx([0.93, 0.96, 0.8])
    # What is named counts, whoever's it is.
    assert parse_look("neutral 2=0 5=0.1", face) == ActionUnits({1: 0.3, 5: 0.1})
    assert parse_look("2=0", face)[2] == 0


@pytest.mark.parametrize("moved", [{26: 0.4}, {4: 0.5}, {4: 0.9, 26: 1}])
def test_brows_that_rise_with_a_frown_or_the_jaw_are_an_expression(moved) -> None:
    face = ActionUnits({1: 0.8, 2: 0.9, 5: 0.5, **moved})
    assert at_rest(face) == parse_look("neutral", face) == ActionUnits()
    halfway = ActionUnits({1: 0.8, 2: 0.9, 26: 0.25})
    assert at_rest(halfway).vector[:2] == pytest.approx([0.4, 0.45])


@given(action_units, action_units)
def test_an_expression_lies_between_rest_and_all(current, wanted) -> None:
    mine = {"mine": Expression("mine", dict(wanted), "me")}
    look, rest = parse_look("mine", current, expressions=mine), at_rest(current)
    assert (look.vector >= np.maximum(rest.vector, wanted.vector) - 1e-6).all()
    assert (rest.vector <= current.vector).all()
    assert (look.vector <= 1).all()


@given(action_units, look_text)
def test_any_look_is_read_or_refused_with_one_line(current, text) -> None:
    try:
        parse_look(text, current)
    except UsageError as error:
        assert len(str(error).splitlines()) == 1


# --- the page about them ------------------------------------------------------------------


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below `heading` in docs/expressions.md."""
    _, _, section = DOCS.read_text(encoding="utf-8").partition(f"## {heading}\n")
    rows = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_the_page_lists_the_action_units_as_they_are() -> None:
    assert table("The 17 action units") == [
        [str(unit.number), unit.name, f"`{unit.slug}`", unit.muscle] for unit in ACTION_UNITS
    ]


def test_the_page_lists_the_expressions_as_they_are() -> None:
    assert table("The expressions") == [
        [
            f"`{entry.name}`",
            " ".join(f"{au}={value:g}" for au, value in entry.intensities.items()),
            entry.source,
            entry.note,
            ", ".join(f"`{name}`" for name in entry.also),
        ]
        for entry in load_expressions().values()
    ]


def test_the_example_file_on_the_page_loads(tmp_path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "mine.yaml"
    file.write_text(example, encoding="utf-8")
    assert load_expressions(file)["quiet-joy"].action_units == ActionUnits({6: 0.3, 12: 0.4})
