"""What is derived from facts and prices: the priced rows and their rollup by quarter-hour, made again exactly."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from store.models import ModelNames, write_model_names
from store.prices import PriceList

_SQL = Path(__file__).with_name("sql")
_COST = (_SQL / "cost.sql").read_text()
_PRICED = (_SQL / "priced.sql").read_text()
_ROLLUP = (_SQL / "rollup.sql").read_text()
_PLACES = (_SQL / "places.sql").read_text()
_PLACED = {"feature": "feature", "model": "model", "user": "user_id"}
_FORGET_NAMES = """
DELETE FROM model_name AS n WHERE NOT EXISTS (
    FROM usage AS u WHERE u.model_logged = n.model_logged
    AND u.provider IS NOT DISTINCT FROM n.provider AND u.region IS NOT DISTINCT FROM n.region)
"""
EVERYTHING = "true"
# Changes with the code that prices: a store derived by another is derived again when it is opened.
_CODE = [*sorted(_SQL.glob("*.sql")), *(_SQL.with_name(name) for name in ("derive.py", "models.py", "logged_names.py"))]
DERIVATION = hashlib.sha256(b"".join(path.read_bytes() for path in _CODE)).hexdigest()[:16]


def costed(usage: str = "usage") -> str:
    """The cost formula over a relation shaped like ``usage``, as a query."""
    return _COST.replace("{usage}", usage)


def derive_all(con: DuckDBPyConnection, prices: PriceList) -> None:
    """Everything derived, from nothing but facts and prices."""
    con.execute("DELETE FROM model_name")
    con.execute("DELETE FROM priced")
    con.execute("DELETE FROM rollup")
    derive(con, prices, EVERYTHING)


def derive(con: DuckDBPyConnection, prices: PriceList, of: str) -> None:
    """Prices the usage rows that meet ``of`` (not priced yet) and sums again the quarters they fall in.

    ``of`` is an SQL condition on columns that `usage` and `priced` share: file_id, request_key.
    """
    write_model_names(con, ModelNames.of(prices))
    con.execute(_PRICED.replace("{costed}", costed(f"(SELECT * FROM usage WHERE {of})")))
    several = con.execute(f"SELECT count(*) FROM usage WHERE {of} AND part > 0").fetchall()[0][0]
    if several:
        con.execute(
            f"""
            UPDATE priced SET request_cost = whole.cost, request_unpriced = whole.unpriced
            FROM (SELECT request_key, CASE WHEN count(cost) = count(*) THEN sum(cost) END AS cost,
                         count(cost) < count(*) AS unpriced
                  FROM priced
                  WHERE request_key IN (SELECT request_key FROM priced WHERE part > 0 AND {of})
                  GROUP BY request_key) AS whole
            WHERE priced.part = 0 AND priced.request_key = whole.request_key
            """
        )
    roll_up(con, span_of(con, of))
    for dimension, column in _PLACED.items():
        con.execute(_PLACES.format(dimension=dimension, column=column, of=of))


def forget(con: DuckDBPyConnection, of: str) -> None:
    """Drops the priced rows that meet ``of``, whose facts are gone, and sums their quarters again."""
    span = span_of(con, of)
    if con.execute(f"DELETE FROM priced WHERE {of}").fetchall()[0][0]:
        con.execute(_FORGET_NAMES)
        roll_up(con, span)


@dataclass(frozen=True)
class Span:
    """Quarters from first to last, and whether rows without a time are among them."""

    first: int | None
    last: int | None
    undated: bool


def span_of(con: DuckDBPyConnection, of: str) -> Span:
    """The quarters the priced rows that meet ``of`` fall in."""
    return Span(
        *con.execute(f"SELECT min(quarter), max(quarter), count(*) > count(quarter) FROM priced WHERE {of}").fetchall()[
            0
        ]
    )


def roll_up(con: DuckDBPyConnection, span: Span) -> None:
    """Sums a span of quarters again from the priced rows."""
    conditions = ["quarter IS NULL"] if span.undated else []
    if span.first is not None:
        conditions.append(f"quarter BETWEEN {span.first} AND {span.last}")
    for condition in conditions:
        con.execute(f"DELETE FROM rollup WHERE {condition}")
        con.execute(_ROLLUP.replace("{span}", condition))
