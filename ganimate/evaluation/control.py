"""Control: whether the face shows what was asked for, read by the evaluation reader.

Two questions. Does each action unit follow when it alone is moved from 0 to 1 (`sweep`)? Does a
face take on another face's whole expression (`transfer`)?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganimate.evaluation.subjects import BATCH, Painter, Read, Subjects, Track
from ganimate.facs import AU_NUMBERS
from ganimate.training.metrics import pearson

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Control:
    """How each action unit follows, (17,) each, in the order of `AU_NUMBERS`.

    Attributes:
        spearman: rank correlation of asked and read, -1..1, the median over faces.
        slope: of the reading on what was asked, the mean over faces; 1 is perfect.
        rise: reading at 1 less reading at 0, the mean over faces.
        real: what `real_rise` finds on unchanged photos, the scale of `rise`.
        leakage: how far the other 16 readings move from 0 to 1, the mean over them and faces.
    """

    spearman: NDArray[np.float64]
    slope: NDArray[np.float64]
    rise: NDArray[np.float64]
    real: NDArray[np.float64]
    leakage: NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        each = {
            str(number): {name: float(values[column]) for name, values in vars(self).items()}
            for column, number in enumerate(AU_NUMBERS)
        }
        mean = {name: float(values.mean()) for name, values in vars(self).items()}
        return {"action_units": each, "mean": mean}


@dataclass(frozen=True)
class Transfer:
    """How well faces take on whole expressions of others.

    Attributes:
        r: Pearson's r of asked and read, the mean over action units.
        error: mean absolute difference of asked and read.
        r_photos: the same r of labels and unchanged photos: what this reader and these labels
            allow at all.
    """

    r: float
    error: float
    r_photos: float

    def to_dict(self) -> dict[str, float]:
        return dict(vars(self))


def sweep(paint: Painter, read: Read, subjects: Subjects, track: Track) -> Tensor:
    """Move each action unit through `LEVELS`, all others staying as the face shows them.

    Returns:
        (n, 17, 5, 17), what is read: for each face, action unit moved, and level.
    """
    batches = subjects.batches()
    readings = [
        torch.stack([_moved(paint, read, part, column) for column in range(len(AU_NUMBERS))], 1)
        for part in track(batches, len(batches), "sweeping action units")
    ]
    return torch.cat(readings)


def _moved(paint: Painter, read: Read, part: Subjects, column: int) -> Tensor:
    """What is read while one action unit moves through `LEVELS`, (n, 5, 17)."""
    readings = []
    for level in LEVELS:
        target = part.current.clone()
        target[:, column] = level
        pictures, _ = paint(part.crops, part.landmarks, target, part.current)
        readings.append(read(pictures)[0].cpu())
    return torch.stack(readings, 1)


def own(readings: Tensor) -> Tensor:
    """What is read of the action unit that was moved: (n, 17, 5, 17) -> (n, 17, 5)."""
    return readings.diagonal(dim1=1, dim2=3).transpose(1, 2)


def spearman(readings: Tensor) -> Tensor:
    """Spearman's rank correlation of asked and read, (n, 17); 0 where nothing changes."""
    values = own(readings).double()
    above = (values.unsqueeze(-1) > values.unsqueeze(-2)).sum(-1)
    ties = (values.unsqueeze(-1) == values.unsqueeze(-2)).sum(-1) - 1
    ranks = above + ties / 2
    ranks = ranks - ranks.mean(-1, keepdim=True)
    asked = torch.arange(len(LEVELS), dtype=torch.float64) - (len(LEVELS) - 1) / 2
    scale = (ranks.square().sum(-1) * asked.square().sum()).sqrt()
    return (ranks * asked).sum(-1) / scale.clamp(min=1e-9)


def slope(readings: Tensor) -> Tensor:
    """The least-squares slope of the reading on what was asked, (n, 17)."""
    asked = torch.tensor(LEVELS) - sum(LEVELS) / len(LEVELS)
    return (own(readings) * asked).sum(-1) / asked.square().sum()


def rise(readings: Tensor) -> Tensor:
    """The reading at 1 less the reading at 0, (n, 17)."""
    values = own(readings)
    return values[..., -1] - values[..., 0]


def leakage(readings: Tensor) -> Tensor:
    """The mean absolute change of the other 16 from 0 to 1, (n, 17)."""
    change = (readings[:, :, -1] - readings[:, :, 0]).abs()
    others = change.sum(-1) - change.diagonal(dim1=1, dim2=2)
    return others / (len(AU_NUMBERS) - 1)


STRONGEST = 10
"""How many faces, of the highest labels, are taken to be at their most."""


def real_rise(read: Tensor, labels: Tensor) -> Tensor:
    """What the reader sees rise from real faces at rest to real faces that are at their most.

    A reader that learned from noisy labels flattens what it reads: even the strongest faces do not
    read 1. An edit can hardly be asked for more than they.

    Args:
        read: (n, 17), its readings of photos.
        labels: (n, 17), theirs.

    Returns:
        (17,): the mean reading of the strongest less that of all labelled below 0.02.
    """
    top = labels.topk(min(STRONGEST, len(labels)), dim=0).indices
    highest = read.gather(0, top).mean(0)
    resting = (labels < 0.02).float()
    return highest - (read * resting).sum(0) / resting.sum(0).clamp(min=1)


def control(readings: Tensor, real: Tensor) -> Control:
    """The figures of a sweep; readings (n, 17, 5, 17), real (17,) of `real_rise`."""
    return Control(
        # torch's median would take the lower of the two in the middle.
        spearman=np.median(spearman(readings).numpy(), axis=0),
        slope=slope(readings).double().mean(0).numpy(),
        rise=rise(readings).double().mean(0).numpy(),
        real=real.double().numpy(),
        leakage=leakage(readings).double().mean(0).numpy(),
    )


def swapped(labels: Tensor) -> Tensor:
    """For each face the label of another: the one chosen before it. (n, 17) -> the same."""
    return labels.roll(1, 0)


def transfer(
    paint: Painter, read: Read, subjects: Subjects, track: Track
) -> tuple[Transfer, Tensor]:
    """Give each face the whole expression of another.

    Returns:
        The figures, and the evaluation reader's features of the pictures, (n, k).
    """
    targets = swapped(subjects.labels)
    batches = list(zip(subjects.batches(), targets.split(BATCH), strict=True))
    shown, photos, features = [], [], []
    for part, target in track(batches, len(batches), "transferring expressions"):
        pictures, _ = paint(part.crops, part.landmarks, target, part.current)
        intensities, seen = read(pictures)
        shown.append(intensities.cpu())
        features.append(seen.cpu())
        photos.append(read(part.crops)[0].cpu())
    asked, got = targets.cpu().numpy(), torch.cat(shown).numpy()
    labels = subjects.labels.cpu().numpy()
    figures = Transfer(
        r=float(pearson(got, asked).mean()),
        error=float(np.abs(got - asked).mean()),
        r_photos=float(pearson(torch.cat(photos).numpy(), labels).mean()),
    )
    return figures, torch.cat(features)
