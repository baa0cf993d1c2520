"""Change the expression of a face by setting the intensity of action units, and animate it.

    >>> from ganimate import Animator
    >>> portrait = Animator().open("examples/astronaut.jpg")          # doctest: +SKIP
    >>> portrait.edit({12: 0.8, 6: 0.5}).save("smiling.png")          # doctest: +SKIP

Importing the package is cheap: what a name needs is loaded when the name is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganimate.animator import Animator
    from ganimate.edited import Edited
    from ganimate.errors import GanimateError
    from ganimate.facs import ActionUnits
    from ganimate.portrait import Portrait
    from ganimate.recording import Recording, read_film
    from ganimate.sheet import contact_sheet
    from ganimate.timeline import Timeline
    from ganimate.trajectory import Trajectory

__version__ = "0.1.0"
__all__ = [
    "ActionUnits",
    "Animator",
    "Edited",
    "GanimateError",
    "Portrait",
    "Recording",
    "Timeline",
    "Trajectory",
    "__version__",
    "contact_sheet",
    "read_film",
]

_HOMES = {
    "ActionUnits": "ganimate.facs",
    "Animator": "ganimate.animator",
    "Edited": "ganimate.edited",
    "GanimateError": "ganimate.errors",
    "Portrait": "ganimate.portrait",
    "Recording": "ganimate.recording",
    "Timeline": "ganimate.timeline",
    "Trajectory": "ganimate.trajectory",
    "contact_sheet": "ganimate.sheet",
    "read_film": "ganimate.recording",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
