from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.money import dollars, usd


@pytest.mark.parametrize(
    ("picos", "text"),
    [
        (0, "0.00"),
        (1, "0.000000000001"),
        (406_000_000, "0.000406"),
        (10**12, "1.00"),
        (12_500_000_000_000, "12.50"),
        (-406_000_000, "-0.000406"),
        (-(10**12), "-1.00"),
        (10**30 + 1, "1000000000000000000.000000000001"),
    ],
)
def test_money_is_an_exact_text(picos: int, text: str) -> None:
    assert usd(picos) == text
    assert dollars(picos) == Decimal(text)


@given(st.integers(-(10**27), 10**27), st.integers(-(10**27), 10**27))
def test_no_digit_is_lost(a: int, b: int) -> None:
    assert Decimal(usd(a)).scaleb(12) == a
    assert (dollars(a) == dollars(b)) == (a == b)
