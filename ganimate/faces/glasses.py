"""Glasses, which stay still while the face behind them moves.

A flow that raises brows would bend the rims before them. So glasses are taken off the photo first:
what they hide is filled from around them, and everything is painted, moved and blended without
them. Then they are put on again. What the photo shows is what is seen through them and a rest that
belongs to them alone: photo = bare * through + rest. As long as nothing moves that is the photo
itself, however badly glasses were found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from ganimate.faces.align import CROP_SIZE, FaceFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINE = 512
"""Pixels to the frame's side, at most, in which glasses are cut out and what they hide filled."""
EYES = slice(26, 62), slice(8, 120)
"""Rows and columns of the crop between brows and cheeks: all glasses are seen there, brims of hats
are not."""
LIKELY = (0.3, 0.7)
"""How much a pixel must be glasses to count as such, and to count fully."""
WORN = (20.0, 45.0)
"""How many of these make a face one that may wear glasses, and how many one that does: in films,
where that trembles, they come and go softly."""
CLEAR, HALO = 0.2, 0.8
"""From where on what is found may be glasses; and so may what is so many pixels of the crop beside
it: a rim is thinner than the finder sees, and darkens what is next to it."""
ALIKE, SOLID = 10.0, 35.0
"""Grey levels by which something differs from what is behind it, if that is all that is seen there,
and if nothing of it is."""
TRUST = 4.0
"""How much more what is known counts than how much of it there is, where the unknown is filled."""


@dataclass(frozen=True, eq=False)
class Glasses:
    """One face's glasses, as they lie over a picture. Made by `over`.

    Attributes:
        box: rows and columns of the picture.
        through: how much is seen through them, (h, w, C) float32 in 0..1.
        rest: what they add, (h, w, C) float32 in grey levels.
    """

    box: tuple[slice, slice]
    through: NDArray[np.float32]
    rest: NDArray[np.float32]

    @classmethod
    def over(
        cls,
        photo: NDArray[np.uint8],
        bare: NDArray[np.uint8],
        box: tuple[slice, slice],
        through: NDArray[np.float32],
    ) -> Glasses:
        """What makes `photo` of `bare` there.

        Args:
            photo, bare: (H, W, C) or (H, W) uint8.
            box, through: as above, but (h, w, 1).
        """
        shown, behind = (each[box].reshape(*through.shape[:2], -1) for each in (photo, bare))
        rest = shown - behind * through
        return cls(box, through.repeat(rest.shape[2], axis=2), rest)

    def put_on(self, picture: NDArray[np.uint8]) -> None:
        """Lay them over `picture`, of the photo's shape, in place."""
        import cv2

        region = picture[self.box]
        behind = cv2.multiply(region, self.through, dtype=cv2.CV_32F)
        worn = cv2.add(behind.reshape(self.rest.shape), self.rest, dtype=cv2.CV_8U)
        region[:] = worn.reshape(region.shape)

    def keep(self, attention: NDArray[np.float32]) -> None:
        """Count them, in place, as the photo's own in an attention mask (H, W)."""
        region = attention[self.box]
        np.maximum(region, 1 - self.through[..., 0], out=region)


@dataclass(frozen=True, eq=False)
class Bare:
    """A photo whose glasses are taken off.

    Attributes:
        pixels: the photo without them, HWC uint8 RGB; the photo itself where there are none.
        glasses: what makes the photo of it again.
    """

    pixels: NDArray[np.uint8]
    glasses: tuple[Glasses, ...] = ()

    def put_on(self, picture: NDArray[np.uint8]) -> None:
        """Put all glasses on a picture of the photo's size, in place."""
        for one in self.glasses:
            one.put_on(picture)


def seen(where: Any, likely: tuple[float, float] = LIKELY) -> Any:
    """How much there is of glasses before the eyes of n faces, (n,) in pixels.

    Args:
        where: how far each pixel of their crops is glasses, an array or a tensor (n, 128, 128).
        likely: up to how far one is none, and from when on it is one.
    """
    before = where[:, EYES[0], EYES[1]]
    return ((before - likely[0]) / (likely[1] - likely[0])).clip(0, 1).sum((1, 2))


def take_off(
    pixels: NDArray[np.uint8],
    frames: Sequence[FaceFrame],
    where: NDArray[np.float32],
    count: NDArray[np.float32],
) -> Bare:
    """Take the glasses off some faces of a photo.

    Args:
        pixels: the photo, HWC uint8 RGB; never written to.
        frames: where the faces sit in it.
        where: for each, how far each pixel of its crop is glasses, (n, S, S) in 0..1.
        count: how many of these pixels are before each one's eyes, as `seen` has it, (n,).
    """
    worn = np.clip((count - WORN[0]) / (WORN[1] - WORN[0]), 0, 1).tolist()
    each = zip(frames, where, worn, strict=True)
    all_ = (_cut(pixels, frame, mask, share) for frame, mask, share in each if share)
    cut = [one for one in all_ if one is not None]
    if not cut:
        return Bare(pixels)
    bare = np.array(pixels)
    for box, _, filled in cut:
        np.copyto(bare[box], filled, where=filled != pixels[box])
    return Bare(bare, tuple(Glasses.over(pixels, bare, box, through) for box, through, _ in cut))


def _cut(
    pixels: NDArray[np.uint8], frame: FaceFrame, found: NDArray[np.float32], worn: float
) -> tuple[tuple[slice, slice], NDArray[np.float32], NDArray[np.uint8]] | None:
    """A face's glasses, as far as they are worn: their box, how much is seen through them, and all
    that is behind."""
    import cv2

    height, width = pixels.shape[:2]
    top, bottom, left, right = frame.box(height, width)
    top, left = top // 2 * 2, left // 2 * 2
    photo = pixels[top:bottom, left:right]
    size = (right - left, bottom - top)
    coarseness = max(1.0, frame.native_side / FINE)
    grid = (ceil(size[0] / coarseness), ceil(size[1] / coarseness))
    small: Any = cv2.resize(photo, grid, interpolation=cv2.INTER_AREA)
    step = np.divide(size, grid)
    matrix = frame.matrix(len(found))
    matrix[:, 2] += matrix[:, :2] @ ((step - 1) / 2 + (left, top))
    matrix[:, :2] *= step
    mask: Any = cv2.warpAffine(
        found, matrix, grid, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderValue=0.0
    )
    unit = frame.native_side / CROP_SIZE / float(step.max())
    around = max(1, round(HALO * unit))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * around + 1,) * 2)
    hidden: Any = cv2.dilate((mask > CLEAR).astype(np.float32), kernel)
    filled: Any = _filled(small, hidden)
    # Where the face shows through, or a rim is as light as skin, there is nothing to hold still.
    apart = np.abs(filled - small).max(axis=2)
    cover: Any = hidden * np.clip((apart - ALIKE) / (SOLID - ALIKE), 0, 1)
    cover = cv2.GaussianBlur(cover, (0, 0), 0.7)
    if grid != size:
        cover, hidden, filled = (
            cv2.resize(each, size, interpolation=cv2.INTER_LINEAR)
            for each in (cover, hidden, filled)
        )
    if not hidden.any():  # they lie beyond the photo
        return None
    behind = np.rint(photo + worn * hidden[..., None] * (filled - photo)).astype(np.uint8)
    through = np.asarray(1 - worn * cover[..., None], np.float32)
    # Of the frame no more than they need.
    rows, columns = (_span(np.flatnonzero(hidden.any(axis=axis))) for axis in (1, 0))
    box = slice(rows.start + top, rows.stop + top), slice(columns.start + left, columns.stop + left)
    return box, through[rows, columns], behind[rows, columns]


def _span(indices: NDArray[np.intp]) -> slice:
    """From the first to the last, by twos, as films hold colour."""
    return slice(int(indices[0]) // 2 * 2, int(indices[-1]) + 1)


def _filled(picture: NDArray[np.uint8], hidden: NDArray[np.float32]) -> NDArray[np.float32]:
    """A picture (h, w, 3) whose hidden parts, 1 in (h, w), are filled from around them, softly.

    From ever coarser pictures of what is known (Gortler et al. 1996, "push-pull"). OpenCV's own
    fillings draw stripes across skin, or take seconds.
    """
    import cv2

    known = 1 - hidden
    levels: list[tuple[Any, Any]] = [(picture * known[..., None], known)]
    while min(levels[-1][1].shape) > 4:
        levels.append((cv2.pyrDown(levels[-1][0]), cv2.pyrDown(levels[-1][1])))
    sums, known = levels.pop()
    filled: Any = sums / np.maximum(known, 1e-4)[..., None]
    for sums, known in reversed(levels):
        coarse = cv2.pyrUp(filled, dstsize=known.shape[::-1])
        own = sums / np.maximum(known, 1e-4)[..., None]
        filled = coarse + np.minimum(1, TRUST * known)[..., None] * (own - coarse)
    return np.asarray(filled, np.float32)
