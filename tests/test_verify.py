"""What is read back from files: those that we write, those of others, and damaged ones."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from conftest import Ganimate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from ganimate.errors import GanimateError
from ganimate.faces.locate import Locator, open_locator
from ganimate.media.provenance import DIGITAL_SOURCE_TYPE, Provenance, xmp_packet
from ganimate.media.statement import LONGEST, printable
from ganimate.media.stills import Photo, write_photo
from ganimate.media.video import FORMATS, film_writer
from ganimate.verify import LOOKED_AT, verify

Pixels = NDArray[np.uint8]
SIDE = 320


@pytest.fixture(scope="module")
def locator() -> Iterator[Locator]:
    with closing(open_locator()) as opened:
        yield opened


@pytest.fixture(scope="module")
def pixels(portrait: Path) -> Pixels:
    return np.asarray(Image.open(portrait).convert("RGB").resize((SIDE, SIDE)))


@pytest.fixture(scope="module")
def stated(pixels: Pixels, locator: Locator) -> Provenance:
    (face,) = locator.locate(pixels)
    return Provenance({"AU12": 0.8}, "9f86d081", "ganimate 0", faces=(face.frame,))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff"])
def test_pictures(
    tmp_path: Path, pixels: Pixels, stated: Provenance, locator: Locator, suffix: str
) -> None:
    path = write_photo(Photo(pixels), tmp_path / f"a{suffix}", provenance=stated)
    found = verify(path, locator)
    assert [one.state for one in found.findings.values()] == ["present", "absent", "present"]
    assert found.xmp.details == {
        "source_type": DIGITAL_SOURCE_TYPE,
        "software": "ganimate 0",
        "action_units": "AU12=0.80",
        "weights": "9f86d081",
    }
    assert "compositeWithTrainedAlgorithmicMedia" in found.xmp.says
    assert found.looked_at == 1

    silent = write_photo(Photo(pixels), tmp_path / f"b{suffix}", provenance=None)
    assert {one.state for one in verify(silent, locator).findings.values()} == {"absent"}


@pytest.mark.parametrize("suffix", FORMATS)
def test_films(
    tmp_path: Path, pixels: Pixels, stated: Provenance, locator: Locator, suffix: str
) -> None:
    path, count = tmp_path / f"film{suffix}", 3 if suffix else 10
    with film_writer(path, size=(SIDE, SIDE), fps=10, provenance=stated) as film:
        for shift in range(count):
            film.write(np.clip(pixels.astype(int) + 10 * shift - 40, 0, 255).astype(np.uint8))
    found = verify(path, locator)
    assert [one.state for one in found.findings.values()] == ["present", "absent", "present"]
    assert found.looked_at == found.watermark.details["frames"] == min(count, LOOKED_AT)
    told = str(found.xmp.details)
    assert DIGITAL_SOURCE_TYPE in told and "AU12=0.80" in told and "9f86d081" in told


def test_what_an_original_says_of_itself(tmp_path: Path, pixels: Pixels, locator: Locator) -> None:
    taken = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        b' rdf:about="" xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        b' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="A\x7fcamera"'
        b' e:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"/>'
        b"</rdf:RDF>"
    )
    path = write_photo(Photo(pixels, xmp=taken), tmp_path / "a.png", provenance=None)
    found = verify(path, locator)
    assert (found.xmp.state, found.xmp.says) == ("present", "digitalCapture; A camera")
    silent = taken.replace(b"DigitalSourceType", b"Rating")
    path = write_photo(Photo(pixels, xmp=silent), tmp_path / "b.png", provenance=None)
    found = verify(path, locator)
    assert (found.xmp.state, found.xmp.says) == ("absent", "its XMP says nothing of its origin")


def test_damaged_metadata_is_broken(tmp_path: Path, pixels: Pixels, locator: Locator) -> None:
    path = tmp_path / "a.webp"
    Image.fromarray(pixels).save(path, xmp=b"<x:xmpmeta nothing closes this")
    assert verify(path, locator).xmp.state == "broken"


def test_a_comment_may_lie_but_not_write_on_the_screen(tmp_path: Path, locator: Locator) -> None:
    path = tmp_path / "a.gif"
    text = f"{DIGITAL_SOURCE_TYPE}\x1b[2J\nexit 0\u202e" + "x" * 10_000
    Image.new("P", (80, 80)).save(path, comment=text.encode())
    says = verify(path, locator).xmp.says
    assert says.isprintable() and len(says) <= LONGEST


@given(st.text(max_size=2000))
def test_any_text_becomes_a_line(text: str) -> None:
    line = printable(text)
    assert line.isprintable() and len(line) <= LONGEST


def test_pictures_too_small_for_a_face(
    tmp_path: Path, stated: Provenance, locator: Locator
) -> None:
    path = tmp_path / "icon.png"
    Image.new("RGB", (16, 16)).save(path)
    found = verify(path, locator)
    assert (found.looked_at, found.watermark.state) == (0, "absent")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


BOMB = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    + chunk(b"IEND", b"")
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing at all",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n",
        b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\xff" * 64,
        b"\x1a\x45\xdf\xa3" + b"\x01" * 100,
        b"GIF89a\xff\xff\xff\xff\x80\0\0",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        BOMB,
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, locator: Locator, content: bytes) -> None:
    path = tmp_path / "a file.mp4"
    path.write_bytes(content)
    with pytest.raises(GanimateError, match="a file"):
        verify(path, locator)


def test_folders_without_frames(tmp_path: Path, locator: Locator) -> None:
    with pytest.raises(GanimateError, match="no PNG frames"):
        verify(tmp_path, locator)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(GanimateError, match=r"more than the frames of a film: notes\.txt"):
        verify(tmp_path, locator)
    with pytest.raises(GanimateError, match="no such file"):
        verify(tmp_path / "nowhere", locator)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_flipped_bytes_give_an_answer_or_a_reason(
    tmp_path: Path, locator: Locator, data: st.DataObject
) -> None:
    path = tmp_path / "small.png"
    packet = xmp_packet(Provenance({"AU12": 1.0}, "w")).decode()
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet)
    Image.new("RGB", (40, 40)).save(path, pnginfo=info)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        found = verify(path, locator)
    except GanimateError as error:
        assert "small.png" in error.message
    else:
        assert found.xmp.state in ("present", "broken", "absent")


def test_the_command(tmp_path: Path, face: Path, ganimate: Ganimate) -> None:
    done = ganimate("edit", face, "--au", "12=0.8", "--label", "-o", "out.png")
    assert done.returncode == 0, done.stderr
    table = ganimate("verify", "out.png", "face.jpg")
    assert table.returncode == 0, table.stderr
    lines = [line.split() for line in table.stdout.splitlines()]
    assert [line[:2] for line in lines if line] == [
        ["out.png"],
        ["XMP", "present"],
        ["C2PA", "absent"],
        ["watermark", "present"],
        ["face.jpg"],
        ["XMP", "absent"],
        ["C2PA", "absent"],
        ["watermark", "absent"],
    ]
    assert "AU12=0.80" in table.stdout

    mixed = ganimate("verify", "missing.png", "out.png", "--json")
    assert mixed.returncode == 1
    told = mixed.stderr.splitlines()  # beside a notice of the locator, where MediaPipe is not
    assert sum("missing.png" in line for line in told) == 1 and len(told) <= 2
    missing, there = json.loads(mixed.stdout)["files"]
    assert "no such file" in missing["error"]
    assert there["xmp"]["source_type"] == DIGITAL_SOURCE_TYPE
    assert there["watermark"]["scores"][0] > 6.5

    quiet = ganimate("verify", "missing.png", "gone.png", "--quiet", "--locator", "builtin")
    assert [line.split(":")[1] for line in quiet.stderr.splitlines()] == [
        " missing.png",
        " gone.png",
    ]


def test_turning_it_off_is_said(face: Path, ganimate: Ganimate) -> None:
    done = ganimate("edit", face, "--au", "12=0.8", "--no-provenance", "--locator", "builtin")
    assert done.returncode == 0
    assert "Article 50" in done.stderr
    for words in (["--no-provenance", "--label"], ["--tsa", "http://localhost"]):
        wrong = ganimate("edit", face, "--au", "12=0.8", "--force", *words)
        assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1, wrong.stderr
