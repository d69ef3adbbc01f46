from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from spend.breakdown import breakdown, total
from spend.filters import Filters, WrongQuestion
from store.connection import Store
from tests.factories import store_with, usage_record

RECORDS: list[dict[str, Any]] = [
    {"feature": "a", "user": "u1", "tags": {"env": "prod"}},
    {"feature": "a", "user": "u2", "tags": {"env": "dev", "it's": "1"}},
    {"feature": "b", "user": "u1", "stop_reason": "max_tokens", "service_tier": "batch"},
    {"feature": "'; DROP TABLE priced; --", "session": "s", "tags": {'a"b': "x", "a.b": "y", "a\\b": "z", "$[0]": "w"}},
    {"feature": None, "model": "claude-opus-4-8", "time": "2026-11-11T00:30:00Z"},
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    records = [usage_record(**{"time": "2026-11-10T12:00:00Z"} | record) for record in RECORDS]
    with store_with(tmp_path_factory.mktemp("log"), records) as store:
        yield store


@pytest.mark.parametrize(
    ("where", "requests"),
    [
        ((), 5),
        ((("feature", "a"),), 2),
        ((("feature", "a"), ("feature", "b")), 3),
        ((("feature", "a"), ("feature", None)), 3),
        ((("feature", None),), 1),
        ((("feature", "a"), ("user", "u1")), 1),
        ((("feature", "nobody"),), 0),
        ((("user", None),), 2),
        ((("model", "claude-haiku-4-5"),), 4),
        ((("tier", "batch"),), 1),
        ((("tier", None),), 4),
        ((("stop_reason", "max_tokens"),), 1),
        ((("session", "s"),), 1),
        ((("tag:env", "prod"),), 1),
        ((("tag:env", "prod"), ("tag:env", "dev")), 2),
        ((("tag:env", None),), 3),
        ((("tag:it's", "1"),), 1),
        ((('tag:a"b', "x"),), 1),
        ((("tag:a.b", "y"),), 1),
        ((("tag:a\\b", "z"),), 1),
        ((("tag:$[0]", "w"),), 1),
        ((("tag", '{"env":"prod"}'),), 1),
        ((("feature", "'; DROP TABLE priced; --"),), 1),
    ],
)
def test_values_of_a_dimension_are_alternatives_and_dimensions_all_hold(
    store: Store, where: tuple[tuple[str, str | None], ...], requests: int
) -> None:
    con, filters = store.cursor(), Filters(where=where)
    assert total(con, filters).requests == requests
    assert sum(row.spend.requests for row in breakdown(con, filters, ("day", "user"))) == requests


def test_a_tag_is_a_dimension_of_its_own(store: Store) -> None:
    rows = breakdown(store.cursor(), Filters(), ("tag:env",))
    assert {row.key[0]: row.spend.requests for row in rows} == {"prod": 1, "dev": 1, None: 3}


@pytest.mark.parametrize(
    ("since", "until", "zone", "requests"),
    [
        (date(2026, 11, 10), date(2026, 11, 11), "UTC", 4),
        (date(2026, 11, 11), None, "UTC", 1),
        (None, date(2026, 11, 11), "UTC", 4),
        (date(2026, 11, 10), date(2026, 11, 11), "America/New_York", 5),
        (date(2026, 11, 11), date(2026, 11, 12), "Asia/Tokyo", 1),
        (date(2026, 11, 11), date(2026, 11, 12), "Pacific/Kiritimati", 5),
    ],
)
def test_the_period_is_of_local_days_and_until_is_not_in_it(
    store: Store, since: date | None, until: date | None, zone: str, requests: int
) -> None:
    assert total(store.cursor(), Filters(since, until, zone)).requests == requests


def test_bounds_are_local_midnights_in_utc() -> None:
    day = Filters(date(2026, 10, 25), date(2026, 10, 26), "Europe/Paris")
    assert day.bounds() == (datetime(2026, 10, 24, 22), datetime(2026, 10, 25, 23))


def test_the_previous_period_is_as_long_and_ends_where_this_one_begins() -> None:
    week = Filters(date(2026, 11, 8), date(2026, 11, 15), where=(("feature", "a"),))
    assert week.previous() == Filters(date(2026, 11, 1), date(2026, 11, 8), where=(("feature", "a"),))
    with pytest.raises(WrongQuestion, match="both ends"):
        Filters(since=date(2026, 11, 8)).previous()


def test_narrowing_replaces_what_was_asked_of_that_dimension() -> None:
    asked = Filters(where=(("feature", "a"), ("feature", "b"), ("user", "u")))
    assert asked.narrowed("feature", None).where == (("user", "u"), ("feature", None))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"timezone": "Europe/Pariss"}, "no time zone 'Europe/Pariss'"),
        ({"timezone": "../../etc/passwd"}, "no time zone"),
        ({"timezone": ""}, "no time zone"),
        ({"where": (("colour", "red"),)}, "no dimension 'colour'"),
        ({"since": date(2026, 11, 2), "until": date(2026, 11, 2)}, "the period is empty"),
        ({"since": date(2026, 11, 3), "until": date(2026, 11, 2)}, "the period is empty"),
    ],
)
def test_a_wrong_question_is_refused_in_words(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongQuestion, match=said):
        Filters(**wrong)
