"""What requests cost under subsets of levers: tokens summed where one price holds, then priced, exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from spend.what_if.limits import Limits
from spend.what_if.plan import Plan, Seen, Subset, counted_of, keys_of
from spend.what_if.unit_prices import COUNTED

Price = tuple[int, int, int, int]  # kind of request, target, batch, band
_OUTPUT = COUNTED.index("output")


def summed(limits: Limits, plan: Plan, rows: Mapping[Subset, Seen]) -> dict[Subset, Fraction]:
    """The cost of each subset in pico-dollars, not rounded yet: one pass over the requests for all of them.

    The formula is linear in tokens at one price, so tokens are added up by what decides the price in any of the
    subsets, and their sums priced.
    """
    keys = _distinct([keys_of(seen) for seen in rows.values()])
    counted = _distinct([counted_of(seen) for seen in rows.values()])
    columns = [f"{expression} AS k{n}" for n, expression in enumerate(keys)]
    columns += [f"sum({expression})::BIGINT AS s{n}" for n, expression in enumerate(counted)]
    arrays = plan.ask(f"kind, {', '.join(columns)}", group=" GROUP BY ALL")
    prices = Prices(limits)
    return {
        subset: prices.cost(
            [arrays["kind"], *(arrays[f"k{keys.index(name)}"] for name in keys_of(seen))],
            [arrays[f"s{counted.index(name)}"] for name in counted_of(seen)],
        )
        for subset, seen in rows.items()
    }


class Prices:
    """Unit prices by kind of request, target, batch and band."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def cost(self, keys: Sequence[np.ndarray], tokens: Sequence[np.ndarray]) -> Fraction:
        packed = ((keys[0] * 64 + keys[1]) * 2 + keys[2]) * 64 + keys[3]
        if not len(packed):
            return Fraction(0)
        order = np.argsort(packed, kind="stable")
        found, starts = np.unique(packed[order], return_index=True)
        sums = [np.add.reduceat(column[order], starts) for column in tokens]
        prices = [(key >> 13, key >> 7 & 63, key >> 6 & 1, key & 63) for key in found.tolist()]
        return self._total(zip(prices, zip(*(total.tolist() for total in sums), strict=True), strict=True))

    def of(self, price: Price, tokens: Sequence[int]) -> Fraction:
        """What some tokens cost at one price."""
        return self._total([(price, tokens)])

    def _total(self, priced: Iterable[tuple[Price, Sequence[int]]]) -> Fraction:
        parts: dict[int, int] = defaultdict(int)  # numerators by denominator
        for price, tokens in priced:
            for count, (rate, factor) in zip(tokens, self._rates(price), strict=True):
                if count:
                    parts[factor.denominator] += count * rate * factor.numerator
        return sum((Fraction(number, under) for under, number in parts.items()), Fraction(0))

    def _rates(self, price: Price) -> list[tuple[int, Fraction]]:
        kind, target, batch, band = price
        moved = self._limits.moved[kind, target]
        bands = self._limits.rates[moved.batched if batch else moved.kind]
        rates = bands[band].rates if bands else (0,) * len(COUNTED)
        factors = [moved.prompt] * _OUTPUT + [moved.output, Fraction(1)]
        return [(rate or 0, factor) for rate, factor in zip(rates, factors, strict=True)]


def _distinct(columns: Sequence[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(name for names in columns for name in names))
