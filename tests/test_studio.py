"""The studio's server: what it answers and refuses, and that the command line does the same."""

from __future__ import annotations

import io
import json
import shlex
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from conftest import Ganimate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from studio import Client, running

from ganimate.cli.app import main
from ganimate.facs import ActionUnits, load_expressions, parse_look
from ganimate.timeline import Timeline
from ganimate.timeline.keys import Keyframe
from ganimate.trajectory import IN_BETWEENS

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from ganimate.studio.server import MAX_SESSIONS, MAX_WISH
from ganimate.studio.wishes import Film, animate_command, edit_command, read_film, split_look


@pytest.fixture(scope="module")
def photo(studio: Client) -> str:
    """What the page opens first: the photo that the command named."""
    return f"/api/photos/{studio.told('POST', '/api/photos?given')['id']}"


def pixels(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


# What is answered


def test_a_patch_changes_one_face_and_nothing_else(studio: Client, photo: str) -> None:
    whole = pixels(studio.ask("GET", f"{photo}/picture?scale=1")[1])
    wish = {"face": 0, "look": "surprise"}
    answer, content = studio.ask("POST", f"{photo}/preview?scale=1", wish)
    left, top, width, height = (round(float(v)) for v in answer.getheader("x-box", "").split())
    patch = pixels(content)
    assert patch.shape == (height, width, 3)
    there = whole[top : top + height, left : left + width].astype(int)
    difference = np.abs(patch - there).max(2)
    assert left + width < 400  # the other person is not in it
    assert difference.mean() > 1
    assert difference[0].max() == 0  # no edge is seen
    asked_for = ActionUnits(json.loads(answer.getheader("x-action-units", "")))
    now = ActionUnits(studio.told("POST", "/api/photos?given")["faces"][0]["current"])
    assert asked_for.vector == pytest.approx(parse_look("surprise", now).vector)


def test_views_come_in_the_size_that_is_shown(studio: Client, portrait: Path) -> None:
    photo = studio.open(portrait)
    sizes = [
        pixels(studio.ask("GET", f"{photo}/picture?scale={scale}")[1]).shape[1]
        for scale in (0.69, 0.7, 5)
    ]
    assert sizes[0] == sizes[1] < sizes[2] == 800


def test_attention_is_laid_over_what_is_painted(studio: Client, photo: str) -> None:
    wish = {"face": 0, "look": "laugh"}
    plain = pixels(studio.ask("POST", f"{photo}/preview", wish)[1]).astype(int)
    tinted = pixels(studio.ask("POST", f"{photo}/preview", {**wish, "attention": True})[1])
    assert (tinted - plain)[..., 1].min() < -30  # pink has little green


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG that says it is of this size."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", b"")]
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


BAD_PHOTOS = {
    "empty": (b"", "empty"),
    "a text": (b"this is no picture", "not a picture"),
    "a truncated photo": (None, "truncated"),
    "too small": ((32, 32), "too few"),
    "without a face": ((300, 300), "no face"),
    "too large": ((10_000, 6_000), "too many"),
    "a bomb": (png_header(20_000, 20_000), "too many"),
}


@pytest.mark.parametrize("name", BAD_PHOTOS)
def test_a_wrong_photo_is_told_by_name(studio: Client, name: str, portrait: Path) -> None:
    made, reason = BAD_PHOTOS[name]
    if isinstance(made, tuple):
        file = io.BytesIO()
        Image.new("1" if made[0] > 9999 else "RGB", made).save(file, "PNG")
        made = file.getvalue()
    data = portrait.read_bytes()[:20_000] if made is None else made
    answer, content = studio.ask("POST", "/api/photos?name=../holiday.jpg", data)
    assert answer.status == 422
    assert reason in json.loads(content)["message"]
    assert json.loads(content)["message"].count("holiday.jpg") == 1
    assert "../" not in content.decode()


KEYS = [{"at": 0, "look": "current"}, {"at": 0.2, "look": "smile 45=1", "easing": "linear"}]
WRONG = {
    "no such face": ("preview", {"face": 2, "look": "smile"}),
    "no face": ("preview", {"face": True, "look": "smile"}),
    "no such look": ("preview", {"face": 0, "look": "smil"}),
    "no look": ("preview", {"face": 0}),
    "NaN": ("preview", {"face": 0, "look": "12=nan"}),
    "no scale": ("preview?scale=nan", {"face": 0, "look": "smile"}),
    "not JSON": ("preview", b"{"),
    "a list": ("preview", []),
    "deep": ("preview", b"[" * 100_000),
    "looks of nobody": ("words", {"looks": {"x": "smile"}}),
    "nothing to save": ("save", {"looks": {}, "suffix": ".png"}),
    "no such picture": ("save", {"looks": {"0": "smile"}, "suffix": ".png/../x"}),
    "no keys": ("film", {"face": 0, "keys": [], "suffix": ".mp4"}),
    "keys back in time": ("film", {"face": 0, "keys": KEYS[::-1], "suffix": ".mp4"}),
    "no such easing": ("play", {"face": 0, "keys": [{**KEYS[0], "easing": "x"}]}),
    "too many keys": ("play", {"face": 0, "keys": [{"at": i, "look": "fear"} for i in range(201)]}),
    "endless": ("play", {"face": 0, "keys": [KEYS[0], {"at": 1e5, "look": "fear"}]}),
    "no such film": ("film", {"face": 0, "keys": KEYS, "suffix": ".exe"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_refused_with_a_reason(studio: Client, photo: str, name: str) -> None:
    path, wish = WRONG[name]
    answer, content = studio.ask("POST", f"{photo}/{path}", wish)
    assert answer.status == 422, content
    assert json.loads(content)["message"]


def test_requests_are_limited_in_size(studio: Client, photo: str) -> None:
    answer, _ = studio.ask("POST", f"{photo}/words", b" " * (MAX_WISH + 1))
    assert answer.status == 413


def test_tabs_do_not_mix_and_old_photos_are_put_away(
    studio_folder: Path, portrait: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small.jpg"
    Image.open(portrait).resize((160, 160)).save(small)
    with running("--locator", "builtin", folder=studio_folder) as studio:
        assert studio.told("GET", "/api/facts")["photo"] is None
        tabs = [studio.open(portrait), studio.open(studio_folder / "two.jpg")]
        wide = [pixels(studio.ask("GET", f"{tab}/picture?scale=1")[1]).shape[1] for tab in tabs]
        assert wide == [800, 800]
        high = [pixels(studio.ask("GET", f"{tab}/picture?scale=1")[1]).shape[0] for tab in tabs]
        assert high == [800, 400]
        for _ in range(MAX_SESSIONS - 1):
            studio.open(small)
        assert studio.ask("GET", f"{tabs[0]}/picture")[0].status == 410
        assert studio.ask("GET", f"{tabs[1]}/picture")[0].status == 200
        assert studio.ask("DELETE", tabs[1])[0].status == 204
        assert studio.ask("GET", f"{tabs[1]}/picture")[0].status == 410
    assert not list(studio_folder.glob("ganimate-*"))


# The same as the command line


@pytest.fixture
def run(studio_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Run a command line in the studio's folder, in this process."""

    def run(command: str) -> None:
        _, *words = shlex.split(command)
        monkeypatch.chdir(studio_folder)
        with pytest.raises(SystemExit) as done:
            main(words)
        assert not done.value.code

    return run


@pytest.mark.parametrize(
    "looks",
    [{"0": "smile*0.7 45=0.5"}, {"1": "4=1 12L=0.6"}, {"0": "anger", "1": "surprise*0.6 45=0"}],
    ids=["one", "sides", "both"],
)
def test_the_command_makes_the_same_picture(
    studio: Client,
    photo: str,
    studio_folder: Path,
    run: Callable[[str], None],
    looks: dict[str, str],
) -> None:
    command = studio.told("POST", f"{photo}/words", {"looks": looks})["edit"]
    (studio_folder / "two-edited.png").unlink(missing_ok=True)
    run(command)
    _, content = studio.ask("POST", f"{photo}/save", {"looks": looks, "suffix": ".png"})
    made = np.asarray(Image.open(studio_folder / "two-edited.png"))
    # Another thread may add in another order: here and there a value is rounded the other way.
    difference = np.abs(pixels(content).astype(int) - made)
    assert difference.max() <= 1 and np.count_nonzero(difference) < 10
    assert b"compositeWithTrainedAlgorithmicMedia" in content


def test_the_command_makes_the_same_film(
    studio: Client, photo: str, studio_folder: Path, run: Callable[[str], None]
) -> None:
    film = {"face": 1, "keys": KEYS, "fps": 25, "blink": True}
    words = studio.told("POST", f"{photo}/words", {"looks": {}, **film})
    (studio_folder / "story.yaml").write_text(words["story"], "utf-8")
    run(words["animate"])
    _, lines = studio.ask("POST", f"{photo}/film", {**film, "suffix": ".mp4"})
    told = [json.loads(line) for line in lines.splitlines()]
    assert told[0] == {"done": 1, "frames": 6}
    assert told[-1] == {"file": "two.mp4"}
    answer, content = studio.ask("GET", f"{photo}/film")
    assert "two.mp4" in answer.getheader("content-disposition", "")
    (studio_folder / "exported.mp4").write_bytes(content)
    frames = [iio.imread(studio_folder / name) for name in ("two.mp4", "exported.mp4")]
    assert len(frames[0]) == 6
    assert np.array_equal(*frames)


def test_a_film_plays_in_place(studio: Client, photo: str) -> None:
    answer, content = studio.ask("POST", f"{photo}/play", {"face": 1, "keys": KEYS})
    assert (answer.getheader("x-frames"), answer.getheader("x-fps")) == ("3", "12.5")
    frames = []
    while content:
        length = int.from_bytes(content[:4], "big")
        frames.append(pixels(content[4 : 4 + length]).astype(int))
        content = content[4 + length :]
    assert len(frames) == 3
    assert np.abs(frames[2] - frames[0]).mean() > 0.5
    wish = {"face": 1, "keys": KEYS, "at": 0.16}
    at = pixels(studio.ask("POST", f"{photo}/preview", wish)[1])
    assert np.abs(at - frames[2]).mean() < 0.5


def test_commands_are_written_for_any_name() -> None:
    assert edit_command("a b.jpg", {0: "smile*0.8 45=1"}, 1) == (
        "ganimate edit 'a b.jpg' --expression smile --strength 0.8 --au 45=1 -o 'a b-edited.png'"
    )
    assert shlex.split(edit_command("-x'$(y).jpg", {1: "12=0.5"}, 2))[2:] == (
        ["./-x'$(y).jpg", "--au", "12=0.5", "--face", "1", "-o", "./-x'$(y)-edited.png"]
    )
    film = read_film({"face": 0, "keys": KEYS}, 1, load_expressions())
    assert shlex.split(animate_command("-x.jpg", film, 1))[2:4] == ["./-x.jpg", "./-x.mp4"]
    assert edit_command("a.jpg", {}, 1) == ""
    assert split_look("12=0.8 6L=0.5") == ("", "", ["12=0.8", "6L=0.5"])


@settings(max_examples=30, deadline=None)
@given(
    times=st.lists(st.integers(0, 3000), min_size=1, max_size=6, unique=True),
    data=st.data(),
)
def test_the_timeline_says_what_the_strip_says(
    times: list[int], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    looks = st.sampled_from(["current", "smile", "fear*0.35 45=1", "12=0.5 12L=1"])
    easings = st.sampled_from([None, *IN_BETWEENS])
    keys = tuple(
        Keyframe(at / 100, data.draw(looks), easing=data.draw(easings)) for at in sorted(times)
    )
    film = Film(0, keys, data.draw(st.sampled_from([12.5, 25.0, 29.97])), False)
    file = tmp_path_factory.mktemp("story") / "story.yaml"
    file.write_text(film.story, "utf-8")
    loaded = Timeline.load(file)
    assert (loaded.keyframes, loaded.fps) == (keys, film.fps)
    path = film.trajectory(ActionUnits(), load_expressions())
    assert np.array_equal(path.sides, loaded.trajectory(ActionUnits()).sides)


# The command itself


def test_a_port_that_is_taken_is_told(process: Ganimate) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = process("studio", "--port", port, "--no-browser")
    assert done.returncode == 1
    assert done.stderr.startswith(f"ganimate: --port {port}: ") and done.stderr.count("\n") == 1


def test_a_wrong_photo_is_told_before_anything_is_served(process: Ganimate) -> None:
    done = process("studio", "none.jpg", "--no-browser")
    assert (done.returncode, done.stdout) == (1, "")
    assert "none.jpg" in done.stderr


def test_somebody_must_learn_the_address(process: Ganimate) -> None:
    assert process("studio", "--quiet", "--no-browser").returncode == 2
