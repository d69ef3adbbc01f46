"""What a period comes to in a month: thirty days of it."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from spend.breakdown import period
from spend.filters import Filters

MONTH = 30


def days_of(con: DuckDBPyConnection, filters: Filters) -> int:
    """Days of the period that the logs reach over, at least one."""
    since, until = period(con, filters)
    return (until - since).days


def a_month(picos: int, days: int) -> int:
    """What so much in so many days is in a month, in pico-dollars, rounded down."""
    return picos * MONTH // days
