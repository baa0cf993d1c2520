"""How well the watermark is found again, how often where it is not, and what it costs.

Faces of the dataset's test split, enlarged, and photos are edited, marked, attacked, and searched
as `ganimate verify` does: the face is located anew in what the attack has left. Unmarked ones,
edited and not, are searched for false alarms. Printed: detection rate and scores by attack, the
false alarms, PSNR within the face frame, and milliseconds.

An interrupt prints what was measured so far.

    python benchmarks/watermark.py ../shared/data --photos ../shared/photos --pictures 500
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray
from PIL import Image

from ganimate.animator import Animator
from ganimate.errors import GanimateError
from ganimate.faces.locate import open_locator
from ganimate.media.watermark import THRESHOLD, Watermark, score

Pixels = NDArray[np.uint8]
LOOKS = ("smile", "surprise", "anger", "sad", "12=1 6=1 25=0.8", "1=1 2=1 5=1 26=1")


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def resized(pixels: Pixels, scale: float, how: int = cv2.INTER_AREA) -> Pixels:
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=how))


def screenshot(pixels: Pixels) -> Pixels:
    """Shown smaller, a little brighter, cut unevenly, and saved as a JPEG."""
    shown = resized(pixels, 0.83, cv2.INTER_LINEAR)
    cut = shown[3:-5, 7:-2]
    brighter = np.clip(255 * (cut / 255.0) ** 0.95, 0, 255).astype(np.uint8)
    return jpeg(brighter, 80)


ATTACKS: dict[str, Callable[[Pixels], Pixels]] = {
    "none": lambda pixels: pixels,
    "JPEG 75": lambda pixels: jpeg(pixels, 75),
    "half the size": lambda pixels: resized(pixels, 0.5),
    "half, then JPEG 75": lambda pixels: jpeg(resized(pixels, 0.5), 75),
    "screenshot": screenshot,
}


def crops(folder: Path, scale: float) -> Iterator[Pixels]:
    """The test split's faces, enlarged."""
    for file in sorted(folder.glob("test-*.parquet")):
        for row in parquet.read_table(file, columns=["image"])["image"]:
            small = Image.open(BytesIO(row["bytes"].as_py())).convert("RGB")
            size = (round(small.width * scale), round(small.height * scale))
            yield np.asarray(small.resize(size, Image.Resampling.LANCZOS))


def photos(folder: Path | None) -> Iterator[Pixels]:
    for file in sorted(folder.glob("*.jpg")) if folder else []:
        yield np.asarray(Image.open(file).convert("RGB"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the dataset")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--pictures", type=int, default=500, help="crops that are taken")
    parser.add_argument("--scale", type=float, default=2.0, help="by how much crops are enlarged")
    parser.add_argument("--locator", default="auto")
    asked = parser.parse_args()

    animator = Animator(locator=asked.locator, offline=True, notify=lambda line: None)
    locator = open_locator(asked.locator, offline=True)
    found: dict[str, list[float]] = defaultdict(list)
    unseen: dict[str, int] = defaultdict(int)
    alarms: dict[str, list[float]] = defaultdict(list)
    psnr: list[float] = []
    sides: list[float] = []
    costs: dict[str, list[float]] = defaultdict(list)

    def search(pixels: Pixels) -> float | None:
        """The best score of the faces that are found."""
        faces = locator.locate(pixels)
        started = time.perf_counter()
        scores = [score(pixels, face.frame) for face in faces]
        if scores:
            costs["search a face"].append((time.perf_counter() - started) / len(scores))
        return max(scores, default=None)

    def search_unmarked(kind: str, pixels: Pixels) -> None:
        best = search(pixels)
        if best is not None:
            alarms[kind].append(best)

    def mark(number: int, pixels: Pixels) -> None:
        try:
            portrait = animator.open(pixels)
        except GanimateError:
            return
        edited = portrait.edit(LOOKS[number % len(LOOKS)]).image
        frame = portrait.chosen[0].frame
        started = time.perf_counter()
        watermark = Watermark(edited, frame)
        made = time.perf_counter()
        marked = edited.copy()
        copied = time.perf_counter()
        watermark.add_to(marked)
        megapixels = frame.native_side**2 / 1e6
        costs["make it, a megapixel of frame"].append((made - started) / megapixels)
        costs["add it, a megapixel of frame"].append((time.perf_counter() - copied) / megapixels)
        error = np.square(marked.astype(float) - edited).sum() / (3 * frame.native_side**2)
        psnr.append(10 * np.log10(255**2 / error))
        sides.append(frame.native_side)
        for name, attack in ATTACKS.items():
            best = search(attack(marked))
            if best is None:
                unseen[name] += 1
            else:
                found[name].append(best)
        search_unmarked("edited, unmarked", edited)

    try:
        for number, pixels in enumerate(photos(asked.photos)):
            mark(number, pixels)
            search_unmarked("unedited photos", pixels)
        for number, pixels in enumerate(islice(crops(asked.data, asked.scale), asked.pictures)):
            mark(number, pixels)
            search_unmarked("unedited crops", pixels)
    except KeyboardInterrupt:
        print("interrupted: so far")
    locator.close()  # before the interpreter shuts down, as MediaPipe asks

    print(f"{len(psnr)} marked; face frames {min(sides):.0f} to {max(sides):.0f} pixels a side")
    print(f"PSNR in the frame: {min(psnr):.1f} dB at least, {np.mean(psnr):.1f} on average")
    print(f"threshold {THRESHOLD}")
    for name in ATTACKS:
        scores = np.array(found[name])
        print(
            f"{name:20} found {np.mean(scores >= THRESHOLD):7.2%} of {len(scores)}, score"
            f" {scores.min():4.1f} {np.median(scores):5.1f}; no face found in {unseen[name]}"
        )
    total = np.concatenate([np.array(scores) for scores in alarms.values()])
    for name, scores in alarms.items():
        wrong = sum(one >= THRESHOLD for one in scores)
        print(f"{name:20} {wrong} false alarms of {len(scores)}, score up to {max(scores):.2f}")
    # The largest of many scores follows Gumbel's law, whose tail says what counting cannot.
    spread = total.std() * np.sqrt(6) / np.pi
    tail = 1 - np.exp(-np.exp(-(THRESHOLD - total.mean()) / spread - np.euler_gamma))
    print(f"false alarms by Gumbel's law: {tail:.1e} a face searched")
    for name, seconds in costs.items():
        print(f"{name:30} {np.median(seconds) * 1000:7.1f} ms")


if __name__ == "__main__":
    main()
