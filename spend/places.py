"""The place each name keeps, whatever is loaded later: what its colour hangs on."""

from __future__ import annotations

from duckdb import DuckDBPyConnection


def places(con: DuckDBPyConnection, dimension: str, *, limit: int) -> list[str]:
    """The first names of "feature", "model" or "user", in the order of spend when each was first loaded."""
    found = con.execute(
        "SELECT name FROM place WHERE dimension = ? AND place < ? ORDER BY place", [dimension, limit]
    ).fetchall()
    return [name for (name,) in found]
