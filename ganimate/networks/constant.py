"""Numbers that never change, where the tensors are that meet them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor


def constant(values: Sequence[int] | Sequence[float], like: Tensor) -> Tensor:
    """`values`, (n,), on the device of `like`: integers to index with, else of the type of `like`.

    Made once. Given a list itself torch would copy it to a GPU each time, and wait for that.
    """
    values = tuple(values)
    whole = isinstance(values[0], int)
    return _made(values, torch.long if whole else like.dtype, like.device)


@cache
def _made(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # what that mode makes could not be trained with
        return torch.tensor(values, dtype=dtype, device=device)
