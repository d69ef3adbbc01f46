"""The days in a period on which the price of a model in use changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from duckdb import DuckDBPyConnection

from spend.breakdown import breakdown, period
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
    used = [row.key[0] for row in breakdown(con, filters, ("model",))]
    if not used:
        return []
    changes = []
    for name, words in _CLASSES.items():
        found = con.execute(
            f"""
            SELECT DISTINCT valid_from::DATE, model, before, after FROM (
                SELECT model, valid_from, {name} AS after,
                       lag({name}) OVER (PARTITION BY model, prompt_over ORDER BY valid_from) AS before
                FROM price WHERE speed = 'standard' AND list_contains(?, model)
            ) WHERE before <> after AND valid_from::DATE >= ? AND valid_from::DATE < ?
            """,
            [used, since, until],
        ).fetchall()
        changes += [PriceChange(day, model, words, before, after) for day, model, before, after in found]
    return sorted(changes, key=lambda change: (change.day, change.model, change.token_class))
