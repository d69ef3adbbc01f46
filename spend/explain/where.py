"""Where spend changed: the parts, across features, models, users and tiers, that explain it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST_DIMENSIONS = 3
PENALTY = 0.05  # for each further dimension
LEAST_SHARE = 0.02
DUST = 1e-9  # of the money, which sums of fractions leave


@dataclass(frozen=True)
class Part:
    """A part of a change, as (dimension, name) pairs: its ``share`` of the whole, and how well it explains it."""

    scope: tuple[tuple[str, str | None], ...]
    share: float
    score: float


def parts(
    dimensions: Sequence[str], names: Sequence[tuple[str | None, ...]], actual: Array, expected: Array, limit: int = 3
) -> tuple[Part, ...]:
    """The best parts of a change, best first. ``names`` has a tuple for each leaf, the others its money.

    A part is scored by how much of the leaves' change goes when it is taken to have changed evenly, less 0.05 for each
    dimension beyond the first. Parts with less than 2 % of the change, or against its direction, are left out, and so
    are those inside a better one.
    """
    change = float((actual - expected).sum())
    moved = np.abs(actual - expected)
    if not len(names) or moved.sum() <= DUST * np.abs(actual).sum() or not change:
        return ()
    codes = [_codes([leaf[n] for leaf in names]) for n in range(len(dimensions))]
    found: list[Part] = []
    telling = [n for n in range(len(dimensions)) if codes[n].any()]  # one name alone tells nothing
    for size in range(1, MOST_DIMENSIONS + 1):
        for chosen in combinations(telling, size):
            found += _of_cuboid(dimensions, names, chosen, codes, actual, expected)
    told = sorted(found, key=lambda part: (-round(part.score, 9), len(part.scope), str(part.scope)))
    kept: list[Part] = []
    for part in told:
        if len(kept) < limit and not any(set(other.scope) < set(part.scope) for other in kept):
            kept.append(part)
    return tuple(kept)


def _of_cuboid(
    dimensions: Sequence[str],
    names: Sequence[tuple[str | None, ...]],
    chosen: tuple[int, ...],
    codes: Sequence[NDArray[np.int64]],
    actual: Array,
    expected: Array,
) -> list[Part]:
    """The best few parts that take one name of each chosen dimension."""
    keys = np.zeros(len(names), dtype=np.int64)
    for n in chosen:
        keys = keys * (int(codes[n].max()) + 1) + codes[n]
    _, firsts, element = np.unique(keys, return_index=True, return_inverse=True)
    count = len(firsts)
    whole, usual = (np.bincount(element, weights=money, minlength=count) for money in (actual, expected))
    grown = np.divide(whole, usual, out=np.zeros(count), where=usual > 0)
    even = np.where(usual[element] > 0, expected * grown[element], actual)
    moved = np.abs(actual - expected)
    gained = np.bincount(element, weights=moved - np.abs(actual - even), minlength=count)
    score = gained / moved.sum() - PENALTY * (len(chosen) - 1)
    share = (whole - usual) / (actual - expected).sum()
    kept = np.flatnonzero(share >= LEAST_SHARE)
    best = kept[np.argsort(-score[kept], kind="stable")[:8]]
    return [
        Part(tuple((dimensions[n], names[firsts[e]][n]) for n in chosen), float(share[e]), float(score[e]))
        for e in best
    ]


def _codes(values: Sequence[str | None]) -> NDArray[np.int64]:
    numbers: dict[str | None, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)
