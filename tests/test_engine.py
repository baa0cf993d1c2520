"""The engines against the plain network: no speed-up may change the picture."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganimate.compiled import BATCH, PATIENCE
from ganimate.engine import DETAIL, Engine, pick_device, pick_precision, to_network
from ganimate.errors import UsageError
from ganimate.faces.locate import open_locator
from ganimate.networks.generator import Generator
from ganimate.networks.painting import Painting, compose
from ganimate.networks.warp import warp
from ganimate.weights import WeightsInfo, load_generator

LEAST = 45.0
"""PSNR in dB that every engine owes the plain network in float32."""

needs_openvino = pytest.mark.skipif(not find_spec("openvino"), reason="OpenVINO is not installed")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA card")
DEVICES = [
    "cpu",
    pytest.param("openvino", marks=needs_openvino),
    pytest.param("cuda", marks=needs_cuda),
]


def stirred(trunk: str) -> Generator:
    """A small generator whose every output depends on every input."""
    generator = Generator(trunk, size=64, width=16, blocks=1)
    torch.manual_seed(3)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return generator.eval()


def psnr(
    engine: Engine, plain: Generator, crop: np.ndarray, targets: np.ndarray, current: np.ndarray
) -> float:
    """The worst frame's PSNR, both composed by eq. 1 as large as they are, dB."""
    painted = engine.paint(engine.encode(crop), targets, current)
    assert len(painted) == len(targets)
    worst = float("inf")
    tensor = to_network(crop[None], torch.device("cpu"))
    for one, target in zip(painted, targets, strict=True):
        with torch.no_grad():
            row = torch.from_numpy(target)[None], torch.from_numpy(current)[None]
            expected = compose(tensor, plain.paint(plain.encode(tensor), tensor, *row, DETAIL))
        attention = torch.from_numpy(one.attention)[None, None]
        colour = torch.from_numpy(one.colour).permute(2, 0, 1)[None] / 127.5 - 1
        flow = torch.from_numpy(one.flow).permute(2, 0, 1)[None]
        found = compose(tensor, Painting(attention, colour, flow))
        error = float((found - expected).square().mean()) * 127.5**2
        worst = min(worst, 10 * np.log10(255**2 / max(error, 1e-9)))
        assert (
            float((warp(tensor, flow, len(one.colour)) - found).abs().max()) > 0.01
        )  # something was painted
    return worst


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("trunk", ["compact", "paper"])
@pytest.mark.parametrize("frames", [1, BATCH + 3])
def test_random_inputs(trunk: str, device: str, frames: int) -> None:
    plain, rng = stirred(trunk), np.random.default_rng(frames)
    engine = Engine(stirred(trunk), WeightsInfo(Path(), "", "generator", {}, {}), device)
    crop = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    targets = rng.random((frames, 17), dtype=np.float32)
    assert psnr(engine, plain, crop, targets, rng.random(17, dtype=np.float32)) >= LEAST


@pytest.mark.parametrize("device", DEVICES)
def test_real_faces_with_the_shipped_weights(device: str, portrait: Path, astronaut: Path) -> None:
    plain, _ = load_generator()
    engine = Engine.default(device=device)
    locator = open_locator("builtin")
    for photo in (portrait, astronaut):
        pixels = np.asarray(Image.open(photo).convert("RGB"))
        crop = locator.locate(pixels)[0].frame.crop(pixels)
        targets = np.eye(17, dtype=np.float32)[[8, 14, 16, 2]]
        assert psnr(engine, plain, crop, targets, np.zeros(17, np.float32)) >= LEAST


def test_a_black_and_white_photo_is_painted_in_black_and_white(portrait: Path) -> None:
    """One of two in a batch: the other keeps its colours."""
    pixels = np.asarray(Image.open(portrait).convert("RGB"))
    crop = open_locator("builtin").locate(pixels)[0].frame.crop(pixels)
    grey = np.repeat(crop.mean(2, keepdims=True), 3, 2).astype(np.uint8)
    grey[0, :5, 0] = 255  # a speck of colour
    engine = Engine.default(device="cpu")
    targets = np.zeros((2, 17), np.float32)
    targets[:, [8, 14]] = 1  # a grin
    pair = engine.encode(np.stack([grey, crop]))
    black_and_white, coloured = engine.paint(pair, targets, np.zeros(17, np.float32))
    assert np.ptp(black_and_white.colour, axis=2).max() < 1e-3
    assert np.ptp(coloured.colour, axis=2).max() > 20
    assert (black_and_white.attention < 0.5).any()  # there is a mouth


def test_apples_gpu_is_taken_by_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("auto").type == "cpu"


@needs_openvino
def test_openvino_takes_over_once_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PATIENCE, "compact", 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # else auto would be that one
    # Where the CPU multiplies bfloat16 nothing is left to OpenVINO but the paper's trunk.
    info = WeightsInfo(Path(), "", "generator", {}, {})
    engine = Engine(stirred("compact"), info, precision="float32")
    encoded = engine.encode(np.full((64, 64, 3), 90, np.uint8))
    targets, current = np.ones((2, 17), np.float32), np.zeros(17, np.float32)
    before = engine.paint(encoded, targets, current)
    assert "_compiled" not in vars(engine)
    after = engine.paint(encoded, targets, current)
    assert "_compiled" in vars(engine)
    np.testing.assert_allclose(after[1].colour, before[1].colour, atol=0.1)


@needs_openvino
def test_openvino_reports_to_nobody() -> None:
    program = """
import sys
from ganimate.compiled import load_openvino
load_openvino()
import openvino.frontend.pytorch.ts_decoder
assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_openvino_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganimate.engine.installed", lambda: False)
    with pytest.raises(UsageError, match=r"ganimate\[cpu\]"):
        Engine(stirred("compact"), WeightsInfo(Path(), "", "generator", {}, {}), "openvino")


def test_devices_and_precisions_that_nobody_has() -> None:
    with pytest.raises(UsageError, match="precision 'float16' is unknown"):
        pick_precision("float16", torch.device("cpu"))
    for device in ("meta", "abacus"):
        with pytest.raises(UsageError, match=f"--device {device}"):
            pick_device(device)
