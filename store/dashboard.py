"""The dashboard that holds a store: found by what it announced, and asked over HTTP on loopback and nowhere else."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from store.access import Access, Served, access_of, same, served_of

HOST = "127.0.0.1"


def running(store: Path) -> tuple[Served, Access] | None:
    """The dashboard that holds a store and the secrets to ask it with; None when none does or it is another's."""
    served = served_of(store)
    with suppress(OSError):
        if served is not None and answers(served, access := access_of(store)):
            return served, access
    return None


@contextmanager
def posted(
    dashboard: tuple[Served, Access], route: str, body: Mapping[str, Any], patience: float
) -> Iterator[HTTPResponse]:
    """The answer of a dashboard that runs to JSON on one of its owner's routes.

    Raises OSError, also after ``patience`` seconds without a word from it, and HTTPException.
    """
    served, access = dashboard
    headers = {"Authorization": f"Bearer {access.owner}", "Content-Type": "application/json"}
    with closing(HTTPConnection(HOST, served.port, timeout=patience)) as wire:
        wire.request("POST", f"{served.base}{route}", json.dumps(body), headers)
        yield wire.getresponse()


def answers(served: Served, access: Access) -> bool:
    """Does a dashboard that knows these secrets answer there? It is asked without being told any."""
    nonce = secrets.token_hex(16)
    try:
        with closing(HTTPConnection(HOST, served.port, timeout=5)) as wire:
            wire.request("GET", f"{served.base}/api/health?nonce={nonce}")
            said = json.loads(wire.getresponse().read(10_000))
    except (OSError, HTTPException, ValueError):
        return False
    return isinstance(said, dict) and same(str(said.get("proof")), access.proof(nonce))
