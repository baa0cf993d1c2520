"""``ganimate sheet``: a contact sheet of action units and expressions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from ganimate.cli import options
from ganimate.cli.console import Console
from ganimate.cli.marking import read_marking
from ganimate.cli.opening import open_animator
from ganimate.cli.options import Argument, Option


def sheet(
    *,
    photos: Annotated[
        list[Path] | None, Argument(metavar="PHOTO...", help="A photo, or several.")
    ] = None,
    output: Annotated[Path, Argument(metavar="OUT", help=".png, .jpg, .webp or .tiff.")],
    au: Annotated[
        list[str] | None,
        Option(metavar="AU", help="A row for 12, AU12 or lip_corner_puller; several times."),
    ] = None,
    expression: Annotated[
        list[str] | None, Option(metavar="NAME", help="A row for smile, surprise ...; several.")
    ] = None,
    all_expressions: Annotated[
        bool, Option("--expressions", help="A row for each expression there is.")
    ] = False,
    steps: Annotated[
        int | None, Option(help="Columns from 0 to 1, of one photo.", show_default="7")
    ] = None,
    size: Annotated[int, Option(help="Pixels of one cell.")] = 160,
    base: options.Base = "current",
    force: options.Force = False,
    label: options.Label = False,
    sign: options.Sign = None,
    tsa: options.TimeStamps = None,
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
    """Draw a contact sheet: a row for each action unit or expression, from 0 to 1.

    The first column is the photo. With neither --au nor an expression, all 17 action units. Of
    several photos each is a row, and action units and expressions are the columns.

    \b
    ganimate sheet face.jpg --au 12 --au 4 --steps 7 sheet.png
    ganimate sheet face.jpg --expression smile --expression fear --size 256 sheet.png
    ganimate sheet face.jpg --expressions --steps 4 sheet.jpg
    ganimate sheet one.jpg two.jpg --expression smile --expression anger sheet.png
    """
    from ganimate.errors import UsageError
    from ganimate.facs import AU_NUMBERS, load_expressions
    from ganimate.media.stills import photo_format
    from ganimate.output import check_output

    # What is wrong with the request itself is said before anything heavy is loaded.
    if not photos:
        raise UsageError(f"{output}: no sheet is named beside it", f"ganimate sheet {output} OUT")
    expressions = load_expressions(expressions_file)
    looks = [*(expressions if all_expressions else ()), *(expression or ())]
    units = au or ([] if looks else [f"AU{number}" for number in AU_NUMBERS])
    if steps is not None and len(photos) > 1:
        raise UsageError("--steps goes with one photo", "several photos are rows of a sheet")
    steps = 7 if steps is None else steps
    photo_format(output)
    for photo in photos:
        check_output(output, force=force, source=photo)

    from ganimate.media.provenance import Marking, Provenance
    from ganimate.media.stills import Photo, write_photo
    from ganimate.sheet import check_sheet, contact_sheet

    check_sheet(
        len(photos), units, looks, steps=steps, size=size, base=base, expressions=expressions
    )
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
        portraits = [animator.open(photo, face=face) for photo in photos]
    with console.busy("painting"):
        drawn = contact_sheet(
            portraits, units, looks, steps=steps, size=size, base=base, expressions=expressions
        )
    stated = Provenance(
        f"a sheet of {', '.join([*units, *looks])}",
        fingerprint,
        marking=marking if isinstance(marking, Marking) else Marking(),
    )
    profile = portraits[0].photo.icc_profile if len(portraits) == 1 else None
    write_photo(
        Photo(drawn, icc_profile=profile, path=photos[0]),
        output,
        provenance=stated if marking else None,
        force=force,
    )
    console.result(
        str(output),
        {
            "photos": [str(photo) for photo in photos],
            "output": str(output),
            "looks": [*units, *looks],
            "steps": steps if len(photos) == 1 else None,
            "size": [drawn.shape[1], drawn.shape[0]],
            "locator": portraits[0].locator,
            "weights": fingerprint,
            "device": animator.engine.device_name,
        },
    )
