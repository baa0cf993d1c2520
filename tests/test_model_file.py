"""MediaPipe's face model: looked for, fetched from a server on this machine, checked."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from server import BODY, Server, serving

from ganimate import download
from ganimate.cli.app import main
from ganimate.errors import GanimateError
from ganimate.faces import model_file

SHA256 = hashlib.sha256(BODY).hexdigest()
NAME = "face_landmarker.task"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    with serving(tmp_path_factory.mktemp("server")) as both:
        yield both


@pytest.fixture
def server(running: tuple[Server, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server, and a machine that trusts it."""
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    http, pem = running
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    http.asked.clear()
    http.released.clear()
    yield http
    http.released.set()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty GANIMATE_HOME and cache, and a small model to expect in them."""
    monkeypatch.setenv("GANIMATE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *a, **k: tmp_path / "cache")
    monkeypatch.delenv("GANIMATE_OFFLINE", raising=False)
    monkeypatch.setattr(model_file, "MODEL_BYTES", len(BODY))
    monkeypatch.setattr(model_file, "MODEL_SHA256", SHA256)
    return tmp_path / "home"


def fetch(url: str, target: Path, **options: float) -> Path:
    return download.fetch(url, target, size=len(BODY), sha256=SHA256, **options)


def kept(folder: Path) -> bytes:
    """What a fetch that failed has left: at most one hidden file."""
    names = list(folder.iterdir())
    assert len(names) <= 1 and all(path.name.startswith(".model.task.") for path in names)
    return names[0].read_bytes() if names else b""


def test_the_right_bytes_arrive_whole_and_alone(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "made" / "model.task"
    assert fetch(server.url, target) == target
    assert target.read_bytes() == BODY
    assert [path.name for path in target.parent.iterdir()] == ["model.task"]


@pytest.mark.parametrize(
    ("page", "message", "left"),
    [
        ("/wrong", f"SHA-256 [0-9a-f]{{12}}, expected {SHA256[:12]}", 0),
        ("/short", "has 255999 bytes where 256000 are expected", 0),
        ("/long", "has 512000 bytes where 256000 are expected", 0),
        ("/endless", "sends more than the 256000 bytes expected", 0),
        ("/claims-more", "has 256009 bytes where 256000 are expected", 0),
        ("/claims-less", "has 9 bytes where 256000 are expected", 0),
        ("/breaks", "ended after 1000 of 256000 bytes", 1000),
        ("/404", "404", 0),
        ("/500", "500", 0),
        ("/loop", "redirect", 0),
    ],
)
def test_anything_else_is_refused_in_one_line(
    server: Server, tmp_path: Path, page: str, message: str, left: int
) -> None:
    target = tmp_path / "model.task"
    with pytest.raises(GanimateError, match=message) as caught:
        fetch(server.url + page, target)
    assert server.url + page in caught.value.message
    assert "\n" not in str(caught.value) and caught.value.hint
    assert kept(tmp_path) == BODY[:left]


@pytest.mark.parametrize(
    ("page", "limits"),
    [("/stalls", {"timeout": 0.3}), ("/drips", {"timeout": 5.0, "limit": 0.4})],
)
def test_a_server_that_does_not_go_on_is_given_up(
    server: Server, tmp_path: Path, page: str, limits: dict[str, float]
) -> None:
    start = time.monotonic()
    with pytest.raises(GanimateError, match=r"timed out|too long"):
        fetch(server.url + page, tmp_path / "model.task", **limits)
    assert time.monotonic() - start < 5


def test_what_arrived_is_kept_and_the_rest_asked_for(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "model.task"
    with pytest.raises(GanimateError, match="ended after 100000 of 256000 bytes"):
        fetch(f"{server.url}/flaky", target)
    assert kept(tmp_path) == BODY[:100_000]
    assert fetch(f"{server.url}/flaky", target).read_bytes() == BODY
    assert server.asked == [("/flaky", None), ("/flaky", "bytes=100000-")]
    assert [path.name for path in tmp_path.iterdir()] == ["model.task"]


def test_a_server_without_ranges_sends_it_anew(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "model.task"
    with pytest.raises(GanimateError):
        fetch(f"{server.url}/breaks", target)
    assert fetch(f"{server.url}/no-ranges", target).read_bytes() == BODY
    assert server.asked[-1] == ("/no-ranges", "bytes=1000-")


def test_what_was_kept_of_something_else_is_dropped(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "model.task"
    with pytest.raises(GanimateError):
        fetch(f"{server.url}/breaks", target)
    (half,) = tmp_path.iterdir()
    for wrong in (b"<html>Sign in to this network</html>", BODY[::-1], BODY + b"!"):
        half.write_bytes(wrong)
        assert fetch(server.url, target).read_bytes() == BODY


def test_nothing_is_fetched_off_tls(server: Server, tmp_path: Path) -> None:
    plain = server.url.replace("https", "http")
    for url in (plain, f"{server.url}/to/{plain}/", f"{server.url}/to/ftp://127.0.0.1/x"):
        with pytest.raises(GanimateError, match="https"):
            fetch(url, tmp_path / "model.task")
    assert [page for page, _ in server.asked if not page.startswith("/to/")] == []
    assert fetch(f"{server.url}/to/SELF/", tmp_path / "model.task").read_bytes() == BODY


def test_a_server_that_nobody_vouches_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(GanimateError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(server.url, tmp_path / "model.task")
    assert server.asked == [] and kept(tmp_path) == b""


def test_no_server_at_all(tmp_path: Path) -> None:
    with pytest.raises(GanimateError, match=r"cannot fetch https://127\.0\.0\.1:9/"):
        fetch("https://127.0.0.1:9/", tmp_path / "model.task", timeout=2)


def test_one_fetches_at_a_time(server: Server, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    target = tmp_path / "model.task"
    with pytest.raises(GanimateError):
        fetch(f"{server.url}/breaks", target)
    (half,) = tmp_path.iterdir()
    with half.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(GanimateError, match="another process"):
            fetch(server.url, target)
    assert fetch(server.url, target).read_bytes() == BODY


def test_an_older_file_stays_where_the_fetch_fails(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "model.task"
    target.write_bytes(b"older")
    with pytest.raises(GanimateError):
        fetch(f"{server.url}/wrong", target)
    assert target.read_bytes() == b"older"


def test_an_unwritable_place_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GanimateError, match=r"model\.task"):
        fetch(server.url, tmp_path / "file" / "model.task")


def test_the_model_is_fetched_once_and_announced(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_file, "MODEL_URL", server.url)
    notices: list[str] = []
    first = model_file.find_model(notify=notices.append)
    assert first == home / NAME
    assert model_file.find_model(notify=notices.append) == first
    assert len(server.asked) == 1
    assert len(notices) == 1
    assert str(first) in notices[0] and server.url.removeprefix("https://") in notices[0]


def test_a_spoiled_copy_is_fetched_anew(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_file, "MODEL_URL", server.url)
    home.mkdir()
    (home / NAME).write_bytes(BODY[::-1])
    assert model_file.find_model().read_bytes() == BODY


def test_the_home_comes_before_the_cache(home: Path, tmp_path: Path) -> None:
    for folder in (tmp_path / "cache", home):
        folder.mkdir()
        (folder / NAME).write_bytes(BODY)
        assert model_file.find_model(offline=True).parent == folder


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_offline_fetches_nothing(home: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    if way == "environment":
        monkeypatch.setenv("GANIMATE_OFFLINE", "1")
    with pytest.raises(GanimateError, match="offline") as caught:
        model_file.find_model(offline=way == "argument")
    assert model_file.MODEL_URL in caught.value.hint


def test_a_given_file_is_used_as_it_is(home: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.task"
    notices: list[str] = []
    mine.write_bytes(BODY)
    assert model_file.find_model(mine, notify=notices.append) == mine
    assert notices == []
    mine.write_bytes(b"another version")
    assert model_file.find_model(mine, notify=notices.append) == mine
    assert "mine.task" in notices[0]


def test_a_given_file_that_is_not_there(home: Path, tmp_path: Path) -> None:
    with pytest.raises(GanimateError, match=r"nowhere\.task"):
        model_file.find_model(tmp_path / "nowhere.task")


def test_a_terminal_sees_a_bar(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    fetch(server.url, tmp_path / "model.task")
    assert "model.task" in capsys.readouterr().err


def test_the_command_says_what_it_fetches_and_obeys_offline(
    server: Server,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    portrait: Path,
) -> None:
    """The page breaks off, so that in the end the built-in locator finds the face."""
    monkeypatch.setattr(model_file, "MODEL_URL", f"{server.url}/breaks")
    with pytest.raises(SystemExit):
        main(["faces", str(portrait), "--offline"])
    assert "offline" in capsys.readouterr().err
    assert server.asked == []
    with pytest.raises(SystemExit):
        main(["faces", str(portrait), "--json"])
    told = capsys.readouterr()
    assert json.loads(told.out)["locator"] == "builtin"
    announced, gave_up = told.err.splitlines()
    assert "fetching" in announced and str(home / NAME) in announced
    assert "ended after 1000 of 256000" in gave_up
    assert len(server.asked) == 1
