"""``ganimate animate``: a film of a face that moves from one expression to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from ganimate.cli import options
from ganimate.cli.console import Console

Easing = Literal["linear", "smooth", "ease-in", "ease-out"]
Loop = Literal["once", "pingpong"]


def animate(
    photo: options.PhotoPath,
    output: Annotated[
        Path, Argument(metavar="OUT", help=".mp4, .webm, .gif, .webp, .apng, or a folder of PNGs.")
    ],
    end: Annotated[
        str, Option("--to", metavar="LOOK", help="An expression, current, or 12=0.8 6=0.5.")
    ],
    start: Annotated[str, Option("--from", metavar="LOOK", help="Where it begins.")] = "current",
    via: Annotated[
        list[str] | None, Option(metavar="LOOK", help="On the way; may be given several times.")
    ] = None,
    base: options.Base = "current",
    seconds: Annotated[float, Option(help="How long the face moves.")] = 2.0,
    fps: Annotated[float, Option(help="Frames a second.")] = 25.0,
    easing: Annotated[Easing, Option(help="How the movement starts and stops.")] = "smooth",
    hold: Annotated[float, Option(help="Seconds that the last look stays.")] = 0.5,
    loop: Annotated[Loop, Option(help="Once, or there and back without a seam.")] = "once",
    force: options.Force = False,
    no_provenance: options.NoProvenance = False,
    expressions_file: options.ExpressionsFile = None,
    face: options.FaceChoice = "largest",
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
    """
    from ganimate.facs import ActionUnits, load_expressions, parse_look
    from ganimate.media.output import check_output
    from ganimate.media.video import film_format
    from ganimate.trajectory import Trajectory

    expressions = load_expressions(expressions_file)
    looks = [start, *(via or []), end]

    def trajectory(current: ActionUnits) -> Trajectory:
        return Trajectory.through(
            [parse_look(look, current, expressions=expressions, base=base) for look in looks],
            seconds=seconds,
            fps=fps,
            easing=easing,
            hold=hold,
            loop=loop,
        )

    # What is wrong with the request itself is said before anything heavy is loaded.
    frames = len(trajectory(ActionUnits()))
    film_format(output)
    check_output(output, force=force, source=photo)

    from ganimate.animator import Animator

    console = Console(quiet=quiet, as_json=json)
    animator = Animator(
        weights,
        device=device,
        locator=locator,
        face_model=face_model,
        offline=offline,
        notify=console.notice,
    )
    with console.busy("looking for the face"):
        fingerprint = animator.engine.fingerprint  # wrong weights are said before anything else
        portrait = animator.open(photo, face=face)
    trajectories = [trajectory(current) for current in portrait.currents]
    with portrait.film(
        output, fps=fps, course=" to ".join(looks), force=force, provenance=not no_provenance
    ) as film:
        for frame in console.track(portrait.animate(trajectories), frames, "animating"):
            film.write(frame)
    console.result(
        str(output),
        {
            "photo": str(photo),
            "output": str(output),
            "frames": frames,
            "fps": fps,
            "seconds": frames / fps,
            "size": list(film.size),
            "faces": [one.index for one in portrait.chosen],
            "current": portrait.current.to_dict(),
            "locator": portrait.locator,
            "weights": fingerprint,
            "device": animator.engine.device_name,
        },
    )
