"""A period's usage at three prices: as they were then, as they are today, and as they are announced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from duckdb import DuckDBPyConnection

from spend.filters import Filters
from spend.what_if.answer import what_if
from spend.what_if.homes import PRICED_AS
from spend.what_if.scene import Scene


@dataclass(frozen=True, slots=True)
class PricedAs:
    """What the same requests cost at the prices of one moment (UTC; None: each at its own), in pico-dollars.

    ``unpriced`` requests have no price at that moment and are not in the cost.
    """

    prices: str
    moment: datetime | None
    cost: int
    unpriced: int


def at_three_prices(con: DuckDBPyConnection, filters: Filters, *, today: date | None = None) -> list[PricedAs]:
    """Then, today and announced, in this order; "announced" is after the last change the price list knows of."""
    found = []
    for prices in PRICED_AS:
        with Scene(con, filters, prices=prices, today=today) as scene:
            answer = what_if(scene, [])
            found.append(PricedAs(prices, scene.moment, answer.baseline, answer.unchanged.get("unpriced", 0)))
    return found
