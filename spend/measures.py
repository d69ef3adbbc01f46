"""What is counted of requests, each measure a sum over rows of `usage` or of a rollup."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Spend:
    """Requests, tokens and money of some requests. Money is whole pico-dollars; what is unpriced is not in it."""

    requests: int = 0
    unpriced_requests: int = 0
    failed_requests: int = 0
    uncached_input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    prompt_tokens: int = 0
    unpriced_tokens: int = 0
    web_search_requests: int = 0
    uncached_input_cost: int = 0
    cache_read_cost: int = 0
    cache_write_5m_cost: int = 0
    cache_write_1h_cost: int = 0
    output_cost: int = 0
    web_search_cost: int = 0
    cost: int = 0

    @property
    def cost_known(self) -> bool:
        """False when nothing in it is priced: the cost is then unknown, and not the zero that was summed."""
        return is_known(self.cost, self.requests, self.unpriced_requests, self.unpriced_tokens)


@dataclass(frozen=True, slots=True)
class Cost:
    """How many requests, and their cost in pico-dollars; None where nothing of it is priced."""

    requests: int
    cost: int | None


MEASURES = tuple(field.name for field in fields(Spend))
TELLING = ("cost", "requests", "unpriced_requests", "unpriced_tokens")  # whether a cost of zero is one
# what one row of `usage`, a part of a request, adds to a measure that it has no column for
OF_A_PART = {
    "requests": "CASE WHEN part = 0 THEN 1 END",
    "unpriced_requests": "CASE WHEN part = 0 AND request_unpriced THEN 1 END",
    "failed_requests": "CASE WHEN part = 0 AND failed = 1 THEN 1 END",
    "unpriced_tokens": "CASE WHEN cost IS NULL THEN coalesce(prompt_tokens, 0) + coalesce(output_tokens, 0) END",
}


def is_known(cost: int, requests: int, unpriced_requests: int, unpriced_tokens: int) -> bool:
    """False for a cost that was summed of nothing but what has no price."""
    return cost > 0 or requests > unpriced_requests or not (requests or unpriced_tokens)
