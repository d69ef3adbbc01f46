"""A question asked of the dashboard that holds the store, over HTTP on loopback: the same words, the same answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPException, HTTPResponse
from io import StringIO
from pathlib import Path

from spend.commands.asked import answering
from store.connection import Store
from store.dashboard import posted, running

ROUTE = "/api/ask"
OTHER_STORE = 409
_PATIENCE = 1800  # seconds: a backtest of a large store takes minutes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question printed, on either stream, and its exit status."""

    status: int
    said: str
    warned: str


class NoAnswer(Exception):
    """The dashboard would not answer, or stopped before it had; the message says which."""


def ask_elsewhere(store: Path, arguments: Sequence[str]) -> Answer | None:
    """The answer of the dashboard that holds ``store``; None when none does. Raises NoAnswer."""
    dashboard = running(store)
    if dashboard is None:
        return None
    question = {"store": str(store.resolve()), "arguments": list(arguments)}
    try:
        with posted(dashboard, ROUTE, question, _PATIENCE) as response:
            return _told(response)
    except (OSError, HTTPException, LookupError, TypeError, ValueError) as error:
        message = "the dashboard has the store open, and stopped answering before it said how this ended."
        raise NoAnswer(f"{message} What was to be set or told may have been; ask again.") from error


def _told(response: HTTPResponse) -> Answer | None:
    said = json.loads(response.read())
    if response.status == OTHER_STORE:
        return None
    if response.status != 200:
        error = said["error"]
        raise NoAnswer(f"the dashboard has the store open, and does not answer: {error['message']} {error['advice']}")
    return Answer(int(said["status"]), str(said["said"]), str(said["warned"]))


def answered(store: Store, arguments: Sequence[str], main: Callable[[Sequence[str]], int]) -> dict[str, int | str]:
    """What ``ask_elsewhere`` is told: ``main`` run over a store that is open here."""
    out, errors = StringIO(), StringIO()
    with answering(store, out, errors):
        try:
            status = main(arguments)
        except SystemExit as stopped:  # what the arguments should have been was said where they were given
            status = stopped.code if isinstance(stopped.code, int) else 2
    return asdict(Answer(status, out.getvalue(), errors.getvalue()))
