"""Paint as soft as its photo: sharp teeth in a face out of focus would look put on.

How soft a photo is shows where it is sharpest. An edge blurred once more loses the more of its
slope the sharper it was (Zhuo and Sim 2011, "Defocus map estimation from a single image").
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.faces.align import CROP_SIZE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.engine import Painted

AGAIN = 1.0
"""Pixels of the crop by which it is blurred once more."""
EDGES = 0.98
"""The steepest edges: those beyond this quantile."""
MARGIN = 6
"""What part of a crop's side is its surroundings, on each side."""
OWN, SHARP, SOFT = 0.85, 1.0, 1.4
"""Pixels of the crop: what its own pixels blur; up to where a photo is a sharp one, and from where
on all of its blur counts. Between them it counts in part: a measure that trembles must not be seen
in films. Portraits come out at .7 to .9, snapshots of the size of the crop at 1.0 on average."""


def softness(crop: NDArray[np.uint8]) -> float:
    """How much softer a crop (S, S, 3) is than a sharp photo's: the standard deviation of the blur
    that makes it so, in its pixels; 0 for sharp ones."""
    import cv2

    light = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    inner = slice(len(crop) // MARGIN, -(len(crop) // MARGIN))
    slopes, blurred = (
        np.hypot(*(cv2.Sobel(each, cv2.CV_32F, *way)[inner, inner] for way in ((1, 0), (0, 1))))
        for each in (light, cv2.GaussianBlur(light, (0, 0), AGAIN))
    )
    edges = slopes >= max(np.quantile(slopes, EDGES), 1e-3)
    if not edges.any():
        return 0.0
    lost = float(np.median(slopes[edges] / np.maximum(blurred[edges], 1e-3)))
    blur = AGAIN / np.sqrt(max(lost * lost - 1, 1e-2))
    counts = np.clip((blur - SHARP) / (SOFT - SHARP), 0, 1)
    return float(counts * np.sqrt(max(blur * blur - OWN * OWN, 0)))


def softened(painted: Painted, blur: float) -> Painted:
    """What is painted, blurred by so many pixels of the crop; what covers nothing has no say."""
    if blur == 0:
        return painted
    sigma = blur * len(painted.attention) / CROP_SIZE
    colour, covered = blurred(painted.colour, 1 - painted.attention, sigma)
    return replace(painted, attention=1 - covered, colour=colour, softness=blur)


def blurred(
    colour: NDArray[Any], cover: NDArray[Any], sigma: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A picture (h, w, 3) and how far it covers what is below, (h, w), both blurred by so many of
    its pixels: each colour counts as far as it covers."""
    import cv2

    spread: Any = cv2.GaussianBlur(np.dstack([colour * cover[..., None], cover]), (0, 0), sigma)
    sums, covered = spread[..., :3], spread[..., 3:]
    colour = np.where(covered > 1e-3, sums / np.maximum(covered, 1e-3), colour)
    return np.ascontiguousarray(colour), covered[..., 0]
