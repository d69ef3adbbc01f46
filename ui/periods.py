"""The periods the filter bar offers, as days."""

from __future__ import annotations

from datetime import date, timedelta

EVERYTHING = "Everything"
CUSTOM = "Custom range"
PERIODS = ("Last 7 days", "Last 30 days", "Last 90 days", "Month to date", "Last month", EVERYTHING, CUSTOM)


def period_of(label: str, today: date) -> tuple[date | None, date | None]:
    """[since, until) of a preset; today belongs to all of them but the last month."""
    tomorrow, first = today + timedelta(days=1), today.replace(day=1)
    if label == "Month to date":
        return first, tomorrow
    if label == "Last month":
        return (first - timedelta(days=1)).replace(day=1), first
    if label == EVERYTHING:
        return None, None
    return tomorrow - timedelta(days=int(label.split()[1])), tomorrow


def day_words(day: date, beside: date | None = None) -> str:
    """A day as "9 Nov 2026"; the year is left out beside a day of the same year."""
    text = f"{day.day} {day:%b}"
    return text if beside and beside.year == day.year else f"{text} {day.year}"
