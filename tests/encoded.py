"""Films of every format: a real photo in which a spot moves, written, and read back."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from photos import REAL
from PIL import Image, ImageSequence

from ganimate.media.provenance import Provenance
from ganimate.media.video import film_writer

STATED = Provenance("neutral to smile", "9f86d081", "ganimate 0")
SIZE = (131, 97)  # odd both ways
COUNT = 13

Frames = list[np.ndarray[Any, np.dtype[np.uint8]]]


def moving_spot() -> Frames:
    """A real photo in which a soft bright spot moves."""
    with Image.open(REAL[0]) as image:
        still = np.asarray(image.convert("RGB").resize(SIZE), float)
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    moved = []
    for number in range(COUNT):
        spot = 90 * np.exp(-((x - 30 - 5 * number) ** 2 + (y - 50) ** 2) / 150)[..., None]
        moved.append(np.clip(still + spot, 0, 255).astype(np.uint8))
    return moved


def write(path: Path, frames: Frames, **options: Any) -> Path:
    asked: dict[str, Any] = {"size": SIZE, "fps": 25, "provenance": STATED} | options
    with film_writer(path, **asked) as film:
        for frame in frames:
            film.write(frame)
        assert film.frames == len(frames)
    return path


def read(path: Path) -> list[np.ndarray[Any, Any]]:
    """The frames of a film as RGB, by Pillow where it can, else by ffmpeg."""
    if path.suffix in (".mp4", ".webm"):
        size = probe(path)["size"]
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
        bt709 = [
            "-vf",
            "scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd+full_chroma_int",
        ]
        command = [get_ffmpeg_exe(), "-v", "error", "-i", str(path), *bt709, *raw]
        out = subprocess.run(command, check=True, capture_output=True).stdout
        return list(np.frombuffer(out, np.uint8).reshape(-1, size[1], size[0], 3))
    with Image.open(path) as image:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]


def probe(path: Path) -> dict[str, Any]:
    """What ffprobe, or without it ffmpeg's own listing, says of a video file."""
    if ffprobe := shutil.which("ffprobe"):
        show = ["-count_frames", "-show_streams", "-show_format", "-of", "json"]
        command = [ffprobe, "-v", "error", *show, str(path)]
        told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        stream = told["streams"][0]
        return {
            "size": (stream["width"], stream["height"]),
            "fps": float(Fraction(stream["avg_frame_rate"])),
            "frames": int(stream["nb_read_frames"]),
            "format": stream["pix_fmt"],
            "codec": stream["codec_name"],
            "colours": {stream.get(f"color_{k}") for k in ("space", "transfer", "primaries")},
            "tags": {k.lower(): v for k, v in told["format"].get("tags", {}).items()},
        }
    command = [get_ffmpeg_exe(), "-i", str(path), "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, text=True).stderr
    stream = re.search(r"Video: (\w+).*?, (\w+)\((.*?)\).*?, (\d+)x(\d+).*?([\d.]+) fps", told)
    counted, tag = re.findall(r"frame= *(\d+)", told), re.search(r"comment *: (.*)", told, re.I)
    assert stream and counted
    return {
        "size": (int(stream[4]), int(stream[5])),
        "fps": float(stream[6]),
        "frames": int(counted[-1]),
        "format": stream[2],
        "codec": stream[1],
        "colours": {"bt709"} if "bt709" in stream[3] else set(),
        "tags": {"comment": tag[1]} if tag else {},
    }
