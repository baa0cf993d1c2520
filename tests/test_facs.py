"""Action units, assignments, expressions and looks."""

from __future__ import annotations

import json
import math
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
    Assignment,
    Expression,
    action_unit,
    apply,
    blend,
    load_expressions,
    looks_like_assignment,
    parse_assignments,
    parse_look,
)

DOCS = Path(__file__).resolve().parents[1] / "docs" / "expressions.md"
LETTERS = {"A": 0.2, "B": 0.4, "C": 0.6, "D": 0.8, "E": 1.0}

numbers = st.sampled_from(AU_NUMBERS)
intensities = st.floats(0, 1, width=32)
action_units = st.lists(intensities, min_size=17, max_size=17).map(ActionUnits)
look_text = st.text(st.characters(codec="utf-8"), max_size=30) | st.text(
    "=*+-.,_ 0129acelimsuAUCE", max_size=30
)


def one(token: str) -> Assignment:
    (assignment,) = parse_assignments([token])
    return assignment


# --- action units -------------------------------------------------------------------------


def test_the_seventeen_are_openfaces_in_its_order() -> None:
    assert AU_NUMBERS == (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
    assert tuple(unit.number for unit in ACTION_UNITS) == AU_NUMBERS
    assert len({unit.slug for unit in ACTION_UNITS}) == 17
    assert all(unit.slug.isidentifier() and unit.muscle for unit in ACTION_UNITS)


@pytest.mark.parametrize("unit", ACTION_UNITS, ids=lambda unit: unit.slug)
def test_every_way_of_naming_an_action_unit(unit) -> None:
    ways = [
        unit.number,
        str(unit.number),
        f"AU{unit.number}",
        f"au{unit.number:02d}",
        f"AU {unit.number}",
        unit.name,
        unit.slug,
        unit.slug.upper(),
        unit.name.replace(" ", "-"),
    ]
    assert all(action_unit(way) is unit for way in ways)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lip_corner_puler", "did you mean lip_corner_puller?"),
        ("AU99", "did you mean AU9?"),
        ("16", "AU16 (lower lip depressor) is not among the 17"),
        ("wink", "nearest: 45 blink"),
        ("", "the 17 are 1 2 4"),
        ("twelve", "the 17 are 1 2 4"),
        ("9" * 5000, "there is no action unit"),
        (True, "there is no action unit 'True'"),
        (12.5, "there is no action unit '12.5'"),
    ],
)
def test_an_unknown_action_unit_is_named_and_the_nearest_suggested(name, said) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        action_unit(name)
    assert "\n" not in str(caught.value)


def test_action_units_are_a_mapping_of_all_seventeen() -> None:
    smile = ActionUnits({12: 0.8, "AU6": 0.5})
    assert list(smile) == list(AU_NUMBERS)
    assert len(smile) == 17
    assert smile[12] == 0.8
    assert smile[1] == 0
    assert 16 not in smile
    assert smile.get(16) is None
    assert smile == ActionUnits({"lip_corner_puller": 0.8, "cheek raiser": 0.5})
    assert smile != ActionUnits({12: 0.8})
    assert repr(smile) == "ActionUnits({6: 0.5, 12: 0.8})"
    assert json.loads(json.dumps(smile.to_dict()))["12"] == 0.8
    assert ActionUnits({**smile, 12: 0.1})[12] == 0.1


def test_action_units_cannot_be_changed() -> None:
    vector = ActionUnits({12: 0.8}).vector
    assert vector.dtype == np.float32
    assert vector.shape == (17,)
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 1


def test_action_units_keep_no_hold_of_the_array_they_came_from() -> None:
    array = np.zeros(17, np.float32)
    units = ActionUnits(array)
    array[:] = 1
    assert units == ActionUnits()


@given(action_units)
def test_action_units_come_back_from_their_vector_dict_and_repr(units) -> None:
    assert ActionUnits(units.vector) == units
    assert ActionUnits(units.to_dict()) == units
    assert hash(ActionUnits(list(units.values()))) == hash(units)


def test_negative_zero_is_zero() -> None:
    assert hash(ActionUnits({12: -0.0})) == hash(ActionUnits())


@pytest.mark.parametrize(
    "wrong",
    [
        {12: 1.01},
        {12: -0.01},
        {12: math.nan},
        {12: math.inf},
        {12: 10**400},
        {12: "0.8"},
        {12: None},
        {12: True},
        {16: 0.5},
        {12: 0.5, "AU12": 0.5},
        [0.5] * 16,
        np.full(17, np.nan),
        np.full((1, 17), 0.5),
        ["x"] * 17,
        "smile",
    ],
)
def test_what_is_not_an_intensity_is_refused(wrong) -> None:
    with pytest.raises(UsageError):
        ActionUnits(wrong)


@given(action_units, action_units, st.floats(0, 1))
def test_blend_lies_between_and_is_exact_at_both_ends(start, end, strength) -> None:
    assert blend(start, end, 0) == start
    assert blend(start, end, 1) == end
    middle = blend(start, end, strength).vector
    assert np.all(middle >= np.minimum(start.vector, end.vector) - 1e-7)
    assert np.all(middle <= np.maximum(start.vector, end.vector) + 1e-7)


# --- assignments --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("12=0.8", Assignment(12, 0.8, False)),
        ("AU12=0.8", Assignment(12, 0.8, False)),
        ("au06=.5", Assignment(6, 0.5, False)),
        ("12=1", Assignment(12, 1.0, False)),
        ("12=5e-1", Assignment(12, 0.5, False)),
        ("12=C", Assignment(12, 0.6, False)),
        ("12=e", Assignment(12, 1.0, False)),
        ("lip_corner_puller=0.8", Assignment(12, 0.8, False)),
        ("Lip Corner Puller=0.8", Assignment(12, 0.8, False)),
        ("lip-corner-puller = 0.8", Assignment(12, 0.8, False)),
        ("12=+0.3", Assignment(12, 0.3, True)),
        ("12=-0.2", Assignment(12, -0.2, True)),
    ],
)
def test_ways_of_writing_an_assignment(token, expected) -> None:
    assert one(token) == expected


@pytest.mark.parametrize(
    "tokens",
    [
        ["12=0.8", "6=0.5"],
        ["12=0.8 6=0.5"],
        ["12=0.8,6=0.5"],
        ["12=0.8, 6=0.5,"],
        ["lip corner puller=0.8 cheek raiser=0.5"],
        ["12=0.8", "AU12=0.8", "6=0.5"],
        ["12=D", "12=0.8", "6=0.5"],
    ],
)
def test_a_token_may_hold_several_and_say_the_same_twice(tokens) -> None:
    assert parse_assignments(tokens) == (Assignment(12, 0.8, False), Assignment(6, 0.5, False))


def test_no_tokens_are_no_assignments() -> None:
    assert parse_assignments([]) == ()
    assert parse_assignments(["", " , "]) == ()


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["99=0.5"], "99=0.5: there is no action unit '99'"),
        (["lip_corner_puler=1"], "lip_corner_puler=1: there is no action unit"),
        (["12=2"], "12=2: 2 is out of range"),
        (["12=-1.5"], "12=-1.5: -1.5 is out of range"),
        (["12=1e999"], "12=1e999: 1e999 is out of range"),
        (["12=nan"], "12=nan: 'nan' is not an intensity"),
        (["12=inf"], "12=inf: 'inf' is not an intensity"),
        (["12=F"], "12=F: 'F' is not an intensity"),
        (["12=0_1"], "12=0_1: '0_1' is not an intensity"),
        (["12=٠"], "12=٠: '٠' is not an intensity"),
        (["12="], "12=: the intensity is missing"),
        (["12==1"], "12==1: '=1' is not an intensity"),
        (["=1"], "=1: there is no action unit ''"),
        (["12=0.8", "smile"], "smile: not an assignment"),
        (["12=0,8"], "8: not an assignment"),
        (["12=0.8", "AU12=0.7"], "AU12=0.7: AU12 is already given another value"),
        (["12=0.3", "12=+0.3"], "12=+0.3: AU12 is already given another value"),
    ],
)
def test_a_wrong_token_is_named_in_one_line(tokens, said) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        parse_assignments(tokens)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert caught.value.exit_code == 2


@given(numbers, intensities, st.sampled_from(["{n}={v!r}", "AU{n}={v!r}", " au{n:02d} = {v!r} "]))
def test_any_intensity_is_read_back(number, value, form) -> None:
    assert one(form.format(n=number, v=value)) == Assignment(number, value, False)


@given(numbers, st.sampled_from("ABCDEabcde"))
def test_letters(number, letter) -> None:
    assert one(f"{number}={letter}").value == LETTERS[letter.upper()]


@given(st.dictionaries(numbers, intensities, min_size=1), st.sampled_from([" ", ",", ", "]))
def test_any_set_of_assignments_is_read_back(wanted, separator) -> None:
    text = separator.join(f"{number}={value!r}" for number, value in wanted.items())
    assert apply(ActionUnits(), parse_assignments([text])) == ActionUnits(wanted)


@given(st.lists(look_text, max_size=3))
def test_any_text_is_read_or_refused_with_one_line(tokens) -> None:
    try:
        assignments = parse_assignments(tokens)
    except UsageError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert {assignment.number for assignment in assignments} <= set(AU_NUMBERS)


@given(action_units, numbers, st.floats(-1, 1))
def test_relative_assignments_add_and_stay_in_range(base, number, change) -> None:
    changed = apply(base, [Assignment(number, change, True)])
    assert changed[number] == pytest.approx(min(max(base[number] + change, 0), 1), abs=1e-6)
    assert all(changed[other] == base[other] for other in AU_NUMBERS if other != number)


@pytest.mark.parametrize(
    "token",
    ["12=0.8", "AU12=C", "12=+.3", "12=1.", "lip corner puller=0.8", "12=0.8 6=0.5", "12=1,6=1"],
)
def test_what_looks_like_an_assignment(token) -> None:
    assert looks_like_assignment(token)


@pytest.mark.parametrize("token", ["99=0.5", "12=2", "12=", "foo=1", "foo=bar", "12=1/2", "12=0,8"])
def test_what_looks_like_one_gone_wrong(token) -> None:
    assert looks_like_assignment(token)


@pytest.mark.parametrize(
    "token",
    ["", "=", "=1", "smile", "face.jpg", "a=b.jpg", "12=0.8.mp4", "./12=0.8", "C:\\x=1", "out=1/"],
)
def test_paths_and_other_words_do_not(token) -> None:
    assert not looks_like_assignment(token)


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
    assert named & set(AU_NUMBERS) <= set(expression.intensities)
    for absent in named - set(AU_NUMBERS):
        assert expression.note, f"the note should tell what stands in for AU{absent}"
    if "R" in code:
        assert "both sides" in expression.note


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
    with pytest.raises(GanimateError, match=r"nowhere\.yaml: cannot be read"):
        load_expressions(tmp_path / "nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"caf\xe9: {}")
    with pytest.raises(GanimateError, match="UTF-8"):
        load_expressions(tmp_path / "latin.yaml")


# --- looks --------------------------------------------------------------------------------

NOW = ActionUnits({1: 0.4, 12: 0.2})
SMILE = load_expressions()["smile"].action_units


@pytest.mark.parametrize(
    ("text", "base", "expected"),
    [
        ("smile", "current", SMILE),
        ("smile", "neutral", SMILE),
        ("Smile", "current", SMILE),
        ("current", "neutral", NOW),
        ("neutral", "current", ActionUnits()),
        ("smile*0.5", "neutral", ActionUnits({6: 0.25, 12: 0.35, 25: 0.175})),
        ("smile * 0.5", "current", ActionUnits({1: 0.2, 6: 0.25, 12: 0.45, 25: 0.175})),
        ("smile*0", "current", NOW),
        ("12=0.8 6=0.5", "current", ActionUnits({1: 0.4, 12: 0.8, 6: 0.5})),
        ("12=0.8 6=0.5", "neutral", ActionUnits({12: 0.8, 6: 0.5})),
        ("12=+0.3", "current", ActionUnits({1: 0.4, 12: 0.5})),
        ("12=-0.3", "current", ActionUnits({1: 0.4})),
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
    full = load_expressions()[name].action_units
    assert look.vector == pytest.approx(strength * full.vector, abs=1e-6)


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
        ]
        for entry in load_expressions().values()
    ]


def test_the_example_file_on_the_page_loads(tmp_path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "mine.yaml"
    file.write_text(example, encoding="utf-8")
    assert load_expressions(file)["quiet-joy"].action_units == ActionUnits({6: 0.3, 12: 0.4})
