"""POST /api/load: files of this machine by their paths, for the command line while the dashboard holds the store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ingest.load import load
from ingest.news import only_new
from ingest.options import LoadOptions
from ingest.routes.answers import Problem, body_of, guarded, store_at
from ingest.routes.loads import LOADS
from ingest.standard_input import NAME, lent
from ingest.summary import told
from store.connection import Store, StoreError

MOST_BYTES = 4 << 20  # of paths
EVERY = 0.2  # seconds between two words on how far it is
_OPTIONS = {"format", "origin"}  # and field_map, growing, standard_input
Heard = list[tuple[int, int, Path]]


@dataclass(frozen=True)
class Wanted:
    """What to load into which store; ``added``: to tell of what is new alone."""

    store: Path
    paths: tuple[Path, ...]
    options: LoadOptions
    added: bool


@guarded("POST", "owner")
async def load_by_path(request: Request) -> Response:
    """Answers with JSON lines: the store, how far it is several times a second, and the summary or the error."""
    wanted = _wanted(await body_of(request, MOST_BYTES, "Name a folder instead of its files."))
    store = await store_at(wanted.store)
    return StreamingResponse(_lines(store, wanted), media_type="application/x-ndjson")


async def _lines(store: Store, wanted: Wanted) -> AsyncIterator[bytes]:
    heard: Heard = []
    loading = LOADS.start(partial(_loaded, store, wanted, heard))
    yield _line({"store": store.path})
    while not loading.done():
        yield _line({"progress": _how_far(heard, store)})
        await asyncio.wait({loading}, timeout=EVERY)
    yield _line(loading.result())


def _how_far(heard: Heard, store: Store) -> tuple[int, int, str, int | None] | None:
    if not heard:
        return None
    done, files, path = heard[-1]
    return done, files, path.name, store.percent()


def _loaded(store: Store, wanted: Wanted, heard: Heard) -> dict[str, Any]:
    try:
        with ExitStack() as reading:
            for path in wanted.options.names:
                reading.enter_context(lent(path))
            load_ = load(store, wanted.paths, options=wanted.options, progress=lambda *told: heard.append(told))
    except duckdb.Error as error:
        return _error(f"the store could not take it ({type(error).__name__}); nothing was loaded.")
    except (StoreError, OSError, ValueError) as error:
        return _error(str(error))
    return {"summary": told(only_new(load_) if wanted.added else load_).to_wire()}


def _error(message: str) -> dict[str, Any]:
    return {"error": {"code": "not_loaded", "message": message, "exit": 2}}


def _line(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"


def _wanted(body: bytes) -> Wanted:
    try:
        asked = json.loads(body)
        paths = tuple(Path(path) for path in asked["paths"])
        added = asked.get("added", False)
        wanted = Wanted(Path(asked["store"]), paths, _options(asked.get("options", {}), paths), added)
        if type(added) is not bool or not paths or not all(path.is_absolute() for path in (*paths, wanted.store)):
            raise ValueError
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        advice = 'Send {"store": path, "paths": [absolute paths], "options": {"format", "field_map", "origin"}}.'
        raise Problem(400, "wrong_body", "This is not what to load.", advice) from error
    return wanted


def _options(asked: Mapping[str, Any], paths: Sequence[Path]) -> LoadOptions:
    """What is asked for but None. Raises ValueError, or AttributeError or TypeError for what is no option."""
    options = {name: value for name, value in asked.items() if value is not None}
    field_map = {str(ours): str(theirs) for ours, theirs in options.pop("field_map", {}).items()}
    growing, piped = options.pop("growing", False), options.pop("standard_input", None)
    if set(options) - _OPTIONS or not all(isinstance(value, str) for value in options.values()):
        raise ValueError
    if type(growing) is not bool or (piped is not None and Path(piped) not in paths):
        raise ValueError
    names = {Path(piped): NAME} if piped is not None else {}
    return LoadOptions(**options, field_map=field_map, growing=growing, number_lines=bool(names), names=names)
