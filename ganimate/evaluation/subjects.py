"""The faces that a generator is evaluated on, and those that paint them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ganimate.engine import DETAIL, ReaderEngine, to_network, unpack
from ganimate.errors import GanimateError
from ganimate.faces.align import FaceFrame
from ganimate.faces.blend import Blender
from ganimate.faces.glasses import Bare, seen, take_off
from ganimate.faces.shut import ShutEyes
from ganimate.faces.softness import softened, softness
from ganimate.glasses import GlassesEngine
from ganimate.networks.generator import Generator
from ganimate.networks.painting import Painting
from ganimate.training.augment import middle
from ganimate.training.dataset import MARGIN, STORED_SIZE, FaceDataset
from ganimate.training.fields import dense_field
from ganimate.training.framing import reframed, reframing
from ganimate.training.motion import Teacher

BATCH = 16
FEWEST = 4
"""Faces below which nothing can be said: half of them are the other half's measure."""

T = TypeVar("T")

Read = Callable[[Tensor], tuple[Tensor, Tensor]]
"""The evaluation reader: crops (n, 3, S, S) -> intensities (n, 17), unclamped, and features."""


class Track(Protocol):
    """Passes items on and shows how far it is."""

    def __call__(self, items: Iterable[T], total: int, label: str) -> Iterator[T]:
        """The same items; `label` says what is done to them."""
        ...


@dataclass(frozen=True)
class Subjects:
    """n faces of a split, on the device that paints them.

    Attributes:
        rows: (n,), where in the split they are.
        stored: (n, 152, 152, 3) uint8, as the dataset holds them.
        crops: (n, 3, 128, 128) in [-1, 1], what the generator sees.
        landmarks: (n, 478, 2), crop pixels.
        labels: (n, 17), the dataset's intensities.
        current: (n, 17), what the shipped reader reads: what an edit starts from.
    """

    rows: Tensor
    stored: Tensor
    crops: Tensor
    landmarks: Tensor
    labels: Tensor
    current: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, chosen: slice) -> Subjects:
        """Some of them."""
        return Subjects(**{name: value[chosen] for name, value in vars(self).items()})

    def batches(self) -> list[Subjects]:
        """All of them, at most `BATCH` at a time."""
        return [self.part(slice(first, first + BATCH)) for first in range(0, len(self), BATCH)]


def choose_subjects(data: FaceDataset, faces: int, reader: ReaderEngine) -> Subjects:
    """At most `faces` of a split, evenly over it, read by the shipped reader.

    Raises:
        GanimateError: the split holds fewer than 4.
    """
    count = min(faces, len(data))
    if count < FEWEST:
        raise GanimateError(f"an evaluation needs at least {FEWEST} faces, not {count}")
    rows = torch.tensor([index * len(data) // count for index in range(count)])
    stored = data.images[rows]
    crops = middle(stored)
    current = [reader.read(pixels(part)).intensities for part in crops.split(BATCH)]
    return Subjects(
        rows=rows,
        stored=stored,
        crops=crops.to(reader.device),
        landmarks=data.landmarks[rows].to(reader.device),
        labels=data.action_units[rows].to(reader.device),
        current=torch.from_numpy(np.concatenate(current)).to(reader.device),
    )


def find_landmarks(reader: ReaderEngine, crops: NDArray[np.uint8]) -> Tensor:
    """Where the shipped reader sees landmarks in crops (n, 128, 128, 3), (n, 478, 2)."""
    return torch.from_numpy(reader.read(crops).landmarks)


def pixels(pictures: Tensor) -> NDArray[np.uint8]:
    """(n, 3, S, S) in [-1, 1] -> (n, S, S, 3) uint8 RGB, as they would be saved."""
    levels = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().byte()
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).cpu().numpy())


def in_context(stored: NDArray[np.uint8], crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Crops (..., n, 128, 128, 3) back in the middle of the stored pictures (n, 152, 152, 3):
    other networks want to see more of a head than the generator does."""
    inside = slice(MARGIN, STORED_SIZE - MARGIN)
    whole: NDArray[np.uint8] = np.tile(stored, (*crops.shape[:-4], 1, 1, 1, 1))
    whole[..., inside, inside, :] = crops
    return whole


class Painted(NamedTuple):
    """What a painter makes of n crops.

    Attributes:
        pictures: (n, 3, S, S) in [-1, 1].
        attention: (n, 1, S, S) in [0, 1]; 1 keeps the (moved) photo.
    """

    pictures: Tensor
    attention: Tensor


class Painter(Protocol):
    """Whatever changes expressions: every metric is measured through this alone."""

    def __call__(
        self, crops: Tensor, landmarks: Tensor, target: Tensor, current: Tensor
    ) -> Painted:
        """Paint crops (n, 3, S, S) with landmarks (n, 478, 2) that show `current` (n, 17) as
        they would be at `target` (n, 17)."""
        ...


class _Faces:
    """Crops as if they were photos, into which paintings of them are put back.

    Whoever paints the very same crops again does not prepare them again.
    """

    def __init__(self) -> None:
        self._crops: Tensor | None = None
        self._bare: list[Bare] = []
        self._blenders: list[Blender] = []
        self._soft: list[float] = []
        self._finder: GlassesEngine | None = None
        self._points: NDArray[np.floating] = np.zeros(0)
        self._photos: NDArray[np.uint8] = np.zeros(0, np.uint8)

    def take(self, crops: Tensor, landmarks: Tensor) -> bool:
        """Take these crops; whether they are new."""
        if crops is self._crops:
            return False
        size = crops.shape[-1]
        whole = FaceFrame.turned(((size - 1) / 2, (size - 1) / 2), size / 2, 0)
        photos, points = pixels(crops), landmarks.cpu().numpy()
        self._finder = self._finder or GlassesEngine.default(device=str(crops.device))
        where = self._finder.find(photos)
        self._bare = [
            take_off(photo, [whole], one, seen(one))
            for photo, one in zip(photos, where[:, None], strict=True)
        ]
        self._photos = np.stack([one.pixels for one in self._bare])
        faces = zip(self._photos, points, strict=True)
        self._crops, self._points = crops, (points + 0.5) / size
        self._blenders = [Blender(crop, whole, landmarks=points) for crop, points in faces]
        self._soft = [*map(softness, self._photos)]
        return True

    @property
    def bare(self) -> Tensor:
        """The crops without glasses, (n, 3, S, S) in [-1, 1]."""
        assert self._crops is not None
        return to_network(self._photos, self._crops.device)

    def put_back(self, painting: Painting, current: Tensor, target: Tensor) -> Painted:
        """The pictures that `ganimate edit` would make of the paintings."""
        painted = map(softened, unpack(painting, current, target), self._soft)
        now, then = current.cpu().numpy(), target.cpu().numpy()
        faces = map(ShutEyes, self._photos, self._points, now)
        opened = (
            eyes.open(one, np.stack([asked, asked]))
            for eyes, one, asked in zip(faces, painted, then, strict=True)
        )
        pictures = np.stack(
            [one.blend(each) for one, each in zip(self._blenders, opened, strict=True)]
        )
        for bare, picture in zip(self._bare, pictures, strict=True):
            bare.put_on(picture)
        attention = F.interpolate(painting.attention, pictures.shape[1:3], mode="area")
        return Painted(to_network(pictures, attention.device), attention)


class GeneratorPainter:
    """A generator, whose paintings are put back as they are into photos."""

    def __init__(self, network: Generator) -> None:
        self.network = network
        self._faces = _Faces()
        self._encoded: list[Tensor] = []
        self._bare = torch.empty(0)

    def __call__(
        self, crops: Tensor, landmarks: Tensor, target: Tensor, current: Tensor
    ) -> Painted:
        if self._faces.take(crops, landmarks):
            self._bare = self._faces.bare
            self._encoded = self.network.encode(self._bare)
        painting = self.network.paint(self._encoded, self._bare, target, current, DETAIL)
        return self._faces.put_back(painting, current, target)


class Weakened:
    """Another painter, asked for a share of each change: painters can be compared where they move
    faces equally far, since whatever moves a face less also leaks less and keeps more of it."""

    def __init__(self, paint: Painter, strength: float) -> None:
        self.paint, self.strength = paint, strength

    def __call__(
        self, crops: Tensor, landmarks: Tensor, target: Tensor, current: Tensor
    ) -> Painted:
        return self.paint(crops, landmarks, torch.lerp(current, target, self.strength), current)


class Reframed:
    """Another painter's pictures as they are met again: each cut in its own face frame.

    Whoever opens an edited photo finds the face anew, and a smile has moved the frame that eyes and
    mouth span. How far landmarks went is told by the shipped reader.
    """

    def __init__(self, paint: Painter, reader: ReaderEngine) -> None:
        self.paint, self.reader = paint, reader
        self._crops: Tensor | None = None
        self._before = torch.empty(0)

    def __call__(
        self, crops: Tensor, landmarks: Tensor, target: Tensor, current: Tensor
    ) -> Painted:
        if crops is not self._crops:
            self._crops, self._before = crops, find_landmarks(self.reader, pixels(crops))
        painted = self.paint(crops, landmarks, target, current)
        moved = find_landmarks(self.reader, pixels(painted.pictures)) - self._before
        where = reframing(landmarks, landmarks + moved.to(landmarks), crops.shape[-1])
        return Painted(reframed(painted.pictures, where), painted.attention)


class TeacherPainter:
    """The motion teacher alone: the photo's own pixels, moved, put back likewise, and no paint."""

    def __init__(self, teacher: Teacher) -> None:
        self.teacher = teacher
        self._faces = _Faces()

    def __call__(
        self, crops: Tensor, landmarks: Tensor, target: Tensor, current: Tensor
    ) -> Painted:
        self._faces.take(crops, landmarks)
        moved = self.teacher.move(landmarks, current, target)
        moved = self.teacher.close_eyes(moved, current, target)
        kept, nothing = torch.ones_like(crops[:, :1]), torch.zeros_like(crops)
        painting = Painting(kept, nothing, dense_field(moved, landmarks))
        return self._faces.put_back(painting, current, target)
