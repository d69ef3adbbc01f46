from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from spend.explain.behind import failed_behind, requests_behind, spent_behind
from spend.filters import Filters, WrongQuestion, quarter_of
from store.connection import Store
from tests.factories import store_with, usage_record

SEARCH = Filters(where=(("feature", "search"),))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Search at 1, 2 and 3 o'clock, dearer each time, one that failed at 2, and mail at 2."""
    at = "2026-11-10T0{}:10:00Z".format
    return store_with(
        tmp_path,
        [
            *(usage_record(time=at(n), feature="search", input_tokens=1000 * n, message_id=f"m{n}") for n in (1, 2, 3)),
            usage_record(time=at(2), feature="search", usage=None, status=529, message_id="m4"),
            usage_record(time=at(2), feature="mail", message_id="m5"),
        ],
    )


def spans(*hours: int) -> tuple[tuple[int, int], ...]:
    return tuple((first, first + 4) for first in (quarter_of(datetime(2026, 11, 10, hour)) for hour in hours))


def test_only_requests_of_the_hours_and_the_names_are_behind_it_dearest_first(store: Store) -> None:
    found = requests_behind(store.cursor(), SEARCH, spans(1, 3))
    assert [row.prompt_tokens for row in found] == [3000, 1000]
    spent = spent_behind(store.cursor(), SEARCH, spans(1, 3))
    assert (spent.requests, spent.cost) == (2, sum(row.cost or 0 for row in found))


def test_those_that_failed_are_counted_apart(store: Store) -> None:
    assert failed_behind(store.cursor(), SEARCH, spans(1, 2, 3)) == 1
    assert spent_behind(store.cursor(), SEARCH, spans(1, 2, 3)).requests == 4


def test_pages_follow_one_another_in_the_order_of_time(store: Store) -> None:
    pages = [requests_behind(store.cursor(), SEARCH, spans(1, 2, 3), order="time", limit=2, offset=n) for n in (0, 2)]
    assert [row.started_at.hour for page in pages for row in page if row.started_at] == [1, 2, 2, 3]


def test_no_hours_have_no_requests(store: Store) -> None:
    assert requests_behind(store.cursor(), SEARCH, ()) == []
    assert spent_behind(store.cursor(), SEARCH, ()).requests == 0


def test_an_order_that_is_none_is_refused(store: Store) -> None:
    with pytest.raises(WrongQuestion, match="there are cost, time, prompt, output"):
        requests_behind(store.cursor(), SEARCH, spans(1), order="colour")
