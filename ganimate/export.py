"""The networks as ONNX files, for programs in which there is no torch."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ganimate import __version__
from ganimate.errors import GanimateError
from ganimate.output import draft, write_errors
from ganimate.weights import WeightsInfo, load_generator, load_reader

if TYPE_CHECKING:
    from torch import nn

OPSET = 18
"""Version of ONNX's operators: the oldest that the exporter writes, so that most programs read
it; GridSample, which the warp needs, came with 16."""

PROVENANCE = (
    "Pictures made with this network show what nobody did. Say so where they are seen, and state "
    "compositeWithTrainedAlgorithmicMedia as their digital source type."
)

GENERATOR = (
    "crop: (n, 3, S, S) RGB in [-1, 1]. target, current: (n, 17), intensities of the action units "
    "1 2 4 5 6 7 9 10 12 14 15 17 20 23 25 26 45 that are to be shown and that the crop shows, "
    "0..1. attention: A, (n, 1, S, S), 1 keeps the photo. colour: C, (n, 3, S, S) in [-1, 1]. "
    "flow: F, (n, 2, S/2, S/2), offsets (x, y) in crop units, whose side is 1. "
    "The result is A * warp(crop, F) + (1 - A) * C, at the photo's own size."
)
READER = (
    "crop: (n, 3, S, S) RGB in [-1, 1]. intensities: (n, 17), 0..1, of the action units "
    "1 2 4 5 6 7 9 10 12 14 15 17 20 23 25 26 45. landmarks: (n, 478, 2), crop pixels. "
    "face: (n,), 0..1, how sure it is to see a face."
)


def export_generator(
    target: Path, weights: Path | None = None, *, force: bool = False
) -> WeightsInfo:
    """Write the generator as ONNX: what it takes and gives is said in `GENERATOR`.

    Args:
        target: the file, .onnx.
        weights: a generator's; by default the shipped ones.
        force: write over an existing file.

    Returns:
        What the weights say of themselves; the file repeats it in its metadata.

    Raises:
        GanimateError: weights or file are wrong, or `ganimate[export]` is not installed.
    """
    _check_installed()
    from ganimate.compiled import Whole

    network, info = load_generator(weights)
    inputs = {"crop": (3, network.size, network.size), "target": (17,), "current": (17,)}
    _export(Whole(network), info, target, inputs, ["attention", "colour", "flow"], GENERATOR, force)
    return info


def export_reader(target: Path, weights: Path | None = None, *, force: bool = False) -> WeightsInfo:
    """Write the reader as ONNX, as `READER` has it; otherwise as `export_generator`."""
    _check_installed()
    network, info = load_reader(weights)
    inputs = {"crop": (3, network.size, network.size)}
    _export(network, info, target, inputs, ["intensities", "landmarks", "face"], READER, force)
    return info


def _export(
    network: nn.Module,
    info: WeightsInfo,
    target: Path,
    inputs: Mapping[str, tuple[int, ...]],
    outputs: list[str],
    described: str,
    force: bool,
) -> None:
    import torch

    # Two of each: an example of one would be taken to mean that there is never more.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it tells of what it does not need
    examples = tuple(torch.rand(2, *shape) for shape in inputs.values())
    several = torch.export.Dim("n", min=1, max=1024)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")  # about the exporter's own insides
        program = torch.onnx.export(
            network.eval().requires_grad_(False),
            examples,
            input_names=list(inputs),
            output_names=outputs,
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=tuple({0: several} for _ in inputs),
            verbose=False,
        )
    assert program is not None
    model = program.model
    model.producer_name, model.producer_version = "ganimate", __version__
    model.doc_string = described
    model.metadata_props.update(
        {
            "architecture": info.architecture,
            "fingerprint": info.fingerprint,
            "licence": str(info.metadata.get("licence", "unknown")),
            "provenance": PROVENANCE,
            "ganimate": json.dumps(info.metadata, ensure_ascii=False),
        }
    )
    with draft(target, force=force) as unfinished, write_errors(target):
        program.save(unfinished)


def _check_installed() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise GanimateError(
            f"exporting needs {error.name}, which is not installed",
            'pip install "ganimate[export]"',
        ) from error
