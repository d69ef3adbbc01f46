"""What happened on the time axis: a price that changed, days of which no log was loaded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date

from spend.breakdown import period
from spend.coverage import gaps, requests_by_day
from spend.filters import Filters
from spend.price_changes import PriceChange, price_changes
from ui import numbers
from ui.cached import ask
from ui.charts import Mark
from ui.periods import day_words

A_MILLION = 10**6


def marks_on(labels: Sequence[str], filters: Filters) -> list[Mark]:
    """The marks that fall on these days, weeks or months, in order of time; gaps are those of the whole store."""
    since, until = ask(period, filters)
    found = sorted(mark for mark in (*_of_prices(filters), *_of_gaps(filters.timezone)) if since <= mark[0] < until)
    return [Mark(labels[max(bisect_right(labels, day.isoformat()) - 1, 0)], word, said) for day, word, said in found]


def _of_prices(filters: Filters) -> list[tuple[date, str, str]]:
    return [(change.day, "price", _change_said(change)) for change in ask(price_changes, filters)]


def _change_said(change: PriceChange) -> str:
    before, after = (numbers.usd(price * A_MILLION) for price in (change.before, change.after))
    return f"{change.model}, {change.token_class}: {before} to {after} a million since {day_words(change.day)}"


def _of_gaps(timezone: str) -> list[tuple[date, str, str]]:
    return [(first, "no log?", _gap_said(first, last)) for first, last in gaps(ask(requests_by_day, timezone))]


def _gap_said(first: date, last: date) -> str:
    return f"No requests at all on {day_words(first)}" + (f" to {day_words(last)}" if last > first else "")
