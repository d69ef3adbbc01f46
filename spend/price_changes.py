"""The days in a period on which the price of a model in use changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from duckdb import DuckDBPyConnection

from spend.breakdown import amounts, period
from spend.filters import Filters

_CLASSES = {
    "uncached_input": "uncached input",
    "cache_read": "cache reads",
    "cache_write_5m": "5-minute writes",
    "cache_write_1h": "1-hour writes",
    "output": "output",
}


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A token class of a model whose price (pico-dollars a token) became another on a UTC day."""

    day: date
    model: str
    token_class: str
    before: int
    after: int


def price_changes(con: DuckDBPyConnection, filters: Filters) -> list[PriceChange]:
    """Changes of standard prices within the period, of models the filters' requests used, in order of time.

    Bands are compared like with like; a launch and a price that came or went are no changes.
    """
    since, until = period(con, filters)
    prices = con.execute(
        f"SELECT model, prompt_over, valid_from::DATE, {', '.join(_CLASSES)} FROM price WHERE speed = 'standard'"
        " ORDER BY model, prompt_over, valid_from"
    ).fetchall()
    changes = {
        PriceChange(price[2], price[0], words, before, after)
        for earlier, price in pairwise(prices)
        if earlier[:2] == price[:2] and since <= price[2] < until
        for words, before, after in zip(_CLASSES.values(), earlier[3:], price[3:], strict=True)
        if None not in (before, after) and before != after
    }
    used = amounts(con, filters, ("model",)) if changes else {}
    found = [change for change in changes if (change.model,) in used]
    return sorted(found, key=lambda change: (change.day, change.model, change.token_class))
