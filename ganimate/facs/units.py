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


def action_unit(name: int | str) -> ActionUnit:
    """The action unit called `name`: 12, "12", "AU12", "AU01", "lip_corner_puller", ...

    Raises:
        UsageError: not one of the 17; the nearest of them is suggested.
    """
    unit = find(name)
    if unit is None:
        raise _unknown_action_unit(name)
    return unit


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


def _unknown_action_unit(name: int | str) -> UsageError:
    legal = "the 17 are " + " ".join(map(str, AU_NUMBERS))
    number = _au_number(name)
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

    Args:
        intensities: {12: 0.8, ...}, where those not named are 0, or 17 numbers in the order
            of `AU_NUMBERS`; each 0..1. Keys may also be names: "AU12", "lip_corner_puller".

    Raises:
        UsageError: an unknown action unit, one named twice, or a value that is no intensity.
    """

    __slots__ = ("_vector",)

    def __init__(self, intensities: Mapping[int, float] | Mapping[str, float] | ArrayLike = ()):
        if isinstance(intensities, Mapping):
            values = np.zeros(len(AU_NUMBERS))
            seen: set[int] = set()
            for name, value in intensities.items():
                unit = action_unit(name)
                if unit.number in seen:
                    raise UsageError(f"AU{unit.number} is given twice", "name it once")
                seen.add(unit.number)
                values[_INDEX[unit.number]] = _number(unit, value)
        else:
            values = _seventeen(intensities)
        for unit, value in zip(ACTION_UNITS, values, strict=True):
            if not 0 <= value <= 1:  # NaN fails this too
                raise UsageError(f"AU{unit.number}={value:g} is not an intensity", "0 to 1")
        vector: NDArray[np.float32] = values.astype(np.float32) + np.float32(0)  # no -0.0
        vector.flags.writeable = False
        self._vector = vector

    @property
    def vector(self) -> NDArray[np.float32]:
        """Read-only float32 (17,), in the order of `AU_NUMBERS`."""
        return self._vector

    def __getitem__(self, number: int) -> float:
        # The shortest decimal that names the float32: 0.8 rather than 0.800000011920929.
        return float(str(self._vector[_INDEX[number]]))

    def __iter__(self) -> Iterator[int]:
        return iter(AU_NUMBERS)

    def __len__(self) -> int:
        return len(AU_NUMBERS)

    def __hash__(self) -> int:
        return hash(self._vector.tobytes())

    def __repr__(self) -> str:
        shown = ", ".join(f"{number}: {value:g}" for number, value in self.items() if value)
        return f"ActionUnits({{{shown}}})"

    def to_dict(self) -> dict[int, float]:
        """All 17 as a plain dict, ready for JSON."""
        return dict(self)


def _number(unit: ActionUnit, value: object) -> float:
    try:
        if isinstance(value, (bool, str)):
            raise TypeError
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        message = f"AU{unit.number}={value!r} is not an intensity"
        raise UsageError(message, "a number, 0 to 1") from None


def _seventeen(values: ArrayLike) -> NDArray[np.float64]:
    try:
        vector = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError("intensities must be numbers, 0 to 1") from None
    if vector.size == 0:
        return np.zeros(len(AU_NUMBERS))
    if vector.shape != (len(AU_NUMBERS),):
        raise UsageError(f"expected 17 intensities, got an array of shape {vector.shape}")
    return vector


def blend(start: ActionUnits, end: ActionUnits, strength: float) -> ActionUnits:
    """From `start` (strength 0) to `end` (strength 1), linearly.

    Raises:
        UsageError: strength is not in 0..1.
    """
    if not 0 <= strength <= 1:
        raise UsageError(f"strength {strength:g} is out of range", "0 to 1")
    # In float64, whose rounding float32 then hides; and in this form, which unlike
    # start + strength * (end - start) is exact at both ends.
    first, last = start.vector.astype(np.float64), end.vector.astype(np.float64)
    return ActionUnits(((1 - strength) * first + strength * last).astype(np.float32))
