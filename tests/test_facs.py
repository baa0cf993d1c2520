"""Action units, and how people write their intensities."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganimate.errors import UsageError
from ganimate.facs import (
    ACTION_UNITS,
    AU_NUMBERS,
    ActionUnits,
    Assignment,
    action_unit,
    apply,
    blend,
    looks_like_assignment,
    parse_assignments,
)

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
