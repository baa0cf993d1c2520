"""`ganimate faces`, `read` and `expressions`, through the real command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Ganimate
from PIL import Image

from ganimate.facs import ACTION_UNITS, AU_NUMBERS, load_expressions

LOCATORS = ["auto", "builtin"]


@pytest.fixture
def pair(tmp_path: Path, portrait: Path, astronaut: Path) -> Path:
    """The neutral portrait on the left, the smiling astronaut on the right."""
    photos = [Image.open(path).resize((600, 600)) for path in (portrait, astronaut)]
    Image.fromarray(np.hstack([np.asarray(photo) for photo in photos])).save(tmp_path / "pair.png")
    return tmp_path / "pair.png"


@pytest.mark.parametrize("locator", LOCATORS)
def test_faces_are_numbered_from_the_left(pair: Path, ganimate: Ganimate, locator: str) -> None:
    done = ganimate("faces", pair, "-o", "boxes.png", "--json", "--locator", locator)
    assert done.returncode == 0, done.stderr
    faces = json.loads(done.stdout)["faces"]
    assert [face["index"] for face in faces] == [0, 1]
    assert faces[0]["centre"][0] < 600 < faces[1]["centre"][0]
    assert faces[0]["side"] > 1.5 * faces[1]["side"]
    drawn = np.asarray(Image.open(pair.with_name("boxes.png"))).astype(int)
    changed = np.abs(drawn - np.asarray(Image.open(pair))).max(axis=-1) > 0
    assert changed[:, :600].any()
    assert changed[:, 600:].any()
    assert changed.mean() < 0.1


def test_faces_for_people(pair: Path, ganimate: Ganimate) -> None:
    lines = ganimate("faces", pair).stdout.splitlines()
    assert lines[0].split()[0] == "face"
    assert [line.split()[0] for line in lines[1:]] == ["0", "1"]


def test_read_shows_all_17(pair: Path, ganimate: Ganimate) -> None:
    lines = ganimate("read", pair, "--face", "1").stdout.splitlines()
    assert [int(line.split()[0]) for line in lines] == list(AU_NUMBERS)
    assert all(unit.name in line for unit, line in zip(ACTION_UNITS, lines, strict=True))
    assert "█" in next(line for line in lines if "lip corner puller" in line)


@pytest.mark.parametrize("locator", LOCATORS)
def test_read_tells_a_smile_from_none(pair: Path, ganimate: Ganimate, locator: str) -> None:
    done = ganimate("read", pair, "--face", "all", "--json", "--locator", locator)
    neutral, smiling = (face["action_units"] for face in json.loads(done.stdout)["faces"])
    assert smiling["12"] > neutral["12"] + 0.2


def test_read_in_openfaces_columns(pair: Path, ganimate: Ganimate) -> None:
    rows = list(
        csv.DictReader(ganimate("read", pair, "--face", "all", "--csv").stdout.splitlines())
    )
    told = json.loads(ganimate("read", pair, "--face", "all", "--json").stdout)["faces"]
    assert [row["face"] for row in rows] == ["0", "1"]
    columns = [name for name in rows[0] if name.startswith("AU")]
    assert columns == [f"AU{number:02d}_r" for number in AU_NUMBERS]
    assert float(rows[1]["AU12_r"]) == pytest.approx(5 * told[1]["action_units"]["12"], abs=1e-3)


def test_expressions(ganimate: Ganimate, tmp_path: Path) -> None:
    names = [line.split()[0] for line in ganimate("expressions").stdout.splitlines()]
    assert names == list(load_expressions())
    (tmp_path / "mine.yaml").write_text("quiet joy: {6: 0.3, 12: 0.4}\n")
    own = json.loads(ganimate("expressions", "--expressions-file", "mine.yaml", "--json").stdout)
    assert own["quiet-joy"]["action_units"] == {"6": 0.3, "12": 0.4}
    assert set(names) < set(own)
