"""Lashes stand on their lid: they go with it, and grow no longer when a brow is raised.

A flow that raises brows stretches all that is between them and the lids, and lashes begin there.
So what is next to a lid goes with it as it is, and the skin above gives way for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.faces.grid import Grid, corners, smoothstep
from ganimate.faces.topology import LEFT_BROW, LEFT_UPPER_LID, RIGHT_BROW, RIGHT_UPPER_LID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.faces.align import FaceFrame

_SIDES = ((RIGHT_UPPER_LID, RIGHT_BROW[:5]), (LEFT_UPPER_LID, LEFT_BROW[:5]))
# Lengths are in widths of the eye.
LONG = 0.22
"""How long lashes are."""
STEEPEST = 2.0
"""How far what is above them is stretched at most: where it would be further they are held by less,
as skin drawn out takes the brow's hairs along."""
BROW = 0.85
"""The share of the way to the brow's edge on which there are none of these."""
ENDING = 0.2
"""The share of that way on which it ends."""
BESIDE = 0.25
"""How far beyond the corners of the eye they reach."""
STRETCHED = 0.004
"""Skin that gives way by less is left alone."""
LINES = 17
"""Points across an eye at which it is looked at how far skin is stretched."""


class Lashes:
    """Those of both eyes of a face.

    Args:
        frame: where the face sits in its photo.
        landmarks: (478, 2), in pixels of the box of the face frame.
        grid: over that box, on which flows are.
    """

    def __init__(self, frame: FaceFrame, landmarks: NDArray[Any], grid: Grid) -> None:
        (cos, sin), self._grid = frame.x_axis, grid
        self._sides = []
        for lines in _SIDES:
            lid, brow = (landmarks[list(line)].astype(np.float64) for line in lines)
            width = max(1e-3, float(np.linalg.norm(lid[-1] - lid[0])))
            axes = width * np.array([(cos, sin), (-sin, cos)])
            self._sides.append((lid, brow, (lid[0] + lid[-1]) / 2, axes))

    def hold(self, offsets: NDArray[np.float32]) -> None:
        """Let lashes go with their lids.

        Args:
            offsets: the flow, (2, h, w) on the grid, in pixels; changed in place.
        """
        for *lines, centre, axes in self._sides:
            inverse = np.linalg.inv(axes)
            moved = [self._grid.follow(line, offsets) for line in lines]
            own_lid, own_brow, lid, brow = (
                _sorted((line - centre) @ inverse) for line in (*lines, *moved)
            )
            x = np.linspace(lid[0, 0] - BESIDE, lid[-1, 0] + BESIDE, LINES)
            high = BROW * (np.interp(x, *lid.T) - np.interp(x, *brow.T))
            was = BROW * (np.interp(x, *own_lid.T) - np.interp(x, *own_brow.T))
            if (high - was).max() < STRETCHED or high.min() <= 0 or was.min() <= 0:
                continue
            around = corners((x[0], lid[:, 1].min() - high.max()), (x[-1], lid[:, 1].max()))
            rows, columns = self._grid.window(around @ axes + centre)
            places = (self._grid.pixels(rows, columns) - centre) @ inverse
            part = offsets[:, rows, columns]
            come = places + np.moveaxis(part, 0, -1) @ inverse
            above = np.interp(places[..., 0], *lid.T) - places[..., 1]
            now = np.interp(come[..., 0], *own_lid.T) - come[..., 1]
            top, end = (np.interp(places[..., 0], x, each) for each in (high, was))
            long = ((STEEPEST * end - top) / (STEEPEST - 1)).clip(0, LONG)
            beyond = long + (end - long) * (above - long) / (top - long).clip(1e-3)
            wanted = np.where(above < long, above, beyond)
            beside = np.minimum(places[..., 0] - x[0], x[-1] - places[..., 0]) / BESIDE
            ending = (top - above) / (ENDING * top).clip(1e-3)
            share = smoothstep(beside) * smoothstep(ending) * (above > 0)
            change = share * (wanted - now).clip(0)
            part -= np.multiply.outer(axes[1], change).astype(np.float32)


def _sorted(line: NDArray[Any]) -> NDArray[np.float64]:
    """Points (n, 2) from the left to the right."""
    return np.asarray(line[np.argsort(line[:, 0])], np.float64)
