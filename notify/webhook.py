"""JSON posted to an address: one try. Redirects are not followed, and no proxy is asked."""

from __future__ import annotations

import ssl
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection

from notify.destinations import Address
from notify.sending import SILENCE, Outcome, Sent, fault, limited

LONGEST_WAIT = 60.0
_LATER = (408, 425, 429)


def post(to: Address, body: bytes, *, key: str | None) -> Sent:
    """Posts JSON. With a ``key``, by which the other side knows what it has had, an answer that did not come is
    asked for again; without one that is uncertain."""
    headers = {"Content-Type": "application/json", "User-Agent": "spendglass", "Connection": "close"}
    if key:
        headers["Idempotency-Key"] = key
    with closing(_connection(to)) as wire, limited(lambda: wire.sock):
        try:
            wire.connect()
        except (OSError, HTTPException, ValueError) as error:
            return Sent(Outcome.NOT_NOW, fault(error))
        try:
            wire.request("POST", to.path, body, headers)
            answer = wire.getresponse()
        except (OSError, HTTPException, ValueError) as error:
            return Sent(Outcome.NOT_NOW if key else Outcome.UNCERTAIN, fault(error))
        return _judged(answer)


def _connection(to: Address) -> HTTPConnection:
    if to.secure:
        return HTTPSConnection(to.host, to.port, timeout=SILENCE, context=ssl.create_default_context())
    return HTTPConnection(to.host, to.port, timeout=SILENCE)


def _judged(answer: HTTPResponse) -> Sent:
    status = answer.status
    if 200 <= status < 300:
        return Sent(Outcome.DELIVERED)
    if 300 <= status < 400:
        return Sent(Outcome.REFUSED, f"it answered {status}; redirects are not followed")
    if status in _LATER or status >= 500:
        return Sent(Outcome.NOT_NOW, f"it answered {status}", _asked_for(answer))
    return Sent(Outcome.REFUSED, f"it answered {status}")


def _asked_for(answer: HTTPResponse) -> float:
    asked = answer.getheader("Retry-After", "").strip()
    return min(float(asked), LONGEST_WAIT) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
