"""Ask one portrait for several expressions, and for a film.

    python examples/quickstart.py [PHOTO] [FOLDER]

Writes smile.png, surprise.png and a film, blink.mp4, into FOLDER.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ganimate import ActionUnits, Animator, Trajectory

HERE = Path(__file__).parent


def main(photo: Path = HERE / "portrait.jpg", folder: Path = Path("demo")) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    portrait = Animator().open(photo)  # finds and aligns the face, once
    print("shows now:", portrait.current)

    # A mapping changes what it names; everything else stays as the face shows it.
    portrait.edit({12: 0.8, 6: 0.5}).save(folder / "smile.png", force=True)

    # An expression sets all 17 action units.
    surprised = portrait.edit("surprise", strength=0.8)
    surprised.save(folder / "surprise.png", force=True)
    print("painted over:", f"{(surprised.attention < 0.5).mean():.1%} of the picture")

    # A trajectory is a row of intensities for each frame.
    closed = ActionUnits({**portrait.current, 45: 1.0})
    blink = Trajectory.through([portrait.current, closed], seconds=0.2, hold=0.08, loop="pingpong")
    with portrait.film(folder / "blink.mp4", fps=blink.fps, course="blink", force=True) as film:
        for frame in portrait.animate(blink):
            film.write(frame)
    print("wrote", *sorted(path.name for path in folder.iterdir()))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
