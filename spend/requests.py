"""Requests, one by one: the table behind every number, and a single request as arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection

from spend.breakdown import amounts
from spend.filters import Filters, WrongQuestion
from spend.sources import IN_ROLLUP

_ORDERS = {
    "cost": "request_cost",
    "time": "started_at",
    "prompt": "prompt_tokens",
    "output": "output_tokens",
    "latency": "latency_ms",
}
ROW_COLUMNS = (
    "request_key, started_at, feature, model, user_id, session_id, service_tier, stop_reason, status, prompt_tokens,"
    " cache_read_tokens, output_tokens, latency_ms, request_cost, unpriced_because"
)

_FEW = 100  # quarter-hours, by which requests are found sooner
Order = tuple[str, bool]  # a column, and whether it descends


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request as one line of a table. Tokens are those of the request itself; cost (pico-dollars) is the whole,
    advisor and other parts included, and None when any part is unpriced."""

    request_key: str
    started_at: datetime | None
    feature: str | None
    model: str
    user: str | None
    session: str | None
    tier: str | None
    stop_reason: str | None
    status: int | None
    prompt_tokens: int | None
    cache_read_tokens: int
    output_tokens: int | None
    latency_ms: int | None
    cost: int | None
    unpriced_because: str | None


@dataclass(frozen=True, slots=True)
class CostSpread:
    """What one priced request costs: the middle one, the dearest of twenty, the dearest (pico-dollars)."""

    p50: int
    p95: int
    max: int


def page_of_requests(
    con: DuckDBPyConnection,
    filters: Filters,
    *,
    order: str = "cost",
    descending: bool = True,
    limit: int = 50,
    offset: int = 0,
    unpriced: bool = False,
) -> list[RequestRow]:
    """One page of the requests table, ``unpriced`` only if asked; what the order does not know comes last."""
    if order not in _ORDERS:
        raise WrongQuestion(f"cannot order requests by {order!r}; there are {', '.join(_ORDERS)}")
    condition, params = filters.sql()
    condition = f"part = 0 AND {condition}" + (" AND request_unpriced" if unpriced else "")
    by = [(_ORDERS[order], descending), *([] if order == "time" else [("started_at", False)])]
    if order == "cost" and descending and not unpriced and filters.dimensions() <= IN_ROLLUP:
        dearest = _dearest(con, filters, limit + offset)
        if dearest:
            return _rows(con, f"{condition} AND {dearest}", params, by, limit, offset)
    return _page(con, condition, params, by, limit, offset)


def _dearest(con: DuckDBPyConnection, filters: Filters, number: int) -> str | None:
    """A condition that holds for the dearest ``number`` of requests and few others; None: there are not so many.

    Each row of a rollup stands for requests of its own: the dearest ones of so many rows are so many requests.
    """
    condition, params = filters.sql()
    rows, least, quarters = con.execute(
        f"""
        WITH dearest AS (SELECT dearest FROM rollup WHERE {condition} ORDER BY dearest DESC NULLS LAST LIMIT {number})
        SELECT (SELECT count(dearest) FROM dearest), min(dearest), list(DISTINCT quarter) FROM rollup
        WHERE {condition} AND dearest >= (SELECT min(dearest) FROM dearest)
        """,
        [*params, *params],
    ).fetchall()[0]
    if rows < number or len(quarters) > _FEW:
        return None
    return f"request_cost >= {least} AND quarter IN ({_listed(quarters)})"


def _page(
    con: DuckDBPyConnection, condition: str, params: list[Any], by: Sequence[Order], limit: int, offset: int
) -> list[RequestRow]:
    """Rows in the order of columns, then of keys; the unknown of each column come last.

    Where the page lies is found in its first column alone, so that whole rows are read of few requests.
    """
    if not by:
        return _rows(con, condition, params, (), limit, offset)
    (column, _), *then = by
    known, place = _place(con, f"{condition} AND {column} IS NOT NULL", params, by[0], limit, offset)
    found: list[RequestRow] = []
    if place and place.low == place.high:
        found = _page(con, f"{condition} AND {column} = ?", [*params, place.low], then, limit, offset - place.before)
    elif place:
        within = f"{condition} AND {column} BETWEEN ? AND ? AND {place.when}"
        bounds = [*params, place.low, place.high]
        found = _rows(con, within, bounds, by, limit, offset - place.before)
    if known < offset + limit:
        unknown = f"{condition} AND {column} IS NULL"
        found += _page(con, unknown, params, then, limit - len(found), max(0, offset - known))
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """A page by the least and largest value of its order, how many requests come before those, and when it was."""

    low: Any
    high: Any
    before: int
    when: str


def _place(
    con: DuckDBPyConnection, condition: str, params: list[Any], by: Order, limit: int, offset: int
) -> tuple[int, _Place | None]:
    """How many requests there are up to the page's end, and the page's place; None: it begins after the last one."""
    (column, descending), end = by, offset + limit
    direction, sign, first, last = ("DESC", ">", "max", "min") if descending else ("ASC", "<", "min", "max")
    known, low, high, before, cut, quarters = con.execute(
        f"""
        WITH ahead AS (
            SELECT {column} AS value, quarter FROM usage WHERE {condition} ORDER BY value {direction} LIMIT {end + 1}
        ), page AS (
            SELECT {first}(value) AS first, {last}(value) AS last
            FROM (SELECT value FROM ahead ORDER BY value {direction} LIMIT {limit} OFFSET {offset})
        )
        SELECT least(count(*), {end}), any_value(least(first, last)), any_value(greatest(first, last)),
               count(*) FILTER (value {sign} first), count(*) > {end} AND {last}(value) = any_value(last),
               list(DISTINCT coalesce(quarter, -1)) FILTER (value BETWEEN least(first, last) AND greatest(first, last))
        FROM ahead CROSS JOIN page
        """,
        params,
    ).fetchall()[0]
    if low is None:
        return known, None
    few = not cut and len(quarters) <= _FEW and -1 not in quarters
    when = f"quarter IN ({_listed(quarters)})" if few else "true"
    return known, _Place(low, high, before, when)


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def _rows(
    con: DuckDBPyConnection, condition: str, params: list[Any], by: Sequence[Order], limit: int, offset: int
) -> list[RequestRow]:
    ordered = [f"{column} {'DESC' if descending else 'ASC'} NULLS LAST" for column, descending in by]
    found = con.execute(
        f"SELECT {ROW_COLUMNS} FROM usage WHERE {condition} ORDER BY {', '.join([*ordered, 'request_key'])}"
        f" LIMIT {limit} OFFSET {offset}",
        params,
    ).fetchall()
    return [RequestRow(*row) for row in found]


def count_of_requests(con: DuckDBPyConnection, filters: Filters, *, unpriced: bool = False) -> int:
    """How many requests meet the filters, ``unpriced`` ones only if asked."""
    measure = "unpriced_requests" if unpriced else "requests"
    return amounts(con, filters, (), measure=measure)[()]


def cost_spread(con: DuckDBPyConnection, filters: Filters) -> CostSpread | None:
    """The spread of one request's cost; None when no request of the filters is priced."""
    condition, params = filters.sql()
    spread, dearest = con.execute(
        "SELECT quantile_disc(request_cost, [0.5, 0.95]), max(request_cost)"
        f" FROM usage WHERE request_cost IS NOT NULL AND {condition}",
        params,
    ).fetchall()[0]
    if dearest is None:
        return None
    p50, p95 = spread
    return CostSpread(p50, p95, dearest)
