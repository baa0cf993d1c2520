"""``ganimate edit``: change the expression of a face in a photo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganimate.cli import options
from ganimate.cli.asking import asked_look
from ganimate.cli.console import Console
from ganimate.cli.each import check_each, read_each
from ganimate.cli.marking import read_marking
from ganimate.cli.opening import open_animator
from ganimate.cli.options import Option

if TYPE_CHECKING:
    from ganimate.edited import Edited
    from ganimate.media.provenance import Marking


def edit(
    photo: options.PhotoPath,
    au: Annotated[
        list[str] | None,
        Option(metavar="AU=VALUE...", help="12=0.8 6=0.5, AU12=C, 12=+0.3, lip_corner_puller=1."),
    ] = None,
    expression: Annotated[
        str | None, Option(metavar="NAME", help="smile, surprise ...: see ganimate expressions.")
    ] = None,
    strength: Annotated[float, Option(help="How much of the expression, 0 to 1.")] = 1.0,
    at: options.Each = None,
    base: options.Base = "current",
    output: options.Output = None,
    force: options.Force = False,
    compare: Annotated[
        bool, Option("--compare", help="Also write before and after side by side.")
    ] = False,
    mask: Annotated[
        bool, Option("--mask", help="Also write the attention: white where the photo is kept.")
    ] = False,
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
    """Change the expression of a face in a photo.

    Writes NAME-edited beside the photo unless -o says where. Every pixel outside the square
    around the face stays as it is; JPEG and WebP are compressed anew.

    \b
    ganimate edit face.jpg --au 12=0.8 6=0.5
    ganimate edit face.jpg --expression surprise --strength 0.7 -o surprised.png
    ganimate edit face.jpg --au 45L=1 12L=0.3
    ganimate edit group.jpg --at 0 smile --at 1 "surprise*0.6"
    """
    from ganimate.errors import UsageError
    from ganimate.facs import ActionUnits, load_expressions, parse_look
    from ganimate.files import check_file
    from ganimate.media.stills import PHOTO_FORMATS, photo_format
    from ganimate.output import check_output

    # What is wrong with the request itself is said before anything heavy is loaded.
    expressions = load_expressions(expressions_file)
    each = read_each(at or [], {"--au": au, "--expression": expression}, face)
    looks = list(each.values()) or [asked_look(expression, strength, au or [])]
    if each and strength != 1:
        raise UsageError("--strength goes with --expression", 'with --at, write "smile*0.6"')
    for look in looks:
        parse_look(look, ActionUnits(), expressions=expressions, base=base)
    if not photo.name:  # a dot, or what an unset variable leaves
        check_file(photo)
    suffix = photo.suffix if photo.suffix.lower() in PHOTO_FORMATS else ".png"
    picture = output or photo.with_name(f"{photo.stem}-edited{suffix}")
    photo_format(picture)
    compared = picture.with_stem(f"{picture.stem}-compare") if compare else None
    masked = picture.with_name(f"{picture.stem}-mask.png") if mask else None
    outputs = [path for path in (picture, compared, masked) if path]
    for path in outputs:
        for source in filter(None, (photo, eyes)):
            check_output(path, force=force, source=source)

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
        portrait = animator.open(photo, face=",".join(each) or face)
        check_each(each, portrait.chosen)
        if eyes:
            portrait = portrait.with_eyes_of(animator.open(eyes))
    with console.busy("painting"):
        edited = portrait.edit(looks if each else looks[0], base=base, expressions=expressions)
        edited.save(picture, force=force, provenance=marking)
        if compared:
            _write_compared(edited, compared, force, marking)
        if masked:
            _write_mask(edited, masked, force)
    console.result(
        "\n".join(map(str, outputs)),
        {
            "photo": str(photo),
            "outputs": [str(path) for path in outputs],
            "faces": [one.index for one in portrait.chosen],
            "current": portrait.current.to_dict(),
            "action_units": edited.action_units.to_dict(),
            "each": [
                {
                    "face": one.index,
                    "current": current.to_dict(),
                    "action_units": target.to_dict(),
                }
                for one, current, target in zip(
                    portrait.chosen, portrait.currents, edited.targets, strict=True
                )
            ],
            "locator": portrait.locator,
            "weights": animator.engine.fingerprint,
            "device": animator.engine.device_name,
        },
    )


def _write_compared(edited: Edited, path: Path, force: bool, marking: Marking | bool) -> None:
    from dataclasses import replace

    import numpy as np

    from ganimate.media.stills import Photo, write_photo
    from ganimate.media.watermark import watermarked

    photo = edited.portrait.photo
    alpha = None if photo.alpha is None else np.hstack([photo.alpha, photo.alpha])
    stated = edited.portrait.stated(edited.provenance, marking)
    after = watermarked(edited.image, stated.faces if stated else ())
    write_photo(
        Photo(np.hstack([photo.pixels, after]), alpha, photo.icc_profile, path=photo.path),
        path,
        provenance=replace(stated, faces=()) if stated else None,
        force=force,
    )


def _write_mask(edited: Edited, path: Path, force: bool) -> None:
    import numpy as np

    from ganimate.media.stills import photo_from, write_photo

    grey = np.rint(edited.attention * 255).astype(np.uint8)
    pixels = np.repeat(grey[..., None], 3, axis=2)
    write_photo(photo_from(pixels), path, provenance=None, force=force)
