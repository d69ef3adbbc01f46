"""What the server does beside answering: it holds the store while it runs, and says where it listens."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import duckdb

from ingest.inbox import spool_of
from ingest.routes.loads import LOADS
from ingest.routes.post_spool import sweep_posts
from store.access import Served, access_of, announce, withdraw
from store.connection import StoreError
from store.dashboard import HOST, answers, running
from store.prices import PriceListError
from store.process import close_process_store, process_path, process_store

OPEN_AGAIN = 2.0  # seconds between two tries to open a store that cannot be opened
LOOKED_FOR = 2.0  # seconds that looking for oneself may keep the store waiting
LOOKS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0, 5.0, 10.0, 20.0, 20.0)  # seconds before each look for oneself
_log = logging.getLogger(__name__)


@asynccontextmanager
async def serving(port: Callable[[], int], base: str = "") -> AsyncIterator[None]:
    """Announces the address once it answers (``port`` is asked then), opens the store, and ends both at the end.

    ``base`` is the path before every address, "" or "/spend". A store that cannot be opened is tried again; a load
    that was begun is finished.
    """
    path = process_path()
    beginning = asyncio.create_task(_begin(port, base))
    try:
        yield
    finally:
        beginning.cancel()
        await asyncio.wait({beginning})
        withdraw(path)
        await asyncio.to_thread(LOADS.close)
        await asyncio.to_thread(close_process_store)


async def _begin(port: Callable[[], int], base: str) -> None:
    """Announces first and opens then: whoever finds the store taken is to find by whom."""
    path = process_path()
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(_found(path, port, base))
        await asyncio.wait({looking}, timeout=LOOKED_FOR)
        while not await _taken(path, looking):
            withdraw(path)
            await asyncio.sleep(OPEN_AGAIN)
        _announce(path, await looking)


async def _found(path: Path, port: Callable[[], int], base: str) -> Served | None:
    """This server as others find it, once it answers; None if it never does on loopback."""
    try:
        access = await asyncio.to_thread(access_of, path)
        for pause in LOOKS:
            await asyncio.sleep(pause)
            served = Served(f"http://{HOST}:{port()}{base}", os.getpid())
            if await asyncio.to_thread(answers, served, access):
                return served
    except OSError as error:
        _log.warning("Nothing can be loaded over HTTP: %s", error)
    return None


async def _taken(path: Path, looking: asyncio.Task[Served | None]) -> bool:
    """Is the store open now? If not, the page says why."""
    if looking.done() and await asyncio.to_thread(running, path) is None:
        _announce(path, looking.result())
    try:
        store = await asyncio.to_thread(process_store)
        sweep_posts(store.path)
        spool_of(store.path).sweep()
    except (StoreError, PriceListError, OSError, duckdb.Error):
        return False
    return True


def _announce(path: Path, served: Served | None) -> None:
    try:
        if served:
            announce(path, served)
    except OSError as error:
        _log.warning("python -m ingest will not find this dashboard: %s", error)
