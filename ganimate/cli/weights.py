"""``ganimate weights``: what a weights file is, and weights from other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Typer

from ganimate.cli import options
from ganimate.cli.console import Console
from ganimate.cli.options import Argument, Option
from ganimate.errors import UsageError

if TYPE_CHECKING:
    from ganimate.weights import WeightsInfo

weights = Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Show what a weights file is, or import another program's.",
)

Statistics = Literal["auto", "running", "instance"]


@weights.command()
def show(
    file: Annotated[Path, Argument(metavar="FILE", help="Weights (safetensors).")],
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Say what a weights file holds and where it comes from.

    \b
    ganimate weights show runs/default/generator.safetensors
    """
    from ganimate.weights import read_info

    info = read_info(file)
    Console(quiet=quiet, as_json=json).result(_table(info), _summary(info))


@weights.command("import")
def import_(
    checkpoint: Annotated[Path, Argument(metavar="OLD.pth", help="A generator's checkpoint.")],
    output: Annotated[
        Path | None,
        Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to; else OLD.safetensors beside it.",
        ),
    ] = None,
    size: Annotated[int, Option(help="Side of the crops it was trained on.")] = 128,
    statistics: Annotated[
        Statistics,
        Option(help="What its norms use: running statistics, or each crop's own (instance)."),
    ] = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Import a public checkpoint of GANimation's generator.

    Knows the authors' and two other programs' files. Nothing in the file is run.

    \b
    ganimate weights import net_epoch_30_id_G.pth -o authors.safetensors
    ganimate edit face.jpg --au 12=0.8 --weights authors.safetensors
    """
    from ganimate.files import check_file
    from ganimate.output import check_output

    if not checkpoint.name:  # a dot, or what an unset variable leaves
        check_file(checkpoint)
    output = output or checkpoint.with_suffix(".safetensors")
    if output.suffix != ".safetensors":
        raise UsageError(f"{output}: weights end in .safetensors")
    if size not in range(32, 1025, 32):
        raise UsageError(f"--size {size}: a multiple of 32, from 32 to 1024")
    check_output(output, force=force, source=checkpoint)

    from ganimate.weights import import_generator

    console = Console(quiet=quiet, as_json=json)
    info = import_generator(checkpoint, output, size=size, statistics=statistics)
    if info.metadata["imported"]["tracked"] and statistics == "auto":
        console.notice(
            "its norms use the running statistics in the file; if the program it comes from "
            "paints in training mode, --statistics instance gives that program's pictures"
        )
    console.result(f"{output}\n{_table(info)}", _summary(info))


def _table(info: WeightsInfo) -> str:
    about = info.metadata
    rows: dict[str, Any] = {
        "file": info.path,
        "architecture": info.architecture,
        "config": _pairs(info.config),
        "fingerprint": info.fingerprint,
        "imported": _pairs(about.get("imported", {})),
        "dataset": about.get("dataset"),
        "images seen": about.get("images_seen"),
        "metrics": _pairs(about.get("metrics", {})),
        "licence": about.get("licence"),
    }
    return "\n".join(f"{name:13s} {value}" for name, value in rows.items() if value)


def _pairs(values: object) -> str:
    if not isinstance(values, dict):
        return str(values)
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _summary(info: WeightsInfo) -> dict[str, Any]:
    return {"file": str(info.path), "fingerprint": info.fingerprint, **info.metadata}
