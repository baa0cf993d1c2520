"""``ganimate transfer``: what one face does, done by the face in a photo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganimate.cli import options
from ganimate.cli.console import Console
from ganimate.cli.marking import read_marking
from ganimate.cli.opening import open_animator
from ganimate.cli.options import Argument, Option

if TYPE_CHECKING:
    from ganimate.animator import Animator
    from ganimate.facs import ActionUnits
    from ganimate.media.provenance import Marking
    from ganimate.portrait import Portrait
    from ganimate.recording import Recording
    from ganimate.survival import Survival
    from ganimate.trajectory import Trajectory

NONE = "none"


def transfer(
    driver: Annotated[Path, Argument(metavar="DRIVER", help="A film of a face, or a photo.")],
    photo: options.PhotoPath,
    output: Annotated[
        Path,
        Argument(metavar="OUT", help="A film; with a photo as driver a picture, too."),
    ],
    strength: Annotated[float, Option(help="How much of the motion, 0 to 3.")] = 1.0,
    base: Annotated[
        options.LookBase | None,
        Option(
            help="What the motion is added to: what the photo shows, or 0.",
            show_default="current; neutral where the driver's neutral is not known",
        ),
    ] = None,
    driver_neutral: Annotated[
        str | None,
        Option(
            metavar="TIME|PHOTO|none",
            help="The driver at rest: at a second, or in a photo; none takes nothing off.",
            show_default="the calmest frames; of a photo: none",
        ),
    ] = None,
    driver_face: Annotated[
        str, Option(metavar="WHICH", help="As --face, for the driver.")
    ] = "largest",
    from_time: options.FromTime = 0.0,
    to_time: options.ToTime = None,
    fps: Annotated[
        float | None, Option(help="Frames a second.", show_default="the driver's")
    ] = None,
    save_timeline: Annotated[
        Path | None,
        Option(
            metavar="FILE.csv",
            help="Also write the motion, for animate --timeline.",
        ),
    ] = None,
    force: options.Force = False,
    label: options.Label = False,
    sign: options.Sign = None,
    tsa: options.TimeStamps = None,
    no_provenance: options.NoProvenance = False,
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
    """Play on a photo what the face in a film does, or give it the look of another photo.

    The driver's motion is read, smoothed, counted from the driver's own neutral, and added to
    what the photo shows. The table says how much of it is seen again in the result.

    \b
    ganimate transfer driver.mp4 face.jpg out.mp4
    ganimate transfer driver.mp4 face.jpg out.mp4 --driver-neutral 0.5 --save-timeline motion.csv
    ganimate transfer smiling.jpg face.jpg out.png --driver-neutral calm.jpg
    """
    from ganimate.facs import ActionUnits
    from ganimate.files import check_file
    from ganimate.output import check_output
    from ganimate.recording import check_csv, check_strength, is_film
    from ganimate.survival import survival
    from ganimate.trajectory import check_fps

    # What is wrong with the request itself is said before anything heavy is loaded.
    check_file(driver)
    moves = is_film(driver)
    still = _is_still(output, moves)
    check_strength(strength)
    if fps is not None:
        check_fps(fps)
    if save_timeline:
        check_csv(save_timeline)
    _check_driver(moves, driver_neutral, driver_face, from_time, to_time)
    outputs = [output, *([save_timeline] if save_timeline else [])]
    for path in outputs:
        check_output(path, force=force, source=photo)
        check_output(path, force=force, source=driver)
        if driver_neutral and Path(driver_neutral).is_file():
            check_output(path, force=force, source=Path(driver_neutral))

    console = Console(quiet=quiet, as_json=json)
    marking = read_marking(
        console, no_provenance=no_provenance, label=label, sign=sign, tsa=tsa, offline=offline
    )
    animator = open_animator(
        console,
        weights=weights,
        device=device,
        locator=locator,
        face_model=face_model,
        offline=offline,
    )
    with console.busy("looking for the face"):
        fingerprint = animator.engine.fingerprint  # wrong weights are said before anything else
        portrait = animator.open(photo, face=face)
    known = base or ("current" if moves or driver_neutral not in (None, NONE) else "neutral")
    shown, neutral = _read(
        console, animator, driver, moves, driver_neutral, driver_face, from_time, to_time
    )
    motions = [
        shown.onto(
            current,
            neutral=neutral,
            base=known,
            strength=strength,
            notify=console.notice if index == 0 else None,
        )
        for index, current in enumerate(portrait.currents)
    ]
    if not moves and not still:
        motions = [
            _gone_to(current, motion, fps)
            for current, motion in zip(portrait.currents, motions, strict=True)
        ]
    timelines = [motion.timeline() for motion in motions]
    for notice in timelines[0].notices:
        console.notice(notice)
    trajectories = [
        timeline.trajectory(current, fps=fps)
        for timeline, current in zip(timelines, portrait.currents, strict=True)
    ]
    if still:
        looks = [ActionUnits(trajectory.sides[0]) for trajectory in trajectories]
        portrait.edit(looks).save(output, force=force, provenance=marking)
        measured = []
    else:
        result = _play(
            console,
            portrait,
            trajectories,
            output,
            course=f"the motion of {driver.name}",
            force=force,
            provenance=marking,
        )
        measured = survival(shown, result) if moves else []
    if save_timeline:
        motions[0].save(save_timeline, force=force)
    console.result(
        "\n".join([*(_table(measured) if moves else []), *map(str, outputs)]),
        {
            "driver": str(driver),
            "photo": str(photo),
            "output": str(output),
            "timeline": str(save_timeline) if save_timeline else None,
            "frames": len(trajectories[0]),
            "fps": trajectories[0].fps,
            "seconds": trajectories[0].seconds,
            "without_face": int((~shown.seen).sum()),
            "base": known,
            "neutral": neutral.to_dict(),
            "survival": {
                str(one.unit.number): {
                    "driver": round(one.driver, 4),
                    "result": round(one.result, 4),
                    "r": round(one.r, 4),
                }
                for one in measured
            },
            "faces": [one.index for one in portrait.chosen],
            "current": portrait.current.to_dict(),
            "asked": ActionUnits(trajectories[0].sides[-1]).to_dict(),
            "locator": portrait.locator,
            "weights": fingerprint,
            "device": animator.engine.device_name,
        },
    )


def _is_still(output: Path, moves: bool) -> bool:
    """Whether OUT is one picture."""
    from ganimate.errors import UsageError
    from ganimate.media.stills import PHOTO_FORMATS
    from ganimate.media.video import FORMATS, film_format

    suffix = output.suffix.lower()
    if not moves and suffix in PHOTO_FORMATS:
        return True
    if moves and suffix in PHOTO_FORMATS and suffix not in FORMATS:
        raise UsageError(f"{output}: a film as driver makes a film", "name it .mp4, or .gif ...")
    film_format(output)
    return False


def _check_driver(
    moves: bool, neutral: str | None, face: str, from_time: float, to_time: float | None
) -> None:
    from ganimate.errors import UsageError
    from ganimate.faces.track import check_one
    from ganimate.files import check_file

    check_one(face)
    at = _seconds(neutral) if neutral else None
    if neutral not in (None, NONE) and at is None:
        check_file(Path(neutral))
    if moves:
        return
    if from_time or to_time:
        raise UsageError("--from-time and --to-time go with a film as driver")
    if at is not None:
        raise UsageError("a photo as driver has no other moment", "--driver-neutral PHOTO")


def _seconds(text: str) -> float | None:
    from ganimate.facs.assignments import NUMBER

    return float(text) if NUMBER.fullmatch(text) else None


def _read(
    console: Console,
    animator: Animator,
    driver: Path,
    moves: bool,
    driver_neutral: str | None,
    face: str,
    from_time: float,
    to_time: float | None,
) -> tuple[Recording, ActionUnits]:
    """What the driver shows, in a photo of one frame, and what it shows at rest."""
    from ganimate.facs import ActionUnits, at_rest
    from ganimate.recording import Recording, read_film
    from ganimate.trajectory import Trajectory

    if moves:
        recording = read_film(
            driver,
            animator,
            face=face,
            start=from_time,
            end=to_time,
            progress=lambda frames, count: console.track(frames, count, "reading"),
        ).smoothed()
    else:
        with console.busy("looking for the driver's face"):
            shown = animator.open(driver, face=face).current
        recording = Recording.of(Trajectory([shown.vector]))
    if driver_neutral is None:
        return recording, recording.neutral() if moves else at_rest(shown)
    if driver_neutral == NONE:
        return recording, ActionUnits()
    at = _seconds(driver_neutral)
    if at is not None:
        return recording, recording.neutral(at)
    with console.busy("looking for the driver's face"):
        return recording, animator.open(driver_neutral, face=face).current


def _gone_to(current: ActionUnits, look: Recording, fps: float | None) -> Recording:
    """From what the photo shows to the look of another one, as ganimate animate goes there."""
    from ganimate.facs import ActionUnits
    from ganimate.recording import Recording
    from ganimate.trajectory import Trajectory

    end = ActionUnits(look.intensities[0])
    return Recording.of(Trajectory.through([current, end], fps=25.0 if fps is None else fps))


def _play(
    console: Console,
    portrait: Portrait,
    trajectories: Sequence[Trajectory],
    output: Path,
    *,
    course: str,
    force: bool,
    provenance: bool | Marking,
) -> Recording:
    """Write the film; what the first chosen face shows in it."""
    from ganimate.recording import Recorder

    fps, frame = trajectories[0].fps, portrait.chosen[0].frame
    recorder = Recorder(portrait.animator.reader)
    frames = console.track(portrait.animate(trajectories), len(trajectories[0]), "animating")
    with portrait.film(output, fps=fps, course=course, force=force, provenance=provenance) as film:
        for index, picture in enumerate(frames):
            film.write(picture)
            recorder.see(index / fps, frame.crop(picture))
    return recorder.recording(fps)


def _table(measured: Sequence[Survival]) -> list[str]:
    """What survives of the motion, a line for each action unit that was measured."""
    from ganimate.facs import AU_NUMBERS
    from ganimate.survival import FEWEST

    if not measured:
        return [f"too little motion to be measured, or fewer than {FEWEST} frames"]
    lines = [f"{'how far it moves':27s}driver  result      r"]
    for one in measured:
        numbers = f"{one.driver:6.2f}  {one.result:6.2f}  {one.r:5.2f}"
        lines.append(f"{one.unit.number:3d}  {one.unit.name:22s}{numbers}")
    still = {*AU_NUMBERS} - {one.unit.number for one in measured}
    if still:
        numbers = " ".join(map(str, sorted(still)))
        lines.append(f"not measured, as the driver hardly moves them: {numbers}")
    return lines
