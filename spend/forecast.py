"""Where the month will end: spent so far, and the usual for each day left, with how wrong that has been before."""

from __future__ import annotations

import math
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


def month_end(con: DuckDBPyConnection, filters: Filters, today: date) -> MonthEnd | None:
    """The projection for the month ``today`` is in, of requests that meet ``filters.where``; the period is ignored.

    The running day counts as a day left from its usual, or from what it already cost where that is more. None when the
    month has no spend and no history before it.
    """
    first, after = month_of(today)
    history = replace(filters, since=first - timedelta(days=120), until=after)
    spent = {date.fromisoformat(day): cost for (day,), cost in amounts(con, history, ("day",)).items() if day}
    if not any(spent.values()):
        return None
    start = min(day for day, cost in spent.items() if cost)
    series = {day: spent.get(day, 0) for day in days(start, today)}
    to_date = sum(spent.get(day, 0) for day in days(first, min(after, today + timedelta(days=1))))
    left = list(days(today, after))
    if not series:
        return MonthEnd(to_date, to_date, None, None, True)
    usual = _usual(series, today)
    expected = [usual[day.weekday()] for day in left]
    expected[0] = max(expected[0], spent.get(today, 0))
    projected = sum(spent.get(day, 0) for day in days(first, today)) + sum(expected)
    errors = _past_errors(series, today, len(left))
    remaining = sum(expected)
    if not errors or not remaining:
        return MonthEnd(to_date, projected, None, None, True)
    widened = 1.3 * math.sqrt(1 + 2 * len(left) / len(series))
    low, high = (round(remaining * math.exp(widened * _quantile(errors, q))) for q in (0.1, 0.9))
    done = projected - remaining
    low, high = max(done + low, to_date), max(done + high, to_date)
    return MonthEnd(to_date, projected, low, high, len(errors) < FULL_ERRORS)


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


def _quantile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
