"""The rule: was any stretch of a night further above its usual than prior nights ever got? Many series at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from spend.spikes.night import DAY, NightHours
from spend.spikes.usual import (
    KS,
    LEAST_PRIOR,
    PRIOR,
    Array,
    levels,
    median,
    ratio,
    trailing_days,
    usual,
    weighted,
    weights,
)

Numbers = NDArray[np.int64]

LEAST_DAYS, LEAST_NIGHTS = 7, 4
BACK = 2 * PRIOR + 8  # days before a night that its test looks at
AROUND = PRIOR + 2  # days before a night of which its level is known
PRIOR_STRENGTH = 10  # how many nights the scale of all hours counts for
NOT_ENOUGH, IRREGULAR, TESTED = 0, 1, 2


@dataclass(frozen=True, eq=False)
class History:
    """Series in dollars a real hour, (series, hours), and what each hour usually costs.

    ``base`` is ``spend`` with what was planned smoothed over; everything that is usual is computed of it.
    """

    spend: Array
    base: Array
    begin: Numbers
    weekday: int
    level: Array
    usual: Array

    def of(self, rows: Numbers) -> History:
        """Only those series."""
        spend, base, level, usual = (array[rows] for array in (self.spend, self.base, self.level, self.usual))
        return History(spend, base, self.begin[rows], self.weekday, level, usual)

    def around(self, day: int) -> History:
        """Only what judging the night of a day takes: that day is then number ``AROUND``."""
        first = day - AROUND
        part = slice(first * DAY, (day + 3) * DAY)
        spend, base, level, usual = (array[:, part] for array in (self.spend, self.base, self.level, self.usual))
        return History(spend, base, self.begin - first, (self.weekday + first) % 7, level, usual)


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the rule says of nights, (series, nights) each; a last axis, where there is one, is that of ``windows``."""

    windows: tuple[int, ...]
    status: Numbers  # NOT_ENOUGH | IRREGULAR | TESTED
    z: Array
    excess: Array  # E_w: the largest sum of what is above usual
    at: Numbers  # the hour in the night at which that stretch begins
    centre: Array
    scale: Array
    net: Array  # what the whole night is above usual, dollars
    median_day: Array
    prior: Array  # what each of 28 prior nights was above usual; NaN: not in the history


def history(spend: Array, base: Array, begin: Numbers, weekday: int, days: Numbers | None = None) -> History:
    """The history of series, with the usual of ``days`` (all of them by default)."""
    level = levels(base, begin)
    of = np.arange(spend.shape[1] // DAY) if days is None else days
    found = np.full((len(spend), spend.shape[1] // DAY, DAY), np.nan)
    found[:, of] = usual(base, level, of, weights(of, begin, weekday))[0]
    return History(spend, base, begin, weekday, level, found.reshape(spend.shape))


def windows_of(hours: int, whole_day: bool) -> tuple[int, ...]:
    """The stretches that are looked for in so many hours."""
    return tuple(sorted({w for w in ((3, 8, 24) if whole_day else (1, 3)) if w < hours} | {hours}))


def judge(past: History, days: Numbers, night: NightHours, *, whole_day: bool = False, at_once: int = 16) -> Judgement:
    """The rule, applied to the nights that begin on ``days``.

    What is spent in these nights is ``past.spend``; what went before is ``past.base``.
    """
    chunks = [
        _judgement(past.of(np.arange(first, min(first + at_once, len(past.spend)))), days, night, whole_day)
        for first in range(0, len(past.spend), at_once)
    ] or [_judgement(past, days, night, whole_day)]
    names = ("status", "z", "excess", "at", "centre", "scale", "net", "median_day", "prior")
    parts = {name: np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in names}
    return Judgement(chunks[0].windows, **parts)


@dataclass(frozen=True, eq=False)
class _Nights:
    """What is asked of some nights: their hours and those they are compared with, and how much each of these counts."""

    past: History
    first: Numbers
    hours: Numbers  # (nights, hours)
    prior: Numbers  # first hours of prior nights, (nights, 28); 0 before there were any
    weight: Array
    lift: Array  # today's level over theirs
    expected: Array
    above: Array  # above usual, (series, hours of the history)
    above_before: Array


def _judgement(past: History, days: Numbers, night: NightHours, whole_day: bool) -> Judgement:
    first = days * DAY + night.start
    there = (days[:, None] - KS) >= (past.begin + LEAST_PRIOR)[:, None, None]
    nights = _nights(past, days, first, night.length)
    windows = windows_of(night.length, whole_day)
    told = [_of_window(nights, width) for width in windows]
    excess, at, centre, scale = (np.stack(columns, axis=2) for columns in zip(*told, strict=True))
    z = ((excess - np.maximum(centre, 0)) / np.where(scale > 0, scale, np.inf)).max(axis=2)
    status = _status(past, days, first, there)
    return Judgement(
        windows=windows,
        status=status,
        z=np.where(status == TESTED, z, np.nan),
        excess=excess,
        at=at.astype(np.int64),
        centre=centre,
        scale=scale,
        net=nights.above[:, nights.hours].sum(axis=2),
        median_day=np.nan_to_num(_median_day(past, first)),
        prior=np.where(there, _sums(nights.above_before, night.length)[:, nights.prior], np.nan),
    )


def _nights(past: History, days: Numbers, first: Numbers, length: int) -> _Nights:
    hours = first[:, None] + np.arange(length)
    prior = np.maximum(first[:, None] - DAY * KS, 0)
    least = 0.25 * _mean_hour(past, first)
    return _Nights(
        past=past,
        first=first,
        hours=hours,
        prior=prior,
        weight=weights(days, past.begin, past.weekday, LEAST_PRIOR),
        lift=ratio(past.level[:, first, None], past.level[:, prior]),
        expected=np.maximum(np.nan_to_num(past.usual[:, hours]), least[..., None]),
        above=np.nan_to_num(past.spend - past.usual),
        above_before=np.nan_to_num(past.base - past.usual),
    )


def _of_window(nights: _Nights, width: int) -> tuple[Array, Numbers, Array, Array]:
    """The largest excess of so many hours, the hour of the night it begins at, and centre and scale of prior ones."""
    starts = nights.hours.shape[1] - width + 1
    sums = _sums(nights.above, width)[:, nights.hours[:, :starts]]
    before = _sums(nights.above_before, width)
    worst = before[:, nights.prior[..., None] + np.arange(starts)].max(axis=3) * nights.lift
    centre, own, count = _spread(worst, nights.weight)
    general = _scale_of_all(nights.past, before, nights.first, width)
    floor = 0.1 * sliding_window_view(nights.expected, width, axis=2).sum(axis=3).max(axis=2)
    squares = (count * own**2 + PRIOR_STRENGTH * general**2) / (count + PRIOR_STRENGTH)
    return sums.max(axis=2), sums.argmax(axis=2), centre, np.sqrt(squares + floor**2)


def _sums(values: Array, width: int) -> Array:
    """The sum of each hour and those after it, ``width`` in all; zero where they are not all there."""
    total = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    sums = np.zeros(values.shape)
    sums[:, : values.shape[1] - width + 1] = total[:, width:] - total[:, :-width]
    return sums


def _spread(values: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Centre and scale of prior nights' maxima, and for how many nights they count."""
    centre = np.nan_to_num(weighted(values, weight, (0.5,), axis=2)[0])
    off = np.abs(values - centre[..., None])
    whole = np.maximum(weight.sum(axis=2), 1e-300)
    rms = np.sqrt((weight * off**2).sum(axis=2) / whole)
    mad = np.nan_to_num(weighted(off, weight, (0.5,), axis=2)[0])
    nights = whole**2 / np.maximum((weight**2).sum(axis=2), 1e-300)
    return centre, np.maximum(1.4826 * mad, 0.6 * rms), np.where(weight.any(axis=2), nights, 0)


def _scale_of_all(past: History, sums: Array, first: Numbers, width: int) -> Array:
    """The scale of every stretch of so many hours in the 28 days before, by night or by day."""
    back = first[:, None] - PRIOR * DAY + np.arange(PRIOR * DAY - width + 1)
    known = back >= (past.begin + LEAST_PRIOR)[:, None, None] * DAY
    back = np.maximum(back, 0)
    values = np.where(known, sums[:, back] * ratio(past.level[:, first, None], past.level[:, back]), np.nan)
    off = np.abs(values - median(values)[..., None])
    rms = np.sqrt(np.where(known, off**2, 0).sum(axis=2) / np.maximum(known.sum(axis=2), 1))
    return np.asarray(np.maximum(1.4826 * np.nan_to_num(median(off)), 0.6 * rms))


def _back(past: History, first: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """The hours of the 28 days before each night, and which of them are in each series' history."""
    back = first[:, None] - np.arange(1, PRIOR * DAY + 1)
    return np.maximum(back, 0), back >= (past.begin * DAY)[:, None, None]


def _mean_hour(past: History, first: Numbers) -> Array:
    back, known = _back(past, first)
    return np.asarray((past.base[:, back] * known).sum(axis=2) / np.maximum(known.sum(axis=2), 1))


def _median_day(past: History, first: Numbers) -> Array:
    back = first[:, None] - DAY * np.arange(PRIOR)
    sums = trailing_days(past.base, past.begin)[:, np.maximum(back, 0)]
    return median(np.where(back >= DAY, sums, np.nan))


def _status(past: History, days: Numbers, first: Numbers, there: NDArray[np.bool_]) -> Numbers:
    back, known = _back(past, first)
    active = ((past.base[:, back] > 0) & known).sum(axis=2)
    regular = 2 * active >= np.maximum(known.sum(axis=2), 1)
    enough = (days - past.begin[:, None] >= LEAST_DAYS) & (there.sum(axis=2) >= LEAST_NIGHTS)
    return np.where(enough, np.where(regular, TESTED, IRREGULAR), NOT_ENOUGH)
