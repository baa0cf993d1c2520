"""The reader: from a face crop to action units, landmarks and whether it is a face."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

ACTION_UNITS = 17
LANDMARKS = 478


class Reading(NamedTuple):
    """What the reader reports for a batch of n crops.

    Attributes:
        intensities: (n, 17) in 0..1, in the order of ``facs.AU_NUMBERS``.
        landmarks: (n, 478, 2) in pixels of the crop, x then y; integers are pixel centres.
        face: (n,) in 0..1, how sure the reader is that the crop shows a face.
    """

    intensities: Tensor
    landmarks: Tensor
    face: Tensor


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class Reader(nn.Module):
    """A small residual network (2.4 M parameters, 0.33 GFLOP a crop).

    The stem takes patches of 8 x 8 with stride 4: at 128 pixels nothing that an action unit moves
    is finer, and a first layer at full resolution would cost half of the whole network on a CPU.

    Args:
        widths: channels at 32 x 32, 16 x 16, 8 x 8 and 4 x 4.
        features: size of the vector that the three heads share.
        size: side of the crop in pixels.
    """

    def __init__(
        self, widths: tuple[int, ...] = (48, 96, 192, 256), features: int = 160, size: int = 128
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "widths": list(widths),
            "features": features,
            "size": size,
        }
        layers: list[nn.Module] = []
        for level, width in enumerate(widths):
            if level == 0:
                layers.append(nn.Conv2d(3, width, 8, stride=4, padding=2, bias=False))
            else:
                layers.append(
                    nn.Conv2d(widths[level - 1], width, 3, stride=2, padding=1, bias=False)
                )
            layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            if level < len(widths) - 1:
                layers.append(_Residual(width))
        self.trunk = nn.Sequential(*layers)
        side = size // 4 // 2 ** (len(widths) - 1)
        self.shared = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(widths[-1] * side * side, features),
            nn.BatchNorm1d(features),
            nn.ReLU(inplace=True),
        )
        self.intensities = nn.Linear(features, ACTION_UNITS)
        self.landmarks = nn.Linear(features, LANDMARKS * 2)
        self.face = nn.Linear(features, 1)
        self.size, self.widths = size, tuple(widths[:-1])
        # The mean face is set once from the dataset, so the head only learns departures from it.
        self.mean_face: Tensor
        self.register_buffer("mean_face", torch.zeros(LANDMARKS, 2))

    def features(self, crops: Tensor) -> list[Tensor]:
        """What the trunk sees at 1/4, 1/8, ... of the crop, (n, widths[level], h, w) each."""
        levels, x = [], crops
        for layer in self.trunk:
            x = layer(x)
            if isinstance(layer, _Residual):
                levels.append(x)
        return [*levels, x]

    def logits(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Raw outputs for training: intensities (n, 17), unclamped; landmarks; face logit (n,)."""
        return self.conclude(self.trunk(crops))

    def conclude(self, last: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The heads: from the last level of `features` to raw outputs."""
        shared = self.shared(last)
        offsets = self.landmarks(shared).view(-1, LANDMARKS, 2)
        landmarks = self.mean_face + offsets * (self.size / 8)
        return self.intensities(shared), landmarks, self.face(shared)[:, 0]

    def forward(self, crops: Tensor) -> Reading:
        """Read crops, (n, 3, size, size) in [-1, 1]."""
        intensities, landmarks, face = self.logits(crops)
        return Reading(intensities.clamp(0, 1), landmarks, face.sigmoid())
