"""Photos as cameras, scanners and programs write them, read, and written again."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from ganimate.errors import GanimateError, UsageError
from ganimate.media.profiles import srgb_converter
from ganimate.media.provenance import DIGITAL_SOURCE_TYPE, Provenance
from ganimate.media.stills import (
    Photo,
    photo_format,
    photo_from,
    read_photo,
    replace_pixels,
    write_photo,
)

ROOT = Path(__file__).resolve().parents[1]
REAL = sorted((ROOT.parent / "shared" / "photos").glob("london-*.jpg"))[:2] or sorted(
    (ROOT / "examples").glob("*.jpg")
)
STATED = Provenance({"AU12": 0.8}, "9f86d081")
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"/></rdf:RDF></x:xmpmeta>'
)
# Linear RGB of sRGB's primaries: nothing that could be taken for sRGB itself.
LINEAR_RGB = "linear"


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def scene(width: int = 96, height: int = 72) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Smooth, and different in every corner and channel, so that a turn or swap shows."""
    y, x = np.mgrid[0:height, 0:width]
    r, g, b = x * 255 / (width - 1), y * 255 / (height - 1), 255 - (x + y) * 200 / (width + height)
    return np.stack([r, g, b], axis=-1).astype(np.uint8)


def distance(one: Any, other: Any) -> float:
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


def icc(colour: str) -> bytes:
    """A small valid profile: "grey" or "linear", each with a gamma of its own."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    text = b"linear test profile"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" * 79
    tags = {b"desc": description, b"wtpt": xyz(0.9642, 1.0, 0.8249), b"cprt": b"text\0\0\0\0PD\0"}
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, 256) + b"\0\0"  # gamma 1
    if colour == "grey":
        tags[b"kTRC"] = curve
    else:
        primaries = (0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
        for channel, primary in zip((b"r", b"g", b"b"), primaries, strict=True):
            tags |= {channel + b"XYZ": xyz(*primary), channel + b"TRC": curve}
    table, data, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", offset + len(data), len(content))
        data += content
    space = b"GRAY" if colour == "grey" else b"RGB "
    head = struct.pack(">I4sI4s4s4s", offset + len(data), b"", 0x02400000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp").ljust(44, b"\0")
    illuminant = struct.pack(">3i", 63190, 65536, 54061)
    return head + illuminant + b"\0" * (128 - 80) + struct.pack(">I", len(tags)) + table + data


def save(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def with_exif(**tags: Any) -> Image.Exif:
    exif = Image.Exif()
    for name, value in tags.items():
        exif[ExifTags.Base[name]] = value
    return exif


def png_claiming(width: int, height: int) -> bytes:
    """A tiny PNG that says it is huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


# --- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_real_photo(path: Path) -> None:
    photo = read_photo(path)
    with Image.open(path) as image:
        assert photo.pixels.shape == (image.height, image.width, 3)
        assert np.array_equal(photo.pixels, np.asarray(image.convert("RGB")))
    assert photo.path == path and photo.alpha is None and photo.notices == ()


UPRIGHT: dict[int, Callable[..., Any]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_is_applied_and_forgotten(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    upright = UPRIGHT[orientation]
    exif = with_exif(Orientation=orientation, Make="Camera & Co", Artist="A. Person")
    quality: dict[str, dict[str, Any]] = {
        ".jpg": {"quality": 100, "subsampling": 0},
        ".webp": {"lossless": True},
    }
    stored = Image.fromarray(scene())
    path = save(stored, tmp_path / f"in{suffix}", exif=exif, **quality.get(suffix, {}))
    photo = read_photo(path)
    assert photo.pixels.shape == upright(scene()).shape
    assert distance(photo.pixels, upright(scene())) < 2
    with Image.open(write_photo(photo, tmp_path / "out.jpg", provenance=None)) as again:
        assert again.size == photo.pixels.shape[1::-1]
        assert again.getexif().get(ExifTags.Base.Orientation, 1) == 1
        assert again.getexif()[ExifTags.Base.Make] == "Camera & Co"
        assert again.getexif()[ExifTags.Base.Artist] == "A. Person"


def test_grey(tmp_path: Path) -> None:
    grey = scene()[..., 0]
    photo = read_photo(save(Image.fromarray(grey), tmp_path / "in.png"))
    assert np.array_equal(photo.pixels, np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bit_grey_is_scaled_not_cut(tmp_path: Path, suffix: str) -> None:
    grey = scene()[..., 0]
    image = Image.fromarray(grey.astype(np.uint16) * 257)
    assert image.mode == "I;16"
    photo = read_photo(save(image, tmp_path / f"in{suffix}"))
    assert np.array_equal(photo.pixels[..., 0], grey)


def test_sixteen_bit_colour(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    wide = scene().astype(np.uint16) * 257
    for suffix in (".png", ".tiff"):
        path = tmp_path / f"in{suffix}"
        cv2.imwrite(str(path), wide[..., ::-1])
        assert np.array_equal(read_photo(path).pixels, scene())


def test_one_bit(tmp_path: Path) -> None:
    bits = scene()[..., 0] > 128
    photo = read_photo(save(Image.fromarray(bits), tmp_path / "in.png"))
    assert np.array_equal(photo.pixels[..., 1], np.where(bits, 255, 0))


def test_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    image = Image.fromarray(scene()).quantize(16)
    image.save(tmp_path / "in.png", transparency=3)
    photo = read_photo(tmp_path / "in.png")
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha == 0, np.asarray(image) == 3)
    visible = photo.alpha > 0
    assert np.array_equal(photo.pixels[visible], np.asarray(image.convert("RGB"))[visible])


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
def test_alpha_is_kept(tmp_path: Path, mode: str, suffix: str) -> None:
    alpha = scene()[..., 0]
    image = Image.fromarray(scene())
    image.putalpha(Image.fromarray(alpha))
    if mode == "LA":
        image = image.convert("LA")
    photo = read_photo(save(image, tmp_path / "in.png"))
    assert photo.alpha is not None and np.array_equal(photo.alpha, alpha)
    with Image.open(write_photo(photo, tmp_path / f"out{suffix}", provenance=STATED)) as again:
        assert again.mode == "RGBA"
        assert np.array_equal(np.asarray(again)[..., 3], alpha)


def test_cmyk_without_a_profile(tmp_path: Path) -> None:
    path = save(Image.fromarray(scene()).convert("CMYK"), tmp_path / "in.jpg", quality=100)
    photo = read_photo(path)
    assert distance(photo.pixels, scene()) < 4
    assert photo.icc_profile is None and "CMYK" in photo.notices[0]


def test_lab(tmp_path: Path) -> None:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(Image.fromarray(scene()), srgb, lab, outputMode="LAB")
    assert image is not None
    photo = read_photo(save(image, tmp_path / "in.tiff"))
    assert distance(photo.pixels, scene()) < 3


def test_an_rgb_profile_is_kept(tmp_path: Path) -> None:
    profile = icc(LINEAR_RGB)
    photo = read_photo(save(Image.fromarray(scene()), tmp_path / "in.png", icc_profile=profile))
    assert photo.icc_profile == profile and np.array_equal(photo.pixels, scene())
    for suffix in (".png", ".jpg", ".webp", ".tiff"):
        with Image.open(write_photo(photo, tmp_path / f"out{suffix}", provenance=STATED)) as again:
            assert again.info["icc_profile"] == profile


def test_a_grey_profile_is_applied(tmp_path: Path) -> None:
    grey = scene()[..., 0]
    photo = read_photo(save(Image.fromarray(grey), tmp_path / "in.png", icc_profile=icc("grey")))
    assert photo.icc_profile is None and photo.notices == ()
    linear = grey / 255
    srgb = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    assert distance(photo.pixels[..., 0], srgb) < 2


def test_a_damaged_profile_is_left_out(tmp_path: Path) -> None:
    path = save(Image.fromarray(scene()), tmp_path / "in.png", icc_profile=b"no profile")
    photo = read_photo(path)
    assert photo.icc_profile is None and "profile is damaged" in photo.notices[0]


def test_conversion_to_srgb() -> None:
    assert srgb_converter(None) is None
    assert srgb_converter(b"no profile") is None
    assert (
        srgb_converter(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()) is None
    )
    convert = srgb_converter(icc(LINEAR_RGB))
    assert convert is not None
    middle = np.full((64, 64, 3), 55, np.uint8)
    assert abs(int(convert(middle)[0, 0, 0]) - 128) <= 2  # sRGB's encoding of 0.2158


def test_a_damaged_exif_is_left_out(tmp_path: Path) -> None:
    path = save(Image.fromarray(scene()), tmp_path / "in.jpg", exif=b"Exif\0\0II*\0\xff\xff\0\0??")
    photo = read_photo(path)
    assert distance(photo.pixels, scene()) < 3
    write_photo(photo, tmp_path / "out.tiff", provenance=STATED)


def test_the_thumbnail_of_the_unedited_face_goes(tmp_path: Path) -> None:
    thumbnail = (ROOT / "tests" / "test_stills.py").read_bytes()[:400]
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


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_the_first_frame_of_an_animation_is_taken(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(scene()), Image.fromarray(255 - scene())]
    path = save(frames[0], tmp_path / f"in{suffix}", save_all=True, append_images=frames[1:])
    photo = read_photo(path)
    assert "several frames" in photo.notices[0]
    assert distance(photo.pixels, scene()) < 20


def test_small_and_large_sides(tmp_path: Path) -> None:
    assert read_photo(save(Image.new("RGB", (64, 64)), tmp_path / "a.png")).pixels.shape[0] == 64
    with pytest.raises(GanimateError, match="63 x 64 pixels are too few"):
        read_photo(save(Image.new("RGB", (63, 64)), tmp_path / "b.png"))


@pytest.mark.parametrize(
    "size", [(10_000, 5_001), (9_500, 9_500), (60_000, 60_000), (2**31 - 1, 9)]
)
def test_too_many_pixels_are_refused_before_they_are_decoded(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(*size))
    with pytest.raises(GanimateError, match=r"bomb\.png: .* pixels are too (many|few)"):
        read_photo(path)


def test_fifty_megapixels_are_not_too_many(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png_claiming(10_000, 5_000))
    with pytest.raises(GanimateError, match="damaged"):  # decoded, since allowed, and found cut
        read_photo(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".gif"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_truncated_files(tmp_path: Path, suffix: str, share: float) -> None:
    whole = save(Image.open(REAL[0]).resize((160, 160)), tmp_path / f"whole{suffix}").read_bytes()
    path = tmp_path / f"in{suffix}"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(GanimateError, match=rf"in\{suffix}: "):
        read_photo(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".gif", ".bmp"])
def test_damaged_files_are_read_or_named(tmp_path: Path, suffix: str) -> None:
    """Whatever bytes are wrong, nothing but a photo or our own error comes out."""
    image = Image.fromarray(scene())
    options = {} if suffix in (".gif", ".bmp") else {"exif": with_exif(Make="C", Orientation=6)}
    whole = save(image, tmp_path / f"whole{suffix}", **options).read_bytes()
    chance = np.random.default_rng(0)
    path = tmp_path / f"in{suffix}"
    for _ in range(60):
        damaged = bytearray(whole)
        for place in chance.integers(0, min(len(whole), 600), 4):
            damaged[place] = chance.integers(256)
        path.write_bytes(damaged)
        try:
            photo = read_photo(path)
        except GanimateError as error:
            assert f"in{suffix}" in str(error) or "32-bit" in str(error)
        else:
            assert photo.pixels.dtype == np.uint8 and photo.pixels.ndim == 3


def test_what_is_no_photo(tmp_path: Path) -> None:
    for content, message in [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (b"\0" * 99, "not a pic"),
    ]:
        path = tmp_path / "in.jpg"
        path.write_bytes(content)
        with pytest.raises(GanimateError, match=rf"in\.jpg: .*{message}"):
            read_photo(path)
    with pytest.raises(GanimateError, match="folder"):
        read_photo(tmp_path)
    with pytest.raises(GanimateError, match="no such file"):
        read_photo(tmp_path / "missing.jpg")
    (tmp_path / "in.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(GanimateError, match="export it as JPEG"):
        read_photo(tmp_path / "in.heic")


def test_formats_that_start_programs_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "in.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n")
    with pytest.raises(GanimateError, match="not a picture"):
        read_photo(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.jpg")
    with pytest.raises(GanimateError, match="pipe or a device"):
        read_photo(tmp_path / "in.jpg")


def test_photo_from_other_sources(tmp_path: Path) -> None:
    pixels = scene()
    photo = photo_from(pixels)
    pixels[:] = 0
    assert np.array_equal(photo.pixels, scene()), "a later change of the array does not show"
    image = Image.fromarray(scene())
    image.info["icc_profile"] = icc(LINEAR_RGB)
    assert photo_from(image).icc_profile == icc(LINEAR_RGB)
    path = save(image, tmp_path / "in.png")
    assert photo_from(str(path)).path == path
    for wrong in (scene()[..., 0], scene().astype(float), np.zeros((96, 96, 4), np.uint8)):
        with pytest.raises(GanimateError, match="is not a photo"):
            photo_from(wrong)
    with pytest.raises(GanimateError, match="too few"):
        photo_from(np.zeros((20, 96, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:500])
    with Image.open(path) as cut, pytest.raises(GanimateError, match="cannot be decoded"):
        photo_from(cut)


# --- writing ---------------------------------------------------------------------------------


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
    with pytest.raises(GanimateError, match="the photo that is read"):
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
