"""Photos of one tone: black and white, sepia, or tinted, as old prints are.

In such a photo a pixel's colour follows from its light alone. Paint, which is that of colour
photos, must keep to it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.engine import Painted

ONE = 5.0
"""Grey levels by which colours of such a photo differ from what their light says at most, but for 5
% of them. Of 1,024 test faces in colour none is as plain; of 200 of them, made sepia and stored as
JPEGs of three times the crop's size, 19 in 20 are."""
NONE = 2.0
"""Grey levels by which red, green and blue differ in black and white ones."""
COARSE = 4
"""Pixels of the crop to a side that are looked at as one: JPEG holds colours loosely."""
LEVELS = np.linspace(0, 255, 17)
SMOOTH = 3e-4
"""How smoothly colours follow light, of how closely: levels that the photo lacks are told from
those beside them."""


def tone_of(crop: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """The tone of a crop (S, S, 3), if it has but one.

    Returns:
        (17, 3), by what red, green and blue differ from a pixel's mean level, at `LEVELS`; None for
        photos in colour.
    """
    import cv2

    small = (crop.shape[1] // COARSE, crop.shape[0] // COARSE)
    pixels = cv2.resize(crop.astype(np.float64), small, interpolation=cv2.INTER_AREA).reshape(-1, 3)
    light = pixels.mean(1)
    tints = pixels - light[:, None]
    # Least squares of a line with bends at the levels: each pixel lies between two of them.
    places = light / LEVELS[1]
    share = (1 - np.abs(places[:, None] - np.arange(len(LEVELS)))).clip(0)
    bends = np.diff(np.eye(len(LEVELS)), axis=0, n=2)
    smooth = len(light) * SMOOTH * bends.T @ bends + 1e-6 * np.eye(len(LEVELS))
    tone = np.linalg.solve(share.T @ share + smooth, share.T @ tints)
    if np.quantile(np.ptp(tints - share @ tone, axis=1), 0.95) > ONE:
        return None
    return np.zeros_like(tone) if np.ptp(tone, axis=1).max() <= NONE else tone


def toned(painted: Painted, tone: NDArray[np.float64] | None) -> Painted:
    """What is painted, in a photo's one tone; itself for photos in colour."""
    if tone is None:
        return painted
    light = painted.colour.mean(2)
    tints = [np.interp(light, LEVELS, channel) for channel in tone.T]
    colour = light[..., None] + np.stack(tints, axis=2)
    return replace(painted, colour=colour.clip(0, 255).astype(np.float32))
