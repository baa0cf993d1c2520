"""How a command's outputs are marked, as its options ask for: written once for all commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ganimate.cli.console import Console
from ganimate.errors import UsageError

if TYPE_CHECKING:
    from ganimate.media.provenance import Marking


def read_marking(
    console: Console,
    *,
    no_provenance: bool = False,
    label: bool = False,
    sign: tuple[Path, Path] | None = None,
    tsa: str | None = None,
    offline: bool = False,
) -> Marking | bool:
    """What `Edited.save` and `Portrait.film` take as provenance; the options are `options`'.

    Raises:
        UsageError: options that exclude each other.
        GanimateError: the certificate or key cannot be used, or the extra for it is missing.
    """
    if tsa and not sign:
        raise UsageError("--tsa goes with --sign")
    if no_provenance:
        if label or sign:
            other = "--label" if label else "--sign"
            raise UsageError(f"--no-provenance and {other} exclude each other")
        console.notice(
            "--no-provenance: nothing in the output will say that it was edited by AI; who "
            "publishes it may have to (EU AI Act, Article 50: docs/provenance.md)"
        )
        return False

    from ganimate.media.provenance import Marking

    if not sign:
        return Marking(label)

    from ganimate.faces.model_file import is_offline
    from ganimate.media.credentials import Credentials

    if tsa and is_offline(offline):
        raise UsageError(f"--tsa {tsa}: a time stamp needs the network, and offline was asked for")
    credentials = Credentials.load(*sign, tsa)
    if tsa:
        console.notice(f"asking {tsa} for a time stamp; it learns a hash and your address")
    return Marking(label, credentials)
