"""ONNX files against the plain networks, read by another program: OpenVINO."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from conftest import Ganimate
from PIL import Image

from ganimate.compiled import load_openvino
from ganimate.engine import to_network
from ganimate.export import export_generator
from ganimate.faces.locate import open_locator
from ganimate.networks.generator import Generator
from ganimate.weights import load_generator, load_reader, save_network


def run(model: Path, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = load_openvino().Core().compile_model(str(model), "CPU", exact)
    found = compiled([one.numpy() for one in inputs])
    return [torch.from_numpy(found[port]) for port in compiled.outputs]


def names(ports: Any) -> list[str]:
    return [port.name for port in ports]


def near(found: list[torch.Tensor], expected: tuple[torch.Tensor, ...], atol: float) -> None:
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=atol, rtol=1e-4)


def photo_crop(portrait: Path) -> torch.Tensor:
    pixels = np.asarray(Image.open(portrait).convert("RGB"))
    crop = open_locator("builtin").locate(pixels)[0].frame.crop(pixels)
    return to_network(crop[None], torch.device("cpu")).contiguous()


def shown(
    attention: torch.Tensor, colour: torch.Tensor, flow: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    return attention, (1 - attention) * colour, flow


@torch.no_grad()
def test_the_shipped_generator(ganimate: Ganimate, tmp_path: Path, portrait: Path) -> None:
    done = ganimate("export", "generator.onnx", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    file, said = tmp_path / "generator.onnx", json.loads(done.stdout)
    network, info = load_generator()
    assert said["weights"] == info.fingerprint and said["bytes"] == file.stat().st_size

    model = onnx.load(file)
    onnx.checker.check_model(model)
    assert names(model.graph.input) == ["crop", "target", "current"]
    assert names(model.graph.output) == ["attention", "colour", "flow"]
    assert [one.version for one in model.opset_import if not one.domain] == [said["opset"]]
    metadata = {one.key: one.value for one in model.metadata_props}
    assert metadata["fingerprint"] == info.fingerprint
    assert "compositeWithTrainedAlgorithmicMedia" in metadata["provenance"]
    assert json.loads(metadata["ganimate"])["config"] == info.config

    random = torch.Generator().manual_seed(1)
    for crops in (torch.rand(3, 3, 128, 128, generator=random) * 2 - 1, photo_crop(portrait)):
        target, current = torch.rand(2, len(crops), 17, generator=random)
        inputs = [crops, target, current]
        found, expected = run(file, inputs), network(*inputs)[:3]
        # C is told from what it covers, and means nothing where it covers nothing.
        near(*(shown(*each) for each in (found, expected)), atol=1e-3)

    again = ganimate("export", "generator.onnx")
    assert again.returncode == 1 and "exists" in again.stderr


@torch.no_grad()
def test_the_papers_generator(tmp_path: Path) -> None:
    network = Generator("paper", size=64, width=8, blocks=1).eval()
    torch.manual_seed(1)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    weights = save_network(tmp_path / "paper.safetensors", network, {}, half=False)
    export_generator(tmp_path / "paper.onnx", weights)
    inputs = [torch.rand(5, 3, 64, 64) * 2 - 1, torch.rand(5, 17), torch.rand(5, 17)]
    # The paper's trunk does not look at what the crop shows now; the file still takes it.
    found = run(tmp_path / "paper.onnx", inputs)
    near(found, network(*inputs)[:3], atol=1e-3)


@torch.no_grad()
def test_the_reader(ganimate: Ganimate, tmp_path: Path, portrait: Path) -> None:
    done = ganimate("export", "--reader", "reader.onnx", "--quiet")
    assert done.returncode == 0, done.stderr
    crop = photo_crop(portrait)
    near(run(tmp_path / "reader.onnx", [crop]), load_reader()[0](crop), atol=1e-2)


def test_other_names_are_refused(ganimate: Ganimate) -> None:
    done = ganimate("export", "generator.pt")
    assert done.returncode == 2 and ".onnx" in done.stderr
