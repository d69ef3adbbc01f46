"""POST /api/ask: a question of the command line, answered by the process that holds the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ingest.routes.answers import Guarded, Problem, body_of, guarded, store_at
from store.connection import Store

MOST_BYTES = 1 << 20
_ADVICE = 'Send {"store": absolute path, "arguments": [text, ...]}.'

Answer = Callable[[Store, Sequence[str]], Mapping[str, Any]]


def asking(answer: Answer) -> Guarded:
    """The route that answers the arguments of a question, in a thread of its own."""

    @guarded("POST", "owner")
    async def ask(request: Request) -> Response:
        path, arguments = _wanted(await body_of(request, MOST_BYTES, "Ask in fewer words."))
        store = await store_at(path)
        return JSONResponse(await run_in_threadpool(answer, store, arguments))

    return ask


def _wanted(body: bytes) -> tuple[Path, list[str]]:
    try:
        asked = json.loads(body)
        path, arguments = Path(asked["store"]), asked["arguments"]
        if not path.is_absolute() or not all(isinstance(one, str) for one in arguments):
            raise ValueError
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        raise Problem(400, "wrong_body", "This is no question.", _ADVICE) from error
    return path, list(arguments)
