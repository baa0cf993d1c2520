"""The studio as tests run it: the real command, and a client that says exactly what it is told."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from conftest import COMMAND
from PIL import Image


class Client:
    """A studio that runs, and requests to it that carry the token."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.address: str = told["address"]
        self.port: int = told["port"]
        self.token = self.address.partition("token=")[2]

    def send(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[HTTPResponse, bytes]:
        """One request with these headers and no others."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def ask(self, method: str, path: str, body: Any = None) -> tuple[HTTPResponse, bytes]:
        """One request with the token; what is not bytes goes as JSON."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return self.send(method, path, data, Authorization=f"Bearer {self.token}")

    def told(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer that must be good."""
        answer, content = self.ask(method, path, body)
        assert answer.status == 200, content
        return json.loads(content)

    def open(self, photo: Path) -> str:
        """Open a photo; returns the path of all that is asked about it."""
        told = self.told("POST", f"/api/photos?name={photo.name}", photo.read_bytes())
        return f"/api/photos/{told['id']}"


@contextmanager
def running(*words: object, folder: Path) -> Iterator[Client]:
    """Run `ganimate studio` in a folder; it is ended like a service is."""
    process = subprocess.Popen(
        [str(COMMAND), "studio", *map(str, words), "--no-browser", "--json"],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield Client(json.loads(process.stdout.readline()))
    finally:
        process.terminate()
        assert process.wait(30) == 0
        assert process.stdout and process.stdout.read() == ""


def two_faces(path: Path, left: Path, right: Path) -> Path:
    """A photo of two people, side by side, 800 x 400."""
    both = Image.new("RGB", (800, 400))
    for index, photo in enumerate((left, right)):
        both.paste(Image.open(photo).resize((400, 400)), (400 * index, 0))
    both.save(path, quality=95)
    return path
