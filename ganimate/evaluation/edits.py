"""A fixed list of looks, painted once on every face; several metrics look at the pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ganimate.evaluation.subjects import Painter, Subjects, Track, pixels
from ganimate.facs import ActionUnits, parse_look

LOOKS = ("smile", "grin", "surprise", "anger", "sad", "blink")


@dataclass(frozen=True)
class Edits:
    """k looks on n faces.

    Attributes:
        pictures: (k, n, 128, 128, 3) uint8 RGB.
        attention: (k, n), the mean of A over the crop.
        cycle: (k, n), how far a crop is from itself after the look and back to `current`:
            mean absolute difference in 1/255.
    """

    pictures: NDArray[np.uint8]
    attention: NDArray[np.float64]
    cycle: NDArray[np.float64]


def intensities(look: str, current: torch.Tensor) -> torch.Tensor:
    """What `ganimate edit` would ask for, (n, 17), of faces that show `current` (n, 17)."""
    shown = [ActionUnits(row) for row in current.cpu().numpy()]
    rows = np.stack([parse_look(look, one).vector for one in shown])
    return torch.from_numpy(rows).to(current)


def paint_edits(paint: Painter, subjects: Subjects, track: Track) -> Edits:
    """Paint every look on every face, and undo each again."""
    batches = subjects.batches()
    pictures, attention, cycle = [], [], []
    for part in track(batches, len(batches), "painting expressions"):
        there: list[NDArray[np.uint8]] = []
        kept, error = [], []
        for look in LOOKS:
            target = intensities(look, part.current)
            painted = paint(part.crops, part.landmarks, target, part.current)
            back = paint(painted.pictures, part.landmarks, part.current, target).pictures
            there.append(pixels(painted.pictures))
            kept.append(painted.attention.mean((1, 2, 3)))
            error.append((back - part.crops).abs().mean((1, 2, 3)) * 127.5)
        pictures.append(np.stack(there))
        attention.append(torch.stack(kept).double().cpu().numpy())
        cycle.append(torch.stack(error).double().cpu().numpy())
    return Edits(
        np.concatenate(pictures, 1), np.concatenate(attention, 1), np.concatenate(cycle, 1)
    )
