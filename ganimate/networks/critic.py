"""The critic: whether patches look real, and which action units the face shows."""

from __future__ import annotations

from typing import Any

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
