"""Back into the photo: what must not change does not, what must does, at any size and turn."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ganimate.engine import Painted
from ganimate.errors import GanimateError
from ganimate.faces.align import FaceFrame
from ganimate.faces.blend import REACH, Blender

RNG = np.random.default_rng(5)


def blend(pixels: np.ndarray, frame: FaceFrame, painted: Painted) -> np.ndarray:
    """Put one painted face into a photo."""
    return Blender(pixels, frame).blend(painted)


def photo(height: int = 300, width: int = 400) -> np.ndarray:
    """Smooth colours with a fine grain, as photos have."""
    y, x = np.mgrid[:height, :width]
    smooth = np.stack([x / width, y / height, (x + y) / (height + width)], 2) * 200
    grain = RNG.integers(0, 40, (height, width, 1))
    return (smooth + grain).astype(np.uint8)


def painted(attention: float = 1.0, colour: float = 0.0, flow: float = 0.0) -> Painted:
    return Painted(
        np.full((128, 128), attention, np.float32),
        np.full((128, 128, 3), colour, np.float32),
        np.full((64, 64, 2), flow, np.float32),
    )


def inside(frame: FaceFrame, height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    places = frame.to_crop(np.stack([columns, rows], -1), 1)
    return (np.abs(places) <= 0.5 + 1e-9).all(-1)


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(0, 400),
    y=st.floats(0, 300),
    side=st.floats(20, 900),
    roll=st.floats(-180, 180),
)
def test_outside_the_frame_nothing_changes(x: float, y: float, side: float, roll: float) -> None:
    pixels = photo()
    frame = FaceFrame.turned((x, y), side / 2, roll)
    result = blend(pixels, frame, painted(attention=0, colour=255, flow=0.05))
    outside = ~inside(frame, 300, 400)
    assert (result[outside] == pixels[outside]).all()


def test_keeping_everything_gives_the_photo_back_bit_for_bit() -> None:
    pixels = photo()
    before = pixels.copy()
    frame = FaceFrame.turned((180.3, 150.7), 90, 17)
    assert (blend(pixels, frame, painted()) == pixels).all()
    assert (pixels == before).all()


def test_paint_replaces_the_middle_and_fades_to_the_edge() -> None:
    pixels = photo()
    frame = FaceFrame.turned((200, 150), 100, 0)
    result = blend(pixels, frame, painted(attention=0, colour=255)).astype(int)
    # 255 differs by far from what is there: no detail is carried into it.
    assert result[160:180, 190:210].min() >= 250
    edge = np.abs(result - pixels)[150, 99:103].max()
    assert edge < 30


def test_enlarged_paint_is_sharpened_where_it_stands_alone() -> None:
    stripes = np.tile(np.repeat([60.0, 180.0], 4), 16).astype(np.float32)
    colour = np.broadcast_to(stripes[None, :, None], (128, 128, 3))
    soft = np.stack([np.convolve(stripes, [0.25, 0.5, 0.25], "same")] * 3, 1)[None]
    soft = np.broadcast_to(soft, colour.shape).astype(np.float32)

    def contrast(side: float, attention: float) -> float:
        mask = np.full((128, 128), attention, np.float32)
        still = np.zeros((64, 64, 2), np.float32)
        pixels = np.full((600, 600, 3), 120, np.uint8)
        frame = FaceFrame.turned((299.5, 299.5), side / 2, 0)
        return float(blend(pixels, frame, Painted(mask, soft, still))[250:350, 250:350].std())

    assert contrast(512, 0) > 1.1 * contrast(128, 0)
    assert contrast(512, 0.9) < 0.2 * contrast(512, 0)


def test_a_chin_that_rises_stretches_the_skin_below_it_a_little() -> None:
    """Rows that hold their own number show from where each pixel was fetched."""
    pixels = np.repeat(np.arange(240, dtype=np.uint8)[:, None], 240, 1)[..., None].repeat(3, 2)
    frame = FaceFrame.turned((119.5, 119.5), 100, 0)
    fetched = blend(pixels, frame, painted(flow=0.1)).astype(int)[:, 120, 0]
    assert fetched[120] == pytest.approx(140, abs=1)
    to_edge = 219.5 - np.arange(120, 219)
    assert (fetched[120:219] - np.arange(120, 219) <= REACH * to_edge + 1).all()
    # Never the same row over and over, which shows as stripes.
    assert max(len(list(same)) for _, same in groupby(fetched[120:219])) <= 3


def test_flow_moves_the_photos_own_pixels() -> None:
    pixels = photo()
    frame = FaceFrame.turned((200, 150), 100, 0)
    result = blend(pixels, frame, painted(flow=10 / 200))
    middle = result[130:170, 180:220].astype(int)
    source = pixels[140:180, 190:230].astype(int)
    assert np.abs(middle - source).max() <= 1


def test_a_turned_frame_turns_the_flow_with_it() -> None:
    pixels = photo()
    frame = FaceFrame.turned((200, 150), 100, 90)
    flow = np.zeros((64, 64, 2), np.float32)
    flow[..., 0] = 10 / 200  # along the face's x axis, which points down in the photo
    result = blend(pixels, frame, Painted(painted().attention, painted().colour, flow))
    middle = result[130:170, 180:220].astype(int)
    assert np.abs(middle - pixels[140:180, 180:220].astype(int)).max() <= 1


def test_grain_survives_where_paint_agrees_with_the_photo() -> None:
    pixels = photo()
    frame = FaceFrame.turned((200, 150), 128, 0)
    crop = frame.crop(pixels).astype(np.float32)
    region = np.s_[155:205, 160:240]  # below what could be a lid

    def grain(attention: float, colour: np.ndarray) -> float:
        result = blend(
            pixels,
            frame,
            Painted(
                np.full((128, 128), attention, np.float32),
                colour,
                np.zeros((64, 64, 2), np.float32),
            ),
        )
        return float(np.diff(result[region].astype(int), axis=1).std())

    whole = grain(1, crop)
    assert grain(0.7, crop + 3) > 0.8 * whole
    assert grain(0.1, crop) < 0.5 * whole
    assert grain(0.4, np.full_like(crop, 250)) < 0.4 * whole


def test_painted_lids_have_the_grain_of_the_skin_below() -> None:
    pixels = photo()
    pixels[:140] = pixels[:140].mean((0, 1))  # smooth where lids are, rough below
    frame = FaceFrame.turned((200, 150), 100, 0)
    plain = painted(attention=0.05, colour=120)

    def roughness(result: np.ndarray) -> float:
        return float(np.diff(result[100:130, 160:240, 1].astype(int), axis=1).std())

    assert roughness(pixels) == 0
    assert roughness(blend(pixels, frame, plain)) > 0.6 * roughness(pixels[65:])
    spoilt = pixels.copy()
    spoilt[150:152] = 0  # the rim of a pair of glasses lends no line
    assert blend(spoilt, frame, plain)[108:114].min() > 60
    assert roughness(blend(pixels, frame, painted())) == 0


def test_attention_in_the_photos_size() -> None:
    frame = FaceFrame.turned((200, 150), 60, 30)
    attention = Blender(photo(), frame).attention(painted(attention=0.25))
    assert attention.shape == (300, 400)
    assert attention[150, 200] == pytest.approx(0.25, abs=1e-3)
    assert (attention[~inside(frame, 300, 400)] == 1).all()


def test_a_frame_beside_the_photo_is_an_error() -> None:
    with pytest.raises(GanimateError, match="outside"):
        Blender(photo(), FaceFrame.turned((900, 900), 50, 0))


def test_a_large_face_comes_out_as_on_a_grid_of_its_own(
    monkeypatch: pytest.MonkeyPatch, portrait: Path
) -> None:
    pixels = np.asarray(Image.open(portrait).convert("RGB").resize((1100, 1100)))
    frame = FaceFrame.turned((560, 570), 500, 7)
    colour = frame.crop(pixels)[:, ::-1].astype(np.float32)  # another face, in its way
    y, x = np.mgrid[:128, :128] / 128
    attention = (0.5 + 0.5 * np.sin(9 * x + 7 * y)).astype(np.float32)
    flow = 0.04 * np.stack([np.sin(8 * y), np.cos(6 * x)], 2)[::2, ::2].astype(np.float32)
    face = Painted(attention, colour, flow)
    fast = blend(pixels, frame, face).astype(float)
    monkeypatch.setattr("ganimate.faces.blend.FINE", 10_000)
    exact = blend(pixels, frame, face)
    top, bottom, left, right = frame.box(1100, 1100)
    error = np.square(fast - exact)[top:bottom, left:right].mean()
    assert error < 255**2 / 10**4.5  # a PSNR of 45 dB
    outside = ~inside(frame, 1100, 1100)
    assert (fast[outside] == pixels[outside]).all()
