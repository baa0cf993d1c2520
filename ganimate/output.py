"""Where results are written: checked early, written aside, moved into place only when complete.

Nothing but a kill that cannot be caught, or a power cut, leaves anything unfinished behind: hidden
files and folders whose names begin with ".ganimate-". The next run that writes into the folder
removes those of runs that are over.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import secrets
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path

from ganimate.errors import GanimateError

_FRAME_NAME = re.compile(r"\d{5,}\.png")
_LONGEST_SUFFIX = 16

# Of Linux's renameat2: paths count from the working folder; the two change places.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def check_output(path: str | os.PathLike[str], *, force: bool, source: Path | None = None) -> None:
    """Refuse an output that cannot or must not be written, before any work is done for it.

    Args:
        path: the file, or for frames the folder, to be written.
        force: replace an existing file, or an existing folder that holds nothing but frames.
        source: the photo that was read; it is never written over, `force` or not.

    Raises:
        GanimateError: the output exists, is the source, has an impossible name, or its folder is
            missing or read-only.
    """
    path = Path(path)
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # too long a name; a zero in it
        reason = getattr(error, "strerror", None) or error
        raise GanimateError(f"{path}: cannot be written: {reason}") from error
    if not path.parent.is_dir():
        raise GanimateError(f"{path}: the folder {path.parent} does not exist", "create it first")
    if not os.access(path.parent, os.W_OK):
        raise GanimateError(f"{path}: the folder {path.parent} cannot be written to")
    if not os.path.lexists(path):
        return
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise GanimateError(f"{path}: this is the file that is read", "give another name")
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
    kind = suffix if len(suffix) <= _LONGEST_SUFFIX else ""
    path = folder / f"{_prefix()}{os.getpid()}-{secrets.token_hex(8)}{kind}"
    try:
        yield path
    finally:
        _remove(path)


@cache
def _prefix() -> str:
    """What names begin with that are written aside on this machine; the process follows.

    Containers of one name may share a folder: each counts its processes for itself.
    """
    machine = platform.node()
    with suppress(OSError):
        machine += str(Path("/proc/self/ns/pid").readlink())
    return f".ganimate-{zlib.crc32(machine.encode()):08x}-"


@lru_cache(maxsize=256)
def _sweep(folder: Path) -> None:
    """Remove what runs that were killed on this machine left in a folder; looks there once."""
    with suppress(OSError):
        for left in folder.glob(f"{_prefix()}*"):
            process = left.name.removeprefix(_prefix()).partition("-")[0]
            if process.isdecimal() and not _runs(int(process)):
                _remove(left)


def _runs(process: int) -> bool:
    """Whether a process of this number may be running."""
    if os.name != "posix":  # where asking would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
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
    _sweep(path.parent.absolute())
    with scratch(path.parent, path.suffix) as unfinished:
        yield unfinished
        with write_errors(path):
            _flush(unfinished)
            # A film takes minutes: somebody may have put a file there in the meantime.
            check_output(path, force=force, source=source)
            _move(unfinished, path)


def _flush(written: Path) -> None:
    """Have the system put a file, or a folder and every file in it, on the disk."""
    folder = written.is_dir()
    for file in written.iterdir() if folder else [written]:
        with file.open("rb+") as handle:
            os.fsync(handle.fileno())
    if folder:
        _flush_names(written)


def _flush_names(folder: Path) -> None:
    """Have the system put what a folder lists on the disk."""
    if os.name != "posix":
        return
    listed = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network disks know no such thing
            os.fsync(listed)
    finally:
        os.close(listed)


def _move(unfinished: Path, path: Path) -> None:
    """Put the result in its place, and what was there, if it is a folder, in the result's."""
    if not path.is_dir():
        unfinished.replace(path)
    elif not _exchange(unfinished, path):
        # Elsewhere than on Linux a folder cannot replace another in a single step. The old one
        # steps aside, by a name that people see and no sweep takes, should we be killed here.
        aside = path.with_name(f"{path.name}-before-{secrets.token_hex(4)}")
        path.rename(aside)
        try:
            unfinished.rename(path)
        except BaseException:
            aside.rename(path)
            raise
        _remove(aside)
    _flush_names(path.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Let two files or folders change places in a single step; False where that cannot be."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)
