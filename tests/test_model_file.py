"""MediaPipe's face model: looked for, fetched from a server on this machine, checked."""

from __future__ import annotations

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ganimate.errors import GanimateError, UsageError
from ganimate.faces import model_file

MODEL = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(MODEL).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = {"/wrong": MODEL[::-1], "/short": MODEL[:-1], "/long": MODEL * 9}.get(
            self.path, MODEL
        )
        self.server.asked.append(self.path)
        self.send_response(404 if self.path == "/missing" else 200)
        if self.path != "/long":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            if self.path == "/stall":
                self.wfile.write(body[:1000])
                self.wfile.flush()
                self.server.released.wait(10)
            elif self.path == "/cut":
                self.wfile.write(body[:1000])
            else:
                self.wfile.write(body)
        except ConnectionError:
            pass  # the client had heard enough

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.asked, http.released = [], threading.Event()
        http.url = f"http://127.0.0.1:{http.server_port}"
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield http
        http.released.set()
        http.shutdown()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty GANIMATE_HOME and cache, and a small model to expect in them."""
    monkeypatch.setenv("GANIMATE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *a, **k: tmp_path / "cache")
    monkeypatch.delenv("GANIMATE_OFFLINE", raising=False)
    monkeypatch.setattr(model_file, "MODEL_BYTES", len(MODEL))
    monkeypatch.setattr(model_file, "MODEL_SHA256", SHA256)
    return tmp_path / "home"


def fetch(url, target, **options):
    return model_file.fetch(url, target, size=len(MODEL), sha256=SHA256, **options)


def test_the_right_bytes_arrive_whole_and_alone(server, tmp_path):
    target = tmp_path / "made" / "model.task"
    assert fetch(server.url, target) == target
    assert target.read_bytes() == MODEL
    assert [path.name for path in target.parent.iterdir()] == ["model.task"]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("/wrong", "bytes that are not the 256000 expected"),
        ("/short", "sent 255999 bytes"),
        ("/long", "sent more than 256000 bytes"),
        ("/cut", "cannot fetch|sent 1000 bytes"),
        ("/missing", "Not Found"),
    ],
)
def test_anything_else_leaves_no_file_and_names_the_url(server, tmp_path, page, message):
    target = tmp_path / "model.task"
    with pytest.raises(GanimateError, match=message) as caught:
        fetch(server.url + page, target)
    assert server.url + page in caught.value.message
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_silent_server_is_given_up(server, tmp_path):
    start = time.monotonic()
    with pytest.raises(GanimateError, match="timed out"):
        fetch(server.url + "/stall", tmp_path / "model.task", timeout=0.3)
    assert time.monotonic() - start < 5
    assert list(tmp_path.iterdir()) == []


def test_no_server_at_all(tmp_path):
    with pytest.raises(GanimateError, match=r"cannot fetch http://127\.0\.0\.1:9/"):
        fetch("http://127.0.0.1:9/", tmp_path / "model.task", timeout=2)


def test_an_older_file_stays_where_the_fetch_fails(server, tmp_path):
    target = tmp_path / "model.task"
    target.write_bytes(b"older")
    with pytest.raises(GanimateError):
        fetch(server.url + "/wrong", target)
    assert target.read_bytes() == b"older"


def test_an_unwritable_place_is_named(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GanimateError, match=r"model\.task"):
        fetch(server.url, tmp_path / "file" / "model.task")


def test_the_model_is_fetched_once_and_announced(server, home, monkeypatch):
    monkeypatch.setattr(model_file, "MODEL_URL", server.url)
    notices = []
    first = model_file.find_model(notify=notices.append)
    assert first == home / "face_landmarker.task"
    assert model_file.find_model(notify=notices.append) == first
    assert server.asked == ["/"]
    assert len(notices) == 1
    assert str(first) in notices[0]


def test_a_spoiled_copy_is_fetched_anew(server, home, monkeypatch):
    monkeypatch.setattr(model_file, "MODEL_URL", server.url)
    home.mkdir()
    (home / "face_landmarker.task").write_bytes(MODEL[::-1])
    assert model_file.find_model().read_bytes() == MODEL


def test_the_home_comes_before_the_cache(home, tmp_path):
    for folder in (tmp_path / "cache", home):
        folder.mkdir()
        (folder / "face_landmarker.task").write_bytes(MODEL)
        assert model_file.find_model(offline=True).parent == folder


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_offline_fetches_nothing(home, monkeypatch, way):
    if way == "environment":
        monkeypatch.setenv("GANIMATE_OFFLINE", "1")
    with pytest.raises(GanimateError, match="offline") as caught:
        model_file.find_model(offline=way == "argument")
    assert model_file.MODEL_URL in caught.value.hint


def test_a_given_file_is_used_as_it_is(home, tmp_path):
    mine, notices = tmp_path / "mine.task", []
    mine.write_bytes(MODEL)
    assert model_file.find_model(mine, notify=notices.append) == mine
    assert notices == []
    mine.write_bytes(b"another version")
    assert model_file.find_model(mine, notify=notices.append) == mine
    assert "mine.task" in notices[0]


def test_a_given_file_that_is_not_there(home, tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.task"):
        model_file.find_model(tmp_path / "nowhere.task")


def test_a_terminal_sees_a_bar(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    fetch(server.url, tmp_path / "model.task")
    assert "model.task" in capsys.readouterr().err
