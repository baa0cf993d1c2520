"""Realism: whether edited faces look like photos, are still found as faces, and move evenly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganimate.evaluation.subjects import Painter, Subjects, Track, in_context, pixels
from ganimate.faces.align import FaceFrame
from ganimate.faces.mediapipe import Landmarker
from ganimate.facs import AU_NUMBERS
from ganimate.training.dataset import MARGIN, STORED_SIZE

FOUND_ON = 100
"""Pictures on which a face is looked for."""

STEPS, FOLLOWED, UNITS = 9, 8, (12, 45)

Find = Callable[[NDArray[np.uint8]], NDArray[np.float64] | None]
"""A face's landmarks, (478, 2) in crop pixels, or None: (152, 152, 3) uint8 RGB in."""


@dataclass(frozen=True)
class Distance:
    """Kernel distances, 0 for two sets drawn from one and the same; see `kernel_distance`.

    Attributes:
        painted: faces with another's expression, to photos of other people.
        photos: the same faces as they were, to the same photos: what to expect at best.
    """

    painted: float
    photos: float


@dataclass(frozen=True)
class Found:
    """Share of pictures on which MediaPipe finds a face, 0..1: edited ones, and photos."""

    edited: float
    photos: float


@dataclass(frozen=True)
class Motion:
    """How evenly landmarks move while one action unit goes from 0 to 1 in 9 steps.

    Attributes:
        jitter: by action unit, the mean second difference in crop pixels; an even motion gives 0.
        travel: by action unit, the mean way from the first step to the last, in crop pixels.
    """

    jitter: dict[str, float]
    travel: dict[str, float]


def kernel_distance(x: Tensor, y: Tensor) -> float:
    """Squared maximum mean discrepancy of features, (n, k) and (m, k), n and m at least 2.

    The unbiased estimate with the kernel (x . y / k + 1) ** 3, which may fall a little below 0.

    Source: Binkowski et al. 2018 (KID), there on features of Inception.
    """
    x, y = x.double(), y.double()

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(a: Tensor) -> Tensor:
        values = kernel(a, a)
        return (values.sum() - values.trace()) / (len(a) * (len(a) - 1))

    return float(within(x) + within(y) - 2 * kernel(x, y).mean())


def distance(painted: Tensor, photos: Tensor, rows: Tensor) -> Distance:
    """Compare painted faces with photos of people who were not painted.

    Args:
        painted: (n, k), the evaluation reader's features of the painted pictures.
        photos: (m, k), its features of the whole split.
        rows: (n,), where in the split those who were painted are.
    """
    # Where nearly the whole split was painted, every other subject serves as a photo.
    chosen = slice(None, None, 1 if 2 * len(rows) <= len(photos) else 2)
    others = torch.ones(len(photos), dtype=torch.bool)
    others[rows[chosen]] = False
    reference = photos[others]
    return Distance(
        painted=kernel_distance(painted[chosen], reference),
        photos=kernel_distance(photos[rows[chosen]], reference),
    )


def finder(landmarker: Landmarker) -> Find:
    """MediaPipe on a stored face whose border is drawn out: its detector wants room around it.

    So it finds a face on all of 200 photos; on the bare crop it misses 1 in 100.
    """
    border = 52
    side = STORED_SIZE + 2 * border
    whole = FaceFrame.turned(((side - 1) / 2, (side - 1) / 2), side / 2, roll=0)

    def find(picture: NDArray[np.uint8]) -> NDArray[np.float64] | None:
        canvas = np.asarray(
            cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE),
            np.uint8,
        )
        faces = list(landmarker(canvas, whole, side))
        return faces[0] - border - MARGIN if faces else None

    return find


def found(find: Find, subjects: Subjects, edited: NDArray[np.uint8]) -> Found:
    """Look for faces on at most `FOUND_ON` edited pictures and photos, evenly chosen.

    Args:
        edited: (k, n, 128, 128, 3) uint8 RGB, k edits of the n subjects.
    """
    stored = subjects.stored.numpy()

    def share(pictures: NDArray[np.uint8]) -> float:
        count = min(FOUND_ON, len(pictures))
        chosen = [pictures[index * len(pictures) // count] for index in range(count)]
        return sum(find(picture) is not None for picture in chosen) / count

    return Found(
        edited=share(in_context(stored, edited).reshape(-1, *stored.shape[1:])),
        photos=share(stored),
    )


def motion(paint: Painter, find: Find, subjects: Subjects, track: Track) -> Motion:
    """Sweep AU12 and AU45 on a few faces and follow their landmarks."""
    part = subjects.part(slice(FOLLOWED))
    jitter: dict[str, float] = {}
    travel: dict[str, float] = {}
    for number in track(UNITS, len(UNITS), "following landmarks"):
        frames = []
        for value in np.linspace(0, 1, STEPS):
            target = part.current.clone()
            target[:, AU_NUMBERS.index(number)] = float(value)
            painted = paint(part.crops, part.landmarks, target, part.current)
            frames.append(in_context(part.stored.numpy(), pixels(painted.pictures)))
        paths = [_follow(find, face) for face in zip(*frames, strict=True)]
        followed = np.array([path for path in paths if path is not None])
        if len(followed):
            bend = np.linalg.norm(np.diff(followed, 2, axis=1), axis=-1)
            way = np.linalg.norm(followed[:, -1] - followed[:, 0], axis=-1)
            jitter[str(number)], travel[str(number)] = float(bend.mean()), float(way.mean())
    return Motion(jitter, travel)


def _follow(find: Find, frames: tuple[NDArray[np.uint8], ...]) -> NDArray[np.float64] | None:
    """A face's landmarks in every frame, (9, 478, 2); None where it is lost in one."""
    places = [place for place in map(find, frames) if place is not None]
    return np.stack(places) if len(places) == len(frames) else None
