"""The derived tables of sums: `usage` by quarter-hour, hour, day and block of days, and how they are kept up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from duckdb import DuckDBPyConnection

_SQL = Path(__file__).with_name("sql")
_FROM_USAGE = (_SQL / "summed.sql").read_text()
_FROM_FINER = (_SQL / "summed_coarser.sql").read_text()
DAY = 96  # quarter-hours


@dataclass(frozen=True, slots=True)
class Rollup:
    """A table of sums: a row for each value of its unit of time, so many quarter-hours since 1970 UTC, and its keys.

    Rows without a time are summed under the unit NULL. ``source`` None is `usage`.
    """

    table: str
    unit: str
    quarters: int
    keys: tuple[str, ...]
    source: Rollup | None = None


_NAMES = ("feature", "model", "service_tier")
QUARTERS = Rollup("rollup", "quarter", 1, _NAMES)
HOURS = Rollup("rollup_hour", "hour", 4, _NAMES, QUARTERS)
DAYS = Rollup("rollup_day", "day", DAY, _NAMES, HOURS)
USER_DAYS = Rollup("user_day", "day", DAY, ("user_id",))
USER_BLOCKS = Rollup("user_block", "block", 32 * DAY, ("user_id",), USER_DAYS)
ROLLUPS = (QUARTERS, HOURS, DAYS, USER_DAYS, USER_BLOCKS)  # each after its source


@dataclass(frozen=True, slots=True)
class Span:
    """Quarters from first to last on these UTC days, and whether rows without a time are among them."""

    first: int | None = None
    last: int | None = None
    undated: bool = False
    days: frozenset[int] = frozenset()

    def with_(self, other: Span) -> Span:
        """The span that holds both."""
        firsts = [one.first for one in (self, other) if one.first is not None]
        lasts = [one.last for one in (self, other) if one.last is not None]
        first, last = min(firsts, default=None), max(lasts, default=None)
        return Span(first, last, self.undated or other.undated, self.days | other.days)

    def of(self, column: str, quarters: int, whole: int) -> list[str]:
        """Conditions for a table whose ``column`` counts so many ``quarters``: all ``whole`` units the span touches."""
        conditions = [f"{column} IS NULL"] if self.undated else []
        if self.first is None or self.last is None:
            return conditions
        first, past = self.first // whole * whole // quarters, (self.last // whole + 1) * whole // quarters
        condition = f"{column} >= {first} AND {column} < {past}"
        group = max(whole, DAY)
        groups = sorted({day * DAY // group for day in self.days})
        if any(following > one + 1 for one, following in pairwise(groups)):
            condition += f" AND {column} // {group // quarters} IN ({', '.join(map(str, groups))})"
        return [*conditions, condition]


def span_of(con: DuckDBPyConnection, of: str) -> Span:
    """The quarters that the rows of `usage` that meet ``of`` fall in."""
    query = f"SELECT quarter // {DAY} AS day, min(quarter), max(quarter) FROM usage WHERE {of} GROUP BY day"
    found = con.execute(query).fetchall()
    span = Span(undated=any(day is None for day, _, _ in found))
    for day, first, last in found:
        if day is not None:
            span = span.with_(Span(first, last, days=frozenset([day])))
    return span


def roll_up(con: DuckDBPyConnection, span: Span) -> None:
    """Sums a span of quarters again, and the units of the coarser tables it touches."""
    for rollup in ROLLUPS:
        sources = span.of(*_counted(rollup.source), rollup.quarters)
        for old, rows in zip(span.of(rollup.unit, rollup.quarters, rollup.quarters), sources, strict=True):
            con.execute(f"DELETE FROM {rollup.table} WHERE {old}")
            con.execute(summing(rollup, rows))


def roll_up_all(con: DuckDBPyConnection) -> None:
    """Sums everything again."""
    for rollup in ROLLUPS:
        con.execute(f"DELETE FROM {rollup.table}")
        con.execute(summing(rollup))


def summing(rollup: Rollup, rows: str = "true", *, into: str | None = None) -> str:
    """The statement that sums those rows of its source that meet a condition, into the rollup or a table like it."""
    column, quarters = _counted(rollup.source)
    placeholders = {
        "{table}": into or rollup.table,
        "{unit}": rollup.unit,
        "{keys}": ", ".join(rollup.keys),
        "{time}": f"{column} // {rollup.quarters // quarters}",
        "{rows}": rows,
    }
    sql = _FROM_USAGE
    if rollup.source:
        sql = _FROM_FINER
        placeholders |= {"{finer}": rollup.source.table, "{finer_unit}": rollup.source.unit}
    for placeholder, text in placeholders.items():
        sql = sql.replace(placeholder, text)
    return sql


def _counted(source: Rollup | None) -> tuple[str, int]:
    """What counts time in a source, and in units of how many quarters."""
    return (source.unit, source.quarters) if source else ("quarter", 1)
