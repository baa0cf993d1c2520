"""Eyes that are shut in a photo, and asked to open: what lids hid is drawn.

A flow has nothing to bring there but lashes. So lids are led to where those of open eyes lie, the
upper one with its lashes, and an eyeball is drawn between them: nobody's, brown, looking at the
camera, and as light as eyes are in this light.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.faces.align import CROP_SIZE
from ganimate.faces.grid import Grid, corners, smoothstep
from ganimate.faces.softness import blurred
from ganimate.faces.tone import tone_of
from ganimate.faces.topology import EYES
from ganimate.facs import AU_NUMBERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.engine import Painted

AU_5, AU_6, AU_7, AU_45 = (AU_NUMBERS.index(number) for number in (5, 6, 7, 45))

TIGHT = 0.35
"""How far AU7 at 1 closes an eye, of what AU45 does: eyes that laugh are read as little else."""
SURE = (0.2, 0.35)
"""How far eyes must be read as closed until they count as shut, and from which on they do."""
WINKS = (0.1, 0.15)
"""By how much smaller a gap must be than the other eye's until it counts as shut, whatever is read,
and from which on it does: readings are of both eyes."""
WIDER, NARROWER, CHEEKS = 0.3, 0.35, 0.6
"""How much higher the upper lid is at AU5, and how much lower at AU7, which AU6 does by so much:
in smiles of training faces (AU6 at .5 on average) eyes are .82 as open as at rest."""

# Places in an eye are told from the middle between its corners: towards the inner one, as shares of
# how far these are apart, and down the face, likewise, but of the wider one of both eyes.
UPPER = np.array(
    [(-0.5, 0), (-0.451, -0.047), (-0.388, -0.1), (-0.276, -0.161), (-0.1, -0.204),
     (0.091, -0.202), (0.287, -0.146), (0.43, -0.06), (0.5, 0)]
)  # fmt: skip
"""The upper rim of an open eye: the mean of 5,990 eyes of training faces."""
IRIS, RADIUS = (-0.046, -0.085), 0.21
"""The middle of its iris, and how large that is: theirs, but for a little higher."""
BEYOND = (0.055, 0.035)
"""How far beyond the upper and the lower rim's landmarks an eye is seen, in the middle."""
RAISED = 0.1
"""How far a lower lid is raised at AU7."""
SHUT, NARROW = 0.13, 0.19
"""Gaps between rims up to which an eye may be shut, and from which on it is not: those of shut eyes
are .05 on average, of half open ones .15 and of open ones .31."""
LASHES = 0.05
"""How far a shut eye's lashes hang below the lid, and go up with it."""
ABOVE, BELOW, BESIDE = 0.45, 0.3, 0.12
"""How far beyond the rims lids move, and beyond the corners."""
HIGHEST, LOWEST = -0.3, 0.2
"""Where rims may lie at most."""
FINE = 256
"""Points to a side at which a flow can follow a lid."""

WHITE, BROWN, RED = (1.0, 1.18, 1.32), (0.37, 0.31, 0.26), (0.95, 0.75, 0.75)
"""How light an eyeball, its iris and its inner corner are, red, green and blue, of the skin below
the eye: in 2,643 open eyes of training faces .94, 1.12 and 1.35, and .43, .38 and .4, whites with
some lid among them and irises with some glint."""
AMID = 0.65
"""How far out an iris shows its colour, of its radius."""
PUPIL, RIM, GLINT = 0.12, 0.55, 1.7
"""How light the pupil is, likewise; an iris' rim, of the iris; and what glints, of the skin."""
UNDER = (0.35, 0.45)
"""How far down that skin is."""


class ShutEyes:
    """The eyes of one face, as far as they are shut.

    Args:
        crop: (S, S, 3) uint8 RGB.
        landmarks: (478, 2), as shares of the crop's side from its upper left corner.
        current: (17,), what the face shows.
        iris: the colour of this person's eyes, where another picture has shown it: its `iris`.

    Attributes:
        iris: their colour, (3,) shares of the skin's below them: that of an eye which is open here,
            else what is known, if anything is.
    """

    def __init__(
        self,
        crop: NDArray[np.uint8],
        landmarks: NDArray[Any],
        current: NDArray[Any],
        iris: NDArray[np.float64] | None = None,
    ) -> None:
        self._closed = _closed(current)
        sure = float(np.clip((self._closed - SURE[0]) / (SURE[1] - SURE[0]), 0, 1))
        marks = [[landmarks[list(part)] for part in eye] for eye in EYES]
        # The eye that is turned away is as high as the other one, and narrower.
        size = max(float(np.linalg.norm(upper[-1] - upper[0])) for _, upper, _ in marks)
        plain = tone_of(crop) is not None
        self._eyes = [_Eye(crop, upper, lower, size, plain) for _, upper, lower in marks]
        gaps = [eye.gap for eye in self._eyes]
        for eye, gap, beside in zip(self._eyes, gaps, gaps[::-1], strict=True):
            alone = (beside - gap - WINKS[0]) / (WINKS[1] - WINKS[0])
            eye.doubt(max(sure, float(np.clip(alone, 0, 1))))
        seen = [
            eye.light_of(crop, part)
            for eye, (part, _, _) in zip(self._eyes, marks, strict=True)
            if eye.gap > SHUT and eye.shut == 0
        ]
        self.iris = np.mean(seen, axis=0) if seen else iris
        if self.iris is not None:
            for eye in self._eyes:
                eye.brown = self.iris

    def open(self, painted: Painted, sides: NDArray[Any]) -> Painted:
        """The painting with both eyes as far open as is asked; itself, where neither is shut.

        Args:
            sides: (2, 17), the intensities that are asked of the subject's right and left, 0..1.
        """
        for eye, asked in zip(self._eyes, sides, strict=True):
            far = 1 - _closed(asked) / max(self._closed, 1e-3)
            if eye.shut > 0 and far > 0:
                squint = min(1.0, float(asked[AU_7] + CHEEKS * asked[AU_6]))
                high = (1 + WIDER * float(asked[AU_5])) * (1 - NARROWER * squint)
                painted = eye.open(painted, far, high, squint)
        return painted


class _Eye:
    """One of them.

    Args:
        upper, lower: (9, 2), its rims from the outer corner to the inner one.
        size: how far apart the corners of the wider eye are.
        plain: whether the photo has one tone alone: the skin's is the eye's then.

    Attributes:
        gap: how far its rims are apart at most.
        shut: how far it counts as shut, 0..1.
        brown: the colour of an iris that is drawn there, (3,) shares of the skin's.
    """

    def __init__(
        self,
        crop: NDArray[np.uint8],
        upper: NDArray[Any],
        lower: NDArray[Any],
        size: float,
        plain: bool,
    ) -> None:
        corners = upper[[0, -1]].astype(np.float64)
        self._middle, across = corners.mean(0), corners[1] - corners[0]
        self._size, self._side = max(size, 1e-3), 1 if across[0] > 0 else -1
        width = max(float(np.linalg.norm(across)), 1e-6)
        down = np.array((-across[1], across[0])) * (self._side * self._size / width)
        self._axes = np.stack([across, down])
        self._inverse = np.linalg.pinv(self._axes)
        (self._x, self._upper), (_, self._lower) = self._places(upper).T, self._places(lower).T
        self._gaps = (self._lower - self._upper).clip(0)
        self.gap, self.shut = float(self._gaps.max()), 0.0
        places = np.stack(np.meshgrid((-0.2, 0, 0.2), UNDER), -1).reshape(-1, 2)
        self._skin = _sampled(crop, places @ self._axes + self._middle).mean(0)
        lights = np.array((WHITE, BROWN, RED))
        if plain:
            lights[:] = lights.mean(1, keepdims=True)
        self._white, self.brown, self._red = lights

    def doubt(self, sure: float) -> None:
        """Count it as shut where its rims say so, and whatever else may as surely, 0..1."""
        self.shut = sure * float(np.clip((NARROW - self.gap) / (NARROW - SHUT), 0, 1))

    def light_of(self, crop: NDArray[np.uint8], iris: NDArray[Any]) -> NDArray[np.float64]:
        """The colour of its iris, (3,) shares of the skin's; of landmarks (5, 2), its middle and
        four points around it."""
        radius = np.linalg.norm(iris[1:] - iris[0], axis=1).mean()
        angle = np.linspace(0, np.pi, 9)  # its lower half, which no lid covers
        around = AMID * radius * np.stack([np.cos(angle), np.sin(angle)], 1)
        colour = np.median(_sampled(crop, iris[0] + around), axis=0)
        return np.asarray(colour / self._skin.clip(1), np.float64)

    def open(self, painted: Painted, far: float, high: float, squint: float) -> Painted:
        """Open it.

        Args:
            far: how far, 0..1.
            high: how high the upper rim is then, of what it is in open eyes.
            squint: how far the lower one is raised, 0..1.
        """
        bulge = far * (1 - np.square(2 * self._x)).clip(0)
        wanted = high * np.interp(self._x, *UPPER.T) - self._upper
        top = self._upper + far * wanted.clip(max=0) - BEYOND[0] * bulge
        bottom = self._lower + (BEYOND[1] - RAISED * squint) * bulge
        share = self.shut * min(1, 4 * far)
        flow = self._led(painted.flow, top, bottom, far, share)

        attention, colour = painted.attention.copy(), painted.colour.copy()
        rows, columns, places = self._window(len(attention))
        above, below, near = self._beyond(places, top, bottom)
        soft = max(0.02, 0.7 / len(attention) / self._size)
        inside = smoothstep(0.5 - above / soft) * smoothstep(0.5 - below / soft)
        inside *= np.abs(places[..., 0]) < 0.5
        cover = share * inside * (1 - np.exp(-np.square(above.clip(max=0) / LASHES)))
        ball = self._ball(places, -above, soft)
        if painted.softness and cover.size:
            ball, cover = blurred(ball, cover, painted.softness * len(attention) / CROP_SIZE)
        kept = attention[rows, columns]
        kept += (1 - kept) * share * near
        kept *= 1 - cover
        part = colour[rows, columns]
        part += cover[..., None] * (ball - part)
        return replace(painted, attention=attention, colour=colour, flow=flow)

    def _led(
        self,
        flow: NDArray[np.float32],
        top: NDArray[np.float64],
        bottom: NDArray[np.float64],
        far: float,
        share: float,
    ) -> NDArray[np.float32]:
        """The flow, with what leads the lids: the upper one from amid its lashes, the lower one
        from below them."""
        import cv2

        if len(flow) < FINE:
            flow = np.asarray(cv2.resize(flow, (FINE, FINE), interpolation=cv2.INTER_CUBIC))
        flow = np.array(flow, np.float32)
        rows, columns, places = self._window(len(flow))
        above, below, near = self._beyond(places, top, bottom)
        raised = np.interp(places[..., 0], self._x, self._upper + 0.5 * far * self._gaps - top)
        fringe = 0.6 * LASHES * far * (self._gaps / 0.02).clip(0, 1)
        lowered = np.interp(places[..., 0], self._x, self._lower + fringe - bottom)
        down = np.where(
            above > below,
            raised * smoothstep(1 - above / ABOVE),
            lowered * smoothstep(1 - below / BELOW),
        )
        part = flow[rows, columns]
        part += (share * near)[..., None] * (down[..., None] * self._axes[1] - part)
        return flow

    def _ball(
        self, places: NDArray[np.float64], deep: NDArray[np.float64], soft: float
    ) -> NDArray[np.float64]:
        """An eyeball at places so far below the upper rim, (h, w, 3)."""

        def lay(ball: Any, colour: Any, share: NDArray[np.float64]) -> Any:
            return ball + share[..., None] * (colour - ball)

        x, y = places[..., 0], places[..., 1]
        white, brown, red = (
            np.minimum(250, self._skin * light) for light in (self._white, self.brown, self._red)
        )
        # It is round, lies in the lid's shadow, and is red in its inner corner.
        shade = (1 - 1.1 * np.square(x)) * (1 - 0.4 * np.exp(-deep.clip(0) / 0.07))
        ball = lay(white, red, smoothstep((x - 0.34) / 0.12))
        ball = ball * shade[..., None]
        far, edge = np.hypot(x - IRIS[0], y - IRIS[1]) / RADIUS, soft / RADIUS
        # Light that falls in from above shows at the bottom.
        light = RIM + (1 - RIM) * smoothstep((1 - far) / 0.25)
        light += 0.25 * smoothstep(1 - np.abs(far - 0.55) / 0.3) * (y > IRIS[1])
        light *= 1 - 0.35 * np.exp(-deep.clip(0) / 0.1)
        iris = lay(
            brown * light[..., None], self._skin * PUPIL, smoothstep(0.5 - (far - 0.42) / edge)
        )
        ball = lay(ball, iris, smoothstep(0.5 - (far - 1) / max(edge, 0.12)))
        # In both eyes on the same side.
        beside, over = x - IRIS[0] + 0.3 * self._side * RADIUS, y - IRIS[1] + 0.25 * RADIUS
        glint = np.hypot(beside, over) / RADIUS
        shine = 0.85 * smoothstep(0.5 - (glint - 0.13) / max(edge, 0.1))
        return np.asarray(lay(ball, np.minimum(255, self._skin * GLINT), shine), np.float64)

    def _beyond(
        self,
        places: NDArray[np.float64],
        top: NDArray[np.float64],
        bottom: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """How far places lie above the upper rim, how far below the lower one, and how much lids
        move there, 0..1."""
        x, y = places[..., 0], places[..., 1]
        above = np.interp(x, self._x, top) - y
        below = y - np.interp(x, self._x, bottom)
        near = smoothstep(1 - above / ABOVE) * smoothstep(1 - below / BELOW)
        near *= smoothstep(1 - (np.abs(x) - 0.5) / BESIDE)
        return above, below, np.minimum(1, 1.5 * near)

    def _window(self, size: int) -> tuple[slice, slice, NDArray[np.float64]]:
        """The rows and columns of a picture of the crop that lids can reach, and their places."""
        low, high = (-0.5 - BESIDE, HIGHEST - ABOVE), (0.5 + BESIDE, LOWEST + BELOW)
        grid = Grid((size, size), (size, size))
        rows, columns = grid.window((corners(low, high) @ self._axes + self._middle) * size - 0.5)
        return rows, columns, self._places((grid.pixels(rows, columns) + 0.5) / size)

    def _places(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Shares of the crop's side (..., 2) as places in the eye."""
        return np.asarray((points - self._middle) @ self._inverse, np.float64)


def _closed(intensities: NDArray[Any]) -> float:
    """How far an eye is closed by (17,) intensities."""
    return float(intensities[AU_45] + TIGHT * intensities[AU_7])


def _sampled(crop: NDArray[np.uint8], places: NDArray[Any]) -> NDArray[np.float64]:
    """The colours at shares of a crop's side (n, 2), (n, 3)."""
    x, y = np.floor(places * len(crop)).clip(0, len(crop) - 1).astype(int).T
    return np.asarray(crop[y, x], np.float64)
