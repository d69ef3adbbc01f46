"""Settings of this store: JSON values by name, kept beside the data."""

from __future__ import annotations

import json
from typing import Any

from duckdb import DuckDBPyConnection

from store.connection import Store


def read(con: DuckDBPyConnection, name: str) -> Any:
    """The JSON value of a setting; None when it was never written."""
    found = con.execute("SELECT value FROM setting WHERE name = ?", [name]).fetchall()
    return json.loads(found[0][0]) if found else None


def write(store: Store, name: str, value: Any) -> None:
    """Keeps a JSON value under a name in place of what was there; None takes the setting away.

    Raises TypeError or ValueError for what JSON cannot hold, and StoreFull when there is no room.
    """
    with store.writing() as con:
        put(con, name, value)


def put(con: DuckDBPyConnection, name: str, value: Any) -> None:
    """As ``write``, in a transaction that the caller began: to change what was there."""
    if value is None:
        con.execute("DELETE FROM setting WHERE name = ?", [name])
        return
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    con.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", [name, text])
