"""Whether a process that works for long keeps to its memory and closes its files.

Photos are opened, edited and written as `ganimate edit` does it, all in one process, then films as
`ganimate animate` does; the process's resident memory, open file handles and threads are noted.

    python benchmarks/endurance.py --edits 2000 --films 30

Fails where any later tenth of the work needs 5 % more memory, on average, than the second did, or
where the number of file handles or threads changes.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from ganimate import Animator, Trajectory

GROWTH = 1.05
LOOKS = ("smile", "surprise*0.7", "12=0.8 6=0.5", "45L=1", "anger", "sad", "neutral", "1=+0.4")
SUFFIXES = (".png", ".jpg", ".webp", ".tiff")
FILMS = (".mp4", ".webm", ".gif", ".webp")


class Held(NamedTuple):
    """What the process holds: resident memory in MB, open file handles, threads."""

    memory: float
    handles: int
    threads: int

    @classmethod
    def now(cls) -> Held:
        lines = Path("/proc/self/status").read_text().splitlines()
        told = dict(line.split(":", 1) for line in lines)
        handles = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (one call, one handle)
        return cls(int(told["VmRSS"].split()[0]) / 1024, handles, int(told["Threads"]))


def edits(animator: Animator, photo: Path, folder: Path) -> Iterator[None]:
    """One edit after another: another look, another format."""
    for number in itertools.count():
        portrait = animator.open(photo)
        edited = portrait.edit(LOOKS[number % len(LOOKS)])
        edited.save(folder / f"edited{SUFFIXES[number % len(SUFFIXES)]}", force=True)
        yield


def films(animator: Animator, photo: Path, folder: Path) -> Iterator[None]:
    """One film after another: another look, another format."""
    for number in itertools.count():
        portrait = animator.open(photo)
        end = portrait.edit(LOOKS[number % len(LOOKS)]).action_units
        path = Trajectory.through([portrait.current, end], seconds=0.5, fps=20)
        name = folder / f"film{FILMS[number % len(FILMS)]}"
        with portrait.film(name, fps=path.fps, force=True) as film:
            for frame in portrait.animate(path):
                film.write(frame)
        yield


def settle(animator: Animator, photo: Path) -> None:
    """Paint until the engine is the one for long work: see docs/speed.md."""
    portrait = animator.open(photo)
    smile = portrait.edit("smile").action_units
    for _ in portrait.animate(Trajectory.through([portrait.current, smile], seconds=12, fps=25)):
        pass


def endure(what: str, work: Iterator[None], count: int) -> bool:
    """Do `count` pieces of work, a tenth after the other, and say what the process holds.

    Returns:
        Whether each tenth after the second needed what the second did, on average; the first is
        for what is loaded once.
    """
    begun = time.monotonic()
    tenth = max(1, count // 10)
    means: list[float] = []
    counts: set[tuple[int, int]] = set()
    for number in range(tenth, count + 1, tenth):
        held = [Held.now() for _ in itertools.islice(work, tenth)]
        means.append(sum(one.memory for one in held) / tenth)
        if len(means) > 1:
            counts |= {(one.handles, one.threads) for one in held}
        print(
            f"{what} {number:5d}: {means[-1]:6.1f} MB on average, "
            f"{max(one.memory for one in held):6.1f} at most, {held[-1].handles} handles, "
            f"{held[-1].threads} threads, {time.monotonic() - begun:.0f} s",
            flush=True,
        )
    growth = max(means[2:]) / means[1]
    print(f"{what}: memory grew to {growth:.3f} of the second tenth's, limit {GROWTH}", flush=True)
    return growth <= GROWTH and len(counts) == 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", default="examples/portrait.jpg")
    parser.add_argument("--side", type=int, default=256, help="the photo is shrunk to this")
    parser.add_argument("--edits", type=int, default=2000)
    parser.add_argument("--films", type=int, default=30)
    parser.add_argument("--locator", default="builtin")
    asked = parser.parse_args()

    animator = Animator(locator=asked.locator, offline=True)
    done = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = folder / "photo.png"
        Image.open(asked.photo).resize((asked.side, asked.side)).save(photo)
        settle(animator, photo)
        for kind, count in ((edits, asked.edits), (films, asked.films)):
            if count >= 30:
                done &= endure(kind.__name__, kind(animator, photo, folder), count)
    sys.exit(not done)


if __name__ == "__main__":
    main()
