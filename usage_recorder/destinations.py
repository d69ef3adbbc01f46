"""Where records go: a folder of logs, a running dashboard, standard error, or a function of the app."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from usage_recorder.counters import TALLY
from usage_recorder.folder import MAX_BYTES, folder_at

Record = dict[str, Any]
To = str | os.PathLike[str] | Callable[[Record], object] | None

HIDDEN = ".recorder"  # beside the logs; a leading dot keeps loaders out


class Destination(Protocol):
    """Takes records as lines; never raises for what the outside does to it."""

    def write(self, line: bytes) -> None:
        """Takes one line, which ends in a newline."""

    def flush(self, seconds: float = 5) -> None:
        """Waits until what it took is out."""


class StandardError:
    """One line on standard error for each record."""

    def write(self, line: bytes) -> None:
        """Prints a line."""
        try:
            sys.stderr.write(line.decode())
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            TALLY.lost(1, "standard error is closed")
        else:
            TALLY.add("written")

    def flush(self, seconds: float = 5) -> None:
        """Nothing is held back."""


class Function:
    """A function of the app, called with each record where it was made."""

    def __init__(self, function: Callable[[Record], object]) -> None:
        self._function = function

    def write(self, line: bytes) -> None:
        """Calls it."""
        try:
            self._function(json.loads(line))
        except Exception as error:  # noqa: BLE001  its errors are not the request's
            TALLY.lost(1, f"the function that takes them raised {type(error).__name__}")
        else:
            TALLY.add("written")

    def flush(self, seconds: float = 5) -> None:
        """Nothing is held back."""


def destination_of(to: To, token: str | None, state: Path, rotate_bytes: int | None) -> Destination:
    """The destination that ``to`` names; ``None`` is the folder of $SPENDGLASS_LOGS, or ``logs``."""
    if callable(to):
        return Function(to)
    to = logs(to)
    if to == "stderr":
        return StandardError()
    if isinstance(to, str) and to.startswith(("http://", "https://")):
        from usage_recorder.posting import Posting

        return Posting(to, token, folder_at(state / "unsent", counted="spilled"))
    return folder_at(Path(to), max_bytes=rotate_bytes or MAX_BYTES)


def state_of(to: To, given: str | os.PathLike[str] | None) -> Path:
    """The folder of the key, of what batches were made for and of what could not be sent."""
    if given is not None:
        return Path(given)
    if not callable(to):
        to = logs(to)
        if to != "stderr" and not (isinstance(to, str) and to.startswith(("http://", "https://"))):
            return Path(to) / HIDDEN
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "usage_recorder"


def logs(to: str | os.PathLike[str] | None) -> str | os.PathLike[str]:
    """What is written to if nothing is said."""
    return to or os.environ.get("SPENDGLASS_LOGS") or "logs"
