"""Photos in and pictures out: upright 8-bit RGB inside, everything else carried along."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ganimate.errors import GanimateError, UsageError
from ganimate.files import check_file
from ganimate.media.credentials import sign_output
from ganimate.media.exif import carried_exif, descriptive
from ganimate.media.marker import Marker
from ganimate.media.profiles import Pixels, split_alpha, to_rgb
from ganimate.media.provenance import Provenance, carried_xmp, png_text, xmp_packet
from ganimate.output import draft, write_errors

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "Photo",
    "decode_photo",
    "photo_format",
    "photo_from",
    "read_photo",
    "replace_pixels",
    "write_photo",
]

MIN_SIDE = 64
MAX_PIXELS = 50_000_000

PHOTO_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}

# What a photo comes in. Pillow knows more, some of which start other programs (EPS).
READABLE = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "AVIF", "JPEG2000", "GIF", "BMP", "PPM")

_TIFF_XMP = 700

# A JPEG segment holds 65 533 bytes, of which XMP's own name takes 29 and EXIF's 6.
_JPEG_MAX_XMP = 65_533 - 29
_JPEG_MAX_EXIF = 65_533

_ENCODINGS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {},
    "WEBP": {"quality": 95, "method": 4},
    "TIFF": {},  # uncompressed: through libtiff Pillow cannot write the Exif and GPS tables
}

Notify = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, upright, in the colour space of `icc_profile`.
        alpha: (H, W) uint8, 255 opaque; None where the photo has none.
        icc_profile: the RGB profile of `pixels`; None means sRGB.
        exif: without orientation and thumbnail, which would show the unedited face.
        path: the file it came from.
        notices: what a person should know about how it was read, a line each.
        xmp: the XMP packet.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    path: Path | None = None
    notices: tuple[str, ...] = ()
    xmp: bytes | None = None

    @property
    def see_through(self) -> bool:
        """Whether any of it is transparent."""
        return self.alpha is not None and int(self.alpha.min()) < 255

    def on_white(self) -> Photo:
        """The same laid on white, without alpha: what is under it is not meant to be seen."""
        if self.alpha is None:
            return self
        from PIL import Image

        image = Image.fromarray(self.pixels)
        opaque = Image.new("RGB", image.size, "white")
        opaque.paste(image, mask=Image.fromarray(self.alpha))
        return replace(self, pixels=np.array(opaque), alpha=None)


def read_photo(path: str | os.PathLike[str]) -> Photo:
    """Read a photo from a file.

    Orientation is applied. Greyscale, palette and 16-bit pictures become 8-bit RGB; CMYK, Lab and
    greyscale with a profile go through it to sRGB; of an animation the first frame is taken.

    Args:
        path: JPEG, PNG, WebP, TIFF, AVIF, JPEG 2000, GIF, BMP or PPM; sides from 64 pixels, up to
            50 megapixels.

    Raises:
        GanimateError: no such file, not a picture, damaged, too small or too large.
    """
    path = Path(path)
    check_file(path)
    try:
        file = path.open("rb")
    except PermissionError as error:
        raise GanimateError(f"{path}: may not be read", "check its permissions") from error
    with file:
        return replace(_read(file, str(path)), path=path)


def decode_photo(data: bytes, name: str) -> Photo:
    """Read a photo from the bytes of its file, as `read_photo` does; messages call it `name`."""
    return _read(io.BytesIO(data), name)


def _read(file: BinaryIO, name: str) -> Photo:
    from PIL import Image, UnidentifiedImageError

    Image.init()
    formats = [name for name in READABLE if name in Image.OPEN]
    try:
        if not file.read(1):
            raise GanimateError(f"{name}: the file is empty")
        file.seek(0)
        with warnings.catch_warnings():
            # Pillow warns of bombs, which the check of the size refuses, and of tags it skips.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=formats) as image:
                return _decode(image, name)
    except (GanimateError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        heif = Path(name).suffix.lower() in {".heic", ".heif"}
        hint = "export it as JPEG" if heif else "JPEG, PNG, WebP, TIFF and AVIF are read"
        raise GanimateError(f"{name}: this is not a picture that can be read", hint) from error
    except Image.DecompressionBombError as error:
        raise _too_large(name) from error
    except Exception as error:  # on damaged files Pillow's decoders raise almost anything
        raise GanimateError(f"{name}: the picture is damaged: {error}", "export it anew") from error


def photo_from(source: str | os.PathLike[str] | Image.Image | NDArray[Any] | Photo) -> Photo:
    """Take a photo from wherever it is.

    Args:
        source: a path, a Pillow image of any mode, a (H, W, 3) uint8 RGB array, or a photo that
            has been read already.

    Raises:
        GanimateError: as `read_photo`, or the array is something else.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, (str, os.PathLike)):
        return read_photo(source)
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3:
            raise GanimateError(
                f"an array of shape {source.shape} and type {source.dtype} is not a photo",
                "give (height, width, 3) uint8 RGB",
            )
        _check_size((source.shape[1], source.shape[0]), "the array")
        return Photo(pixels=source.copy())
    try:
        return _decode(source, "the image")
    except (GanimateError, MemoryError):
        raise
    except Exception as error:  # as in read_photo: the image may be a file not yet decoded
        raise GanimateError(f"the image cannot be decoded: {error}") from error


def replace_pixels(photo: Photo, pixels: Pixels) -> Photo:
    """The same photo with other pixels.

    Args:
        photo: the original.
        pixels: (H, W, 3) uint8 of the original's size.
    """
    if pixels.shape != photo.pixels.shape or pixels.dtype != np.uint8:
        raise GanimateError(
            f"pixels {pixels.shape} {pixels.dtype} do not fit a photo {photo.pixels.shape} uint8"
        )
    return replace(photo, pixels=pixels)


def photo_format(path: str | os.PathLike[str]) -> str:
    """Pillow's name of the format that a suffix asks for.

    Raises:
        UsageError: the suffix is none of `PHOTO_FORMATS`.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in PHOTO_FORMATS:
        raise UsageError(
            f"{path}: no picture format has the suffix {suffix!r}",
            "use " + ", ".join(PHOTO_FORMATS),
        )
    return PHOTO_FORMATS[suffix]


def write_photo(
    photo: Photo,
    path: str | os.PathLike[str],
    *,
    provenance: Provenance | None,
    force: bool = False,
    notify: Notify | None = None,
) -> Path:
    """Write a picture with its alpha, colour profile, EXIF and XMP.

    The file appears complete or not at all. JPEG (quality 95, 4:4:4) has no alpha: there the
    picture is laid on white.

    Args:
        photo: what to write; the file it was read from is never written over.
        path: the suffix says the format.
        provenance: stated in the XMP, beside what the original's XMP says, and what the picture
            is marked by; None leaves out both.
        force: replace an existing file.
        notify: called with a line for each thing that the format could not hold.

    Returns:
        The path.

    Raises:
        UsageError: unknown suffix.
        GanimateError: the file exists, or cannot be written.
    """
    from PIL import Image

    path = Path(path)
    form = photo_format(path)
    tell = notify or (lambda line: None)
    if provenance:
        photo = _marked(photo, provenance)
    with draft(path, force=force, source=photo.path) as unfinished:
        if form == "JPEG":
            if photo.see_through:
                tell(f"{path}: JPEG has no transparency; the picture was laid on white")
            photo = photo.on_white()
        image = Image.fromarray(photo.pixels)
        if photo.alpha is not None:
            image.putalpha(Image.fromarray(photo.alpha))
        try:
            with write_errors(path), unfinished.open("xb") as file:
                image.save(file, form, **_save_options(photo, form, provenance, tell))
        except GanimateError:
            raise
        except Exception as error:  # too large for the format, or EXIF that cannot be stored
            raise GanimateError(f"{path}: {form} cannot hold this picture: {error}") from error
        with write_errors(path):
            sign_output(unfinished, path.suffix.lower(), provenance, photo.path, path)
    return path


def _marked(photo: Photo, provenance: Provenance) -> Photo:
    marker = Marker(provenance, (photo.pixels.shape[1], photo.pixels.shape[0]))
    alpha = photo.alpha
    if alpha is not None and provenance.marking.label:
        top, bottom, left, right = marker.label.box
        alpha = alpha.copy()
        alpha[top:bottom, left:right] = 255  # a label that nobody sees is none
    return replace(photo, pixels=marker.mark(photo.pixels), alpha=alpha)


def _check_size(size: tuple[int, int], name: str) -> None:
    if min(size) < MIN_SIDE:
        raise GanimateError(
            f"{name}: {size[0]} x {size[1]} pixels are too few", f"{MIN_SIDE} a side are needed"
        )
    if size[0] * size[1] > MAX_PIXELS:
        raise _too_large(name, size)


def _too_large(name: str, size: tuple[int, int] | None = None) -> GanimateError:
    many = f"{size[0]} x {size[1]}" if size else "so many"
    return GanimateError(
        f"{name}: {many} pixels are too many",
        f"shrink it to {MAX_PIXELS // 1_000_000} megapixels or less",
    )


def _decode(image: Image.Image, name: str) -> Photo:
    """Everything of `Photo` but its path; `name` is for the messages."""
    from PIL import ImageOps

    announced = image.size
    _check_size(announced, name)
    notices = []
    # MPO is how phones store a photo with its depth or preview: one photo all the same.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        notices.append(f"{name}: of several frames the first is taken")
    if any(";16" in str(tile[3]) for tile in getattr(image, "tile", ())):
        notices.append(f"{name}: colours of 16 bits become those of 8")
    image.load()
    if image.size != announced:
        raise GanimateError(f"{name}: the picture is damaged: its size is not what it says")
    exif = None
    try:
        upright = ImageOps.exif_transpose(image)
        exif = carried_exif(image, upright)
    except Exception:  # EXIF is written by every camera and program in its own way
        notices.append(f"{name}: its EXIF is damaged and was left out")
        upright = image
    xmp = upright.info.get("xmp")
    if xmp is not None:
        xmp = carried_xmp(xmp) if isinstance(xmp, bytes) else None
        if xmp is None:
            notices.append(f"{name}: its XMP is damaged and was left out")
    opaque, alpha = split_alpha(upright)
    rgb, profile, notice = to_rgb(opaque, image.info.get("icc_profile"), name)
    if notice:
        notices.append(f"{name}: {notice}")
    return Photo(np.array(rgb), alpha, profile, exif, None, tuple(notices), xmp)


def _save_options(
    photo: Photo, form: str, provenance: Provenance | None, tell: Notify
) -> dict[str, Any]:
    """The keywords of Pillow's `save`, with what fits into the format."""
    from PIL import Image

    xmp = xmp_packet(provenance, photo.xmp) if provenance else photo.xmp
    exif = photo.exif
    if form == "JPEG" and exif and len(exif) > _JPEG_MAX_EXIF:
        tell("the photo's EXIF is too long for JPEG and was left out")
        exif = None
    if form == "JPEG" and xmp and len(xmp) > _JPEG_MAX_XMP:
        tell("the photo's XMP is too long for JPEG and was left out")
        xmp = xmp_packet(provenance) if provenance else None
    options = dict(_ENCODINGS[form])
    if photo.icc_profile:
        options["icc_profile"] = photo.icc_profile
    if form == "TIFF":
        carried, table = Image.Exif(), Image.Exif()
        carried.load(exif or b"")
        table.load(descriptive(carried).tobytes())
        if xmp:
            table[_TIFF_XMP] = xmp
        return options | {"exif": table}
    if exif:
        options["exif"] = exif
    if xmp and form == "PNG":
        options["pnginfo"] = png_text(xmp)
    elif xmp:
        options["xmp"] = xmp
    return options
