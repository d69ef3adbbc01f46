from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spend.filters import WrongQuestion
from ui import numbers

PICO = numbers.PICO


@pytest.mark.parametrize(
    ("picos", "text"),
    [
        (None, "—"),
        (0, "$0.00"),
        (1_200_000, "$0.0000012"),
        (406_000_000, "$0.000406"),
        (9_999_600_000, "$0.01"),
        (10_000_000_000, "$0.01"),
        (1_284_170_000_000_000, "$1,284.17"),
        (12_345_678_900_000_000_000, "$12,345,678.90"),
        (1, "$0.000000000001"),
        (-36_100_000_000_000, "−$36.10"),
    ],
)
def test_money_has_cents_from_a_cent_up_and_three_digits_below(picos: int | None, text: str) -> None:
    assert numbers.usd(picos) == text


@given(st.integers(-(10**24), 10**24))
def test_exact_money_reads_back_as_the_same_pico_dollars(picos: int) -> None:
    text = numbers.usd_exact(picos).replace("$", "").replace(",", "").replace("−", "-")
    assert Decimal(text) * PICO == picos


@given(st.integers(1, 10**24))
def test_money_is_within_half_of_its_last_shown_digit(picos: int) -> None:
    shown = Decimal(numbers.usd(picos).lstrip("$").replace(",", ""))
    off = abs(shown - numbers.dollars_of(picos))
    assert off <= Decimal("0.005") if picos >= PICO // 100 else off <= numbers.dollars_of(picos) / 200


def test_signed_money_says_plus() -> None:
    assert (numbers.usd(36_100_000_000_000, signed=True), numbers.usd(0, signed=True)) == ("+$36.10", "$0.00")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (812, "812"), (12_041, "12.0 k"), (1_200_000, "1.2 M"), (276_000_000, "276 M"), (None, "—")],
)
def test_tokens_are_compact(number: int | None, text: str) -> None:
    assert numbers.tokens(number) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, "—"), (0, 5, "0 %"), (1, 1000, "<1 %"), (999, 1000, ">99 %"), (1000, 1000, "100 %"), (1, 3, "33 %")],
)
def test_a_trace_is_not_zero_and_nearly_all_is_not_all(part: int, whole: int, text: str) -> None:
    assert numbers.percent(part, whole) == text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (118, 100, "↑ +18 %"),
        (96, 100, "↓ −4 %"),
        (100, 100, "= 0 %"),
        (1200, 100, "↑ ×12"),
        (5, 0, "↑ new"),
        (0, 0, "—"),
        (5, None, "—"),
        (0, 100, "↓ −100 %"),
    ],
)
def test_a_change_has_an_arrow_and_a_sign(now: int, before: int | None, text: str) -> None:
    assert numbers.change(now, before) == text


def test_unit_cost_is_of_what_is_priced_and_rounds() -> None:
    assert (numbers.each(10, 4), numbers.each(10, 3), numbers.each(10, 0)) == (3, 3, None)


def test_unit_cost_keeps_three_digits_below_a_dollar() -> None:
    assert (numbers.unit(10_600_000_000), numbers.unit(145_602_400_000)) == ("$0.0106", "$0.146")
    assert (numbers.unit(100_000_000_000), numbers.unit(61_000_000_000)) == ("$0.100", "$0.0610")
    assert numbers.unit(13_930_000_000_000) == "$13.93"


def test_prices_show_every_digit_and_at_least_cents() -> None:
    assert [numbers.rate(Decimal(text)) for text in ("3", "0.165", "37.5")] == ["$3.00", "$0.165", "$37.50"]


def test_axis_amounts_drop_what_their_step_does_not_need() -> None:
    assert numbers.usd_axis(20 * PICO, 20 * PICO) == "$20"
    assert numbers.usd_axis(2_000_000 * PICO, 500_000 * PICO) == "$2,000 k"
    assert numbers.usd_axis(PICO // 2, PICO // 2) == "$0.50"


@pytest.mark.parametrize(
    ("typed", "picos"),
    [("", None), (" ", None), ("2.50", 2_500_000_000_000), ("$1,000", 1000 * PICO), ("0", 0), ("0.1", PICO // 10)],
)
def test_dollars_as_typed_are_exact(typed: str, picos: int | None) -> None:
    assert numbers.picos_of(typed) == picos


@pytest.mark.parametrize("typed", ["a lot", "-1", "NaN", "Infinity", "1e99", "1.2.3", "$$5", "0.0000000000001"])
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(WrongQuestion, match="are no dollars"):
        numbers.picos_of(typed)
