"""The command as a whole: help, version, words in any order, and every error in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import COMMAND, EXAMPLES, ROOT, Ganimate
from PIL import Image

from ganimate import __version__
from ganimate.cli.app import COMMANDS, app, join_looks, main

HEAVY = ("cv2", "imageio", "mediapipe", "numpy", "PIL", "rich", "torch", "yaml")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["edit", "--help"], ["faces", "-h"]])
def test_help_and_version_load_nothing_heavy(words: list[str]) -> None:
    program = f"""
import sys
from ganimate.cli.app import main
try:
    main({words!r})
except SystemExit as done:
    assert not done.code
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_version(process: Ganimate) -> None:
    assert process("--version").stdout == f"ganimate {__version__}\n"


def test_runs_as_a_module(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "ganimate", "--version"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == f"ganimate {__version__}\n"


def test_help_lists_every_command(process: Ganimate) -> None:
    text = process("--help").stdout
    assert [name for name in COMMANDS if f"\n  {name} " in text] == [*COMMANDS]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_begins_their_help(name: str) -> None:
    from typer.main import get_command

    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    assert command.help.startswith(COMMANDS[name].rstrip("."))
    assert len(COMMANDS[name]) <= 65, "two lines where a terminal is 80 wide"


PAGES = {"sheet": "sheets.md", "verify": "provenance.md", "keys": "provenance.md"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_on_the_commands_page(name: str) -> None:
    from typer.main import get_command

    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    page = (ROOT / "docs" / PAGES.get(name, f"{name}.md")).read_text("utf-8")
    options = {max(option.opts, key=len) for option in command.params if option.opts[0][0] == "-"}
    assert not [option for option in options if option not in page and option != "--help"]


@pytest.mark.parametrize(
    ("written", "understood"),
    [
        ("edit f.jpg --au 12=1 6=1", "edit|f.jpg|--au|12=1 6=1"),
        ("edit --au 12=1 6=1 f.jpg", "edit|--au|12=1 6=1|f.jpg"),
        ("edit --au 12=1 f.jpg --au 6=1", "edit|--au|12=1|f.jpg|--au|6=1"),
        ("edit --au=12=1 6=1 f.jpg", "edit|--au=12=1 6=1|f.jpg"),
        ("edit --au 12=1 -o a=b.png f.jpg", "edit|--au|12=1|-o|a=b.png|f.jpg"),
        ("animate f.jpg --to smile 45=1 o.gif", "animate|f.jpg|--to|smile 45=1|o.gif"),
        ("animate --from 1=1 2=1 --to 12=1 f o", "animate|--from|1=1 2=1|--to|12=1|f|o"),
        ("edit --au 12=1 -- 6=1", "edit|--au|12=1|--|6=1"),
        ("edit --au --force 6=1", "edit|--au|--force|6=1"),
        ("edit --at 0 smile f.jpg", "edit|--at|0 smile|f.jpg"),
        ("edit --at 0 12L=1 6=1 --at 1 fear f", "edit|--at|0 12L=1 6=1|--at|1 fear|f"),
        ("edit --at=left smile 45=1 f.jpg", "edit|--at=left smile 45=1|f.jpg"),
        ("edit --at 0 --force f.jpg", "edit|--at|0|--force|f.jpg"),
    ],
)
def test_a_look_may_run_over_several_words(written: str, understood: str) -> None:
    assert join_looks(written.split()) == understood.split("|")


WRONG = {
    "unknown action unit": ("edit face.jpg --au 99=0.5", "99=0.5", "AU9"),
    "unknown name": ("edit face.jpg --au lip_corner_pullr=1", "lip_corner_puller"),
    "out of range": ("edit face.jpg --au 12=2", "12=2", "0 to 1"),
    "negative letter": ("edit face.jpg --au 12=F", "12=F", "A to E"),
    "not a number": ("edit face.jpg --au 12=nan", "12=nan"),
    "infinite": ("edit face.jpg --au 12=inf", "12=inf"),
    "no value": ("edit face.jpg --au 12=", "12="),
    "twice": ("edit face.jpg --au 12=0.8 --au 12=0.3", "12=0.3", "AU12"),
    "the good beside the bad": ("edit --au 12=0.8 99=1 face.jpg", "99=1"),
    "a word for an assignment": ("edit face.jpg --au smile", "smile", "12=0.8"),
    "unknown expression": ("edit face.jpg --expression smil", "smil", "did you mean smile"),
    "nothing asked": ("edit face.jpg", "--au", "--expression"),
    "a side before both": ("edit face.jpg --au 12L=1 12=0.5", "12=0.5", "both sides first"),
    "a side twice": ("edit face.jpg --au 12L=1 L12=0.5", "L12=0.5", "AU12L"),
    "a side of none": ("edit face.jpg --au 16L=1", "AU16", "lower lip depressor"),
    "a face without a look": ("edit face.jpg --at 0", "--at 0", "FACE LOOK"),
    "a look for no face": ("edit face.jpg --at smile 12=1", "--at", "smile", "0, left"),
    "a look for all faces": ("edit face.jpg --at all smile", "--at", "--face all"),
    "a face with two looks": ("edit face.jpg --at 0 smile --at 0 fear", "face 0", "twice"),
    "a wrong look for a face": ("edit face.jpg --at 0 smil", "smil", "did you mean smile"),
    "looks and one look": ("edit face.jpg --at 0 smile --au 12=1", "--at", "--au"),
    "faces and a face": ("edit face.jpg --at 0 smile --face 1", "--at", "--face"),
    "ends and one end": ("animate face.jpg --at 0 smile --to fear out.mp4", "--to", "--at"),
    "ends and keys": ("animate face.jpg --at 0 smile --keys 0:fear out.mp4", "--keys", "--at"),
    "strength alone": ("edit face.jpg --au 12=1 --strength 0.5", "--strength"),
    "strength out of range": ("edit face.jpg --expression smile --strength 3", "3"),
    "no such picture format": ("edit face.jpg --au 12=1 -o out.xyz", "out.xyz", ".png"),
    "no such film format": ("animate face.jpg --to smile out.xyz", "out.xyz", ".mp4"),
    "unknown look": ("animate face.jpg --from neutrl --to smile out.mp4", "neutral"),
    "bad assignment in a look": ("animate face.jpg --to 12=9 out.mp4", "12=9"),
    "fps out of range": ("animate face.jpg --to smile out.mp4 --fps 1000", "1000", "240"),
    "negative time": ("animate face.jpg --to smile out.mp4 --seconds -1", "-1"),
    "endless": ("animate face.jpg --to smile out.mp4 --seconds 1e9", "frames"),
    "no such device": ("edit face.jpg --au 12=1 --locator builtin --device abacus", "abacus"),
    "csv and json": ("read face.jpg --csv --json", "--csv"),
    "strength twice": ("edit face.jpg --expression smile*0.5 --strength 0.5", "--strength"),
    "strength of keys": ("video a.mp4 b.mp4 --keys 0:smile --strength 0.5", "--strength"),
    "a decimal comma": ("edit face.jpg --au 12=0,8", "12=0.8", "comma"),
    "a device of torch alone": (
        "edit face.jpg --au 12=1 --locator builtin --device meta",
        "meta",
        "cpu",
    ),
    "a strength of letters": ("edit face.jpg --strength abc", "'--strength': not a number", "edit"),
    "no such base": ("edit face.jpg --base foo", "'foo' is not one of 'current', 'neutral'"),
    "no such command": ("edti face.jpg", "edti", "'edit'"),
    "too few faces": ("evaluate shipped . --faces 3", "'--faces': 4 or more"),
    "no photo": ("edit", "PHOTO", "ganimate edit --help"),
    "no sheet": ("sheet face.jpg", "ganimate sheet face.jpg OUT"),
    "nothing after it": ("edit face.jpg --au", "'--au' requires an argument"),
    "nothing to go on from": ("train . --resume --out run", "run: holds no checkpoint"),
    "no such accelerator": ("train . --accelerator gpuu", "gpuu", "cuda"),
    "no such recipe": ("train . --recipe nope", "nope", "paper"),
    "expressions of no shape": ("expressions --expressions-file list.yaml", "list.yaml"),
}

FAILED = {
    "no such photo": ("edit none.jpg --au 12=1", "none.jpg"),
    "a folder": ("edit . --au 12=1 -o out.png", "folder"),
    "not a picture": ("faces notes.jpg", "notes.jpg", "JPEG"),
    "an empty file": ("faces empty.jpg", "empty.jpg"),
    "too small": ("faces small.png", "small.png", "64"),
    "truncated": ("faces half.jpg", "half.jpg"),
    "no face": ("faces wall.png --locator builtin", "wall.png", "try"),
    "no face to edit": ("edit wall.png --au 12=1 --locator builtin", "wall.png", "try"),
    "no face of this number": (
        "edit face.jpg --au 12=1 --face 7 --locator builtin",
        "face.jpg",
        "7",
    ),
    "output exists": ("edit face.jpg --au 12=1 -o wall.png", "wall.png", "--force"),
    "film exists": ("animate face.jpg --to smile old.mp4", "old.mp4", "--force"),
    "boxes exist": ("faces face.jpg -o wall.png", "wall.png", "--force"),
    "over the photo": ("edit face.jpg --au 12=1 -o face.jpg --force", "face.jpg"),
    "frames over other files": ("animate face.jpg --to smile full --force", "full"),
    "no folder for the output": ("edit face.jpg --au 12=1 -o no/out.png", "no"),
    "no such face model": ("faces face.jpg --face-model none.task", "none.task"),
    "photos for frames": ("verify . --locator builtin", "holds more than the frames"),
    "no such weights": (
        "edit face.jpg --au 12=1 --weights none.safetensors --locator builtin",
        "none.safetensors",
    ),
    "not weights": (
        "edit face.jpg --au 12=1 --weights notes.jpg --locator builtin",
        "notes.jpg",
        "safetensors",
    ),
    "no such expressions": ("expressions --expressions-file none.yaml", "none.yaml"),
}


@pytest.fixture
def desk(face: Path) -> Path:
    """A folder with a photo, and with much that is not one."""
    folder = face.parent
    (folder / "notes.jpg").write_text("not a picture")
    (folder / "empty.jpg").touch()
    (folder / "half.jpg").write_bytes(face.read_bytes()[:20_000])
    Image.new("RGB", (32, 32)).save(folder / "small.png")
    grain = np.random.default_rng(0).integers(90, 110, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(grain).save(folder / "wall.png")
    (folder / "old.mp4").write_bytes(b"a film")
    (folder / "full").mkdir()
    (folder / "full" / "letter.txt").touch()
    (folder / "list.yaml").write_text("- 12\n- 6\n")
    return folder


@pytest.mark.parametrize(
    ("status", "words", "told"),
    [
        pytest.param(status, words, told, id=name)
        for status, cases in ((2, WRONG), (1, FAILED))
        for name, (words, *told) in cases.items()
    ],
)
def test_an_error_is_one_line_that_helps(
    desk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    status: int,
    words: str,
    told: list[str],
) -> None:
    """In this process: torch alone takes seconds to load, and there are dozens of these."""
    before = {path: path.stat().st_mtime_ns for path in desk.rglob("*") if path.is_file()}
    monkeypatch.chdir(desk)
    try:
        ended: object = main(words.split())
    except SystemExit as done:
        ended = done.code
    out, said = capfd.readouterr()
    assert ended == status, said
    assert out == ""
    assert said.startswith("ganimate: ")
    assert said.count("\n") == 1, said
    assert not [word for word in told if word not in said], said
    after = {path: path.stat().st_mtime_ns for path in desk.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize("words", ["--nonsense", "edit --nonsense", "edit", "paint", "edit a b"])
def test_wrong_options_exit_with_2(ganimate: Ganimate, words: str) -> None:
    done = ganimate(*words.split())
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("locator", ["auto", "mediapipe"])
def test_a_face_model_that_is_none(desk: Path, ganimate: Ganimate, locator: str) -> None:
    pytest.importorskip("mediapipe")
    done = ganimate("faces", "face.jpg", "--locator", locator, "--face-model", "notes.jpg")
    assert done.returncode == 1
    assert "notes.jpg: MediaPipe cannot read this face model" in done.stderr


def test_an_error_of_the_process_itself(process: Ganimate) -> None:
    done = process("faces", "none.jpg")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ganimate: none.jpg") and done.stderr.count("\n") == 1


def test_debug_shows_where(ganimate: Ganimate) -> None:
    done = ganimate("edit", "none.jpg", "--au", "12=1", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("ganimate: none.jpg")


def test_a_closed_pipe_is_no_error() -> None:
    process = subprocess.Popen(
        [COMMAND, "expressions"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stderr
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
@pytest.mark.parametrize("words", ["--version", "expressions", "--help"])
def test_an_output_that_cannot_be_written(words: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([COMMAND, words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr and done.stderr.count("\n") == 1


def test_examples_are_credited() -> None:
    credits = (EXAMPLES / "ATTRIBUTION.md").read_text("utf-8")
    photos = [path.name for path in EXAMPLES.glob("*.jpg")]
    assert len(photos) >= 2
    assert not [name for name in photos if name not in credits]
