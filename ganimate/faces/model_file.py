"""MediaPipe's face model: found on disk, or fetched once, checked and kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from ganimate.errors import GanimateError
from ganimate.files import check_file

MODEL_NAME = "face_landmarker.task"
MODEL_URL = (
    "https://storage.googleapis.com/mediapipe-models/"
    "face_landmarker/face_landmarker/float16/1/face_landmarker.task"
)
MODEL_BYTES = 3_758_596
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
"""Face Landmarker, float16, version 1, Google, Apache-2.0."""


def find_model(
    face_model: Path | None = None,
    *,
    offline: bool = False,
    notify: Callable[[str], None] | None = None,
) -> Path:
    """The model file: the one given, else $GANIMATE_HOME's, else the cache's, else fetched.

    Args:
        face_model: a file that is used as it is; another version earns a notice.
        offline: fetch nothing; GANIMATE_OFFLINE=1 in the environment says the same.
        notify: is told before anything is fetched.

    Raises:
        GanimateError: there is no file at `face_model`; or the model is not at hand and cannot be
            fetched.
    """
    if face_model is not None:
        check_file(face_model)
        if notify and not is_model(face_model):
            notify(f"{face_model} is not the face model that ganimate was tested with")
        return face_model
    folders = model_folders()
    for folder in folders:
        if is_model(folder / MODEL_NAME):
            return folder / MODEL_NAME
    target = folders[0] / MODEL_NAME
    if is_offline(offline):
        raise GanimateError(
            f"MediaPipe's face model is not at {target}, and nothing is fetched offline",
            f"put it there from {MODEL_URL}",
        )
    if notify:
        place = urlsplit(MODEL_URL).netloc
        notify(
            f"fetching MediaPipe's face model ({MODEL_BYTES / 1e6:.1f} MB) from {place} to {target}"
        )
    from ganimate.download import fetch

    return fetch(MODEL_URL, target, size=MODEL_BYTES, sha256=MODEL_SHA256)


def is_offline(asked: bool = False) -> bool:
    """Whether nothing may be fetched: a command was asked so, or GANIMATE_OFFLINE=1 says it."""
    return asked or os.environ.get("GANIMATE_OFFLINE", "") not in ("", "0")


def model_folders() -> list[Path]:
    """Where the model is looked for; the first is where it is kept once fetched."""
    from platformdirs import user_cache_path

    home = os.environ.get("GANIMATE_HOME")
    cache = user_cache_path("ganimate", appauthor=False)
    return [Path(home).expanduser(), cache] if home else [cache]


def is_model(path: Path) -> bool:
    """Whether the tested model is at this path, whole."""
    try:
        if path.stat().st_size != MODEL_BYTES:
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == MODEL_SHA256
    except OSError:
        return False
