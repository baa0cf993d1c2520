"""The evaluation reader: a second opinion on action units, for measuring alone."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

ACTION_UNITS = 17


class EvaluationReader(nn.Module):
    """Plain strided convolutions (2.5 M parameters), unlike the reader in every layer.

    No generator is ever trained with it: what pleases a network that one trained against says
    little, so control is measured by one that has seen none of it.

    Args:
        widths: channels after each 4 x 4 convolution of stride 2.
        features: size of the vector that realism is measured in.
        size: side of the crop in pixels.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (32, 64, 128, 256, 256),
        features: int = 192,
        size: int = 128,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "widths": list(widths),
            "features": features,
            "size": size,
        }
        layers: list[nn.Module] = []
        channels = 3
        for width in widths:
            layers += [
                nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.LeakyReLU(0.2),
            ]
            channels = width
        side = size // 2 ** len(widths)
        self.trunk = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(channels * side * side, features),
            nn.BatchNorm1d(features),
            nn.LeakyReLU(0.2),
        )
        self.intensities = nn.Linear(features, ACTION_UNITS)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, S, S) in [-1, 1] -> intensities (n, 17), unclamped, and features (n, k)."""
        features = self.trunk(crops)
        return self.intensities(features), features

    def read(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, averaged with the mirror image, whose action units are the same ones."""
        straight, mirrored = self(crops), self(crops.flip(3))
        return (straight[0] + mirrored[0]) / 2, (straight[1] + mirrored[1]) / 2
