"""What goes wrong, said so that a person can act on it.

Raised anywhere in the library, caught once, in ``ganimate/cli/app.py``.
"""

from __future__ import annotations

from collections.abc import Collection


class GanimateError(Exception):
    """A failure that is explained in one line.

    Args:
        message: what was wrong, with the file or value it was found in.
        hint: what to do about it; may be empty.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(GanimateError):
    """The request itself is wrong: an unknown action unit, a bad number, a wrong suffix."""

    exit_code = 2


def check_choice(name: str, value: str, legal: Collection[str]) -> None:
    """Raise UsageError unless `value` is one of the `legal`, which are named."""
    if value not in legal:
        raise UsageError(f"{name} {value!r} is unknown", f"known: {', '.join(legal)}")
