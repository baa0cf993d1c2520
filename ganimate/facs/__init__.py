"""Action units: what they are, how people write their intensities, and named expressions.

An intensity runs from 0 (rest) to 1 (the strongest few per cent of everyday photos).
"""

from ganimate.facs.assignments import (
    Assignment,
    apply,
    looks_like_assignment,
    parse_assignments,
)
from ganimate.facs.expressions import Expression, load_expressions, parse_change, parse_look
from ganimate.facs.rest import BASES, at_rest, based
from ganimate.facs.units import (
    ACTION_UNITS,
    AU_NUMBERS,
    ROWS,
    SIDES,
    ActionUnit,
    ActionUnits,
    action_unit,
    blend,
    sided,
)

__all__ = [
    "ACTION_UNITS",
    "AU_NUMBERS",
    "BASES",
    "ROWS",
    "SIDES",
    "ActionUnit",
    "ActionUnits",
    "Assignment",
    "Expression",
    "action_unit",
    "apply",
    "at_rest",
    "based",
    "blend",
    "load_expressions",
    "looks_like_assignment",
    "parse_assignments",
    "parse_change",
    "parse_look",
    "sided",
]
