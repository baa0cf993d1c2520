"""Weights on disk: safetensors with metadata that says what they are. No pickle is ever loaded."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import re
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganimate.errors import GanimateError
from ganimate.files import read_file
from ganimate.output import draft, write_errors

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ganimate.networks.evaluation_reader import EvaluationReader
    from ganimate.networks.generator import Generator
    from ganimate.networks.glasses import GlassesFinder
    from ganimate.networks.reader import Reader

LICENCE = (
    "weights: CC BY 4.0 photos (FairFace); labels partly from OpenFace: "
    "academic and non-commercial use"
)
MAX_BYTES = 400 * 2**20
"""No weights of this project come near; a larger file is refused before it is read."""
WIDEST, MOST_LEVELS = 4096, 16
"""Nor does any number in a network's description, or the length of a list in it."""


@dataclass(frozen=True)
class WeightsInfo:
    """What a weights file says of itself.

    Attributes:
        path: where it is.
        fingerprint: first 12 hex digits of the file's SHA-256.
        architecture: ``generator``, ``reader``, ``evaluationreader`` or ``glassesfinder``.
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


def load_glasses_finder(path: Path | None = None) -> tuple[GlassesFinder, WeightsInfo]:
    """The glasses finder in a weights file (by default the shipped one), in float32, eval mode."""
    from ganimate.networks.glasses import GlassesFinder

    network, info = _load(path or default_weights("glasses"), "glassesfinder", GlassesFinder)
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

    # One read for the fingerprint, the header and the tensors: they cannot disagree.
    data = read_file(path, MAX_BYTES)
    fingerprint = hashlib.sha256(data).hexdigest()[:12]
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata = json.loads(header["__metadata__"]["ganimate"])
        config = metadata["config"]
        found = metadata["architecture"]
        if not isinstance(config, dict) or not isinstance(found, str):
            raise TypeError("its metadata is not ours")
        tensors = load(data)
    except (SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise GanimateError(
            f"{path}: not ganimate weights: {_reason(error)}{_compared(path, fingerprint)}",
            "expected a safetensors file of ganimate's",
        ) from error
    return tensors, WeightsInfo(path, fingerprint, found, config, metadata)


def _load(path: Path, architecture: str, kind: Any) -> tuple[Any, WeightsInfo]:
    import torch

    tensors, info = _read(path)
    prints = _compared(path, info.fingerprint)
    if info.architecture != architecture:
        raise GanimateError(f"{path}: holds a {info.architecture}, not a {architecture}{prints}")
    try:
        check_config(info.config)
        with torch.device("meta"), warnings.catch_warnings():  # shapes alone: no memory is taken
            warnings.simplefilter("ignore")  # of shapes without elements, which fit no file
            network = kind(**info.config)
        network.load_state_dict(_fitted(tensors, network.state_dict()), assign=True)
    except (RuntimeError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise GanimateError(
            f"{path}: does not fit its own description: {_reason(error)}{prints}",
            "it is damaged, or another version of ganimate wrote it: fetch or train it anew",
        ) from error
    if _is_installed(path) and (expected := _expected(path)) not in (None, info.fingerprint):
        raise GanimateError(
            f"{path}: fingerprint {info.fingerprint}, expected {expected}: not what was installed",
            "install the package anew, or pass --weights FILE",
        )
    return network.eval(), info


def check_config(config: dict[str, Any]) -> None:
    """Refuse a network's description with numbers that no network of ours has.

    Raises:
        ValueError: one is not ours, in one line.
    """
    for name, value in config.items():
        numbers = value if isinstance(value, list) else [value]
        plain = all(isinstance(one, bool | int | str) for one in numbers)
        if len(numbers) > MOST_LEVELS or not plain or max(map(_size, numbers), default=1) > WIDEST:
            raise ValueError(f"{name} cannot be {value!r}")


def _size(value: bool | int | str) -> int:
    return len(value) if isinstance(value, str) else abs(value)


def _fitted(tensors: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file as a network takes them, copied out of the file's bytes.

    Raises:
        ValueError: some are missing, too many, of other shapes, or not finite.
    """
    for names, fault in ((wanted.keys() - tensors, "lacks"), (tensors.keys() - wanted, "has")):
        if names:
            raise ValueError(f"it {fault} {min(names)}" + (" ..." if len(names) > 1 else ""))
    fitted = {}
    for name, value in tensors.items():
        if value.shape != wanted[name].shape:
            raise ValueError(f"{name} is {tuple(value.shape)}, not {tuple(wanted[name].shape)}")
        if value.is_complex() or not value.isfinite().all():
            raise ValueError(f"{name} holds what are no finite numbers")
        fitted[name] = value.to(wanted[name].dtype, copy=True)
    return fitted


def _reason(error: Exception) -> str:
    """What a library says of a damaged file, in one line."""
    missing = isinstance(error, KeyError)
    text = f"it has no {error}" if missing else str(error) or type(error).__name__
    return " ".join(text.split())[:200]


def _compared(path: Path, found: str) -> str:
    """The fingerprint of a file that is refused, and what it should be where that is known."""
    expected = _expected(path)
    told = f", expected {expected}" if expected and expected != found else ""
    return f" (fingerprint {found}{told})"


def _is_installed(path: Path) -> bool:
    """Whether a file is of an installed package, where nobody changes it, and not of a checkout."""
    return path.parent == Path(__file__).resolve().parent / "weights"


def _expected(path: Path) -> str | None:
    """The fingerprint that the report beside weights gives, where there is one."""
    try:
        report = json.loads((path.parent / "report.json").read_text("utf-8"))
        fingerprints = {
            "generator": report["weights"]["fingerprint"],
            "reader": report["reader"],
            "glasses": report["glasses"],
            "evaluation-reader": report["evaluation_reader"]["fingerprint"],
        }
        return str(fingerprints[path.stem])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


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
    from safetensors.torch import save

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
    # The library's own `save_file` leaves files of random names behind when it is killed.
    with draft(path, force=True) as unfinished, write_errors(path):
        unfinished.write_bytes(save(tensors, metadata={"ganimate": json.dumps(described)}))
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

    data = read_file(path, MAX_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:  # what it says of itself, unpacked
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        unpacked = 0  # PyTorch's older format is no archive
    if unpacked > MAX_BYTES:
        raise GanimateError(f"{path}: larger than {MAX_BYTES >> 20} MB unpacked, not a generator")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about formats: what matters is raised
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        held = f" ({named[1]})" if named else ""
        raise GanimateError(
            f"{path}: refused: it holds more than tensors{held}, or is no checkpoint",
            "nothing in it was run; only a generator's state_dict can be imported",
        ) from error
    except Exception as error:  # a damaged file can fail anywhere in the reader
        reason = " ".join(str(error).split())[:120]
        raise GanimateError(f"{path}: not a readable checkpoint: {reason}") from error
