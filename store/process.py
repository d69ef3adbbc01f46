"""The one open store of this process, shared by the pages and the HTTP routes."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import duckdb

from store.connection import Store, default_path, open_store

_stores: dict[Path, Store] = {}
_lock = threading.Lock()


def process_store() -> Store:
    """The store at ``default_path()``, opened by whoever asks first and anew if it was closed; for any thread.

    Raises StoreError as ``open_store`` does; the next call tries again.
    """
    path = process_path()
    with _lock:
        store = _stores.get(path)
        if store is None or _closed(store):
            store = _stores[path] = open_store(path)
        return store


def process_path() -> Path:
    """Where that store is, absolute and without symbolic links: one file has one name."""
    return default_path().resolve()


def close_process_store(*, patience: float = 5) -> bool:
    """Closes what is open, so that the file alone holds everything; a later question opens it again.

    Whoever is still writing or asking is waited for, ``patience`` seconds each at most; False when that was not enough.
    """
    with _lock:
        for path, store in list(_stores.items()):
            if not _let_go(store, patience):
                return False
            del _stores[path]
    return True


def _let_go(store: Store, patience: float) -> bool:
    if not store._writer.acquire(timeout=patience):
        return False
    try:
        until = time.monotonic() + patience
        while True:
            try:
                store.close()
                return True
            except duckdb.ResourceInUseException:  # a question is being answered
                if time.monotonic() > until:
                    return False
                time.sleep(0.02)
    finally:
        store._writer.release()


def _closed(store: Store) -> bool:
    try:
        store.cursor().close()
    except duckdb.ConnectionException:
        return True
    return False
