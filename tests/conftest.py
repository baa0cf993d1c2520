"""What tests share: real photos, MediaPipe's model where it is at hand, and the real command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from encoded import Frames
    from studio import Client

    from ganimate.training.dataset import FaceDataset

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
EXAMPLES = ROOT / "examples"
COMMAND = Path(sys.executable).with_name("ganimate")

Completed = subprocess.CompletedProcess[str]
Ganimate = Callable[..., Completed]

# Tests fetch nothing. MediaPipe's model is taken from where a person said, or from beside the
# repository; where it is neither, `--locator auto` is the built-in one.
os.environ["GANIMATE_OFFLINE"] = "1"
if (SHARED / "models").is_dir():
    os.environ.setdefault("GANIMATE_HOME", str(SHARED / "models"))


# Workers share the cores; torch would take all of them in each.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    threads = max(1, (os.cpu_count() or 1) // int(workers))
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))


# In the background of a script interrupts are ignored, and every child inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# A machine that is busy is slow, and not wrong.
settings.register_profile("ganimate", deadline=None)
settings.load_profile("ganimate")


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture(scope="session")
def face_model() -> Path:
    """MediaPipe's model, where MediaPipe can run at all: then nothing that fails is excused."""
    from ganimate.faces.model_file import MODEL_NAME, is_model, model_folders

    if sys.platform == "linux" and not (find_library("EGL") and find_library("GLESv2")):
        pytest.skip("libegl1 and libgles2, which MediaPipe needs, are not on this machine")
    for folder in model_folders():
        if is_model(folder / MODEL_NAME):
            return folder / MODEL_NAME
    pytest.skip("MediaPipe's face model is not on this machine")


@pytest.fixture(scope="session")
def portrait() -> Path:
    """One neutral face, 800 x 800."""
    return EXAMPLES / "portrait.jpg"


@pytest.fixture(scope="session")
def astronaut() -> Path:
    """One small smiling face, 512 x 512."""
    return EXAMPLES / "astronaut.jpg"


@pytest.fixture
def face(tmp_path: Path, portrait: Path) -> Path:
    """face.jpg, 500 x 500, in a folder of its own, as a person would have it."""
    from PIL import Image

    path = tmp_path / "face.jpg"
    Image.open(portrait).resize((500, 500)).save(path, quality=95)
    return path


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory, portrait: Path) -> Path:
    """A film of a face: surprised at 0.8 s, laughing at 2.2 s, else at rest; 30 frames."""
    from PIL import Image

    from ganimate import Animator, Timeline

    small = Animator(locator="builtin", offline=True).open(Image.open(portrait).resize((300, 300)))
    timeline = Timeline.parse("0:neutral 0.8:surprise 1.5:neutral 2.2:laugh 2.9:neutral")
    path = timeline.trajectory(small.current, fps=10)
    film = tmp_path_factory.mktemp("driver") / "driver.mp4"
    with small.film(film, fps=path.fps) as writer:
        for frame in small.animate(path):
            writer.write(frame)
    return film


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset: 12 faces to train on, 8 to validate."""
    from dataset import write_dataset

    return write_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def data(dataset: Path) -> FaceDataset:
    """Its faces to train on."""
    from ganimate.training.dataset import load_dataset

    return load_dataset(dataset, "train")


@pytest.fixture(scope="module")
def frames() -> Frames:
    """A few frames of a spot that moves over a photo."""
    from encoded import moving_spot

    return moving_spot()


@pytest.fixture(scope="module")
def studio_folder(
    tmp_path_factory: pytest.TempPathFactory, portrait: Path, astronaut: Path
) -> Path:
    """Where the studio runs: two.jpg shows two people."""
    from studio import two_faces

    folder = tmp_path_factory.mktemp("studio")
    two_faces(folder / "two.jpg", portrait, astronaut)
    return folder


@pytest.fixture(scope="module")
def studio(studio_folder: Path) -> Iterator[Client]:
    """A studio that runs, with two.jpg opened."""
    from studio import running

    with running("two.jpg", folder=studio_folder) as client:
        yield client


@pytest.fixture
def ganimate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Ganimate:
    """Run a command line in the test's own folder, in this process.

    A process of its own takes seconds to import torch; tests of processes use `process`.
    """

    def run(*words: object) -> Completed:
        from ganimate.cli.app import main

        arguments = [*map(str, words)]
        capfd.readouterr()
        with monkeypatch.context() as here, warnings.catch_warnings(record=True) as warned:
            here.chdir(tmp_path)
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)  # as a process shows them
            try:
                status = main(arguments)
            except SystemExit as done:
                status = done.code if isinstance(done.code, int) else int(bool(done.code))
        out, err = capfd.readouterr()
        err += "".join(f"{told.filename}: {told.message}\n" for told in warned)
        return subprocess.CompletedProcess(arguments, status, out, err)

    return run


@pytest.fixture
def process(tmp_path: Path) -> Ganimate:
    """Run the installed command in the test's own folder; takes variables of its environment."""

    def run(*words: object, **environment: str) -> Completed:
        return subprocess.run(
            [str(COMMAND), *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
        )

    return run


@pytest.fixture
def without_mediapipe(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine on which MediaPipe cannot be loaded."""
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "mediapipe.py").write_text("raise ImportError('libEGL.so.1: cannot open')\n")
    others = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *([others] if others else [])])}
