"""Made-up hourly spend of many features, seeded: days and weeks, bursts, growth, launches, nights that are busy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DAY = 24
OFFICE = [2, 1.5, 1, 1, 1, 1.5, 3, 6, 10, 12, 12, 11, 10, 11, 12, 12, 11, 9, 7, 5, 4, 4, 3, 2.5]
ALWAYS = [6, 5.5, 5, 5, 5, 5, 5.5, 6, 7, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 7.5, 7]
BY_NIGHT = [12, 12, 11, 9, 6, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 4, 6, 9, 12]


@dataclass(frozen=True, eq=False)
class Made:
    """Dollars by series and hour, the first day a Monday, and from which day each has spent anything."""

    spend: NDArray[np.float64]
    begin: NDArray[np.int64]


def made(seed: int, *, series: int, days: int) -> Made:
    """So many series of so many days. None of them has a spike that is more than its own usual unrest."""
    random = np.random.default_rng(seed)
    rows = [_one(random, days, n) for n in range(series)]
    return Made(np.stack([row for row, _ in rows]), np.array([begin for _, begin in rows], dtype=np.int64))


def _one(random: np.random.Generator, days: int, number: int) -> tuple[NDArray[np.float64], int]:
    """Requests arrive by a clock of their own, in a mood of the day and of the hour; each costs what it costs, and
    some cost fifty times that."""
    shape = np.array((OFFICE, OFFICE, ALWAYS, BY_NIGHT)[number % 4], dtype=np.float64)
    shape = shape / shape.mean() * np.exp(random.normal(0, 0.15, DAY))
    weekend = random.uniform(0.25, 1.0)
    hours = np.arange(days * DAY)
    day = hours // DAY
    level = np.where(day % 7 > 4, weekend, 1.0) * np.tile(shape, days)
    level *= np.exp(random.uniform(-0.002, 0.012) * day)  # growth, to 1.2 % a day
    begin = 0
    if number % 6 == 5:  # launched on some day, and taken up over two weeks
        begin = int(random.integers(5, days // 2))
        level *= np.clip((day - begin + 1) / 14, 0, 1)
    if number % 5 == 4:  # taken up by a new customer, over a week
        level *= 1 + random.uniform(0.3, 1.0) * np.clip((day - random.integers(20, days)) / 7, 0, 1)
    mood = np.repeat(np.exp(random.normal(0, random.uniform(0.05, 0.25), days)), DAY)
    unrest = np.exp(_smooth(random, days * DAY, random.uniform(0.1, 0.4)))
    requests = random.poisson(level * mood * unrest * 10 ** random.uniform(0.5, 2.5))
    cost = 10 ** random.uniform(-3, -1)
    spread = random.uniform(0.4, 1.1)
    each = np.exp(random.normal(0, 1, days * DAY) * spread / np.sqrt(np.maximum(requests, 1)))
    few = random.binomial(requests, 0.002) * np.minimum(random.pareto(1.8, days * DAY) * 5, 50)
    return cost * (requests * each + few), begin + 1


def _smooth(random: np.random.Generator, hours: int, size: float) -> NDArray[np.float64]:
    """Unrest that lasts some hours."""
    steps = random.normal(0, 1, hours)
    found = np.zeros(hours)
    for hour in range(1, hours):
        found[hour] = 0.7 * found[hour - 1] + 0.714 * steps[hour]
    return size * found
