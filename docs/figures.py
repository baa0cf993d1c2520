"""Draw the figures of these pages anew, from the example photos and the shipped weights.

    python docs/figures.py                          # all but the two below
    python docs/figures.py --teacher runs/default   # teacher.jpg alone, of a run's teacher
    python docs/figures.py --studio                 # studio.jpg alone, in Chromium

The photos that difficult.jpg shows are made here, from the same two.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from ganimate import Animator, contact_sheet
from ganimate.media.grid import labelled_grid
from ganimate.media.provenance import Provenance
from ganimate.media.stills import Photo, write_photo
from ganimate.training.glasses import wear
from ganimate.weights import default_weights, read_info

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

DOCS = Path(__file__).resolve().parent
EXAMPLES = DOCS.parent / "examples"
PHOTOS = ("portrait", "astronaut")
LOOKS = ("neutral", "smile", "grin", "surprise", "anger", "sad", "disgust", "fear", "blink")
HARD_LOOKS = ("grin", "surprise", "anger", "blink")
CELL = 150


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", type=Path, metavar="RUN")
    parser.add_argument("--studio", action="store_true")
    asked = parser.parse_args()
    if asked.teacher:
        save(beside_teacher(asked.teacher), "teacher")
    if asked.studio:
        save(studio(), "studio")
    if asked.teacher or asked.studio:
        return
    animator = Animator(notify=print)
    both = [animator.open(EXAMPLES / f"{name}.jpg") for name in PHOTOS]
    save(contact_sheet(both, looks=LOOKS, size=CELL), "expressions")
    save(contact_sheet(both[0], steps=4, size=160), "action-units")
    save(contact_sheet(both[0], units=[12, 4], steps=7, size=160), "sheet")
    glasses, _ = wear(both[0].photo.pixels, both[0].chosen[0].landmarks, np.random.default_rng(8))
    photos = [*spoilt(*(one.photo.pixels for one in both)), both[0].edit("blink").image, glasses]
    hard = [animator.open(photo) for photo in photos]
    save(contact_sheet(hard, looks=HARD_LOOKS, size=CELL), "difficult")
    save(maps(animator), "maps")


def save(pixels: Pixels, name: str) -> None:
    path = DOCS / "images" / f"{name}.jpg"
    stated = Provenance(f"the figure {name}", read_info(default_weights("generator")).fingerprint)
    write_photo(Photo(pixels), path, provenance=stated, force=True)
    print(path)


def spoilt(portrait: Pixels, astronaut: Pixels) -> list[Pixels]:
    """Dark, lit from one side, small, JPEG of quality 8, blurred, grey, turned, drawn."""
    rng = np.random.default_rng(0)
    height, width = portrait.shape[:2]
    dark = portrait * 0.35 + rng.normal(0, 6, portrait.shape)
    side = portrait * np.linspace(-0.4, 1.6, width).clip(0.1, 1)[:, None]
    face = 0.14  # of its size: a face of about 50 pixels
    small = cv2.resize(portrait, None, fx=face, fy=face, interpolation=cv2.INTER_AREA)
    packed = io.BytesIO()
    Image.fromarray(portrait).save(packed, "JPEG", quality=8)
    grey = cv2.cvtColor(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 50, 0.8)
    return [
        np.clip(dark, 0, 255).astype(np.uint8),
        np.clip(side, 0, 255).astype(np.uint8),
        np.asarray(small, np.uint8),
        np.asarray(Image.open(packed)),
        np.asarray(cv2.GaussianBlur(portrait, (0, 0), width / 130), np.uint8),
        np.asarray(grey, np.uint8),
        np.asarray(
            cv2.warpAffine(portrait, turn, (width, height), borderMode=cv2.BORDER_REPLICATE),
            np.uint8,
        ),
        np.asarray(cv2.stylization(portrait, sigma_s=60, sigma_r=0.45), np.uint8),
    ]


def maps(animator: Animator) -> Pixels:
    """What the generator gives for a crop: attention, colour, flow; and what is made of them."""
    portrait = animator.open(EXAMPLES / "portrait.jpg")
    frame = portrait.chosen[0].frame
    crop = frame.crop(portrait.photo.pixels, CELL)
    encoded = animator.engine.encode(frame.crop(portrait.photo.pixels))
    rows = []
    for look in HARD_LOOKS:
        edited = portrait.edit(look)
        target = edited.action_units.vector[None]
        (painted,) = animator.engine.paint(encoded, target, portrait.current.vector)
        # Where the photo stays C may be anything: it is shown as far as it counts, and folds count
        # a fifth at most.
        counts = np.clip(5 * (1 - painted.attention), 0, 1)[..., None]
        colour = 128 + (painted.colour - 128) * counts
        shown = [painted.attention * 255, colour, _wheel(painted.flow)]
        cells = [_cell(one) for one in shown]
        rows.append(np.stack([crop, *cells, frame.crop(edited.image, CELL)]))
    titles = ["photo", "attention A", "colour C", "flow F", "result"]
    return labelled_grid(np.stack(rows), titles, [(look, "") for look in HARD_LOOKS])


def _cell(picture: NDArray[np.float32]) -> Pixels:
    picture = picture if picture.ndim == 3 else picture[..., None].repeat(3, axis=2)
    large = cv2.resize(picture, (CELL, CELL), interpolation=cv2.INTER_LINEAR)
    return np.clip(large, 0, 255).astype(np.uint8)


def _wheel(flow: NDArray[np.float32], most: float = 0.08) -> NDArray[np.float32]:
    """Directions as hues, lengths as saturation: `most` of the crop's side is full."""
    length = np.hypot(flow[..., 0], flow[..., 1])
    hue = np.degrees(np.arctan2(flow[..., 1], flow[..., 0])) % 360
    full = np.clip(length / most, 0, 1)
    wheel = np.stack([hue, full, np.ones_like(full)], axis=2).astype(np.float32)
    return np.asarray(255 * cv2.cvtColor(wheel, cv2.COLOR_HSV2RGB), np.float32)


def beside_teacher(run: Path) -> Pixels:
    """The photos moved by the motion teacher alone, and painted by the shipped weights."""
    import torch

    from ganimate.engine import to_network
    from ganimate.evaluation.edits import intensities
    from ganimate.evaluation.subjects import GeneratorPainter, Painter, TeacherPainter, pixels
    from ganimate.training.run import load_teacher
    from ganimate.weights import load_generator

    teacher = load_teacher(run, print)
    if teacher is None:
        raise SystemExit(f"{run}: holds no teacher.safetensors")
    painters: dict[str, Painter] = {
        "motion teacher": TeacherPainter(teacher),
        "shipped weights": GeneratorPainter(load_generator(None)[0]),
    }
    cells = []
    animator = Animator(notify=print)
    for portrait in (animator.open(EXAMPLES / f"{name}.jpg") for name in PHOTOS):
        face = portrait.chosen[0]
        crop = face.frame.crop(portrait.photo.pixels)
        crops = to_network(crop[None], torch.device("cpu"))
        landmarks = torch.tensor(face.frame.to_crop(face.landmarks, len(crop))[None]).float()
        current = torch.tensor(portrait.current.vector[None])
        for paint in painters.values():
            with torch.inference_mode():
                shown = [
                    pixels(paint(crops, landmarks, intensities(look, current), current).pictures)[0]
                    for look in HARD_LOOKS
                ]
            cells.append(np.stack([crop, *shown]))
    rows = [(name, "") for name in painters] * len(PHOTOS)
    return labelled_grid(np.stack(cells), ["photo", *HARD_LOOKS], rows)


def studio() -> Pixels:
    """The studio as it looks with three keys, an expression and a slider that was moved."""
    from playwright.sync_api import sync_playwright

    words = [sys.executable, "-m", "ganimate", "studio", "portrait.jpg", "--no-browser", "--json"]
    process = subprocess.Popen(words, cwd=EXAMPLES, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        address = json.loads(process.stdout.readline())["address"]
        with sync_playwright() as driver:
            path = shutil.which("chromium")
            browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(address)
            page.wait_for_selector('canvas[data-look=""]')
            for look in ("neutral", "surprise", "laugh"):
                page.click(f"button[data-name={look}]")
                page.wait_for_selector(f'canvas[data-look="{look}"]')
                page.click("#add")
            page.click("button[data-name=smile]")
            page.fill("#strength", "0.9")
            page.fill("#au2", "0.4")
            page.wait_for_selector('canvas[data-look="smile*0.9 2=0.4"]')
            page.wait_for_load_state("networkidle")  # the keys' little pictures
            shot = page.screenshot()
            browser.close()
    finally:
        process.terminate()
        process.wait()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


if __name__ == "__main__":
    main()
