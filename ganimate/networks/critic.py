"""The critics: whether patches look real, and which action units the face shows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

ACTION_UNITS = 17


class Critic(nn.Module):
    """PatchGAN with an action-unit regression head (Pumarola et al. 2018, section 4).

    Args:
        size: side of the crops, a multiple of 2 ** layers.
        width: channels after the first layer; doubled by each further one.
        layers: 4 x 4 convolutions of stride 2.
        cap: most channels of any layer: the paper's 2048 gives 45 M parameters.
    """

    def __init__(self, size: int = 128, width: int = 64, layers: int = 6, cap: int = 512) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"size": size, "width": width, "layers": layers, "cap": cap}
        body: list[nn.Module] = []
        channels = 3
        for layer in range(layers):
            wider = min(cap, width * 2**layer)
            body += [nn.Conv2d(channels, wider, 4, stride=2, padding=1), nn.LeakyReLU(0.01)]
            channels = wider
        self.body = nn.Sequential(*body)
        self.real = nn.Conv2d(channels, 1, 3, padding=1, bias=False)
        self.intensities = nn.Conv2d(channels, ACTION_UNITS, size // 2**layers, bias=False)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, S, S) in [-1, 1] -> realness of patches (n, 1, p, p), intensities (n, 17)."""
        features = self.body(crops)
        return self.real(features), self.intensities(features).flatten(1)


class FeatureCritic(nn.Module):
    """Judges patches by a frozen reader's features instead of pixels (Sauer et al. 2021).

    Someone who knows faces already needs few examples to see what is wrong with one: on a CPU a
    critic of pixels has learned next to nothing in the time in which this one is useful.

    Args:
        widths: channels of the features, finest first; each level is half the size of the last.
        width: channels inside the heads.
    """

    def __init__(self, widths: tuple[int, ...] = (48, 96, 192), width: int = 64) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"widths": list(widths), "width": width}
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, width, 4, stride=2, padding=1),
                nn.LeakyReLU(0.1),
                nn.Conv2d(width, width, 3, padding=1),
                nn.LeakyReLU(0.1),
                nn.Conv2d(width, 1, 1),
            )
            for channels in widths
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """Features (n, c, h, w) of each level -> realness of all patches, (n, patches)."""
        seen = [head(x).flatten(1) for head, x in zip(self.heads, features, strict=True)]
        return torch.cat(seen, 1)
