"""The queries of the checks: each gives what is wrong in words, a row each, and so no row of a store that is whole."""

from __future__ import annotations

from pathlib import Path

from duckdb import DuckDBPyConnection

from store.derive import costed
from store.facts import FACTS
from store.migrations import SCHEMA_VERSION
from store.rollups import Rollup, summing

_SQL = Path(__file__).with_name("sql")
_REQUEST = ("request_cost", "request_unpriced")  # of the request, not of the row: checked on their own

SHAPE = f"""
SELECT concat('store_info has ', count(*), ' rows, not one') FROM store_info HAVING count(*) <> 1
UNION ALL
SELECT concat('its shape is ', schema_version, ', this version knows ', {SCHEMA_VERSION}) FROM store_info
WHERE schema_version <> {SCHEMA_VERSION}
UNION ALL
SELECT concat('its data version is ', data_version) FROM store_info WHERE data_version < 1
"""

LINES = """
SELECT concat(path, ': ', lines, ' lines, but ', requests, ' requests + ', duplicates, ' duplicates + ', ignored,
              ' ignored + ', rejected, ' rejected')
FROM load_file
WHERE lines <> requests + duplicates + ignored + rejected OR least(requests, duplicates, ignored, rejected) < 0
UNION ALL
SELECT concat(path, ': ', rejected, ' lines rejected, and ', kept, ' of them kept')
FROM (SELECT path, rejected, (SELECT count(*) FROM rejected_line AS r WHERE r.file_id = f.file_id) AS kept
      FROM load_file AS f)
WHERE kept > rejected OR kept = 0 AND rejected > 0
"""

# A row that gave way to a fuller one waits in `superseded` with its own file, and comes back when that one is undone.
HELD = """
SELECT concat(path, ': ', requests, ' requests counted, ', coalesce(held, 0), ' held')
FROM load_file LEFT JOIN (
    SELECT file_id, count(*) AS held
    FROM (SELECT file_id FROM usage WHERE part = 0 UNION ALL SELECT file_id FROM superseded WHERE part = 0)
    GROUP BY file_id
) USING (file_id)
WHERE requests <> coalesce(held, 0)
UNION ALL
SELECT concat(path, ': ', duplicates, ' duplicates counted, ', held, ' of them held by other files')
FROM load_file JOIN (SELECT file_id, sum(requests) AS held FROM overlap GROUP BY file_id) USING (file_id)
WHERE held > duplicates
"""

LOADS = """
WITH named AS (
    SELECT 'usage' AS held_in, file_id, count(*) AS number FROM usage GROUP BY file_id
    UNION ALL SELECT 'superseded', file_id, count(*) FROM superseded GROUP BY file_id
    UNION ALL SELECT 'superseded', superseded_by_file, count(*) FROM superseded GROUP BY superseded_by_file
    UNION ALL SELECT 'rejected_line', file_id, count(*) FROM rejected_line GROUP BY file_id
    UNION ALL SELECT 'overlap', file_id, count(*) FROM overlap GROUP BY file_id
    UNION ALL SELECT 'overlap', held_by_file, count(*) FROM overlap GROUP BY held_by_file
)
SELECT concat(number, ' rows of ', held_in, ' name file ', coalesce(named.file_id::VARCHAR, 'NULL'),
              ', which is in no load')
FROM named LEFT JOIN load_file USING (file_id) WHERE load_file.file_id IS NULL
UNION ALL
SELECT concat(path, ': load ', load_id, ' is not there') FROM load_file ANTI JOIN load USING (load_id)
UNION ALL
SELECT concat('load ', load_id, ' has no file') FROM load ANTI JOIN load_file USING (load_id)
UNION ALL
SELECT concat('the next ', what, ' may be ', coalesce(last_value, 0) + 1, ', and ', taken, ' is there')
FROM duckdb_sequences() JOIN (
    SELECT 'load_ids' AS sequence_name, 'load' AS what, max(load_id) AS taken FROM load
    UNION ALL SELECT 'file_ids', 'file', max(file_id) FROM load_file
) USING (sequence_name)
WHERE coalesce(last_value, 0) < taken
"""

ONCE = """
SELECT concat(coalesce(request_key, 'a request without a key'), ' is held ', count(*), ' times')
FROM usage WHERE part = 0 GROUP BY request_key HAVING count(*) > 1 OR request_key IS NULL
UNION ALL
SELECT concat(request_key, ' gave way ', count(*), ' times')
FROM superseded WHERE part = 0 GROUP BY request_key, file_id HAVING count(*) > 1
"""


def _parts(table: str, whole: str) -> str:
    return f"""
    SELECT concat(coalesce(any_value(request_key), 'a row without a key'), ': ', count(*), ' of ',
                  coalesce(max(parts), 0), ' parts')
    FROM {table} WHERE parts > 1 OR part <> 0 OR parts IS NULL OR part IS NULL OR parts < 1 GROUP BY {whole}
    HAVING (count(*) = max(parts) AND min(parts) = max(parts) AND count(part) = count(*)
            AND min(part) = 0 AND max(part) = max(parts) - 1 AND count(DISTINCT part) = count(*)
            AND count(DISTINCT file_id) = 1) IS NOT TRUE
    """


PARTS = f"{_parts('usage', 'request_key')} UNION ALL {_parts('superseded', 'request_key, file_id')}"

NAMES = "SELECT model_logged, provider, region, model, regional, assumption FROM model_name"

REQUEST_COSTS = """
WITH whole AS (
    SELECT request_key, CASE WHEN count(cost) = count(*) THEN sum(cost) END AS cost, count(cost) < count(*) AS unpriced
    FROM usage WHERE parts > 1 GROUP BY request_key
)
SELECT concat(request_key, ': ', coalesce(request_cost::VARCHAR, 'unknown'), ', not ',
              coalesce(cost::VARCHAR, 'unknown'))
FROM usage
WHERE part = 0 AND parts = 1
    AND (request_cost IS DISTINCT FROM cost OR request_unpriced IS DISTINCT FROM (cost IS NULL))
UNION ALL
SELECT concat(request_key, ': ', coalesce(request_cost::VARCHAR, 'unknown'), ', not ',
              coalesce(whole.cost::VARCHAR, 'unknown'))
FROM usage JOIN whole USING (request_key)
WHERE part = 0 AND parts > 1
    AND (request_cost IS DISTINCT FROM whole.cost OR request_unpriced IS DISTINCT FROM whole.unpriced)
UNION ALL
SELECT concat(request_key, ': part ', part, ' has the cost of a request') FROM usage
WHERE part > 0 AND (request_cost IS NOT NULL OR request_unpriced IS NOT NULL)
"""

PLACES = """
WITH seen AS (
    SELECT DISTINCT 'feature' AS dimension, feature AS name FROM usage WHERE feature IS NOT NULL
    UNION ALL SELECT DISTINCT 'model', model FROM usage WHERE model IS NOT NULL
    UNION ALL SELECT DISTINCT 'user', user_id FROM usage WHERE user_id IS NOT NULL
)
SELECT concat(dimension, ' ', name, ' has none') FROM seen ANTI JOIN place USING (dimension, name)
UNION ALL
SELECT concat(dimension, ' ', name, ' has ', count(*)) FROM place GROUP BY dimension, name HAVING count(*) > 1
UNION ALL
SELECT concat(dimension, ' place ', place, ' is taken ', count(*), ' times') FROM place GROUP BY dimension, place
HAVING count(*) > 1
"""
# The first stays; who is left without a place gets one when the store is derived again.
PLACES_ONCE = tuple(
    f"DELETE FROM place WHERE rowid NOT IN (SELECT min(rowid) FROM place GROUP BY dimension, {taken})"
    for taken in ("name", "place")
)


def costs(con: DuckDBPyConnection) -> str:
    """Rows of which a derived column is not what the formula gives: in one pass, each row carrying what it had."""
    found = con.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = 'usage' ORDER BY column_index")
    derived = [name for (name,) in found.fetchall() if name not in FACTS and name not in _REQUEST]
    kept = ", ".join(f"kept_{name}" for name in derived)
    carrying = f"(SELECT {', '.join(FACTS)}, {', '.join(f'{name} AS kept_{name}' for name in derived)} FROM usage)"
    priced = (_SQL / "priced.sql").read_text()
    again = priced.replace("{facts}", f"request_key, part, {kept}").replace("{costed}", costed(carrying))
    differing = " OR ".join(f"kept_{name} IS DISTINCT FROM {name}" for name in derived)
    said = ", ".join(
        f"CASE WHEN kept_{name} IS DISTINCT FROM {name} THEN concat('{name} ',"
        f" coalesce(kept_{name}::VARCHAR, 'unknown'), ', not ', coalesce({name}::VARCHAR, 'unknown')) END"
        for name in derived
    )
    key = "concat(request_key, CASE WHEN part > 0 THEN concat(' part ', part) END, ': ')"
    return f"SELECT concat({key}, concat_ws('; ', {said})) FROM ({again}) WHERE {differing}"


def summed_again(rollup: Rollup) -> tuple[str, str]:
    """Statements that sum a table of sums once more, beside it: into `summed`."""
    return (
        f"CREATE OR REPLACE TEMP TABLE summed AS FROM {rollup.table} LIMIT 0",
        summing(rollup, into="summed"),
    )


def sums(rollup: Rollup) -> str:
    """Keys of which a table of sums and `summed` say different things."""
    time = f"strftime(make_timestamp({rollup.unit}::BIGINT * {rollup.quarters * 900_000_000}), '%Y-%m-%d %H:%M')"
    names = ", ".join(f"coalesce({key}, 'no {key}')" for key in rollup.keys)
    said = f"concat_ws(' ', '{rollup.table}:', coalesce({time}, 'no time'), {names})"
    differing = f"(FROM {rollup.table} EXCEPT ALL FROM summed) UNION ALL (FROM summed EXCEPT ALL FROM {rollup.table})"
    return f"SELECT DISTINCT {said} FROM ({differing})"
