"""Drawing glasses onto faces: pictures of them whose every pixel is known to be glass or face.

No dataset at hand says where glasses are. So a model of some, in three dimensions and of many
shapes, is turned with the head, projected onto its eyes, and drawn with shadows and reflections.

Source: of the idea, Lyu et al., "Portrait Eyeglasses and Shadow Removal by Leveraging 3D Synthetic
Data", CVPR 2022.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ganimate.faces.align import LEFT_EYE, MOUTH, RIGHT_EYE

FINER = 4
"""How much larger things are drawn than they are shown: rims are thinner than pixels."""
OPAQUE = 0.6
"""From this on a lens hides the eye behind it, and is glasses as its rim is."""
NOSE_TIP = 4
POINTS = 72
"""Of a lens's outline."""
EAR = (1.2, 0.0, -1.5)
"""Where an arm ends, in distances between the eyes: outwards, down and towards the viewer."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Style:
    """A pair of glasses; lengths are in distances between the eyes.

    Attributes:
        half_width, half_height: of a lens.
        bridge: half the gap between the lenses.
        drop: how far the lenses' middles are below the eyes.
        power: of the superellipse that a lens is: 2 is an ellipse, 6 nearly a rectangle.
        taper: how much narrower a lens is below than above.
        lift: how far its outer upper corner is drawn up.
        upper, lower: thickness of the rim; 0 leaves it out.
        colour: RGB, 0 to 255.
        opacity: of the rim, 0 to 1.
        gloss: how much lighter it is where light falls on it.
        lens: RGB of the lenses, 0 to 255, and how opaque they are, 0 to 1.
        glare: how strong reflections in them are.
        shade: how dark the shadow below the rim is.
    """

    half_width: float
    half_height: float
    bridge: float
    drop: float
    power: float
    taper: float
    lift: float
    upper: float
    lower: float
    colour: Array
    opacity: float
    gloss: float
    lens: tuple[Array, float]
    glare: float
    shade: float


def any_style(rng: np.random.Generator) -> Style:
    """A pair of glasses like those that people wear."""

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    wire = rng.random() < 0.45
    upper = between(0.012, 0.035) if wire else between(0.04, 0.13)
    lower = upper * (between(0.7, 1) if rng.random() < 0.75 else 0.0)
    if rng.random() < 0.06:
        upper = lower = 0.0
    half_width = between(0.34, 0.5)
    dark = rng.random() < 0.62
    grey = between(5, 60) if dark else between(60, 215)
    colour = np.full(3, grey) + rng.normal(0, 10 if dark else 14, 3)
    if rng.random() < 0.22:
        colour = rng.uniform(10, 210, 3)  # tortoise, gold, red, blue
    sun = rng.random() < 0.14
    tint = np.full(3, between(10, 70)) if sun else rng.uniform(90, 255, 3)
    return Style(
        half_width=half_width,
        half_height=half_width * between(0.5, 1.0),
        bridge=between(0.09, 0.2),
        drop=between(0.0, 0.16),
        power=between(2.0, 5.5),
        taper=between(-0.02, 0.2),
        lift=between(-0.03, 0.12),
        upper=upper,
        lower=lower,
        colour=colour.clip(0, 255),
        opacity=between(0.8, 1),
        gloss=between(0, 0.5),
        lens=(tint, between(0.62, 1) if sun else between(0, 0.12) * (rng.random() < 0.6)),
        glare=between(0.15, 0.8) if rng.random() < 0.35 else 0.0,
        shade=between(0.05, 0.5) if rng.random() < 0.7 else 0.0,
    )


def wear(
    picture: NDArray[np.uint8],
    landmarks: Array,
    rng: np.random.Generator,
    style: Style | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Put glasses on a face.

    Args:
        picture: (H, W, 3) uint8 RGB.
        landmarks: (478, 2), in its pixels.
        rng: what chooses them, and what light falls on them.
        style: those to wear; by default any.

    Returns:
        The picture with glasses, and how far each of its pixels is theirs, (H, W) in 0..1.
    """
    style = style or any_style(rng)
    size = (picture.shape[0] * FINER, picture.shape[1] * FINER)
    shape = _Shape(style, landmarks, rng)
    rim: Any = np.zeros(size, np.float32)
    light: Any = np.zeros(size, np.float32)
    glass: Any = np.zeros(size, np.float32)
    for lens in shape.lenses:
        cv2.fillPoly(glass, [_fixed(lens)], 1.0, cv2.LINE_AA, 4)
    _draw_rims(rim, light, shape, style, rng)
    shrink = [
        cv2.resize(one, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
        for one in (rim, light, glass)
    ]
    rim, light, glass = (one[..., None] for one in shrink)
    face = picture.astype(np.float32)
    if style.shade:
        x, y = rng.uniform(-0.06, 0.06), rng.uniform(0.02, 0.14)
        soft = cv2.GaussianBlur(shrink[0], (0, 0), rng.uniform(0.6, 2.5))
        shift = np.array([[1, 0, x * shape.unit], [0, 1, y * shape.unit]])
        moved = cv2.warpAffine(soft, shift, picture.shape[1::-1])
        face = face * (1 - style.shade * np.minimum(1, 1.3 * moved)[..., None])
    tint, opaque = style.lens
    if opaque:
        ramp = np.linspace(1, rng.uniform(0.55, 1), len(face))[:, None, None]
        face += glass * opaque * ramp ** (opaque < OPAQUE) * (tint - face)
    if style.glare:
        reflected = glass * style.glare * _glare(picture.shape[:2], shape, rng)
        face += reflected * (rng.uniform(170, 255, 3) - face)
    alpha = rim * style.opacity
    colour = style.colour + light * style.gloss * (255 - style.colour)
    face += alpha * (colour - face)
    mine = np.maximum(rim, glass * (opaque >= OPAQUE))[..., 0]
    return face.clip(0, 255).round().astype(np.uint8), mine.astype(np.float32)


class _Shape:
    """Glasses as lines in a picture made `FINER` times larger.

    Attributes:
        unit: the distance between the eyes, in the picture's own pixels.
        lenses: outlines of both, (2, POINTS, 2).
        bridge: a line between them, (k, 2).
        arms: those that are seen, (k, 2) each.
        angles: (POINTS,), where a point lies on its lens: 0 outwards, pi / 2 down.
    """

    def __init__(self, style: Style, landmarks: Array, rng: np.random.Generator) -> None:
        right, left = (landmarks[list(i)].mean(0) for i in (RIGHT_EYE, LEFT_EYE))
        across = left - right
        yaw, pitch = np.radians(_pose(landmarks) + rng.normal(0, 3, 2))
        roll = math.atan2(across[1], across[0]) + rng.normal(0, 0.02)
        self.unit = float(np.hypot(*across)) / max(0.5, math.cos(yaw))
        turn = _turn(yaw, pitch, roll)
        origin = (right + left) / 2

        def project(points: Array) -> Array:
            flat = origin + self.unit * (points @ turn.T)[:, :2]
            return np.asarray((flat + 0.5) * FINER - 0.5)

        self.angles = angles = np.arange(POINTS) * (2 * np.pi / POINTS)
        cos, sin = np.cos(angles), np.sin(angles)
        x, y = (np.sign(v) * np.abs(v) ** (2 / style.power) for v in (cos, sin))
        x = x * (1 - style.taper * np.clip(y, 0, 1))
        y = y * style.half_height - style.lift * np.clip(x, 0, 1) * np.clip(-y, 0, 1)
        x = style.bridge + style.half_width * (1 + x)
        lens = _before(x, y + style.drop)
        mirror = np.array([-1.0, 1.0, 1.0])
        self.lenses = np.stack([project(lens), project(lens * mirror)])
        height = style.drop - style.half_height * rng.uniform(0.2, 0.75)
        arch = np.linspace(-1, 1, 9)
        inner = float(x.min()) + 0.02
        bow = rng.uniform(-0.06, 0.05)
        self.bridge = project(_before(inner * arch, height + bow * (1 - arch**2)))
        outer = float(x.max()) - 0.02
        hinge = _before(np.array([outer]), np.array([height]))[0]
        # An arm that points inwards in the picture is hidden by the face, or nearly.
        self.arms = []
        for side in (mirror, np.ones(3)):
            arm = project(np.stack([hinge, (EAR[0], EAR[1] + height, EAR[2])]) * side)
            outwards = (arm[1, 0] - arm[0, 0]) * side[0]
            if outwards > 0:
                self.arms.append(arm)


def _pose(landmarks: Array) -> Array:
    """Yaw and pitch of a head in degrees: fitted to those of the validation faces, which it tells
    with correlations of .98 and .90."""
    right, left, mouth = (landmarks[list(i)].mean(0) for i in (RIGHT_EYE, LEFT_EYE, MOUTH))
    eyes, x = (right + left) / 2, left - right
    x = x / np.hypot(*x)
    y = np.array([-x[1], x[0]])
    nose = landmarks[NOSE_TIP] - eyes
    aside = (nose @ x) / np.hypot(*(left - right))
    return np.array(
        [1.26 * math.degrees(math.atan(aside)), 76.5 * (nose @ y) / ((mouth - eyes) @ y) - 35.9]
    )


def _before(x: Array, y: Array) -> Array:
    """Points of a face's glasses, whose lenses bend around it and lean against its cheeks."""
    z = 0.3 - 0.13 * np.square(x) - 0.1 * y
    return np.stack([x, y, z], axis=-1)


def _turn(yaw: float, pitch: float, roll: float) -> Array:
    """Head to picture: x to its right, y down, z towards the viewer."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    around_y = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    cos, sin = math.cos(pitch), math.sin(pitch)
    around_x = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])
    cos, sin = math.cos(roll), math.sin(roll)
    around_z = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return np.asarray(around_z @ around_x @ around_y)


def _draw_rims(rim: Any, light: Any, shape: _Shape, style: Style, rng: np.random.Generator) -> None:
    """Draw rims, bridge and arms: where they are, and how bright."""
    unit = shape.unit * FINER
    lamp = rng.uniform(0, 2 * np.pi)
    bright = np.clip(np.cos(shape.angles - lamp), 0, 1) ** 2

    def line(points: Array, thickness: float, shine: float) -> None:
        width = max(1, round(thickness * unit))
        places = [_fixed(points)]
        # Thinner than what is drawn: paler instead.
        share = min(1.0, thickness * unit / width)
        cv2.polylines(rim, places, False, share, width, cv2.LINE_AA, 4)
        cv2.polylines(light, places, False, shine, width, cv2.LINE_AA, 4)

    edge = max(style.upper, style.lower)
    for lens, flip in zip(shape.lenses, (1, -1), strict=True):
        for index in range(POINTS):
            below = math.sin(shape.angles[index]) > 0.1
            thickness = style.lower if below else style.upper
            if thickness:
                ends = lens[[index, (index + 1) % POINTS]]
                line(ends, thickness, float(bright[index * flip % POINTS]))
    metal = max(0.02, min(0.05, edge))
    line(shape.bridge, rng.uniform(0.7, 1.3) * (edge if edge > 0.05 else metal), 0.3)
    for arm in shape.arms:
        line(arm, rng.uniform(0.8, 1.4) * max(metal, 0.7 * edge), 0.2)


def _glare(size: tuple[int, int], shape: _Shape, rng: np.random.Generator) -> NDArray[np.float32]:
    """Reflections of windows and lamps, (h, w, 1) in 0..1."""
    patch: Any = np.zeros(size, np.float32)
    for lens in shape.lenses:
        low, high = lens.min(0) / FINER, lens.max(0) / FINER
        for _ in range(rng.integers(1, 3)):
            corner = rng.uniform(low, high)
            extent = rng.uniform(0.1, 0.6, 2) * (high - low)
            corners = np.array([(0, 0), (1, 0.2), (0.8, 1.1), (-0.1, 0.9)]) * extent + corner
            cv2.fillPoly(patch, [np.rint(corners).astype(np.int32)], float(rng.uniform(0.3, 1)))
    soft: Any = cv2.GaussianBlur(patch, (0, 0), rng.uniform(0.4, 3))
    return np.asarray(soft[..., None], np.float32)


def _fixed(points: Array) -> NDArray[np.int32]:
    """Points as OpenCV draws them between pixels: in sixteenths."""
    return np.rint(points * 16).astype(np.int32)
