"""OpenFace's recordings (CSV): what a face in a film showed, frame by frame.

Source: Baltrusaitis et al., OpenFace 2.0, FG 2018; the columns are those of FeatureExtraction.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganimate.errors import UsageError
from ganimate.facs import AU_NUMBERS
from ganimate.files import check_file
from ganimate.timeline.keys import MAX_SECONDS, Track
from ganimate.trajectory import MAX_FPS, MAX_FRAMES, MIN_FPS

MIN_CONFIDENCE = 0.7
"""Rows in which OpenFace was less sure of the face are interpolated."""
FULL = 5.0
"""OpenFace's intensity that is 1 here."""
MAX_BYTES = 512_000_000
"""An hour of all the 700 columns that OpenFace can write."""
ROUNDED = 0.002
"""Seconds that a timestamp of three decimals may be off a steady grid."""
SLOWEST, FASTEST = 0.2, 10_000.0
"""Frames a second beyond which timestamps are in no seconds."""
ROUNDED_FPS = 1e-3
"""By how much, of itself, a rate may seem out of range for the same reason."""

_COLUMNS = {f"AU{number:02d}_r": number for number in AU_NUMBERS}
_DECIMALS = {"timestamp": 6, "confidence": 3, "AU": 4}
"""OpenFace writes fewer, which is not enough for the same film."""


def read(path: Path) -> dict[str, Any]:
    """The fields of the `Timeline` in a CSV file of OpenFace.

    Raises:
        OSError: the file cannot be read.
        UsageError: names the file and the line that is wrong.
    """
    if check_file(path) > MAX_BYTES:
        raise UsageError(f"{path}: longer than a recording may be", f"{MAX_BYTES // 10**6} MB")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return parse(path, file)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not a text file in UTF-8") from error


def parse(path: Path, text: Iterable[str]) -> dict[str, Any]:
    """As `read`, from lines of text; `path` is what errors and notices call them."""
    lines = csv.reader(text)
    try:
        return _timeline(path, lines)
    except csv.Error as error:
        raise UsageError(f"{path}, line {lines.line_num}: {error}") from None


def recorded(
    times: NDArray[Any], intensities: NDArray[Any], confidence: NDArray[Any]
) -> Iterator[str]:
    """Lines of text, as OpenFace would write them, which `parse` reads.

    Args:
        times: seconds, rising, (n,).
        intensities: (n, 17), 0..1.
        confidence: how sure the face was, 0..1, (n,).
    """
    yield ",".join(["frame", "face_id", "timestamp", "confidence", "success", *_COLUMNS]) + "\n"
    for index, (time, row, sure) in enumerate(zip(times, intensities, confidence, strict=True)):
        values = (f"{FULL * value:.{_DECIMALS['AU']}f}" for value in row)
        known = [f"{time:.{_DECIMALS['timestamp']}f}", f"{sure:.{_DECIMALS['confidence']}f}"]
        found = int(sure >= MIN_CONFIDENCE)
        yield ",".join([str(index + 1), "0", *known, str(found), *values]) + "\n"


def _timeline(path: Path, lines: Any) -> dict[str, Any]:
    header = [name.strip() for name in next(lines, [])]
    units = {number: header.index(name) for name, number in _COLUMNS.items() if name in header}
    if "timestamp" not in header or not units:
        missing = "AU01_r ... AU45_r" if "timestamp" in header else "timestamp"
        raise UsageError(f"{path}, line 1: no column {missing}", "OpenFace writes such files")
    times: list[float] = []
    kept: list[bool] = []
    values: list[list[float]] = []
    beyond: list[int] = []
    for line, row in _rows(path, lines, header):
        time = _number(path, line, "timestamp", row[header.index("timestamp")])
        if times and time <= times[-1]:
            raise UsageError(
                f"{path}, line {line}: timestamp: {time:g} is not after {times[-1]:g}",
                "of several faces, keep the rows of one",
            )
        times.append(time)
        kept.append(_trusted(path, line, header, row))
        if kept[-1]:
            found = [_number(path, line, header[at], row[at]) / FULL for at in units.values()]
            if not all(0 <= value <= 1 for value in found):
                beyond.append(line)
            values.append(found)
    if not values:
        raise UsageError(f"{path}: no row with a face of confidence {MIN_CONFIDENCE:g} or more")
    grid, fps = _grid(path, np.array(times))
    at, columns = grid[np.array(kept)], np.clip(np.array(values), 0, 1).T
    return {
        "tracks": {
            number: Track(at, column, (None,) * len(at), measured=True)
            for number, column in zip(units, columns, strict=True)
        },
        "seconds": float(grid[-1]),
        "fps": fps,
        "notices": tuple(_notices(path, beyond, len(times) - len(values), len(times))),
    }


def _rows(path: Path, lines: Any, header: list[str]) -> Iterator[tuple[int, list[str]]]:
    count = 0
    for row in lines:
        if not row:  # an empty line
            continue
        count += 1
        if count > MAX_FRAMES:
            raise UsageError(f"{path}: more than {MAX_FRAMES} rows")
        if len(row) != len(header):
            problem = f"{len(row)} values for {len(header)} columns"
            raise UsageError(f"{path}, line {lines.line_num}: {problem}")
        yield lines.line_num, row


def _trusted(path: Path, line: int, header: list[str], row: list[str]) -> bool:
    """Whether OpenFace found the face; what it says of action units counts only then."""
    lowest = {"confidence": MIN_CONFIDENCE, "success": 1.0}
    return all(
        _number(path, line, name, row[header.index(name)]) >= least
        for name, least in lowest.items()
        if name in header
    )


def _number(path: Path, line: int, name: str, text: str) -> float:
    try:
        number = float(text)
        if math.isfinite(number) and "_" not in text:  # Python's 1_000 is nobody's number
            return number
    except ValueError:
        pass
    raise UsageError(f"{path}, line {line}: {name}: {text.strip()[:30]!r} is not a number")


def _grid(path: Path, times: NDArray[np.float64]) -> tuple[NDArray[np.float64], float | None]:
    """Seconds from the start, and frames a second to be played: the usual step, gaps left out.

    Where the timestamps are those of a steady film, rounded, they are put back in step. Films that
    are slower or faster than what can be written are played at the nearest rate that can.
    """
    seconds = times - times[0]
    if len(times) == 1:
        return seconds, None
    steps = np.diff(times)
    fps = round(1 / float(steps[steps <= 1.5 * np.median(steps)].mean()), 6)
    legal = min(max(fps, MIN_FPS), MAX_FPS)
    fps = legal if abs(fps / legal - 1) <= ROUNDED_FPS else fps
    if not (SLOWEST <= fps <= FASTEST and seconds[-1] <= MAX_SECONDS):
        problem = f"{seconds[-1]:g} s at {fps:g} frames a second"
        raise UsageError(f"{path}: timestamp: {problem}", "timestamps are in seconds")
    steady = np.rint(seconds * fps) / fps
    return (steady if np.abs(steady - seconds).max() <= ROUNDED else seconds), legal


def _notices(path: Path, beyond: list[int], doubtful: int, rows: int) -> Iterator[str]:
    if doubtful:
        yield f"{path}: {doubtful} of {rows} rows show no sure face and are interpolated"
    if beyond:
        more = f" and {len(beyond) - 1} more" if len(beyond) > 1 else ""
        yield f"{path}: intensities beyond 0 to 5 were clamped (line {beyond[0]}{more})"
