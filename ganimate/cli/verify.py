"""``ganimate verify``: what files say of their origin, and whether it holds."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganimate.cli import options
from ganimate.cli.console import Console
from ganimate.cli.options import Argument, Option

if TYPE_CHECKING:
    from ganimate.verify import Verdict


def verify(
    files: Annotated[
        list[Path],
        Argument(metavar="FILE...", help="Pictures, films, or folders of PNG frames."),
    ],
    trust: Annotated[
        Path | None,
        Option(metavar="PEM", help="Certificates whose signatures you trust."),
    ] = None,
    locator: options.LocatorChoice = "auto",
    face_model: options.FaceModel = None,
    offline: options.Offline = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Say what files carry of their origin: metadata, Content Credentials, watermark.

    Each is present, valid, broken or absent. Where nothing is found nothing is proven: all of
    them can be taken off. The status is 0 where every file could be read.

    \b
    ganimate verify face-edited.jpg
    ganimate verify *.png --json
    """
    from ganimate.errors import GanimateError
    from ganimate.faces.locate import open_locator
    from ganimate.media.credentials import read_pem
    from ganimate.verify import verify as examine

    trusted = read_pem(trust) if trust else None
    console = Console(quiet=quiet, as_json=json)
    opened = open_locator(locator, face_model=face_model, offline=offline, notify=console.notice)
    summaries: list[dict[str, object]] = []
    tables: list[str] = []
    failed: list[GanimateError] = []
    with closing(opened) as finder, console.busy("looking"):
        for file in files:
            try:
                verdict = examine(file, finder, trusted=trusted)
            except GanimateError as error:
                failed.append(error)
                summaries.append({"file": str(file), "error": str(error)})
            else:
                summaries.append(_summary(verdict))
                tables.append(_table(verdict))
    if tables or json:
        console.result("\n\n".join(tables), {"files": summaries})
    if failed:
        for other in failed[:-1]:
            console.error(str(other))
        raise failed[-1]


def _table(verdict: Verdict) -> str:
    rows = [str(verdict.path)]
    for kind, finding in verdict.findings.items():
        rows.append(f"  {kind:10s} {finding.state:8s} {finding.says}".rstrip())
    return "\n".join(rows)


def _summary(verdict: Verdict) -> dict[str, object]:
    return {
        "file": str(verdict.path),
        "looked_at": verdict.looked_at,
        **{
            kind.lower(): {"state": finding.state, "says": finding.says, **finding.details}
            for kind, finding in verdict.findings.items()
        },
    }
