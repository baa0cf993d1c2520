"""``ganimate faces``: which faces a photo shows, and their numbers."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from ganimate.cli import options
from ganimate.cli.console import Console

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ganimate.faces.locate import Face


def faces(
    photo: options.PhotoPath,
    output: options.Output = None,
    force: options.Force = False,
    locator: options.LocatorChoice = "auto",
    face_model: options.FaceModel = None,
    offline: options.Offline = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List the faces of a photo, numbered from the left.

    The numbers are those that --face takes. With -o a picture with numbered boxes is written.

    \b
    ganimate faces group.jpg -o numbered.png
    """
    from ganimate.media.stills import photo_format
    from ganimate.output import check_output

    if output:
        photo_format(output)
        check_output(output, force=force, source=photo)

    from ganimate.faces.locate import choose, open_locator
    from ganimate.media.stills import read_photo, replace_pixels, write_photo

    console = Console(quiet=quiet, as_json=json)
    picture = read_photo(photo)
    with console.busy("looking for faces"):
        opened = open_locator(
            locator, face_model=face_model, offline=offline, notify=console.notice
        )
        with closing(opened) as finder:
            found = choose(finder.locate(picture.pixels), "all", photo.name)
    if output:
        numbered = replace_pixels(picture, _numbered(picture.pixels, found))
        write_photo(numbered, output, provenance=None, force=force)
    console.result(
        _table(found) + (f"\n{output}" if output else ""),
        {
            "photo": str(photo),
            "output": str(output) if output else None,
            "locator": finder.name,
            "faces": [_summary(face) for face in found],
        },
    )


def _table(found: list[Face]) -> str:
    from ganimate.faces.pose import yaw

    rows = ["face       x       y   width  height   turned     yaw  score"]
    for face in found:
        x0, y0, x1, y1 = face.box
        rows.append(
            f"{face.index:4d} {x0:7.0f} {y0:7.0f} {x1 - x0:7.0f} {y1 - y0:7.0f}"
            f" {round(face.frame.roll):7d}° {round(yaw(face)):6d}° {face.score:6.2f}"
        )
    return "\n".join(rows)


def _summary(face: Face) -> dict[str, object]:
    from ganimate.faces.pose import yaw

    return {
        "index": face.index,
        "box": [round(float(edge), 1) for edge in face.box],
        "score": round(float(face.score), 3),
        "centre": [round(float(value), 1) for value in face.frame.centre],
        "side": round(face.frame.native_side, 1),
        "roll": round(face.frame.roll, 1),
        "yaw": round(yaw(face), 1),
    }


def _numbered(pixels: NDArray[np.uint8], found: list[Face]) -> NDArray[np.uint8]:
    """The photo with each face's box and number drawn in."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    line = max(2, round(max(pixels.shape) / 400))
    for face in found:
        x0, y0, x1, y1 = face.box
        size = max(12, round((y1 - y0) / 6))
        draw.rectangle((x0, y0, x1, y1), outline="white", width=line)
        draw.text(
            (x0 + 2 * line, y0 + line),
            str(face.index),
            font=ImageFont.load_default(size),
            fill="white",
            stroke_width=line,
            stroke_fill="black",
        )
    return np.asarray(picture)
