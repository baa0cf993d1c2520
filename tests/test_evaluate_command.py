"""`ganimate evaluate` on a small dataset: its reports, and its errors."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import cv2
import pytest
import torch
from conftest import ROOT, SHARED, Ganimate
from dataset import write_test_split

from ganimate.evaluation.edits import LOOKS
from ganimate.facs import AU_NUMBERS
from ganimate.networks.evaluation_reader import EvaluationReader
from ganimate.networks.generator import Generator
from ganimate.training.dataset import load_dataset
from ganimate.training.motion import Teacher
from ganimate.training.state import save_state
from ganimate.weights import save_network

FACES = 6
MODEL = SHARED / "models" / "mobilefacenet.onnx"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_test_split(tmp_path_factory.mktemp("evaluated"), women=4, men=FACES - 4)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("reader") / "evaluation-reader.safetensors"
    network = EvaluationReader((8, 8, 8, 8, 8), features=16)
    torch.nn.init.normal_(network.intensities.weight, std=50)  # so that it sees differences
    return save_network(path, network, {"metrics": {"r": 0.78}})


@pytest.fixture
def generator(tmp_path: Path) -> Path:
    network = Generator(width=16, blocks=1)
    torch.nn.init.normal_(network.body.paints.weight, std=0.05)  # type: ignore[union-attr, arg-type]
    return save_network(tmp_path / "tiny.safetensors", network, {"images_seen": 7})


def test_the_command(
    ganimate: Ganimate, tmp_path: Path, dataset: Path, generator: Path, reader: Path
) -> None:
    words = ["evaluate", generator, dataset, "--reader", reader, "--faces", 4]
    if MODEL.is_file():
        words += ["--identity-model", MODEL]
    done = ganimate(*words, "--json", "--out", "out")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8")) == report
    digest = hashlib.sha256(generator.read_bytes()).hexdigest()[:12]
    assert report["weights"] == {"kind": "generator", "fingerprint": digest, "images_seen": 7}
    assert report["evaluation_reader"]["r"] == 0.78
    assert report["dataset"] | {"fingerprint": ""} == {
        "fingerprint": "", "split": "test", "faces": 4, "of": FACES,
    }  # fmt: skip
    assert report["restraint"]["still"] == 0  # the compact trunk is built so
    assert 0 < report["restraint"]["attention"] < 1
    assert report["control"]["mean"]["leakage"] > 0
    assert ("identity" in report) == MODEL.is_file()
    assert len(report["targets"]) == 9
    if "identity" in report:
        assert list(report["identity"]["looks"]) == list(LOOKS)
    sheet = cv2.imread(str(tmp_path / "out" / "sheet.png"))
    assert sheet.shape == (18 + 4 * 128, 18 * 128, 3)
    assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / "out/sheet.png").read_bytes()


def test_the_command_for_people_and_a_teacher(
    ganimate: Ganimate,
    tmp_path: Path,
    dataset: Path,
    reader: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)  # it cannot be imported
    landmarks = load_dataset(dataset, "test", 1).landmarks[0]
    directions, shading = torch.zeros(17, 478, 2), torch.zeros(17, 1, 128, 128)
    teacher = Teacher(directions, landmarks, landmarks, shading, torch.ones(17))
    save_state(tmp_path / "run" / "teacher.safetensors", vars(teacher))
    words = ["none", dataset, "--split", "validation", "--faces", 4, "--teacher", "run"]
    words += ["--strength", 0.5]
    done = ganimate("evaluate", *words, "--reader", reader)
    assert done.returncode == 0, done.stderr
    assert "not looking for faces" in done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.strip()][2:19] == [*map(str, AU_NUMBERS)]
    assert "not measured" in done.stdout
    assert lines[-1] == str(Path("runs/evaluation/sheet.png"))
    report = json.loads((tmp_path / "runs/evaluation/report.json").read_text("utf-8"))
    assert report["weights"]["kind"] == "motion teacher"
    assert report["weights"]["strength"] == 0.5
    assert report["restraint"]["attention"] == 1
    assert "fairness" not in report


@pytest.mark.parametrize(
    ("status", "words", "told"),
    [
        (2, "none DATA", "--teacher"),
        (2, "shipped DATA --teacher run", "none for WEIGHTS"),
        (2, "shipped DATA --people photos", "--identity-model"),
        (1, "FINE DATA --face-model none.task", "none.task"),
        (1, "nothing.safetensors DATA", "nothing.safetensors"),
        (1, "none DATA --teacher run", "no motion teacher"),
        (1, "FINE nowhere", "nowhere: no test-"),
        (1, "FINE DATA --identity-model none.onnx", "none.onnx"),
        (1, "FINE DATA --reader FINE", "not a evaluationreader"),
        (1, "FINE DATA --out FINE", "tiny.safetensors"),
    ],
)
def test_errors_are_one_line(
    status: int,
    words: str,
    told: str,
    dataset: Path,
    generator: Path,
    reader: Path,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ganimate.cli.app import main

    monkeypatch.chdir(tmp_path)
    paths = {"DATA": str(dataset), "FINE": str(generator)}
    asked = [paths.get(word, word) for word in words.split()]
    reading = [] if "--reader" in asked else ["--reader", str(reader)]
    assert main(["evaluate", *asked, *reading, "--faces", "4"]) == status
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("ganimate: ")
    assert told in shown.err
    assert shown.err.count("\n") == 1, shown.err


def test_the_shipped_report_is_of_the_shipped_weights() -> None:
    path = ROOT / "weights" / "report.json"
    weights = (ROOT / "weights" / "generator.safetensors").read_bytes()
    report = json.loads(path.read_text("utf-8"))
    assert report["weights"]["fingerprint"] == hashlib.sha256(weights).hexdigest()[:12]
