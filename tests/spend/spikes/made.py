"""Histories and stores whose spend by the hour is given by a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from spend.spikes.detect import BACK, History, Judgement, history, judge
from spend.spikes.night import DAY, NightHours
from store.connection import Store
from tests.factories import emptied, loaded, usage_record

Dollars = Callable[[int, int], float]  # by day and hour
NIGHT = NightHours()


def past(dollars: Dollars, *, days: int = BACK + 8, weekday: int = 0, begin: int = 0) -> History:
    """The history of one series that begins on a Monday, or on the day of the week given."""
    spend = np.array([[dollars(hour // DAY, hour % DAY) for hour in range(days * DAY)]], dtype=np.float64)
    return history(spend, spend, np.array([begin]), weekday)


def judged_on(past: History, *days: int, night: NightHours = NIGHT, whole_day: bool = False) -> Judgement:
    """What the rule says of the nights that begin on these days."""
    return judge(past, np.array(days), night, whole_day=whole_day)


def unrest(seed: int, size: float = 0.15) -> Dollars:
    """Factors around 1, the same for the same day and hour."""
    factors = np.random.default_rng(seed).lognormal(0, size, (400, DAY))
    return lambda day, hour: float(factors[day, hour])


@contextmanager
def spending(
    folder: Path,
    features: Mapping[str, Dollars],
    *,
    first: date = date(2026, 9, 1),
    days: int = 30,
    hours: int | None = None,
    **over: Any,
) -> Iterator[Store]:
    """A store in which each feature has one request in every UTC hour that it spends anything in.

    A token in is a millionth of a dollar. ``hours`` more than whole ``days`` are added to the last. One at a time: the
    next is in its place.
    """
    begin = datetime(first.year, first.month, first.day, 0, 30, tzinfo=UTC)
    records = []
    for n in range(days * DAY + (hours or 0)):
        for feature, dollars in features.items():
            tokens = round(1e6 * dollars(n // DAY, n % DAY))
            if tokens:
                at = (begin + timedelta(hours=n)).isoformat()
                who = {"user": f"u_{feature}"} | over
                records.append(usage_record(time=at, feature=feature, input_tokens=tokens, output_tokens=0, **who))
    store = emptied(9)
    loaded(store, folder / "log.jsonl", records)
    yield store
