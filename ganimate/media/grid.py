"""Pictures side by side under titles: what contact sheets are drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

INK, FAINT = "black", "#666666"
SMALLEST = 9
"""Pixels of the smallest letters that can still be read."""


def labelled_grid(
    cells: NDArray[np.uint8], columns: Sequence[str], rows: Sequence[tuple[str, str]] = ()
) -> NDArray[np.uint8]:
    """Draw a table of pictures on white.

    Args:
        cells: (rows, columns, H, W, 3) uint8 RGB.
        columns: the title above each column; too long a title is set smaller, then cut.
        rows: for each row its name and, in grey below it, what else there is to say; without
            them there is no column of labels.

    Returns:
        HWC uint8 RGB. Letters are a tenth of a cell's width, at least 9 pixels.
    """
    from PIL import Image, ImageDraw

    count, _, height, width = cells.shape[:4]
    letters = lettering(max(SMALLEST, width // 10))
    line = letters.size * 3 // 2
    labels = [
        [(text, INK) for text in _wrapped(name, letters, width)]
        + [(text, FAINT) for text in _wrapped(note, letters, width)]
        for name, note in rows
    ]
    widest = max((letters.getlength(text) for label in labels for text, _ in label), default=0)
    margin = round(widest) + line if labels else 0

    size = (margin + width * len(columns), line + height * count)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for index, title in enumerate(columns):
        text, font = _fitted(title, letters.size, width - 4)
        draw.text((margin + (index + 0.5) * width, line / 2), text, INK, font, anchor="mm")
    for index, label in enumerate(labels):
        middle = line + (index + 0.5) * height
        for number, (text, ink) in enumerate(label):
            y = middle + (number - (len(label) - 1) / 2) * line
            draw.text((margin - line // 2, y), text, ink, letters, anchor="rm")
    table = np.array(sheet)
    table[line:, margin:] = np.concatenate([np.concatenate([*row], axis=1) for row in cells])
    return table


def lettering(size: float) -> FreeTypeFont:
    """Pillow's own letters at `size` pixels.

    Raises:
        RuntimeError: a Pillow that was built without FreeType, which its wheels are not.
    """
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this Pillow was built without FreeType")
    return font


def _fitted(text: str, size: float, width: float) -> tuple[str, FreeTypeFont]:
    """A title, and letters in which it fits."""
    longest = lettering(size).getlength(text)
    font = lettering(max(SMALLEST, size * min(1, width / max(longest, 1))))
    while len(text) > 1 and font.getlength(text) > width:
        text = text.removesuffix("…")[:-1] + "…"
    return text, font


def _wrapped(text: str, font: FreeTypeFont, width: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
