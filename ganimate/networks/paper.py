"""The paper's trunk: 21 GFLOP."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganimate.networks.painting import ACTION_UNITS, Painting


class PaperTrunk(nn.Module):
    """The paper's network (8.47 M parameters with motion off), with a flow head beside it.

    The intensities enter as constant planes through the 7 x 7 stem. A convolution is linear, so
    the photo's part is computed once in `encode` and the planes' part is 17 fixed maps.
    """

    def __init__(
        self, size: int, width: int, blocks: int, motion: bool, norm: str, head_bias: bool
    ) -> None:
        super().__init__()
        self.size, self.motion = size, motion
        self.stem = nn.Conv2d(3 + ACTION_UNITS, width, 7, padding=3, bias=False)
        layers: list[nn.Module] = [_norm(norm, width), nn.ReLU()]
        for scale in (1, 2):
            layers += [
                nn.Conv2d(width * scale, width * scale * 2, 4, stride=2, padding=1, bias=False),
                _norm(norm, width * scale * 2),
                nn.ReLU(),
            ]
        layers += [_PaperBlock(width * 4, norm) for _ in range(blocks)]
        layers += self._rise(width * 4, norm)
        self.trunk = nn.Sequential(*layers)
        self.last = nn.Sequential(*self._rise(width * 2, norm))
        self.attention = nn.Conv2d(width, 1, 7, padding=3, bias=head_bias)
        self.colour = nn.Conv2d(width, 3, 7, padding=3, bias=head_bias)
        if motion:
            self.flow = nn.Conv2d(width * 2, 2, 3, padding=1)
            nn.init.zeros_(self.flow.weight)
            nn.init.zeros_(self.flow.bias)  # type: ignore[arg-type]
        self._maps: tuple[int, Tensor] | None = None

    @staticmethod
    def _rise(width: int, norm: str) -> list[nn.Module]:
        return [
            nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=False),
            _norm(norm, width // 2),
            nn.ReLU(),
        ]

    def encode(self, crops: Tensor) -> list[Tensor]:
        return [F.conv2d(crops, self.stem.weight[:, :3], padding=3)]

    def _planes(self, target: Tensor) -> Tensor:
        weight = self.stem.weight[:, 3:]
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            planes = target[:, :, None, None].expand(-1, -1, self.size, self.size)
            return F.conv2d(planes, weight, padding=3)
        version = weight._version
        if self._maps is None or self._maps[0] != version:
            ones = weight.new_ones(ACTION_UNITS, 1, self.size, self.size)
            maps = F.conv2d(
                ones.view(1, ACTION_UNITS, self.size, self.size),
                weight.transpose(0, 1).reshape(-1, 1, 7, 7),
                padding=3,
                groups=ACTION_UNITS,
            )
            self._maps = (version, maps.view(ACTION_UNITS, -1))
        flat = target @ self._maps[1]
        return flat.view(len(target), -1, self.size, self.size)

    def paint(
        self,
        encoded: list[Tensor],
        crops: Tensor,
        target: Tensor,
        current: Tensor,
        detail: int = 1,
    ) -> Painting:
        half = self.trunk(encoded[0] + self._planes(target))
        full = self.last(half)
        if self.motion:
            flow = 0.1 * self.flow(half).to(crops.dtype)
        else:
            flow = crops.new_zeros(len(half), 2, self.size // 2, self.size // 2)
        attention, colour = self.attention(full), self.colour(full)
        return Painting(attention.to(crops.dtype).sigmoid(), colour.to(crops.dtype).tanh(), flow)


class _PaperBlock(nn.Module):
    def __init__(self, width: int, norm: str) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            _norm(norm, width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            _norm(norm, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.body(x)
        return result


class _Fixed(nn.Module):
    """A norm by statistics that no longer change: one gain and one shift a channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.bias[:, None, None], x, self.weight[:, None, None])


def _norm(norm: str, width: int) -> nn.Module:
    return nn.InstanceNorm2d(width, affine=True) if norm == "instance" else _Fixed(width)
