"""Who may ask, and headers on every answer: nothing is loaded from, framed by or sent to anywhere else."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9a-f:]+\](:[0-9]+)?")
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Callable[[], Awaitable[Message]], Send], Awaitable[None]]

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' {sockets}",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]


def allowed_hosts() -> list[str]:
    """The names this dashboard answers to: this machine's own, and those in $SPENDGLASS_HOSTS, comma-separated.

    Any other is refused, so that a web page elsewhere cannot reach it under a name it points at this machine.
    """
    named = [host.strip() for host in os.environ.get("SPENDGLASS_HOSTS", "").split(",")]
    return ["127.0.0.1", "localhost", "[::1]", *filter(None, named)]


class SecurityHeaders:
    """Pure ASGI, so that streamed answers and the WebSocket pass untouched."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        headers = [(b"content-security-policy", policy_for(scope)), *HEADERS]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in dict(headers)]
                message["headers"] = [*kept, *headers]
            await send(message)

        await self.app(scope, receive, with_headers)


def policy_for(scope: Message) -> bytes:
    """The content security policy of an answer; WebSockets go to the host it was asked of and no other."""
    host = dict(scope.get("headers", [])).get(b"host", b"").decode("latin-1")
    sockets = f"ws://{host} wss://{host}" if HOST.fullmatch(host) else ""
    return POLICY.format(sockets=sockets).encode()
