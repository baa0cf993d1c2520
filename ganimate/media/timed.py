"""Raw frames, each with its own time, as the stream of bytes that ffmpeg reads from a pipe.

Raw video has no times, so that a film of variable frame rate could not be told to ffmpeg. A
Matroska stream has, and needs no index and no end.

Source: RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from __future__ import annotations

import struct
from fractions import Fraction

NANOSECONDS = 10**9
_UNKNOWN = b"\x01" + 7 * b"\xff"  # a size that the end of the stream will tell


def header(size: tuple[int, int], rate: Fraction) -> bytes:
    """What comes before the first frame.

    Args:
        size: width and height of the frames.
        rate: frames a second, as a hint to the encoder.
    """
    width, height = size
    picture = _number("B0", width) + _number("BA", height) + _element("2EB524", b"RGB\x18")
    track = _number("D7", 1) + _number("73C5", 1) + _number("83", 1) + _number("9C", 0)
    track += _number("23E383", round(NANOSECONDS / rate))
    track += _element("86", b"V_UNCOMPRESSED") + _element("E0", picture)
    clock = _number("2AD7B1", 1)  # times are in nanoseconds
    return (
        _element(
            "1A45DFA3", _element("4282", b"matroska") + _number("4287", 4) + _number("4285", 2)
        )
        + bytes.fromhex("18538067")
        + _UNKNOWN
        + _element("1549A966", clock)
        + _element("1654AE6B", _element("AE", track))
    )


def frame_header(seconds: float, length: int) -> bytes:
    """What comes before each frame of `length` bytes, HWC uint8 RGB, shown at `seconds`."""
    time = _number("E7", round(seconds * NANOSECONDS))
    block = b"\x81\0\0\x80"  # of track 1, at the cluster's own time, a key frame
    opening = bytes.fromhex("A3") + _length(len(block) + length) + block
    return bytes.fromhex("1F43B675") + _length(len(time) + len(opening) + length) + time + opening


def _number(name: str, value: int) -> bytes:
    return _element(name, struct.pack(">Q", value))


def _element(name: str, content: bytes) -> bytes:
    return bytes.fromhex(name) + _length(len(content)) + content


def _length(length: int) -> bytes:
    return struct.pack(">Q", 1 << 56 | length)
