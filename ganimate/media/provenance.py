"""Say inside a picture or film that it is synthetic, what was asked for, and of which weights.

The statement is an XMP packet whose `Iptc4xmpExt:DigitalSourceType` is IPTC's term for a photo
changed by a trained model. Pillow writes it into stills; `embed` puts it into finished films, so
that the encoder is free to stream. statement.py reads it back.

Sources: Adobe XMP Specification Part 3 (2020) for the places in each format; IPTC Photo Metadata
Standard 2025.1 and https://cv.iptc.org/newscodes/digitalsourcetype/ for the vocabulary.
"""

from __future__ import annotations

import os
import struct
import uuid
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.etree import ElementTree as ET

from ganimate.errors import GanimateError

if TYPE_CHECKING:
    from PIL.PngImagePlugin import PngInfo

    from ganimate.faces.align import FaceFrame
    from ganimate.media.credentials import Credentials

DIGITAL_SOURCE_TYPE = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)

_X = "adobe:ns:meta/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMP = "http://ns.adobe.com/xap/1.0/"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_GANIMATE = "urn:ganimate:xmp:1.0:"
_PREFIXES = {"x": _X, "rdf": _RDF, "xmp": _XMP, "Iptc4xmpExt": _IPTC, "ganimate": _GANIMATE}

MAX_PACKET = 4 << 20
"""Bytes of the longest XMP packet that is read."""

_PNG_XMP_KEYWORD = "XML:com.adobe.xmp"
MP4_XMP_UUID = uuid.UUID("be7acfcb-97a9-42e8-9c71-999491e3afac")


def _software() -> str:
    from ganimate import __version__

    return f"ganimate {__version__}"


@dataclass(frozen=True)
class Marking:
    """By what an output says that it was edited, besides metadata and watermark.

    Attributes:
        label: whether "AI-edited" is drawn into a corner.
        credentials: what Content Credentials (C2PA) are signed with; None signs nothing.
    """

    label: bool = False
    credentials: Credentials | None = None


@dataclass(frozen=True)
class Provenance:
    """How a picture or film was made, and how it says so.

    Attributes:
        action_units: the intensities asked for by action unit ("AU12": 0.8), or for a film its
            course in words ("neutral to smile").
        weights: the fingerprint of the generator's weights.
        software: name and version of the program.
        faces: where in the picture the edited faces are; they get the watermark.
        marking: what else says it.
        original: the original photo's XMP packet, which a film carries on; a photo has its own.
    """

    action_units: Mapping[str, float] | str
    weights: str
    software: str = field(default_factory=_software)
    faces: tuple[FaceFrame, ...] = ()
    marking: Marking = Marking()
    original: bytes | None = field(default=None, repr=False)

    @property
    def asked_for(self) -> str:
        """The action units in one line, resting ones left out."""
        if isinstance(self.action_units, str):
            return self.action_units
        active = {name: value for name, value in self.action_units.items() if round(value, 2)}
        return " ".join(f"{name}={value:.2f}" for name, value in active.items()) or "all at rest"


def comment(provenance: Provenance) -> str:
    """The statement in one line, for GIF comments and the tags of film containers."""
    return (
        f"Synthetic: face edited with {provenance.software}; {provenance.asked_for}; "
        f"weights {provenance.weights}; {DIGITAL_SOURCE_TYPE}"
    )


class _NoDoctype(ET.TreeBuilder):
    """Builds a tree, notes its prefixes, and refuses what entities are declared in.

    XMP never has a document type, and without one no entity can expand.
    """

    def __init__(self) -> None:
        super().__init__()
        self.prefixes: dict[str, str] = {}

    def doctype(self, *_: object) -> None:
        raise ValueError("XMP has no document type")

    def start_ns(self, prefix: str | None, uri: str) -> None:
        if prefix:
            self.prefixes[prefix] = uri


def _parse(packet: bytes) -> tuple[ET.Element, dict[str, str]] | None:
    """The rdf:RDF element of an XMP packet and the packet's prefixes; None if it is damaged."""
    if len(packet) > MAX_PACKET:
        return None
    builder = _NoDoctype()
    try:
        parser = ET.XMLParser(target=builder)
        parser.feed(packet.strip(b"\0 \t\r\n"))
        root: ET.Element = parser.close()
        rdf = root if root.tag == f"{{{_RDF}}}RDF" else root.find(f"{{{_RDF}}}RDF")
        if rdf is None:
            return None
        ET.tostring(rdf)  # what is nested too deeply to be written again counts as damaged
    except (ET.ParseError, ValueError, LookupError, RecursionError):
        return None
    return rdf, builder.prefixes


def carried_xmp(packet: bytes) -> bytes | None:
    """A packet without its thumbnails, which would show the unedited face; None if damaged."""
    parsed = _parse(packet)
    if parsed is None:
        return None
    rdf, prefixes = parsed
    pictured = False
    for description in rdf.findall(f"{{{_RDF}}}Description"):
        for thumbnails in description.findall(f"{{{_XMP}}}Thumbnails"):
            description.remove(thumbnails)
            pictured = True
    return _packet(rdf, prefixes) if pictured else packet


def xmp_properties(packet: bytes) -> dict[str, str] | None:
    """What a packet says of how its picture was made; None if it is damaged.

    Returns:
        Of source_type, software, action_units and weights those that are there.
    """
    parsed = _parse(packet)
    if parsed is None:
        return None
    names = {
        f"{{{_IPTC}}}DigitalSourceType": "source_type",
        f"{{{_XMP}}}CreatorTool": "software",
        f"{{{_GANIMATE}}}ActionUnits": "action_units",
        f"{{{_GANIMATE}}}Weights": "weights",
    }
    found: dict[str, str] = {}
    for description in parsed[0].findall(f"{{{_RDF}}}Description"):
        elements = [(element.tag, element.text or "") for element in description]
        for name, value in [*description.attrib.items(), *elements]:
            if name in names:
                found[names[name]] = value.strip()
    return found


def xmp_packet(provenance: Provenance, existing: bytes | None = None) -> bytes:
    """The statement as an XMP packet.

    Args:
        provenance: what to state.
        existing: the original photo's packet; its other properties are kept. A damaged one is
            left out.

    Returns:
        A complete packet, UTF-8.
    """
    parsed = _parse(existing) if existing else None
    rdf, prefixes = parsed or (ET.Element(f"{{{_RDF}}}RDF"), {})
    name, _, version = provenance.software.partition(" ")
    stated = {
        f"{{{_IPTC}}}DigitalSourceType": DIGITAL_SOURCE_TYPE,
        f"{{{_IPTC}}}AISystemUsed": name,
        f"{{{_IPTC}}}AISystemVersionUsed": f"{version}, weights {provenance.weights}".lstrip(", "),
        f"{{{_XMP}}}CreatorTool": provenance.software,
        f"{{{_GANIMATE}}}ActionUnits": provenance.asked_for,
        f"{{{_GANIMATE}}}Weights": provenance.weights,
    }
    about = f"{{{_RDF}}}about"
    descriptions = rdf.findall(f"{{{_RDF}}}Description")
    for description in descriptions:
        for name in stated:
            description.attrib.pop(name, None)
            for outdated in description.findall(name):
                description.remove(outdated)
    subject = descriptions[0].get(about, "") if descriptions else ""
    ours = ET.SubElement(rdf, f"{{{_RDF}}}Description", {about: subject})
    for name, value in stated.items():
        ET.SubElement(ours, name).text = value
    return _packet(rdf, prefixes)


def _packet(rdf: ET.Element, prefixes: Mapping[str, str]) -> bytes:
    """A complete packet of an rdf:RDF element, UTF-8."""
    for prefix, uri in [*prefixes.items(), *_PREFIXES.items()]:
        with suppress(ValueError):  # "ns0" and its like are ElementTree's own
            ET.register_namespace(prefix, uri)
    meta = ET.Element(f"{{{_X}}}xmpmeta")
    meta.append(rdf)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'.encode()
        + ET.tostring(meta, encoding="unicode").encode()
        + b'<?xpacket end="w"?>'
    )


def png_text(packet: bytes) -> PngInfo:
    """An XMP packet as the text chunk that Pillow writes into a PNG."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt(_PNG_XMP_KEYWORD, packet.decode())
    return info


def embed(film: Path, suffix: str, provenance: Provenance) -> None:
    """Add the statement to a finished film, in place.

    Args:
        film: the file.
        suffix: what it is: .mp4, .gif, .webp or .apng; others are left as they are.
        provenance: what to state.

    Raises:
        GanimateError: the file is not of this format, or too large for it.
    """
    mark = {".mp4": _mark_mp4, ".gif": _mark_gif, ".webp": _mark_webp, ".apng": _mark_apng}
    if suffix in mark:
        line = comment(provenance).encode("ascii", "replace")
        packet = xmp_packet(provenance, provenance.original)
        with film.open("rb+") as file:
            mark[suffix](file, packet, line)


def _incomplete(file: BinaryIO) -> GanimateError:
    return GanimateError(f"{file.name}: the encoder left an incomplete film")


def _insert(file: BinaryIO, offset: int, data: bytes) -> None:
    """Make room at `offset`, moving what follows from its end on, block by block."""
    end = file.seek(0, os.SEEK_END)
    while end > offset:
        start = max(offset, end - (1 << 20))
        file.seek(start)
        block = file.read(end - start)
        file.seek(start + len(data))
        file.write(block)
        end = start
    file.seek(offset)
    file.write(data)


def _mark_mp4(file: BinaryIO, packet: bytes, _comment: bytes) -> None:
    head = file.read(8)
    if head[4:] != b"ftyp":
        raise _incomplete(file)
    file.seek(0, os.SEEK_END)
    file.write(struct.pack(">I4s", 24 + len(packet), b"uuid") + MP4_XMP_UUID.bytes + packet)


def _mark_gif(file: BinaryIO, packet: bytes, comment: bytes) -> None:
    head = file.read(13)
    if len(head) < 13 or head[:6] != b"GIF89a":
        raise _incomplete(file)
    colours = 2 << (head[10] & 7) if head[10] & 0x80 else 0
    parts = [comment[start : start + 255] for start in range(0, len(comment), 255)]
    said = b"\x21\xfe" + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    # XMP stands in a GIF without sub-blocks; the "magic trailer" brings readers that take its
    # letters for block lengths to a zero, wherever they land.
    trailer = bytes([1, *range(255, -1, -1), 0])
    _insert(file, 13 + 3 * colours, said + b"\x21\xff\x0bXMP DataXMP" + packet + trailer)


def _mark_apng(file: BinaryIO, packet: bytes, comment: bytes) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    if file.read(len(head)) != head:
        raise _incomplete(file)
    said = chunk(b"tEXt", b"Comment\0" + comment)
    said += chunk(b"iTXt", _PNG_XMP_KEYWORD.encode() + b"\0" * 5 + packet)
    _insert(file, len(head) + 13 + 4, said)


def _mark_webp(file: BinaryIO, packet: bytes, _comment: bytes) -> None:
    riff, declared, webp, first = struct.unpack("<4sI4s4s", file.read(16).ljust(16))
    if (riff, webp) != (b"RIFF", b"WEBP") or declared + 8 != file.seek(0, os.SEEK_END):
        raise _incomplete(file)
    if first == b"VP8 ":
        _extend_webp(file)
    packet += b" " * (len(packet) % 2)  # chunks begin at even bytes
    file.seek(0, os.SEEK_END)
    file.write(b"XMP " + struct.pack("<I", len(packet)) + packet)
    declared = file.tell() - 8
    if declared >= 1 << 32:
        raise GanimateError("a WebP holds at most 4 GiB", "write an .mp4 or .webm instead")
    file.seek(4)
    file.write(struct.pack("<I", declared))
    file.seek(20)
    flags = file.read(1)[0]
    file.seek(20)
    file.write(bytes([flags | 0x04]))


def _extend_webp(file: BinaryIO) -> None:
    """Give the simple form, which a film of one frame gets, the header that allows metadata."""
    file.seek(26)
    width, height = (side & 0x3FFF for side in struct.unpack("<HH", file.read(4)))
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    _insert(file, 12, b"VP8X" + struct.pack("<II", 10, 0) + canvas)
