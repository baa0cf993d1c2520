"""Photos for tests: real ones, and small ones that say of themselves what cameras say."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from conftest import EXAMPLES, SHARED
from PIL import ExifTags, Image

from ganimate.media.provenance import Provenance

REAL = sorted((SHARED / "photos").glob("london-*.jpg"))[:2] or sorted(EXAMPLES.glob("*.jpg"))
STATED = Provenance({"AU12": 0.8}, "9f86d081")
# Linear RGB of sRGB's primaries: nothing that could be taken for sRGB itself.
LINEAR_RGB = "linear"


def scene(width: int = 96, height: int = 72) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Smooth, and different in every corner and channel, so that a turn or swap shows."""
    y, x = np.mgrid[0:height, 0:width]
    r, g, b = x * 255 / (width - 1), y * 255 / (height - 1), 255 - (x + y) * 200 / (width + height)
    return np.stack([r, g, b], axis=-1).astype(np.uint8)


def distance(one: Any, other: Any) -> float:
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


def icc(colour: str) -> bytes:
    """A small valid profile: "grey" or "linear", each with a gamma of its own."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    text = b"linear test profile"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" * 79
    tags = {b"desc": description, b"wtpt": xyz(0.9642, 1.0, 0.8249), b"cprt": b"text\0\0\0\0PD\0"}
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, 256) + b"\0\0"  # gamma 1
    if colour == "grey":
        tags[b"kTRC"] = curve
    else:
        primaries = (0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
        for channel, primary in zip((b"r", b"g", b"b"), primaries, strict=True):
            tags |= {channel + b"XYZ": xyz(*primary), channel + b"TRC": curve}
    table, data, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", offset + len(data), len(content))
        data += content
    space = b"GRAY" if colour == "grey" else b"RGB "
    head = struct.pack(">I4sI4s4s4s", offset + len(data), b"", 0x02400000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp").ljust(44, b"\0")
    illuminant = struct.pack(">3i", 63190, 65536, 54061)
    return head + illuminant + b"\0" * (128 - 80) + struct.pack(">I", len(tags)) + table + data


def save(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def with_exif(**tags: Any) -> Image.Exif:
    exif = Image.Exif()
    for name, value in tags.items():
        exif[ExifTags.Base[name]] = value
    return exif
