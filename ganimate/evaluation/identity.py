"""Identity: whether it is still the same person, by the embedding of a face recogniser.

The recogniser is any ONNX network of ArcFace's kind (Deng et al. 2019): 112 x 112 RGB aligned by
five points, (x - 127.5) / 128, to a vector whose direction says who it is. Neither it nor its
training is part of this project. Its cosine alone says little, so the cosines of two photos of
one person and of different people stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ganimate.errors import GanimateError
from ganimate.evaluation.subjects import Subjects, Track, in_context
from ganimate.faces.align import LEFT_EYE, RIGHT_EYE, STORED_SCALE
from ganimate.faces.locate import choose, open_locator
from ganimate.media.stills import read_photo
from ganimate.training.dataset import MARGIN, STORED_SIZE

SIDE = 112
TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655),
     (70.7299, 92.2041)]
)  # fmt: skip
"""Where ArcFace wants eyes, tip of the nose and corners of the mouth, from the picture's left."""

NOSE_TIP, MOUTH_CORNERS = 1, (61, 291)


@dataclass(frozen=True)
class People:
    """Cosines between photos of people, what an edit's are compared with.

    Attributes:
        same: of two photos of one person, the mean over people.
        different: of photos of different people, the mean over pairs of photos.
        count: people with at least two photos.
    """

    same: float
    different: float
    count: int


@dataclass(frozen=True)
class Identity:
    """Cosines between faces before and after an edit.

    Attributes:
        edited: the mean over faces and edits.
        looks: the mean over faces, for each look.
        people: the scale, where there were photos for it.
    """

    edited: float
    looks: dict[str, float]
    people: People | None

    def to_dict(self) -> dict[str, object]:
        figures: dict[str, object] = {"edited": self.edited, "looks": self.looks}
        if self.people:
            figures |= vars(self.people) | {"of_same": self.edited / self.people.same}
        return figures


class Embedder:
    """A face recogniser read from an ONNX file.

    Raises:
        GanimateError: the file cannot be read, or is no network of this kind.
    """

    def __init__(self, path: Path) -> None:
        hint = "a face recogniser of ArcFace's kind: 112 x 112 RGB in, one vector out"
        if not path.is_file():
            raise GanimateError(f"{path}: there is no such identity model", hint)
        try:
            self._network = cv2.dnn.readNetFromONNX(str(path))
            blank = self(np.zeros((1, STORED_SIZE, STORED_SIZE, 3), np.uint8), _blank_face())
        except cv2.error as error:
            raise GanimateError(f"{path}: not a usable ONNX network: {error.err}", hint) from error
        if blank.shape[1] < 16:
            raise GanimateError(f"{path}: gives {blank.shape[1]} numbers, not an embedding", hint)

    def __call__(
        self, stored: NDArray[np.uint8], landmarks: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Embed faces.

        Args:
            stored: (n, 152, 152, 3) uint8 RGB; what ArcFace wants to see is wider than the crop.
            landmarks: (n, 478, 2), pixels of the 128 x 128 crop in their middle.

        Returns:
            (n, k), of length 1 each.
        """
        vectors = []
        for picture, points in zip(stored, landmarks, strict=True):
            aligned = cv2.warpAffine(picture, alignment(points), (SIDE, SIDE))
            blob = (aligned.astype(np.float32) - 127.5) / 128
            # One at a time: exported networks often hold a batch of 1 fixed.
            self._network.setInput(blob.transpose(2, 0, 1)[None])
            vector = np.asarray(self._network.forward(), np.float64).ravel()
            vectors.append(vector / max(float(np.linalg.norm(vector)), 1e-9))
        return np.stack(vectors)


def alignment(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """The similarity that takes a stored face to ArcFace's template, (2, 3); least squares.

    Args:
        landmarks: (478, 2), pixels of the 128 x 128 crop.
    """
    eyes = [landmarks[list(eye)].mean(0) for eye in (RIGHT_EYE, LEFT_EYE)]
    points = np.stack([*eyes, landmarks[NOSE_TIP], *landmarks[list(MOUTH_CORNERS)]]) + MARGIN
    x, y = points.astype(np.float64).T
    one, zero = np.ones(5), np.zeros(5)
    # (a, b, c, d): x' = a x - b y + c, y' = b x + a y + d
    equations = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    a, b, c, d = np.linalg.lstsq(equations, TEMPLATE.T.ravel(), rcond=None)[0]
    return np.array([(a, -b, c), (b, a, d)])


def _blank_face() -> NDArray[np.float64]:
    return np.random.default_rng(0).uniform(0, 128, (1, 478, 2))


def cosines(
    embed: Embedder, subjects: Subjects, pictures: NDArray[np.uint8], track: Track
) -> NDArray[np.float64]:
    """How alike faces are before and after; both are aligned by the landmarks from before.

    Args:
        pictures: (k, n, 128, 128, 3) uint8 RGB, k edits of the n subjects.

    Returns:
        (k, n), -1..1.
    """
    stored, landmarks = subjects.stored.numpy(), subjects.landmarks.cpu().numpy()
    before = embed(stored, landmarks)
    return np.stack(
        [
            (before * embed(in_context(stored, edits), landmarks)).sum(1)
            for edits in track(pictures, len(pictures), "comparing identities")
        ]
    )


def compare_people(
    embed: Embedder,
    folder: Path,
    *,
    face_model: Path | None = None,
    offline: bool = False,
    notify: Callable[[str], None] | None = None,
) -> People:
    """The scale: photos named ``<person>-<anything>.jpg``, cut as the dataset's faces are.

    Raises:
        GanimateError: no person has two photos, or a photo shows no face.
    """
    photos = sorted(folder.glob("*.jpg"))
    names = [path.stem.rpartition("-")[0] for path in photos]
    if len(set(names)) < 2 or all(names.count(name) < 2 for name in names):
        raise GanimateError(
            f"{folder}: needs two photos of one person and one of another",
            "name them anna-1.jpg, anna-2.jpg, ben-1.jpg",
        )
    vectors = []
    with closing(open_locator(face_model=face_model, offline=offline, notify=notify)) as locator:
        for path in photos:
            picture = read_photo(path).pixels
            (face,) = choose(locator.locate(picture), "largest", path.name)
            stored = face.frame.scaled(STORED_SCALE).crop(picture, STORED_SIZE)
            vectors.append(embed(stored[None], face.frame.to_crop(face.landmarks)[None])[0])
    same: dict[str, list[float]] = {}
    different = []
    for (name, one), (other_name, other) in combinations(zip(names, vectors, strict=True), 2):
        if name == other_name:
            same.setdefault(name, []).append(float(one @ other))
        else:
            different.append(float(one @ other))
    return People(
        same=float(np.mean([np.mean(pairs) for pairs in same.values()])),
        different=float(np.mean(different)),
        count=len(same),
    )
