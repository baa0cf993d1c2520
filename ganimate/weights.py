"""Weights on disk: safetensors with metadata that says what they are. No pickle is ever loaded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganimate.errors import GanimateError

if TYPE_CHECKING:
    from torch import nn

    from ganimate.networks.evaluation_reader import EvaluationReader
    from ganimate.networks.generator import Generator
    from ganimate.networks.reader import Reader

LICENCE = (
    "weights: CC BY 4.0 photos (FairFace); labels partly from OpenFace: "
    "academic and non-commercial use"
)
MAX_BYTES = 400 * 2**20
"""No weights of this project come near; a larger file is refused before it is read."""


@dataclass(frozen=True)
class WeightsInfo:
    """What a weights file says of itself.

    Attributes:
        path: where it is.
        fingerprint: first 12 hex digits of the file's SHA-256.
        architecture: ``generator``, ``reader`` or ``evaluationreader``.
        config: the network's constructor arguments.
        metadata: recipe, dataset, images seen, metrics, licence.
    """

    path: Path
    fingerprint: str
    architecture: str
    config: dict[str, Any]
    metadata: dict[str, Any]


def default_weights(name: str) -> Path:
    """Where the shipped weights are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "weights", package.parent / "weights"):
        if (folder / f"{name}.safetensors").is_file():
            return folder / f"{name}.safetensors"
    raise GanimateError(
        f"{name}.safetensors is not part of this installation",
        "install the package anew, or pass --weights FILE",
    )


def load_generator(path: Path | None = None) -> tuple[Generator, WeightsInfo]:
    """The generator in a weights file (by default the shipped one), in float32, eval mode.

    Raises:
        GanimateError: missing, damaged, of another kind, or shapes that do not fit.
    """
    from ganimate.networks.generator import Generator

    network, info = _load(path or default_weights("generator"), "generator", Generator)
    return network, info


def load_reader(path: Path | None = None) -> tuple[Reader, WeightsInfo]:
    """The reader in a weights file (by default the shipped one), in float32, eval mode."""
    from ganimate.networks.reader import Reader

    network, info = _load(path or default_weights("reader"), "reader", Reader)
    return network, info


def load_evaluation_reader(path: Path | None = None) -> tuple[EvaluationReader, WeightsInfo]:
    """The evaluation reader in a weights file (by default ours), in float32, eval mode."""
    from ganimate.networks.evaluation_reader import EvaluationReader

    path = path or default_weights("evaluation-reader")
    network, info = _load(path, "evaluationreader", EvaluationReader)
    return network, info


def _load(path: Path, architecture: str, kind: Any) -> tuple[Any, WeightsInfo]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        if path.stat().st_size > MAX_BYTES:
            raise GanimateError(f"{path}: larger than {MAX_BYTES >> 20} MB, not weights of ours")
        # One read for both the fingerprint and the tensors: they cannot disagree.
        data = path.read_bytes()
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata = json.loads(header["__metadata__"]["ganimate"])
        config = metadata["config"]
        found = metadata["architecture"]
    except OSError as error:
        raise GanimateError(f"{path}: cannot be read: {error.strerror}") from error
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise GanimateError(
            f"{path}: not ganimate weights: {error}", "expected a safetensors file of ganimate's"
        ) from error
    if found != architecture:
        raise GanimateError(f"{path}: holds a {found}, not a {architecture}")
    try:
        network = kind(**config)
        network.load_state_dict({k: v.to(torch.float32) for k, v in tensors.items()})
    except (RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise GanimateError(f"{path}: does not fit its own description: {reason}") from error
    fingerprint = hashlib.sha256(data).hexdigest()[:12]
    return network.eval(), WeightsInfo(path, fingerprint, architecture, config, metadata)


def save_network(path: Path, network: nn.Module, metadata: dict[str, Any]) -> Path:
    """Write a network's weights in float16, atomically, with what they are.

    Args:
        path: where to; the folder must exist.
        network: a Generator or Reader (anything with a `config`).
        metadata: JSON data to keep with it; architecture, config and licence are added.
    """
    import torch
    from safetensors.torch import save_file

    tensors = {
        name: (value.half() if value.is_floating_point() else value.to(torch.int32))
        .contiguous()
        .cpu()
        for name, value in network.state_dict().items()
    }
    described = {
        "architecture": type(network).__name__.lower(),
        "config": getattr(network, "config"),  # noqa: B009 (not an attribute of nn.Module)
        "licence": LICENCE,
        **metadata,
    }
    partial = path.with_name(f".{path.name}.partial")
    try:
        save_file(tensors, partial, metadata={"ganimate": json.dumps(described)})
        partial.chmod(0o644)  # the writer makes it private; installed weights are for everyone
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path
