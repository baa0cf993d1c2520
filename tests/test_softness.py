"""Paint is as soft as the photo that it is put into."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganimate import Animator
from ganimate.engine import Painted
from ganimate.faces.align import CROP_SIZE
from ganimate.faces.softness import OWN, softened, softness


def edges(blur: float) -> np.ndarray:
    """A crop of shapes with straight and round edges, at every angle, blurred."""
    crop = np.full((CROP_SIZE, CROP_SIZE, 3), 90, np.uint8)
    cv2.circle(crop, (64, 64), 36, (210, 190, 170), -1)
    cv2.rectangle(crop, (50, 54), (78, 70), (40, 30, 30), -1)
    return cv2.GaussianBlur(crop, (0, 0), blur)


@given(st.floats(1.6, 4))
def test_a_known_blur_is_found(blur: float) -> None:
    assert np.hypot(softness(edges(blur)), OWN) == pytest.approx(blur, rel=0.2)


def test_sharp_photos_are_not_soft_and_even_ones_have_no_say() -> None:
    assert softness(edges(0.5)) == 0
    assert softness(np.full((CROP_SIZE, CROP_SIZE, 3), 127, np.uint8)) == 0


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(0, 3))
def test_what_covers_nothing_has_no_say(seed: int, blur: float) -> None:
    """One colour behind any mask stays that colour, whatever C is where it does not show."""
    rng = np.random.default_rng(seed)
    cover = cv2.GaussianBlur(rng.random((256, 256)).astype(np.float32), (0, 0), 12) > 0.5
    colour = np.where(cover[..., None], (200, 90, 60), (0, 0, 0)).astype(np.float32)
    flow = np.zeros((64, 64, 2), np.float32)
    soft = softened(Painted(1 - cover.astype(np.float32), colour, flow), blur)
    shown = soft.attention < 0.99
    assert np.abs(soft.colour[shown] - (200, 90, 60)).max(initial=0) < 0.5
    assert (1 - soft.attention).sum() == pytest.approx(cover.sum(), rel=0.1, abs=300)
    assert soft.flow is flow


def test_a_grin_in_a_photo_out_of_focus_is_out_of_focus(portrait: Path) -> None:
    animator = Animator(locator="builtin", offline=True)
    sharp = animator.open(portrait)
    blur = 3 * sharp.faces[0].frame.native_side / CROP_SIZE
    soft = animator.open(cv2.GaussianBlur(sharp.photo.pixels, (0, 0), blur))
    frame = soft.faces[0].frame
    assert softness(frame.crop(soft.photo.pixels)) > 2
    assert softness(frame.crop(soft.edit("grin").image)) > 1.5
