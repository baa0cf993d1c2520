"""From any picture mode and colour profile to 8-bit RGB."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganimate.errors import GanimateError

if TYPE_CHECKING:
    from PIL import Image, ImageCms

Pixels = NDArray[np.uint8]

ALIKE = 2
"""Grey levels by which sRGB profiles of different makers differ."""

# Corners, edges and the middle of the colours, and greys between.
_PROBES: Pixels = np.concatenate(
    [
        np.stack(np.meshgrid(*[np.array([0, 128, 255])] * 3), -1).reshape(1, -1, 3),
        np.linspace(0, 255, 17).round().reshape(1, -1, 1).repeat(3, 2),
    ],
    axis=1,
).astype(np.uint8)

# The ICC colour space of the picture modes whose profile cannot describe RGB pixels.
_SPACES = {"L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}


def split_alpha(image: Image.Image) -> tuple[Image.Image, Pixels | None]:
    """The picture without its alpha, and the alpha as (H, W) uint8, None where there is none."""
    if not image.has_transparency_data:
        return image, None
    if image.mode.startswith("I;16"):  # a 16-bit grey PNG can name one value as transparent
        clear = np.asarray(image) == image.info["transparency"]
        return image, np.where(clear, 0, 255).astype(np.uint8)
    with_alpha = image.convert("RGBA")
    opaque = image.convert("L") if image.mode in ("L", "LA") else with_alpha.convert("RGB")
    return opaque, np.array(with_alpha.getchannel("A"))


def to_rgb(
    image: Image.Image, icc_profile: bytes | None, name: str = "the image"
) -> tuple[Image.Image, bytes | None, str | None]:
    """Bring a picture without alpha to 8-bit RGB.

    Args:
        image: of any mode.
        icc_profile: the profile that came with it.
        name: what messages call it.

    Returns:
        The RGB image; the profile that describes it, None for sRGB; what to tell a person.

    Raises:
        GanimateError: values without a set range (32-bit pictures).
    """
    from PIL import ImageCms

    image = _eight_bit(image, name)
    profile = _open_profile(icc_profile) if icc_profile else None
    notice = "its colour profile is damaged and was left out" if icc_profile else None
    if image.mode == "LAB":  # this mode is its own profile
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    if profile is not None:
        space, notice = profile.profile.xcolor_space.strip(), None
        if space == "RGB" and image.mode not in ("CMYK", "LAB"):
            if _to_srgb(profile) is not None:
                return image.convert("RGB"), icc_profile, None
            notice = "its colour profile cannot be applied and was left out"
        if space == _SPACES.get(image.mode):
            try:
                srgb = ImageCms.createProfile("sRGB")
                converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
            except ImageCms.PyCMSError:
                notice = "its colour profile cannot be applied and was left out"
            else:
                assert converted is not None  # it is only when converting in place
                return converted, None, None
    if image.mode == "CMYK":
        notice = "CMYK without a usable colour profile: its colours are approximate"
    return image.convert("RGB"), None, notice


def srgb_converter(icc_profile: bytes | None) -> Callable[[Pixels], Pixels] | None:
    """What turns (H, W, 3) pixels of a profile into sRGB; None where they are sRGB already."""
    from PIL import Image, ImageCms

    profile = _open_profile(icc_profile) if icc_profile else None
    transform = _to_srgb(profile) if profile is not None else None
    if transform is None:
        return None

    def convert(pixels: Pixels) -> Pixels:
        converted = ImageCms.applyTransform(Image.fromarray(pixels), transform)
        assert converted is not None  # it is only when converting in place
        return np.array(converted)

    # What a profile calls itself says nothing of what it does.
    change = convert(_PROBES).astype(int) - _PROBES
    return convert if np.abs(change).max() > ALIKE else None


def _to_srgb(profile: ImageCms.ImageCmsProfile) -> ImageCms.ImageCmsTransform | None:
    """What turns pixels of an RGB profile into sRGB; None where it cannot be applied."""
    from PIL import ImageCms

    try:
        return ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    except ImageCms.PyCMSError:
        return None


def _open_profile(icc_profile: bytes) -> ImageCms.ImageCmsProfile | None:
    from PIL import ImageCms

    try:
        return ImageCms.ImageCmsProfile(BytesIO(icc_profile))
    except (OSError, TypeError, ValueError):
        return None


def _eight_bit(image: Image.Image, name: str) -> Image.Image:
    from PIL import Image

    if image.mode in ("1", "L", "LAB", "CMYK"):
        return image.convert("L") if image.mode == "1" else image
    if image.mode != "F" and not image.mode.startswith("I"):
        return image.convert("RGB")
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise GanimateError(
            f"{name}: 32-bit pictures have no set range", "export it with 8 or 16 bits"
        )
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
