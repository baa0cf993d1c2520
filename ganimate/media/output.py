"""Where results are written: checked early, written aside, moved into place only when complete."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganimate.errors import GanimateError

_FRAME_NAME = re.compile(r"\d{5,}\.png")


def check_output(path: str | os.PathLike[str], *, force: bool, source: Path | None = None) -> None:
    """Refuse an output that cannot or must not be written, before any work is done for it.

    Args:
        path: the file, or for frames the folder, to be written.
        force: replace an existing file, or an existing folder that holds nothing but frames.
        source: the photo that was read; it is never written over, `force` or not.

    Raises:
        GanimateError: the output exists, is the source, or its folder is missing or read-only.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise GanimateError(f"{path}: the folder {path.parent} does not exist", "create it first")
    if not os.access(path.parent, os.W_OK):
        raise GanimateError(f"{path}: the folder {path.parent} cannot be written to")
    if not os.path.lexists(path):
        return
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise GanimateError(f"{path}: this is the photo that is read", "give another name")
    if path.is_dir():
        entries = list(path.iterdir())
        if any(_FRAME_NAME.fullmatch(entry.name) is None for entry in entries):
            raise GanimateError(
                f"{path}: this folder holds more than frames and is left alone", "give another name"
            )
        occupied = bool(entries)
    elif path.is_file() or path.is_symlink():
        occupied = True
    else:  # /dev/null and its like must not be replaced by a file
        raise GanimateError(f"{path}: this is neither a file nor a folder")
    if occupied and not force:
        raise GanimateError(f"{path}: this exists already", "give another name, or --force")


@contextmanager
def scratch(folder: Path, suffix: str = "") -> Iterator[Path]:
    """Yield a fresh hidden path in `folder`; whatever stands there at the end is removed.

    The caller creates the file itself, so that it gets the permissions of any other new file
    (those of `tempfile` can be read by their owner alone).
    """
    path = folder / f".ganimate-{secrets.token_hex(8)}{suffix}"
    try:
        yield path
    finally:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Say of the system's refusals inside which output they hit."""
    try:
        yield
    except OSError as error:
        raise GanimateError(
            f"{path}: could not be written: {error.strerror or error}",
            "is the disk full, or the folder read-only?",
        ) from error


@contextmanager
def draft(path: Path, *, force: bool = False, source: Path | None = None) -> Iterator[Path]:
    """Yield a path to write the result to; it takes the place of `path` if all went well.

    After any exception, Ctrl-C included, `path` is as it was and nothing is left beside it.

    Args:
        path: the file or folder that is wanted.
        force: as in `check_output`.
        source: as in `check_output`.

    Raises:
        GanimateError: as `check_output`, or the system refused to write.
    """
    check_output(path, force=force, source=source)
    with scratch(path.parent, path.suffix) as unfinished:
        yield unfinished
        with write_errors(path):
            _flush(unfinished)
            # A film takes minutes: somebody may have put a file there in the meantime.
            check_output(path, force=force, source=source)
            _move(unfinished, path)


def _flush(written: Path) -> None:
    """Have the system put a file, or every file of a folder, on the disk."""
    for file in written.iterdir() if written.is_dir() else [written]:
        with file.open("rb+") as handle:
            os.fsync(handle.fileno())


def _move(unfinished: Path, path: Path) -> None:
    if not path.is_dir():
        unfinished.replace(path)
        return
    # A folder cannot replace another one in a single step, so the old one steps aside.
    with scratch(path.parent) as previous:
        path.rename(previous)
        try:
            unfinished.rename(path)
        except BaseException:
            previous.rename(path)
            raise
