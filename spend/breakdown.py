"""Spend by anything: totals, breakdowns and trends, from the quarter-hour rollup where it can answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from duckdb import DuckDBPyConnection

from spend.calendar import buckets
from spend.filters import GRAINS, Filters, WrongQuestion, column_of, zone_of

_IN_ROLLUP = {"feature", "model", "tier"}


@dataclass(frozen=True, slots=True)
class Spend:
    """Requests, tokens and money of some requests. Money is whole pico-dollars; what is unpriced is not in it."""

    requests: int = 0
    unpriced_requests: int = 0
    failed_requests: int = 0
    uncached_input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    prompt_tokens: int = 0
    unpriced_tokens: int = 0
    web_search_requests: int = 0
    uncached_input_cost: int = 0
    cache_read_cost: int = 0
    cache_write_5m_cost: int = 0
    cache_write_1h_cost: int = 0
    output_cost: int = 0
    web_search_cost: int = 0
    cost: int = 0

    @property
    def cost_known(self) -> bool:
        """False when nothing in it is priced: the cost is then unknown, and not the zero that was summed."""
        return self.cost > 0 or self.requests > self.unpriced_requests or not (self.requests or self.unpriced_tokens)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a breakdown: the values it stands for, in the order asked, and their spend."""

    key: tuple[str | None, ...]
    spend: Spend


MEASURES = tuple(field.name for field in fields(Spend))
_FROM_ROLLUP = ", ".join(f"coalesce(sum({name}), 0)::HUGEINT AS {name}" for name in MEASURES)
_OVER_PARTS = {
    "requests": "count(*) FILTER (part = 0)",
    "unpriced_requests": "count(*) FILTER (part = 0 AND request_unpriced)",
    "failed_requests": "count(*) FILTER (part = 0 AND failed = 1)",
    "unpriced_tokens": "sum(coalesce(prompt_tokens, 0) + coalesce(output_tokens, 0)) FILTER (cost IS NULL)",
}
_FROM_PRICED = ", ".join(
    f"coalesce({_OVER_PARTS.get(name, f'sum({name})')}, 0)::HUGEINT AS {name}" for name in MEASURES
)

_CALENDAR = """
LEFT JOIN (
    SELECT label, first, unnest(range(first, past)) AS at
    FROM (SELECT unnest(?::VARCHAR[]) AS label, unnest(?::INTEGER[]) AS first, unnest(?::INTEGER[]) AS past)
) AS by_{grain} ON by_{grain}.at = quarter
"""


def total(con: DuckDBPyConnection, filters: Filters) -> Spend:
    """All spend of the filters: asked on its own, never summed from a list that may be cut."""
    return breakdown(con, filters, by=())[0].spend


def breakdown(
    con: DuckDBPyConnection, filters: Filters, by: Sequence[str], *, limit: int | None = None, order: str = "cost"
) -> list[Row]:
    """Spend by any of day, hour, week, month, feature, model, user, session, tier, tag, tag:NAME, stop_reason.

    Rows come in the order of time if a grain of time is among ``by``, else dearest first (``order`` names any measure).
    Requests with an unknown time have the key None in a breakdown by time.
    """
    if order not in MEASURES:
        raise WrongQuestion(f"cannot order by {order!r}; there are {', '.join(MEASURES)}")
    grains = [grain for grain in GRAINS if grain in by]
    dimensions = [name for name in by if name not in GRAINS]
    condition, params = filters.sql()
    source = "rollup" if set(dimensions) | filters.dimensions() <= _IN_ROLLUP else "usage"
    keys = [f"by_{name}.label" if name in GRAINS else column_of(name) for name in by]
    join, calendar = _calendars(con, filters, grains)
    named = [f"{key} AS k{n}" for n, key in enumerate(keys)]
    grouped = f"GROUP BY {', '.join(f'k{n}' for n in range(len(keys)))}" if keys else ""
    first = [f"min(by_{name}.first) NULLS LAST" for name in by if name in GRAINS]
    ordered = ", ".join([*first, f"{order} DESC", *(f"k{n} NULLS LAST" for n in range(len(keys)))])
    measures = _FROM_ROLLUP if source == "rollup" else _FROM_PRICED
    found = con.execute(
        f"SELECT {', '.join([*named, measures])} FROM {source} {join} WHERE {condition} {grouped} ORDER BY {ordered}"
        + (f" LIMIT {int(limit)}" if limit is not None else ""),
        [*calendar, *params],
    ).fetchall()
    return [Row(tuple(row[: len(keys)]), Spend(*(int(value) for value in row[len(keys) :]))) for row in found]


def period(con: DuckDBPyConnection, filters: Filters) -> tuple[date, date]:
    """The filters' period with an open side closed by the data's own first and last local day; until is exclusive."""
    if filters.since and filters.until:
        return filters.since, filters.until
    covered = covers(con, filters.timezone)
    since, until = covered or (date(1970, 1, 1), date(1970, 1, 2))
    since, until = filters.since or since, filters.until or until
    return since, max(until, since + timedelta(days=1))


def covers(con: DuckDBPyConnection, timezone: str) -> tuple[date, date] | None:
    """First local day with a request, and the day after the last; None when the store holds no dated request."""
    first, last = con.execute("SELECT min(quarter), max(quarter) FROM rollup").fetchall()[0]
    if first is None:
        return None
    zone = zone_of(timezone)
    since, until = (datetime.fromtimestamp(q * 900, UTC).astimezone(zone).date() for q in (first, last))
    return since, until + timedelta(days=1)


def _calendars(con: DuckDBPyConnection, filters: Filters, grains: Sequence[str]) -> tuple[str, list[Any]]:
    if not grains:
        return "", []
    covered = period(con, filters)
    joins, params = [], []
    for grain in grains:
        joins.append(_CALENDAR.format(grain=grain))
        params += [list(column) for column in zip(*buckets(grain, *covered, filters.timezone), strict=True)]
    return " ".join(joins), params
