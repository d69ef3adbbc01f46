from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message

from ui.security import SecurityHeaders, allowed_hosts, policy_for


def answer(host: str) -> tuple[int, dict[str, str]]:
    """Status and headers the guards give a request that names ``host``."""
    sent: list[Message] = []

    async def ask() -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        guards = [Middleware(SecurityHeaders), Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts())]
        app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("spend"))], middleware=guards)
        scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "root_path": ""}
        await app({**scope, "headers": [(b"host", host.encode())]}, receive, send)

    with ThreadPoolExecutor(1) as pool:  # the browser tests keep an event loop running in this thread
        pool.submit(asyncio.run, ask()).result()
    start = sent[0]
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost:8501", "localhost"])
def test_this_machine_is_answered_with_the_policy(host: str) -> None:
    status, headers = answer(host)
    assert status == 200
    assert f"connect-src 'self' ws://{host} wss://{host};" in headers["content-security-policy"]
    assert "script-src 'self' blob:;" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"


def test_a_name_pointed_at_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer("evil.example:8501")[0] == 400
    monkeypatch.setenv("SPENDGLASS_HOSTS", "spend.example.org, other.example.org")
    assert [answer(host)[0] for host in ("spend.example.org", "other.example.org:443", "evil.example")] == [
        200,
        200,
        400,
    ]


def test_a_host_that_is_no_host_stays_out_of_the_policy() -> None:
    scope = {"headers": [(b"host", b"x; script-src *")]}
    assert b"connect-src 'self' ;" in policy_for(scope)
    assert b"script-src *" not in policy_for(scope)
