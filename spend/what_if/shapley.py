"""A joint saving shared out among its levers: Shapley values, in whole pico-dollars that add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import factorial

Subset = frozenset[int]


def subsets(levers: Sequence[int]) -> list[Subset]:
    """Every subset, the empty one first."""
    return [frozenset(chosen) for size in range(len(levers) + 1) for chosen in combinations(levers, size)]


def shapley(levers: Sequence[int], costs: Mapping[Subset, Fraction]) -> list[Fraction]:
    """What each lever saves on average over all orders in which they could be added; together the joint saving."""
    count = len(levers)
    weights = [Fraction(factorial(n) * factorial(count - n - 1), factorial(count)) for n in range(count)]
    return [
        sum(
            (weights[len(s)] * (costs[s] - costs[s | {lever}]) for s in subsets([n for n in levers if n != lever])),
            Fraction(0),
        )
        for lever in levers
    ]


def whole(parts: Sequence[Fraction], total: int) -> list[int]:
    """Whole numbers next to the parts that add up to ``total``: what is left over goes to the largest remainders.

    The earlier of equal parts is served first. ``total`` has to be the sum of the parts, rounded.
    """
    found = [part.numerator // part.denominator for part in parts]
    left = total - sum(found)
    by_remainder = sorted(range(len(parts)), key=lambda n: (found[n] - parts[n], n))
    for n in by_remainder[:left]:
        found[n] += 1
    return found
