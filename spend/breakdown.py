"""Spend by anything: totals, breakdowns and costs, from the rollups where they can answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from duckdb import DuckDBPyConnection

from spend.calendar import buckets
from spend.filters import GRAINS, Filters, WrongQuestion, quarter_of, zone_of
from spend.measures import MEASURES, TELLING, Cost, Spend, is_known
from spend.sources import Piece, partial_sums

__all__ = [
    "MEASURES",
    "Cost",
    "Key",
    "Row",
    "Spend",
    "amounts",
    "breakdown",
    "costs",
    "costs_of_times",
    "covers",
    "period",
    "total",
]

Key = tuple[str | None, ...]
Sums = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a breakdown: the values it stands for, in the order asked, and their spend."""

    key: Key
    spend: Spend


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
    return [Row(key, Spend(*sums)) for key, sums in _ask(con, filters, by, MEASURES, limit=limit, order=order)]


def costs(
    con: DuckDBPyConnection, filters: Filters, by: Sequence[str], *, limit: int | None = None
) -> dict[Key, int | None]:
    """A breakdown's costs, in its order; None where nothing is priced."""
    found: dict[Key, int | None] = {**amounts(con, filters, by, limit=limit)}
    if not all(found.values()):  # seldom, and then it takes more to tell
        telling = _ask(con, filters, by, TELLING, limit=limit)
        found |= {key: None for key, sums in telling if not is_known(*sums)}
    return found


def amounts(
    con: DuckDBPyConnection, filters: Filters, by: Sequence[str], *, measure: str = "cost", limit: int | None = None
) -> dict[Key, int]:
    """One measure of a breakdown, in the order of time or largest first: quicker by far than all of them."""
    return {key: amount for key, (amount,) in _ask(con, filters, by, (measure,), limit=limit, order=measure)}


def costs_of_times(con: DuckDBPyConnection, filters: Filters, times: Sequence[tuple[int, int, int]]) -> dict[int, Cost]:
    """Costs by times of one's own: (number, first quarter, quarter after the last), a number as often as need be."""
    pieces = [Piece(first, past, place) for place, first, past in times]
    found = {
        place: Cost(*sums)
        for place, _, sums in _sums(con, filters, (), ("requests", "cost"), pieces)
        if place is not None
    }
    if not all(cost.cost for cost in found.values()):
        telling = _sums(con, filters, (), TELLING, pieces)
        found |= {place: Cost(sums[1], None) for place, _, sums in telling if place is not None and not is_known(*sums)}
    return found


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


def _ask(
    con: DuckDBPyConnection,
    filters: Filters,
    by: Sequence[str],
    measures: Sequence[str],
    *,
    limit: int | None = None,
    order: str = "cost",
) -> list[tuple[Key, Sums]]:
    grains = [name for name in by if name in GRAINS]
    dimensions = [name for name in by if name not in GRAINS]
    if not grains:
        since, until = (quarter_of(bound) if bound else None for bound in filters.bounds())
        found = _sums(con, filters, dimensions, measures, [Piece(since, until)], limit=limit, order=order)
        return [(key, sums) for _, key, sums in found]
    covered = period(con, filters)
    labels, pieces = _divided([buckets(grain, *covered, filters.timezone) for grain in grains])
    undated = filters.since is None and filters.until is None
    found = _sums(con, filters, dimensions, measures, pieces, undated=undated, limit=limit, order=order)
    unknown = (None,) * len(grains)
    keys = [
        dict(zip([*grains, *dimensions], [*(unknown if n is None else labels[n]), *key], strict=True))
        for n, key, _ in found
    ]
    return [(tuple(key[name] for name in by), sums) for key, (_, _, sums) in zip(keys, found, strict=True)]


def _divided(divisions: Sequence[Sequence[tuple[str, int, int]]]) -> tuple[list[tuple[str, ...]], list[Piece]]:
    """The parts of a period that are in one bucket of every division, in the order of time: labels, and quarters."""
    labels: list[tuple[str, ...]] = []
    pieces = []
    nexts = [0] * len(divisions)
    while all(place < len(division) for place, division in zip(nexts, divisions, strict=True)):
        now = [division[place] for place, division in zip(nexts, divisions, strict=True)]
        first, past = max(first for _, first, _ in now), min(past for _, _, past in now)
        if first < past:
            pieces.append(Piece(first, past, len(labels)))
            labels.append(tuple(label for label, _, _ in now))
        nexts = [place + (bucket[2] == past) for place, bucket in zip(nexts, now, strict=True)]
    return labels, pieces


def _sums(
    con: DuckDBPyConnection,
    filters: Filters,
    dimensions: Sequence[str],
    measures: Sequence[str],
    pieces: Sequence[Piece],
    *,
    undated: bool = False,
    limit: int | None = None,
    order: str = "cost",
) -> list[tuple[int | None, Key, Sums]]:
    """The sums of each place and key, in the order of places, then dearest first."""
    relation, params = partial_sums(filters, dimensions, measures, pieces, undated=undated)
    placed = any(piece.place is not None for piece in pieces)
    keys = [*(["place"] if placed else []), *(f"k{n}" for n in range(len(dimensions)))]
    ordered = [*(["place NULLS LAST"] if placed else []), f"coalesce({order}, 0) DESC"]
    ordered += [f"k{n} NULLS LAST" for n in range(len(dimensions))]
    columns = [*keys, *(f"sum({name}) AS {name}" for name in measures)]
    query = f"SELECT {', '.join(columns)} FROM ({relation})" + (f" GROUP BY {', '.join(keys)}" if keys else "")
    query = f"SELECT * FROM ({query}) ORDER BY {', '.join(ordered)}"
    found = con.execute(query + (f" LIMIT {int(limit)}" if limit is not None else ""), params).fetchall()
    width = len(keys)
    return [(row[0] if placed else None, row[placed:width], tuple(n or 0 for n in row[width:])) for row in found]
