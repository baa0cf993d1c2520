"""Who may ask the studio: its own page, on this machine, with the token, and nobody else."""

from __future__ import annotations

import socket

import pytest
from conftest import ROOT
from studio import Client

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

PAGE = ROOT / "ganimate" / "studio" / "page"


def statuses(studio: Client, method: str, path: str, **headers: str) -> int:
    return studio.send(method, path, b"{}" if method == "POST" else None, **headers)[0].status


def test_nothing_is_answered_without_the_token(studio: Client) -> None:
    for path in ("/", "/page/main.js", "/api/facts", f"/api/facts?token={studio.token}", "/x"):
        assert statuses(studio, "GET", path) == 401
    assert statuses(studio, "POST", "/api/photos", Origin=f"http://127.0.0.1:{studio.port}") == 401
    assert statuses(studio, "GET", "/?token=wrong") == 403
    assert statuses(studio, "GET", f"/?token={studio.token}&token=x") == 403
    assert statuses(studio, "GET", "/", Authorization="Bearer wrong") == 403


def test_the_address_gives_a_cookie_that_scripts_cannot_read(studio: Client) -> None:
    answer, content = studio.send("GET", f"/?token={studio.token}")
    assert answer.status == 200
    assert b"<title>ganimate studio</title>" in content
    cookie = answer.getheader("set-cookie", "")
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    name = cookie.partition(";")[0]
    assert statuses(studio, "GET", "/api/facts", Cookie=name) == 200
    assert studio.send("GET", "/?token=wrong")[0].getheader("set-cookie") is None


def test_other_pages_are_refused(studio: Client) -> None:
    cookie = f"ganimate-studio-{studio.port}={studio.token}"
    home = f"http://127.0.0.1:{studio.port}"
    assert statuses(studio, "POST", "/api/photos/x/words", Cookie=cookie, Origin=home) == 410
    # A page elsewhere, or another server of this machine, whose requests carry the cookie.
    for origin in (
        "http://evil.example",
        "http://127.0.0.1:1",
        "null",
        home.replace("http", "https"),
    ):
        assert statuses(studio, "POST", "/api/photos", Cookie=cookie, Origin=origin) == 403
    assert statuses(studio, "POST", "/api/photos", Cookie=cookie) == 403
    assert statuses(studio, "GET", "/api/facts", Cookie=cookie, Sec_Fetch_Site="same-site") == 403
    # DNS rebinding: a name of theirs that has come to mean this machine.
    for host in ("evil.example", f"evil.example:{studio.port}", "127.0.0.1", "127.0.0.1:1"):
        assert statuses(studio, "GET", f"/?token={studio.token}", Host=host) == 403
    assert statuses(studio, "GET", "/", Cookie=cookie, Host=f"localhost:{studio.port}") == 200


def test_only_this_machine_can_connect(studio: Client) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            outside = probe.getsockname()[0]
        except OSError:
            pytest.skip("this machine has no other address")
    if outside.startswith("127."):
        pytest.skip("this machine has no other address")
    with pytest.raises(OSError):
        socket.create_connection((outside, studio.port), timeout=5)


def test_nothing_comes_from_elsewhere(studio: Client) -> None:
    for path in ("/", "/page/main.js", "/api/facts", "/nowhere"):
        answer, _ = studio.ask("GET", path)
        policy = answer.getheader("content-security-policy", "")
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert answer.getheader("cache-control") == "no-store"
    for file in PAGE.iterdir():
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in text.replace("// ", ""), file.name
        assert " style=" not in text and "onclick=" not in text


@pytest.mark.parametrize(
    "path", ["/page/..%2fserver.py", "/page/../server.py", "/page/x.js", "/page/", "/etc/passwd"]
)
def test_only_the_page_is_served(studio: Client, path: str) -> None:
    assert studio.ask("GET", path)[0].status in (404, 405)
