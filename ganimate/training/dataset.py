"""Labelled face crops, read from Parquet once and kept decoded in memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ganimate.errors import GanimateError
from ganimate.faces.align import CROP_SIZE, LANDMARKS, STORED_OFFSET, STORED_SCALE
from ganimate.files import check_file

ACTION_UNITS = 17
STORED_SIZE = round(CROP_SIZE * STORED_SCALE)
MARGIN = (STORED_SIZE - CROP_SIZE) // 2
"""Stored crops are 1.1875 times larger than the face frame: 12 pixels more on every side."""
COLUMNS = ("image", "action_units", "landmarks", "pose")
MOST_FACES, MOST_BYTES = 1_000_000, 2**33
"""What a shard may announce of its rows, and of its size in memory."""


_TENSORS = ("images", "action_units", "landmarks", "pose")


@dataclass(frozen=True)
class FaceDataset:
    """All faces of one split.

    Attributes:
        images: (n, 152, 152, 3) uint8 RGB.
        action_units: (n, 17) float32 in 0..1.
        landmarks: (n, 478, 2) float32, pixels of the middle 128 x 128 crop.
        pose: (n, 3) float32 yaw, pitch, roll in degrees.
        names: the pictures' paths in the dataset, by which recipes can name faces.
        fingerprint: first 12 hex digits of a SHA-256 over the shards' names and sizes and labels.
    """

    images: Tensor
    action_units: Tensor
    landmarks: Tensor
    pose: Tensor
    names: list[str]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device) -> FaceDataset:
        """The same in a device's memory, where no step then waits for the host's."""
        moved = {name: getattr(self, name).to(device) for name in _TENSORS}
        return replace(self, **moved)


def find_shards(dataset: Path, split: str) -> list[Path]:
    """The Parquet files of a split: ``<split>-*.parquet`` in the dataset's folder.

    Raises:
        GanimateError: there is none.
    """
    shards = sorted(dataset.glob(f"{split}-*.parquet")) if dataset.is_dir() else []
    if not shards:
        raise GanimateError(
            f"{dataset}: no {split}-*.parquet in it",
            "give the folder that holds the dataset's Parquet shards",
        )
    return shards


def load_dataset(dataset: Path, split: str, limit: int | None = None) -> FaceDataset:
    """Read a split into memory (the 16,635 training faces take 1.2 GB).

    Args:
        dataset: folder of Parquet shards.
        split: ``train``, ``validation`` or ``test``.
        limit: at most this many faces, for rehearsals.

    Raises:
        GanimateError: a shard is missing, unreadable, or a column has the wrong shape.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    parts: list[tuple[NDArray[Any], ...]] = []
    names: list[str] = []
    digest = hashlib.sha256()
    left = limit
    for shard in find_shards(dataset, split):
        if left == 0:
            break
        check_file(shard)
        try:
            table = _checked(parquet.ParquetFile(shard), shard).read(list(COLUMNS))
            cells = table["image"].slice(0, left).to_pylist()
        except (pyarrow.ArrowException, OSError, LookupError, ValueError) as error:
            # ValueError: names that are no text
            reason = " ".join(str(error).split())[:200]
            raise GanimateError(f"{shard}: not a readable dataset shard: {reason}") from error
        table = table.slice(0, left) if left is not None else table
        left = left - len(table) if left is not None else None
        labels = _matrix(table, "action_units", ACTION_UNITS, shard)
        digest.update(f"{shard.name} {len(table)}".encode() + labels.tobytes())
        if not all(isinstance(cell, dict) and cell.get("bytes") for cell in cells):
            raise GanimateError(f"{shard}: column image must hold bytes and a path for each face")
        names += [str(cell.get("path")) for cell in cells]
        parts.append(
            (
                _decode(cells, shard),
                labels,
                _matrix(table, "landmarks", LANDMARKS * 2, shard),
                _matrix(table, "pose", 3, shard),
            )
        )
    if not names:
        raise GanimateError(f"{dataset}: no face in its {split} shards")
    images, labels, landmarks, pose = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return FaceDataset(
        images=torch.from_numpy(images),
        action_units=torch.from_numpy(labels).clamp_(0, 1),
        landmarks=torch.from_numpy(landmarks).view(-1, LANDMARKS, 2) + (STORED_OFFSET - MARGIN),
        pose=torch.from_numpy(pose),
        names=names,
        fingerprint=digest.hexdigest()[:12],
    )


def _checked(file: Any, shard: Path) -> Any:
    """A Parquet file; one that lacks a column, or announces too much for any memory, is refused."""
    about = file.metadata
    if missing := set(COLUMNS) - set(file.schema_arrow.names):
        raise GanimateError(f"{shard}: has no column {min(missing)}")
    groups = (about.row_group(index) for index in range(about.num_row_groups))
    if about.num_rows > MOST_FACES or sum(one.total_byte_size for one in groups) > MOST_BYTES:
        raise GanimateError(f"{shard}: too large for a shard of faces", "cut it into several")
    return file


def _matrix(table: Any, column: str, width: int, shard: Path) -> NDArray[np.float32]:
    wrong = GanimateError(f"{shard}: column {column} must hold {width} finite numbers a face")
    try:
        cells = table[column].combine_chunks().flatten()
        values = cells.to_numpy(zero_copy_only=False).astype(np.float32)
    except (AttributeError, TypeError, ValueError) as error:
        raise wrong from error
    if values.size != len(table) * width or not np.isfinite(values).all():
        raise wrong
    return values.reshape(len(table), width)


def _decode(cells: Sequence[dict[str, Any]], shard: Path) -> NDArray[np.uint8]:
    def one(cell: dict[str, Any]) -> NDArray[np.uint8]:
        try:
            with Image.open(io.BytesIO(cell["bytes"])) as announced:
                fits = announced.size == (STORED_SIZE, STORED_SIZE)  # before it takes memory
            data = np.frombuffer(cell["bytes"], np.uint8)
            image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if fits else None
        except Exception:  # on damaged files decoders raise almost anything
            image = None
        if image is None or image.shape != (STORED_SIZE, STORED_SIZE, 3):
            raise GanimateError(
                f"{shard}: {cell.get('path')} is not a {STORED_SIZE} x {STORED_SIZE} picture"
            )
        return np.asarray(image, np.uint8)

    with ThreadPoolExecutor(2) as pool:
        return np.stack(list(pool.map(one, cells)))
