"""``ganimate read``: what a face shows, in action units: in a photo now, in a film over time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from ganimate.cli import options
from ganimate.cli.console import Console
from ganimate.cli.opening import open_animator
from ganimate.cli.options import Argument, Option

if TYPE_CHECKING:
    from ganimate.animator import Animator
    from ganimate.facs import ActionUnits
    from ganimate.portrait import Portrait
    from ganimate.recording import Recording

BAR = 20
"""Characters of a bar at intensity 1."""


def read(
    source: Annotated[Path, Argument(metavar="PHOTO|FILM", help="A photo, or a film.")],
    csv: Annotated[
        bool, Option("--csv", help="Print OpenFace's columns, AU01_r to AU45_r, 0 to 5.")
    ] = False,
    output: Annotated[
        Path | None,
        Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Of a film: curves as .csv, .png, .jpg ...",
        ),
    ] = None,
    from_time: options.FromTime = 0.0,
    to_time: options.ToTime = None,
    force: options.Force = False,
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

    Of a film it prints the mean and the height of each, and -o writes them frame by frame: as a
    CSV, which --timeline of ganimate animate plays, or as a picture of curves.

    \b
    ganimate read face.jpg
    ganimate read group.jpg --face all --csv > group.csv
    ganimate read film.mp4 -o curves.csv
    ganimate read film.mp4 -o curves.png
    """
    from ganimate.errors import UsageError

    if csv and json:
        raise UsageError("--csv and --json exclude each other")

    from ganimate.faces.track import check_one
    from ganimate.files import check_file
    from ganimate.recording import is_film

    check_file(source)
    moves = is_film(source)
    if moves:
        check_one(face)
    if csv and output:
        raise UsageError("--csv and -o exclude each other", "-o curves.csv writes the same")
    if not moves and (output or from_time or to_time):
        given = "-o" if output else "--from-time" if from_time else "--to-time"
        raise UsageError(f"{given} goes with films, and {source} is none", "of a photo: --csv")
    if output:
        _check_curves(output, force, source)

    console = Console(quiet=quiet, as_json=json)
    animator = open_animator(
        console,
        device=device,
        locator=locator,
        face_model=face_model,
        offline=offline,
    )
    if moves:
        recording = _recording(console, animator, source, face, from_time, to_time)
        if output:
            _write_curves(recording, output, force)
        text = recording.text() if csv else _summary(recording)
        console.result(
            "\n".join([text.rstrip("\n"), *([str(output)] if output else [])]),
            {"film": str(source), "output": str(output) if output else None} | _measures(recording),
        )
        return
    with console.busy("looking for the face"):
        portrait = animator.open(source, face=face)
    console.result(
        _openface(portrait) if csv else _tables(portrait),
        {
            "photo": str(source),
            "locator": portrait.locator,
            "faces": [
                {"index": one.index, "action_units": current.to_dict()}
                for one, current in zip(portrait.chosen, portrait.currents, strict=True)
            ],
        },
    )


def _recording(
    console: Console,
    animator: Animator,
    film: Path,
    face: str,
    from_time: float,
    to_time: float | None,
) -> Recording:
    from ganimate.recording import read_film

    recording = read_film(
        film,
        animator,
        face=face,
        start=from_time,
        end=to_time,
        progress=lambda frames, count: console.track(frames, count, "reading"),
    )
    for notice in recording.notices:
        console.notice(notice)
    return recording


def _check_curves(output: Path, force: bool, source: Path) -> None:
    from ganimate.errors import UsageError
    from ganimate.media.stills import PHOTO_FORMATS
    from ganimate.output import check_output

    if output.suffix.lower() not in (".csv", *PHOTO_FORMATS):
        known = ", ".join([".csv", *PHOTO_FORMATS])
        raise UsageError(f"{output}: curves are not written as {output.suffix!r}", f"use {known}")
    check_output(output, force=force, source=source)


def _write_curves(recording: Recording, output: Path, force: bool) -> None:
    if output.suffix.lower() == ".csv":
        recording.save(output, force=force)
        return
    from ganimate.facs import ACTION_UNITS
    from ganimate.media.curves import curve_chart
    from ganimate.media.stills import Photo, write_photo

    names = [f"AU{unit.number} {unit.name}" for unit in ACTION_UNITS]
    chart = curve_chart(recording.times, recording.intensities, names, recording.seen)
    write_photo(Photo(chart), output, provenance=None, force=force)


def _measures(recording: Recording) -> dict[str, object]:
    """What the table says of each action unit, for machines."""
    from ganimate.facs import AU_NUMBERS

    times, rows = recording.times[recording.seen], recording.intensities[recording.seen]
    peaks = rows.argmax(axis=0)
    return {
        "frames": len(recording),
        "fps": recording.fps,
        "seconds": round(float(recording.times[-1] - recording.times[0]) + 1 / recording.fps, 6),
        "without_face": int((~recording.seen).sum()),
        "action_units": {
            str(number): {
                "mean": round(float(rows[:, index].mean()), 4),
                "max": round(float(rows[peaks[index], index]), 4),
                "at": round(float(times[peaks[index]]), 6),
            }
            for index, number in enumerate(AU_NUMBERS)
        },
    }


def _summary(recording: Recording) -> str:
    from ganimate.facs import ACTION_UNITS

    block = "█" if "utf" in (sys.stdout.encoding or "").lower() else "#"
    measures = _measures(recording)
    found: Any = measures["action_units"]
    length = f"{measures['frames']} frames, {measures['seconds']:.2f} s"
    lines = [f"{length:27s}mean   max  at second"]
    for unit in ACTION_UNITS:
        told = found[str(unit.number)]
        numbers = f"{told['mean']:4.2f}  {told['max']:4.2f}  {told['at']:9.2f}"
        bar = block * round(BAR * told["max"])
        lines.append(f"{unit.number:3d}  {unit.name:22s}{numbers}  {bar}".rstrip())
    return "\n".join(lines)


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
