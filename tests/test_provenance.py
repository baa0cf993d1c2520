"""What is said in a file about how it was made."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ganimate import __version__
from ganimate.errors import GanimateError
from ganimate.media.provenance import (
    DIGITAL_SOURCE_TYPE,
    Provenance,
    carried_xmp,
    comment,
    embed,
    xmp_packet,
)

STATED = Provenance({"AU6": 0.5, "AU12": 0.8, "AU45": 0.0}, "9f86d081")
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
SOURCE_TYPE = f"{IPTC}DigitalSourceType"
CREATOR = "{http://ns.adobe.com/xap/1.0/}CreatorTool"
TITLE = "{http://purl.org/dc/elements/1.1/}title"

# As cameras and programs write it: two descriptions, properties as attributes and as elements.
ORIGINAL = (
    b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Some camera 1.0">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="uuid:77" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmp:CreatorTool="Camera" xmp:Rating="5"
    e:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"/>
  <rdf:Description rdf:about="uuid:77" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/">
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Zo\xc3\xab</rdf:li></rdf:Alt></dc:title>
   <xmp:CreatorTool>Darkroom</xmp:CreatorTool>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
    + b"\0" * 8
)

BILLION_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">&b;</rdf:RDF>"""


def properties(packet: bytes) -> dict[str, str | None]:
    """Every simple property of a packet, wherever and however it is written."""
    found: dict[str, str | None] = {}
    for description in ET.fromstring(packet.strip(b"\0")).iter(f"{RDF}Description"):
        written = [*description.attrib.items(), *((e.tag, e.text) for e in description)]
        for name, value in written:
            assert name not in found or name == f"{RDF}about", f"{name} is stated twice"
            found[name] = value
    return found


def test_the_statement() -> None:
    packet = xmp_packet(STATED)
    assert packet.startswith(b"<?xpacket begin=") and packet.endswith(b'<?xpacket end="w"?>')
    assert b"<Iptc4xmpExt:DigitalSourceType>" in packet
    assert properties(packet) == {
        f"{RDF}about": "",
        SOURCE_TYPE: DIGITAL_SOURCE_TYPE,
        f"{IPTC}AISystemUsed": "ganimate",
        f"{IPTC}AISystemVersionUsed": f"{__version__}, weights 9f86d081",
        CREATOR: f"ganimate {__version__}",
        "{urn:ganimate:xmp:1.0:}ActionUnits": "AU6=0.50 AU12=0.80",
        "{urn:ganimate:xmp:1.0:}Weights": "9f86d081",
    }


def test_the_original_is_kept_and_the_statement_replaces_what_contradicts_it() -> None:
    packet = xmp_packet(STATED, ORIGINAL)
    stated = properties(packet)
    assert stated[SOURCE_TYPE] == DIGITAL_SOURCE_TYPE
    assert stated[CREATOR] == f"ganimate {__version__}"
    assert stated["{http://ns.adobe.com/xap/1.0/}Rating"] == "5"
    assert stated[f"{RDF}about"] == "uuid:77"
    assert TITLE in stated and "Zoë" in packet.decode()
    assert b"<dc:title>" in packet, "prefixes are kept"


def test_stating_twice_states_the_second() -> None:
    again = xmp_packet(Provenance("neutral to smile", "w2", "ganimate 9"), xmp_packet(STATED))
    assert properties(again)[CREATOR] == "ganimate 9"
    assert properties(again)["{urn:ganimate:xmp:1.0:}ActionUnits"] == "neutral to smile"


def test_a_packet_without_its_wrapper() -> None:
    bare = ORIGINAL[ORIGINAL.index(b"<rdf:RDF") : ORIGINAL.index(b"</x:xmpmeta>")]
    assert carried_xmp(bare) == bare
    assert properties(xmp_packet(STATED, bare))["{http://ns.adobe.com/xap/1.0/}Rating"] == "5"


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\0" * 20,
        b"not xml",
        b"<a/>",
        ORIGINAL[:300],
        BILLION_LAUGHS,
        BILLION_LAUGHS.decode().encode("utf-16"),
        b"<r>" * 50_000 + b"</r>" * 50_000,
        b"\xff\xfe\xff",
        b'<?xml version="1.0" encoding="klingon"?><a/>',
    ],
)
def test_a_damaged_packet_is_left_out(damaged: bytes) -> None:
    assert carried_xmp(damaged) is None
    assert properties(xmp_packet(STATED, damaged)) == properties(xmp_packet(STATED))


def test_thumbnails_of_the_unedited_face_are_not_carried_on() -> None:
    small = (
        b"<xmp:Thumbnails xmlns:xmp='http://ns.adobe.com/xap/1.0/'><rdf:Alt><rdf:li>/9j/4AAQ"
        b"</rdf:li></rdf:Alt></xmp:Thumbnails></rdf:Description>"
    )
    pictured = ORIGINAL.replace(b"</rdf:Description>", small, 1)
    assert b"/9j/4AAQ" in pictured
    carried = carried_xmp(pictured)
    assert carried is not None and b"/9j/4AAQ" not in carried
    assert properties(xmp_packet(STATED, carried)) == properties(xmp_packet(STATED, ORIGINAL))


def test_prefixes_of_a_packet_cannot_take_ours() -> None:
    twisted = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:xmp="urn:other" xmlns:x="urn:x" xmp:Rating="1"/>'
        b"</rdf:RDF>"
    )
    packet = xmp_packet(STATED, twisted)
    assert properties(packet)["{urn:other}Rating"] == "1"
    assert b"<xmp:CreatorTool>" in packet and b"<x:xmpmeta" in packet


@given(st.binary(max_size=200))
def test_any_bytes_give_a_packet(existing: bytes) -> None:
    assert properties(xmp_packet(STATED, existing))[SOURCE_TYPE] == DIGITAL_SOURCE_TYPE


def test_the_comment_is_one_line_of_ascii() -> None:
    line = comment(STATED)
    assert "AU6=0.50 AU12=0.80" in line and "AU45" not in line
    assert "9f86d081" in line and DIGITAL_SOURCE_TYPE in line and "\n" not in line
    assert line.isascii()
    assert "all at rest" in comment(Provenance({"AU12": 0.0}, "w"))


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp", ".apng"])
@pytest.mark.parametrize("content", [b"", b"cut short, and longer than any header is"])
def test_what_is_not_a_film_is_not_marked_as_one(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    film = tmp_path / "film"
    film.write_bytes(content)
    with pytest.raises(GanimateError, match="incomplete"):
        embed(film, suffix, STATED)


def test_a_comment_of_any_length_and_script(tmp_path: Path) -> None:
    film = tmp_path / "film.gif"
    Image.new("P", (64, 64)).save(film, loop=0)
    embed(film, ".gif", Provenance("é" * 1000, "w"))
    with Image.open(film) as image:
        image.load()
        assert b"?" * 1000 in image.info["comment"]


def test_what_is_longer_than_a_block_moves_whole(tmp_path: Path) -> None:
    film = tmp_path / "film.apng"
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(film, "PNG")
    embed(film, ".apng", STATED)
    with Image.open(film) as image:
        assert np.array_equal(np.asarray(image), noise)
