"""Nights and hours by the wall clock: what a night is, and which real hours each hour of the clock had."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spend.filters import WrongQuestion, midnight, quarter_of, zone_of

DAY = 24


@dataclass(frozen=True, slots=True)
class NightHours:
    """A stretch of the clock from hour ``start`` to before hour ``end``, maybe past midnight; 0-0 is a whole day."""

    start: int = 22
    end: int = 6

    def __post_init__(self) -> None:
        if not (0 <= self.start < DAY and 0 <= self.end <= DAY):
            raise WrongQuestion(f"a night goes from an hour to an hour, 0 to 23, not {self.start}-{self.end}")

    @property
    def length(self) -> int:
        """How many hours of the clock it has."""
        return (self.end - self.start - 1) % DAY + 1

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"


WHOLE_DAY = NightHours(0, 0)


def night_hours(text: str) -> NightHours:
    """What "22-6" means. Raises WrongQuestion."""
    start, dash, end = text.partition("-")
    if not (dash and start.strip().isdecimal() and end.strip().isdecimal()):
        raise WrongQuestion(f"{text!r} is no night: write its first hour and the one it ends at, such as 22-6")
    return NightHours(int(start), int(end))


@dataclass(frozen=True)
class Clock:
    """The hours of ``days`` local days from ``first`` on, 24 a day whatever happens to the clocks.

    Hour n is the hour n % 24 of day n // 24. An hour that the clock leaves out in spring has no quarters, one that it
    repeats in autumn has eight.
    """

    timezone: str
    first: date
    days: int

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The quarter (since 1970 UTC) at which each hour begins, and after the last one that at which it ends."""
        dates = [self.first + timedelta(days=n) for n in range(self.days + 1)]
        midnights = np.array([quarter_of(midnight(day, self.timezone)) for day in dates])
        starts = midnights[:-1, None] + 4 * np.arange(DAY)
        for n in np.flatnonzero(np.diff(midnights) != 4 * DAY):
            starts[n] = [self._start(dates[n], hour) for hour in range(DAY)]
        return np.append(starts.ravel(), midnights[-1])

    def _start(self, day: date, hour: int) -> int:
        local = datetime.combine(day, time(hour), zone_of(self.timezone))
        return quarter_of(local.astimezone(UTC).replace(tzinfo=None))

    @cached_property
    def real(self) -> NDArray[np.float64]:
        """How many real hours each hour of the clock had: 1, but for those of a night when clocks change."""
        return np.diff(self.starts) / 4

    @property
    def weekday(self) -> int:
        """Of the first day; Monday is 0."""
        return self.first.weekday()

    def day(self, on: date) -> int:
        """The number of a local day."""
        return (on - self.first).days

    def date(self, day: int) -> date:
        """The local day of that number."""
        return self.first + timedelta(days=int(day))

    def hour_of(self, quarter: int) -> int:
        """The hour a quarter falls in."""
        return int(np.searchsorted(self.starts, quarter, side="right")) - 1

    def whole_hours(self, past: int) -> int:
        """How many hours have ended by a quarter."""
        return min(int(np.searchsorted(self.starts, past, side="right")) - 1, self.days * DAY)

    def sql(self) -> str:
        """The number of the hour of a column `quarter`, which must lie within these days."""
        numbers = np.arange(len(self.real))
        shift, usual = 4 * numbers - self.starts[:-1], self.real == 1
        pieces: list[tuple[int, str]] = []
        for n in numbers:
            if self.real[n] == 0 or (n and usual[n] and usual[n - 1] and shift[n] == shift[n - 1]):
                continue
            label = f"(quarter + {shift[n]}) // 4" if usual[n] else str(n)
            pieces.append((int(self.starts[n]), label))
        cases = " ".join(f"WHEN quarter >= {start} THEN {label}" for start, label in reversed(pieces))
        return f"CASE {cases} END"


def local_time(quarter: int, timezone: str) -> datetime:
    """The local time at which a quarter begins."""
    return datetime.fromtimestamp(quarter * 900, UTC).astimezone(zone_of(timezone))
