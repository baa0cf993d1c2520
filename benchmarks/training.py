"""Images a second of training: the shipped recipe against the paper's, each in ways to run it.

Each way is a process (or several) of its own that takes the real steps of `ganimate train` on real
faces, at the stage where all of the recipe's losses count:

- plain: one process, all threads, memory as torch lays it out, and the teachers' interpolation of
  a whole picture at once, as anyone would write it;
- in parts: the same with that interpolation in parts that stay in the cache;
- channels last: and the generator's weights so in memory;
- bfloat16: the same with convolutions and products in bfloat16;
- processes: as `ganimate train --devices N`, a thread each.

The share of the limit is the step's operations, forward and backward as torch counts them, over the
best of a few large convolutions in the same process.

    python benchmarks/training.py ../shared/data --steps 6
    python benchmarks/training.py ../shared/data --steps 30 --batch 256 --accelerator cuda
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FACES = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--accelerator", default="cpu")
    parser.add_argument("--recipes", nargs="+", default=["default", "paper"])
    parser.add_argument("--way", nargs=3, metavar=("RECIPE", "WAY", "OUT"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        recipe, way, out = asked.way
        measure(asked, recipe, way, Path(out))
        return
    print(
        "| recipe | run | images a second | of the paper's, plain | GFLOP an image | of the peak |"
    )
    print("|---|---|---|---|---|---|")
    rows = []
    for recipe in asked.recipes:
        ways = ["plain", "in parts", "channels last", "bfloat16"]
        ways += [f"{asked.processes} processes"] * (asked.accelerator == "cpu")
        for way in ways if recipe == "default" else ways[:1]:
            with tempfile.TemporaryDirectory() as out:
                words = [*sys.argv, "--way", recipe, way, out]
                done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
            rows.append((recipe, way, *json.loads(done.stdout.splitlines()[-1])))
    paper = next((row[2] for row in rows if row[0] == "paper"), float("nan"))
    for recipe, way, speed, work, share in rows:
        print(
            f"| {recipe} | {way} | {speed:.2f} | {speed / paper:.2f} | {work:.1f} | {share:.0%} |"
        )


def measure(asked: argparse.Namespace, recipe: str, way: str, out: Path) -> None:
    """Take some steps and print images a second, GFLOP an image and the share of the peak."""
    import torch
    import yaml
    from generator import peak, wait
    from lightning import Fabric
    from torch.utils.flop_counter import FlopCounterMode

    from ganimate.training import fields
    from ganimate.training.run import prepare, recipe_path

    if way == "plain":
        fields.CACHED = 2**62
    processes = int(way.split()[0]) if way.endswith("processes") else 1
    plan = yaml.safe_load(recipe_path(recipe).read_text()) | {"motion_only": 0.0}
    plan["schedule"]["batch"] = asked.batch
    plan["precision"] = "bf16-mixed" if way == "bfloat16" else "32-true"
    path = out / "recipe.yaml"
    path.write_text(yaml.safe_dump(plan))
    fabric = Fabric(accelerator=asked.accelerator, devices=processes)
    fabric.launch()
    if processes > 1:
        torch.set_num_threads(1)
    trainer = prepare(asked.dataset, path, out, fabric=fabric, limit=FACES)
    task = trainer.task
    if way in ("channels last", "bfloat16"):
        task.networks["generator"].to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    begins = plan["schedule"]["steps"] // 2  # beyond any warm-up
    with FlopCounterMode(display=False) as counter:
        task.step(begins)
    device = str(fabric.device)
    seconds = []
    for number in range(asked.steps):
        fabric.barrier()
        started = time.perf_counter()
        task.step(begins + 1 + number)
        wait(device)
        fabric.barrier()
        seconds.append(time.perf_counter() - started)
    speed = asked.batch * processes / statistics.median(seconds)
    work = counter.get_total_flops() / asked.batch
    kind = torch.bfloat16 if way == "bfloat16" else torch.float32
    convolve, fastest = peak(device, kind), 0.0
    for _ in range(8):
        wait(device)
        started = time.perf_counter()
        count = convolve()
        wait(device)
        fastest = max(fastest, count / (time.perf_counter() - started))
    if fabric.is_global_zero:
        print(json.dumps([speed, work / 1e9, speed * work / (fastest * processes)]))


if __name__ == "__main__":
    main()
