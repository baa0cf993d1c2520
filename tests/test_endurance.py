"""A process that works on and on keeps no more files, threads and programs than it had."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT
from PIL import Image

from ganimate import Animator


@pytest.fixture(scope="module")
def endurance() -> ModuleType:
    """The benchmark that does the same for hours."""
    path = ROOT / "benchmarks" / "endurance.py"
    spec = importlib.util.spec_from_file_location("endurance", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["endurance"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="nobody counts handles here")
@pytest.mark.parametrize(("kind", "warm", "count"), [("edits", 4, 8), ("films", 4, 2)])
def test_nothing_is_left_open(
    kind: str, warm: int, count: int, endurance: ModuleType, tmp_path: Path, portrait: Path
) -> None:
    photo = tmp_path / "photo.png"
    Image.open(portrait).resize((128, 128)).save(photo)
    work = getattr(endurance, kind)(Animator(locator="builtin", offline=True), photo, tmp_path)
    assert len(list(islice(work, warm))) == warm
    before = endurance.Held.now()
    assert len(list(islice(work, count))) == count
    after = endurance.Held.now()
    assert after[1:] == before[1:]
    assert after.memory < before.memory * 1.2  # so few say little: the benchmark says it
    assert programs() == []


def programs() -> list[str]:
    """The ffmpegs that this process has started and that have not ended."""
    words = ["ps", "-o", "args=", "--ppid", str(os.getpid())]
    listed = subprocess.run(words, capture_output=True, text=True).stdout.splitlines()
    return [line for line in listed if "ffmpeg" in line]
