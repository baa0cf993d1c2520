"""How far muscles pull where an intensity is read, or asked for."""

from __future__ import annotations

import torch
from torch import Tensor

SUDDEN, FAINT = 0.2, 0.1
"""The share of its way that a face goes while an intensity rises by the first few `FAINT`. Readers
and labels find nothing until something plainly shows: training faces labelled .05 stand .2 of the
way from those labelled 0 to those labelled 1, .25 by .35, and .65 by .65."""


def tension(intensity: Tensor) -> Tensor:
    """How far on its way to intensity 1 a face is, 0 to 1, that shows these."""
    return (1 - SUDDEN) * intensity + SUDDEN * (1 - torch.exp(-intensity / FAINT))


def pulled(current: Tensor, target: Tensor, release: Tensor) -> Tensor:
    """How far muscles pull from one expression to another, (n, 17): 1 from rest to intensity 1.

    Args:
        current, target: (n, 17) intensities.
        release: (17,), the share of it where they let go.
    """
    change = tension(target) - tension(current)
    return change.clamp(min=0) + change.clamp(max=0) * release
