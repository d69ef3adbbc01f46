"""A question asked of the dashboard that holds the store, over HTTP on loopback: the same words, the same answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from io import StringIO
from pathlib import Path

from spend.commands.asked import answering
from store.connection import Store
from store.dashboard import HOST, running

ROUTE = "/api/ask"
_PATIENCE = 1800  # seconds: a backtest of a large store takes minutes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question printed, on either stream, and its exit status."""

    status: int
    said: str
    warned: str


def ask_elsewhere(store: Path, arguments: Sequence[str]) -> Answer | None:
    """The answer of the dashboard that holds ``store``; None when none does, or it will not say."""
    found = running(store)
    if found is None:
        return None
    served, access = found
    asked = json.dumps({"store": str(store.resolve()), "arguments": list(arguments)})
    headers = {"Authorization": f"Bearer {access.owner}", "Content-Type": "application/json"}
    try:
        with closing(HTTPConnection(HOST, served.port, timeout=_PATIENCE)) as wire:
            wire.request("POST", f"{served.base}{ROUTE}", asked, headers)
            response = wire.getresponse()
            said = json.loads(response.read())
            return (
                Answer(int(said["status"]), str(said["said"]), str(said["warned"])) if response.status == 200 else None
            )
    except (OSError, HTTPException, LookupError, TypeError, ValueError):
        return None


def answered(store: Store, arguments: Sequence[str], main: Callable[[Sequence[str]], int]) -> dict[str, int | str]:
    """What ``ask_elsewhere`` is told: ``main`` run over a store that is open here."""
    out, errors = StringIO(), StringIO()
    with answering(store, out, errors):
        try:
            status = main(arguments)
        except SystemExit as stopped:  # what the arguments should have been was said where they were given
            status = stopped.code if isinstance(stopped.code, int) else 2
    return asdict(Answer(status, out.getvalue(), errors.getvalue()))
