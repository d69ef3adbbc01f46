"""Which of several records of one request stays: the fuller one, within a file, across files and across loads."""

from __future__ import annotations

from collections.abc import Iterable

from duckdb import DuckDBPyConnection

from store.derive import Span, span_of
from store.facts import FACTS, facts

# Fuller first: an earlier reading of a file that was read again, and otherwise, gives way, and what somebody retold to
# the counts of the API itself for a finished message; then more output; more parts; one that says why it stopped; then
# the earlier; then the one already held. Within a file it is what a record tells that decides, since many are written
# at once, in no order.
_FULLER = (
    "gives_way, output_tokens DESC NULLS LAST, parts DESC, stop_reason IS NULL, started_at ASC NULLS LAST, file_id,"
    " told, line NULLS FIRST, row_id"
)
_TOLD = ", ".join(list(FACTS)[list(FACTS).index("started_at") :])
# Requests that a log knows by its own id or by the request id alone, where another log tells more of who they are.
_ALIASES = """
CREATE OR REPLACE TEMP TABLE alias AS
WITH alone AS (
    SELECT request_id, request_key, file_id FROM usage
    WHERE part = 0 AND key_kind IN ('request', 'log') AND request_id IS NOT NULL
),
best AS (
    SELECT request_id, max(file_id) AS latest,
           count(DISTINCT request_key) FILTER (key_kind = 'message') AS messages,
           CASE WHEN messages = 1 THEN min(request_key) FILTER (key_kind = 'message')
                WHEN messages = 0 THEN coalesce(min(request_key) FILTER (key_kind = 'request'), min(request_key))
           END AS contest
    FROM usage SEMI JOIN alone USING (request_id) WHERE part = 0 GROUP BY request_id
)
SELECT DISTINCT alone.request_key, best.contest FROM alone JOIN best USING (request_id)
WHERE best.latest >= $first AND best.contest <> alone.request_key
"""
# By their hashes first: whole keys are compared only of the few that share one. In passes, so that each fits in memory.
_HASHED = "SELECT hash(request_key) AS hashed FROM usage WHERE part = 0"
_SUSPECTS = f"""
INSERT INTO suspect
SELECT hashed FROM ({_HASHED} AND file_id >= $first) WHERE {{of_the_pass}} GROUP BY hashed HAVING count(*) > 1
UNION
SELECT hashed FROM ({_HASHED} AND file_id < $first)
WHERE {{of_the_pass}} AND hashed IN (FROM ({_HASHED} AND file_id >= $first) WHERE {{of_the_pass}})
"""
_AT_ONCE = 5_000_000  # keys
_CONTESTED = f"""
CREATE OR REPLACE TEMP TABLE contested AS
SELECT request_key, part, parts, file_id, line, started_at, output_tokens, stop_reason, usage.rowid AS row_id,
       coalesce(alias.contest, request_key) AS contest,
       hash(uncached_input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens)
           AS counted,
       hash({_TOLD}) AS told,
       file_id IN (FROM retold) AS is_retold, file_id IN (FROM outdated) AS is_outdated
FROM usage LEFT JOIN alias USING (request_key)
WHERE part = 0 AND hash(request_key) IN (FROM suspect)
"""
# Rows of one record among those of a request that stand on one line: the nth of each part, as they were written.
_NTH = "row_number() OVER (PARTITION BY request_key, file_id, line, parts, part ORDER BY row_id) AS nth"
_LOSERS = f"""
CREATE OR REPLACE TEMP TABLE losers AS
WITH numbered AS (
    SELECT *, {_NTH},
           is_outdated AND bool_or(file_id >= $first) OVER (PARTITION BY contest)
               AND min(counted) OVER (PARTITION BY contest) <> max(counted) OVER (PARTITION BY contest)
           OR is_retold AND bool_or(NOT is_retold AND stop_reason IS NOT NULL) OVER (PARTITION BY contest) AS gives_way
    FROM contested
),
ranked AS (
    SELECT row_id, request_key, file_id, line, parts, nth,
           row_number() OVER (PARTITION BY contest ORDER BY {_FULLER}) AS place,
           first_value(file_id) OVER (PARTITION BY contest ORDER BY {_FULLER}) AS winner_file
    FROM numbered
)
SELECT row_id, request_key, file_id, line, parts, nth, winner_file FROM ranked WHERE place > 1
"""
_THEIR_PARTS = f"""
SELECT further.row_id
FROM (SELECT row_id, request_key, file_id, line, parts, {_NTH}
      FROM (SELECT rowid AS row_id, * FROM usage SEMI JOIN (FROM losers WHERE parts > 1) AS several USING (request_key)
            WHERE part > 0)) AS further
JOIN losers ON losers.request_key = further.request_key AND losers.file_id = further.file_id
    AND losers.line IS NOT DISTINCT FROM further.line AND losers.parts = further.parts AND losers.nth = further.nth
"""


def settle(
    con: DuckDBPyConnection, first: int, *, retold: Iterable[int] = (), outdated: Iterable[int] = ()
) -> Span | None:
    """Leaves one record for each request; files from id ``first`` on are new.

    ``retold`` are files of somebody else's account, ``outdated`` earlier readings of files that were read again whole.

    An older row that gives way is kept in `superseded`, so that undoing the newer load brings it back; the quarters of
    such rows are returned.
    """
    if con.execute("SELECT 1 FROM usage WHERE key_kind IN ('request', 'log') LIMIT 1").fetchall():
        con.execute(_ALIASES, {"first": first})
    else:
        con.execute("CREATE OR REPLACE TEMP TABLE alias (request_key VARCHAR, contest VARCHAR)")
    for name, files in (("retold", retold), ("outdated", outdated)):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT unnest(?::INTEGER[]) AS file_id", [list(files)])
    _suspect(con, first)
    con.execute(_CONTESTED)
    con.execute(_LOSERS, {"first": first})
    if not con.execute("SELECT count(*) FROM losers").fetchall()[0][0]:
        return None
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


def _suspect(con: DuckDBPyConnection, first: int) -> None:
    """Fills `suspect` with the hashes of keys that more than one record may bear."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE suspect AS SELECT hash(unnest([request_key, contest])) AS hashed FROM alias"
    )
    passes = 1 + int(con.execute("SELECT count(*) FROM usage").fetchall()[0][0]) // _AT_ONCE
    for number in range(passes):
        of_the_pass = f"hashed % {passes} = {number}" if passes > 1 else "true"
        con.execute(_SUSPECTS.format(of_the_pass=of_the_pass), {"first": first})
