"""What a bill would have been under other models, caches, limits and batches: one joint scenario over real requests."""

from __future__ import annotations

from spend.what_if.answer import Answer, Share, joint_cost, savings_of_groups, what_if
from spend.what_if.bounds import Bounds, bounds
from spend.what_if.break_even import BreakEven, break_even
from spend.what_if.caching import Caching, caching
from spend.what_if.evidence import Replayed, evidence
from spend.what_if.gains import Gain, gains
from spend.what_if.price_dates import PricedAs, at_three_prices
from spend.what_if.sampling import Sampling, sampling
from spend.what_if.scene import Scene

__all__ = [
    "Answer",
    "Bounds",
    "BreakEven",
    "Caching",
    "Gain",
    "PricedAs",
    "Replayed",
    "Sampling",
    "Scene",
    "Share",
    "at_three_prices",
    "bounds",
    "break_even",
    "caching",
    "evidence",
    "gains",
    "joint_cost",
    "sampling",
    "savings_of_groups",
    "what_if",
]
