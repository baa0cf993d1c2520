"""Weights that are not what they say are refused by name, before memory is taken for them."""

from __future__ import annotations

import json
import os
import resource
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT

from ganimate.errors import GanimateError
from ganimate.networks.evaluation_reader import EvaluationReader
from ganimate.networks.generator import Generator
from ganimate.networks.glasses import GlassesFinder
from ganimate.networks.reader import Reader
from ganimate.training.state import save_state
from ganimate.weights import (
    default_weights,
    import_generator,
    load_evaluation_reader,
    load_generator,
    load_glasses_finder,
    load_reader,
    read_info,
    save_network,
)

PACKAGE = ROOT / "ganimate"
LOADERS = {
    "generator": load_generator,
    "reader": load_reader,
    "evaluation-reader": load_evaluation_reader,
    "glasses": load_glasses_finder,
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small weights of each kind that load."""
    folder = tmp_path_factory.mktemp("weights")
    save_network(folder / "generator.safetensors", Generator(width=8, blocks=1), {})
    save_network(folder / "reader.safetensors", Reader((4, 4), 4, 32), {})
    save_network(folder / "evaluation-reader.safetensors", EvaluationReader((4, 4), 4, 32), {})
    save_network(folder / "glasses.safetensors", GlassesFinder((4, 4), 32, 16), {})
    for name, load in LOADERS.items():
        load(folder / f"{name}.safetensors")
    return folder


def test_each_kind_is_refused_as_another(sound: Path, tmp_path: Path) -> None:
    save_state(tmp_path / "teacher.safetensors", {"flow": torch.zeros(2)})
    for name, load in LOADERS.items():
        for other in (*LOADERS.keys() - {name}, "teacher"):
            path = (sound if other in LOADERS else tmp_path) / f"{other}.safetensors"
            with pytest.raises(GanimateError, match=r"holds a|not ganimate weights") as refusal:
                load(path)
            assert str(path) in refusal.value.message
            assert "fingerprint" in refusal.value.message and "\n" not in str(refusal.value)


def rewritten(source: Path, target: Path, **changes: Any) -> Path:
    """Weights with a changed description, and other tensors where a change is called `tensors`."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(source)
    for name, value in changes.pop("tensors", {}).items():
        tensors.pop(name, None)
        tensors |= {} if value is None else {name: value}
    info = read_info(source)
    said = {**info.metadata, "config": {**info.config, **changes}}
    save_file(tensors, target, metadata={"ganimate": json.dumps(said)})
    return target


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "absurdly wide": ("generator", {"width": 10**9}, "width cannot be 1000000000"),
    "the most that is allowed": (
        "generator",
        {"trunk": "paper", "width": 1024, "blocks": 64, "size": 1024},
        "it lacks",
    ),
    "many levels": ("reader", {"widths": [8] * 10**5}, "widths cannot be"),
    "a wide level": ("reader", {"widths": [8, 10**12]}, "widths cannot be"),
    "no levels": ("reader", {"widths": []}, "does not fit"),
    "a size of nothing": ("evaluation-reader", {"size": 0}, "does not fit"),
    "below nothing": ("evaluation-reader", {"features": -4}, "does not fit"),
    "a text for a number": ("generator", {"width": "x" * 10**5}, "width cannot be"),
    "a number that is none": ("generator", {"width": float("nan")}, "width cannot be"),
    "an unknown word": ("generator", {"os": "system"}, "does not fit"),
    "another width": ("generator", {"width": 16}, r" is \(.*\), not \(.*\)"),
    "a tensor too few": ("reader", {"tensors": {"face.bias": None}}, "it lacks face.bias"),
    "one too many": ("reader", {"tensors": {"more": torch.ones(1)}}, "it has more"),
    "not a number": ("reader", {"tensors": {"face.bias": torch.tensor([torch.nan])}}, "no finite"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_weights_that_do_not_fit_are_refused_before_memory_is_taken(
    case: str, sound: Path, tmp_path: Path
) -> None:
    kind, changes, says = REFUSED[case]
    path = rewritten(sound / f"{kind}.safetensors", tmp_path / "changed.safetensors", **changes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(GanimateError, match=says) as refusal:
        LOADERS[kind](path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
    assert str(path) in refusal.value.message and len(str(refusal.value)) < 600
    assert read_info(path).fingerprint in refusal.value.message


def test_damaged_weights_are_refused(sound: Path, tmp_path: Path) -> None:
    whole = (sound / "generator.safetensors").read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    deep = json.dumps({"__metadata__": {"ganimate": "[" * 10**5}}).encode()
    other = json.dumps({"__metadata__": {"ganimate": json.dumps([1])}}).encode()
    flipped = whole.replace(b'"F16"', b'"F99"', 1)
    for data in (
        b"",
        whole[:4],
        whole[: header // 2],
        whole[:-1],
        whole + b"\0",
        flipped,
        struct.pack("<Q", 2**63) + whole[8:],
        struct.pack("<Q", len(deep)) + deep,
        struct.pack("<Q", len(other)) + other,
        struct.pack("<Q", 2) + b"[]",
    ):
        path = tmp_path / "generator.safetensors"
        path.write_bytes(data)
        with pytest.raises(GanimateError, match=r"generator\.safetensors") as refusal:
            load_generator(path)
        assert "fingerprint" in refusal.value.message
        assert len(str(refusal.value)) < 600 and "\n" not in str(refusal.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    for path in (tmp_path / "pipe.safetensors", Path("/dev/zero"), tmp_path, tmp_path / "none"):
        with pytest.raises(GanimateError, match=path.name):
            load_generator(path)


def test_the_shipped_weights_are_those_of_the_report() -> None:
    report = json.loads((ROOT / "weights" / "report.json").read_text("utf-8"))
    assert {name: read_info(default_weights(name)).fingerprint for name in LOADERS} == {
        "generator": report["weights"]["fingerprint"],
        "reader": report["reader"],
        "evaluation-reader": report["evaluation_reader"]["fingerprint"],
        "glasses": report["glasses"],
    }


def test_a_checkpoint_that_swells_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "old.pth"
    torch.save({"main.0.weight": torch.ones(1)}, path)
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 2**31)  # its size when unpacked
    path.write_bytes(data)
    with pytest.raises(GanimateError, match=r"old\.pth: larger than 400 MB unpacked"):
        import_generator(path, tmp_path / "new.safetensors")


def test_an_installation_whose_weights_were_exchanged_says_so(tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(PACKAGE, site / "ganimate", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "weights", site / "ganimate" / "weights")
    expected = read_info(default_weights("generator")).fingerprint
    network, _ = load_generator()
    path = site / "ganimate" / "weights" / "generator.safetensors"
    save_network(path, network, {"recipe": "somebody else's"})

    def load(given: str) -> str:
        told = f"from ganimate.weights import *; from pathlib import Path; load_generator({given})"
        done = subprocess.run(
            [sys.executable, "-c", told],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
        )
        return done.stderr

    assert f"fingerprint {read_info(path).fingerprint}, expected {expected}" in load("")
