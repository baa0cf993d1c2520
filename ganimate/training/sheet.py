"""The sample sheet: what a generator in training does to faces it never learns from."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganimate.facs import AU_NUMBERS
from ganimate.networks.painting import compose

COLUMNS: dict[str, dict[int, float]] = {
    "calm": {},
    "6=.5 12=.7 25=.4": {6: 0.5, 12: 0.7, 25: 0.4},
    "6=.8 12=1 25=1": {6: 0.8, 12: 1, 25: 1},
    "1 2 5 25 26": {1: 0.9, 2: 0.9, 5: 0.8, 25: 0.7, 26: 0.8},
    "4 7 23": {4: 1, 7: 0.7, 23: 0.7},
    "1 4 15 17": {1: 0.8, 4: 0.5, 15: 1, 17: 0.7},
    "9 10": {9: 1, 10: 0.8},
    "45": {45: 1},
    "25 26": {25: 1, 26: 1},
}


@torch.no_grad()
def sample_sheet(network: nn.Module, crops: Tensor, labels: Tensor) -> NDArray[np.uint8]:
    """Rows: photos. Columns: the photo, looks named above them, the grin's attention.

    Args:
        network: a generator in eval mode.
        crops: (n, 3, S, S) in [-1, 1]; labels: (n, 17), what they show.

    Returns:
        HWC uint8 RGB.
    """
    size = crops.shape[-1]
    columns, attention = [("photo", crops)], crops
    for name, look in COLUMNS.items():
        target = torch.zeros_like(labels)
        for number, value in look.items():
            target[:, AU_NUMBERS.index(number)] = value
        painting = network(crops, target, labels)
        columns.append((name, compose(crops, painting)))
        if name == "6=.8 12=1 25=1":
            attention = painting.attention.expand(-1, 3, -1, -1) * 2 - 1
    columns.append(("attention", attention))
    strips = []
    for name, pictures in columns:
        pixels = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().byte()
        column = pixels.permute(0, 2, 3, 1).reshape(-1, size, 3).cpu().numpy()
        title = np.full((18, size, 3), 255, np.uint8)
        cv2.putText(title, name, (2, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
        strips.append(np.concatenate([title, column]))
    return np.concatenate(strips, 1)
