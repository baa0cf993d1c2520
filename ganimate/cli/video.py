"""``ganimate video``: change the expression of a face in a film."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganimate.cli import options
from ganimate.cli.asking import InBetween, asked_look, asked_timeline
from ganimate.cli.console import Console
from ganimate.cli.marking import read_marking
from ganimate.cli.opening import open_animator
from ganimate.cli.options import Argument, Option

if TYPE_CHECKING:
    from ganimate.video import Flicker


def video(
    film: Annotated[Path, Argument(metavar="IN", help="A film: mp4, mov, mkv, webm, avi ...")],
    output: Annotated[Path, Argument(metavar="OUT", help=".mp4, .mov, .mkv or .webm.")],
    au: Annotated[
        list[str] | None,
        Option(metavar="AU=VALUE...", help="12=+0.4 adds to what is shown; 12=0.8 sets it."),
    ] = None,
    expression: Annotated[
        str | None, Option(metavar="NAME", help="smile, surprise ...: see ganimate expressions.")
    ] = None,
    strength: Annotated[float, Option(help="How much of the expression, 0 to 1.")] = 1.0,
    keys: Annotated[
        str | None, Option(metavar="KEYS", help='Seconds and looks: "0:current 2:smile*0.8".')
    ] = None,
    timeline: Annotated[
        Path | None,
        Option(metavar="FILE", help="Keys in YAML, or a recording of OpenFace (CSV)."),
    ] = None,
    in_between: Annotated[
        InBetween | None,
        Option(help="How a timeline crosses from key to key.", show_default="monotone"),
    ] = None,
    base: Annotated[
        options.LookBase,
        Option(help="What action units that are not named do: go on as they are, or rest at 0."),
    ] = "current",
    from_time: options.FromTime = 0.0,
    to_time: options.ToTime = None,
    stats: Annotated[
        bool, Option("--stats", help="Measure how much the face flickers, and print it.")
    ] = False,
    force: options.Force = False,
    label: options.Label = False,
    sign: options.Sign = None,
    tsa: options.TimeStamps = None,
    no_provenance: options.NoProvenance = False,
    expressions_file: options.ExpressionsFile = None,
    face: Annotated[
        str, Option("--face", metavar="WHICH", help="largest, left, right, or a number: 0.")
    ] = "largest",
    locator: options.LocatorChoice = "auto",
    face_model: options.FaceModel = None,
    offline: options.Offline = False,
    weights: options.Weights = None,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Change the expression of a face in a film.

    The face goes on moving: action units that are not named stay as each frame shows them.
    Frames without the face stay as they are; sound, frame rate and duration are kept.

    \b
    ganimate video in.mp4 out.mp4 --au 12=+0.4
    ganimate video in.mp4 out.mp4 --expression smile --strength 0.6 --face left
    ganimate video in.mp4 out.mp4 --keys "0:current 2:smile" --from-time 0 --to-time 10
    """
    from ganimate.change import Change
    from ganimate.errors import UsageError
    from ganimate.faces.track import check_one
    from ganimate.facs import load_expressions
    from ganimate.media.remake import remade_format
    from ganimate.media.source import open_film
    from ganimate.output import check_output

    # What is wrong with the request itself is said before anything heavy is loaded.
    expressions = load_expressions(expressions_file)
    remade_format(output)
    _check_request({"--au": au, "--expression": expression}, keys, timeline, in_between)
    timed = asked_timeline(timeline, keys, expressions)
    if timed and strength != 1:
        raise UsageError("--strength goes with --expression", 'in keys, write "2:smile*0.6"')
    if timed:
        change = Change.along(timed, in_between=in_between or "monotone", base=base)
        course = keys or f"timeline {timeline.name if timeline else ''}"
    else:
        course = asked_look(expression, strength, au or [])
        change = Change.to(course, base=base, expressions=expressions)
    check_one(face)
    check_output(output, force=force, source=film)

    with open_film(film, start=from_time, end=to_time) as source:
        from ganimate.video import FilmEdit

        console = Console(quiet=quiet, as_json=json)
        marking = read_marking(
            console, no_provenance=no_provenance, label=label, sign=sign, tsa=tsa, offline=offline
        )
        for notice in timed.notices if timed else ():
            console.notice(notice)
        animator = open_animator(
            console,
            weights=weights,
            device=device,
            locator=locator,
            face_model=face_model,
            offline=offline,
        )
        edit = FilmEdit(source, change, animator, face=face, measure=stats)
        edit.save(
            output,
            course=course,
            force=force,
            provenance=marking,
            progress=lambda frames, count: console.track(frames, count, "editing"),
        )
    console.result(
        f"{output}\n{_table(edit.flicker)}" if edit.flicker else str(output),
        {
            "film": str(film),
            "output": str(output),
            "frames": edit.seen,
            "edited": edit.edited,
            "fps": source.fps,
            "size": list(edit.size),
            "flicker": _summary(edit.flicker) if edit.flicker else None,
            "locator": edit.locator,
            "weights": animator.engine.fingerprint,
            "device": animator.engine.device_name,
        },
    )


def _check_request(
    looks: Mapping[str, object], keys: str | None, timeline: Path | None, in_between: str | None
) -> None:
    """A look, and what changes with time, exclude each other."""
    from ganimate.errors import UsageError

    timed = {"--keys": keys, "--timeline": timeline}
    asked = [name for name, value in {**timed, **looks}.items() if value not in (None, [])]
    if len(asked) > 1 and asked[0] in timed:
        raise UsageError(f"{asked[0]} and {asked[1]} exclude each other")
    if not asked:
        raise UsageError("nothing to change", "give --au 12=+0.4, --expression smile, or --keys")
    if in_between and asked[0] not in timed:
        raise UsageError("--in-between goes with --timeline and --keys")


def _table(flicker: Flicker) -> str:
    if not flicker.pairs:
        return "no face in two frames on end: no flicker was measured"
    if flicker.ratio is None:
        return "the face stands still: no flicker was measured"
    before, after = flicker.means
    return f"flicker {after:.2f} of 255, in the original {before:.2f}: ratio {flicker.ratio:.3f}"


def _summary(flicker: Flicker) -> dict[str, object]:
    before, after = flicker.means
    ratio = flicker.ratio
    return {
        "original": round(before, 4),
        "edited": round(after, 4),
        "ratio": None if ratio is None else round(ratio, 4),
    }
