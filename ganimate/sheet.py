"""Contact sheets: a face with action units and expressions at rising strength, or several faces.

Source of the layout: Pumarola et al. 2018, figures 1 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ganimate.errors import UsageError
from ganimate.faces.align import CROP_SIZE
from ganimate.faces.locate import Face
from ganimate.facs import AU_NUMBERS, ActionUnits, Expression, parse_look, sided
from ganimate.media.grid import labelled_grid
from ganimate.media.profiles import srgb_converter
from ganimate.media.stills import MAX_PIXELS, Photo
from ganimate.portrait import Portrait

MARGIN = 1.25
"""A cell shows the face frame this much larger, so that chin and hair are seen."""
MIN_SIZE, MAX_SIZE = 48, 1024
MAX_STEPS = 21


def contact_sheet(
    portraits: Portrait | Sequence[Portrait],
    units: Sequence[int | str] = (),
    looks: Sequence[str] = (),
    *,
    steps: int = 7,
    size: int = 160,
    base: str = "current",
    expressions: Mapping[str, Expression] | None = None,
) -> NDArray[np.uint8]:
    """Draw the faces alone, the photo first.

    Of one portrait there is a row for each action unit and each look, from 0 to 1 in even steps:
    an action unit at that intensity with the others as the base has them, or a look at that
    strength. With one step there is the 1 alone. Of several portraits each is a row, with action
    units and looks at 1 as its columns.

    Args:
        portraits: one or several, each with one chosen face.
        units: action units by number or name; with no units and no looks, all 17.
        looks: expressions or assignments, as `Portrait.edit` takes them.
        steps: columns beside the photo of one portrait, 1..21.
        size: pixels of a cell's side, 48..1024.
        base: ``current`` or ``neutral``, as in `Portrait.edit`.
        expressions: those that looks may name; by default the built-in ones.

    Returns:
        HWC uint8 RGB, in the photo's colours, or those of sRGB where there are several.

    Raises:
        UsageError: an unknown action unit or look, several chosen faces, or a number out of range.
    """
    portraits = [portraits] if isinstance(portraits, Portrait) else list(portraits)
    if not units and not looks:
        units = AU_NUMBERS
    count = len(portraits)
    check_sheet(count, units, looks, steps=steps, size=size, base=base, expressions=expressions)
    if any(len(portrait.chosen) != 1 for portrait in portraits):
        raise UsageError("a sheet shows one face of a photo", "choose it by its number: --face 0")
    side = max(2 * size, 2 * CROP_SIZE)
    near = [_close_up(portrait, side, srgb=count > 1) for portrait in portraits]

    def cell(portrait: Portrait, look: str, strength: float) -> NDArray[np.uint8]:
        edited = portrait.edit(look, strength=strength, base=base, expressions=expressions)
        return _shrunk(edited.image, size)

    photos = [_shrunk(portrait.photo.pixels, size) for portrait in near]
    titles = [*map(_title, units), *((look, "") for look in looks)]
    if count > 1:
        asked = [*(f"{unit}=1" for unit in units), *looks]
        cells = [
            [photo, *(cell(portrait, look, 1) for look in asked)]
            for photo, portrait in zip(photos, near, strict=True)
        ]
        return labelled_grid(np.array(cells), ["photo", *(title for title, _ in titles)])
    levels = np.linspace(0, 1, steps).tolist() if steps > 1 else [1.0]
    cells = [[cell(near[0], f"{unit}={level:.4f}", 1) for level in levels] for unit in units]
    cells += [[cell(near[0], look, level) for level in levels] for look in looks]
    return labelled_grid(
        np.array([[photos[0], *row] for row in cells]),
        ["photo", *(f"{round(level, 2):g}" for level in levels)],
        titles,
    )


def check_sheet(
    photos: int,
    units: Sequence[int | str],
    looks: Sequence[str],
    *,
    steps: int,
    size: int,
    base: str,
    expressions: Mapping[str, Expression] | None = None,
) -> None:
    """Raises UsageError where `contact_sheet` would, before any face is looked for."""
    if not photos:
        raise UsageError("a sheet of no photo")
    if not 1 <= steps <= MAX_STEPS:
        raise UsageError(f"{steps} steps are out of range", f"1 to {MAX_STEPS}")
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise UsageError(f"a cell of {size} pixels is out of range", f"{MIN_SIZE} to {MAX_SIZE}")
    asked = len(units) + len(looks)
    cells = photos * (asked + 1) if photos > 1 else asked * (steps + 1)
    if cells * size**2 > MAX_PIXELS:
        raise UsageError(
            f"{cells} cells of {size} x {size} pixels are too many", "ask for fewer, or smaller"
        )
    for unit in units:
        if "=" in str(unit):
            raise UsageError(f"{unit}: a sheet shows all intensities", "name the action unit alone")
    for look in [*(f"{unit}=1" for unit in units), *looks]:
        parse_look(look, ActionUnits(), expressions=expressions, base=base)


def _title(unit: int | str) -> tuple[str, str]:
    found, side = sided(unit)
    return f"AU{found.number}{side}", found.name


def _close_up(portrait: Portrait, side: int, *, srgb: bool) -> Portrait:
    """The face alone as a photo of its own: what a cell shows is all that is painted."""
    view = portrait.chosen[0].frame.scaled(MARGIN)
    whole = portrait.photo.on_white()
    photo = Photo(view.crop(whole.pixels, side), icc_profile=whole.icc_profile)
    if srgb and (convert := srgb_converter(photo.icc_profile)):
        photo = Photo(convert(photo.pixels))
    faces = tuple(
        replace(Face.from_landmarks(view.to_crop(face.landmarks, side), face.score), index=index)
        for index, face in enumerate(portrait.faces)
    )
    chosen = tuple(faces[face.index] for face in portrait.chosen)
    return replace(portrait, photo=photo, faces=faces, chosen=chosen)


def _shrunk(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
