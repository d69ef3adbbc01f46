from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from spend.pricing import catalogue_of
from tests.factories import emptied
from usage_recorder.pricing import Price, Tokens, cost_usd, price_for


@pytest.fixture(scope="module")
def price_list() -> list[Price]:
    return [price for rows in catalogue_of(emptied().prices).prices.values() for price in rows]


def test_prices_are_those_of_the_list(price_list: list[Price]) -> None:
    price = price_for(price_list, "claude-haiku-4-5", when=datetime(2026, 11, 10), prompt=1000)
    assert price is not None
    rates = (price.uncached_input, price.cache_read, price.cache_write_5m, price.cache_write_1h, price.output)
    assert rates == (1_000_000, 100_000, 1_250_000, 2_000_000, 5_000_000)  # pico-dollars a token
    assert (price.batch_halves, price.geo_us_twentieths, price.regional_twentieths) == (1, 20, 22)


def test_a_request_is_estimated_exactly(price_list: list[Price]) -> None:
    price = price_for(price_list, "claude-haiku-5-5", when=datetime(2026, 11, 10), prompt=100_001)
    assert price is not None
    tokens = Tokens(uncached_input=1, cache_read=40_000, cache_write_5m=30_000, cache_write_1h=30_000, output=1000)
    assert tokens.prompt == 100_001
    plain = (
        1 * Decimal("0.5") + 40_000 * Decimal("0.05") + 30_000 * Decimal("0.625") + 30_000 + 1000 * Decimal("2.5")
    ) / 10**6
    assert cost_usd(price, tokens) == plain
    assert cost_usd(price, tokens, batch=True, geo_us=True) == plain * Decimal("0.55")
    assert cost_usd(price, tokens, regional=True) == plain * Decimal("1.1")
    assert cost_usd(price, tokens, geo_us=True, regional=True) == plain * Decimal("1.1")


@pytest.mark.parametrize(
    ("model", "when", "speed"),
    [
        ("claude-haiku-9", datetime(2026, 11, 10), "standard"),
        ("claude-haiku-4-5", datetime(2025, 10, 14, 23, 59), "standard"),
        ("claude-haiku-4-5", datetime(2026, 11, 10), "fast"),
    ],
)
def test_without_a_price_there_is_none(price_list: list[Price], model: str, when: datetime, speed: str) -> None:
    assert price_for(price_list, model, when=when, prompt=10, speed=speed) is None


def test_a_class_without_a_price_has_no_cost_unless_it_is_empty(price_list: list[Price]) -> None:
    price = price_for(price_list, "claude-2", when=datetime(2024, 5, 1), prompt=10)
    assert price is not None
    assert cost_usd(price, Tokens(uncached_input=10, output=5)) == (10 * 8 + 5 * 24) / Decimal(10**6)
    assert cost_usd(price, Tokens(uncached_input=10, cache_read=1)) is None
