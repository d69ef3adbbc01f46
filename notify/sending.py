"""How one try to send something ended, and a limit on how long it may take in all."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

SILENCE = 10.0  # seconds without a byte
WHOLE = 30.0  # seconds for one try, however many bytes trickle in


class Outcome(StrEnum):
    """DELIVERED: it was taken. NOT_NOW: it was not, and may be later. REFUSED: it was not, and will not be as it is.

    UNCERTAIN: it was sent, and no answer came; whether it was taken nobody can tell.
    """

    DELIVERED = "delivered"
    NOT_NOW = "not now"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class Sent:
    """``why`` is in our words: nothing of an address, and nothing the other side said but numbers."""

    outcome: Outcome
    why: str = ""
    wait: float = 0  # seconds the other side asked for


@contextmanager
def limited(wire: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Cuts off the socket that ``wire`` gives when the block takes longer than ``WHOLE``."""

    def cut() -> None:
        found = wire()
        if found is not None:
            with suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(WHOLE, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def fault(error: BaseException) -> str:
    """What went wrong with a connection, by kind alone."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, socket.gaierror):
        return "its host is not known"
    return f"the connection failed ({type(error).__name__})"
