from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from spend.breakdown import breakdown, total
from spend.filters import Filters
from spend.trends import OTHER, by_time, moves, trend, weekday_hours
from store.connection import Store
from tests.factories import store_with, usage_record


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """What a feature cost in micro-dollars, by day and hour (UTC)."""
    spent = [
        ("a", "2026-11-02T09", 100),  # a Monday
        ("b", "2026-11-02T10", 10),
        ("a", "2026-11-04T09", 50),
        ("c", "2026-11-04T23", 5),
        (None, "2026-11-04T23", 1),
        ("a", "2026-11-09T09", 70),  # the Monday after
        ("d", "2026-11-09T09", 30),
    ]
    records = [
        usage_record(feature=feature, time=f"{hour}:30:00Z", input_tokens=cost, output_tokens=0)
        for feature, hour, cost in spent
    ]
    with store_with(tmp_path_factory.mktemp("log"), records) as store:
        yield store


WEEK = Filters(date(2026, 11, 2), date(2026, 11, 6))


def micros(values: tuple[int, ...]) -> list[int]:
    return [value // 10**6 for value in values]


def test_a_trend_has_a_series_each_for_those_kept_and_one_for_the_rest(store: Store) -> None:
    found = trend(store.cursor(), WEEK, "feature", limit=2)
    assert [series.key for series in found] == ["a", "b", OTHER]
    assert found[0].labels == ("2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05")
    assert [micros(series.values) for series in found] == [[100, 0, 50, 0], [10, 0, 0, 0], [0, 0, 6, 0]]


def test_what_is_not_logged_can_be_kept_and_nothing_left_over_is_no_series(store: Store) -> None:
    found = trend(store.cursor(), WEEK, "feature", limit=4)
    assert [series.key for series in found] == ["a", "b", "c", None]
    assert micros(found[3].values) == [0, 0, 1, 0]


def test_the_series_add_up_to_the_total(store: Store) -> None:
    con = store.cursor()
    for grain in ("hour", "day", "week", "month"):
        whole = total(con, WEEK).cost
        assert sum(sum(series.values) for series in trend(con, WEEK, "feature", grain=grain, limit=1)) == whole
        assert sum(by_time(con, WEEK, grain).values) == whole


def test_weekdays_and_hours_are_local(store: Store) -> None:
    con = store.cursor()
    found = weekday_hours(con, Filters())
    assert {cell: (spend.cost or 0) // 10**6 for cell, spend in found.items()} == {
        (0, 9): 200,
        (0, 10): 10,
        (2, 9): 50,
        (2, 23): 6,
    }
    in_kolkata = weekday_hours(
        con, Filters(timezone="Asia/Kolkata")
    )  # 5 1/2 hours ahead: Wednesday 23:30 is Thursday 5:00
    assert {cell: (spend.cost or 0) // 10**6 for cell, spend in in_kolkata.items()} == {
        (0, 15): 200,
        (0, 16): 10,
        (2, 15): 50,
        (3, 5): 6,
    }


def test_what_moved_against_the_equal_period_before(store: Store) -> None:
    found = moves(store.cursor(), Filters(date(2026, 11, 9), date(2026, 11, 16)), "feature")
    assert [(move.key, move.change // 10**6) for move in found] == [
        ("a", 70 - 150),
        ("d", 30),
        ("b", -10),
        ("c", -5),
        (None, -1),
    ]


def test_the_last_place_goes_to_who_peaks_highest_of_the_rest(tmp_path: Path) -> None:
    def spent(feature: str, *by_day: int) -> list[dict[str, Any]]:
        return [
            usage_record(time=f"2026-11-{day:02d}T12:00:00Z", feature=feature, output_tokens=tokens)
            for day, tokens in enumerate(by_day, start=1)
        ]

    records = spent("dear", 900, 900, 900) + spent("steady", 200, 200, 200) + spent("spiky", 0, 590, 0)
    records += spent("small", 10, 10, 10)
    with store_with(tmp_path, records) as spiked:
        con = spiked.cursor()
        assert [row.key[0] for row in breakdown(con, Filters(), ("feature",))] == ["dear", "steady", "spiky", "small"]
        assert [one.key for one in trend(con, Filters(), "feature", limit=2)] == ["dear", "spiky", OTHER]
        assert [one.key for one in trend(con, Filters(), "feature", limit=3)] == ["dear", "steady", "spiky", OTHER]
        assert [one.key for one in trend(con, Filters(), "feature", limit=9)] == ["dear", "steady", "spiky", "small"]
