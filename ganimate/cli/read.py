"""``ganimate read``: what a face shows now, in action units."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from typer import Option

from ganimate.cli import options
from ganimate.cli.console import Console

if TYPE_CHECKING:
    from ganimate.animator import Portrait
    from ganimate.facs import ActionUnits

BAR = 20
"""Characters of a bar at intensity 1."""


def read(
    photo: options.PhotoPath,
    csv: Annotated[
        bool, Option("--csv", help="Print OpenFace's columns, AU01_r to AU45_r, 0 to 5.")
    ] = False,
    face: options.FaceChoice = "largest",
    locator: options.LocatorChoice = "auto",
    face_model: options.FaceModel = None,
    offline: options.Offline = False,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Read the action units that a face shows, 0 to 1.

    \b
    ganimate read face.jpg
    ganimate read group.jpg --face all --csv > group.csv
    """
    from ganimate.errors import UsageError

    if csv and json:
        raise UsageError("--csv and --json exclude each other")

    from ganimate.animator import Animator

    console = Console(quiet=quiet, as_json=json)
    animator = Animator(
        device=device,
        locator=locator,
        face_model=face_model,
        offline=offline,
        notify=console.notice,
    )
    with console.busy("looking for the face"):
        portrait = animator.open(photo, face=face)
    console.result(
        _openface(portrait) if csv else _tables(portrait),
        {
            "photo": str(photo),
            "locator": portrait.locator,
            "faces": [
                {"index": one.index, "action_units": current.to_dict()}
                for one, current in zip(portrait.chosen, portrait.currents, strict=True)
            ],
        },
    )


def _tables(portrait: Portrait) -> str:
    tables = [_table(current) for current in portrait.currents]
    if len(tables) == 1:
        return tables[0]
    return "\n\n".join(
        f"face {face.index}\n{table}" for face, table in zip(portrait.chosen, tables, strict=True)
    )


def _table(current: ActionUnits) -> str:
    from ganimate.facs import ACTION_UNITS

    block = "█" if "utf" in (sys.stdout.encoding or "").lower() else "#"
    return "\n".join(
        f"{unit.number:3d}  {unit.name:22s} {current[unit.number]:4.2f}  "
        f"{block * round(BAR * current[unit.number])}".rstrip()
        for unit in ACTION_UNITS
    )


def _openface(portrait: Portrait) -> str:
    """The columns that OpenFace's FaceLandmarkImg writes for a photo, one row a face."""
    from ganimate.facs import AU_NUMBERS

    header = ["face", "confidence", *(f"AU{number:02d}_r" for number in AU_NUMBERS)]
    rows = [
        [str(face.index), f"{face.score:.3f}", *(f"{5 * value:.3f}" for value in current.values())]
        for face, current in zip(portrait.chosen, portrait.currents, strict=True)
    ]
    return "\n".join(",".join(row) for row in [header, *rows])
