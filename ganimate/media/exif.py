"""Which EXIF of a photo is true of its edited picture, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

# EXIF that describes the photo rather than the file's inner layout, which in a TIFF shares the
# same table: description, make, model, resolution, software, date, artist, copyright, the
# XP strings of Windows, and the Exif and GPS tables.
_DESCRIPTIVE = frozenset(
    (270, 271, 272, 282, 283, 296, 305, 306, 315, 33432, *range(40091, 40096), 34665, 34853)
)
_EXIF_HEAD = b"Exif\0\0"


def carried_exif(image: Image.Image, upright: Image.Image) -> bytes | None:
    """The EXIF to write again: the original bytes where nothing in them has become untrue."""
    from PIL import ExifTags, Image

    exif = descriptive(image.getexif()) if image.format == "TIFF" else upright.getexif()
    if not exif:
        return None
    raw = upright.info.get("exif")
    if isinstance(raw, bytes):
        original = Image.Exif()  # a second one, since looking into the thumbnail changes it
        original.load(raw)
        if not original.get_ifd(ExifTags.IFD.IFD1):
            return raw if raw.startswith(_EXIF_HEAD) else _EXIF_HEAD + raw  # WebP goes without
    return exif.tobytes()  # which leaves the thumbnail out


def descriptive(exif: Image.Exif) -> Image.Exif:
    """The tags that describe a photo and not the file that it is in."""
    from PIL import ExifTags, Image

    kept = Image.Exif()
    for tag in _DESCRIPTIVE & set(exif):
        is_table = tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
        kept[tag] = exif.get_ifd(tag) if is_table else exif[tag]
    return kept
