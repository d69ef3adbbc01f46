"""POST /api/ingest: logs from apps and collectors, spooled to disk, loaded, and the spool gone again."""

from __future__ import annotations

import asyncio
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import duckdb
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ingest.documents import read_head
from ingest.formats import WrongFormat, by_name, detect
from ingest.load import load
from ingest.options import LoadOptions
from ingest.preview import preview
from ingest.routes.answers import Problem, guarded, opened_store
from ingest.routes.loads import LOADS
from ingest.routes.post_spool import spooled_post
from ingest.summary import ANSWERED_REJECTS, Summary, told
from store.connection import Store, StoreError, StoreFull

MAX_POST_MB = 1024
NAME_CHARACTERS = 100
IDLE = 60  # seconds without a byte after which a sender is given up
CONTENT_TYPES = (
    "application/x-ndjson",
    "application/jsonl",
    "application/json",
    "text/plain",
    "application/octet-stream",
    "application/gzip",
)
_MB = 1_000_000
_WRITTEN_AT_ONCE = 1 << 20


@guarded("POST", "ingest")
async def post(request: Request) -> Response:
    """Answers with what `python -m ingest --json` prints, the load's number and the first rejected lines."""
    limit = _most_bytes()
    _check_headers(request, limit)
    format_ = _format(request.query_params.get("format"))
    LOADS.check_room()
    store = await opened_store()
    name = shown_name(request.query_params.get("name", ""))
    with _kept(), spooled_post(store.path) as path:
        await _receive(request, path, limit)
        summary = await LOADS.post(partial(_loaded, store, path, name, format_))
    return JSONResponse(summary.as_answer())


def shown_name(asked: str) -> str:
    """The name a post goes by: no folder, nothing that does not print, at most 100 characters; else "api"."""
    last = asked.replace("\\", "/").rsplit("/", 1)[-1]
    printed = "".join(char for char in last if not unicodedata.category(char).startswith("C"))
    name = " ".join(printed.split())[:NAME_CHARACTERS].strip()
    return name if name.strip(".") else "api"


def _most_bytes() -> int:
    asked = os.environ.get("SPENDGLASS_MAX_POST_MB") or str(MAX_POST_MB)
    if not asked.isdecimal():
        message = "$SPENDGLASS_MAX_POST_MB is not a whole number of megabytes."
        raise Problem(503, "wrong_setting", message, "Start the dashboard with another value, or without it.")
    return int(asked) * _MB


def _check_headers(request: Request, limit: int) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind not in CONTENT_TYPES:
        advice = f"Send one of {', '.join(CONTENT_TYPES)}."
        raise Problem(415, "wrong_content_type", "A log is not sent as this content type.", advice)
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("identity", "gzip", "x-gzip"):
        advice, headers = "Send it plain or with gzip.", {"Accept-Encoding": "gzip"}
        raise Problem(415, "wrong_encoding", "This content encoding is not known here.", advice, headers=headers)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> Problem:
    advice = "Send it in parts or with gzip, load the file with python -m ingest, or raise $SPENDGLASS_MAX_POST_MB."
    return Problem(413, "too_large", f"This is more than {limit // _MB:,} MB.", advice)


def _format(asked: str | None) -> str | None:
    try:
        return by_name(asked).NAME if asked else None
    except WrongFormat as error:
        message = str(error)
        raise Problem(400, "wrong_format", message, "Leave it out to have the format recognised by content.") from error


async def _receive(request: Request, path: Path, limit: int) -> None:
    """Writes the body to a file as it comes. Raises Problem, and ClientDisconnect when it ends too early."""
    loop = asyncio.get_running_loop()
    size, held = 0, bytearray()
    try:
        with path.open("wb") as file:
            async with asyncio.timeout(IDLE) as patience:
                async for chunk in request.stream():
                    patience.reschedule(loop.time() + IDLE)
                    size += len(chunk)
                    held += chunk
                    if size > limit:
                        raise _too_large(limit)
                    if len(held) >= _WRITTEN_AT_ONCE:
                        await run_in_threadpool(file.write, bytes(held))
                        held.clear()
            await run_in_threadpool(file.write, bytes(held))
    except TimeoutError as error:
        raise Problem(408, "too_slow", f"Nothing came for {IDLE} seconds.", "Send it again.") from error


@contextmanager
def _kept() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"It could not be kept on the disk ({error.strerror}); nothing was loaded."
        raise Problem(507, "no_room", message, "Make room on the disk that holds the store.") from error


def _loaded(store: Store, path: Path, name: str, format_: str | None) -> Summary:
    options = LoadOptions(format=format_, origin="api", number_lines=True, names={path: name})
    try:
        if not format_ and detect(read_head(path)) is None:
            raise _nothing_recognised(store, path, name)
        return told(load(store, [path], options=options))
    except StoreFull as error:
        raise Problem(507, "no_room", str(error), "Make room on the disk that holds the store.") from error
    except (StoreError, duckdb.Error, OSError) as error:
        message = f"The store could not take it ({type(error).__name__}); nothing was loaded."
        advice = "Send it again. If that fails too, look at the disk that holds the store."
        raise Problem(500, "not_loaded", message, advice) from error
    finally:
        path.unlink(missing_ok=True)


def _nothing_recognised(store: Store, path: Path, name: str) -> Problem:
    advice = "Send logs of a format Spendglass knows, or name it with ?format=; docs/http.md has an example."
    lines = [asdict(line) for line in preview(store, path, name=name).rejects[:ANSWERED_REJECTS]]
    message = "No usage was recognised in this; nothing was loaded."
    return Problem(422, "nothing_recognised", message, advice, beside={"rejected_lines": lines})
