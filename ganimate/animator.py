"""The one object most programs need: open a photo once, ask for many expressions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from ganimate.faces.locate import Locator, choose, open_locator
from ganimate.faces.pose import yaw_notice
from ganimate.facs import ActionUnits
from ganimate.media.stills import Photo, photo_from
from ganimate.portrait import Portrait

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from ganimate.engine import Engine, ReaderEngine
    from ganimate.glasses import GlassesEngine


class Animator:
    """Opens photos; holds what is costly to load: the networks.

    Args:
        weights: a generator's safetensors file; by default the shipped one.
        device: ``auto``, ``cpu``, ``cuda``, ``mps``, or any name that torch knows.
        locator: ``auto``, ``mediapipe`` or ``builtin``.
        face_model: MediaPipe's face_landmarker.task; by default looked for, then fetched.
        offline: never fetch anything.
        notify: called with one line about each thing a person should know, such as a locator
            that had to be replaced; by default these become warnings.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        *,
        device: str = "auto",
        locator: str = "auto",
        face_model: str | Path | None = None,
        offline: bool = False,
        notify: Callable[[str], None] | None = None,
    ) -> None:
        self._weights = Path(weights) if weights else None
        self._device = device
        self._locator = locator
        self._face_model = Path(face_model) if face_model else None
        self._offline = offline
        self.notify = notify or _warn
        self._looking, self._loading = Lock(), Lock()

    @cached_property
    def engine(self) -> Engine:
        """What paints: the generator on its device."""
        from ganimate.engine import Engine

        return Engine.default(self._weights, self._device)

    @cached_property
    def reader(self) -> ReaderEngine:
        """What reads action units off a crop."""
        from ganimate.engine import ReaderEngine

        return ReaderEngine.default(device=self._device)

    @cached_property
    def glasses(self) -> GlassesEngine:
        """What finds glasses, and takes them off."""
        from ganimate.glasses import GlassesEngine

        return GlassesEngine.default(device=self._device)

    def _load(self) -> None:
        """Load the networks, if they are not."""
        with self._loading:
            _ = self.engine, self.reader, self.glasses

    def open_locator(self) -> Locator:
        """What finds faces, of the kind this animator was made for; close it when done.

        Raises:
            GanimateError: it cannot be had.
        """
        return open_locator(
            self._locator,
            face_model=self._face_model,
            offline=self._offline,
            notify=self.notify,
        )

    @cached_property
    def _finder(self) -> Locator:
        """What finds faces in photos: opened once, since MediaPipe keeps memory of each time."""
        return self.open_locator()

    def open(
        self,
        source: str | Path | Image.Image | NDArray[np.uint8] | Photo,
        *,
        face: str | int = "largest",
    ) -> Portrait:
        """Read a photo, find its faces, align and read those chosen: paid once a photo.

        Args:
            source: a path, a Pillow image, an HWC uint8 RGB array, or a photo that was read.
            face: ``largest``, ``all``, ``left``, ``right``, or numbers from the left: ``0``,
                ``0,2``. Faces keep the order in which they are named.

        Raises:
            GanimateError: the photo cannot be read, or shows no such face; or the locator or the
                networks cannot be had.
            UsageError: `face`, the device or the locator is none of its choices.
        """
        photo = photo_from(source)
        for notice in photo.notices:
            self.notify(notice)
        # Loading torch is Python's work, looking for faces is not: the first time both go on.
        with ThreadPoolExecutor(1) as beside:
            networks = beside.submit(self._load)
            with self._looking:
                locator = self._finder
                faces = locator.locate(photo.pixels)
            networks.result()
        chosen = choose(faces, str(face), photo.path.name if photo.path else "the photo")
        for notice in filter(None, map(yaw_notice, chosen)):
            self.notify(notice)
        crops = np.stack([one.frame.crop(photo.pixels) for one in chosen])
        currents = tuple(map(ActionUnits, self.reader.read(crops).intensities))
        return Portrait(photo, tuple(faces), tuple(chosen), currents, locator.name, self)


def _warn(notice: str) -> None:
    warnings.warn(notice, stacklevel=3)
