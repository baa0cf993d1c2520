"""A small dataset in the real format, made from the example portraits, and a simple teacher."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import torch
from conftest import EXAMPLES
from PIL import Image, ImageEnhance

from ganimate.faces.align import STORED_OFFSET, STORED_SCALE
from ganimate.faces.locate import open_locator
from ganimate.training.dataset import FaceDataset
from ganimate.training.motion import Teacher

STORED = 152
PHOTOS = (EXAMPLES / "portrait.jpg", EXAMPLES / "astronaut.jpg")


def write_dataset(
    folder: Path, photos: Sequence[Path] = PHOTOS, train: int = 12, validation: int = 8
) -> Path:
    """Write train and validation shards of turned, brightened faces with made-up labels."""
    locator = open_locator("builtin")
    faces = []
    for path in photos:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        faces.append((pixels, locator.locate(pixels)[0]))
    locator.close()
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("validation", validation)):
        rows: dict[str, list[object]] = {
            name: [] for name in ("image", "action_units", "landmarks", "pose")
        }
        for i in range(count):
            pixels, face = faces[i % len(faces)]
            bright = ImageEnhance.Brightness(Image.fromarray(pixels)).enhance(rng.uniform(0.7, 1.3))
            stored = face.frame.scaled(STORED_SCALE).crop(np.asarray(bright), STORED)
            data = io.BytesIO()
            Image.fromarray(stored).save(data, "JPEG", quality=92)
            points = face.frame.to_crop(face.landmarks, 128) + (STORED - 128) / 2 - STORED_OFFSET
            rows["image"].append({"bytes": data.getvalue(), "path": f"{split}/{i}.jpg"})
            rows["action_units"].append(rng.uniform(0, 1, 17).astype(np.float32))
            rows["landmarks"].append(points.astype(np.float16).ravel())
            rows["pose"].append(rng.uniform(-10, 10, 3).astype(np.float32))
        schema = pa.schema(
            {
                "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
                "action_units": pa.list_(pa.float32(), 17),
                "landmarks": pa.list_(pa.float16(), 956),
                "pose": pa.list_(pa.float32(), 3),
            }
        )
        table = pa.table(rows, schema=schema)
        parquet.write_table(table, folder / f"{split}-00000-of-00001.parquet")
    return folder


def write_test_split(folder: Path, women: int, men: int) -> Path:
    """Write a dataset with a test split of women of 30 and men of 40."""
    write_dataset(folder, train=1, validation=women + men)
    table = parquet.read_table(folder / "validation-00000-of-00001.parquet")
    for name, values in (("gender", ["Female", "Male"]), ("age_band", ["30-39", "40-49"])):
        table = table.append_column(name, pa.array([values[0]] * women + [values[1]] * men))
    parquet.write_table(table, folder / "test-00000-of-00001.parquet")
    return folder


def still(data: FaceDataset, directions: torch.Tensor) -> Teacher:
    """A teacher with these motions, that shades nothing and lets go as it pulls."""
    mean = data.landmarks.mean(0)
    return Teacher(directions, mean, mean, torch.zeros(17, 1, 128, 128), torch.ones(17))
