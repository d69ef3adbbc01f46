from __future__ import annotations

import random
from fractions import Fraction
from itertools import permutations

import pytest

from spend.what_if.shapley import shapley, subsets, whole


def test_shares_are_the_average_over_all_orders() -> None:
    dice = random.Random(7)
    levers = [1, 2, 3, 4]
    costs = {subset: Fraction(dice.randint(0, 10**6)) for subset in subsets(levers)}
    expected = [Fraction(0)] * 4
    for order in permutations(levers):
        for place, lever in enumerate(order):
            before = frozenset(order[:place])
            expected[lever - 1] += (costs[before] - costs[before | {lever}]) / 24
    assert shapley(levers, costs) == expected
    assert sum(expected) == costs[frozenset()] - costs[frozenset(levers)]


@pytest.mark.parametrize(
    ("parts", "total", "expected"),
    [
        ((Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)), 1, [1, 0, 0]),
        ((Fraction(5, 2), Fraction(7, 4), Fraction(3, 4)), 5, [2, 2, 1]),
        ((Fraction(-1, 2), Fraction(3, 2)), 1, [0, 1]),
        ((Fraction(-7, 3), Fraction(1, 3)), -2, [-2, 0]),
        ((Fraction(5), Fraction(-2)), 3, [5, -2]),
        ((), 0, []),
    ],
)
def test_whole_shares_add_up_to_the_whole(parts: tuple[Fraction, ...], total: int, expected: list[int]) -> None:
    assert whole(parts, total) == expected
    assert sum(expected) == total
