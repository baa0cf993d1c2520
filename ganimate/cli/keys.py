"""``ganimate keys``: a certificate of one's own, to try signing with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Typer

from ganimate.cli import options
from ganimate.cli.console import Console
from ganimate.cli.options import Option

keys = Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Make a test certificate to sign Content Credentials with.",
)


@keys.callback()
def group() -> None:
    """Make a test certificate to sign Content Credentials with."""


@keys.command()
def new(
    output: Annotated[
        Path, Option("--output", "-o", metavar="FOLDER", help="Where cert.pem and key.pem go.")
    ] = Path(),
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Make cert.pem and key.pem, valid for a year, for this machine alone.

    Others will see what you sign with them as untrusted: nobody vouches for the name in them.
    For signatures that others trust, a certificate authority on C2PA's list has to issue one.

    \b
    ganimate keys new
    ganimate edit face.jpg --au 12=0.8 --sign cert.pem key.pem
    """
    from ganimate.media.keys import VALID_DAYS, new_keys
    from ganimate.output import check_output

    certificate, key = output / "cert.pem", output / "key.pem"
    for path in (certificate, key):
        check_output(path, force=force)
    new_keys(certificate, key, force=force)
    console = Console(quiet=quiet, as_json=json)
    console.notice(
        f"a test certificate for {VALID_DAYS} days: others will see what it signs as untrusted; "
        "keep key.pem to yourself"
    )
    console.result(
        f"{certificate}\n{key}",
        {"certificate": str(certificate), "key": str(key), "days": VALID_DAYS, "trusted": False},
    )
