"""The requests behind a change: those of some hours, one page at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from duckdb import DuckDBPyConnection

from spend.breakdown import Cost, costs_of_times
from spend.explain.compared import Spans
from spend.filters import Filters, WrongQuestion
from spend.requests import ROW_COLUMNS, RequestRow

_ORDERS = {
    "cost": "request_cost DESC NULLS LAST, started_at",
    "time": "started_at",
    "prompt": "prompt_tokens DESC NULLS LAST, started_at",
    "output": "output_tokens DESC NULLS LAST, started_at",
}


def requests_behind(
    con: DuckDBPyConnection, filters: Filters, spans: Spans, *, order: str = "cost", limit: int = 25, offset: int = 0
) -> list[RequestRow]:
    """Requests that began in ``spans`` (quarters) and meet ``filters.where``: dearest, earliest or longest first."""
    if order not in _ORDERS:
        raise WrongQuestion(f"cannot order requests by {order!r}; there are {', '.join(_ORDERS)}")
    condition, params = _condition(filters, spans)
    found = con.execute(
        f"SELECT {ROW_COLUMNS} FROM usage WHERE {condition} ORDER BY {_ORDERS[order]}, request_key"
        f" LIMIT {limit} OFFSET {offset}",
        params,
    ).fetchall()
    return [RequestRow(*row) for row in found]


def spent_behind(con: DuckDBPyConnection, filters: Filters, spans: Spans) -> Cost:
    """How many requests those are, and what they cost (pico-dollars; None where none is priced)."""
    whole = replace(filters, since=None, until=None)
    found = costs_of_times(con, whole, [(0, first, past) for first, past in spans]) if spans else {}
    return found.get(0, Cost(0, 0))


def failed_behind(con: DuckDBPyConnection, filters: Filters, spans: Spans) -> int:
    """How many of those failed, and were not billed."""
    condition, params = _condition(filters, spans)
    return int(con.execute(f"SELECT count(*) FROM usage WHERE failed = 1 AND {condition}", params).fetchall()[0][0])


def _condition(filters: Filters, spans: Spans) -> tuple[str, list[Any]]:
    where, params = replace(filters, since=None, until=None).sql()
    times = " OR ".join(f"quarter >= {first} AND quarter < {past}" for first, past in spans) or "false"
    return f"part = 0 AND ({times}) AND {where}", params
