"""How well spikes are found, against the usual two rules at as many false flags, and how long a verdict takes.

    python bench/spikes.py [--series 80] [--seed 1] [--requests 10000000] [--no-store]

Series are those of bench/spike_series.py. Known spikes, of 1 to 4 hours, are added to nights of theirs. A rival flags
a night that costs more than so many times the mean of the seven nights before, or so many standard deviations above
the mean of the 28 before; "so many" is set, in the same run, to as many false flags as the rule has. Then a store of
so many made-up requests with 50 features and 5,000 users is asked for its verdict.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.made_up import made_up  # noqa: E402
from bench.spike_series import made  # noqa: E402
from spend.breakdown import amounts  # noqa: E402
from spend.explain.explanation import explain  # noqa: E402
from spend.filters import Filters  # noqa: E402
from spend.spikes.detect import BACK, TESTED, History, history, judge  # noqa: E402
from spend.spikes.found import incidents  # noqa: E402
from spend.spikes.hours import hours_of  # noqa: E402
from spend.spikes.judged import last_night  # noqa: E402
from spend.spikes.night import DAY, NightHours  # noqa: E402
from spend.spikes.settings import SpikeSettings  # noqa: E402
from spend.spikes.skill import SIZES, with_spend  # noqa: E402
from spend.spikes.verdict import calendar, verdict  # noqa: E402
from store.connection import open_store  # noqa: E402

Array = NDArray[np.float64]
NIGHT = NightHours()
NIGHTS = 60
PER_SIZE = 2_000
FLAG_Z = 5.0


def scores(past: History, days: NDArray[np.int64]) -> dict[str, Array]:
    """How far each night is above what each rule expects, (series, nights); NaN where ours does not test."""
    told = judge(past, days, NIGHT)
    matters = told.net >= 0.1 * told.median_day
    first = days * DAY + NIGHT.start
    total = np.concatenate([np.zeros((len(past.spend), 1)), np.cumsum(past.spend, axis=1)], axis=1)

    def nights(back: int) -> Array:
        start = first - back * DAY
        return np.asarray(total[:, start + NIGHT.length] - total[:, start])

    week = np.mean([nights(back) for back in range(1, 8)], axis=0)
    month = np.stack([nights(back) for back in range(1, 29)])
    found = {
        "ours": np.where(matters, told.z, -np.inf),
        "times the 7-day mean": nights(0) / np.maximum(week, 1e-12),
        "mean + sigmas": (nights(0) - month.mean(axis=0)) / np.maximum(month.std(axis=0), 1e-12),
    }
    return {name: np.where(told.status == TESTED, score, np.nan) for name, score in found.items()}


def compare(series: int, seed: int) -> None:
    """Prints recall by size of our rule and of each rival, at as many false flags."""
    source = made(seed, series=series, days=BACK + NIGHTS + 2)
    past = history(source.spend, source.spend, source.begin, 0)
    days = np.arange(BACK, BACK + NIGHTS)
    clean = scores(past, days)
    tested = ~np.isnan(clean["ours"])
    rate = float((clean["ours"][tested] > FLAG_Z).mean())
    limits = {name: _limit(score[tested], rate) for name, score in clean.items()}
    limits["ours"] = FLAG_Z
    print(f"{series} series, {NIGHTS} nights, {int(tested.sum()):,} tested; false flags {100 * rate:.2f} % of these")
    names = list(limits)
    plain = {"times the 7-day mean": 2.0, "mean + sigmas": 3.0}
    for name, limit in plain.items():
        flags = 100 * float((clean[name][tested] > limit).mean())
        print(f"  {name}: {limit:g} as it comes has {flags:.2f} %; {limits[name]:.2f} has as many as ours")
    print(f"{'a spike of':<16}" + "".join(f"{name:>22}" for name in names))
    random = np.random.default_rng(seed)
    able = np.argwhere(tested & ~(clean["ours"] > FLAG_Z))
    for percent in SIZES:
        caught = _recall(past, days, able[random.integers(len(able), size=PER_SIZE)], percent, limits, random)
        print(f"{percent:>4} % of a day   " + "".join(f"{100 * caught[name]:>20.1f} %" for name in names), flush=True)


def _limit(score: Array, rate: float) -> float:
    """The score that so large a share is above."""
    return float(np.quantile(score[np.isfinite(score)], 1 - rate))


def _recall(
    past: History,
    days: NDArray[np.int64],
    chosen: NDArray[np.int64],
    percent: int,
    limits: dict[str, float],
    random: np.random.Generator,
) -> dict[str, float]:
    caught = dict.fromkeys(limits, 0)
    for night in np.unique(chosen[:, 1]).tolist():
        rows = chosen[chosen[:, 1] == night, 0]
        of = past.of(rows)
        day = int(days[night])
        size = percent / 100 * judge(of, days[[night]], NIGHT).median_day[:, 0]
        added = np.zeros(of.spend.shape)
        for n, dollars in enumerate(size):
            hours = int(random.integers(1, 5))
            start = day * DAY + NIGHT.start + int(random.integers(0, NIGHT.length - hours + 1))
            added[n, start : start + hours] = dollars / hours
        for name, score in scores(with_spend(of, added, day), days[[night]]).items():
            caught[name] += int((score[:, 0] > limits[name]).sum())
    return {name: count / len(chosen) for name, count in caught.items()}


def speed(requests: int, runs: int) -> None:
    """Prints how long the answers of the page take, beside the total of everything by user and day."""
    with open_store(made_up(requests)) as store, store.cursor() as con:
        filters, settings = Filters(timezone="Europe/Paris"), SpikeSettings()
        lasts = last_night(con, filters, settings)
        if lasts is None:
            return
        month = (lasts[1] - timedelta(days=29), lasts[1])
        found = incidents(con, filters, settings, *month)
        questions: dict[str, Callable[[], object]] = {
            "reference: by hour, a month": lambda: amounts(
                con, replace(filters, since=month[0], until=month[1]), ("hour", "feature")
            ),
            "verdict on last night": lambda: verdict(con, filters, settings),
            "incidents of 30 nights": lambda: incidents(con, filters, settings, *month),
            "calendar of 30 nights": lambda: calendar(con, filters, settings),
            "hours of a feature": lambda: hours_of(
                con, filters, settings, scope=(("feature", "search-answers"),), night=lasts[0]
            ),
        }
        if found:
            questions["explanation of an incident"] = lambda: explain(con, filters, found[0].finding)
        print(f"{requests:,} requests; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        reference = 0.0
        for name, question in questions.items():
            seconds = statistics.median(_time(question) for _ in range(runs))
            reference = reference or seconds
            print(f"{name:<30}{1000 * seconds:>8.0f} ms  {seconds / reference:>6.1f} x")


def _time(question: Callable[[], object]) -> float:
    began = time.perf_counter()
    question()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-store", action="store_true")
    args = parser.parse_args()
    compare(args.series, args.seed)
    if not args.no_store:
        speed(args.requests, args.runs)


if __name__ == "__main__":
    main()
