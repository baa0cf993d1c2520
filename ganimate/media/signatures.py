"""Content Credentials (C2PA) of any file, checked: who signed what, and whether it still holds."""

from __future__ import annotations

import json
import mmap
from pathlib import Path
from typing import Any

from ganimate.errors import GanimateError
from ganimate.media.credentials import READABLE, library, settings
from ganimate.media.statement import Finding, printable

_JUMBF = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"


def read_credentials(file: Path, suffix: str, trusted: bytes | None = None) -> Finding:
    """Check a file's Content Credentials.

    Args:
        file: of any origin.
        suffix: of the format that its content has.
        trusted: certificates, PEM, whose signatures are trusted; nobody else's are.

    Returns:
        ``valid``: nothing was changed since it was signed, by whomever; ``broken``, ``absent``,
        or ``present`` where the extra that could check them is not installed.
    """
    kind = READABLE.get(suffix)
    if kind is None:
        return Finding("absent", "this format has no place for them")
    try:
        c2pa = library()
    except GanimateError as error:
        there = _holds_credentials(file)
        return Finding("present", f"not checked: {error.hint}") if there else Finding("absent")
    configured = settings()
    if trusted:
        configured["trust"]["user_anchors"] = trusted.decode("ascii", "replace")
    try:
        with (
            c2pa.Context.from_dict(configured) as context,
            file.open("rb") as stream,
            c2pa.Reader(kind, stream, context=context) as reader,
        ):
            store = json.loads(reader.json())
    except c2pa.C2paError as error:
        if isinstance(error, c2pa.C2paError.ManifestNotFound):
            return Finding("absent")
        if not _holds_credentials(file):  # the file itself is damaged, or of another format
            return Finding("absent", "the file cannot be searched for them")
        return Finding("broken", printable(str(error)))
    return _judged(store)


def _judged(store: dict[str, Any]) -> Finding:
    state = store.get("validation_state")
    manifest = store.get("manifests", {}).get(store.get("active_manifest"), {})
    signature = manifest.get("signature_info", {})
    who = printable(str(signature.get("common_name") or signature.get("issuer") or "unknown"))
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    done = ", ".join(printable(str(action.get("action"))) for action in actions[:8])
    problems = {str(item.get("code")) for item in store.get("validation_status", [])}
    details: dict[str, object] = {
        "signer": who,
        "trusted": state == "Trusted",
        "time": printable(str(signature.get("time") or "")) or None,
        "actions": [printable(str(action.get("action"))) for action in actions],
        "source_types": sorted(
            {printable(str(a["digitalSourceType"])) for a in actions if "digitalSourceType" in a}
        ),
        "descriptions": [printable(str(a["description"])) for a in actions if "description" in a],
        "parents": sum(
            i.get("relationship") == "parentOf" for i in manifest.get("ingredients", [])
        ),
        "problems": sorted(problems),
    }
    if state not in ("Valid", "Trusted"):
        wrong = ", ".join(sorted(problems - {"signingCredential.untrusted"})) or "not valid"
        return Finding("broken", printable(wrong), details)
    known = "" if state == "Trusted" else ", whom nobody vouches for here (untrusted)"
    return Finding("valid", f"{done}; signed by {who}{known}", details)


def _holds_credentials(file: Path) -> bool:
    """Whether the bytes of a C2PA box occur in the file."""
    with file.open("rb") as stream:
        try:
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return content.find(_JUMBF) >= 0
        except ValueError:  # an empty file
            return False
