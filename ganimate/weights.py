"""Weights on disk: safetensors with metadata that says what they are. No pickle is ever loaded."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganimate.errors import GanimateError

if TYPE_CHECKING:
    from torch import Tensor, nn

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


def read_info(path: Path) -> WeightsInfo:
    """What a weights file of ours says of itself, whatever network it holds.

    Raises:
        GanimateError: missing, damaged, or not weights of ours.
    """
    return _read(path)[1]


def _read(path: Path) -> tuple[dict[str, Tensor], WeightsInfo]:
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
    fingerprint = hashlib.sha256(data).hexdigest()[:12]
    return tensors, WeightsInfo(path, fingerprint, found, config, metadata)


def _load(path: Path, architecture: str, kind: Any) -> tuple[Any, WeightsInfo]:
    import torch

    tensors, info = _read(path)
    if info.architecture != architecture:
        raise GanimateError(f"{path}: holds a {info.architecture}, not a {architecture}")
    try:
        network = kind(**info.config)
        network.load_state_dict({k: v.to(torch.float32) for k, v in tensors.items()})
    except (RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise GanimateError(f"{path}: does not fit its own description: {reason}") from error
    return network.eval(), info


def save_network(
    path: Path, network: nn.Module, metadata: dict[str, Any], *, half: bool = True
) -> Path:
    """Write a network's weights, atomically, with what they are.

    Args:
        path: where to; the folder must exist.
        network: a Generator or Reader (anything with a `config`).
        metadata: JSON data to keep with it; architecture, config and licence are added.
        half: in float16; else in float32.
    """
    import torch
    from safetensors.torch import save_file

    kind = torch.float16 if half else torch.float32
    tensors = {
        name: (value.to(kind) if value.is_floating_point() else value.to(torch.int32))
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


def import_generator(
    source: Path, target: Path, *, size: int = 128, statistics: str = "auto"
) -> WeightsInfo:
    """Write a public checkpoint of GANimation's generator as weights of ours, in float32.

    Args:
        source: what `torch.save` wrote; read without running anything that is in it.
        target: the weights to write; the folder must exist.
        size: side of the crops it is to paint.
        statistics: see `ganimate.networks.dialects.translate`.

    Raises:
        GanimateError: the file cannot be read, holds more than tensors, or another network.
    """
    from ganimate.networks.dialects import translate

    checkpoint = _read_checkpoint(source)
    try:
        dialect, network, tracked = translate(checkpoint, size, statistics)
    except ValueError as error:
        raise GanimateError(f"{source}: {error}") from error
    described = {
        "licence": "unknown: as its source",
        "imported": {"source": source.name, "dialect": dialect, "tracked": tracked},
    }
    return read_info(save_network(target, network, described, half=False))


def _read_checkpoint(path: Path) -> object:
    """What `torch.save` wrote: tensors in dicts and lists, and nothing that would be run."""
    import torch

    try:
        if path.stat().st_size > MAX_BYTES:
            raise GanimateError(f"{path}: larger than {MAX_BYTES >> 20} MB, not a generator")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about formats: what matters is raised
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise GanimateError(f"{path}: cannot be read: {error.strerror or error}") from error
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        held = f" ({named[1]})" if named else ""
        raise GanimateError(
            f"{path}: refused: it holds more than tensors{held}, or is no checkpoint",
            "nothing in it was run; only a generator's state_dict can be imported",
        ) from error
    except GanimateError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in the reader
        reason = " ".join(str(error).split())[:120]
        raise GanimateError(f"{path}: not a readable checkpoint: {reason}") from error
