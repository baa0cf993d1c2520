"""Milliseconds a frame: the engines against the plain networks, in turns, in one run.

The baseline is the paper's network as anyone would write it: eager, float32, action units as
planes through the whole network, one frame at a time (random weights: speed does not depend on
them). Beside it stand the shipped network run in the same plain way, the engine (photo encoded
once, batches, channels last, bfloat16 where the device multiplies it), and OpenVINO. What is timed
ends with A, C and F in the CPU's memory; the pictures composed of them are compared afterwards.

The share of the limit is the network's operations over the peak measured in the same run: the best
of a few large convolutions in the numbers that the run multiplies.

    python benchmarks/generator.py --batch 8 --threads 1 --cpu-time

Processor time of one thread, --cpu-time, can be compared on a machine that is busy; wall time on a
quiet one. A GPU is measured with --device cuda.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from torch import nn

from ganimate.compiled import installed
from ganimate.engine import DETAIL, Engine, to_network
from ganimate.networks.generator import Generator
from ganimate.networks.painting import Painting, compose
from ganimate.weights import load_generator

DB = 255.0**2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--cpu-time", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    clock = time.process_time if asked.cpu_time else time.perf_counter

    shipped, info = load_generator()
    shipped.requires_grad_(False)
    torch.manual_seed(0)
    paper = Generator("paper", width=64, blocks=6).eval().requires_grad_(False)
    rng = np.random.default_rng(0)
    crop = rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    targets = rng.random((asked.batch, 17), dtype=np.float32)
    current = rng.random(17, dtype=np.float32)

    runs: dict[str, Callable[[], list[Painting]]] = {}
    kinds: dict[str, torch.dtype] = {}
    for name, network in (("paper", paper), ("shipped", shipped)):
        runs[f"{name}, plain"] = plain(network.to(asked.device), crop, targets, current)
        kinds[f"{name}, plain"] = torch.float32
        devices = [asked.device] + ["openvino"] * (installed() and asked.device == "cpu")
        for device in devices:
            engine = Engine(deepcopy(network), info, device)
            label = f"{name}, {'openvino' if device == 'openvino' else 'engine'}"
            runs[label] = painter(engine, crop, targets, current)
            # OpenVINO computes the compact trunk in float32, whatever the engine does.
            lowered = device != "openvino" or name == "paper"
            kinds[label] = engine.dtype if lowered else torch.float32
    times: dict[str, list[float]] = {name: [] for name in runs}
    peaks = {kind: peak(asked.device, kind) for kind in dict.fromkeys(kinds.values())}
    best = dict.fromkeys(peaks, 0.0)
    for turn in range(asked.rounds + 1):
        for name, run in runs.items():
            started = clock()
            run()
            wait(asked.device)
            if turn > 0:
                times[name].append((clock() - started) * 1000 / asked.batch)
        for number_type, speed in peaks.items():
            started = clock()
            count = speed()
            wait(asked.device)
            best[number_type] = max(best[number_type], count / (clock() - started) / 1e9)

    medians = {name: statistics.median(values) for name, values in times.items()}
    work = {"paper": operations(paper, crop), "shipped": operations(shipped, crop)}
    kind = "processor" if asked.cpu_time else "wall"
    limits = ", ".join(f"{kind} {value:.0f}" for kind, value in best.items())
    print(f"batch {asked.batch}, {asked.threads} threads, {kind} time; peak, GFLOP/s: {limits}")
    print("| network | ms a frame | of paper, plain | of itself, plain | of its peak | PSNR |")
    print("|---|---|---|---|---|---|")
    for name, value in medians.items():
        kind = name.split(",")[0]
        expected, found = (pictures(crop, runs[run]()) for run in (f"{kind}, plain", name))
        error = float(np.square(np.subtract(expected, found)).mean())
        decibels = f"{10 * np.log10(DB / error):.0f} dB" if error else "-"
        print(
            f"| {name} | {value:.1f} | {medians['paper, plain'] / value:.2f} "
            f"| {medians[f'{kind}, plain'] / value:.2f} "
            f"| {work[kind] / value * 1000 / best[kinds[name]] / 1e9:.0%} | {decibels} |"
        )


def plain(
    network: Generator, crop: np.ndarray, targets: np.ndarray, current: np.ndarray
) -> Callable[[], list[Painting]]:
    """The network as anyone would run it: a painting a frame, on the CPU."""
    device = next(network.parameters()).device
    tensor = to_network(crop[None], device).contiguous()
    rows, start = torch.from_numpy(targets).to(device), torch.from_numpy(current).to(device)[None]

    def run() -> list[Painting]:
        frames = []
        for one in rows:
            # With gradients on, the paper's trunk takes the planes as it says; none are needed.
            painting = network.paint(network.encode(tensor), tensor, one[None], start, DETAIL)
            frames.append(Painting(*(part.cpu() for part in painting[:3])))
        return frames

    return run


def painter(
    engine: Engine, crop: np.ndarray, targets: np.ndarray, current: np.ndarray
) -> Callable[[], list[Painting]]:
    """An engine doing the same."""
    encoded = engine.encode(crop)

    def run() -> list[Painting]:
        return [
            Painting(
                torch.from_numpy(one.attention)[None, None],
                torch.from_numpy(one.colour).permute(2, 0, 1)[None] / 127.5 - 1,
                torch.from_numpy(one.flow).permute(2, 0, 1)[None],
            )
            for one in engine.paint(encoded, targets, current)
        ]

    return run


def pictures(crop: np.ndarray, paintings: list[Painting]) -> np.ndarray:
    """The composed crops, (n, 3, S, S), 0..255."""
    tensor = to_network(crop[None], torch.device("cpu")).contiguous()
    return np.stack([(compose(tensor, one)[0].numpy() + 1) * 127.5 for one in paintings])


def operations(network: nn.Module, crop: np.ndarray) -> float:
    """Of one frame through the whole network, counted as torch does: twice the products."""
    from torch.utils.flop_counter import FlopCounterMode

    device = next(network.parameters()).device
    tensor = to_network(crop[None], device)
    row = torch.full((1, 17), 0.5, device=device)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(tensor, row, row)
    return float(counter.get_total_flops())


def peak(device: str, kind: torch.dtype = torch.float32) -> Callable[[], float]:
    """One large convolution and its operations: what the machine can do in numbers of a kind."""
    count = 8 if device == "cpu" else 256
    pictures = torch.randn(count, 128, 64, 64, device=device).to(kind)
    pictures = pictures.to(memory_format=torch.channels_last)
    layer = nn.Conv2d(128, 128, 3, padding=1).to(device, kind).requires_grad_(False)
    layer = layer.to(memory_format=torch.channels_last)

    def run() -> float:
        layer(pictures)
        return 2.0 * count * 64 * 64 * 128 * 128 * 9

    return run


def wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
