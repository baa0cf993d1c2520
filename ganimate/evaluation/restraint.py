"""Restraint: whether what was not asked for stays as it was."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ganimate.evaluation.edits import Edits
from ganimate.evaluation.subjects import Painter, Subjects, pixels

VISIBLE = 2
"""A pixel has changed where a channel differs by more than this, of 255."""


@dataclass(frozen=True)
class Restraint:
    """Means over faces, the first three over edits, too.

    Attributes:
        attention: A, 0..1; 1 keeps the photo.
        outside: share of the pixels outside the face's outline that an edit changes.
        cycle: difference after an edit and back, in 1/255.
        still: difference where nothing is asked (target = current), in 1/255.
    """

    attention: float
    outside: float
    cycle: float
    still: float


def restraint(paint: Painter, subjects: Subjects, edits: Edits) -> Restraint:
    """Look at what the edits did, and paint once more with nothing asked."""
    before = pixels(subjects.crops)
    landmarks = subjects.landmarks.cpu().numpy()
    outside = [
        outside_share(before[face], after, landmarks[face])
        for look in edits.pictures
        for face, after in enumerate(look)
    ]
    still = []
    for part in subjects.batches():
        pictures, _ = paint(part.crops, part.landmarks, part.current, part.current)
        still += ((pictures - part.crops).abs().mean((1, 2, 3)) * 127.5).tolist()
    return Restraint(
        attention=float(edits.attention.mean()),
        outside=float(np.mean(outside)),
        cycle=float(edits.cycle.mean()),
        still=float(np.mean(still)),
    )


def outside_share(
    before: NDArray[np.uint8], after: NDArray[np.uint8], landmarks: NDArray[np.floating]
) -> float:
    """Share of the pixels outside the face's outline that changed, 0..1.

    Args:
        before, after: (S, S, 3) uint8 RGB.
        landmarks: (478, 2), crop pixels, of the face before.
    """
    outside = ~outline(landmarks, len(before))
    changed = np.abs(before.astype(np.int16) - after).max(-1) > VISIBLE
    return float(changed[outside].mean()) if outside.any() else 0.0


def outline(landmarks: NDArray[np.floating], size: int) -> NDArray[np.bool_]:
    """True inside the convex hull of the landmarks, its edge included, (size, size)."""
    hull = cv2.convexHull(np.rint(landmarks).astype(np.int32))
    return cv2.fillConvexPoly(np.zeros((size, size), np.uint8), hull, 1).astype(bool)
