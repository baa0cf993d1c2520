"""A contact sheet: what photos look like with one look after another.

    python examples/sheet.py OUT.jpg PHOTO [PHOTO ...]            # named expressions
    python examples/sheet.py OUT.jpg PHOTO --units                # every action unit, 0 to 1
    python examples/sheet.py OUT.jpg PHOTO ... --looks "12=1 25=1" blink

Rows are photos (or action units), columns looks. Only the face is shown.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ganimate import Animator
from ganimate.animator import Edited, Portrait
from ganimate.facs import ACTION_UNITS
from ganimate.media.stills import photo_from, write_photo

LOOKS = ["neutral", "smile", "grin", "surprise", "anger", "sad", "disgust", "blink"]
LEVELS = (0.0, 0.33, 0.66, 1.0)
TITLE = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--looks", nargs="+", default=LOOKS)
    parser.add_argument("--units", action="store_true", help="one photo, every action unit")
    parser.add_argument("--side", type=int, default=150, help="pixels of one face")
    asked = parser.parse_args()

    animator = Animator()
    portraits = [animator.open(photo) for photo in asked.photos]
    rows = units(portraits[0], asked.side) if asked.units else []
    for portrait in [] if asked.units else portraits:
        last = portrait.edit(asked.looks[0])
        row = [("photo", face(portrait, portrait.photo.pixels, asked.side))]
        for look in asked.looks:
            last = portrait.edit(look)
            row.append((look, face(portrait, last.image, asked.side)))
        row.append(("attention", face(portrait, grey(last), asked.side)))
        rows.append(row)
    sheet = np.vstack([np.hstack([titled(*cell) for cell in row]) for row in rows])
    last = portraits[0].edit(asked.looks[0])
    write_photo(photo_from(sheet), asked.out, provenance=last.provenance, force=True)


def units(portrait: Portrait, side: int) -> list[list[tuple[str, NDArray[np.uint8]]]]:
    """Two action units a row, each at four intensities, the others as the face shows them."""
    strips = []
    for unit in ACTION_UNITS:
        edits = [(level, portrait.edit({unit.number: level})) for level in LEVELS]
        strips.append(
            [
                (f"{unit.number} {unit.name}" if level == 0 else f"{level:g}", picture)
                for level, edit in edits
                for picture in [face(portrait, edit.image, side)]
            ]
        )
    blank = [("", np.full((side, side, 3), 255, np.uint8))] * len(LEVELS)
    strips += [blank] * (len(strips) % 2)
    half = len(strips) // 2
    return [left + right for left, right in zip(strips[:half], strips[half:], strict=True)]


def face(portrait: Portrait, pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return portrait.chosen[0].frame.scaled(1.2).crop(pixels, side)


def grey(edited: Edited) -> NDArray[np.uint8]:
    return np.repeat(np.rint(edited.attention * 255).astype(np.uint8)[..., None], 3, axis=2)


def titled(title: str, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    strip = Image.new("RGB", (picture.shape[1], TITLE), "white")
    ImageDraw.Draw(strip).text((3, 2), title, fill="black")
    return np.vstack([np.asarray(strip), picture])


if __name__ == "__main__":
    main()
