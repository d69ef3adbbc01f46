"""A night hour by hour, beside what such hours usually cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from duckdb import DuckDBPyConnection

from spend.filters import Filters
from spend.spikes.judged import OVERNIGHT, asked, smoothed
from spend.spikes.night import DAY, WHOLE_DAY
from spend.spikes.series import Scope, Series, data_until, hourly
from spend.spikes.settings import SpikeSettings, marks_of, planned_spans
from spend.spikes.usual import Array, levels, usual, weights
from store.money import PICOS_PER_USD

BAND = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class HourOfNight:
    """One hour by the clock, in pico-dollars: what it cost, what it usually costs, and what 8 of 10 such hours cost.

    ``start`` is a quarter since 1970 UTC. ``expected`` and the band are None without enough history.
    """

    start: int
    hour: int
    actual: int
    expected: int | None
    low: int | None
    high: int | None
    ended: bool


def hours_of(
    con: DuckDBPyConnection,
    filters: Filters,
    settings: SpikeSettings,
    *,
    scope: Scope,
    night: date,
    kind: str = OVERNIGHT,
    around: int = 0,
) -> tuple[HourOfNight, ...]:
    """The hours of one scope in a night, or in the day after it ("morning"), and so many hours ``around`` it."""
    where = asked(filters, settings)
    for dimension, name in scope:
        where = where.narrowed(dimension, name)
    until = data_until(con)
    if until is None:
        return ()
    on, clock_hours = (night, settings.night) if kind == OVERNIGHT else (night + timedelta(days=1), WHOLE_DAY)
    series = hourly(con, where, on, on + timedelta(days=1 + around // DAY), until, dimensions=())
    base = smoothed(series.rates(), series, planned_spans(marks_of(con)))
    first = series.clock.day(on) * DAY + clock_hours.start - around
    past = min(first + clock_hours.length + 2 * around, series.clock.days * DAY)
    return hours_between(series, base, first, past - first)


def hours_between(series: Series, base: Array, first: int, length: int) -> tuple[HourOfNight, ...]:
    """The hours of the first series; ``base`` is all series' dollars a real hour that count for what is usual."""
    clock = series.clock
    band = _band(base[:1], series, first, length)
    found = []
    for n, hour in enumerate(range(first, first + length)):
        picos = float(clock.real[hour]) * PICOS_PER_USD
        low, middle, high = (None if np.isnan(side[n]) else round(float(side[n]) * picos) for side in band)
        start, actual = int(clock.starts[hour]), int(series.picos[0, hour])
        found.append(HourOfNight(start, hour % DAY, actual, middle, low, high, ended=hour < series.whole))
    return tuple(found)


def _band(base: Array, series: Series, first: int, length: int) -> list[Array]:
    """Dollars a real hour that 1, 5 and 9 of 10 such hours cost at most."""
    begin = series.begin[:1]
    days = np.arange(first // DAY, (first + length - 1) // DAY + 1)
    sides = usual(base, levels(base, begin), days, weights(days, begin, series.clock.weekday), BAND)
    start = first % DAY
    return [side.reshape(-1)[start : start + length] for side in sides]
