"""What networks compute in while they learn: losses and exercises stay float32."""

from __future__ import annotations

import torch

from ganimate.engine import pick_precision

PRECISIONS = {"auto": "auto", "32-true": "float32", "bf16-mixed": "bfloat16"}
"""Names in recipes, and the engine's for the same."""


def product_type(precision: str, device: torch.device) -> torch.dtype:
    """The type of convolutions and matrix products; `auto` is bfloat16 where it is native."""
    return pick_precision(PRECISIONS[precision], device)


def lowered(precision: str, device: torch.device) -> torch.autocast:
    """That type, around a network's forward pass.

    Not Lightning's own mixed precision, which hands networks bfloat16 pictures and places: too
    coarse by a quarter of a pixel.
    """
    kind = product_type(precision, device)
    return torch.autocast(device.type, torch.bfloat16, enabled=kind is torch.bfloat16)
