"""What must never happen: code out of a file, a shell, a film that opens other files.

SECURITY.md says what is promised; weights are in test_weights.py, the network is in
test_model_file.py, the studio in test_studio_access.py, signatures are in test_c2pa.py.
"""

from __future__ import annotations

import ast
import os
import pickle
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from films import ffmpeg, write_film
from imageio_ffmpeg import get_ffmpeg_exe

from ganimate.cli.app import main
from ganimate.errors import GanimateError
from ganimate.media.source import open_film

PACKAGE = ROOT / "ganimate"


# What the code may call


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a module, with the dotted name of what is called."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def safe_loaders(path: Path) -> set[str]:
    """YAML's safe loader, and what a module derives from it."""
    safe = {"yaml.SafeLoader"}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef) and safe.intersection(map(ast.unparse, node.bases)):
            safe.add(node.name)
    return safe


def imports(path: Path) -> Iterator[str]:
    """Every module that a module imports, as deep as it is named."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), path


FORBIDDEN = (
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "numpy.load", "np.load"),
    *("torch.jit.load", "torch.hub.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all"),
)
UNPICKLES = ("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib")
TALKS = ("urllib.request", "http.client", "socket", "requests", "httpx", "aiohttp", "ftplib")


def test_nothing_is_unpickled_evaluated_or_given_to_a_shell() -> None:
    loads = []
    for name, path in modules():
        for called, call in calls(path):
            assert called not in FORBIDDEN, f"{name}:{call.lineno}: {called}"
            options = {word.arg: ast.unparse(word.value) for word in call.keywords}
            assert "shell" not in options and "allow_pickle" not in options, f"{name}:{call.lineno}"
            if called == "torch.load":
                loads.append((name, options["weights_only"]))
            if called.startswith("subprocess."):
                assert not isinstance(call.args[0], ast.Constant | ast.JoinedStr), name
            if called == "yaml.load":
                loader = options.get("Loader") or ast.unparse(call.args[1])
                assert loader in safe_loaders(path), f"{name}:{call.lineno}"
            if called.split(".")[0] in UNPICKLES:
                raise AssertionError(f"{name}:{call.lineno}: {called}")
        for module in imports(path):
            if module.split(".")[0] in UNPICKLES:
                assert (name, module) == ("weights.py", "pickle")  # for the name of its error
    assert loads == [("weights.py", "True")]


def test_one_module_fetches_and_one_listens() -> None:
    found = {name for name, path in modules() for module in imports(path) if is_network(module)}
    assert found == {"download.py", "cli/studio.py"}


def is_network(module: str) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in TALKS)


# Code in files


class Trap:
    """Where this is unpickled, a folder appears."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder of malicious files of every suffix; `sprung` appears where one of them is run."""
    trap = Trap(tmp_path / "sprung")
    plain = pickle.dumps(trap)
    for suffix in ("pth", "pt", "npy", "safetensors", "task", "onnx", "yaml", "csv", "pem", "jpg"):
        (tmp_path / f"plain.{suffix}").write_bytes(plain)
    for suffix in ("pth", "pt", "safetensors"):
        torch.save({"main.0.weight": torch.ones(1), "x": trap}, tmp_path / f"zip.{suffix}")
    np.save(tmp_path / "array.npy", np.array([trap], dtype=object), allow_pickle=True)
    shutil.copy(tmp_path / "array.npy", tmp_path / "array.safetensors")
    data = tmp_path / "data"
    data.mkdir()
    for split in ("train", "validation", "test"):
        (data / f"{split}-0.parquet").write_bytes(plain)
    run = tmp_path / "run"
    run.mkdir()
    for name in ("checkpoint.safetensors", "teacher.safetensors", "index.json"):
        (run / name).write_bytes(plain)
    return tmp_path


def test_the_trap_works(trap: Path) -> None:
    with (trap / "plain.pth").open("rb") as file:
        pickle.load(file)
    assert (trap / "sprung").is_dir()


WEIGHTS = ("plain.pth", "plain.npy", "plain.safetensors", "zip.pt", "zip.safetensors", "array.npy")
GIVEN = (
    *(("edit", "PHOTO", "--au", "12=1", "-o", "o.png", "--weights", name) for name in WEIGHTS),
    ("animate", "PHOTO", "--to", "smile", "o.mp4", "--weights", "zip.safetensors"),
    ("animate", "PHOTO", "--timeline", "plain.yaml", "o.mp4"),
    ("animate", "PHOTO", "--timeline", "plain.csv", "o.mp4"),
    ("edit", "PHOTO", "--expression", "smile", "--expressions-file", "plain.yaml"),
    ("edit", "plain.jpg", "--au", "12=1"),
    ("edit", "array.npy", "--au", "12=1"),
    ("edit", "PHOTO", "--au", "12=1", "-o", "o.png", "--sign", "plain.pem", "plain.pem"),
    ("faces", "PHOTO", "--locator", "mediapipe", "--face-model", "plain.task"),
    ("sheet", "PHOTO", "o.png", "--weights", "plain.safetensors"),
    ("read", "array.npy"),
    ("transfer", "plain.jpg", "PHOTO", "o.png"),
    ("video", "plain.jpg", "o.mp4", "--au", "12=1"),
    ("verify", "plain.jpg"),
    *(("weights", "show", name) for name in ("plain.pth", "zip.safetensors", "array.npy")),
    *(
        ("weights", "import", name, "-o", "new.safetensors")
        for name in ("plain.pth", "zip.pt", "array.npy", "zip.safetensors", "plain.npy")
    ),
    ("train", "data", "--out", "new"),
    ("train", "FACES", "--out", "run", "--resume"),
    ("train", "FACES", "--out", "new", "--resume", "--unpack", "run"),
    ("train", "FACES", "--out", "new", "--start", "zip.safetensors"),
    ("evaluate", "zip.safetensors", "FACES", "--split", "validation", "--out", "new"),
    ("evaluate", "shipped", "FACES", "--split", "validation", "--reader", "zip.safetensors"),
)


def test_no_command_runs_what_a_file_holds(
    trap: Path,
    portrait: Path,
    dataset: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(trap)
    given = {"PHOTO": str(portrait), "FACES": str(dataset)}
    for words in GIVEN:
        try:
            status = main([given.get(word, word) for word in words])
        except SystemExit as done:
            status = int(done.code or 0)
        told = capsys.readouterr().err
        assert status in (1, 2), (words, told)
        assert "unexpected" not in told and "Traceback" not in told, (words, told)
        assert any(word in told for word in words if (trap / word).exists()), (words, told)
        assert not (trap / "sprung").exists(), words


# Films that name other files


SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
MPD = """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>
<AdaptationSet><Representation id="0" bandwidth="1" mimeType="video/mp4">
<BaseURL>other.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>"""
HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile other.mp4\n"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that nobody asked for: other.mp4, and other.ts."""
    frames = [np.full((48, 64, 3), 10 * n, np.uint8) for n in range(10)]
    path = write_film(tmp_path_factory.mktemp("films") / "other.mp4", frames, sound=False)
    ffmpeg("-i", path, "-c", "copy", path.with_suffix(".ts"))
    return path


def playlists(other: Path) -> dict[str, str]:
    segment = other.with_suffix(".ts")
    return {
        "hls": HLS.format(segment),
        "hls by address": HLS.format(f"file://{segment}"),
        "hls on the network": HLS.format("http://127.0.0.1:9/film.ts"),
        "concat": CONCAT.replace("other.mp4", str(other)),
        "concat protocol": HLS.format(f"concat:{segment}|{segment}"),
        "sdp": SDP,
        "dash": MPD.replace("other.mp4", str(other)),
    }


def test_ffmpeg_itself_would_follow(other: Path, tmp_path: Path) -> None:
    """Else the next test would prove nothing."""
    path = tmp_path / "film.m3u8"
    path.write_text(playlists(other)["hls"])
    ffmpeg("-protocol_whitelist", "file,pipe", "-i", path, "-f", "null", "-")
    path = tmp_path / "film.mp4"
    path.write_text(playlists(other)["concat"])
    ffmpeg("-protocol_whitelist", "file,pipe", "-safe", 0, "-i", path, "-f", "null", "-")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".m3u8", ".sdp", ".mpd", ".gif"])
def test_a_playlist_is_no_film(suffix: str, other: Path, tmp_path: Path) -> None:
    for kind, text in playlists(other).items():
        path = tmp_path / f"film{suffix}"
        path.write_text(text)
        with (
            pytest.raises(GanimateError, match=f"film{suffix}") as refusal,
            open_film(path) as film,
        ):
            list(film)
        assert "\n" not in str(refusal.value), kind


def test_no_command_follows_a_playlist(
    other: Path, portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("film.mp4").write_text(playlists(other)["hls"])
    for words in (
        ("video", "film.mp4", "out.mp4", "--au", "12=1"),
        ("transfer", "film.mp4", str(portrait), "out.mp4"),
        ("read", "film.mp4", "-o", "out.csv"),
        ("verify", "film.mp4"),
    ):
        try:
            status = main(list(words))
        except SystemExit as done:
            status = int(done.code or 0)
        assert status == 1, words
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def referring(film: bytes, path: Path) -> bytes:
    """A QuickTime film whose pictures are said to be in another file, by a Macintosh alias."""
    name = str(path).encode()
    name += bytes(len(name) % 2)
    record = bytes(4 + 10) + bytes(1 + 27) + bytes(12) + bytes(1 + 63) + bytes(16 + 4 + 16)
    record += struct.pack(">HH", 2, len(name)) + name + b"\xff\xff\0\0"
    alias = struct.pack(">I4s", 8 + len(record), b"alis") + record
    place = film.index(b"dref") + 4 + 8
    (old,) = struct.unpack(">I", film[place : place + 4])
    made = bytearray(film[:place] + alias + film[place + old :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = film.rindex(box) - 4
        (size,) = struct.unpack(">I", made[start : start + 4])
        made[start : start + 4] = struct.pack(">I", size + len(alias) - old)
    return bytes(made)


def test_a_film_that_refers_to_another_is_none(other: Path, tmp_path: Path) -> None:
    mine = tmp_path / "film.mov"
    ffmpeg("-i", other, "-c", "copy", mine)
    with open_film(mine) as film:
        assert len(list(film)) == 10
    mine.write_bytes(referring(mine.read_bytes(), other))
    command = [get_ffmpeg_exe(), "-i", f"file:{mine}", "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, text=True).stderr
    assert f"Skipped opening external track: stream 0, alias: path='{other}'" in told
    with pytest.raises(GanimateError, match=r"film\.mov"), open_film(mine) as film:
        list(film)
