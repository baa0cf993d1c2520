"""What a picture, film or folder of frames carries of its origin: XMP, C2PA and the watermark.

Files come from anywhere. Sizes are checked before anything is decoded, of films and folders a
few frames are looked at, and playlists, which name other files, are not read.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganimate.errors import GanimateError
from ganimate.files import check_file, is_folder
from ganimate.media.signatures import read_credentials
from ganimate.media.source import open_film
from ganimate.media.statement import Finding, film_statement, still_statement
from ganimate.media.stills import MAX_PIXELS, MIN_SIDE, READABLE, read_photo
from ganimate.media.watermark import THRESHOLD, score

if TYPE_CHECKING:
    from PIL import Image

    from ganimate.faces.locate import Locator
    from ganimate.media.profiles import Pixels

LOOKED_AT = 8
"""Frames of a film or folder that are looked at, spread evenly ..."""
FIRST = 240
"""... over the whole film; of what can only be read from its beginning, over so many frames."""
MOST_DECODED = 1_000_000_000
"""Pixels of an animation that are decoded."""
ANIMATED = ("GIF", "PNG", "WEBP", "TIFF", "AVIF")
MOST_FRAMES = 1_000_000
"""How many entries of a folder are listed."""

_SUFFIXES = {
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "TIFF": ".tiff",
    "GIF": ".gif",
    "AVIF": ".avif",
}


@dataclass(frozen=True)
class Verdict:
    """What a file carries.

    Attributes:
        path: the file or folder.
        looked_at: how many of its pictures were searched for the watermark.
        xmp: metadata, or a comment that says the same.
        c2pa: Content Credentials.
        watermark: the mark in edited faces.
    """

    path: Path
    looked_at: int
    xmp: Finding
    c2pa: Finding
    watermark: Finding

    @property
    def findings(self) -> dict[str, Finding]:
        """By the name that a table gives each."""
        return {"XMP": self.xmp, "C2PA": self.c2pa, "watermark": self.watermark}


def verify(path: Path, locator: Locator, *, trusted: bytes | None = None) -> Verdict:
    """Read what a file says of its origin, and whether that holds.

    Args:
        path: a picture, a film, or a folder of PNG frames.
        locator: finds the faces in which the watermark is looked for.
        trusted: certificates, PEM, whose signatures are trusted.

    Raises:
        GanimateError: there is no such file, or it can be read neither as picture nor as film.
    """
    if is_folder(path):
        return _folder(path, locator, trusted)
    check_file(path)
    read = _picture(path)
    said, suffix, pictures = read or (film_statement(path), _film_suffix(path), _frames(path))
    marks = [_watermark(one, locator) for one in pictures]
    signed = read_credentials(path, suffix, trusted)
    return Verdict(path, len(marks), said, signed, _together(marks))


def _folder(path: Path, locator: Locator, trusted: bytes | None) -> Verdict:
    try:
        listed = list(islice(path.iterdir(), MOST_FRAMES))
        frames = sorted(entry for entry in listed if entry.suffix == ".png" and entry.is_file())
    except OSError as error:
        raise GanimateError(f"{path}: cannot be read: {error.strerror}") from error
    if strays := [one for one in listed if one.suffix != ".png" and not one.name.startswith(".")]:
        raise GanimateError(
            f"{path}: holds more than the frames of a film: {strays[0].name}",
            "name the files themselves",
        )
    if not frames:
        raise GanimateError(f"{path}: this folder holds no PNG frames", "name the file itself")
    each = [verify(frames[index], locator, trusted=trusted) for index in _spread(len(frames))]
    return Verdict(
        path,
        len(each),
        _together([one.xmp for one in each]),
        _together([one.c2pa for one in each]),
        _together([one.watermark for one in each]),
    )


def _spread(count: int) -> list[int]:
    """Up to `LOOKED_AT` of `count` numbers, evenly, the first and the last among them."""
    return sorted(
        set(np.linspace(0, count - 1, min(count, LOOKED_AT)).round().astype(int).tolist())
    )


def _picture(path: Path) -> tuple[Finding, str, Iterator[Pixels]] | None:
    """What a picture says, the suffix of its format, and its pixels; None where it is a film."""
    from PIL import Image, UnidentifiedImageError

    Image.init()
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # of bombs, whose size is checked, and odd tags
            with Image.open(
                file, formats=[name for name in READABLE if name in Image.OPEN]
            ) as image:
                fits = min(image.size) >= MIN_SIDE and np.prod(image.size) <= MAX_PIXELS
                if fits:
                    image.load()  # a PNG may say something after its pixels
                said, suffix = still_statement(image, path), _SUFFIXES.get(image.format or "", "")
                moves = getattr(image, "is_animated", False) and image.format != "MPO"
    except UnidentifiedImageError:
        return None
    except (GanimateError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise GanimateError(f"{path}: so many pixels are too many") from error
    except OSError as error:
        raise GanimateError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # on damaged files Pillow's decoders raise almost anything
        raise GanimateError(f"{path}: the picture is damaged: {error}") from error
    if not fits:
        return said, suffix, iter(())
    return said, suffix, _animation(path) if moves else iter([read_photo(path).pixels])


def _animation(path: Path) -> Iterator[Pixels]:
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=ANIMATED) as image:
                most = min(FIRST, max(1, MOST_DECODED // (image.size[0] * image.size[1])))
                for index in _spread(_count(image, most)):
                    image.seek(index)
                    yield np.array(image.convert("RGB"))
        except Exception as error:  # as above
            raise GanimateError(f"{path}: the animation is damaged: {error}") from error


def _count(image: Image.Image, most: int) -> int:
    """How many frames an animation has; counting ends at `most`, since there may be millions."""
    try:
        for index in range(1, most):
            image.seek(index)
    except EOFError:
        return index
    return most


def _frames(path: Path) -> Iterator[Pixels]:
    """Some frames of a film."""
    with open_film(path) as film:
        whole = film.duration if film.info.indexed else None
        if whole is None:
            wanted = _spread(min(film.frames or FIRST, FIRST))
            for index, (_, pixels) in enumerate(islice(film, FIRST)):
                if index in wanted:
                    yield pixels
            return
        count = min(LOOKED_AT, film.frames or LOOKED_AT)
    for start in np.linspace(0, whole, count, endpoint=False):
        with open_film(path, start=float(start)) as film:
            for _, pixels in islice(film, 1):
                yield pixels


def _film_suffix(path: Path) -> str:
    """By what a film begins with: its name may say anything."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return ".mov" if head[8:12] == b"qt  " else ".mp4"
    return ".webm" if head[:4] == b"\x1a\x45\xdf\xa3" else ""


def _watermark(pixels: Pixels, locator: Locator) -> Finding:
    faces = locator.locate(pixels)
    scores = [score(pixels, face.frame) for face in faces]
    marked = sum(one >= THRESHOLD for one in scores)
    if not faces:
        return Finding("absent", "no face was found to look for it in", {"scores": []})
    details: dict[str, object] = {"scores": [round(one, 1) for one in scores]}
    enough = f"score {max(scores):.1f}, where {THRESHOLD} is enough"
    state = "present" if marked else "absent"
    return Finding(state, f"in {marked} of {len(faces)} faces; {enough}", details)


def _together(each: Sequence[Finding]) -> Finding:
    """One finding for several pictures: the worst of what was found, and in how many."""
    for state in ("broken", "valid", "present", "absent"):
        such = [finding for finding in each if finding.state == state]
        if such and len(each) > 1:
            says = f"{such[0].says} (in {len(such)} of {len(each)} frames)".lstrip()
            return Finding(state, says, such[0].details | {"frames": len(such)})
        if such:
            return such[0]
    return Finding("absent", "no picture of a fit size to look for it in")
