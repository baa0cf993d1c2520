"""How much an edited face flickers, against the original: the limit is 1.15.

The film is a photo that `ganimate animate` moves (a smile, surprise, a blink) under a camera that
pans, zooms and turns, with noise as of a phone's sensor. Flicker is the mean absolute difference
of the face's crop between neighbouring frames, both films cut by the same face frames.

    python benchmarks/flicker.py --frames 100

Fails where a ratio is above the limit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from ganimate import Animator
from ganimate.media.source import open_film
from ganimate.media.video import film_writer
from ganimate.timeline import Timeline
from ganimate.video import FilmEdit

LIMIT = 1.15
FPS = 25
SIZE = (640, 480)
STORY = "0:current 1:smile*0.6 2:surprise*0.5 3:current 3.1:45=1 3.2:current 4:smile*0.3"
LOOKS = ("12=+0.4", "12=0.8 6=0.5", "1=+0.5 2=+0.5", "smile", "anger")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", default="examples/portrait.jpg")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--noise", type=float, default=2.0, help="of 255, standard deviation")
    parser.add_argument("--locator", default="auto")
    asked = parser.parse_args()

    animator = Animator(locator=asked.locator)
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        film_of(animator, asked.photo, asked.frames, asked.noise, path)
        for look in LOOKS:
            with open_film(path) as film:
                edit = FilmEdit(film, look, animator, measure=True)
                for _ in edit.frames():
                    pass
            assert edit.flicker
            before, after = edit.flicker.means
            ratio = edit.flicker.ratio or 0.0
            print(f"{look:14} {before:5.2f} -> {after:5.2f} of 255, ratio {ratio:.3f}")
            worst = max(worst, ratio)
    print(f"locator {edit.locator}, worst ratio {worst:.3f}, limit {LIMIT}")
    sys.exit(worst > LIMIT)


def film_of(animator: Animator, photo: str, count: int, noise: float, path: Path) -> None:
    """Write the film that is edited."""
    portrait = animator.open(photo)
    still = Timeline.parse(STORY).trajectory(portrait.current, fps=FPS)
    rng = np.random.default_rng(0)
    with film_writer(path, size=SIZE, fps=FPS, provenance=None) as film:
        for number, picture in enumerate(portrait.animate(still)):
            if number == count:
                break
            shown = cv2.warpAffine(
                picture,
                camera(number / FPS, picture.shape[:2]),
                SIZE,
                flags=cv2.INTER_AREA,
                borderMode=cv2.BORDER_REFLECT,
            )
            noisy = shown + rng.normal(0, noise, shown.shape)
            film.write(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


def camera(seconds: float, shape: tuple[int, int]) -> np.ndarray:
    """The map (2, 3) from the photo to what the camera sees."""
    height, width = shape
    zoom = SIZE[1] / height * (1 + 0.15 * np.sin(1.1 * seconds))
    angle = np.radians(8 * np.sin(0.9 * seconds + 0.3))
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    middle = (
        SIZE[0] / 2 + 60 * np.sin(1.3 * seconds),
        SIZE[1] / 2 + 25 * np.sin(0.7 * seconds + 1),
    )
    return np.column_stack([linear, middle - linear @ (width / 2, height / 2)])


if __name__ == "__main__":
    main()
