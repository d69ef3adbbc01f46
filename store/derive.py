"""What is derived from facts and prices: each row's cost and the sums by quarter-hour, made again exactly."""

from __future__ import annotations

import hashlib
from pathlib import Path

from duckdb import DuckDBPyConnection

from store.facts import FACTS, facts
from store.model_names import LoggedModels
from store.rollups import DAYS, USER_BLOCKS, Span, roll_up, roll_up_all, span_of

__all__ = ["DERIVATION", "DERIVED", "Span", "complete", "costed", "derive_all", "priced", "span_of"]

_SQL = Path(__file__).with_name("sql")
_COST = (_SQL / "cost.sql").read_text()
_PRICED = (_SQL / "priced.sql").read_text()
_PLACES = (_SQL / "places.sql").read_text()
# fmt: off
DERIVED = (
    "quarter", "model", "failed", "prompt_tokens", "uncached_input_cost", "cache_read_cost", "cache_write_5m_cost",
    "cache_write_1h_cost", "output_cost", "web_search_cost", "cost", "unpriced_because", "request_cost",
    "request_unpriced",
)
# fmt: on
_OF_REQUEST = ("request_cost", "request_unpriced")
_AT_ONCE = 10 * 122_880  # rows, in whole row groups of DuckDB's
_PLACED = {"feature": ("feature", DAYS), "model": ("model", DAYS), "user": ("user_id", USER_BLOCKS)}
# Changes with the code that prices: a store derived by another is derived again when it is opened.
_CODE = [
    *sorted(_SQL.glob("*.sql")),
    *(_SQL.with_name(name) for name in ("derive.py", "rollups.py", "model_names.py", "models.py", "logged_names.py")),
]
DERIVATION = hashlib.sha256(b"".join(path.read_bytes() for path in _CODE)).hexdigest()[:16]


def costed(relation: str) -> str:
    """The cost formula over a relation of facts, as a query."""
    return _COST.replace("{usage}", relation)


def priced(relation: str) -> str:
    """Rows of `usage` for a relation of facts, as a query; their logged models have to be learnt before."""
    return _priced(", ".join(FACTS), relation)


def _priced(columns: str, relation: str) -> str:
    return _PRICED.replace("{facts}", columns).replace("{costed}", costed(relation))


def derive_all(con: DuckDBPyConnection, models: LoggedModels) -> None:
    """Everything derived, from nothing but facts and prices; only what comes out different is written."""
    models.forget_all()
    models.learn(models.logged())
    _price_again(con)
    con.execute(
        "UPDATE usage SET request_cost = NULL, request_unpriced = NULL"
        " WHERE part > 0 AND (request_cost IS NOT NULL OR request_unpriced IS NOT NULL)"
    )
    _price_whole_requests(con, "true")
    roll_up_all(con)
    _place(con)


def _price_again(con: DuckDBPyConnection) -> None:
    """Writes the derived columns of rows that are not what facts and prices make them; most of a row never changes."""
    differ = {name: f"kept_{name} IS DISTINCT FROM {name}" for name in DERIVED}
    differ |= {name: f"{differ[name]} AND parts = 1" for name in _OF_REQUEST}  # of several parts: not told by one row
    new = ", ".join(
        f"CASE WHEN parts = 1 THEN {n} ELSE kept_{n} END AS {n}" if n in _OF_REQUEST else n for n in DERIVED
    )
    which = " + ".join(f"CASE WHEN {differs} THEN {2**n} ELSE 0 END" for n, differs in enumerate(differ.values()))
    for (run,) in con.execute(f"SELECT DISTINCT rowid // {_AT_ONCE} AS run FROM usage ORDER BY run").fetchall():
        rows = f"rowid BETWEEN {run * _AT_ONCE} AND {(run + 1) * _AT_ONCE - 1}"
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE again AS SELECT row_id, {new}, {which} AS which FROM ({_again(rows)})"
            f" WHERE {' OR '.join(differ.values())}"
        )
        [(wrong,)] = con.execute("SELECT coalesce(bit_or(which), 0) FROM again").fetchall()
        columns = ", ".join(f"{name} = again.{name}" for n, name in enumerate(DERIVED) if wrong & 2**n)
        if columns:
            con.execute(f"UPDATE usage SET {columns} FROM again WHERE usage.rowid = again.row_id AND usage.{rows}")
    con.execute("DROP TABLE IF EXISTS again")


def _again(rows: str) -> str:
    """Rows of `usage` priced again, each with what it had as kept_*, as a query."""
    kept = ", ".join(f"{name} AS kept_{name}" for name in DERIVED)
    carried = ", ".join(f"kept_{name}" for name in DERIVED)
    relation = f"(SELECT rowid AS row_id, {', '.join(FACTS)}, {kept} FROM usage WHERE {rows})"
    return _priced(f"row_id, parts, {carried}", relation)


def complete(con: DuckDBPyConnection, models: LoggedModels, of: str, gone: Span | None = None) -> None:
    """Derives what the new rows that meet ``of`` change beyond themselves, once they are in `usage`.

    ``of`` is an SQL condition on `usage`; ``gone`` are the quarters of rows that were taken out of it.
    """
    _price_late(con, models, of)
    _price_whole_requests(con, of)
    span = span_of(con, of)
    roll_up(con, span.with_(gone) if gone else span)
    _place(con, of)


def _place(con: DuckDBPyConnection, of: str | None = None) -> None:
    """Gives places to the new names in rows of `usage` that meet ``of``; None: in all, as the sums have them."""
    for dimension, (column, summed) in _PLACED.items():
        table = summed.table if of is None else "usage"
        con.execute(_PLACES.format(dimension=dimension, column=column, table=table, of=of or "true"))


def _price_late(con: DuckDBPyConnection, models: LoggedModels, of: str) -> None:
    """Prices rows again whose model was not foreseen when they came in."""
    late = models.learn(models.logged(of))
    if late:
        con.execute("CREATE OR REPLACE TEMP TABLE late_name AS SELECT unnest(?::VARCHAR[]) AS model_logged", [late])
        theirs = f"({of}) AND model_logged IN (FROM late_name)"
        con.execute(f"CREATE OR REPLACE TEMP TABLE late AS FROM {facts(theirs)}")
        con.execute(f"DELETE FROM usage WHERE {theirs}")
        con.execute(f"INSERT INTO usage BY NAME {priced('late')}")
    models.keep_only(of)


def _price_whole_requests(con: DuckDBPyConnection, of: str) -> None:
    if not con.execute(f"SELECT count(*) FROM usage WHERE part > 0 AND ({of})").fetchall()[0][0]:
        return
    con.execute(
        f"""
        UPDATE usage SET request_cost = whole.cost, request_unpriced = whole.unpriced
        FROM (SELECT request_key, CASE WHEN count(cost) = count(*) THEN sum(cost) END AS cost,
                     count(cost) < count(*) AS unpriced
              FROM usage
              WHERE parts > 1 AND ({of})
              GROUP BY request_key) AS whole
        WHERE usage.part = 0 AND usage.parts > 1 AND usage.request_key = whole.request_key
            AND (usage.request_cost IS DISTINCT FROM whole.cost
                 OR usage.request_unpriced IS DISTINCT FROM whole.unpriced)
        """
    )
