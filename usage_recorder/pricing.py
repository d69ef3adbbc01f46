"""THE cost formula in pure Decimal: tokens and a price row in, exact dollars out, or None where a price is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal, localcontext

CLASSES = ("uncached_input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
PICOS_PER_USD = 10**12
EXACT = Context(prec=60)  # whatever the app has set for its own sums


@dataclass(frozen=True, slots=True)
class Price:
    """Rates in pico-dollars a token, None where there is none; times UTC without a zone, [valid_from, valid_until)."""

    model: str
    speed: str
    valid_from: datetime
    valid_until: datetime
    prompt_over: int
    prompt_upto: int
    uncached_input: int | None
    cache_read: int | None
    cache_write_5m: int | None
    cache_write_1h: int | None
    output: int | None
    geo_us_twentieths: int
    regional_twentieths: int
    batch_halves: int


@dataclass(frozen=True, slots=True)
class SearchPrice:
    """What one web search costs in pico-dollars, [valid_from, valid_until)."""

    valid_from: datetime
    valid_until: datetime
    pico_each: int


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


def price_for(
    price_list: Iterable[Price], model: str, *, when: datetime, prompt: int, speed: str = "standard"
) -> Price | None:
    """The row for a model at a time (UTC, no zone) and prompt length; None: no price, so no cost."""
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


def search_price_for(prices: Iterable[SearchPrice], when: datetime) -> int | None:
    """Pico-dollars of one web search at a time (UTC, no zone)."""
    return next((one.pico_each for one in prices if one.valid_from <= when < one.valid_until), None)


def cost_usd(
    price: Price,
    tokens: Tokens,
    *,
    batch: bool = False,
    geo_us: bool = False,
    regional: bool = False,
    web_searches: int = 0,
    search_price: int | None = None,
) -> Decimal | None:
    """Exact dollars; None when the price of a class that has tokens, or of a search that is made, is unknown.

    A batch and a place multiply tokens only, never searches; US inference goes before a regional endpoint.
    """
    if web_searches and search_price is None:
        return None
    with localcontext(EXACT):
        factor = Decimal(price.batch_halves if batch else 2) / 2
        if geo_us:
            factor *= Decimal(price.geo_us_twentieths) / 20
        elif regional:
            factor *= Decimal(price.regional_twentieths) / 20
        picos = Decimal(web_searches * (search_price or 0))
        for name in CLASSES:
            count, rate = getattr(tokens, name), getattr(price, name)
            if count and rate is None:
                return None
            picos += count * (rate or 0) * factor
        return picos / PICOS_PER_USD
