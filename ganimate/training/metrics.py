"""Figures of agreement that training reports."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pearson(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Pearson's r of each column: (n, k), (n, k) -> (k,); 0 where a column is constant."""
    a = a.astype(np.float64) - a.mean(0)
    b = b.astype(np.float64) - b.mean(0)
    scale = np.sqrt((a * a).sum(0) * (b * b).sum(0))
    return np.asarray(np.divide((a * b).sum(0), scale, out=np.zeros_like(scale), where=scale > 0))
