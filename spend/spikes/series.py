"""Hourly spend by the wall clock, of everything and of each feature, model and user."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from spend.breakdown import covers
from spend.filters import Filters, column_of
from spend.sources import IN_ROLLUP
from spend.spikes.detect import BACK
from spend.spikes.night import DAY, Clock
from spend.spikes.usual import Array
from store.money import PICOS_PER_USD

Scope = tuple[tuple[str, str | None], ...]  # () is everything; else one (dimension, name), as in Filters.where
DIMENSIONS = ("feature", "model", "user")
EVERYTHING: Scope = ()
_MOST = 2**63 - 1


@dataclass(frozen=True, eq=False)
class Series:
    """Spend of each scope by hours of ``clock``, pico-dollars, (scopes, hours); ``begin`` is the first day of which
    the whole is known. Hours from ``whole`` on had not ended when the last request came in."""

    clock: Clock
    scopes: tuple[Scope, ...]
    picos: NDArray[np.int64]
    begin: NDArray[np.int64]
    whole: int

    def rates(self) -> Array:
        """Dollars a real hour. An hour that the clock left out has the mean of its neighbours."""
        real = self.clock.real
        rates: Array = self.picos / (PICOS_PER_USD * np.where(real > 0, real, 1))
        for hour in np.flatnonzero(real == 0):
            beside = [n for n in (hour - 1, hour + 1) if 0 <= n < len(real) and real[n]]
            rates[:, hour] = rates[:, beside].mean(axis=1)
        return rates


def data_until(con: DuckDBPyConnection) -> int | None:
    """The quarter after the last one with a request; None for a store without any."""
    last = con.execute("SELECT max(quarter) FROM rollup").fetchall()[0][0]
    return None if last is None else int(last) + 1


def hourly(
    con: DuckDBPyConnection,
    filters: Filters,
    first: date,
    last: date,
    until: int,
    dimensions: tuple[str, ...] = DIMENSIONS,
) -> Series:
    """Series for judging the days ``first`` to ``last``, of what meets ``filters.where``, in the filters' zone.

    ``until`` is the quarter up to which everything is known. The first series is that of everything.
    """
    begin = first - timedelta(days=BACK)
    clock = Clock(filters.timezone, begin, (last - begin).days + 3)
    found: list[tuple[Scope, NDArray[np.int64], NDArray[np.int64]]] = []
    for dimension in ("", *dimensions):
        found += _of_dimension(con, filters, dimension, clock)
    picos = np.zeros((max(len(found), 1), clock.days * DAY), dtype=np.int64)
    for n, (_, hours, costs) in enumerate(found):
        picos[n, hours] = costs
    scopes = tuple(scope for scope, _, _ in found) or (EVERYTHING,)
    span = covers(con, filters.timezone)
    known = max(0, clock.day(span[0]) + 1) if span else clock.days
    begins = np.maximum(_first_days(picos), known)
    return Series(clock, scopes, picos, begins, clock.whole_hours(until))


def _of_dimension(
    con: DuckDBPyConnection, filters: Filters, dimension: str, clock: Clock
) -> list[tuple[Scope, NDArray[np.int64], NDArray[np.int64]]]:
    where, params = replace(filters, since=None, until=None).sql()
    table = "rollup" if {dimension, *filters.dimensions()} <= IN_ROLLUP | {""} else "usage"
    key = column_of(dimension) if dimension else "NULL"
    rows = con.execute(
        f"""
        SELECT key, list(hour), list(cost) FROM (
            SELECT {key} AS key, {clock.sql()} AS hour, least(sum(cost), {_MOST})::BIGINT AS cost FROM {table}
            WHERE quarter >= {clock.starts[0]} AND quarter < {clock.starts[-1]} AND {where}
            GROUP BY ALL HAVING sum(cost) > 0
        ) GROUP BY key ORDER BY key NULLS FIRST
        """,
        params,
    ).fetchnumpy()
    names = rows["key"].tolist() if dimension else [None] * len(rows["key"])
    columns = zip(names, *(list(column) for column in list(rows.values())[1:]), strict=True)
    return [
        (((dimension, name),) if dimension else EVERYTHING, np.asarray(hours, dtype=np.int64), np.asarray(costs))
        for name, hours, costs in columns
    ]


def _first_days(picos: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first whole day of each series: the one after that of its first spend."""
    spent = picos > 0
    first = spent.argmax(axis=1)
    return np.asarray(np.where(spent.any(axis=1), first // DAY + 1, picos.shape[1] // DAY))
