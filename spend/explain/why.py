"""Why spend changed: by feature, then exactly shared out over six factors, whatever order they are looked at in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import factorial, floor

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FACTORS = ("requests", "model mix", "prompt length", "cache mix", "output length", "price")
NEW, ENDED, SEARCHES = "new feature", "ended feature", "web searches"
CLASSES = ("uncached_input", "cache_read", "cache_write_5m", "cache_write_1h")
_SIDES = np.array([[bits >> n & 1 for n in range(len(FACTORS))] for bits in range(2 ** len(FACTORS))])


@dataclass(frozen=True)
class ModelUse:
    """What one model was used for: billed calls, tokens of the four prompt classes and of the output, and their costs
    in the same order (any unit of money). ``searches`` is the cost of web searches."""

    requests: float
    tokens: tuple[float, float, float, float, float]
    costs: tuple[float, float, float, float, float]
    searches: float = 0.0

    @property
    def cost(self) -> float:
        """All of it."""
        return sum(self.costs) + self.searches


Use = Mapping[str | None, ModelUse]  # by model
FeatureUse = Mapping[str | None, Use]  # by feature
Shares = dict[tuple[str | None, str], float]


def shares_of(before: FeatureUse, after: FeatureUse) -> Shares:
    """What changed, by (feature, driver): the change of a feature's cost is the sum of its drivers.

    A feature on one side only is one driver of its own.
    """
    found: Shares = {}
    for feature in {**before, **after}:
        if feature not in before:
            found[feature, NEW] = sum(use.cost for use in after[feature].values())
        elif feature not in after:
            found[feature, ENDED] = -sum(use.cost for use in before[feature].values())
        else:
            for driver, change in shapley(before[feature], after[feature]).items():
                found[feature, driver] = change
    return found


def shapley(before: Use, after: Use) -> dict[str, float]:
    """Each factor's Shapley value: its share of the change of cost, the mean over all orders of changing the factors.

    Cost is requests x sum over models of share x (prompt length x sum over classes of mix x price + output x price).
    What one side does not know of a model (its prices, where it was not used) is as on the other side. The cost of web
    searches adds to all this, and is a driver of its own where it changed.
    """
    models = list({**before, **after})
    if not models:
        return dict.fromkeys(FACTORS, 0.0)
    sides = [_side(models, use) for use in (before, after)]
    known = [[np.isnan(number) for number in side] for side in sides]
    factors = [
        np.stack([np.where(k0, b, a), np.where(k1, a, b)])
        for a, b, k0, k1 in ((x, y, kx, ky) for x, y, kx, ky in zip(*sides, *known, strict=True))
    ]
    requests, share, prompt, mix, output, price = (np.nan_to_num(f)[_SIDES[:, n]] for n, f in enumerate(factors))
    each = prompt * (mix * price[..., :4]).sum(axis=-1) + output * price[..., 4]
    costs = requests[:, 0] * (share * each).sum(axis=-1)
    found = {name: _value(costs, n) for n, name in enumerate(FACTORS)}
    searches = sum(use.searches for use in after.values()) - sum(use.searches for use in before.values())
    return found | ({SEARCHES: searches} if searches else {})


def _value(costs: Array, factor: int) -> float:
    without = np.flatnonzero(_SIDES[:, factor] == 0)
    size = _SIDES[without].sum(axis=1)
    count = len(FACTORS)
    weight = np.array([factorial(n) * factorial(count - n - 1) / factorial(count) for n in range(count)])[size]
    return float((weight * (costs[without + (1 << factor)] - costs[without])).sum())


def _side(models: Sequence[str | None], use: Use) -> list[Array]:
    """The six factors of one side; NaN for what it cannot say."""
    nothing = ModelUse(0, (0, 0, 0, 0, 0), (0, 0, 0, 0, 0))
    rows = [use.get(model, nothing) for model in models]
    requests = np.array([row.requests for row in rows], dtype=np.float64)
    tokens = np.array([row.tokens for row in rows], dtype=np.float64)
    costs = np.array([row.costs for row in rows], dtype=np.float64)
    prompt = tokens[:, :4].sum(axis=1)
    whole = requests.sum()
    return [
        np.array([whole]),
        _divided(requests, np.full(len(rows), whole)),
        _divided(prompt, requests),
        _divided(tokens[:, :4], np.broadcast_to(prompt[:, None], (len(rows), 4))),
        _divided(tokens[:, 4], requests),
        _divided(costs, tokens),
    ]


def _divided(amount: Array, by: Array) -> Array:
    return np.where(by > 0, amount / np.where(by > 0, by, 1), np.nan)


def rounded(amounts: Sequence[float], whole: int) -> list[int]:
    """Amounts as integers that sum to ``whole``: rounded down, and what is left given to the largest remainders."""
    if not amounts:
        return []
    down = [floor(amount) for amount in amounts]
    each, few = divmod(whole - sum(down), len(amounts))
    order = sorted(range(len(amounts)), key=lambda n: (down[n] - amounts[n], n))
    more = set(order[:few])
    return [number + each + (n in more) for n, number in enumerate(down)]
