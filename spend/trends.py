"""Spend over time and against the period before: series, weekday by hour, what moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from duckdb import DuckDBPyConnection

from spend.breakdown import Spend, breakdown, period
from spend.calendar import buckets
from spend.filters import Filters

OTHER = "\0other"


@dataclass(frozen=True, slots=True)
class Trend:
    """One series: a spend for each of ``labels``, quiet buckets included. ``key`` OTHER: all the rest."""

    key: str | None
    labels: tuple[str, ...]
    values: tuple[Spend, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """Spend of one value now and in the equal period before."""

    key: str | None
    now: Spend
    before: Spend

    @property
    def change(self) -> int:
        return self.now.cost - self.before.cost


def trend(
    con: DuckDBPyConnection, filters: Filters, by: str, *, grain: str = "day", keep: Sequence[str | None]
) -> list[Trend]:
    """A series for each value in ``keep``, in that order, and one for all others together if there are any."""
    labels = tuple(label for label, _, _ in buckets(grain, *period(con, filters), filters.timezone))
    kept: dict[str | None, dict[str, Spend]] = {key: {} for key in keep}
    for row in breakdown(con, filters, (grain, by)):
        label, key = row.key
        if label is None:
            continue
        series = kept.setdefault(key if key in keep else OTHER, {})
        series[label] = added(series[label], row.spend) if label in series else row.spend
    return [Trend(key, labels, tuple(series.get(label, Spend()) for label in labels)) for key, series in kept.items()]


def prominent(
    con: DuckDBPyConnection, filters: Filters, by: str, *, grain: str = "day", limit: int
) -> tuple[str | None, ...]:
    """The names to draw, dearest first: the dearest of all, the last place for whoever of the rest peaks highest.

    So a feature that is small all month but not one night is seen, and not folded into the others.
    """
    names = [row.key[0] for row in breakdown(con, filters, (by,))]
    kept, rest = names[: limit - 1], set(names[limit - 1 :])
    peaks: dict[str | None, int] = {}
    for row in breakdown(con, filters, (grain, by)):
        if row.key[1] in rest:
            peaks[row.key[1]] = max(peaks.get(row.key[1], 0), row.spend.cost)
    return (*kept, max(peaks, key=lambda name: peaks[name])) if peaks else tuple(kept)


def by_time(con: DuckDBPyConnection, filters: Filters, grain: str = "day") -> Trend:
    """The one series of everything."""
    rows = {row.key[0]: row.spend for row in breakdown(con, filters, (grain,))}
    labels = tuple(label for label, _, _ in buckets(grain, *period(con, filters), filters.timezone))
    return Trend(None, labels, tuple(rows.get(label, Spend()) for label in labels))


def weekday_hours(con: DuckDBPyConnection, filters: Filters) -> dict[tuple[int, int], Spend]:
    """Spend by (weekday, local hour); Monday is 0."""
    found: dict[tuple[int, int], Spend] = {}
    for row in breakdown(con, filters, ("hour",)):
        if row.key[0] is None:
            continue
        local = datetime.fromisoformat(row.key[0])
        cell = (local.weekday(), local.hour)
        found[cell] = added(found[cell], row.spend) if cell in found else row.spend
    return found


def moves(con: DuckDBPyConnection, filters: Filters, by: str) -> list[Move]:
    """Every value's spend now and in the equal period before, dearest now first; both ends of the period are needed."""
    now = {row.key[0]: row.spend for row in breakdown(con, filters, (by,))}
    before = {row.key[0]: row.spend for row in breakdown(con, filters.previous(), (by,))}
    gone = [key for key in before if key not in now]
    return [Move(key, now.get(key, Spend()), before.get(key, Spend())) for key in [*now, *gone]]


def added(a: Spend, b: Spend) -> Spend:
    return Spend(*(getattr(a, name) + getattr(b, name) for name in Spend.__slots__))
