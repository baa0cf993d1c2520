"""Films for tests, made on the spot: a camera that moves over a real photo, with sound."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

HD = "color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
FFPROBE = shutil.which("ffprobe")


def ffmpeg(*words: object, given: bytes | None = None) -> bytes:
    """Run ffmpeg, which must succeed."""
    command = [get_ffmpeg_exe(), "-v", "error", "-y", *map(str, words)]
    done = subprocess.run(command, input=given, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def pans(
    photo: Path, count: int, size: tuple[int, int] = (240, 180), speed: float = 2.0
) -> tuple[list[Pixels], list[NDArray[np.float64]]]:
    """Frames of a camera that moves, zooms and turns, and the maps (2, 3) from photo to frame."""
    pixels = np.asarray(Image.open(photo).convert("RGB"))
    height, width = pixels.shape[:2]
    rng = np.random.default_rng(0)
    frames, maps = [], []
    for t in np.arange(count) / 25 * speed:
        zoom = size[1] / height * (1 + 0.1 * np.sin(t))
        angle = np.radians(6 * np.sin(1.3 * t))
        cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
        linear = np.array([[cos, -sin], [sin, cos]])
        middle = np.array([size[0] / 2 + 12 * np.sin(0.9 * t), size[1] / 2 + 5 * np.sin(1.7 * t)])
        matrix = np.column_stack([linear, middle - linear @ (width / 2, height / 2)])
        shown = cv2.warpAffine(
            pixels, matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
        )
        noisy = shown + rng.normal(0, 2, shown.shape)
        frames.append(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
        maps.append(matrix)
    return frames, maps


def write_film(
    path: Path,
    frames: Sequence[Pixels],
    *extra: object,
    fps: int = 25,
    sound: bool = True,
    graph: str = "",
) -> Path:
    """Encode frames, with a tone of 440 Hz; `extra` are options of the output."""
    height, width = frames[0].shape[:2]
    words: list[object] = ["-f", "rawvideo", "-pixel_format", "rgb24", "-framerate", fps]
    words += ["-video_size", f"{width}x{height}", "-i", "pipe:0"]
    if sound:
        words += ["-f", "lavfi", "-i", f"sine=d={len(frames) / fps}"]
    matrix = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
    words += ["-vf", f"{matrix},setparams={HD}{graph}", "-crf", 15, *extra, path]
    ffmpeg(*words, given=b"".join(frame.tobytes() for frame in frames))
    return path


def sound_of(path: Path) -> bytes:
    """A digest of the sound's packets, as they are stored."""
    return ffmpeg("-i", path, "-map", "0:a", "-c", "copy", "-f", "md5", "-")


def streams(path: Path) -> dict[str, dict[str, Any]]:
    """What ffprobe says of each kind of stream, and of the file."""
    assert FFPROBE
    command = [FFPROBE, "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {"file": told["format"], **{one["codec_type"]: one for one in told["streams"]}}
