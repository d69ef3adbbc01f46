"""Incidents in nights that were put to the rule: which hours, exactly what they cost, and what was said of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from duckdb import DuckDBPyConnection

from spend.filters import Filters
from spend.spikes.incidents import FLAG, WATCH, Finding, Incident, grouped, merged
from spend.spikes.judged import AFTER, KINDS, MORNING, OVERNIGHT, Judged, Nights, by_dollars, flagged, judged
from spend.spikes.night import DAY
from spend.spikes.settings import SpikeSettings
from spend.spikes.usual import Array, weights
from store.money import PICOS_PER_USD

BESIDE = timedelta(days=10)  # before and after a night, in which the same may have been going on
GAP = 6  # hours within which more of the same belongs to it
BEFORE = DAY  # hours before a night in which it may have begun


def incidents(
    con: DuckDBPyConnection,
    filters: Filters,
    settings: SpikeSettings,
    first: date,
    last: date,
    kinds: tuple[str, ...] = KINDS,
) -> list[Incident]:
    """Incidents that began in the nights ``first`` to ``last`` or on the days after them, dearest first.

    Planned ones are among them, and say so. Of ``filters`` what is asked counts, not the period.
    """
    one = around(con, filters, settings, first, last, kinds)
    return [incident for incident in found(one) if first <= _evening(incident) <= last] if one else []


def around(
    con: DuckDBPyConnection, filters: Filters, settings: SpikeSettings, first: date, last: date, kinds: tuple[str, ...]
) -> Judged | None:
    """As ``judged``, with the nights beside them: what goes on for several is told of the first of them alone."""
    return judged(con, filters, settings, first, last, kinds, beside=BESIDE)


def _evening(incident: Incident) -> date:
    """The night it is told with: a day's is the one before it."""
    return incident.finding.night - timedelta(days=incident.finding.kind == MORNING)


def found(one: Judged) -> list[Incident]:
    """The incidents of nights that were put to the rule."""
    by_kind = {kind: merged(list(_findings(one, kind))) for kind in KINDS}
    overnight = by_kind[OVERNIGHT]
    mornings = [finding for finding in by_kind[MORNING] if not any(_told(finding, night) for night in overnight)]
    return [_marked(one, incident) for incident in grouped([*overnight, *mornings])]


def _told(morning: Finding, night: Finding) -> bool:
    """Has a night told most of a day's excess already? A day that has no z of its own need not be of the same scope."""
    together = morning.start < night.past and night.start < morning.past
    same = morning.scope == night.scope or (morning.z is None and night.excess <= 2 * morning.excess)
    return same and together and 2 * night.excess >= morning.excess


def _marked(one: Judged, incident: Incident) -> Incident:
    mark = one.marks.get(incident.key)
    return replace(incident, planned=mark.planned, note=mark.note) if mark else incident


def _findings(one: Judged, kind: str) -> Iterator[Finding]:
    for nights in one.nights:
        if nights.kind != kind:
            continue
        level = flagged(one, nights)
        for row, night in np.argwhere(level > 0).tolist():
            yield _by_rule(one, nights, row, night, FLAG if level[row, night] > 1 else WATCH)
        for row, night in np.argwhere(by_dollars(one, nights)).tolist():
            yield _of_dollars(one, nights, row, night)


def _by_rule(one: Judged, nights: Nights, row: int, night: int, level: str) -> Finding:
    told = nights.judgement
    first = int(nights.days[night]) * DAY + nights.hours.start
    above = (told.excess - np.maximum(told.centre, 0))[row, night] / np.maximum(told.scale[row, night], 1e-300)
    best = int(above.argmax())
    start = first + int(told.at[row, night, best])
    usual = one.past.usual[row]
    excess = np.nan_to_num(one.past.spend[row] - usual)
    noise = float(told.scale[row, night, 0]) / told.windows[0]
    hours = stretch(excess, start, start + told.windows[best], noise, one.series.whole)
    before = told.prior[row, night]
    known = ~np.isnan(before)
    worst = float(before[known].max()) if known.any() else 0.0
    series = int(one.regular[row])
    found = _finding(one, nights, series, night, hours, usual)
    z = float(told.z[row, night])
    return replace(found, level=level, z=z, worst_before=_picos(worst), nights_before=int(known.sum()))


def _of_dollars(one: Judged, nights: Nights, row: int, night: int) -> Finding:
    day = int(nights.days[night])
    first = day * DAY + nights.hours.start
    hours = np.arange(first, first + nights.hours.length)
    peak = float(one.rates[row, hours].max())
    spent = hours[one.rates[row, hours] >= 0.25 * peak]
    last = int(spent[-1])
    while last + 1 < one.series.whole and min(one.rates[row, last : last + 2]) >= 0.5 * peak:
        last += 1  # past the end of the night
    told = np.arange(spent[0], last + 1)
    found = _finding(one, nights, row, night, told, _mean(one, row, int(told[0]), len(told)))
    worst = _picos(float(nights.most[row, night]))
    known = min(28, max(0, day - int(one.series.begin[0])))
    return replace(found, level=WATCH, worst_before=worst, nights_before=known)


def _mean(one: Judged, row: int, first: int, hours: int) -> Array:
    """The mean cost of prior days at so many hours from one on; zero at all others."""
    mean = np.zeros(one.base.shape[1])
    day = np.array([first // DAY])
    weight = weights(day, one.series.begin[:1], one.series.clock.weekday)[0, 0]
    for hour in range(first, first + hours):
        before = one.base[row, hour - DAY * np.arange(1, len(weight) + 1)]
        mean[hour] = (weight * before).sum() / max(weight.sum(), 1e-300)
    return mean


def _finding(one: Judged, nights: Nights, row: int, night: int, hours: np.ndarray, usual: Array) -> Finding:
    clock = one.series.clock
    day = int(nights.days[night])
    of = day * DAY + nights.hours.start + np.arange(nights.hours.length)
    spans = _spans(hours, clock.starts)
    expected = float((np.nan_to_num(usual[hours]) * clock.real[hours]).sum())
    return Finding(
        kind=nights.kind,
        level=WATCH,
        scope=one.series.scopes[row],
        night=clock.date(day),
        timezone=clock.timezone,
        spans=spans,
        actual=sum(one.series.picos[row, hours].tolist()),
        expected=_picos(expected),
        z=None,
        worst_before=0,
        nights_before=0,
        running=nights.running or bool(hours[-1] + 1 >= one.series.whole),
        real_hours=float(clock.real[of].sum()),
        clock_hours=nights.hours.length,
    )


def _spans(hours: np.ndarray, starts: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Hours as stretches of quarters."""
    cuts = np.flatnonzero(np.diff(hours) > 1) + 1
    spans = [(int(starts[part[0]]), int(starts[part[-1] + 1])) for part in np.split(hours, cuts)]
    return tuple((start, past) for start, past in spans if start < past)


def stretch(excess: Array, start: int, past: int, noise: float, whole: int) -> np.ndarray:
    """The hours of an incident: those of ``start`` to ``past``, without idle ends, and what goes on around them.

    ``excess`` is above usual by hour. An hour goes on when it is above ``noise`` and a tenth of the highest; after a
    pause, of at most six hours, it has to be half the highest.
    """
    core = excess[start:past]
    least = max(noise, 0.1 * float(core.max()))
    ends = np.flatnonzero(core > min(least, 0.25 * float(core.max())))
    first, last = start + int(ends[0]), start + int(ends[-1])
    hours = set(range(first, last + 1))
    again = max(noise, 0.5 * float(core.max()))
    hours |= _going_on(excess, range(first - 1, max(-1, first - BEFORE), -1), least, again)
    hours |= _going_on(excess, range(last + 1, min(whole, last + AFTER * DAY)), least, again)
    return np.array(sorted(hours))


def _going_on(excess: Array, around: range, least: float, again: float) -> set[int]:
    hours: set[int] = set()
    idle = 0
    for hour in around:
        if excess[hour] > (again if idle else least):
            hours.add(hour)
            idle = 0
        else:
            idle += 1
        if idle > GAP:
            break
    return hours


def _picos(dollars: float) -> int:
    return round(dollars * PICOS_PER_USD)
