"""What a request costs, before or without a store: the cost formula again in pure Decimal, equal to the one in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from duckdb import DuckDBPyConnection

from store.money import PICOS_PER_USD

_RATES = ("uncached_input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
MILLION = 10**6


@dataclass(frozen=True, slots=True)
class Price:
    """A row of the price list: USD per million tokens of each class, None where there is no such price."""

    model: str
    speed: str
    valid_from: datetime
    valid_until: datetime
    prompt_over: int
    prompt_upto: int
    uncached_input: Decimal | None
    cache_read: Decimal | None
    cache_write_5m: Decimal | None
    cache_write_1h: Decimal | None
    output: Decimal | None
    batch_factor: Decimal
    geo_us_factor: Decimal
    regional_factor: Decimal


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
    found = con.execute(
        f"SELECT model, speed, valid_from, valid_until, prompt_over, prompt_upto, {', '.join(_RATES)},"
        " batch_halves, geo_us_twentieths, regional_twentieths FROM price ORDER BY ALL"
    ).fetchall()
    return [_price(row) for row in found]


def _price(row: tuple[object, ...]) -> Price:
    rates = [None if rate is None else Decimal(str(rate)) * MILLION / PICOS_PER_USD for rate in row[6:11]]
    halves, geo, regional = (Decimal(str(value)) for value in row[11:])
    return Price(*row[:6], *rates, halves / 2, geo / 20, regional / 20)  # type: ignore[call-arg, arg-type]


def price_for(
    price_list: list[Price], model: str, *, when: datetime, prompt: int, speed: str = "standard"
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
    factor = price.batch_factor if batch else Decimal(1)
    if geo_us:
        factor *= price.geo_us_factor
    elif regional:
        factor *= price.regional_factor
    cost = Decimal(0)
    for name in _RATES:
        count, rate = getattr(tokens, name), getattr(price, name)
        if not count:
            continue
        if rate is None:
            return None
        cost += count * rate * factor / MILLION
    return cost
