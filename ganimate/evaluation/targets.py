"""What a generator should reach, and whether it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganimate.evaluation.control import Control, Transfer
from ganimate.evaluation.identity import Identity
from ganimate.evaluation.realism import Found
from ganimate.evaluation.restraint import Restraint
from ganimate.facs import AU_NUMBERS

SURE = (1, 2, 4, 6, 7, 10, 12, 15, 17, 20, 25, 26, 45)
"""Action units that should follow in order on nearly every face; the rest are labelled worse."""


@dataclass(frozen=True)
class Target:
    """One thing to reach.

    Attributes:
        name: what it is about.
        wanted: ``>= 0.9`` or ``< 2``.
        found: the figure; of several action units the worst. None where it was not measured.
        passed: None where it was not measured.
        failing: the action units that keep it from passing, where it is about several.
    """

    name: str
    wanted: str
    found: float | None
    passed: bool | None
    failing: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"failing": list(self.failing)}


def judge(
    control: Control,
    transfer: Transfer,
    restraint: Restraint,
    identity: Identity | None,
    found: Found | None,
) -> list[Target]:
    """Hold a generator's figures beside what it should reach."""
    unsure = [number for number in AU_NUMBERS if number not in SURE]
    people = identity.people if identity else None
    return [
        _each("median Spearman", control.spearman, SURE, 0.9),
        _each("median Spearman", control.spearman, unsure, 0.7),
        _least("r of a whole expression", transfer.r, 0.7),
        _least("mean rise", float(control.rise.mean()), 0.4),
        _each("rise", control.rise, AU_NUMBERS, 0.2),
        _below("mean leakage", float(control.leakage.mean()), 0.12),
        _least(
            "identity, of two photos of one person",
            identity.edited / people.same if identity and people else None,
            0.85,
        ),
        _least("face still found", found.edited if found else None, 0.99),
        _below("change where nothing is asked, 1/255", restraint.still, 2),
    ]


def _least(name: str, value: float | None, wanted: float) -> Target:
    return Target(name, f">= {wanted:g}", value, None if value is None else value >= wanted)


def _below(name: str, value: float, wanted: float) -> Target:
    return Target(name, f"< {wanted:g}", value, value < wanted)


def _each(name: str, values: NDArray[np.float64], numbers: Sequence[int], wanted: float) -> Target:
    """Every one of some action units must reach it."""
    reached = {number: float(values[AU_NUMBERS.index(number)]) for number in numbers}
    failing = tuple(number for number, value in reached.items() if not value >= wanted)
    every = len(numbers) == len(AU_NUMBERS)
    which = "each" if every else "AU " + " ".join(map(str, numbers))
    return Target(f"{name}, {which}", f">= {wanted:g}", min(reached.values()), not failing, failing)
