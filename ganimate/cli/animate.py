"""``ganimate animate``: a film of a face that moves from one expression to another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from ganimate.cli import options
from ganimate.cli.asking import InBetween, asked_timeline
from ganimate.cli.console import Console
from ganimate.cli.each import check_each, read_each
from ganimate.cli.marking import read_marking
from ganimate.cli.opening import open_animator
from ganimate.cli.options import Argument, Option

Easing = Literal["linear", "smooth", "ease-in", "ease-out"]
Loop = Literal["once", "pingpong"]


def animate(
    photo: options.PhotoPath,
    output: Annotated[
        Path, Argument(metavar="OUT", help=".mp4, .webm, .gif, .webp, .apng, or a folder of PNGs.")
    ],
    end: Annotated[
        str | None, Option("--to", metavar="LOOK", help="An expression, current, or 12=0.8 6=0.5.")
    ] = None,
    start: Annotated[
        str | None,
        Option("--from", metavar="LOOK", help="Where it begins.", show_default="current"),
    ] = None,
    at: options.Each = None,
    via: Annotated[
        list[str] | None, Option(metavar="LOOK", help="On the way; may be given several times.")
    ] = None,
    keys: Annotated[
        str | None, Option(metavar="KEYS", help='Seconds and looks: "0:neutral 0.6:smile*0.8".')
    ] = None,
    timeline: Annotated[
        Path | None, Option(metavar="FILE", help="Keys in YAML, or a recording of OpenFace (CSV).")
    ] = None,
    base: options.Base = "current",
    seconds: Annotated[
        float | None, Option(help="How long the face moves.", show_default="2")
    ] = None,
    fps: Annotated[
        float | None, Option(help="Frames a second.", show_default="the timeline's, or 25")
    ] = None,
    easing: Annotated[
        Easing | None, Option(help="How the movement starts and stops.", show_default="smooth")
    ] = None,
    in_between: Annotated[
        InBetween | None,
        Option(help="How a timeline crosses from key to key.", show_default="monotone"),
    ] = None,
    hold: Annotated[
        float | None, Option(help="Seconds that the last look stays.", show_default="0.5")
    ] = None,
    loop: Annotated[Loop, Option(help="Once, or there and back without a seam.")] = "once",
    blink: Annotated[bool, Option("--blink", help="Blink now and then, as people do.")] = False,
    liveliness: Annotated[
        float, Option(help="How much the face wanders about what it shows, 0 to 1.")
    ] = 0.0,
    seed: Annotated[int, Option(help="Another seed blinks and wanders differently.")] = 0,
    force: options.Force = False,
    label: options.Label = False,
    sign: options.Sign = None,
    tsa: options.TimeStamps = None,
    no_provenance: options.NoProvenance = False,
    expressions_file: options.ExpressionsFile = None,
    face: options.FaceChoice = "largest",
    eyes: options.Eyes = None,
    locator: options.LocatorChoice = "auto",
    face_model: options.FaceModel = None,
    offline: options.Offline = False,
    weights: options.Weights = None,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Animate a face from one expression to another.

    OUT's suffix says the format; a name without one is a folder of PNGs.

    \b
    ganimate animate face.jpg --from neutral --to smile out.mp4
    ganimate animate face.jpg --to 1=0.8 2=0.8 5=0.6 --loop pingpong brows.gif
    ganimate animate face.jpg --keys "0:neutral 0.6:surprise 2:smile" --blink out.mp4
    ganimate animate group.jpg --from neutral --at 0 smile --at 1 wink out.mp4
    """
    from ganimate.facs import ActionUnits, load_expressions, parse_look
    from ganimate.media.video import film_format
    from ganimate.output import check_output
    from ganimate.trajectory import Trajectory

    # What is wrong with the request itself is said before anything heavy is loaded.
    _check_request(
        {"--timeline": timeline, "--keys": keys},
        {"--from": start, "--via": via, "--to": end}
        | {"--at": at, "--seconds": seconds, "--easing": easing, "--hold": hold},
        in_between,
    )
    expressions = load_expressions(expressions_file)
    keyed = asked_timeline(timeline, keys, expressions)
    each = read_each(at or [], {"--to": end}, face)
    looks = ["current" if start is None else start, *(via or [])]
    ends = list(each.values()) or [end or ""]

    def trajectory(current: ActionUnits, end: str, index: int = 0) -> Trajectory:
        if keyed:
            way = in_between or "monotone"
            path = keyed.trajectory(current, fps=fps, in_between=way, base=base)
            path = path.pingpong() if loop == "pingpong" else path
        else:
            path = Trajectory.through(
                [
                    parse_look(look, current, expressions=expressions, base=base)
                    for look in [*looks, end]
                ],
                seconds=2.0 if seconds is None else seconds,
                fps=25.0 if fps is None else fps,
                easing=easing or "smooth",
                hold=0.5 if hold is None else hold,
                loop=loop,
            )
        return path.enlivened(blink=blink, liveliness=liveliness, seed=(seed, index))

    planned, *_ = (trajectory(ActionUnits(), end) for end in ends)
    frames = len(planned)
    film_format(output)
    for source in filter(None, (photo, eyes)):
        check_output(output, force=force, source=source)

    console = Console(quiet=quiet, as_json=json)
    marking = read_marking(
        console, no_provenance=no_provenance, label=label, sign=sign, tsa=tsa, offline=offline
    )
    for notice in keyed.notices if keyed else ():
        console.notice(notice)
    animator = open_animator(
        console,
        weights=weights,
        device=device,
        locator=locator,
        face_model=face_model,
        offline=offline,
    )
    with console.busy("looking for the face"):
        portrait = animator.open(photo, face=",".join(each) or face)
        check_each(each, portrait.chosen)
        if eyes:
            portrait = portrait.with_eyes_of(animator.open(eyes))
    ends = ends if each else ends * len(portrait.chosen)
    trajectories = [
        trajectory(current, end, one.index)
        for one, current, end in zip(portrait.chosen, portrait.currents, ends, strict=True)
    ]
    course = keys or (f"timeline {timeline.name}" if timeline else _course(looks, each, ends[0]))
    with portrait.film(
        output, fps=planned.fps, course=course, force=force, provenance=marking
    ) as film:
        for frame in console.track(portrait.animate_for(film, trajectories), frames, "animating"):
            film.write(frame)
    console.result(
        str(output),
        {
            "photo": str(photo),
            "output": str(output),
            "frames": frames,
            "fps": planned.fps,
            "seconds": planned.seconds,
            "size": list(film.size),
            "faces": [one.index for one in portrait.chosen],
            "current": portrait.current.to_dict(),
            "locator": portrait.locator,
            "weights": animator.engine.fingerprint,
            "device": animator.engine.device_name,
        },
    )


def _course(looks: list[str], each: Mapping[str, str], end: str) -> str:
    """What happens, in words: `neutral to smile`."""
    if not each:
        return " to ".join([*looks, end])
    return "; ".join(f"face {face}: {' to '.join([*looks, one])}" for face, one in each.items())


def _check_request(
    timed: Mapping[str, object], moving: Mapping[str, object], in_between: str | None
) -> None:
    """Options of one kind of film, and those of the other, exclude each other."""
    from ganimate.errors import UsageError

    asked = [name for name, value in {**timed, **moving}.items() if value not in (None, [])]
    sources = [name for name in asked if name in timed]
    if sources and len(asked) > 1:
        raise UsageError(f"{asked[0]} and {asked[1]} exclude each other")
    if not sources and not {"--to", "--at"} & {*asked}:
        raise UsageError("nothing to animate", "give --to smile, --at, --keys or --timeline")
    if not sources and in_between:
        raise UsageError("--in-between goes with --timeline and --keys", "with --to: --easing")
