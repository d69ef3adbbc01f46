"""What is derived from facts and prices: each row's cost and the sums by quarter-hour, made again exactly."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from store.facts import FACTS, facts
from store.model_names import LoggedModels

_SQL = Path(__file__).with_name("sql")
_COST = (_SQL / "cost.sql").read_text()
_PRICED = (_SQL / "priced.sql").read_text().replace("{facts}", ", ".join(FACTS))
_ROLLUP = (_SQL / "rollup.sql").read_text()
_PLACES = (_SQL / "places.sql").read_text()
_PLACED = {"feature": "feature", "model": "model", "user": "user_id"}
# Changes with the code that prices: a store derived by another is derived again when it is opened.
_CODE = [
    *sorted(_SQL.glob("*.sql")),
    *(_SQL.with_name(name) for name in ("derive.py", "model_names.py", "models.py", "logged_names.py")),
]
DERIVATION = hashlib.sha256(b"".join(path.read_bytes() for path in _CODE)).hexdigest()[:16]


def costed(relation: str) -> str:
    """The cost formula over a relation of facts, as a query."""
    return _COST.replace("{usage}", relation)


def priced(relation: str) -> str:
    """Rows of `usage` for a relation of facts, as a query; their logged models have to be learnt before."""
    return _PRICED.replace("{costed}", costed(relation))


def derive_all(con: DuckDBPyConnection, models: LoggedModels) -> None:
    """Everything derived, from nothing but facts and prices."""
    models.forget_all()
    models.learn(models.logged())
    con.execute("CREATE TABLE rebuilt AS FROM usage LIMIT 0")
    con.execute(f"INSERT INTO rebuilt BY NAME {priced(facts())}")
    con.execute("DROP TABLE usage")
    con.execute("ALTER TABLE rebuilt RENAME TO usage")
    con.execute("DELETE FROM rollup")
    complete(con, models, "true")


def complete(con: DuckDBPyConnection, models: LoggedModels, of: str, gone: Span | None = None) -> None:
    """Derives what the new rows that meet ``of`` change beyond themselves, once they are in `usage`.

    ``of`` is an SQL condition on `usage`; ``gone`` are the quarters of rows that were taken out of it.
    """
    _price_late(con, models, of)
    _price_whole_requests(con, of)
    span = span_of(con, of)
    roll_up(con, span.with_(gone) if gone else span)
    for dimension, column in _PLACED.items():
        con.execute(_PLACES.format(dimension=dimension, column=column, of=of))


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
              WHERE request_key IN (SELECT request_key FROM usage WHERE part > 0 AND ({of}))
              GROUP BY request_key) AS whole
        WHERE usage.part = 0 AND usage.request_key = whole.request_key
        """
    )


@dataclass(frozen=True)
class Span:
    """Quarters from first to last, and whether rows without a time are among them."""

    first: int | None = None
    last: int | None = None
    undated: bool = False

    def with_(self, other: Span) -> Span:
        """The span that holds both."""
        firsts = [one.first for one in (self, other) if one.first is not None]
        lasts = [one.last for one in (self, other) if one.last is not None]
        return Span(min(firsts, default=None), max(lasts, default=None), self.undated or other.undated)


def span_of(con: DuckDBPyConnection, of: str) -> Span:
    """The quarters that the rows of `usage` that meet ``of`` fall in."""
    query = f"SELECT min(quarter), max(quarter), count(*) > count(quarter) FROM usage WHERE {of}"
    return Span(*con.execute(query).fetchall()[0])


def roll_up(con: DuckDBPyConnection, span: Span) -> None:
    """Sums a span of quarters again."""
    conditions = ["quarter IS NULL"] if span.undated else []
    if span.first is not None:
        conditions.append(f"quarter BETWEEN {span.first} AND {span.last}")
    for condition in conditions:
        con.execute(f"DELETE FROM rollup WHERE {condition}")
        con.execute(_ROLLUP.replace("{span}", condition))
