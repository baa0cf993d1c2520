"""What a picture or film says of its own origin: XMP and comments, read from any file.

Files come from anywhere: sizes and counts are bounded, and what is shown of their text is one
printable line.
"""

from __future__ import annotations

import re
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

from ganimate.media.ffmpeg import find_ffmpeg, started
from ganimate.media.probe import input_arguments
from ganimate.media.provenance import (
    DIGITAL_SOURCE_TYPE,
    MAX_PACKET,
    MP4_XMP_UUID,
    xmp_properties,
)

if TYPE_CHECKING:
    from PIL import Image

MAX_BOXES = 4096
"""How many boxes of an MP4 are looked at for one."""
TAG_SECONDS = 60
"""How long ffmpeg may take to list a film's tags."""
LONGEST = 240
"""Letters of what a file says that are shown."""


@dataclass(frozen=True)
class Finding:
    """What was found of one kind of marking.

    Attributes:
        state: present, valid, broken or absent.
        says: what it says, one line; may be empty.
        details: the same for machines.
    """

    state: str
    says: str = ""
    details: dict[str, object] = field(default_factory=dict)


def printable(text: str) -> str:
    """One line of a file's text that is safe to show."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * LONGEST]).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def still_statement(image: Image.Image, path: Path) -> Finding:
    """What a picture that Pillow has opened and loaded says."""
    packet = image.info.get("xmp")
    if packet is None and image.format == "GIF":
        packet = _gif_packet(path)
    if isinstance(packet, str):
        packet = packet.encode()
    comment = image.info.get("comment") or image.info.get("Comment") or b""
    if isinstance(comment, bytes):
        comment = comment[:MAX_PACKET].decode(errors="replace")
    return _finding(packet if isinstance(packet, bytes) else None, str(comment))


def film_statement(path: Path) -> Finding:
    """What a film says, in its container's XMP and comment."""
    return _finding(_mp4_packet(path), _film_comment(path))


def _finding(packet: bytes | None, comment: str) -> Finding:
    said = xmp_properties(packet) if packet and len(packet) <= MAX_PACKET else None
    if said and "source_type" in said:
        told = {name: printable(value) for name, value in said.items()}
        kind = told["source_type"].rpartition("/")[2]
        weights = f"weights {told['weights']}" if "weights" in told else ""
        parts = (kind, told.get("software"), told.get("action_units"), weights)
        return Finding("present", "; ".join(filter(None, parts)), {**told})
    if packet and said is None:
        return Finding("broken", "its XMP cannot be read")
    if DIGITAL_SOURCE_TYPE in comment:
        line = printable(comment)
        return Finding("present", line, {"source_type": DIGITAL_SOURCE_TYPE, "comment": line})
    return Finding("absent", "its XMP says nothing of its origin" if packet else "")


def _gif_packet(path: Path) -> bytes | None:
    """XMP stands in a GIF as it is, from its name to a trailer of falling numbers."""
    with path.open("rb") as file:
        head = file.read(MAX_PACKET)
    found = re.search(rb"XMP DataXMP(.*?)\x01\xff\xfe", head, re.DOTALL)
    return found[1] if found else None


def _mp4_packet(path: Path) -> bytes | None:
    with path.open("rb") as file:
        start, end = 0, path.stat().st_size
        for _ in range(MAX_BOXES):
            file.seek(start)
            size, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
            header = 8
            if size == 1:
                (size,) = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))
                header = 16
            size = size or end - start
            if size < header or start + size > end:
                return None
            if kind == b"uuid" and file.read(16) == MP4_XMP_UUID.bytes:
                return file.read(min(size - header - 16, MAX_PACKET))
            start += size
    return None


def _film_comment(path: Path) -> str:
    """The comment among a film's tags; empty where there is none or ffmpeg is at a loss."""
    arguments = [find_ffmpeg(), "-v", "error", "-nostdin", *input_arguments(path)]
    arguments += ["-f", "ffmetadata", "pipe:1"]
    with started(arguments, stdout=subprocess.PIPE) as process:
        alarm = Timer(TAG_SECONDS, process.kill)
        alarm.start()
        try:
            assert process.stdout is not None
            told = process.stdout.read(MAX_PACKET).decode(errors="replace")
        finally:
            alarm.cancel()
            process.kill()
    found = re.search(
        r"^comment=((?:[^\n\\]|\\.)*)", told, re.IGNORECASE | re.MULTILINE | re.DOTALL
    )
    return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL) if found else ""
