"""How well spikes are found in this very history: known ones are put in, in memory, and looked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import numpy as np
from duckdb import DuckDBPyConnection

from spend.filters import Filters
from spend.spikes.detect import AROUND, TESTED, History, Judgement, judge
from spend.spikes.judged import OVERNIGHT, Judged, Nights, flagged, judged, last_night, least
from spend.spikes.night import DAY, NightHours
from spend.spikes.settings import SpikeSettings
from spend.spikes.usual import Array, levels, usual, weights
from store.money import PICOS_PER_USD

SIZES = (25, 50, 100, 200)  # percent of a median day
NIGHTS = 28
DRAWS = 200  # spikes of each size
LONGEST = 4  # hours


@dataclass(frozen=True)
class SkillBySize:
    """Spikes of one size, in percent of the series' median day: how many were put in, and how many flagged.

    ``hours`` and ``burnt`` (pico-dollars) are medians, from a spike's beginning to the end of the hour after which the
    running night was flagged; None where none was.
    """

    percent: int
    spikes: int
    flagged: int
    hours: float | None
    burnt: int | None

    @property
    def recall(self) -> float | None:
        """The share that was flagged; None where none could be put in."""
        return self.flagged / self.spikes if self.spikes else None


@dataclass(frozen=True)
class Skill:
    """Of ``series`` over ``nights`` nights: recall by size, and how often a series' night is flagged as it stands.

    Flags of the history as it is may have been right; counted as false, they are the most there can be.
    """

    seed: int
    nights: int
    series: int
    tested: int
    sizes: tuple[SkillBySize, ...]
    flags: int

    @property
    def false_flags_a_month(self) -> float | None:
        """Flags in 30 nights of all series, without any spike put in."""
        return 30 * self.flags / self.nights if self.nights else None

    @property
    def false_flag_rate(self) -> float | None:
        """The share of tested nights, each of one series, that is flagged without any spike put in."""
        return self.flags / self.tested if self.tested else None


def backtest(
    con: DuckDBPyConnection,
    filters: Filters,
    settings: SpikeSettings,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    progress: Callable[[float], None] = lambda _: None,
) -> Skill:
    """Puts spikes of 1 to 4 hours into nights of this store's history, in memory only, and looks for them.

    Only such as are worth the least excess to flag, into nights of series that the rule can test.
    The same seed puts in the same spikes. A store with too little history has no spikes put in.
    ``progress`` hears which share of the work is done; what it raises ends the work.
    """
    lasts = last_night(con, filters, settings)
    one = None
    if lasts:
        one = judged(con, filters, settings, lasts[0] - timedelta(days=NIGHTS - 1), lasts[0], (OVERNIGHT,))
    nights = next((of for of in one.nights if not of.running), None) if one else None
    if one is None or nights is None:
        return Skill(seed, 0, 0, 0, tuple(SkillBySize(size, 0, 0, None, None) for size in SIZES), 0)
    level = flagged(one, nights)
    able = np.argwhere(nights.judgement.status == TESTED)
    able = able[level[able[:, 0], able[:, 1]] == 0]  # a night that is flagged already shows nothing
    random = np.random.default_rng(seed)
    sizes = []
    for n, percent in enumerate(SIZES):
        done = partial(_further, progress, n)
        sizes.append(_of_size(one, nights, able, percent, random, draws, done))
    tested = nights.judgement.status == TESTED
    return Skill(
        seed=seed,
        nights=int(tested.any(axis=0).sum()),
        series=int(tested.any(axis=1).sum()),
        tested=int(tested.sum()),
        sizes=tuple(sizes),
        flags=int((level == 2).sum()),
    )


def _further(progress: Callable[[float], None], size: int, share: float) -> None:
    progress((size + share) / len(SIZES))


def _of_size(
    one: Judged,
    nights: Nights,
    able: np.ndarray,
    percent: int,
    random: np.random.Generator,
    draws: int,
    progress: Callable[[float], None],
) -> SkillBySize:
    least_of = least(one, nights)
    able = able[(percent / 100 * nights.judgement.median_day >= least_of)[able[:, 0], able[:, 1]]]
    if not len(able):
        return SkillBySize(percent, 0, 0, None, None)
    chosen = able[random.integers(len(able), size=draws)]
    lasting = random.integers(1, min(LONGEST, nights.hours.length) + 1, size=draws)
    onset = (random.random(draws) * (nights.hours.length - lasting + 1)).astype(int)
    caught, hours, burnt = 0, [], []
    each = np.unique(chosen[:, 1]).tolist()
    for place, night in enumerate(each):
        progress(place / len(each))
        which = np.flatnonzero(chosen[:, 1] == night)
        rows = chosen[which, 0]
        past = one.past.of(rows).around(int(nights.days[night]))
        first = AROUND * DAY + nights.hours.start + onset[which]
        size = percent / 100 * nights.judgement.median_day[rows, night]
        added = _added(past.spend.shape, first, lasting[which], size)
        spiked, enough = with_spend(past, added, AROUND), least_of[rows, night]
        told = judge(spiked, np.array([AROUND]), nights.hours)
        caught += int(is_flagged(told, enough, one.settings.flag_z).sum())
        after = first_flag(spiked, AROUND, nights.hours, onset[which], enough, one.settings.flag_z)
        for n in np.flatnonzero(after > 0).tolist():
            hours.append(int(after[n]))
            burnt.append(float(added[n, first[n] : first[n] + after[n]].sum()))
    picos = round(float(np.median(burnt)) * PICOS_PER_USD) if burnt else None
    return SkillBySize(percent, draws, caught, float(np.median(hours)) if hours else None, picos)


def _added(shape: tuple[int, ...], first: np.ndarray, lasting: np.ndarray, size: Array) -> Array:
    """Spikes of ``size`` dollars, one a row, spread evenly over the hours that they last."""
    added = np.zeros(shape)
    for row, (start, hours, dollars) in enumerate(zip(first, lasting, size, strict=True)):
        added[row, start : start + hours] = dollars / hours
    return added


def with_spend(past: History, added: Array, day: int) -> History:
    """A history with more spent in a night that begins on ``day``, and the usual of its hours as it is then known."""
    spend, base = past.spend + added, past.base + added
    level = past.level.copy()
    level[:, day * DAY :] = levels(base, past.begin)[:, day * DAY :]
    days = np.array([day, day + 1])
    known = past.usual.reshape(len(spend), -1, DAY).copy()
    known[:, days] = usual(base, level, days, weights(days, past.begin, past.weekday))[0]
    return replace(past, spend=spend, base=base, level=level, usual=known.reshape(spend.shape))


def is_flagged(told: Judgement, least: Array, flag_z: float) -> np.ndarray:
    """Is each series' one night flagged, ``least`` being the least excess in dollars?"""
    return np.asarray((np.nan_to_num(told.z[:, 0]) > flag_z) & (told.net[:, 0] >= least))


def first_flag(
    past: History, day: int, night: NightHours, onset: np.ndarray, least: Array, flag_z: float
) -> np.ndarray:
    """Hours from each spike's onset to the end of the hour after which the running night was flagged; 0: never."""
    after = np.zeros(len(onset), dtype=np.int64)
    for length in range(1, night.length + 1):
        open_ = np.flatnonzero((after == 0) & (onset < length))
        if len(open_):
            so_far = NightHours(night.start, (night.start + length) % DAY)
            told = judge(past.of(open_), np.array([day]), so_far)
            new = open_[is_flagged(told, least[open_], flag_z)]
            after[new] = (length - onset)[new]
    return after
