"""The 17 action units of FACS that this project speaks of, and a vector of their intensities.

Source: Ekman, Friesen & Hager, Facial Action Coding System, 2002.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganimate.errors import UsageError


@dataclass(frozen=True)
class ActionUnit:
    """One facial movement of FACS: its number, name, name as an identifier, and muscle."""

    number: int
    name: str
    slug: str
    muscle: str


# In the order of OpenFace's columns, which is the order of every vector in this project.
ACTION_UNITS: tuple[ActionUnit, ...] = tuple(
    ActionUnit(number, name, name.replace(" ", "_"), muscle)
    for number, name, muscle in (
        (1, "inner brow raiser", "frontalis, pars medialis"),
        (2, "outer brow raiser", "frontalis, pars lateralis"),
        (4, "brow lowerer", "corrugator supercilii, depressor supercilii, procerus"),
        (5, "upper lid raiser", "levator palpebrae superioris"),
        (6, "cheek raiser", "orbicularis oculi, pars orbitalis"),
        (7, "lid tightener", "orbicularis oculi, pars palpebralis"),
        (9, "nose wrinkler", "levator labii superioris alaeque nasi"),
        (10, "upper lip raiser", "levator labii superioris"),
        (12, "lip corner puller", "zygomaticus major"),
        (14, "dimpler", "buccinator"),
        (15, "lip corner depressor", "depressor anguli oris"),
        (17, "chin raiser", "mentalis"),
        (20, "lip stretcher", "risorius, platysma"),
        (23, "lip tightener", "orbicularis oris"),
        (25, "lips part", "depressor labii inferioris, or mentalis or orbicularis oris relaxed"),
        (26, "jaw drop", "masseter, temporalis and medial pterygoid relaxed"),
        (45, "blink", "levator palpebrae superioris relaxed, orbicularis oculi"),
    )
)
AU_NUMBERS: tuple[int, ...] = tuple(unit.number for unit in ACTION_UNITS)

# What people ask for that FACS has and the 17 lack, each with the nearest of the 17.
_ABSENT = {
    11: ("nasolabial deepener", 10),
    13: ("sharp lip puller", 12),
    16: ("lower lip depressor", 25),
    18: ("lip pucker", 23),
    22: ("lip funneler", 25),
    24: ("lip presser", 23),
    27: ("mouth stretch", 26),
    28: ("lip suck", 23),
    43: ("eyes closed", 45),
    46: ("wink", 45),
}

_INDEX = {number: index for index, number in enumerate(AU_NUMBERS)}
_BY_NAME = {unit.name: unit for unit in ACTION_UNITS}

SIDES = "RL"
"""The sides of a face, the subject's own right and left, in the order of every pair of rows."""
ROWS = {"": slice(0, 2), "R": slice(0, 1), "L": slice(1, 2)}
"""Which rows of a pair a side stands for; "" is both."""


def action_unit(name: int | str) -> ActionUnit:
    """The action unit called `name`: 12, "12", "AU12", "AU01", "lip_corner_puller", ...

    Raises:
        UsageError: not one of the 17; the nearest of them is suggested.
    """
    unit = find(name)
    if unit is None:
        raise _unknown_action_unit(name)
    return unit


def sided(name: int | str) -> tuple[ActionUnit, str]:
    """The action unit called `name`, and of which side: "R", "L", or "" for both.

    Sides are the subject's own, as in FACS: "12L", "L12", "AU12L", "left lip corner puller" and
    "lip_corner_puller_left" are one.

    Raises:
        UsageError: not one of the 17; the nearest of them is suggested.
    """
    found = find_sided(name)
    if found is None:
        raise _unknown_action_unit(name)
    return found


def plain(name: int | str) -> str:
    """`name` in lower case, its words set apart by single spaces."""
    return re.sub(r"[\s_-]+", " ", str(name)).strip().lower()


def _au_number(name: int | str) -> int | None:
    # Nine digits at most: longer strings of digits are nobody's action unit.
    match = re.fullmatch(r"(?:au ?)?([0-9]{1,9})", plain(name))
    return int(match[1]) if match else None


def find(name: int | str) -> ActionUnit | None:
    """As `action_unit`, but None where there is none of that name."""
    number = _au_number(name)
    if number is None:
        return _BY_NAME.get(plain(name))
    return ACTION_UNITS[_INDEX[number]] if number in _INDEX else None


def find_sided(name: int | str) -> tuple[ActionUnit, str] | None:
    """As `sided`, but None where there is none of that name."""
    found = ((find(rest), side) for rest, side in _without_side(name))
    return next(((unit, side) for unit, side in found if unit), None)


def _without_side(name: int | str) -> Iterator[tuple[int | str, str]]:
    """The ways to read `name` as an action unit and a side; as one without a side comes first."""
    yield name, ""
    word = plain(name)
    if after := re.fullmatch(r"(.+?) ?(left|right|l|r)", word):
        yield after[1], after[2][0].upper()
    if before := re.fullmatch(r"(left|right|l|r) ?(.+)", word):
        yield before[2], before[1][0].upper()


def _unknown_action_unit(name: int | str) -> UsageError:
    legal = "the 17 are " + " ".join(map(str, AU_NUMBERS))
    numbers = (_au_number(rest) for rest, _ in _without_side(name))
    number = next((number for number in numbers if number is not None), None)
    for absent, (absent_name, closest) in _ABSENT.items():
        if number == absent or plain(name) == absent_name:
            message = f"AU{absent} ({absent_name}) is not among the 17 action units"
            near = ACTION_UNITS[_INDEX[closest]]
            return UsageError(message, f"nearest: {closest} {near.slug}; {legal}")
    if number is None:
        guess = nearest(plain(name), _BY_NAME)
        suggestion = f"did you mean {_BY_NAME[guess].slug}? " if guess else ""
    else:
        guess = nearest(f"AU{number}", (f"AU{known}" for known in AU_NUMBERS))
        suggestion = f"did you mean {guess}? " if guess else ""
    return UsageError(f"there is no action unit {str(name)!r}", suggestion + legal)


def nearest(word: str, legal: Iterable[str]) -> str | None:
    """The one of `legal` that `word` may be a slip of, if any."""
    return next(iter(get_close_matches(word, list(legal), n=1)), None)


class ActionUnits(Mapping[int, float]):
    """The intensities of all 17 action units; immutable.

    Those of the two sides of the face may differ. As a mapping it has the 17 numbers all the
    same, and gives the mean of both sides; `sides` and `to_dict` tell them apart.

    Args:
        intensities: {12: 0.8, ...}, where those not named are 0, or 17 numbers in the order
            of `AU_NUMBERS`, or two rows of 17, the subject's right and left; each 0..1. Keys may
            also be names: "AU12", "lip_corner_puller"; and of one side: "12L". A key of one side
            after that of both refines it.

    Raises:
        UsageError: an unknown action unit, one named twice, or a value that is no intensity.
    """

    __slots__ = ("_sides",)

    def __init__(
        self,
        intensities: Mapping[int, float]
        | Mapping[str, float]
        | Mapping[int | str, float]
        | ArrayLike = (),
    ):
        if isinstance(intensities, ActionUnits):
            values = intensities.sides.astype(np.float64)
        elif isinstance(intensities, Mapping):
            values = _changed(np.zeros((2, len(AU_NUMBERS))), intensities)
        else:
            values = _two_rows(intensities)
        for unit, pair in zip(ACTION_UNITS, values.T, strict=True):
            for value in pair:
                if not 0 <= value <= 1:  # NaN fails this too
                    raise UsageError(f"AU{unit.number}={value:g} is not an intensity", "0 to 1")
        sides: NDArray[np.float32] = values.astype(np.float32) + np.float32(0)  # no -0.0
        sides.flags.writeable = False
        self._sides = sides

    @property
    def vector(self) -> NDArray[np.float32]:
        """Read-only float32 (17,), in the order of `AU_NUMBERS`; the mean of both sides."""
        mean: NDArray[np.float32] = self._sides.mean(axis=0)  # exact where they are the same
        mean.flags.writeable = False
        return mean

    @property
    def sides(self) -> NDArray[np.float32]:
        """Read-only float32 (2, 17): the subject's right, and left."""
        return self._sides

    def changed(
        self, intensities: Mapping[int, float] | Mapping[str, float] | Mapping[int | str, float]
    ) -> ActionUnits:
        """These, but for the intensities given; keys as for a new one.

        Raises:
            UsageError: as for a new one.
        """
        if isinstance(intensities, ActionUnits):
            return intensities
        return ActionUnits(_changed(self._sides.astype(np.float64), intensities))

    def __getitem__(self, number: int) -> float:
        return _decimal(self._sides[:, _INDEX[number]].mean())

    def __iter__(self) -> Iterator[int]:
        return iter(AU_NUMBERS)

    def __len__(self) -> int:
        return len(AU_NUMBERS)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ActionUnits):
            return np.array_equal(self._sides, other._sides)
        return self.to_dict() == other if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._sides.tobytes())

    def __repr__(self) -> str:
        shown = ", ".join(f"{name!r}: {value:g}" for name, value in self.to_dict().items() if value)
        return f"ActionUnits({{{shown}}})"

    def to_dict(self) -> dict[int | str, float]:
        """All 17 as a plain dict, ready for JSON: 12, or where the sides differ "12R" and "12L"."""
        found: dict[int | str, float] = {}
        for number, (right, left) in zip(AU_NUMBERS, self._sides.T, strict=True):
            if right == left:
                found[number] = _decimal(right)
            else:
                found[f"{number}R"], found[f"{number}L"] = _decimal(right), _decimal(left)
        return found


def _decimal(value: np.float32) -> float:
    """The shortest decimal that names the float32: 0.8 rather than 0.800000011920929."""
    return float(str(value))


def _changed(
    sides: NDArray[np.float64],
    intensities: Mapping[int, float] | Mapping[str, float] | Mapping[int | str, float],
) -> NDArray[np.float64]:
    """`sides`, (2, 17), with the intensities written in."""
    seen: set[tuple[int, str]] = set()
    for name, value in intensities.items():
        unit, side = sided(name)
        if {(unit.number, one) for one in (side or ("", *SIDES))} & seen:
            raise UsageError(f"AU{unit.number}{side} is given twice", "name it once")
        seen.add((unit.number, side))
        sides[ROWS[side], _INDEX[unit.number]] = _number(f"AU{unit.number}{side}", value)
    return sides


def _number(name: str, value: object) -> float:
    try:
        if isinstance(value, (bool, str)):
            raise TypeError
        return float(value)  # type: ignore[arg-type]
    except OverflowError:  # of digits that cannot even be written
        raise UsageError(f"{name} is out of range", "0 to 1") from None
    except (TypeError, ValueError):
        raise UsageError(f"{name}={value!r} is not an intensity", "a number, 0 to 1") from None


def _two_rows(values: ArrayLike) -> NDArray[np.float64]:
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError("intensities must be numbers, 0 to 1") from None
    if found.size == 0:
        return np.zeros((2, len(AU_NUMBERS)))
    if found.shape not in ((len(AU_NUMBERS),), (2, len(AU_NUMBERS))):
        raise UsageError(f"expected 17 intensities, got an array of shape {found.shape}")
    return np.broadcast_to(found, (2, len(AU_NUMBERS)))


def blend(start: ActionUnits, end: ActionUnits, strength: float) -> ActionUnits:
    """From `start` (strength 0) to `end` (strength 1), linearly.

    Raises:
        UsageError: strength is not in 0..1.
    """
    if not 0 <= strength <= 1:
        raise UsageError(f"strength {strength:g} is out of range", "0 to 1")
    # In float64, whose rounding float32 then hides; and in this form, which unlike
    # start + strength * (end - start) is exact at both ends.
    first, last = start.sides.astype(np.float64), end.sides.astype(np.float64)
    return ActionUnits(((1 - strength) * first + strength * last).astype(np.float32))
