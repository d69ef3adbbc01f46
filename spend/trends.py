"""Spend over time and against the period before: series, weekday by hour, what moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from duckdb import DuckDBPyConnection

from spend.breakdown import Cost, amounts, costs_of_times, period
from spend.calendar import buckets
from spend.filters import Filters

OTHER = "\0other"


@dataclass(frozen=True, slots=True)
class Trend:
    """One series: the cost (pico-dollars) of each of ``labels``, quiet ones included. ``key`` OTHER: all the rest."""

    key: str | None
    labels: tuple[str, ...]
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """The cost of one value now and in the equal period before, in pico-dollars."""

    key: str | None
    now: int
    before: int

    @property
    def change(self) -> int:
        return self.now - self.before


def trend(con: DuckDBPyConnection, filters: Filters, by: str, *, grain: str = "day", limit: int) -> list[Trend]:
    """A series for each of ``limit`` names, dearest first, and one for all others together if there are any.

    The last place goes to whoever of the rest peaks highest: a feature that is small all month but not one night is
    seen, and not folded into the others.
    """
    labels = _labels(con, filters, grain)
    series: dict[str | None, dict[str, int]] = {}
    for (label, key), cost in amounts(con, filters, (grain, by)).items():
        if label is not None:
            series.setdefault(key, {})[label] = cost
    kept = _prominent(series, limit)
    drawn = {key: series[key] for key in kept}
    for key, rest in series.items():
        if key not in kept:
            together = drawn.setdefault(OTHER, {})
            for label, cost in rest.items():
                together[label] = together.get(label, 0) + cost
    return [Trend(key, labels, tuple(found.get(label, 0) for label in labels)) for key, found in drawn.items()]


def _prominent(series: dict[str | None, dict[str, int]], limit: int) -> list[str | None]:
    whole = {key: sum(found.values()) for key, found in series.items()}
    names = sorted(series, key=lambda key: (-whole[key], key is None, key or ""))
    kept, rest = names[: limit - 1], names[limit - 1 :]
    if rest:
        kept.append(max(rest, key=lambda key: max(series[key].values())))
    return kept


def by_time(con: DuckDBPyConnection, filters: Filters, grain: str = "day") -> Trend:
    """The one series of everything."""
    found = amounts(con, filters, (grain,))
    labels = _labels(con, filters, grain)
    return Trend(None, labels, tuple(found.get((label,), 0) for label in labels))


def _labels(con: DuckDBPyConnection, filters: Filters, grain: str) -> tuple[str, ...]:
    return tuple(label for label, _, _ in buckets(grain, *period(con, filters), filters.timezone))


def weekday_hours(con: DuckDBPyConnection, filters: Filters) -> dict[tuple[int, int], Cost]:
    """Costs by (weekday, local hour); Monday is 0."""
    hours = buckets("hour", *period(con, filters), filters.timezone)
    weekdays = {day: date.fromisoformat(day).weekday() for day in {label[:10] for label, _, _ in hours}}
    times = [(weekdays[label[:10]] * 24 + int(label[11:13]), first, past) for label, first, past in hours]
    return {divmod(cell, 24): cost for cell, cost in costs_of_times(con, filters, times).items()}


def moves(con: DuckDBPyConnection, filters: Filters, by: str) -> list[Move]:
    """Every value's cost now and in the equal period before, dearest now first; both ends of the period are needed."""
    now, before = amounts(con, filters, (by,)), amounts(con, filters.previous(), (by,))
    names = [*now, *(key for key in before if key not in now)]
    return [Move(key[0], now.get(key, 0), before.get(key, 0)) for key in names]
