"""Photos as cameras, scanners and programs write them: read as meant, or refused by name."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photos import LINEAR_RGB, REAL, STATED, distance, icc, save, scene, with_exif
from PIL import ExifTags, Image, ImageCms

from ganimate.errors import GanimateError
from ganimate.media.profiles import srgb_converter
from ganimate.media.stills import photo_from, read_photo, write_photo


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
    import cv2

    wide = scene().astype(np.uint16) * 257
    for suffix in (".png", ".tiff"):
        path = tmp_path / f"in{suffix}"
        cv2.imwrite(str(path), wide[..., ::-1])
        photo = read_photo(path)
        assert np.array_equal(photo.pixels, scene())
        assert photo.notices == (f"{path}: colours of 16 bits become those of 8",)


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
    named = icc(LINEAR_RGB).replace(b"linear test profile", b"sRGB, as it says ..")
    assert srgb_converter(named) is not None, "what a profile calls itself is not what it does"


def test_a_profile_that_cannot_be_applied_is_left_out(tmp_path: Path) -> None:
    profile = icc(LINEAR_RGB).replace(b"rTRC", b"zTRC")
    photo = read_photo(save(Image.fromarray(scene()), tmp_path / "in.png", icc_profile=profile))
    assert photo.icc_profile is None and "cannot be applied" in photo.notices[0]
    assert srgb_converter(profile) is None


def test_a_picture_without_a_range_is_named(tmp_path: Path) -> None:
    Image.fromarray(scene()[..., 0].astype(np.float32)).save(tmp_path / "in.tif")
    with pytest.raises(GanimateError, match=r"in\.tif: 32-bit"):
        read_photo(tmp_path / "in.tif")


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
