"""What is installed, and that the documents keep their word."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*command, "--directory", folder], cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_has_weights_recipes_and_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "ganimate/py.typed",
        "ganimate/facs/expressions.yaml",
        "ganimate/studio/page/index.html",
        "ganimate/studio/page/main.js",
        "ganimate/studio/page/studio.css",
        "ganimate/weights/generator.safetensors",
        "ganimate/weights/reader.safetensors",
        "ganimate/weights/MODEL_CARD.md",
        "ganimate/recipes/default.yaml",
    ):
        assert wanted in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"ganimate"}


def test_the_installed_wheel_works_alone(wheel: Path, tmp_path: Path, portrait: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    words = ["edit", portrait, "--au", "12=0.8", "6=0.5", "-o", "out.png", "--locator", "builtin"]
    done = subprocess.run(
        [sys.executable, "-m", "ganimate", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "out.png\n"), done.stderr


def test_every_dependency_is_pinned_within_its_range() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    here = {
        canonicalize_name(pin.name): pin for pin in pins if not pin.marker or pin.marker.evaluate()
    }
    extras = [wanted for group in PROJECT["optional-dependencies"].values() for wanted in group]
    for wanted in map(Requirement, [*PROJECT["dependencies"], *extras]):
        if applies(wanted) and wanted.name != PROJECT["name"]:
            (pin,) = here[canonicalize_name(wanted.name)].specifier
            assert pin.operator == "=="
            assert Version(pin.version) in wanted.specifier, wanted


def applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate()


def python_blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.M | re.S)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "docs/expressions.md"])
def test_the_documents_python_runs(
    page: str, face: Path, monkeypatch: pytest.MonkeyPatch, portrait: Path
) -> None:
    monkeypatch.chdir(face.parent)
    Path("examples").mkdir()
    shutil.copy(portrait, "examples")
    blocks = python_blocks(page)
    assert blocks
    exec(compile("\n".join(blocks), page, "exec"), {})


def test_the_quickstart_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["quickstart.py"])
    runpy.run_path(str(ROOT / "examples" / "quickstart.py"), run_name="__main__")
    written = {path.name for path in (tmp_path / "demo").iterdir()}
    assert written == {"smile.png", "surprise.png", "blink.mp4"}


def test_links_between_documents_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_lock_names_the_pinned_versions_by_hash_and_no_place() -> None:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    locked = [re.fullmatch(r"([\w.-]+)==(\S+) --hash=sha256:[0-9a-f]{64}", line) for line in lines]
    assert all(found or line.startswith("#") for found, line in zip(locked, lines, strict=True))
    versions = {canonicalize_name(found[1]): found[2] for found in locked if found}
    for pin in map(Requirement, pins()):
        here = {"python_version": "3.11", "sys_platform": "linux", "platform_machine": "x86_64"}
        if pin.marker is None or pin.marker.evaluate(here):
            name = canonicalize_name(pin.name)
            assert Version(versions.pop(name)) in pin.specifier, f"{name}: make lock"
    assert not versions, "make lock"


def pins() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
