"""How `ganimate animate` grows: time and memory against frames, photo size and number of faces.

Each point is the real command in a process of its own, writing frames to nowhere but an encoder;
processor time of our process, of the encoder, and the peak memory of ours. A straight line is
fitted to each and its slope printed. The curves are drawn with Pillow.

    python benchmarks/growth.py face.jpg --plot docs/images/growth.png
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from animate import enlarged, process
from PIL import Image, ImageDraw

COLOURS = ("#1f6fb2", "#d1632c", "#3a8f4d")
LINES = ("our process, s", "encoder, s", "memory, 100 MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--frames", type=int, nargs="+", default=[10, 25, 50, 75])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 8, 12])
    parser.add_argument("--faces", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        panels = measure(asked, Path(folder))
    for name, xs, rows in panels:
        print(f"| {name} | " + " | ".join(f"{x:g}" for x in xs) + " |")
        for label, values in zip(LINES, rows.T, strict=True):
            slope, start = np.polyfit(xs, values, 1)
            fit = np.corrcoef(xs, values)[0, 1] ** 2
            shown = " | ".join(f"{value:.2f}" for value in values)
            print(f"| {label} | {shown} | {start:.2f} + {slope:.4f} x, r2 {fit:.3f} |")
    if asked.plot:
        draw(panels, asked.plot)


def measure(asked: argparse.Namespace, folder: Path) -> list[tuple[str, list[float], np.ndarray]]:
    """(name, x, rows of our seconds, the encoder's, and 100 MB) for each of the three."""
    small = enlarged(asked.photo, (1200, 1200), folder / "small.jpg")
    points: dict[str, list[tuple[float, Path, int, str]]] = {
        "frames": [(n, small, n, "largest") for n in asked.frames],
        "megapixels": [],
        "faces": [],
    }
    for size in asked.megapixels:
        side = round((size * 1e6) ** 0.5 / 2) * 2
        photo = enlarged(asked.photo, (side, side), folder / f"{size}.jpg")
        points["megapixels"].append((size, photo, 20, "largest"))
    widest = max(asked.faces)
    single = np.asarray(Image.open(enlarged(asked.photo, (600, 600), folder / "one.jpg")))
    group = folder / "group.jpg"
    Image.fromarray(np.hstack([single] * widest)).save(group, quality=92)
    for n in asked.faces:
        points["faces"].append((n, group, 20, ",".join(map(str, range(n)))))
    panels = []
    for name, runs in points.items():
        rows = []
        for x, photo, frames, face in runs:
            own, encoder, memory = process(photo, folder, frames, face)
            rows.append((own, encoder, memory / 1024 / 100))
            print(name, x, *rows[-1], file=sys.stderr)
        panels.append((name, [one[0] for one in runs], np.array(rows)))
    return panels


def draw(panels: list[tuple[str, list[float], np.ndarray]], path: Path) -> None:
    """Three small charts side by side, each from 0."""
    width, height, left, low = 300, 240, 40, 40
    picture = Image.new("RGB", (width * len(panels), height), "white")
    pen = ImageDraw.Draw(picture)
    for i, (name, xs, rows) in enumerate(panels):
        top = rows.max() * 1.1
        x0, y0 = i * width + left, height - low
        wide, tall = width - left - 20, height - low - 30
        across, up = wide / max(xs), tall / top
        pen.line([(x0, y0 - tall), (x0, y0), (x0 + wide, y0)], "black")
        pen.text((x0 + wide / 2, height - 10), name, "black", anchor="mm")
        for x in xs:
            pen.text((x0 + x * across, y0 + 10), f"{x:g}", "black", anchor="mm")
        for y in np.linspace(0, rows.max(), 4)[1:]:
            pen.text((x0 - 4, y0 - y * up), f"{y:.0f}", "black", anchor="rm")
        for label, colour, values in zip(LINES, COLOURS, rows.T, strict=True):
            line = [(x0 + x * across, y0 - y * up) for x, y in zip(xs, values, strict=True)]
            pen.line(line, colour, 2)
            for x, y in line:
                pen.ellipse((x - 3, y - 3, x + 3, y + 3), colour)
            if i == 0:
                k = LINES.index(label)
                pen.text((x0 + 8, 6 + 11 * k), label, colour)
    picture.save(path, optimize=True)


if __name__ == "__main__":
    main()
