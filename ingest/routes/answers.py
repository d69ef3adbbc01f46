"""Who may ask a route, and what it says when something is wrong: always JSON, with what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from store.access import access_of, same
from store.connection import Store, StoreError
from store.prices import PriceListError
from store.process import process_path, process_store

Handler = Callable[[Request], Awaitable[Response]]
Secret = Literal["ingest", "owner"]
_HERE = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
_TOKEN = "`python -m ingest --token` prints it."


class Problem(Exception):
    """An answer other than what was asked for; ``beside`` is what it holds beside the error."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        advice: str,
        *,
        headers: Mapping[str, str] | None = None,
        beside: Mapping[str, Any] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.advice = advice
        self.headers = headers
        self.beside = beside or {}
        super().__init__(f"{status} {code}: {message} {advice}")

    def response(self) -> JSONResponse:
        """{"error": {"code", "message", "advice"}}."""
        error = {"code": self.code, "message": self.message, "advice": self.advice}
        return JSONResponse({"error": error, **self.beside}, status_code=self.status, headers=self.headers)


class Guarded:
    """A route of one method, for whoever bears a secret of this store and does not come from another site's page."""

    def __init__(self, handler: Handler, method: str, secret: Secret | None) -> None:
        self._handler = handler
        self._method = method
        self._secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            self._check(request)
            if self._secret:
                await _check_bearer(request, self._secret)
            response = await self._handler(request)
        except Problem as problem:
            response = problem.response()
        except ClientDisconnect:
            response = Response(status_code=400)  # nobody hears it
        response.headers["Cache-Control"] = "no-store"
        await response(scope, receive, send)

    def _check(self, request: Request) -> None:
        if request.method != self._method:
            message, headers = f"{request.method} means nothing here.", {"Allow": self._method}
            raise Problem(405, "wrong_method", message, f"Send {self._method}.", headers=headers)
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
            message = "This was sent by a page of another site."
            raise Problem(403, "other_origin", message, "Send it from a program, without an Origin header.")
        if self._secret == "owner" and (request.client is None or request.client.host not in _HERE):
            raise Problem(403, "not_from_here", "This is asked on the dashboard's own machine alone.", "Post the logs.")


def guarded(method: str, secret: Secret | None) -> Callable[[Handler], Guarded]:
    """Makes a route of what answers it."""
    return lambda handler: Guarded(handler, method, secret)


async def body_of(request: Request, most: int, advice: str) -> bytes:
    """The whole body. Raises Problem when it is longer than ``most`` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Problem(413, "too_large", "This is too much.", advice)
    return bytes(body)


async def opened_store() -> Store:
    """The store of this process. Raises Problem when it cannot be opened."""
    try:
        return await run_in_threadpool(process_store)
    except (StoreError, PriceListError, OSError) as error:
        raise Problem(
            503, "no_store", str(error), "Open the dashboard to see what is wrong, then try again."
        ) from error


async def store_at(path: Path) -> Store:
    """The store of this process, which the one at ``path`` has to be. Raises Problem when it is not, or is not open."""
    store = await opened_store()
    if path.resolve() != Path(store.path):
        raise Problem(409, "other_store", "This dashboard holds another store.", "Ask the one that holds yours.")
    return store


async def _check_bearer(request: Request, secret: Secret) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        access = await run_in_threadpool(access_of, process_path())
    except OSError as error:
        raise Problem(503, "no_access_file", str(error), "Mend that, then try again.") from error
    expected = access.ingest if secret == "ingest" else access.owner
    if scheme.lower() != "bearer" or not same(token.strip(), expected):
        found = "Another token is needed here." if token else "A token is missing."
        advice = (
            f"Send it as `Authorization: Bearer TOKEN`. {_TOKEN}" if secret == "ingest" else "Use python -m ingest."
        )
        raise Problem(401, "wrong_token", found, advice, headers={"WWW-Authenticate": 'Bearer realm="spendglass"'})
