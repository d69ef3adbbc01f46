"""What each hour usually costs: medians over prior days that count by how near and how alike they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spend.spikes.night import DAY

Array = NDArray[np.float64]

PRIOR = 28  # days that are looked back on
LEVEL_DAYS = 7
LEAST_PRIOR = 3  # days before an hour has a usual
SAME_TYPE_ENOUGH = 6
HALF_LIFE = 14
AT_ONCE = 48  # series, for the sake of memory
KS = np.arange(1, PRIOR + 1)


def levels(spend: Array, begin: NDArray[np.int64]) -> Array:
    """What a day cost lately, at each hour: the median of up to 7 trailing sums of 24 hours; NaN without a whole one.

    ``spend`` is (series, hours) in dollars, ``begin`` the day each series' history begins with.
    """
    sums = trailing_days(spend, begin)
    trailing = np.full((LEVEL_DAYS, *spend.shape), np.nan)
    for back in range(min(LEVEL_DAYS, spend.shape[1] // DAY + 1)):
        trailing[back, :, back * DAY :] = sums[:, : spend.shape[1] - back * DAY]
    return median(trailing, axis=0)


def trailing_days(spend: Array, begin: NDArray[np.int64]) -> Array:
    """The sum of the 24 hours before each hour, (series, hours); NaN where they are not all in the history."""
    hours = spend.shape[1]
    total = np.concatenate([np.zeros((len(spend), 1)), np.cumsum(spend, axis=1)], axis=1)
    sums = np.full(spend.shape, np.nan)
    sums[:, DAY:] = total[:, DAY:hours] - total[:, : hours - DAY]
    sums[np.arange(hours) < (begin[:, None] + 1) * DAY] = np.nan
    return np.asarray(np.maximum(sums, 0))  # adding up leaves dust below zero


def weights(days: NDArray[np.int64], begin: NDArray[np.int64], weekday: int, least: int = 0) -> Array:
    """How much each of 28 prior days says of ``days``, (series, days, 28): nearer ones more, the same weekday twice.

    Days of the other type, weekday or weekend, count 0.35, and nothing once six of the same type are there; days up to
    ``least`` after a series' ``begin`` nothing. ``weekday`` is that of day 0.
    """
    prior = days[:, None] - KS
    same = (((days + weekday) % 7 > 4)[:, None]) == ((prior + weekday) % 7 > 4)
    plain = 0.5 ** (KS / HALF_LIFE) * np.where(KS % 7, 1, 2)
    starts, of = np.unique(begin, return_inverse=True)
    there = prior >= (starts + least)[:, None, None]
    enough = ((there & same).sum(axis=2) >= SAME_TYPE_ENOUGH)[:, :, None]
    return np.asarray((there * plain * np.where(same, 1, np.where(enough, 0, 0.35)))[of])


def ratio(now: Array, then: Array) -> Array:
    """How many times the level it was, within a half and twice; 1 where either is not known."""
    known = (now >= 0) & (then >= 0) & ((now > 0) | (then > 0))
    safe = np.where(known & (then > 0), then, 1)
    return np.where(known, np.clip(np.where(then > 0, now / safe, np.inf), 0.5, 2), 1)


def usual(
    spend: Array,
    level: Array,
    days: NDArray[np.int64],
    weight: Array,
    shares: tuple[float, ...] = (0.5,),
    hours: slice = slice(None),
) -> list[Array]:
    """Weighted quantiles of what prior days cost at each hour of ``days``, at its own level: (series, days, hours).

    ``weight`` is (series, days, 28); NaN where fewer than three prior days count.
    """
    found = [np.full((len(spend), len(days), len(range(DAY)[hours])), np.nan) for _ in shares]
    prior = np.maximum(days[:, None] - KS, 0)
    for first in range(0, len(spend), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        x = spend[part].reshape(-1, spend.shape[1] // DAY, DAY)[:, :, hours]
        lev = level[part].reshape(-1, spend.shape[1] // DAY, DAY)[:, :, hours]
        values = x[:, prior] * ratio(lev[:, days, None], lev[:, prior])
        for quantile, out in zip(weighted(values, weight[part][..., None], shares, axis=2), found, strict=True):
            out[part] = quantile
    few = (weight > 0).sum(axis=2) < LEAST_PRIOR
    for out in found:
        out[few] = np.nan
    return found


def weighted(values: Array, weight: Array, shares: tuple[float, ...], axis: int) -> list[Array]:
    """Weighted quantiles along an axis: the least value with at least that share of the weight up to it.

    What weighs nothing does not count; NaN where nothing does.
    """
    weight = np.broadcast_to(weight, values.shape)
    order = np.argsort(np.where(weight > 0, values, np.inf), axis=axis)
    ordered = np.take_along_axis(values, order, axis)
    sums = np.cumsum(np.take_along_axis(weight, order, axis), axis=axis)
    whole = np.take(sums, [-1], axis=axis)
    found = []
    for share in shares:
        place = np.argmax(sums >= share * whole * (1 - 1e-12), axis=axis)
        value = np.take_along_axis(ordered, np.expand_dims(place, axis), axis).squeeze(axis)
        found.append(np.where(whole.squeeze(axis) > 0, value, np.nan))
    return found


def median(values: Array, axis: int = -1) -> Array:
    """The plain median along an axis of what is not NaN; NaN where nothing is."""
    ordered = np.sort(values, axis=axis)
    count = np.expand_dims((~np.isnan(values)).sum(axis=axis), axis)
    low, high = (np.take_along_axis(ordered, np.maximum(n, 0), axis) for n in ((count - 1) // 2, count // 2))
    return np.asarray(((low + high) / 2).squeeze(axis))
