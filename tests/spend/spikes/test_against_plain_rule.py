"""The rule again in plain Python, hour by hour and night by night, held against the one that does all at once."""

from __future__ import annotations

import math
from random import Random
from statistics import median

import numpy as np
import pytest

from spend.spikes.detect import BACK, history, judge
from spend.spikes.night import NightHours

Hours = list[float]


class PlainRule:
    """One series, its first weekday, and the day its history begins with."""

    def __init__(self, spend: Hours, weekday: int, begin: int) -> None:
        self.x, self.weekday, self.begin = spend, weekday, begin

    def level(self, t: int) -> float | None:
        ends = [t - 24 * back for back in range(7)]
        sums = [sum(self.x[end - 24 : end]) for end in ends if end - 24 >= 24 * self.begin]
        return median(sums) if sums else None

    def lift(self, t: int, then: int) -> float:
        now, was = self.level(t), self.level(then)
        if now is None or was is None or (now == 0 and was == 0):
            return 1.0
        return 2.0 if was == 0 else min(2.0, max(0.5, now / was))

    def weights(self, day: int, least: int = 0) -> dict[int, float]:
        def weekend(of: int) -> bool:
            return (of + self.weekday) % 7 >= 5

        prior = [k for k in range(1, 29) if day - k >= self.begin + least]
        same = [k for k in prior if weekend(day - k) == weekend(day)]
        found = {}
        for k in prior:
            other = 0.0 if len(same) >= 6 else 0.35
            found[k] = 2 ** (-k / 14) * (2 if k % 7 == 0 else 1) * (1 if k in same else other)
        return {k: weight for k, weight in found.items() if weight}

    def usual(self, t: int) -> float | None:
        weights = self.weights(t // 24)
        if len(weights) < 3:
            return None
        return weighted_median([(self.x[t - 24 * k] * self.lift(t, t - 24 * k), w) for k, w in weights.items()])

    def excess(self, t: int) -> float:
        expected = self.usual(t)
        return 0.0 if expected is None else self.x[t] - expected

    def z(self, day: int, night: NightHours, windows: tuple[int, ...]) -> float:
        n, hours = 24 * day + night.start, night.length
        excess = {t: self.excess(t) for t in range(max(0, n - 28 * 24), n + hours)}

        def sums(start: int, past: int, width: int) -> Hours:
            return [sum(excess.get(t + i, 0.0) for i in range(width)) for t in range(start, past - width + 1)]

        known = range(max(n - 28 * 24, 24 * self.begin), n)
        least = 0.25 * sum(self.x[t] for t in known) / len(known)
        expected = [max(self.usual(t) or 0.0, least) for t in range(n, n + hours)]
        scores = []
        for w in windows:
            weights = self.weights(day, least=3)
            prior = {k: max(sums(n - 24 * k, n - 24 * k + hours, w)) * self.lift(n, n - 24 * k) for k in weights}
            centre = weighted_median([(prior[k], weights[k]) for k in weights])
            off = [(abs(prior[k] - centre), weights[k]) for k in weights]
            whole = sum(weights.values())
            rms = math.sqrt(sum(w_ * o**2 for o, w_ in off) / whole)
            own = max(1.4826 * weighted_median(off), 0.6 * rms)
            count = whole**2 / sum(w_**2 for w_ in weights.values())
            start = max(n - 28 * 24, 24 * (self.begin + 3))
            every = [s * self.lift(n, t) for t, s in enumerate(sums(start, n, w), start)]
            apart = [abs(s - median(every)) for s in every]
            general = max(1.4826 * median(apart), 0.6 * math.sqrt(sum(a**2 for a in apart) / len(apart)))
            floor = 0.1 * max(sum(expected[i : i + w]) for i in range(hours - w + 1))
            square = (count * own**2 + 10 * general**2) / (count + 10) + floor**2
            scores.append((max(sums(n, n + hours, w)) - max(centre, 0.0)) / math.sqrt(square))
        return max(scores)


def weighted_median(pairs: list[tuple[float, float]]) -> float:
    half, so_far = sum(weight for _, weight in pairs) / 2, 0.0
    for value, weight in sorted(pairs):
        so_far += weight
        if so_far >= half * (1 - 1e-12):
            return value
    raise AssertionError


@pytest.mark.parametrize("seed", range(6))
def test_both_ways_of_the_rule_agree(seed: int) -> None:
    random = Random(seed)
    weekday, begin = random.randrange(7), random.choice([0, 0, BACK - 9, BACK - 20])
    hours = (BACK + 3) * 24
    grows = 1 + 0.02 * random.random()
    spend = [
        (t >= 24 * begin) * grows ** (t / 24) * (1 + t % 24 / 24) * random.lognormvariate(0, 0.4) for t in range(hours)
    ]
    for t in random.sample(range(hours), 40):
        spend[t] *= random.choice([0, 6])
    night, whole_day = random.choice([(NightHours(), False), (NightHours(0, 0), True), (NightHours(1, 5), False)])
    spend[24 * BACK + night.start + 3] += 20 * random.random()
    rows = np.array([spend])
    told = judge(history(rows, rows, np.array([begin]), weekday), np.array([BACK]), night, whole_day=whole_day)
    plain = PlainRule(spend, weekday, begin)
    assert told.z[0, 0] == pytest.approx(plain.z(BACK, night, told.windows), rel=1e-9)
