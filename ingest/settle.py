"""Which of several records of one request stays: the fuller one, within a file, across files and across loads."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from store.derive import Span, span_of
from store.facts import facts

# Fuller first: more output; more parts; one that says why it stopped; then the earlier; then the one already held.
_FULLER = (
    "output_tokens DESC NULLS LAST, parts DESC, stop_reason IS NULL, started_at ASC NULLS LAST, file_id,"
    " line NULLS FIRST, row_id"
)
# Rows of one record among those of a request that stand on one line: the nth of each part, as they were written.
_NTH = "row_number() OVER (PARTITION BY request_key, file_id, line, parts, part ORDER BY rowid) AS nth"
_CONTESTED = """
CREATE OR REPLACE TEMP TABLE contested AS
SELECT request_key FROM usage WHERE part = 0 AND file_id >= $first GROUP BY request_key HAVING count(*) > 1
UNION
SELECT DISTINCT request_key FROM usage new
WHERE file_id >= $first AND EXISTS (FROM usage held WHERE held.file_id < $first AND held.request_key = new.request_key)
"""
_LOSERS = f"""
CREATE OR REPLACE TEMP TABLE losers AS
WITH ranked AS (
    SELECT row_id, request_key, file_id, line, parts, nth,
           row_number() OVER (PARTITION BY request_key ORDER BY {_FULLER}) AS place,
           first_value(file_id) OVER (PARTITION BY request_key ORDER BY {_FULLER}) AS winner_file
    FROM (SELECT *, rowid AS row_id, {_NTH} FROM usage SEMI JOIN contested USING (request_key) WHERE part = 0)
)
SELECT row_id, request_key, file_id, line, parts, nth, winner_file FROM ranked WHERE place > 1
"""
_THEIR_PARTS = f"""
SELECT further.row_id
FROM (SELECT rowid AS row_id, request_key, file_id, line, parts, {_NTH}
      FROM usage SEMI JOIN (FROM losers WHERE parts > 1) AS several USING (request_key) WHERE part > 0) AS further
JOIN losers ON losers.request_key = further.request_key AND losers.file_id = further.file_id
    AND losers.line IS NOT DISTINCT FROM further.line AND losers.parts = further.parts AND losers.nth = further.nth
"""


def settle(con: DuckDBPyConnection, first: int) -> Span | None:
    """Leaves one record for each request; files from id ``first`` on are new.

    An older row that gives way is kept in `superseded`, so that undoing the newer load brings it back; the quarters of
    such rows are returned.
    """
    con.execute(_CONTESTED, {"first": first})
    if not con.execute("SELECT count(*) FROM contested").fetchall()[0][0]:
        return None
    con.execute(_LOSERS)
    con.execute(
        "INSERT INTO overlap SELECT file_id, winner_file, count(*) FROM losers"
        " WHERE file_id >= $first AND winner_file < $first GROUP BY ALL",
        {"first": first},
    )
    con.execute(
        f"""
        INSERT INTO superseded BY NAME
        SELECT held.*, losers.winner_file AS superseded_by_file FROM {facts()} AS held JOIN losers
            ON held.request_key = losers.request_key AND held.file_id = losers.file_id
        WHERE losers.file_id < $first
        """,
        {"first": first},
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE lost_rows AS SELECT row_id FROM losers UNION ALL ({_THEIR_PARTS})")
    lost = "rowid IN (SELECT row_id FROM lost_rows)"
    gave_way = span_of(con, f"file_id < {first} AND {lost}")
    con.execute(f"DELETE FROM usage WHERE {lost}")
    return None if gave_way == Span() else gave_way
