"""Training state as one flat safetensors file: written atomically, read without pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from ganimate.errors import GanimateError
from ganimate.files import check_file
from ganimate.output import draft, write_errors

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
    """Write nested state (dicts, lists, numbers, tensors) so that a kill leaves old or new.

    Raises:
        GanimateError: the system refuses to write it.
    """
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    rest = flatten(state, tensors)
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    # The library's own `save_file` leaves files of random names behind when it is killed.
    with draft(path, force=True) as unfinished, write_errors(path):
        unfinished.write_bytes(save(tensors, metadata={"state": json.dumps(rest)}))


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote.

    Raises:
        GanimateError: the file is missing, damaged or not a checkpoint.
    """
    from safetensors import SafetensorError, safe_open

    check_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        state = unflatten(json.loads(metadata["state"]), tensors)
    except (OSError, SafetensorError, LookupError, ValueError, TypeError, RecursionError) as error:
        raise GanimateError(
            f"{path}: not a readable training checkpoint: {error}",
            "resume from another one, or start without --resume",
        ) from error
    if not isinstance(state, dict):
        raise GanimateError(f"{path}: not a training checkpoint")
    return state
