"""Nights put to the rule: of every scope, and with what is needed to tell what was found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from duckdb import DuckDBPyConnection

from spend.breakdown import covers
from spend.filters import Filters
from spend.spikes.detect import (
    BACK,
    IRREGULAR,
    LEAST_DAYS,
    NOT_ENOUGH,
    TESTED,
    History,
    Judgement,
    Numbers,
    history,
    judge,
)
from spend.spikes.night import DAY, WHOLE_DAY, NightHours, local_time
from spend.spikes.series import Series, data_until, hourly
from spend.spikes.settings import LEAST_MINIMUM, Mark, SpikeSettings, marks_of, planned_spans
from spend.spikes.usual import PRIOR, Array
from store.money import PICOS_PER_USD

OVERNIGHT, MORNING = "overnight", "morning"
KINDS = (OVERNIGHT, MORNING)
AFTER = 21  # days after a night in which something may go on


@dataclass(frozen=True, eq=False)
class Nights:
    """Nights of one kind that have as many hours, and what the rule says of them.

    ``judgement`` has a row for each series of ``Judged.regular``; ``spent``, ``most`` and ``status`` one for each
    series: dollars in the night, the most in any of the 28 nights before, and whether it can be tested.
    """

    kind: str
    hours: NightHours
    running: bool
    days: Numbers
    judgement: Judgement
    spent: Array
    most: Array
    status: Numbers


@dataclass(frozen=True, eq=False)
class Judged:
    """Series, their history, and their nights; ``regular`` are the series that are tested by the rule, as rows of
    ``series``. ``minimum`` is in pico-dollars."""

    settings: SpikeSettings
    filters: Filters
    series: Series
    rates: Array
    base: Array
    regular: Numbers
    past: History
    nights: tuple[Nights, ...]
    minimum: int
    marks: dict[str, Mark]


def asked(filters: Filters, settings: SpikeSettings) -> Filters:
    """Which requests count, in the zone that counts the hours; the period plays no part."""
    return replace(filters, since=None, until=None, timezone=settings.timezone or filters.timezone)


def last_night(con: DuckDBPyConnection, filters: Filters, settings: SpikeSettings) -> tuple[date, date] | None:
    """The last night that had ended when the last request came in, and the last that had begun; None: no data."""
    until = data_until(con)
    if until is None:
        return None
    now = local_time(until, asked(filters, settings).timezone)
    begun = now.date() - timedelta(days=0 if now.hour > settings.night.start else 1)
    ended = now.date() - timedelta(days=1)
    past = settings.night.start + settings.night.length - DAY  # the hour of the day after at which a night ends
    if past <= 0:
        ended += timedelta(days=now.hour >= past + DAY)
    elif now.hour < past:
        ended -= timedelta(days=1)
    return ended, max(begun, ended)


def judged(
    con: DuckDBPyConnection,
    filters: Filters,
    settings: SpikeSettings,
    first: date,
    last: date,
    kinds: tuple[str, ...],
    *,
    beside: timedelta = timedelta(),
) -> Judged | None:
    """Puts the nights ``first`` to ``last`` (dates of their evenings) and the days after them to the rule, and so long
    ``beside`` them; hours go on until three weeks later.

    None where no request is, and none came later.
    """
    where = asked(filters, settings)
    until, span, lasts = data_until(con), covers(con, where.timezone), last_night(con, filters, settings)
    if until is None or span is None or lasts is None:
        return None
    first, last = max(first, span[0] - timedelta(days=1)), min(last, lasts[1])
    if first > last:
        return None
    first, last = first - beside, min(last + beside, lasts[1])
    series = hourly(con, where, first, min(last + timedelta(days=AFTER), span[1]), until)
    marks = marks_of(con)
    rates = series.rates()
    base = smoothed(rates, series, planned_spans(marks))
    days = np.arange(BACK, BACK + (last - first).days + 1)
    regular = np.flatnonzero(_active(base, days) * 2.2 >= 1)  # all that could be, and a few that are not
    past = history(rates[regular], base[regular], series.begin[regular], series.clock.weekday)
    minimum = settings.minimum if settings.minimum is not None else _default_minimum(series)
    one = Judged(settings, where, series, rates, base, regular, past, (), minimum, marks)
    found = [_nights(one, kind, days + (kind == MORNING)) for kind in kinds]
    return replace(one, nights=tuple(nights for of_kind in found for nights in of_kind))


def smoothed(rates: Array, series: Series, spans: tuple[tuple[int, int], ...]) -> Array:
    """Rates with what was planned replaced by the median of the same hour of up to 14 days before."""
    clock = series.clock
    inside = np.zeros(rates.shape[1], dtype=bool)
    for start, past in spans:
        inside |= (clock.starts[:-1] < past) & (clock.starts[1:] > start)
    if not inside.any():
        return rates
    base = rates.copy()
    for hour in np.flatnonzero(inside).tolist():
        before = [n for n in range(hour - DAY, max(-1, hour - 15 * DAY), -DAY) if not inside[n]]
        base[:, hour] = np.median(base[:, before], axis=1) if before else 0
    return base


def _nights(one: Judged, kind: str, days: Numbers) -> list[Nights]:
    """The nights that have ended together, and the one that is running by itself, up to where it is."""
    hours = one.settings.night if kind == OVERNIGHT else WHOLE_DAY
    starts = days * DAY + hours.start
    ended = starts + hours.length <= one.series.whole
    found = [_judged_nights(one, kind, hours, days[ended], running=False)] if ended.any() else []
    for day in days[~ended & (starts < one.series.whole)]:
        past = (one.series.whole - int(day) * DAY) % DAY
        found.append(_judged_nights(one, kind, NightHours(hours.start, past), np.array([day]), running=True))
    return found


def _judged_nights(one: Judged, kind: str, hours: NightHours, days: Numbers, *, running: bool) -> Nights:
    series = one.series
    told = judge(one.past, days, hours, whole_day=kind == MORNING)
    first = days * DAY + hours.start
    of = first[:, None] + np.arange(hours.length)
    spent = (one.rates * series.clock.real)[:, of].sum(axis=2)
    sums = np.concatenate([np.zeros((len(one.base), 1)), np.cumsum(one.base, axis=1)], axis=1)
    before = first[:, None] - DAY * np.arange(1, PRIOR + 1)
    most = (sums[:, before + hours.length] - sums[:, before]).max(axis=2)
    status = np.where((days - series.begin[:, None]) >= LEAST_DAYS, IRREGULAR, NOT_ENOUGH)
    status[one.regular] = told.status
    return Nights(kind, hours, running, days, told, spent, most, status)


def _active(base: Array, days: Numbers) -> Array:
    """In what share of the hours of the time that is looked back on a series spent anything, at its busiest night."""
    spent = np.concatenate([np.zeros((len(base), 1)), np.cumsum(base > 0, axis=1)], axis=1)
    first = (base > 0).argmax(axis=1)[:, None]
    ends = days * DAY + DAY
    starts = np.maximum(ends - PRIOR * DAY - DAY, first)
    hours = np.maximum(ends - starts, DAY)
    active = np.take_along_axis(spent, np.broadcast_to(ends, hours.shape), 1) - np.take_along_axis(
        spent, np.minimum(starts, ends), 1
    )
    return np.asarray((active / hours).max(axis=1))


def _default_minimum(series: Series) -> int:
    """1 % of the mean day of the last 30, at least a dollar."""
    past = series.whole // DAY
    first = max(past - 30, int(series.begin[0]))
    days = max(1, past - first)
    mean = int(sum(series.picos[0, first * DAY : past * DAY].tolist())) // days
    return max(mean // 100, LEAST_MINIMUM)


def least(one: Judged, nights: Nights) -> Array:
    """The least excess to flag, in dollars: (regular series, nights)."""
    return np.asarray(np.maximum(one.minimum / PICOS_PER_USD, 0.1 * nights.judgement.median_day))


def flagged(one: Judged, nights: Nights) -> Array:
    """2 where the rule flags a night, 1 where it is one to watch, else 0: (regular series, nights)."""
    enough = nights.judgement.net >= least(one, nights)
    z = np.where((nights.judgement.status == TESTED) & enough, nights.judgement.z, 0)
    return np.asarray((z > one.settings.flag_z).astype(float) + (z > one.settings.watch_z))


def by_dollars(one: Judged, nights: Nights) -> Array:
    """True where a series without a z cost far more than in any night before: (series, nights).

    Only where the history of everything is long enough to tell.
    """
    judgeable = nights.status[0] != NOT_ENOUGH
    minimum = one.minimum / PICOS_PER_USD
    more = (nights.spent >= 2 * nights.most) & (nights.spent - nights.most >= minimum)
    return np.asarray(more & (nights.status != TESTED) & judgeable)
