"""A face that is drawn, of which all is known: two eyes, a mouth, and where they are."""

from __future__ import annotations

import cv2
import numpy as np

from ganimate.engine import Painted
from ganimate.faces.align import FaceFrame
from ganimate.faces.topology import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_IRIS,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    OUTER_LIPS,
    RIGHT_IRIS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
)

SIDE = 480
FRAME = FaceFrame.turned((SIDE / 2 - 0.5, SIDE / 2 - 0.5), SIDE / 2, 0)
EYES = ((150, 180), (330, 180))
RADIUS, WIDTH = 20, 44
MOUTH = (240, 360)
SKIN, WHITE, IRIS, DARK, LIP = (200, 160, 140), (240,) * 3, (130, 110, 90), (20,) * 3, (190, 80, 90)


def arch(centre: tuple[int, int], half: float, height: float, count: int) -> np.ndarray:
    """Points from left to right on half an ellipse that is `height` above the centre's row."""
    angle = np.linspace(np.pi, 0, count)
    x, y = half * np.cos(angle), -height * np.sin(angle)
    return np.stack([x, y], 1) + centre


def drawn(up: float = 12, down: float = 16, gap: float = 14) -> tuple[np.ndarray, np.ndarray]:
    """A face of two eyes, whose lids are so far above and below the iris' centre, and a mouth that
    is so far open; and its landmarks."""
    photo = np.full((SIDE, SIDE, 3), SKIN, np.uint8)
    marks = np.full((478, 2), 240.0)
    eyes = (
        (EYES[0], RIGHT_IRIS, RIGHT_UPPER_LID, RIGHT_LOWER_LID),
        (EYES[1], LEFT_IRIS, LEFT_UPPER_LID[::-1], LEFT_LOWER_LID[::-1]),
    )
    for centre, iris, upper, lower in eyes:
        marks[list(upper)] = arch(centre, WIDTH, up, 9)
        marks[list(lower)] = arch(centre, WIDTH, -down, 9)
        around = [(0, 0), (RADIUS, 0), (0, -RADIUS), (-RADIUS, 0), (0, RADIUS)]
        marks[list(iris)] = np.array(around) + centre
        opening = np.zeros((SIDE, SIDE), np.uint8)
        rim = np.concatenate([arch(centre, WIDTH, up, 40), arch(centre, WIDTH, -down, 40)[::-1]])
        cv2.fillPoly(opening, [np.rint(rim).astype(np.int32)], 1)
        ball = np.full_like(photo, WHITE)
        cv2.circle(ball, centre, RADIUS, IRIS, -1)
        cv2.circle(ball, centre, RADIUS // 2, DARK, -1)
        photo[opening > 0] = ball[opening > 0]
    rims = {INNER_UPPER_LIP: gap / 2, INNER_LOWER_LIP: -gap / 2}
    for lip, height in rims.items():
        marks[list(lip)] = arch(MOUTH, 70, height, 11)
    marks[list(OUTER_LIPS[:11])] = arch(MOUTH, 80, gap / 2 + 16, 11)
    marks[list(OUTER_LIPS[11:])] = arch(MOUTH, 80, -gap / 2 - 20, 11)[-2:0:-1]
    for half, above, below, colour in ((80, 16, 20, LIP), (70, 0, 0, WHITE)):
        rim = np.concatenate(
            [
                arch(MOUTH, half, gap / 2 + above, 40),
                arch(MOUTH, half, -gap / 2 - below, 40)[::-1],
            ]
        )
        cv2.fillPoly(photo, [np.rint(rim).astype(np.int32)], colour)
    return cv2.GaussianBlur(photo, (0, 0), 0.8), marks


def flow_of(move: float, row: float) -> np.ndarray:
    """A smooth flow that takes what is at a row of both eyes by `move` pixels down."""
    y, x = np.mgrid[:64, :64] * (SIDE / 64)
    near = sum(
        np.exp(-(((x - cx) / 60) ** 2 + ((y - row) / 14) ** 2)) for cx in (EYES[0][0], EYES[1][0])
    )
    return np.stack([0 * x, -move / SIDE * near], -1).astype(np.float32)


def painted(flow: np.ndarray | None = None, parting: float = 1.0) -> Painted:
    flow = np.zeros((64, 64, 2), np.float32) if flow is None else flow
    return Painted(
        np.ones((128, 128), np.float32), np.zeros((128, 128, 3), np.float32), flow, parting
    )
