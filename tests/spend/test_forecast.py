from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from spend.filters import Filters
from spend.forecast import MonthEnd, month_end, month_of
from store.connection import Store
from tests.factories import emptied, loaded, usage_record

MICRO = 10**6  # pico-dollars; a request of n tokens costs n micro-dollars


def spending(folder: Path, first: date, past: date, of: Callable[[date], int], **over: object) -> Store:
    """A store in which every day in [first, past) cost ``of(day)`` micro-dollars."""
    store = emptied()
    every = [first + timedelta(days=n) for n in range((past - first).days)]
    records = [
        usage_record(time=f"{day}T12:00:00Z", input_tokens=of(day), output_tokens=0, **over) for day in every if of(day)
    ]
    loaded(store, folder / "log.jsonl", records)
    return store


def test_a_steady_month_goes_on_as_it_was(tmp_path: Path) -> None:
    store = spending(tmp_path, date(2026, 10, 1), date(2026, 11, 15), lambda _: 10)
    # 14 days at 10, 16 to come at 10; the method was never wrong
    expected = MonthEnd(140 * MICRO, (14 * 10 + 16 * 10) * MICRO, 300 * MICRO, 300 * MICRO, rough=False)
    assert month_end(store.cursor(), Filters(), date(2026, 11, 15)) == expected


def test_a_weekend_is_expected_to_be_a_weekend(tmp_path: Path) -> None:
    store = spending(tmp_path, date(2026, 10, 1), date(2026, 11, 21), lambda day: 10 if day.weekday() < 5 else 0)
    # on Saturday 21 November: 15 working days spent; of the ten days left six are working days, 23 to 27 and 30
    found = month_end(store.cursor(), Filters(), date(2026, 11, 21))
    assert found is not None
    assert (found.month_to_date, found.projected) == (150 * MICRO, (15 * 10 + 6 * 10) * MICRO)


def test_with_little_history_the_last_seven_days_stand_for_all_and_the_answer_is_rough(tmp_path: Path) -> None:
    store = spending(tmp_path, date(2026, 11, 1), date(2026, 11, 11), lambda day: day.day)
    # ten days, 1 + ... + 10 = 55; the mean of 4 ... 10 is 7; 20 days to come
    found = month_end(store.cursor(), Filters(), date(2026, 11, 11))
    assert found == MonthEnd(55 * MICRO, (55 + 20 * 7) * MICRO, None, None, rough=True)


@pytest.mark.parametrize(("so_far", "counted"), [(4, 10), (25, 25)])
def test_the_running_day_counts_by_its_usual_or_by_what_it_already_cost(
    tmp_path: Path, so_far: int, counted: int
) -> None:
    today = date(2026, 11, 15)
    store = spending(tmp_path, date(2026, 10, 1), date(2026, 11, 16), lambda day: so_far if day == today else 10)
    found = month_end(store.cursor(), Filters(), today)
    assert found is not None
    assert found.month_to_date == (140 + so_far) * MICRO
    assert found.projected == (140 + counted + 15 * 10) * MICRO


def test_the_range_is_how_wrong_the_method_was_before(tmp_path: Path) -> None:
    store = spending(tmp_path, date(2026, 9, 1), date(2026, 11, 21), lambda day: 20 if day.month == 11 else 10)
    found = month_end(store.cursor(), Filters(), date(2026, 11, 21))
    assert found is not None
    assert found.high is not None
    # the 28 days before hold two Saturdays of October and two of November, and one to three of every other weekday;
    # to come are two Saturdays and eight other days
    assert found.month_to_date == 20 * 20 * MICRO
    assert found.projected == (400 + 2 * 15) * MICRO + 8 * 17_500_000
    # up to the doubling the method was never wrong, and then it was only ever too low
    assert (found.low, found.rough) == (found.projected, False)
    assert found.high > found.projected


def test_the_range_is_never_below_what_is_spent_already(tmp_path: Path) -> None:
    today = date(2026, 11, 30)
    store = spending(tmp_path, date(2026, 9, 1), date(2026, 12, 1), lambda day: 500 if day == today else 200 - day.day)
    found = month_end(store.cursor(), Filters(), today)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.month_to_date <= found.low <= found.high


def test_no_history_is_no_answer(tmp_path: Path) -> None:
    assert month_end(emptied().cursor(), Filters(), date(2026, 11, 15)) is None
    store = spending(tmp_path, date(2026, 1, 1), date(2026, 1, 5), lambda _: 10)
    assert month_end(store.cursor(), Filters(), date(2026, 11, 15)) is None
    assert month_end(store.cursor(), Filters(where=(("feature", "x"),)), date(2026, 1, 4)) is None


def test_the_first_day_of_all_is_all_there_is(tmp_path: Path) -> None:
    store = spending(tmp_path, date(2026, 11, 15), date(2026, 11, 16), lambda _: 10)
    assert month_end(store.cursor(), Filters(), date(2026, 11, 15)) == MonthEnd(
        10 * MICRO, 10 * MICRO, None, None, True
    )


@pytest.mark.parametrize(
    ("day", "first", "after"),
    [
        (date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
        (date(2026, 2, 1), date(2026, 2, 1), date(2026, 3, 1)),
        (date(2024, 1, 31), date(2024, 1, 1), date(2024, 2, 1)),
    ],
)
def test_a_month_has_its_first_day_and_the_next_ones(day: date, first: date, after: date) -> None:
    assert month_of(day) == (first, after)
