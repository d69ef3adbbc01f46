"""A load taken back: its requests go, and what they had replaced returns."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from ingest.ledger import read_anew
from store.connection import Store
from store.derive import Span, complete, priced, span_of
from store.facts import facts
from store.model_names import LoggedModels


class NoSuchLoad(LookupError):
    """There is no load of that number."""


_UNDONE = "file_id IN (SELECT file_id FROM undone)"


def undo(store: Store, load_id: int) -> int:
    """Takes a load back and says how many requests went. One transaction. Raises NoSuchLoad."""
    with store.writing() as con:
        if not con.execute("SELECT count(*) FROM load WHERE load_id = ?", [load_id]).fetchall()[0][0]:
            raise NoSuchLoad(f"there is no load {load_id}")
        con.execute("CREATE OR REPLACE TEMP TABLE undone AS SELECT file_id FROM load_file WHERE load_id = ?", [load_id])
        gone = int(
            con.execute("SELECT count(*) FROM usage SEMI JOIN undone USING (file_id) WHERE part = 0").fetchall()[0][0]
        )
        read_anew(con, "SELECT file_id FROM undone")
        span = span_of(con, _UNDONE)
        con.execute(f"DELETE FROM usage WHERE {_UNDONE}")
        _bring_back(con, LoggedModels(con, store.prices), span)
        for table in ("rejected_line", "load_file", "overlap"):
            con.execute(f"DELETE FROM {table} WHERE file_id IN (SELECT file_id FROM undone)")
        con.execute("DELETE FROM overlap WHERE held_by_file IN (SELECT file_id FROM undone)")
        con.execute("DELETE FROM load WHERE load_id = ?", [load_id])
    return gone


def held_elsewhere(con: DuckDBPyConnection, load_id: int) -> int:
    """Requests of this load that a later load brought again and did not keep: undoing takes these away too."""
    return int(
        con.execute(
            """
            SELECT coalesce(sum(overlap.requests), 0) FROM overlap
            JOIN load_file held ON held.file_id = overlap.held_by_file
            JOIN load_file later ON later.file_id = overlap.file_id
            WHERE held.load_id = ? AND later.load_id <> held.load_id
            """,
            [load_id],
        ).fetchall()[0][0]
    )


def _bring_back(con: DuckDBPyConnection, models: LoggedModels, gone: Span) -> None:
    # What the undone load had itself lost to another: whoever it had replaced now gave way to that other.
    con.execute(
        """
        UPDATE superseded SET superseded_by_file = passed_on.superseded_by_file
        FROM (
            WITH lost AS (FROM superseded SEMI JOIN undone USING (file_id) WHERE part = 0)
            SELECT held.rowid AS row_id, lost.superseded_by_file FROM superseded AS held JOIN lost
                ON held.request_key = lost.request_key AND held.superseded_by_file = lost.file_id
            UNION
            SELECT held.rowid, lost.superseded_by_file FROM superseded AS held JOIN lost
                ON held.request_id = lost.request_id AND held.superseded_by_file = lost.file_id
            WHERE held.key_kind <> 'message' OR lost.key_kind <> 'message'
        ) AS passed_on
        WHERE superseded.rowid = passed_on.row_id
        """
    )
    con.execute("DELETE FROM superseded WHERE file_id IN (SELECT file_id FROM undone)")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE back AS SELECT DISTINCT request_key FROM superseded"
        " WHERE superseded_by_file IN (SELECT file_id FROM undone)"
    )
    returns = "superseded_by_file IN (SELECT file_id FROM undone)"
    models.learn(models.logged(returns, table="superseded"))
    con.execute(f"INSERT INTO usage BY NAME {priced(facts(returns, source='superseded'))}")
    con.execute(f"DELETE FROM superseded WHERE {returns}")
    complete(con, models, "request_key IN (SELECT request_key FROM back)", gone)
    models.forget_unused()
