"""Is a store whole? Its facts against where they came from, and all that is derived against the facts and prices.

    python -m store check [--db FILE] [--json] [--repair]

Nothing is changed, and nobody else may have the store open. One line a check: ok, or how many are wrong and the first
of them. --repair derives again what comes from the facts, and says what that mended. Exit 0 whole, 1 not, 2 no store
to check or another process has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import duckdb
from duckdb import DuckDBPyConnection

from store import check_sql
from store.connection import Store, priced_with
from store.database import shape
from store.migrations import SCHEMA_VERSION
from store.models import ModelNames, resolve
from store.prices import PriceList, write_price_list
from store.rollups import ROLLUPS

SHOWN = 3  # examples of what is wrong
_DERIVE = "It comes from the facts: python -m store check --repair makes it again."
_LOAD = "Undo the load on the Data page and load its logs again."
_RESTORE = "Put back a copy of the store, or load your logs into a new file with --db."
_PRICE_TABLES = ("model", "price", "rule_price", "refusal_rule")


@dataclass(frozen=True)
class Finding:
    """What one check found: ``wrong`` is how many things are, 0 when all is well; ``examples`` are the first."""

    check: str
    holds: str  # what is so when nothing is wrong
    wrong: int = 0
    examples: tuple[str, ...] = ()
    advice: str = ""


Wrong = tuple[int, tuple[str, ...]]


@dataclass(frozen=True)
class _Check:
    name: str
    holds: str
    advice: str
    look: Callable[[DuckDBPyConnection], Wrong]

    def finding(self, con: DuckDBPyConnection) -> Finding:
        wrong, examples = self.look(con)
        return Finding(self.name, self.holds, wrong, examples, self.advice if wrong else "")


def check(con: DuckDBPyConnection, prices: PriceList) -> list[Finding]:
    """What every check finds in a store; of one of another shape, or damaged, only that."""
    shaped = _Check("shape", "it has the shape of this version", _shape_advice(con), _sql(check_sql.SHAPE))
    first = shaped.finding(con)
    if first.wrong:
        return [first]
    readable = _Check("readable", "every table can be read to its end", _RESTORE, _unreadable).finding(con)
    if readable.wrong:
        return [first, readable]
    return [first, readable, *(one.finding(con) for one in _checks(prices))]


def repair(store: Store) -> None:
    """Makes again what is derived: prices, names, costs, sums and the places that are missing or taken twice."""
    with store.writing() as con:
        for statement in check_sql.PLACES_ONCE:
            con.execute(statement)
    store.reprice(store.prices)


def _checks(prices: PriceList) -> list[_Check]:
    sql = _sql
    return [
        _Check("prices", "prices are those of the price lists", _DERIVE, partial(_prices, prices)),
        _Check("lines", "the lines of every file add up", _LOAD, sql(check_sql.LINES)),
        _Check(
            "requests", "the requests of every file are held, or gave way to fuller ones", _LOAD, sql(check_sql.HELD)
        ),
        _Check("loads", "everything belongs to a file of a load", _LOAD, sql(check_sql.LOADS)),
        _Check("once", "every request is held once", _LOAD, sql(check_sql.ONCE)),
        _Check("parts", "every request has all its parts", _LOAD, sql(check_sql.PARTS)),
        _Check("names", "every logged model is resolved as the price lists say", _DERIVE, partial(_names, prices)),
        _Check("costs", "every row costs what its facts and prices say", _DERIVE, _costs),
        _Check("requests' costs", "every request costs what its parts do", _DERIVE, sql(check_sql.REQUEST_COSTS)),
        _Check("sums", "the sums by time and by user are those of the rows", _DERIVE, _sums),
        _Check("places", "every feature, model and user has a place of its own", _DERIVE, sql(check_sql.PLACES)),
    ]


def _sql(query: str) -> Callable[[DuckDBPyConnection], Wrong]:
    """A look by a query that gives what is wrong, in words, a row each."""

    def look(con: DuckDBPyConnection) -> Wrong:
        [(wrong, examples)] = con.execute(f"SELECT count(*), min(said, {SHOWN}) FROM ({query}) AS t(said)").fetchall()
        return wrong, tuple(examples or ())

    return look


def _told(wrong: Iterable[str]) -> Wrong:
    ordered = sorted(wrong)
    return len(ordered), tuple(ordered[:SHOWN])


def _shape_advice(con: DuckDBPyConnection) -> str:
    newest = con.execute("SELECT max(schema_version) FROM store_info").fetchall()[0][0] or 0
    return (
        "Use the version that wrote it." if newest > SCHEMA_VERSION else "Whatever opens it next brings it up to date."
    )


def _unreadable(con: DuckDBPyConnection) -> Wrong:
    tables = con.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
    wrong = []
    for (table,) in tables:
        try:
            con.execute(f"SELECT sum(hash(t)::HUGEINT) FROM {table} AS t").fetchall()
        except duckdb.Error as error:
            wrong.append(f"{table}: {str(error).partition(chr(10))[0]}")
    return _told(wrong)


def _is_priced_with(con: DuckDBPyConnection, prices: PriceList) -> bool:
    return bool(con.execute("SELECT price_list = ? FROM store_info", [priced_with(prices)]).fetchall()[0][0])


def _prices(prices: PriceList, con: DuckDBPyConnection) -> Wrong:
    if not _is_priced_with(con, prices):
        return 1, (
            "the price lists or the code that applies them changed since; whatever opens it next prices it again",
        )
    with duckdb.connect(":memory:") as listed:
        shape(listed)
        write_price_list(listed, prices)
        wrong = []
        for table in _PRICE_TABLES:
            query = f"SELECT * FROM {table} ORDER BY ALL"
            if con.execute(query).fetchall() != listed.execute(query).fetchall():
                wrong.append(f"the table {table} differs from the price lists")
    return _told(wrong)


def _names(prices: PriceList, con: DuckDBPyConnection) -> Wrong:
    listed = ModelNames.of(prices)
    query = "SELECT DISTINCT model_logged, provider, region FROM usage WHERE model_logged IS NOT NULL"
    logged = set(con.execute(query).fetchall())
    kept: dict[tuple[str, str | None, str | None], tuple[object, ...]] = {}
    wrong = []
    for model_logged, provider, region, *meaning in con.execute(check_sql.NAMES).fetchall():
        if (model_logged, provider, region) in kept:
            wrong.append(f"{model_logged} is there twice")
        kept[model_logged, provider, region] = tuple(meaning)
    wrong += [f"{name[0]} is not there" for name in logged - set(kept)]
    wrong += [f"{name[0]} is there, and no row bears it" for name in set(kept) - logged]
    if _is_priced_with(con, prices):
        for model_logged, provider, region in logged & set(kept):
            meant = resolve(model_logged, provider, region, listed)
            held = kept[model_logged, provider, region]
            if held != (meant.model, meant.regional, meant.assumption):
                wrong.append(f"{model_logged} means {meant.model or 'no listed model'}, not {held[0]}")
    return _told(wrong)


def _costs(con: DuckDBPyConnection) -> Wrong:
    return _sql(check_sql.costs(con))(con)


def _sums(con: DuckDBPyConnection) -> Wrong:
    wrong = 0
    examples: list[str] = []
    for rollup in ROLLUPS:
        for statement in check_sql.summed_again(rollup):
            con.execute(statement)
        found, told = _sql(check_sql.sums(rollup))(con)
        wrong += found
        examples += told
    return wrong, tuple(examples[:SHOWN])
