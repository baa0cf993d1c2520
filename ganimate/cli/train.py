"""``ganimate train``: train the generator or the reader on a dataset of labelled faces."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from ganimate.cli import options
from ganimate.cli.console import Console
from ganimate.cli.options import Argument, Option
from ganimate.errors import GanimateError, UsageError, check_choice


def train(
    dataset: Annotated[
        Path, Argument(metavar="DATASET", help="Folder with train-*.parquet and validation-*.")
    ],
    recipe: Annotated[
        str, Option(metavar="NAME|YAML", help="default, paper, reader, evaluation, or a file.")
    ] = "default",
    out: Annotated[Path, Option("--out", "-o", help="Folder for weights, checkpoint, sheets.")] = (
        Path("runs/default")
    ),
    max_time: Annotated[
        str | None, Option(metavar="TIME", help="Save and end after this: 90s, 30m, 1h30m.")
    ] = None,
    resume: Annotated[bool, Option("--resume", help="Go on from OUT's checkpoint.")] = False,
    start: Annotated[
        Path | None, Option(metavar="WEIGHTS", help="Begin with these generator weights.")
    ] = None,
    unpack_from: Annotated[
        Path | None,
        Option("--unpack", metavar="FOLDER", help="With --resume: take what --pack left there."),
    ] = None,
    pack_into: Annotated[
        Path | None,
        Option("--pack", metavar="FOLDER", help="At the end, keep the checkpoint in small files."),
    ] = None,
    every: Annotated[str, Option(metavar="TIME", help="Between checkpoints and sheets.")] = "5m",
    devices: Annotated[int, Option(min=1, help="Processes or GPUs on this machine.")] = 1,
    nodes: Annotated[int, Option(min=1, help="Machines.")] = 1,
    accelerator: Annotated[str, Option(help="auto, cpu, cuda or mps.")] = "auto",
    limit: Annotated[
        int | None, Option(min=8, help="Use this many faces only, to rehearse a recipe.")
    ] = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Train on a dataset; ends at the recipe's last step, after --max-time, or when told to.

    SIGTERM and Ctrl-C save and end; --resume goes on exactly there.

    \b
    ganimate train DATASET --max-time 30m
    ganimate train DATASET --recipe paper --out runs/paper --resume
    """
    seconds = parse_time(max_time) if max_time else None
    pause = parse_time(every)
    check_choice("--accelerator", accelerator, ("auto", "cpu", "cuda", "mps"))
    begun = (out / "checkpoint.safetensors").exists()
    if resume and not unpack_from and not begun:
        raise UsageError(f"{out}: holds no checkpoint to go on from", "leave out --resume")
    if not dataset.is_dir():  # said before half a minute of imports
        raise GanimateError(f"{dataset}: no such folder", "give the dataset's folder")
    try:
        from lightning import Fabric

        from ganimate.engine import pick_device
        from ganimate.training.pack import pack, unpack
        from ganimate.training.recipe import load_recipe
        from ganimate.training.run import prepare, recipe_path
    except ImportError as error:
        raise GanimateError(
            f"training needs the package {error.name}", "pip install 'ganimate[train]'"
        ) from error

    console = Console(quiet=quiet, as_json=json)
    path = recipe_path(recipe)
    plan = load_recipe(path)
    if begun and not resume:
        raise UsageError(f"{out}: holds a checkpoint", "add --resume, or choose another --out")
    if unpack_from and (not resume or begun):
        raise UsageError(
            "--unpack is for --resume into an --out without a checkpoint",
            "add --resume, or leave out --unpack to go on from OUT's own",
        )
    if start is not None and (resume or plan.task != "generator"):
        raise UsageError("--start is for a generator's new run", "leave out --start")
    if start is not None and start.parent.absolute() == out.absolute():
        raise UsageError(f"{start}: the run would write over it", "choose another --out")
    try:
        if accelerator == "auto":
            accelerator = pick_device("auto").type
        fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes)
    except (RuntimeError, ValueError) as error:
        raise UsageError(
            f"--accelerator {accelerator} --devices {devices}: not on this machine",
            "leave both out",
        ) from error
    fabric.launch()
    if unpack_from and fabric.is_global_zero:
        for told in unpack(unpack_from, out / "checkpoint.safetensors"):
            console.notice(f"{unpack_from}: was packed with {told}")
    fabric.barrier()
    with console.progress() as report:
        trainer = prepare(
            dataset,
            path,
            out,
            fabric=fabric,
            max_time=seconds,
            every=pause,
            limit=limit,
            start=start,
            report=report,
            notify=console.notice,
        )
        if resume:
            trainer.resume()
        metrics = trainer.run()
    if pack_into and fabric.is_global_zero:
        packed = pack(trainer.checkpoint, pack_into)
        for told in packed.reduced:
            console.notice(f"{pack_into}: to fit, packed with {told}")
    assert trainer.meter is not None
    speed = trainer.meter.figures()
    console.result(
        f"{out}: {trainer.step} steps, {trainer.images_seen} images; "
        f"{speed['images_a_second']:.1f} images a second, "
        f"{speed['share_of_peak']:.0%} of the device's peak",
        {
            "out": str(out),
            "steps": trainer.step,
            "images_seen": trainer.images_seen,
            "finished": trainer.step >= plan.schedule.steps,
            "metrics": metrics,
            **speed,
        },
    )


def parse_time(text: str) -> float:
    """``90``, ``90s``, ``30m``, ``1h30m`` -> seconds.

    Raises:
        UsageError: anything else.
    """
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip())
    if not text.strip() or match is None:
        raise UsageError(f"{text!r} is no time", "write 90s, 30m or 1h30m")
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest
