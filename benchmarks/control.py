"""How far a generator moves what it is asked to: each action unit from 0 to 1, read by the reader.

For every action unit and every face of the validation split: paint it at 0, 0.5 and 1, all else as
read from the face, and read the result. Printed are the mean rise of the reading from 0 to 1, the
share of faces on which the three readings rise in order, and the mean change of the other 16. The
generator never trained against this reader unless its recipe weighs `reader`.

    python benchmarks/control.py DATASET --faces 32
    python benchmarks/control.py DATASET --faces 32 --teacher runs/default   # the motion alone
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ganimate.facs import AU_NUMBERS
from ganimate.networks.generator import compose
from ganimate.networks.warp import warp
from ganimate.training.augment import middle
from ganimate.training.dataset import load_dataset
from ganimate.training.motion import dense_field
from ganimate.training.run import load_teacher
from ganimate.weights import load_generator, load_reader

Paint = Callable[[Tensor, Tensor], Tensor]


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--faces", type=int, default=32)
    parser.add_argument("--teacher", type=Path, metavar="RUN", help="score a run's teacher instead")
    asked = parser.parse_args()

    data = load_dataset(asked.dataset, "validation", asked.faces)
    reader, _ = load_reader()
    crops = middle(data.images)
    current = reader(crops).intensities

    if asked.teacher:
        teacher = load_teacher(asked.teacher, print)
        assert teacher is not None, f"{asked.teacher} holds no teacher.safetensors"

        def paint(target: Tensor, start: Tensor) -> Tensor:
            moved = teacher.move(data.landmarks, start, target)
            return warp(crops, dense_field(moved, data.landmarks))
    else:
        generator, info = load_generator(asked.weights)
        print(f"weights {info.fingerprint}, {info.metadata['images_seen']} images seen")

        def paint(target: Tensor, start: Tensor) -> Tensor:
            parts = zip(crops.split(16), target.split(16), start.split(16), strict=True)
            return torch.cat([compose(x, generator(x, t, s)) for x, t, s in parts])

    report(paint, reader, crops, current)


def report(paint: Paint, reader: torch.nn.Module, crops: Tensor, current: Tensor) -> None:
    rises, leaks = [], []
    print("  AU   rise  in order  leakage")
    for column, number in enumerate(AU_NUMBERS):
        read = []
        for asked in (0.0, 0.5, 1.0):
            target = current.clone()
            target[:, column] = asked
            # Unclamped, so that a face that reads 0 can still read less.
            read.append(reader.logits(paint(target, current))[0])
        low, half, high = read
        change = high - low
        rise = change[:, column].mean().item()
        order = ((half > low) & (high > half))[:, column].float().mean().item()
        others = torch.cat([change[:, :column], change[:, column + 1 :]], 1)
        leak = others.abs().mean().item()
        rises.append(rise)
        leaks.append(leak)
        print(f"  {number:2}  {rise:5.2f}  {order:7.0%}  {leak:7.3f}")
    print(f"mean  {sum(rises) / 17:5.2f}           {sum(leaks) / 17:7.3f}")
    same = (paint(current, current) - crops).abs().mean().item() * 127.5
    print(f"change where nothing is asked: {same:.3f} of 255")


if __name__ == "__main__":
    main()
