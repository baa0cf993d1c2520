"""A server on this machine that speaks TLS, and tells truth or lies as its pages are called."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

BODY = bytes(range(256)) * 1000


class Server(ThreadingHTTPServer):
    """What was asked for: path and Range, one for each request."""

    daemon_threads = True
    asked: list[tuple[str, str | None]]
    released: threading.Event
    cut: int
    """Where /flaky ends, the first time."""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust us hangs up: nothing to tell."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        page = self.path
        if page in ("/404", "/500"):
            self.send_error(int(page[1:]))
        elif page.startswith("/to/"):
            self.answer(302, b"", Location=page[4:].replace("SELF", self.server.url))
        elif page == "/loop":
            self.answer(302, b"", Location="/loop")
        elif page == "/wrong":
            self.answer(200, BODY[::-1])
        elif page == "/short":
            self.answer(200, BODY[:-1])
        elif page == "/long":
            self.answer(200, BODY * 2)
        elif page == "/endless":
            self.answer(200, BODY * 9, length=None)
        elif page == "/claims-more":
            self.answer(200, BODY, length=len(BODY) + 9)
        elif page == "/claims-less":
            self.answer(200, BODY, length=9)
        elif page == "/breaks":
            self.answer(200, BODY[:1000], length=len(BODY))
        elif page == "/stalls":
            self.answer(200, BODY[:1000], length=len(BODY))
            self.server.released.wait(20)
        elif page == "/drips":
            self.answer(200, b"", length=len(BODY))
            while not self.server.released.wait(0.05):
                self.give(b"x")
        elif page == "/flaky" and asked is None and self.server.cut:
            self.answer(200, BODY[: self.server.cut], length=len(BODY))
        elif asked and page != "/no-ranges":
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
            told = f"bytes {begin}-{len(BODY) - 1}/{len(BODY)}"
            self.answer(206, BODY[begin:], **{"Content-Range": told})
        else:
            self.answer(200, BODY)

    def answer(self, status: int, body: bytes, length: int | None = -1, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(len(body) if length < 0 else length))
        self.end_headers()
        self.give(body)

    def give(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:  # the client had heard enough
            self.server.released.set()

    def log_message(self, *arguments: object) -> None:
        pass


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody has signed, and its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test's server")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "server.pem", folder / "server.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem, secret


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Server, Path]]:
    """A running server and the certificate by which it is trusted."""
    pem, secret = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.asked, server.released, server.cut = [], threading.Event(), 100_000
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server, pem
        finally:
            server.released.set()
            server.shutdown()
