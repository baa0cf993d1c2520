"""Photos written again: with what came with them and how they were made, whole or not at all."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import names
from photos import LINEAR_RGB, REAL, STATED, distance, icc, save, scene, with_exif
from PIL import ExifTags, Image

from ganimate.errors import GanimateError, UsageError
from ganimate.media.provenance import DIGITAL_SOURCE_TYPE
from ganimate.media.stills import Photo, photo_format, read_photo, replace_pixels, write_photo

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"/></rdf:RDF></x:xmpmeta>'
)


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".tif", ".tiff"])
def test_lossless_formats_give_the_same_pixels(tmp_path: Path, suffix: str) -> None:
    photo = read_photo(REAL[0])
    again = read_photo(write_photo(photo, tmp_path / f"out{suffix}", provenance=STATED))
    assert np.array_equal(again.pixels, photo.pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_lossy_formats_come_close(tmp_path: Path, suffix: str) -> None:
    photo = read_photo(REAL[0])
    path = write_photo(photo, tmp_path / f"out{suffix}", provenance=STATED)
    assert distance(read_photo(path).pixels, photo.pixels) < 2
    if suffix != ".webp":
        with Image.open(path) as image:
            assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3  # 4:4:4


def test_an_rgb_profile_is_kept(tmp_path: Path) -> None:
    profile = icc(LINEAR_RGB)
    photo = read_photo(save(Image.fromarray(scene()), tmp_path / "in.png", icc_profile=profile))
    assert photo.icc_profile == profile and np.array_equal(photo.pixels, scene())
    for suffix in (".png", ".jpg", ".webp", ".tiff"):
        with Image.open(write_photo(photo, tmp_path / f"out{suffix}", provenance=STATED)) as again:
            assert again.info["icc_profile"] == profile


def test_a_damaged_exif_is_left_out(tmp_path: Path) -> None:
    path = save(Image.fromarray(scene()), tmp_path / "in.jpg", exif=b"Exif\0\0II*\0\xff\xff\0\0??")
    photo = read_photo(path)
    assert distance(photo.pixels, scene()) < 3
    write_photo(photo, tmp_path / "out.tiff", provenance=STATED)


def test_the_thumbnail_of_the_unedited_face_goes(tmp_path: Path) -> None:
    thumbnail = Path(__file__).read_bytes()[:400]
    first = struct.pack(">HHHI4s", 1, 271, 2, 4, b"Cam\0") + struct.pack(">I", 8 + 18)
    second = struct.pack(">HHHII", 2, 513, 4, 1, 8 + 18 + 30)
    second += struct.pack(">HHII", 514, 4, 1, len(thumbnail)) + struct.pack(">I", 0)
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + first + second + thumbnail
    photo = read_photo(save(Image.fromarray(scene()), tmp_path / "in.jpg", exif=exif))
    assert photo.exif is not None and thumbnail[:50] not in photo.exif
    with Image.open(write_photo(photo, tmp_path / "out.jpg", provenance=None)) as again:
        assert again.getexif()[ExifTags.Base.Make] == "Cam"
        assert not again.getexif().get_ifd(ExifTags.IFD.IFD1)


def test_exif_and_place_survive_every_format(tmp_path: Path) -> None:
    exif = with_exif(Make="Camera", ImageWidth=9999)
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FNumber] = 1.8
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    source = save(Image.fromarray(scene()), tmp_path / "in.jpg", exif=exif)
    photo = read_photo(source)
    for suffix in (".png", ".jpg", ".webp", ".tiff"):
        path = write_photo(photo, tmp_path / f"out{suffix}", provenance=STATED)
        again = read_photo(path)
        assert again.pixels.shape == photo.pixels.shape
        kept = Image.Exif()
        kept.load(again.exif or b"")
        assert kept[ExifTags.Base.Make] == "Camera"
        assert float(kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FNumber]) == 1.8
        assert kept.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff"])
def test_provenance_is_stated_beside_the_original_xmp(tmp_path: Path, suffix: str) -> None:
    source = save(Image.fromarray(scene()), tmp_path / "in.webp", xmp=XMP, lossless=True)
    photo = read_photo(source)
    stated = read_photo(write_photo(photo, tmp_path / f"out{suffix}", provenance=STATED)).xmp
    assert stated is not None
    for expected in (DIGITAL_SOURCE_TYPE, "AU12=0.80", "9f86d081", "ganimate ", "Rating"):
        assert expected.encode() in stated
    silent = read_photo(write_photo(photo, tmp_path / f"silent{suffix}", provenance=None)).xmp
    assert silent is not None and silent.strip() == XMP


def test_a_damaged_xmp_is_left_out(tmp_path: Path) -> None:
    path = save(Image.fromarray(scene()), tmp_path / "in.jpg", xmp=b"<x:xmpmeta")
    photo = read_photo(path)
    assert photo.xmp is None and "XMP is damaged" in photo.notices[0]


def test_jpeg_lays_transparency_on_white(tmp_path: Path) -> None:
    alpha = np.full(scene().shape[:2], 255, np.uint8)
    told: list[str] = []
    photo = Photo(scene(), alpha=alpha)
    write_photo(photo, tmp_path / "opaque.jpg", provenance=None, notify=told.append)
    assert told == []
    alpha[:, :48] = 0
    path = write_photo(photo, tmp_path / "out.jpg", provenance=None, notify=told.append)
    assert len(told) == 1 and "laid on white" in told[0]
    again = read_photo(path)
    assert again.pixels[:, :40].min() > 250
    assert distance(again.pixels[:, 56:], scene()[:, 56:]) < 3


def test_what_is_too_long_for_jpeg_is_left_out_and_said(tmp_path: Path) -> None:
    long = XMP.replace(b'Rating="5"', b'Label="' + b"x" * 70_000 + b'"')
    exif = with_exif(Make="C" * 70_000).tobytes()
    photo, told = Photo(scene(), xmp=long, exif=exif), list[str]()
    path = write_photo(photo, tmp_path / "out.jpg", provenance=STATED, notify=told.append)
    assert len(told) == 2
    assert DIGITAL_SOURCE_TYPE.encode() in (read_photo(path).xmp or b"")
    path = write_photo(photo, tmp_path / "out.png", provenance=STATED, notify=told.append)
    assert len(told) == 2 and b"x" * 70_000 in (read_photo(path).xmp or b"")


def test_unknown_suffixes() -> None:
    for name in ("out.bmp", "out", "out.mp4"):
        with pytest.raises(UsageError, match=r"use \.png, \.jpg") as caught:
            photo_format(name)
        assert caught.value.exit_code == 2


def test_never_over_the_source_nor_without_force(tmp_path: Path) -> None:
    source = save(Image.fromarray(scene()), tmp_path / "in.png")
    before, photo = source.read_bytes(), read_photo(source)
    with pytest.raises(GanimateError, match="the file that is read"):
        write_photo(photo, source, provenance=None, force=True)
    out = write_photo(photo, tmp_path / "out.png", provenance=None)
    with pytest.raises(GanimateError, match="exists already"):
        write_photo(photo, out, provenance=None)
    write_photo(replace_pixels(photo, 255 - scene()), out, provenance=None, force=True)
    assert np.array_equal(read_photo(out).pixels, 255 - scene())
    assert source.read_bytes() == before and names(tmp_path) == ["in.png", "out.png"]


@pytest.mark.parametrize(
    ("failure", "expected", "match"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, "^$"),
        (OSError(28, "No space left on device"), GanimateError, r"out\.png: .*No space left"),
    ],
)
def test_a_failure_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    expected: type[BaseException],
    match: str,
) -> None:
    def interrupted(self: Image.Image, file: Any, *_: object, **__: object) -> None:
        file.write(b"half")
        raise failure

    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(expected, match=match):
        write_photo(Photo(scene()), tmp_path / "out.png", provenance=None)
    assert names(tmp_path) == []


def test_a_format_that_cannot_hold_the_size(tmp_path: Path) -> None:
    photo = Photo(np.zeros((64, 16_384, 3), np.uint8))
    with pytest.raises(GanimateError, match=r"out\.webp: .*16383"):
        write_photo(photo, tmp_path / "out.webp", provenance=None)
    assert names(tmp_path) == []


def test_replaced_pixels_must_fit() -> None:
    photo = Photo(scene(), notices=("kept",))
    assert replace_pixels(photo, 255 - scene()).notices == ("kept",)
    for wrong in (scene()[1:], scene().astype(np.float32)):
        with pytest.raises(GanimateError, match="do not fit"):
            replace_pixels(photo, wrong)  # type: ignore[arg-type]
    assert replace(photo, alpha=None).alpha is None
