"""Fetching a file of known size and hash over TLS; what breaks off goes on later."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ganimate.errors import GanimateError

SILENCE_SECONDS = 20.0
"""A server silent for this long counts as unreachable."""
FETCH_SECONDS = 600.0
"""How long one fetch may take in all; the next goes on where it ended."""

CHUNK_BYTES = 1 << 16


def fetch(
    url: str,
    target: Path,
    *,
    size: int,
    sha256: str,
    timeout: float = SILENCE_SECONDS,
    limit: float = FETCH_SECONDS,
) -> Path:
    """Fetch a file of known size and hash; `target` appears whole and checked, or not at all.

    What has arrived when a fetch ends early is kept beside `target`, and the next one goes on from
    there, where the server lets it.

    Args:
        url: where from, https; nothing that leads elsewhere is followed.
        target: where to; its folder is made.
        size: bytes expected; not one more is kept.
        sha256: the hash expected, hexadecimal.
        timeout: seconds of silence allowed.
        limit: seconds allowed in all.

    Raises:
        GanimateError: no answer, wrong bytes, or no place to keep them.
    """
    _check_secure(url)
    partial = target.with_name(f".{target.name}.{sha256[:12]}.partial")
    until = time.monotonic() + limit
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _claimed(partial) as file, _progress(target.name, size) as show:
            kept = file.seek(0, os.SEEK_END)
            _receive(url, file, size, timeout, until, show)
            if kept and _hash(file) != sha256:  # what was kept was of something else
                file.truncate(0)
                _receive(url, file, size, timeout, until, show)
            if (found := _hash(file)) != sha256:
                file.truncate(0)
                raise GanimateError(
                    f"{url} sent other bytes: SHA-256 {found[:12]}, expected {sha256[:12]}",
                    "try again later, or fetch the file by other means",
                )
            os.fsync(file.fileno())
        partial.replace(target)
    except (OSError, HTTPException, ValueError) as error:  # timeouts are OSErrors
        reason = error.reason if isinstance(error, URLError) else error
        raise GanimateError(
            f"cannot fetch {url} to {target}: {' '.join(str(reason).split())}",
            "check the connection and try again, or fetch the file by other means",
        ) from error
    return target


def _receive(
    url: str,
    file: BinaryIO,
    size: int,
    timeout: float,
    until: float,
    show: Callable[[int], None],
) -> None:
    """Add to a file what it lacks; where the server begins anew, so does the file."""
    have = file.seek(0, os.SEEK_END)
    if have == size:
        return
    if have > size:
        have = file.truncate(0)
    request = Request(url, headers={"User-Agent": "ganimate"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with build_opener(_SecureRedirects).open(request, timeout=timeout) as answer:
        if have and not _continues(answer, have):
            have = file.truncate(0)
        told = answer.headers.get("Content-Length")
        if told is not None and told != str(size - have):
            raise ValueError(f"the server has {told} bytes where {size - have} are expected")
        show(have)
        while chunk := answer.read1(CHUNK_BYTES):
            if have + len(chunk) > size:
                file.truncate(0)
                raise ValueError(f"the server sends more than the {size} bytes expected")
            if time.monotonic() > until:
                raise TimeoutError("this takes too long")
            file.write(chunk)
            have += len(chunk)
            show(have)
    if have < size:
        raise ValueError(f"the connection ended after {have} of {size} bytes")


def _continues(answer: HTTPResponse, have: int) -> bool:
    """Whether an answer is the rest that was asked for, and not the whole."""
    said = answer.headers.get("Content-Range", "")
    return answer.status == HTTPStatus.PARTIAL_CONTENT and said.startswith(f"bytes {have}-")


def _check_secure(url: str) -> None:
    if not url.lower().startswith("https://"):
        raise GanimateError(f"{url}: not fetched: it is no https address")


class _SecureRedirects(HTTPRedirectHandler):
    """Follows to other places, and never off TLS."""

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        _check_secure(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextlib.contextmanager
def _claimed(partial: Path) -> Iterator[BinaryIO]:
    """A file to read and to add to, that no other process adds to; where empty, not kept."""
    empty = False
    try:
        with partial.open("ab+", buffering=0) as raw:
            file = cast(BinaryIO, raw)
            try:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except ImportError:  # Windows: the hash finds out
                pass
            except BlockingIOError:
                raise OSError("another process is fetching it at this moment") from None
            try:
                yield file
            finally:
                empty = file.seek(0, os.SEEK_END) == 0
    finally:
        if empty:
            partial.unlink(missing_ok=True)


def _hash(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.sha256(file.read()).hexdigest()


@contextlib.contextmanager
def _progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """What is told how many bytes are there: a bar where standard error is a terminal."""
    if not sys.stderr.isatty():
        yield lambda have: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total)
        yield lambda have: bar.update(task, completed=have)
