"""Requests, one by one: the table behind every number, and a single request as arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from duckdb import DuckDBPyConnection

from spend.filters import Filters, WrongQuestion

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
    condition, params = _requests_of(filters, unpriced)
    direction = "DESC" if descending else "ASC"
    found = con.execute(
        f"SELECT {ROW_COLUMNS} FROM usage WHERE {condition}"
        f" ORDER BY {_ORDERS[order]} {direction} NULLS LAST, started_at, request_key LIMIT ? OFFSET ?",
        [*params, limit, offset],
    ).fetchall()
    return [RequestRow(*row) for row in found]


def count_of_requests(con: DuckDBPyConnection, filters: Filters, *, unpriced: bool = False) -> int:
    condition, params = _requests_of(filters, unpriced)
    return int(con.execute(f"SELECT count(*) FROM usage WHERE {condition}", params).fetchall()[0][0])


def cost_spread(con: DuckDBPyConnection, filters: Filters) -> CostSpread | None:
    """The spread of one request's cost; None when no request of the filters is priced."""
    condition, params = _requests_of(filters, False)
    p50, p95, dearest = con.execute(
        "SELECT quantile_disc(request_cost, 0.5), quantile_disc(request_cost, 0.95), max(request_cost)"
        f" FROM usage WHERE {condition} AND request_cost IS NOT NULL",
        params,
    ).fetchall()[0]
    return None if dearest is None else CostSpread(p50, p95, dearest)


def _requests_of(filters: Filters, unpriced: bool) -> tuple[str, list[object]]:
    condition, params = filters.sql()
    return f"part = 0 AND {condition}" + (" AND request_unpriced" if unpriced else ""), params
