"""``ganimate export``: a network as ONNX, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from ganimate.cli import options
from ganimate.cli.console import Console
from ganimate.cli.options import Argument, Option


def export(
    output: Annotated[Path, Argument(metavar="OUT.onnx", help="Where the network goes.")],
    reader: Annotated[
        bool,
        Option("--reader", help="The network that reads action units, not the one that edits."),
    ] = False,
    force: options.Force = False,
    weights: Annotated[
        Path | None,
        Option(metavar="FILE", help="Its weights (safetensors); else the shipped ones."),
    ] = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Write a network as ONNX, for programs without torch.

    Needs ganimate[export]. What goes in and comes out stands in the file's description.

    \b
    ganimate export generator.onnx
    ganimate export --reader reader.onnx
    ganimate export mine.onnx --weights runs/default/generator.safetensors
    """
    from ganimate.errors import UsageError
    from ganimate.output import check_output

    if output.suffix.lower() != ".onnx":
        raise UsageError(f"{output}: the file's name must end in .onnx")
    check_output(output, force=force, source=weights)

    from ganimate.export import OPSET, export_generator, export_reader

    console = Console(quiet=quiet, as_json=json)
    with console.busy("exporting"):
        info = (export_reader if reader else export_generator)(output, weights, force=force)
    console.result(
        str(output),
        {
            "output": str(output),
            "network": info.architecture,
            "weights": info.fingerprint,
            "opset": OPSET,
            "bytes": output.stat().st_size,
        },
    )
