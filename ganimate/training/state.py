"""Training state as one flat safetensors file: written atomically, read without pickle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from torch import Tensor

from ganimate.errors import GanimateError

_TENSOR = "tensor:"


def flatten(value: Any, tensors: dict[str, Tensor], prefix: str = "") -> Any:
    """Move every tensor of nested dicts and lists into `tensors`; return the rest as JSON data."""
    if isinstance(value, Tensor):
        tensors[prefix] = value.detach().cpu().contiguous().clone()
        return _TENSOR + prefix
    if isinstance(value, dict):
        # JSON turns integer keys (an optimiser's parameter numbers) into text: keep the type.
        return {
            f"{'#' if isinstance(k, int) else ''}{k}": flatten(v, tensors, f"{prefix}/{k}")
            for k, v in value.items()
        }
    if isinstance(value, list | tuple):
        return [flatten(v, tensors, f"{prefix}/{i}") for i, v in enumerate(value)]
    return value


def unflatten(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of `flatten`."""
    if isinstance(value, str) and value.startswith(_TENSOR):
        return tensors[value[len(_TENSOR) :]]
    if isinstance(value, dict):
        return {
            (int(k[1:]) if k.startswith("#") else k): unflatten(v, tensors)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [unflatten(v, tensors) for v in value]
    return value


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write nested state (dicts, lists, numbers, tensors) so that a kill leaves old or new."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    rest = flatten(state, tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        save_file(tensors, partial, metadata={"state": json.dumps(rest)})
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote.

    Raises:
        GanimateError: the file is missing, damaged or not a checkpoint.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        state = unflatten(json.loads(metadata["state"]), tensors)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise GanimateError(
            f"{path}: not a readable training checkpoint: {error}",
            "resume from another one, or start without --resume",
        ) from error
    if not isinstance(state, dict):
        raise GanimateError(f"{path}: not a training checkpoint")
    return state
