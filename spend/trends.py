"""Spend over time and against the period before: series, weekday by hour, what moved."""

from __future__ import annotations

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


def trend(con: DuckDBPyConnection, filters: Filters, by: str, *, grain: str = "day", limit: int) -> list[Trend]:
    """A series for each of ``limit`` names, dearest first, and one for all others together if there are any.

    The last place goes to whoever of the rest peaks highest: a feature that is small all month but not one night is
    seen, and not folded into the others.
    """
    labels = tuple(label for label, _, _ in buckets(grain, *period(con, filters), filters.timezone))
    series: dict[str | None, dict[str, Spend]] = {}
    for row in breakdown(con, filters, (grain, by)):
        label, key = row.key
        if label is not None:
            series.setdefault(key, {})[label] = row.spend
    kept = _prominent(series, limit)
    drawn = {key: series[key] for key in kept}
    for key, rest in series.items():
        if key not in kept:
            together = drawn.setdefault(OTHER, {})
            for label, spend in rest.items():
                together[label] = added(together[label], spend) if label in together else spend
    return [Trend(key, labels, tuple(found.get(label, Spend()) for label in labels)) for key, found in drawn.items()]


def _prominent(series: dict[str | None, dict[str, Spend]], limit: int) -> list[str | None]:
    cost = {key: sum(spend.cost for spend in found.values()) for key, found in series.items()}
    names = sorted(series, key=lambda key: (-cost[key], key is None, key or ""))
    kept, rest = names[: limit - 1], names[limit - 1 :]
    if rest:
        kept.append(max(rest, key=lambda key: max(spend.cost for spend in series[key].values())))
    return kept


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
