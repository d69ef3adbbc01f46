"""Tickets for uploads: what a page hands its browser, so that this browser alone can send files and ask for them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

LIFETIME = 24 * 60 * 60  # seconds
_SECRET = secrets.token_bytes(32)  # another process honours no ticket of this one


def mint(session: str, *, now: float | None = None) -> str:
    """A ticket for a session's uploads: its name, until when the ticket holds, and our seal on both.

    ``session`` is letters and digits nobody can guess. ``now`` is in seconds since 1970.
    """
    if not session.isalnum():
        raise ValueError(f"a session's name is letters and digits, not {session!r}")
    claim = f"{session}.{int(_now(now)) + LIFETIME}"
    return f"{claim}.{_seal(claim)}"


def owner_of(ticket: str, *, now: float | None = None) -> str | None:
    """The session a ticket is for; None if it is not from this process, was altered, or has expired."""
    claim, _, seal = ticket.rpartition(".")
    session, _, until = claim.partition(".")
    if not hmac.compare_digest(seal.encode("utf-8", "replace"), _seal(claim).encode()):
        return None
    return session if _now(now) < int(until) else None


def lasting(ticket: str | None, session: str, *, now: float | None = None) -> str:
    """The ticket if it is good for half a life more, else a new one."""
    if ticket is not None and owner_of(ticket, now=_now(now) + LIFETIME // 2) == session:
        return ticket
    return mint(session, now=now)


def _seal(claim: str) -> str:
    return hmac.new(_SECRET, claim.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _now(now: float | None) -> float:
    return time.time() if now is None else now
