"""The face frame in tensors, and looking at faces that moved where they are now."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganimate.faces.align import FaceFrame
from ganimate.training.framing import frames, reframed, reframing, unmoved


def face(seed: int, turn: float = 0.0, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    """Landmarks of something like a face in a crop, then turned, scaled and shifted."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(20, 108, (478, 2))
    for places, point in (
        ((33, 133, 159, 145), (40, 50)),
        ((263, 362, 386, 374), (88, 50)),
        ((61, 291), (64, 95)),
    ):
        points[list(places)] = point + rng.uniform(-3, 3, (len(places), 2))
    angle = math.radians(turn)
    turned = np.array([(math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))])
    return torch.from_numpy((points - 63.5) @ turned * scale + 63.5 + shift)[None]


LIKENESSES = {
    "turn": st.floats(-60, 60),
    "scale": st.floats(0.5, 2),
    "shift": st.floats(-30, 30),
}


@given(seed=st.integers(0, 1000), **LIKENESSES)
def test_frames_are_those_of_photos(seed: int, turn: float, scale: float, shift: float) -> None:
    landmarks = face(seed, turn, scale, shift)
    centre, axis, half_side = frames(landmarks)
    frame = FaceFrame.from_landmarks(landmarks[0].numpy())
    np.testing.assert_allclose(centre[0], frame.centre, atol=1e-9)
    np.testing.assert_allclose(axis[0], frame.x_axis, atol=1e-9)
    np.testing.assert_allclose(half_side[0], frame.half_side, atol=1e-9)


@given(seed=st.integers(0, 1000), **LIKENESSES)
def test_a_face_is_met_where_it_went(seed: int, turn: float, scale: float, shift: float) -> None:
    """What `reframing` looks up for a landmark's old place is its new one."""
    before, after = face(seed), face(seed, turn, scale, shift)
    found = reframing(before, after, 128)[0]
    unit = (before[0] + 0.5) / 64 - 1
    there = (unit @ found[:, :2].T + found[:, 2] + 1) * 64 - 0.5
    np.testing.assert_allclose(there, after[0], atol=1e-6)


def test_nothing_moves() -> None:
    crops = torch.rand(2, 3, 128, 128)
    still = reframing(face(1), face(1), 128).float().expand(2, -1, -1)
    assert torch.allclose(still, unmoved(2, still.device), atol=1e-6)
    assert torch.allclose(reframed(crops, still), crops, atol=1e-4)
