"""Milliseconds a frame: the engine against the plain network, in turns, in one run.

The baseline is the network as anyone would run it: eager, float32, the whole crop through the
whole network for every frame. The engine encodes the photo once, batches frames and takes
bfloat16 where the CPU or GPU multiplies it natively. Both paint the same frames; the difference
of the pictures is printed beside the times.

    python benchmarks/generator.py --batch 8 --rounds 15
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

from ganimate.engine import Engine, to_network
from ganimate.networks.generator import compose
from ganimate.weights import load_generator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()

    plain, _ = load_generator()
    engine = Engine.default(device=asked.device)
    plain = plain.to(engine.device)
    rng = np.random.default_rng(0)
    crop = rng.integers(0, 256, (engine.size, engine.size, 3), dtype=np.uint8)
    targets = rng.random((asked.batch, 17), dtype=np.float32)
    current = rng.random(17, dtype=np.float32)
    tensor = to_network(crop[None], engine.device)
    target = torch.from_numpy(targets).to(engine.device)
    start = torch.from_numpy(current).to(engine.device)[None]
    encoded = engine.encode(crop)

    @torch.no_grad()
    def baseline() -> np.ndarray:
        frames = []
        for one in target:
            painting = plain(tensor, one[None], start)
            frames.append(((compose(tensor, painting)[0] + 1) * 127.5).float().cpu().numpy())
        return np.stack(frames)

    def ours() -> np.ndarray:
        painted = engine.paint(encoded, targets, current)
        return np.stack([one.colour for one in painted])

    with torch.no_grad():
        reference = plain(tensor.expand(asked.batch, -1, -1, -1), target, start.expand_as(target))
    painted = engine.paint(encoded, targets, current)
    colour = ((reference.colour + 1) * 127.5).permute(0, 2, 3, 1).float().cpu().numpy()
    differences = [np.abs(p.colour - c).mean() for p, c in zip(painted, colour, strict=True)]
    off_colour = float(np.mean(differences))
    times: dict[str, list[float]] = {"plain": [], "engine": []}
    for _ in range(asked.rounds + 2):
        for name, run in (("plain", baseline), ("engine", ours)):
            started = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - started) * 1000 / asked.batch)
    medians = {name: statistics.median(values[2:]) for name, values in times.items()}
    print(f"device {engine.device_name}, {torch.get_num_threads()} threads, batch {asked.batch}")
    print(f"precision of the engine: {str(engine.dtype).removeprefix('torch.')}")
    for name, value in medians.items():
        print(f"{name:7} {value:7.2f} ms a frame")
    print(f"ratio   {medians['plain'] / medians['engine']:7.2f}")
    print(f"mean difference of the colour: {off_colour:.4f} of 255")


if __name__ == "__main__":
    main()
