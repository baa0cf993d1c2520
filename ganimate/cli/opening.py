"""The animator that a command's options ask for: written once for all commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ganimate.cli.console import Console

if TYPE_CHECKING:
    from ganimate.animator import Animator


def open_animator(
    console: Console,
    *,
    weights: Path | None = None,
    device: str = "auto",
    locator: str = "auto",
    face_model: Path | None = None,
    offline: bool = False,
) -> Animator:
    """An animator whose notices go to the console; the options are those of `options`."""
    from ganimate.animator import Animator

    return Animator(
        weights,
        device=device,
        locator=locator,
        face_model=face_model,
        offline=offline,
        notify=console.notice,
    )
