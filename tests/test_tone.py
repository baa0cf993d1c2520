"""Black and white, sepia and tinted photos keep their one tone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganimate import Animator
from ganimate.faces.tone import tone_of
from ganimate.layers import Layer

SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])


def sepia(pixels: np.ndarray) -> np.ndarray:
    return pixels @ SEPIA.T


def cyanotype(pixels: np.ndarray) -> np.ndarray:
    dark, light = np.array([5, 20, 60]), np.array([240, 248, 250])
    return dark + (pixels.mean(2, keepdims=True) / 255) ** 1.3 * (light - dark)


def grey(pixels: np.ndarray) -> np.ndarray:
    return pixels.mean(2, keepdims=True).repeat(3, 2)


TONES = {"sepia": sepia, "cyanotype": cyanotype, "grey": grey}


def stored(pixels: np.ndarray) -> np.ndarray:
    """As a JPEG keeps it."""
    data = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8)).save(data, "JPEG", quality=80)
    return np.asarray(Image.open(data))


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator(locator="builtin", device="cpu")


def layer(animator: Animator, pixels: np.ndarray) -> Layer:
    return animator.open(pixels)._layers[0]


def test_photos_in_colour_have_no_one_tone(portrait: Path, astronaut: Path) -> None:
    for path in (portrait, astronaut):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        assert tone_of(pixels) is None
        # Nor have those that are nearly grey.
        assert tone_of((grey(pixels) + 0.35 * (pixels - grey(pixels))).astype(np.uint8)) is None


@pytest.mark.parametrize("name", TONES)
def test_what_is_painted_has_the_tone_of_its_photo(
    animator: Animator, portrait: Path, name: str
) -> None:
    pixels = np.asarray(Image.open(portrait).convert("RGB")).astype(float)
    opened = animator.open(stored(TONES[name](pixels)))
    paint = opened.edit({12: 1, 25: 1, 26: 0.6})._painted[0]
    shown = paint.colour[paint.attention < 0.5]  # a mouth
    expected = TONES[name](np.repeat(np.arange(256.0)[:, None, None], 3, 2)).clip(0, 255)[:, 0]
    level = np.interp(shown.mean(1), expected.mean(1), np.arange(256.0))
    off = shown - np.stack([np.interp(level, range(256), each) for each in expected.T], 1)
    # Without it half of them are off by more than 20.
    assert len(shown) > 500
    assert np.quantile(np.ptp(off, axis=1), 0.9) < 10


def test_eyes_that_are_drawn_have_it_too(animator: Animator, portrait: Path) -> None:
    pixels = np.asarray(Image.open(portrait).convert("RGB")).astype(float)
    coloured, toned = (
        layer(animator, stored(each)).shut._eyes[0]._white for each in (pixels, sepia(pixels))
    )
    assert np.ptp(coloured) > 0.1 > np.ptp(toned)
