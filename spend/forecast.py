"""Where a month or another period will end: spent so far, the usual for each day left, and past errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from duckdb import DuckDBPyConnection

from spend.breakdown import amounts
from spend.filters import Filters, days

HISTORY_DAYS = 28
SHORT_HISTORY_DAYS = 14
FULL_ERRORS = 8


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """Pico-dollars. ``low`` and ``high`` hold 80 % of outcomes; ``rough``: too little history to say how sure."""

    month_to_date: int
    projected: int
    low: int | None
    high: int | None
    rough: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """A period on one of its days. ``spent`` by day, ``expected`` of each day ``left``, today among them; pico-dollars.

    ``errors`` are logarithms of how wrong the method was before, widened for how little history it rests on.
    """

    spent: dict[date, int]
    left: tuple[date, ...]
    expected: tuple[int, ...]
    done: int  # on the days before today
    errors: tuple[float, ...]

    @property
    def to_date(self) -> int:
        """What is spent."""
        return sum(self.spent.values())

    @property
    def projected(self) -> int:
        """What will be."""
        return self.done + sum(self.expected)

    @property
    def rough(self) -> bool:
        """Is there too little history to say how sure that is?"""
        return len(self.errors) < FULL_ERRORS

    def draws(self) -> list[int]:
        """What the whole period would cost with each of the errors made before, smallest first."""
        return sorted(self._with(error) for error in self.errors)

    def range(self) -> tuple[int | None, int | None]:
        """What holds 80 % of outcomes; None where nothing is known of the errors."""
        if not self.errors:
            return None, None
        return self._with(_quantile(self.errors, 0.1)), self._with(_quantile(self.errors, 0.9))

    def _with(self, error: float) -> int:
        return max(self.done + round(sum(self.expected) * math.exp(error)), self.to_date)


def month_end(con: DuckDBPyConnection, filters: Filters, today: date) -> MonthEnd | None:
    """The projection for the month ``today`` is in, of requests that meet ``filters.where``; the period is ignored.

    The running day counts as a day left from its usual, or from what it already cost where that is more. None when the
    month has no spend and no history before it.
    """
    found = outlook(con, filters, today, *month_of(today))
    if found is None:
        return None
    return MonthEnd(found.to_date, found.projected, *found.range(), found.rough)


def outlook(con: DuckDBPyConnection, filters: Filters, today: date, first: date, after: date) -> Outlook | None:
    """The same for any period [first, after) that ``today`` is in, with what the projection is made of."""
    history = replace(filters, since=first - timedelta(days=120), until=after)
    spent = {date.fromisoformat(day): cost for (day,), cost in amounts(con, history, ("day",)).items() if day}
    if not any(spent.values()):
        return None
    start = min(day for day, cost in spent.items() if cost)
    series = {day: spent.get(day, 0) for day in days(start, today)}
    within = {day: spent.get(day, 0) for day in days(first, min(after, today + timedelta(days=1)))}
    done = sum(cost for day, cost in within.items() if day < today)
    left = tuple(days(today, after))
    if not series:
        return Outlook(within, left, (within.get(today, 0),) + (0,) * (len(left) - 1), done, ())
    usual = _usual(series, today)
    expected = [usual[day.weekday()] for day in left]
    expected[0] = max(expected[0], spent.get(today, 0))
    widened = 1.3 * math.sqrt(1 + 2 * len(left) / len(series))
    errors = _past_errors(series, today, len(left)) if sum(expected) else []
    return Outlook(within, left, tuple(expected), done, tuple(widened * error for error in errors))


def month_of(day: date) -> tuple[date, date]:
    """The first day of a day's month, and of the next."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def _usual(series: dict[date, int], origin: date) -> list[int]:
    """What each weekday usually costs, known at ``origin``: its mean of 28 days, or that of the last 7 while young."""
    known = [day for day in days(origin - timedelta(days=HISTORY_DAYS), origin) if day in series]
    if len(known) < SHORT_HISTORY_DAYS:
        return [_mean([series[day] for day in known[-7:]])] * 7
    return [_mean([series[day] for day in known if day.weekday() == weekday]) for weekday in range(7)]


def _mean(costs_of_days: list[int]) -> int:
    return sum(costs_of_days) // len(costs_of_days) if costs_of_days else 0


def _past_errors(series: dict[date, int], today: date, horizon: int) -> list[float]:
    """log(actual / forecast) of the same method from earlier days, with as many days to go."""
    errors = []
    for origin in days(min(series) + timedelta(days=7), today - timedelta(days=horizon - 1)):
        usual = _usual(series, origin)
        ahead = list(days(origin, origin + timedelta(days=horizon)))
        actual, forecast = sum(series.get(day, 0) for day in ahead), sum(usual[day.weekday()] for day in ahead)
        if actual > 0 and forecast > 0:
            errors.append(math.log(actual) - math.log(forecast))
    return errors


def _quantile(values: Sequence[float], q: float) -> float:
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
