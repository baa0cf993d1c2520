"""Curves over time, one small chart for each: what `ganimate read film.mp4 -o curves.png` draws."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganimate.media.grid import FAINT, INK, lettering

WIDTH, HEIGHT = 1200, 62
"""Pixels of the picture's width, and of one chart's height."""
LETTERS = 14
LABELS = 210
"""Pixels left of the charts, for their names and scales."""
EDGE = 24
FOOT = 50
COLOUR, FILLED = "#1f5fa8", "#dce8f5"
RULES, GAP = "#d0d0d0", "#eeeeee"
FINENESS = 3
"""Drawn so much larger and shrunk, since Pillow's lines have hard edges."""


def curve_chart(
    times: NDArray[np.float64],
    curves: NDArray[np.float32],
    names: Sequence[str],
    seen: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Draw curves one above the other, over the same seconds; each goes from 0 to 1.

    Args:
        times: seconds, rising, (n,).
        curves: (n, k), 0..1.
        names: of the k curves.
        seen: which of the times count, (n,); stretches of the others are grey.

    Returns:
        HWC uint8 RGB, 1200 wide.
    """
    from PIL import Image, ImageDraw

    seen = np.ones(len(times), bool) if seen is None else seen
    size = (WIDTH, EDGE + HEIGHT * len(names) + FOOT)
    picture = Image.new("RGB", (size[0] * FINENESS, size[1] * FINENESS), "white")
    draw = ImageDraw.Draw(picture)
    letters, small = (lettering(points * FINENESS) for points in (LETTERS, LETTERS - 3))

    first, last = float(times[0]), float(times[-1])
    if last <= first:  # a film of one frame
        first, last = first - 0.5, first + 0.5
    left, right = LABELS * FINENESS, (WIDTH - EDGE) * FINENESS
    x = left + (times - first) / (last - first) * (right - left)
    bottom = (EDGE + HEIGHT * len(names)) * FINENESS
    ticks = _ticks(first, last).tolist()
    at = [left + (time - first) / (last - first) * (right - left) for time in ticks]

    for index, name in enumerate(names):
        top = (EDGE + HEIGHT * index) * FINENESS
        floor = top + (HEIGHT - 12) * FINENESS
        y = floor - curves[:, index] * (floor - top)
        for start, end in _runs(~seen):
            edges = x[max(start - 1, 0)], x[min(end, len(x) - 1)]
            draw.rectangle((edges[0], top, edges[1], floor), fill=GAP)
        outlines = [_outline(x[start:end], y[start:end]) for start, end in _runs(seen)]
        for outline in outlines:
            draw.polygon([(outline[0][0], floor), *outline, (outline[-1][0], floor)], fill=FILLED)
        for tick in at:
            draw.line((tick, top, tick, floor), RULES, FINENESS)
        for level, said in ((0.0, "0"), (1.0, "1")):
            height = floor - level * (floor - top)
            draw.line((left, height, right, height), RULES, FINENESS)
            draw.text((left - 8 * FINENESS, height), said, FAINT, small, anchor="rm")
        for outline in outlines:
            for point in (outline[0], outline[-1]):  # a frame alone is a dot
                draw.circle(point, FINENESS, COLOUR)
            draw.line(outline, COLOUR, 2 * FINENESS, joint="curve")
        middle = (top + floor) / 2
        draw.text((left - 24 * FINENESS, middle), name, INK, letters, anchor="rm")
    for time, tick in zip(ticks, at, strict=True):
        draw.text((tick, bottom), f"{time:g}", FAINT, small, anchor="mt")
    draw.text(((left + right) / 2, bottom + 22 * FINENESS), "seconds", INK, letters, anchor="mt")
    return np.asarray(picture.resize(size, Image.Resampling.LANCZOS))


def _ticks(first: float, last: float) -> NDArray[np.float64]:
    """Round moments from `first` to `last`, about ten."""
    rough = (last - first) / 10
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(step for step in (1, 2, 5, 10) if step * power >= rough * 0.999) * power
    steps = np.arange(np.ceil(first / step - 1e-6), last / step + 1e-6)
    return np.asarray(np.round(steps * step, 9) + 0.0)


def _outline(x: NDArray[Any], y: NDArray[Any]) -> list[tuple[float, float]]:
    """The points of a curve; of a long one the lowest and the highest in every pixel."""
    if len(x) > 4 * WIDTH:
        parts = np.array_split(np.arange(len(x)), WIDTH)
        kept = [sorted((part[y[part].argmin()], part[y[part].argmax()])) for part in parts]
        x, y = x[np.ravel(kept)], y[np.ravel(kept)]
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _runs(which: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where stretches of True begin and end, half open."""
    edges = np.flatnonzero(np.diff(which, prepend=False, append=False))
    return [(int(start), int(end)) for start, end in list(pairwise(edges))[::2]]
