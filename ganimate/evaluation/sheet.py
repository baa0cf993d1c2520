"""The contact sheet: what the figures were measured on, for people who look."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ganimate.evaluation.edits import intensities
from ganimate.evaluation.subjects import Painter, Subjects, pixels
from ganimate.facs import AU_NUMBERS
from ganimate.media.grid import labelled_grid

FACES = 8
UNITS = (1, 4, 5, 6, 9, 12, 15, 20, 25, 26, 45)
LOOKS = ("grin", "surprise", "anger", "sad", "disgust")


def contact_sheet(paint: Painter, subjects: Subjects) -> NDArray[np.uint8]:
    """Rows: 8 faces, evenly chosen. Columns: the photo, action units at 1 with all else as the
    face shows it, expressions, and the grin's attention (white keeps the photo).

    Returns:
        HWC uint8 RGB.
    """
    count = min(FACES, len(subjects))
    part = subjects.part(slice(None, len(subjects) // count * count, len(subjects) // count))
    columns = [("photo", pixels(part.crops))]
    for number in UNITS:
        target = part.current.clone()
        target[:, AU_NUMBERS.index(number)] = 1
        painted = paint(part.crops, part.landmarks, target, part.current)
        columns.append((f"AU{number}", pixels(painted.pictures)))
    attention = torch.ones_like(part.crops)
    for look in LOOKS:
        target = intensities(look, part.current)
        painted = paint(part.crops, part.landmarks, target, part.current)
        columns.append((look, pixels(painted.pictures)))
        if look == "grin":
            attention = painted.attention.expand(-1, 3, -1, -1) * 2 - 1
    columns.append(("attention", pixels(attention)))
    names, pictures = zip(*columns, strict=True)
    return labelled_grid(np.stack(pictures, axis=1), names)
