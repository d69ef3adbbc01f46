"""What a page says of a night: anything unusual, how sure that is, hour by hour, and the nights before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from duckdb import DuckDBPyConnection

from spend.breakdown import covers
from spend.filters import Filters
from spend.spikes.detect import LEAST_DAYS, NOT_ENOUGH, TESTED
from spend.spikes.found import around, found
from spend.spikes.hours import HourOfNight, hours_between
from spend.spikes.incidents import FLAG, Incident
from spend.spikes.judged import KINDS, MORNING, OVERNIGHT, Judged, Nights, asked, last_night, least
from spend.spikes.night import DAY
from spend.spikes.series import Scope
from spend.spikes.settings import SpikeSettings
from store.money import PICOS_PER_USD

FALSE_FLAGS = 0.025  # a series and night
SHOWN = 10


@dataclass(frozen=True)
class Catchable:
    """The smallest jump, in pico-dollars and in any single hour of the night, that would have been flagged."""

    scope: Scope
    jump: int


@dataclass(frozen=True)
class Verdict:
    """Of one night, or of the day after it (``kind``). Money is pico-dollars.

    ``incidents`` are the dearest ten that began in it, planned ones among them, ``folded`` how many more there are and
    their excess; ``ongoing`` are new levels that began before and are not told again.
    ``series`` were tested by the rule, ``by_dollars`` are too new or too seldom active for it; ``catchable`` says of
    the tested ones what would have been flagged. ``enough_history`` False: no verdict, only what it cost. ``running``:
    the night has not ended, and what it cost so far was compared with the same hours of the nights before.
    """

    kind: str
    night: date
    timezone: str
    start: int
    past: int
    running: bool
    enough_history: bool
    actual: int
    expected: int | None
    incidents: tuple[Incident, ...]
    ongoing: tuple[Incident, ...]
    folded: tuple[int, int]
    series: int
    by_dollars: int
    catchable: tuple[Catchable, ...]
    hours: tuple[HourOfNight, ...]
    real_hours: float
    minimum: int

    @property
    def unusual(self) -> bool:
        """Was anything flagged that was not planned?"""
        return any(one.level == FLAG and not one.planned for one in self.incidents)

    @property
    def expected_false_flags(self) -> float:
        """How many flags such a night has when nothing happened."""
        return FALSE_FLAGS * self.series

    def caught(self, dimension: str | None) -> int | None:
        """The smallest jump that would have been flagged in any feature, model or user; None for everything together.

        None where none of them could be tested.
        """
        jumps = [one.jump for one in self.catchable if (one.scope[0][0] if one.scope else None) == dimension]
        return max(jumps, default=None)


@dataclass(frozen=True)
class NightSummary:
    """A night in the calendar: what everything cost and usually costs (pico-dollars), and the highest level in it.

    ``excess`` is that of its incidents that were not planned; ``expected`` None: not enough history.
    """

    night: date
    actual: int
    expected: int | None
    level: str | None
    incidents: int
    excess: int
    planned: bool
    running: bool


def verdict(
    con: DuckDBPyConnection,
    filters: Filters,
    settings: SpikeSettings,
    *,
    night: date | None = None,
    kind: str = OVERNIGHT,
) -> Verdict | None:
    """The verdict on a night, by default the last one that has ended; None where no request has a time.

    ``filters.where`` narrows what counts; the period plays no part. Kind "morning" is the calendar day after the night.
    """
    lasts = last_night(con, filters, settings)
    if lasts is None:
        return None
    on = night or lasts[0]
    kinds = KINDS if kind == MORNING else (kind,)  # a day does not tell again what the night has told
    one = around(con, filters, settings, on, on, kinds)
    if one is None:
        return None
    day = one.series.clock.day(on) + (kind == MORNING)
    nights = (of for of in one.nights if of.kind == kind and day in of.days)
    return next((_verdict(one, of, on, of.days.tolist().index(day)) for of in nights), None)


def _verdict(one: Judged, of: Nights, on: date, n: int) -> Verdict:
    clock = one.series.clock
    day = int(of.days[n])
    first = day * DAY + of.hours.start
    hours = hours_between(one.series, one.base, first, of.hours.length)
    began = clock.date(day)
    known_of = [incident for incident in found(one) if incident.finding.kind == of.kind]
    told = [incident for incident in known_of if incident.finding.night == began]
    ongoing = [incident for incident in known_of if incident.finding.night < began and _goes_on(incident, of, n, one)]
    rest = told[SHOWN:]
    enough = bool(of.status[0, n] != NOT_ENOUGH)
    known = [hour.expected for hour in hours]
    status = of.status[:, n]
    alive = one.series.picos[:, max(0, first - 28 * DAY) : first + of.hours.length].any(axis=1)
    return Verdict(
        kind=of.kind,
        night=on,
        timezone=clock.timezone,
        start=int(clock.starts[first]),
        past=int(clock.starts[first + of.hours.length]),
        running=of.running,
        enough_history=enough,
        actual=sum(hour.actual for hour in hours),
        expected=sum(number or 0 for number in known) if enough and None not in known else None,
        incidents=tuple(told[:SHOWN]),
        ongoing=tuple(ongoing[:SHOWN]),
        folded=(len(rest), sum(incident.finding.excess for incident in rest)),
        series=int((status == TESTED).sum()),
        by_dollars=int(((status != TESTED) & alive).sum()),
        catchable=_catchable(one, of, n),
        hours=hours,
        real_hours=float(clock.real[first : first + of.hours.length].sum()),
        minimum=one.minimum,
    )


def _goes_on(incident: Incident, of: Nights, n: int, one: Judged) -> bool:
    """Is a new level that began before still there in this night?"""
    starts, first = one.series.clock.starts, int(of.days[n]) * DAY + of.hours.start
    inside = incident.finding.start < starts[first + of.hours.length] and incident.finding.past > starts[first]
    return incident.finding.new_level and bool(inside)


def _catchable(one: Judged, of: Nights, n: int) -> tuple[Catchable, ...]:
    """For each window the threshold, less what the window around an hour already had; of the hour that has least."""
    told = of.judgement
    first = int(of.days[n]) * DAY + of.hours.start
    excess = np.nan_to_num(one.past.spend - one.past.usual)[:, first : first + of.hours.length]
    length = of.hours.length
    needed = np.full(excess.shape, np.inf)
    for place, w in enumerate(told.windows):
        threshold = np.maximum(told.centre[:, n, place], 0) + one.settings.flag_z * told.scale[:, n, place]
        sums = np.lib.stride_tricks.sliding_window_view(excess, w, axis=1).sum(axis=2)
        touching = [sums[:, max(0, hour - w + 1) : hour + 1].max(axis=1) for hour in range(length)]
        needed = np.minimum(needed, threshold[:, None] - np.stack(touching, axis=1))
    short = least(one, of)[:, n] - told.net[:, n]
    jumps = np.maximum(np.maximum(needed.max(axis=1), short), 0)
    rows = np.flatnonzero(told.status[:, n] == TESTED)
    return tuple(
        Catchable(one.series.scopes[int(one.regular[row])], round(float(jumps[row]) * PICOS_PER_USD)) for row in rows
    )


def calendar(
    con: DuckDBPyConnection, filters: Filters, settings: SpikeSettings, *, nights: int = 30
) -> tuple[NightSummary, ...]:
    """The last so many nights, oldest first, the running one last; none where no request has a time."""
    lasts = last_night(con, filters, settings)
    if lasts is None:
        return ()
    last = lasts[1]
    first = last - timedelta(days=nights - 1)
    one = around(con, filters, settings, first, last, KINDS)
    if one is None:
        return ()
    told = [incident for incident in found(one) if incident.finding.kind == OVERNIGHT]
    begin = one.series.clock.day(first)
    shown = [(of, n) for of in one.nights if of.kind == OVERNIGHT for n in np.flatnonzero(of.days >= begin).tolist()]
    return tuple(_summary(one, of, n, told) for of, n in shown)


def _summary(one: Judged, of: Nights, n: int, told: list[Incident]) -> NightSummary:
    clock = one.series.clock
    night = clock.date(int(of.days[n]))
    first = int(of.days[n]) * DAY + of.hours.start
    hours = hours_between(one.series, one.base, first, of.hours.length)
    mine = [incident for incident in told if incident.finding.night == night]
    open_ = [incident for incident in mine if not incident.planned]
    highest = {incident.level for incident in open_}
    known = [hour.expected for hour in hours]
    return NightSummary(
        night=night,
        actual=sum(hour.actual for hour in hours),
        expected=None if None in known else sum(number or 0 for number in known),
        level=FLAG if FLAG in highest else next(iter(highest), None),
        incidents=len(mine),
        excess=sum(incident.finding.excess for incident in open_),
        planned=len(open_) < len(mine),
        running=of.running,
    )


def enough_on(con: DuckDBPyConnection, filters: Filters, settings: SpikeSettings) -> date | None:
    """The first night that there will be enough history for; None for a store without any dated request."""
    span = covers(con, asked(filters, settings).timezone)
    return span[0] + timedelta(days=LEAST_DAYS + 1) if span else None
