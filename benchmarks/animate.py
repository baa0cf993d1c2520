"""`ganimate animate` as a whole process: where its processor time goes, and its memory.

The command runs as it is, and so does `ganimate edit`, whose time is taken for the start. The
generator's share is measured by painting the same number of frames in this process, the encoder's
is that of the child process. The baseline is what a loop would do: read the photo, find the face
and blend the whole of it for each frame. Processor time can be compared on a machine that is busy,
wall time cannot.

    python benchmarks/animate.py face.jpg --size 4000x3000 --frames 100
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

MEASURE = """
import json, resource, sys
from ganimate.__main__ import run
try:
    run()
finally:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = [one.ru_utime + one.ru_stime for one in used]
    print(json.dumps([*seconds, used[0].ru_maxrss]), file=sys.stderr)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--size", default="4000x3000", help="the photo is enlarged to this")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--face", default="largest")
    asked = parser.parse_args()
    width, height = map(int, asked.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        photo = enlarged(asked.photo, (width, height), Path(folder) / "photo.jpg")
        torch_alone = command(["-c", "import torch"])
        own, encoder, memory = process(photo, Path(folder), asked.frames, asked.face)
        few, _, _ = process(photo, Path(folder), 1, asked.face)
        painting = generator(photo, asked.frames, asked.face)
        loop = plainly(photo, asked.face)
    total, rest = own + encoder, own - painting
    print(f"{asked.frames} frames of {width} x {height}, processor seconds")
    print(f"total {total:.1f}: generator {painting:.1f}, encoder {encoder:.1f}, rest {rest:.1f}")
    print(f"beyond generator and encoder {rest / total:.0%}, of it the start {few:.1f} s")
    print(f"without the start {(rest - few) / (total - few):.0%}")
    frame = (own - few) / max(1, asked.frames - 1)
    print(f"a frame: {frame * 1000:.0f} ms in our process")
    print(f"plainly {loop * 1000:.0f} ms: {loop / frame:.1f} times that")
    print(f"memory {memory / 1024:.0f} MB, {(memory - torch_alone) / 1024:.0f} beyond torch's own")


def enlarged(photo: Path, size: tuple[int, int], to: Path) -> Path:
    """The photo at a size, its surroundings mirrored where the shape does not fit."""
    picture = Image.open(photo).convert("RGB")
    scale = min(size[0] / picture.width, size[1] / picture.height)
    shape = round(picture.width * scale), round(picture.height * scale)
    pixels = np.asarray(picture.resize(shape, Image.Resampling.LANCZOS))
    free = size[1] - shape[1], size[0] - shape[0]
    around = [(some // 2, some - some // 2) for some in free]
    Image.fromarray(np.pad(pixels, [*around, (0, 0)], mode="symmetric")).save(to, quality=92)
    return to


def process(photo: Path, folder: Path, frames: int, face: str) -> tuple[float, float, int]:
    """Processor seconds of our process and of the encoder, and our peak memory in KB."""
    shared = ["--force", "--face", face, "--quiet", "--offline", "--device", "cpu"]
    if frames == 1:
        words = ["edit", photo, "--expression", "smile", "-o", folder / "out.jpg", *shared]
    else:
        words = ["animate", photo, "--from", "neutral", "--to", "smile", folder / "out.mp4"]
        words += ["--seconds", f"{(frames - 1) / 25}", "--hold", "0", *shared]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, words)], capture_output=True, text=True
    )
    if not done.stderr.rstrip().endswith("]"):
        sys.exit(done.stderr)
    own, encoder, memory = map(float, done.stderr.splitlines()[-1].strip("[]").split(","))
    return own, encoder, int(memory)


def command(words: list[str]) -> int:
    """Peak memory of a Python process, KB."""
    process = subprocess.Popen([sys.executable, *words])
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_maxrss


def generator(photo: Path, frames: int, face: str) -> float:
    """Processor seconds that the engine takes to paint the same frames."""
    from ganimate import Animator

    animator = Animator(offline=True, device="cpu", notify=lambda notice: None)
    portrait = animator.open(photo, face=face)
    rows = np.random.default_rng(0).random((frames, 17), dtype=np.float32)
    crops = [one.frame.crop(portrait.photo.pixels) for one in portrait.chosen]
    encoded = [animator.engine.encode(crop) for crop in crops]
    started = time.process_time()
    for one in encoded:
        for start in range(0, frames, 8):
            animator.engine.paint(one, rows[start : start + 8], portrait.current.vector)
    return time.process_time() - started


def plainly(photo: Path, face: str, frames: int = 5) -> float:
    """Processor seconds a frame that begins with the photo's file, beside the encoder's."""
    from ganimate import Animator

    animator = Animator(offline=True, device="cpu", notify=lambda notice: None)
    animator.open(photo, face=face).edit("smile")  # what is loaded once is loaded
    started = time.process_time()
    for frame in range(frames):
        animator.open(photo, face=face).edit("smile", strength=frame / frames)
    return (time.process_time() - started) / frames


if __name__ == "__main__":
    main()
