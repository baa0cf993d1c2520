"""Files that nobody meant to give: each is read, or refused by name, at once and in one line.

`tests/fuzz.py` does the same for hours, guided by coverage.
"""

from __future__ import annotations

import errno
import io
import json
import math
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import yaml
from conftest import Ganimate
from dataset import write_dataset
from films import write_film
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganimate.cli.app import main
from ganimate.errors import GanimateError, UsageError
from ganimate.facs import ActionUnits, load_expressions
from ganimate.media.credentials import read_pem
from ganimate.media.probe import probe, read_probe
from ganimate.media.provenance import Provenance, xmp_packet, xmp_properties
from ganimate.media.stills import read_photo
from ganimate.networks.reader import Reader
from ganimate.timeline import Timeline
from ganimate.timeline.openface import recorded
from ganimate.training.dataset import load_dataset
from ganimate.training.pack import INDEX, unpack
from ganimate.training.recipe import load_recipe
from ganimate.training.state import load_state, save_state
from ganimate.trajectory import Trajectory
from ganimate.verify import verify
from ganimate.weights import load_reader, read_info, save_network

MOST_SECONDS = 30
"""Of processor time: a busy machine is no hang."""


class Nobody:
    """A locator that finds no face."""

    name = "nobody"

    def locate(self, pixels: object) -> list[object]:
        return []


def look_over(path: Path) -> object:
    return verify(path, Nobody())  # type: ignore[arg-type]


def shards(path: Path) -> object:
    return load_dataset(path.parent, path.name.partition("-")[0])


READERS: dict[str, Callable[[Path], object]] = {
    "photo.jpg": read_photo,
    "verified.png": look_over,
    "film.mp4": probe,
    "story.yaml": Timeline.load,
    "face.csv": Timeline.load,
    "looks.yaml": load_expressions,
    "recipe.yaml": load_recipe,
    "weights.safetensors": read_info,
    "checkpoint.safetensors": load_state,
    "train-0.parquet": shards,
    "cert.pem": read_pem,
}
"""A name for each reader of files."""


def refused(name: str, path: Path) -> GanimateError:
    """The error with which a file is refused, which names it, in one line and at once."""
    began = time.process_time()
    with pytest.raises(GanimateError, match=path.stem[:40]) as caught:
        READERS[name](path)
    assert time.process_time() - began < MOST_SECONDS
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name != "train-0.parquet":  # where shards are looked for
        assert "no such file" in str(refused(name, path))
    path.mkdir()
    assert "folder" in str(refused(name, path))
    path.rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
        assert "pipe" in str(refused(name, path))
        path.unlink()
    if name != "cert.pem":  # whose content is looked at later
        path.touch()
        refused(name, path)
    if name != "train-0.parquet":
        refused(name, tmp_path / f"{'long' * 100}{Path(name).suffix}")


def test_a_pipe_for_an_index_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / INDEX)
    with pytest.raises(GanimateError, match="pipe"):
        unpack(tmp_path, tmp_path / "checkpoint.safetensors")


# --- damage ----------------------------------------------------------------------------------


def still(form: str, **options: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (72, 72, 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, form, **options)
    return data.getvalue()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, portrait: Path) -> dict[str, list[bytes]]:
    """Right files for the readers."""
    folder = tmp_path_factory.mktemp("whole")
    packet = xmp_packet(Provenance({"AU12": 1.0}, "w"))
    stills = [still("JPEG", xmp=packet), still("PNG"), still("WEBP", xmp=packet)]
    stills += [still("GIF", save_all=True, append_images=[Image.new("RGB", (72, 72), "red")])]
    rows = np.random.default_rng(0).random((5, 17))
    film = write_film(folder / "film.mp4", [np.zeros((32, 32, 3), np.uint8)] * 4)
    small = save_network(folder / "w.safetensors", Reader([4, 4, 4, 4], 4), {"metrics": {"r": 1}})
    save_state(folder / "c.safetensors", {"step": 1, "networks": {"a": np.arange(3).tolist()}})
    write_dataset(folder, [portrait], train=2, validation=1)
    task = {"task": "reader", "schedule": {"steps": 4}, "seed": 1}
    return {
        "photo.jpg": stills,
        "verified.png": stills,
        "film.mp4": [film.read_bytes()],
        "story.yaml": [b"keyframes:\n- {at: 0, look: smile}\n- {at: 1, look: 12=0.5}\n"],
        "face.csv": ["".join(recorded(np.arange(5) / 25, rows, np.ones(5))).encode()],
        "looks.yaml": [b"calm: {6: 0.2, 12L: C}\nsly: {action_units: {2: 1}, note: left}\n"],
        "recipe.yaml": [yaml.safe_dump(task).encode()],
        "weights.safetensors": [small.read_bytes()],
        "checkpoint.safetensors": [(folder / "c.safetensors").read_bytes()],
        "train-0.parquet": [next(folder.glob("train-*.parquet")).read_bytes()],
    }


@pytest.mark.parametrize("name", [name for name in READERS if name != "cert.pem"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_read_or_named(
    tmp_path: Path, whole: dict[str, list[bytes]], name: str, data: st.DataObject
) -> None:
    content = bytearray(data.draw(st.sampled_from(whole[name])))
    if name == "film.mp4" and data.draw(st.integers(0, 3)):
        return  # each takes ffmpeg
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, min(len(content), 2000) - 1))
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    path = tmp_path / name
    path.write_bytes(content)
    began = time.process_time()
    try:
        READERS[name](path)
        if name == "weights.safetensors":
            load_reader(path)
    except GanimateError as error:
        assert path.name in str(error) and "\n" not in str(error)
    assert time.process_time() - began < MOST_SECONDS


@given(st.binary(max_size=300), st.text(max_size=300))
def test_any_packet_and_any_message(packet: bytes, told: str) -> None:
    xmp_properties(packet)
    said = xmp_properties(xmp_packet(Provenance({}, "w"), packet))
    assert said and said["weights"] == "w"
    read_probe(told)


def test_a_shard_of_another_dataset(tmp_path: Path) -> None:
    path = tmp_path / "train-0.parquet"
    parquet.write_table(pa.table({"image": ["a"], "pose": [1]}), path)
    assert "no column action_units" in str(refused("train-0.parquet", path))
    columns = {"image": ["a"], "action_units": ["b"], "landmarks": [None], "pose": [1]}
    parquet.write_table(pa.table(columns), path)
    assert "column action_units must hold 17" in str(refused("train-0.parquet", path))


# --- sizes -----------------------------------------------------------------------------------


def png_of(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(1, 1), (100_000, 1), (1, 100_000), (100_000, 100_000)])
def test_sizes_of_no_photo(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(png_of(*size))
    assert "pixels are too" in str(refused("photo.jpg", path))
    film = tmp_path / "film.mp4"
    film.write_bytes(png_of(*size))
    refused("film.mp4", film)


def test_millions_of_frames_are_not_counted(tmp_path: Path) -> None:
    head = b"GIF89a" + struct.pack("<HHBBB", 72, 72, 0x80, 0, 0) + bytes(6)
    frame = b",\0\0\0\0\1\0\1\0\0\x02\x02D\x01\0"
    path = tmp_path / "verified.gif"
    path.write_bytes(head + frame * 60_000 + b";")
    began = time.process_time()
    assert look_over(path).looked_at > 0  # type: ignore[attr-defined]
    assert time.process_time() - began < MOST_SECONDS


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {12: 1}\nb: *a\n",
        "a: &a {x: 1}\nb: {<<: [*a, *a]}\n",
        "[" * 20_000,
        "{a: " * 20_000,
        "task: [reader]",
        "task: reader\nseed: !!int ''\n",
        "task: reader\nseed: !!bool x\n",
        "task: reader\nseed: !!map x\n",
        f"task: reader\nseed: {'9' * 5000}\n",
        "task: reader\noptimiser: {rate: .nan}\n",
        "task: reader\noptimiser: {rate: .inf}\n",
        f"task: reader\noptimiser: {{rate: {'9' * 400}}}\n",
        "task: reader\nschedule: {batch: 0}\n",
        "task: generator\ncritic: {sees: nothing}\n",
        "smile: {12: .nan}\n",
        f"smile: {{12: 0x{'F' * 5000}}}\n",
        f"smile: {{12: {'1:' * 190}1.5}}\n",
        "smile: {12: -.inf}\n",
        "smile: !!timestamp x\n",
        "? [a]\n: b\n",
    ],
)  # fmt: skip
def test_yaml_that_nobody_means(tmp_path: Path, text: str) -> None:
    for name in ("looks.yaml", "recipe.yaml", "story.yaml"):
        path = tmp_path / name
        path.write_text(text)
        assert len(str(refused(name, path))) < 1000


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30])
def test_numbers_that_are_no_intensities(tmp_path: Path, value: float) -> None:
    with pytest.raises(UsageError):
        ActionUnits({12: value})
    with pytest.raises(UsageError):
        Trajectory(np.full((3, 17), value), 25.0)
    path = tmp_path / "story.yaml"
    path.write_text(f"keyframes: [{{at: {str(value).replace('inf', '.inf')}, look: smile}}]")
    refused("story.yaml", path)
    path = tmp_path / "face.csv"
    path.write_text(f"timestamp,AU12_r\n0,1\n0.04,{value}\n0.08,1\n")
    if not math.isfinite(value):
        assert "line 3" in str(refused("face.csv", path))


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999"])
@pytest.mark.parametrize(
    "words",
    [
        "edit face.jpg --au 12=N",
        "edit face.jpg --expression smile --strength N",
        "animate face.jpg --to smile out.mp4 --seconds N",
        "animate face.jpg --to smile out.mp4 --fps N",
        "animate face.jpg --keys N:smile out.mp4",
        "video film.mp4 out.mp4 --au 12=1 --start N",
    ],
)
def test_numbers_that_are_none_on_the_command_line(
    words: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(words.replace("N", number).split())
    except SystemExit as done:  # the parser's own
        status = done.code  # type: ignore[assignment]
    assert status in (1, 2) and "Traceback" not in capsys.readouterr().err


# --- names -----------------------------------------------------------------------------------

NAMES = ["a b.jpg", "it's.jpg", 'say "cheese".jpg', "ünï 漢字 😀.jpg", "-dash.jpg", "--au=1.jpg"]
NAMES += ["line\nfeed.jpg", "\x1b[31mred.jpg", "$(touch x);`id`.jpg", "%s%n.jpg", "12=0.8.jpg"]


@pytest.mark.skipif(os.name != "posix", reason="names that Windows does not allow")
@pytest.mark.parametrize("name", NAMES)
def test_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(still("JPEG"))
    assert read_photo(name).pixels.shape == (72, 72, 3)


def test_an_error_is_one_line_whatever_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faces", "--", "-line\nfeed \x1b[31m.jpg"]) == 1
    assert capsys.readouterr().err == (
        "ganimate: -line\\nfeed \\x1b[31m.jpg: there is no such file\n"
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_name_that_a_pipe_has_no_letters_for(
    face: Path, process: Ganimate, encoding: str
) -> None:
    named = face.rename(face.with_name("лицо.jpg"))
    words = ["edit", named.name, "--au", "12=0.8", "--locator", "builtin"]
    done = process(*words, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    shown = "лицо-edited.jpg".encode(encoding, "backslashreplace").decode(encoding)
    assert done.stdout == f"{shown}\n"
    table = process("faces", named.name, "--locator", "builtin", PYTHONIOENCODING="ascii")
    assert table.returncode == 0, table.stderr


@pytest.mark.parametrize("words", [["read"], ["verify"], ["faces"], ["sheet", "out.png"]])
def test_whether_a_file_may_be_read_is_not_the_parsers_to_say(
    words: list[str], face: Path, ganimate: Ganimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would call it bad usage; whoever reads the file says it in one line."""
    found = os.access
    monkeypatch.setattr(os, "access", lambda at, mode: mode != os.R_OK and found(at, mode))
    done = ganimate(words[0], face, *words[1:], "--locator", "builtin")
    assert done.returncode == 0, done.stderr
    monkeypatch.setattr(Path, "open", _locked)
    done = ganimate(words[0], face, *words[1:2], "--locator", "builtin", "--offline")
    assert done.returncode == 1
    assert "Usage" not in done.stderr


def _locked(path: Path, *_: object, **__: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied", str(path))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_that_is_no_text(face: Path, process: Ganimate) -> None:
    """Bytes of another encoding, a dash, a line feed and quotes: all through one real run."""
    odd = face.rename(face.parent / os.fsdecode(b"-caf\xe9 'n\"\n.jpg"))
    words = ["edit", "--au", "12=0.8", "--locator", "builtin", "--json", "--", odd.name]
    done = process(*words)
    assert done.returncode == 0, done.stderr
    (output,) = json.loads(done.stdout)["outputs"]
    assert read_photo(face.parent / output).pixels.ndim == 3
    assert sorted(one.name for one in face.parent.iterdir()) == sorted([odd.name, output])
