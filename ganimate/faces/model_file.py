"""MediaPipe's face model: found on disk, or fetched once, checked and kept."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from ganimate.errors import GanimateError, UsageError

MODEL_NAME = "face_landmarker.task"
MODEL_URL = (
    "https://storage.googleapis.com/mediapipe-models/"
    "face_landmarker/face_landmarker/float16/1/face_landmarker.task"
)
MODEL_BYTES = 3_758_596
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
"""Face Landmarker, float16, version 1, Google, Apache-2.0."""

TIMEOUT_SECONDS = 20.0
"""A server silent for this long counts as unreachable."""

CHUNK_BYTES = 1 << 16


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
        UsageError: there is no file at `face_model`.
        GanimateError: the model is not at hand and cannot be fetched.
    """
    if face_model is not None:
        if not face_model.is_file():
            raise UsageError(f"no face model at {face_model}", "--face-model names a .task file")
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
        notify(f"fetching MediaPipe's face model ({MODEL_BYTES / 1e6:.1f} MB) to {target}")
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


def fetch(
    url: str,
    target: Path,
    *,
    size: int,
    sha256: str,
    timeout: float = TIMEOUT_SECONDS,
) -> Path:
    """Fetch a file of known size and hash; `target` appears whole and checked, or not at all.

    Args:
        url: where from.
        target: where to; its folder is made.
        size: bytes expected; not one more is read.
        sha256: the hash expected, hexadecimal.
        timeout: seconds of silence allowed.

    Raises:
        GanimateError: no answer, wrong bytes, or no place to keep them.
    """
    digest, received = hashlib.sha256(), 0
    request = Request(url, headers={"User-Agent": "ganimate"})
    try:
        with (
            _replacing(target) as file,
            urlopen(request, timeout=timeout) as answer,
            _progress(target.name, size) as advance,
        ):
            while chunk := answer.read(min(CHUNK_BYTES, size + 1 - received)):
                received += len(chunk)
                digest.update(chunk)
                os.write(file, chunk)
                advance(len(chunk))
            if received != size or digest.hexdigest() != sha256:
                what = f"{received}" if received <= size else f"more than {size}"
                raise GanimateError(
                    f"{url} sent {what} bytes that are not the {size} expected",
                    "try again later, or fetch the file by other means",
                )
    except (OSError, HTTPException, ValueError) as error:  # timeouts are OSErrors
        reason = error.reason if isinstance(error, URLError) else error
        raise GanimateError(
            f"cannot fetch {url} to {target}: {reason}",
            "check the connection, or fetch the file by other means",
        ) from error
    return target


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[int]:
    """A file descriptor whose bytes become `target` when all went well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    file, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    part = Path(name)
    try:
        try:
            yield file
            os.fsync(file)
        finally:
            os.close(file)
        part.chmod(0o644)
        part.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


@contextlib.contextmanager
def _progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error where that is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total)
        yield lambda count: bar.advance(task, count)
