"""Content Credentials: signed by us, checked by C2PA's own library."""

from __future__ import annotations

import json
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Ganimate
from PIL import Image

from ganimate.errors import GanimateError, UsageError
from ganimate.media.credentials import Credentials
from ganimate.media.keys import new_keys
from ganimate.media.provenance import DIGITAL_SOURCE_TYPE, Marking, Provenance
from ganimate.media.signatures import read_credentials
from ganimate.media.stills import read_photo, write_photo
from ganimate.media.video import film_writer

c2pa = pytest.importorskip("c2pa")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("keys")
    new_keys(made / "cert.pem", made / "key.pem")
    return made


@pytest.fixture(scope="module")
def credentials(folder: Path) -> Credentials:
    return Credentials.load(folder / "cert.pem", folder / "key.pem")


@pytest.fixture
def small(tmp_path: Path, portrait: Path) -> Path:
    """A photo that is quickly read and written."""
    path = tmp_path / "original.jpg"
    Image.open(portrait).resize((128, 128)).save(path)
    return path


def stated(credentials: Credentials) -> Provenance:
    return Provenance(
        {"AU12": 0.8}, "9f86d081", "ganimate 0", marking=Marking(credentials=credentials)
    )


def store(path: Path, kind: str) -> dict[str, Any]:
    """All that the library reads in a file."""
    with path.open("rb") as stream, c2pa.Reader(kind, stream) as reader:
        told: dict[str, Any] = json.loads(reader.json())
        return told


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
def test_pictures(tmp_path: Path, small: Path, credentials: Credentials, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_photo(read_photo(small), path, provenance=stated(credentials))
    found = read_credentials(path, suffix)
    assert found.state == "valid", found
    assert found.details["actions"] == ["c2pa.opened", "c2pa.edited"]
    assert found.details["source_types"] == [DIGITAL_SOURCE_TYPE]
    assert found.details["parents"] == 1 and found.details["trusted"] is False
    assert "untrusted" in found.says and "test signer" in found.says
    assert "AU12=0.80" in str(found.details["descriptions"])
    assert DIGITAL_SOURCE_TYPE.encode() in path.read_bytes(), "XMP is there as well"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [path.name, "original.jpg"]


def test_what_is_claimed(tmp_path: Path, small: Path, credentials: Credentials) -> None:
    path = write_photo(read_photo(small), tmp_path / "a.png", provenance=stated(credentials))
    told = store(path, "image/png")
    manifest = told["manifests"][told["active_manifest"]]
    assert manifest["claim_generator_info"][0]["name"] == "ganimate"
    (parent,) = manifest["ingredients"]
    assert parent["relationship"] == "parentOf"
    assert parent["title"] == "the original", "its name is nobody's business"
    assert "thumbnail" not in parent and "thumbnail" not in manifest, "the face before is not shown"
    edited = manifest["assertions"][0]["data"]["actions"][1]
    assert edited["softwareAgent"] == {"name": "ganimate", "version": "0"}
    assert edited["digitalSourceType"] == DIGITAL_SOURCE_TYPE
    assert edited["parameters"]["ganimate.action_units"] == "AU12=0.80"
    assert edited["parameters"]["ganimate.weights"] == "9f86d081"
    assert len(edited["parameters"]["ganimate.original_sha256"]) == 64


def test_an_original_with_credentials_keeps_them(
    tmp_path: Path, small: Path, credentials: Credentials
) -> None:
    first = write_photo(read_photo(small), tmp_path / "a.jpg", provenance=stated(credentials))
    second = write_photo(read_photo(first), tmp_path / "b.webp", provenance=stated(credentials))
    assert read_credentials(second, ".webp").state == "valid"
    assert len(store(second, "image/webp")["manifests"]) == 2


def test_without_an_original_it_is_created(tmp_path: Path, credentials: Credentials) -> None:
    from ganimate.media.stills import photo_from

    path = tmp_path / "a.png"
    array = np.zeros((64, 64, 3), np.uint8)
    write_photo(photo_from(array), path, provenance=stated(credentials))
    found = read_credentials(path, ".png")
    assert found.state == "valid" and found.details["parents"] == 0
    assert found.details["actions"] == ["c2pa.created", "c2pa.edited"]


@pytest.mark.parametrize("name", ["film.mp4", "film.gif", "film.webp", "film.apng", "frames"])
def test_films(tmp_path: Path, small: Path, credentials: Credentials, name: str) -> None:
    path = tmp_path / name
    with film_writer(
        path, size=(64, 64), fps=10, provenance=stated(credentials), source=small
    ) as film:
        for grey in range(3):
            film.write(np.full((64, 64, 3), 40 * grey, np.uint8))
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in files:
        found = read_credentials(file, file.suffix)
        assert found.state == "valid" and found.details["parents"] == 1, found


def test_webm_is_refused_before_any_work(tmp_path: Path, credentials: Credentials) -> None:
    with (
        pytest.raises(UsageError, match=r"film\.webm: \.webm cannot be signed"),
        film_writer(tmp_path / "film.webm", size=(64, 64), fps=10, provenance=stated(credentials)),
    ):
        pytest.fail("the film was opened")
    assert list(tmp_path.iterdir()) == []


def test_a_changed_pixel_breaks_it(tmp_path: Path, small: Path, credentials: Credentials) -> None:
    path = write_photo(read_photo(small), tmp_path / "a.jpg", provenance=stated(credentials))
    content = bytearray(path.read_bytes())
    content[-500] ^= 1
    path.write_bytes(content)
    found = read_credentials(path, ".jpg")
    assert found.state == "broken" and "mismatch" in found.says
    content[content.index(b"c2pa.edited") + 2] ^= 1
    path.write_bytes(content)
    assert read_credentials(path, ".jpg").state == "broken"
    assert read_credentials(small, ".jpg").state == "absent"


def test_a_signer_whom_one_trusts(
    tmp_path: Path, small: Path, folder: Path, credentials: Credentials
) -> None:
    path = write_photo(read_photo(small), tmp_path / "a.jpg", provenance=stated(credentials))
    found = read_credentials(path, ".jpg", (folder / "cert.pem").read_bytes())
    assert found.state == "valid" and found.details["trusted"] is True
    assert "untrusted" not in found.says


def test_keys_are_private_and_not_written_over(tmp_path: Path) -> None:
    new_keys(tmp_path / "c.pem", tmp_path / "k.pem")
    assert stat.S_IMODE((tmp_path / "k.pem").stat().st_mode) == 0o600
    assert (tmp_path / "c.pem").read_bytes().count(b"BEGIN CERTIFICATE") == 2
    with pytest.raises(GanimateError, match="exists already"):
        new_keys(tmp_path / "c.pem", tmp_path / "k.pem")


def test_wrong_keys(tmp_path: Path, folder: Path) -> None:
    cert, key = folder / "cert.pem", folder / "key.pem"
    new_keys(tmp_path / "c.pem", tmp_path / "k.pem")
    with pytest.raises(GanimateError, match=r"k\.pem: this key does not belong"):
        Credentials.load(cert, tmp_path / "k.pem")
    with pytest.raises(GanimateError, match=r"key\.pem: this is no certificate"):
        Credentials.load(key, key)
    with pytest.raises(GanimateError, match=r"cert\.pem: this is no private key"):
        Credentials.load(cert, cert)
    with pytest.raises(GanimateError, match="no such file"):
        Credentials.load(tmp_path / "none.pem", key)
    with pytest.raises(UsageError, match="http"):
        Credentials.load(cert, key, "ftp://somewhere")


def test_a_locked_key(tmp_path: Path, folder: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "locked.pem").write_bytes(locked)
    with pytest.raises(GanimateError, match="locked by a password"):
        Credentials.load(folder / "cert.pem", tmp_path / "locked.pem")


def test_no_time_stamp_leaves_no_file(tmp_path: Path, small: Path, folder: Path) -> None:
    with socket.socket() as unheard:  # bound, and never listens: every call is refused
        unheard.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        asking = Credentials.load(folder / "cert.pem", folder / "key.pem", address)
        with pytest.raises(GanimateError, match=r"a\.png: could not be signed.*127\.0\.0\.1"):
            write_photo(read_photo(small), tmp_path / "a.png", provenance=stated(asking))
    assert [entry.name for entry in tmp_path.iterdir()] == ["original.jpg"]


def test_without_the_extra(
    tmp_path: Path,
    small: Path,
    folder: Path,
    credentials: Credentials,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write_photo(read_photo(small), tmp_path / "a.jpg", provenance=stated(credentials))
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(GanimateError, match=r"ganimate\[c2pa\]"):
        Credentials.load(folder / "cert.pem", folder / "key.pem")
    found = read_credentials(path, ".jpg")
    assert found.state == "present" and "not checked" in found.says
    assert read_credentials(small, ".jpg").state == "absent"


def test_the_commands(face: Path, ganimate: Ganimate) -> None:
    made = ganimate("keys", "new")
    assert made.returncode == 0, made.stderr
    assert made.stdout == "cert.pem\nkey.pem\n" and "untrusted" in made.stderr
    sign = ("--sign", "cert.pem", "key.pem")
    done = ganimate("edit", face, "--au", "12=0.8", "--locator", "builtin", *sign)
    assert done.returncode == 0, done.stderr
    known = ganimate("verify", "face-edited.jpg", "--trust", "cert.pem", "--json")
    (one,) = json.loads(known.stdout)["files"]
    assert (one["c2pa"]["state"], one["c2pa"]["trusted"]) == ("valid", True)
    stamped = ("--tsa", "http://localhost", "--offline", "--force")
    off = ganimate("edit", face, "--au", "12=1", *sign, *stamped)
    assert off.returncode == 2 and "network" in off.stderr
