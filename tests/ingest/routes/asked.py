"""The routes on a real server of their own, in this process, and what they answer."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from ingest.inbox import inbox_of
from ingest.routes import ROUTES, serving
from store.access import access_of
from store.process import process_path


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The code of the error it must be, which says what is wrong and what to do, and nothing more."""
        error = self.json["error"]
        assert set(error) == {"code", "message", "advice"}
        assert all(error.values())
        return str(error["code"])


@dataclass(frozen=True)
class Asked:
    """A running server."""

    port: int

    def connected(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=60)

    def __call__(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **kwargs: Any
    ) -> Answer:
        with closing(self.connected()) as wire:
            wire.request(method, path, body, dict(headers or {}), **kwargs)
            answer = wire.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def post(self, body: Any, query: str = "", **headers: str) -> Answer:
        """Posts logs as an app does."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self("POST", f"/api/ingest{query}", body, {**bearer("ingest"), **named})


def bearer(secret: str) -> dict[str, str]:
    """The header of who bears a secret of the process's store."""
    return {"Authorization": f"Bearer {getattr(access_of(process_path()), secret)}"}


def left_in_inbox() -> list[Path]:
    """What is spooled."""
    folder = inbox_of(process_path())
    return list(folder.iterdir()) if folder.is_dir() else []


@contextmanager
def server(routes: Sequence[Route] = ROUTES, base: str = "", port: Callable[[int], int] = int) -> Iterator[Asked]:
    """Serves the routes over the process's store until the block ends; ``port`` is what it believes its port to be."""
    with socket.create_server(("127.0.0.1", 0)) as wire:
        listening = wire.getsockname()[1]

        @asynccontextmanager
        async def lifespan(_: Starlette) -> Any:
            async with serving(lambda: port(listening), base):
                yield

        app = Starlette(routes=list(routes), lifespan=lifespan)
        running = uvicorn.Server(uvicorn.Config(app, ws="none", log_level="warning", loop="asyncio"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [wire]})
        thread.start()
        try:
            until(lambda: running.started)
            yield Asked(listening)
        finally:
            running.should_exit = True
            thread.join()


def until(happened: Callable[[], object], seconds: float = 60) -> None:
    """Waits for something to be true; fails if it never is."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
