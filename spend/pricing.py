"""What a request costs, before or without a store: the cost formula again in pure Decimal, equal to the one in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

from duckdb import DuckDBPyConnection

from store.money import PICOS_PER_USD
from store.price_list import CLASSES, Price

_COLUMNS = ", ".join(field.name for field in fields(Price))


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts of one request, by disjoint class."""

    uncached_input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0

    @property
    def prompt(self) -> int:
        return self.uncached_input + self.cache_read + self.cache_write_5m + self.cache_write_1h


def prices(con: DuckDBPyConnection) -> list[Price]:
    """The price list in force."""
    return [Price(*row) for row in con.execute(f"SELECT {_COLUMNS} FROM price ORDER BY ALL").fetchall()]


def price_for(
    price_list: Iterable[Price], model: str, *, when: datetime, prompt: int, speed: str = "standard"
) -> Price | None:
    """The row for a model at a time (UTC) and prompt length; None: no price, so no cost."""
    return next(
        (
            price
            for price in price_list
            if price.model == model
            and price.speed == speed
            and price.valid_from <= when < price.valid_until
            and price.prompt_over < prompt <= price.prompt_upto
        ),
        None,
    )


def cost_usd(
    price: Price, tokens: Tokens, *, batch: bool = False, geo_us: bool = False, regional: bool = False
) -> Decimal | None:
    """Exact dollars; None when the row lacks a price for a class that has tokens."""
    factor = Decimal(price.batch_halves if batch else 2) / 2
    if geo_us:
        factor *= Decimal(price.geo_us_twentieths) / 20
    elif regional:
        factor *= Decimal(price.regional_twentieths) / 20
    picos = Decimal(0)
    for name in CLASSES:
        count, rate = getattr(tokens, name), getattr(price, name)
        if count and rate is None:
            return None
        picos += count * (rate or 0) * factor
    return picos / PICOS_PER_USD
