"""Which faces wear glasses, and taking them off before anything is painted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ganimate.engine import pick_device, pick_precision, to_network
from ganimate.faces.glasses import Bare, seen, take_off
from ganimate.weights import WeightsInfo, load_glasses_finder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.faces.align import FaceFrame
    from ganimate.networks.glasses import GlassesFinder


class GlassesEngine:
    """The glasses finder, ready to look at crops."""

    def __init__(self, finder: GlassesFinder, info: WeightsInfo, device: str = "auto") -> None:
        self.device = pick_device(device)
        self.info = info
        self.size = finder.size
        self.dtype = pick_precision("auto", self.device)
        self._network = finder.eval().requires_grad_(False).to(self.device)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def default(cls, weights: Path | None = None, device: str = "auto") -> GlassesEngine:
        """A finder with the given weights, or the shipped ones."""
        finder, info = load_glasses_finder(weights)
        return cls(finder, info, device)

    def find(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Look at crops, each together with its mirror image: the mean of both is steadier.

        Args:
            crops: (n, S, S, 3) uint8 RGB, cut by ``FaceFrame.crop``.

        Returns:
            How far each pixel is glasses, (n, S, S) in 0..1.
        """
        tensor = to_network(crops, self.device)
        lowered = self.dtype is not torch.float32
        with torch.inference_mode(), torch.autocast(self.device.type, self.dtype, enabled=lowered):
            both = self._network(torch.cat([tensor, tensor.flip(-1)])).float().sigmoid()[:, 0]
        where = (both[: len(crops)] + both[len(crops) :].flip(-1)) / 2
        return np.asarray(where.cpu().numpy())

    def take_off(self, pixels: NDArray[np.uint8], frames: Sequence[FaceFrame]) -> Bare:
        """A photo, HWC uint8 RGB, without the glasses of the faces that sit in these frames."""
        where = self.find(np.stack([frame.crop(pixels, self.size) for frame in frames]))
        return take_off(pixels, frames, where, seen(where))
