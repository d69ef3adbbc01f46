from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.record import Part, UsageRecord
from ingest.rows import Rows
from spend import sources
from spend.breakdown import MEASURES, amounts, breakdown, costs, total
from spend.coverage import covered, requests_by_day, unpriced
from spend.filters import DIMENSIONS, GRAINS, Filters, column_of
from spend.requests import RequestRow, cost_spread, count_of_requests, page_of_requests
from spend.sources import Piece, partial_sums
from spend.trends import by_time, moves, trend, weekday_hours
from store.connection import Store
from store.derive import complete
from store.model_names import LoggedModels
from tests.factories import loaded, rows, store_with, usage_record

# clocks that differ from UTC by whole hours, by halves and by quarters of one, and that change by half an hour
ZONES = (
    *("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"),
    *("Asia/Kathmandu", "Pacific/Chatham", "Australia/Eucla", "Pacific/Kiritimati", "Etc/GMT+12"),
)
FIRST, DAYS = datetime(2026, 8, 3), 110
ADVISOR = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 500, "output_tokens": 50}
OWN = {"type": "message", "input_tokens": 1000, "output_tokens": 100}
ORDERS = {
    "cost": "request_cost",
    "time": "started_at",
    "prompt": "prompt_tokens",
    "output": "output_tokens",
    "latency": "latency_ms",
}


def some_request(random: Random) -> dict[str, Any]:
    """One of many users, features, models and tiers; a few unpriced, failed, or of several parts."""
    moment = FIRST + timedelta(minutes=random.randrange(DAYS * 24 * 60))
    over: dict[str, Any] = {
        "time": f"{moment.isoformat()}Z",
        "feature": random.choice(["a", "a", "b", "c", None]),
        "user": random.choice(["u1", "u1", "u2", "u3", "u4", None]),
        "model": random.choice(["claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-8"]),
        "service_tier": random.choice([None, "standard", "batch"]),
        "input_tokens": random.choice([10, 20, 1000]),
        "output_tokens": random.choice([1, 5, 200]),
        "latency_ms": random.choice([None, 100, 200, 5000]),
    }
    luck = random.random()
    if luck < 0.03:
        return over | {"model": random.choice(["claude-haiku-9", "house"])}
    if luck < 0.06:
        failed = {name: value for name, value in over.items() if not name.endswith(("tokens", "tier"))}
        return failed | {"usage": None, "status": 529, "error": "overloaded_error"}
    if luck < 0.10:
        return over | {"iterations": [OWN, ADVISOR | random.choice([{}, {"model": "x"}, {"output_tokens": 900}])]}
    return over


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    random, folder = Random(7), tmp_path_factory.mktemp("logs")
    with store_with(folder, [usage_record(**some_request(random)) for _ in range(2500)]) as store:
        loaded(store, folder / "later.jsonl", [usage_record(**some_request(random)) for _ in range(500)])
        with store.writing() as con:
            models = LoggedModels(con, store.prices)
            written = Rows(con, 99, models)
            for number in range(5):
                part = Part("claude-haiku-4-5", uncached_input_tokens=10 * number, output_tokens=5)
                record = UsageRecord((part,), None, message_id=f"undated{number}", feature="a", user="u1")
                written.add(record, None, b"")
            written.flush()
            complete(con, models, "file_id = 99")
        yield store


@contextmanager
def straight_from_usage() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "COARSEST_FIRST", ())
        yield


days = st.integers(-3, DAYS + 3).map(lambda number: FIRST.date() + timedelta(days=number))
values = {
    "feature": ("a", "b", "nobody", None),
    "model": ("claude-haiku-4-5", "claude-opus-4-8", "house"),
    "user": ("u1", "u4", None),
    "tier": ("batch", None),
    "stop_reason": (None,),
}


@st.composite
def asked(draw: st.DrawFn, *, closed: bool = False) -> Filters:
    since, until = (draw(days if closed else st.none() | days) for _ in range(2))
    if since and until and since >= until:
        since, until = until, since + timedelta(days=1)
    pairs = [(name, value) for name, several in values.items() for value in several]
    where = draw(st.lists(st.sampled_from(pairs), max_size=2, unique=True))
    return Filters(since, until, draw(st.sampled_from(ZONES)), tuple(where))


dimensions = st.lists(st.sampled_from(["feature", "model", "user", "tier", "session"]), max_size=2, unique=True)


@settings(max_examples=60, deadline=None)
@given(filters=asked(), grain=st.none() | st.sampled_from(GRAINS), by=dimensions)
def test_a_breakdown_is_the_same_from_the_rollups_and_straight_from_the_requests(
    store: Store, filters: Filters, grain: str | None, by: list[str]
) -> None:
    con, by = store.cursor(), [grain, *by] if grain else by
    found, known, cost = breakdown(con, filters, by), costs(con, filters, by), amounts(con, filters, by)
    with straight_from_usage():
        assert found == breakdown(con, filters, by)
        assert list(known.items()) == list(costs(con, filters, by).items())
    assert list(known.items()) == [(row.key, row.spend.cost if row.spend.cost_known else None) for row in found]
    assert list(cost.items()) == [(row.key, row.spend.cost) for row in found]


@settings(max_examples=60, deadline=None)
@given(filters=asked(), dimension=st.sampled_from(["feature", "user", "tier", None]))
def test_sums_are_those_of_the_rows_in_the_period(store: Store, filters: Filters, dimension: str | None) -> None:
    """Against one plain query that knows neither rollups nor pieces of time."""
    condition, params = filters.sql()
    key = f"({column_of(dimension)})" if dimension else "NULL"
    plain = rows(
        store,
        f"SELECT {key}, count(*) FILTER (part = 0), coalesce(sum(prompt_tokens), 0), coalesce(sum(cost), 0) FROM usage"
        f" WHERE {condition} GROUP BY 1",
        *params,
    )
    found = breakdown(store.cursor(), filters, [dimension] if dimension else [])
    assert {
        (*row.key, row.spend.requests, row.spend.prompt_tokens, row.spend.cost) for row in found if any_of(row)
    } == {row if dimension else row[1:] for row in plain} - {(0, 0, 0)}


def any_of(row: Any) -> bool:
    return any(getattr(row.spend, name) for name in MEASURES) or bool(row.key)


@settings(max_examples=40, deadline=None)
@given(filters=asked(closed=True), by=st.sampled_from(["feature", "model", "user"]), grain=st.sampled_from(GRAINS[1:]))
def test_trends_hours_and_moves_are_the_same_from_both(store: Store, filters: Filters, by: str, grain: str) -> None:
    con = store.cursor()

    def everything() -> list[object]:
        return [
            trend(con, filters, by, grain=grain, limit=3),
            by_time(con, filters, grain),
            weekday_hours(con, filters),
            moves(con, filters, by),
            count_of_requests(con, filters),
            count_of_requests(con, filters, unpriced=True),
            requests_by_day(con, filters.timezone),
        ]

    found = everything()
    with straight_from_usage():
        assert found == everything()


@settings(max_examples=30, deadline=None)
@given(filters=asked())
def test_the_hours_of_the_week_are_those_of_the_hours(store: Store, filters: Filters) -> None:
    cells: dict[tuple[int, int], list[int]] = {}
    for row in breakdown(store.cursor(), filters, ("hour",)):
        if row.key[0] is not None:
            local = datetime.fromisoformat(row.key[0])
            cell = cells.setdefault((local.weekday(), local.hour), [0, 0])
            cell[0] += row.spend.requests
            cell[1] += row.spend.cost
    found = weekday_hours(store.cursor(), filters)
    assert {cell: [hour.requests, hour.cost or 0] for cell, hour in found.items()} == cells


@pytest.mark.parametrize("zone", ZONES)
def test_few_rows_of_the_requests_are_read_for_the_ends_of_a_period(store: Store, zone: str) -> None:
    """What is read beside whole days of users is at most the two days that a local period cuts."""
    since = date(2026, 9, 1)
    filters = Filters(since, since + timedelta(days=40), zone)
    first, past = (int((bound - datetime(1970, 1, 1)) / timedelta(minutes=15)) for bound in filters.bounds() if bound)
    sql, _ = partial_sums(filters, ["user"], ["cost"], [Piece(first, past)])
    reads = [read.split(" FROM ")[1].split()[0] for read in sql.split(" UNION ALL ")]
    assert reads == ["user_block", "user_day"] + ["usage"] * (0 if zone == "UTC" else 2)
    sql, _ = partial_sums(filters, ["feature"], ["cost"], [Piece(first, past)])
    assert "usage" not in sql
    whole_hours = first % 4 == 0 and past % 4 == 0
    assert ("FROM rollup " in sql) is not whole_hours


# ── the table of requests ──────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=80, deadline=None)
@given(
    filters=asked(),
    order=st.sampled_from(sorted(ORDERS)),
    descending=st.booleans(),
    unpriced=st.booleans(),
    limit=st.integers(1, 30),
    place=st.floats(0, 1.1),
)
def test_any_page_of_requests_is_that_of_all_of_them_sorted(
    store: Store, filters: Filters, order: str, descending: bool, unpriced: bool, limit: int, place: float
) -> None:
    condition, params = filters.sql()
    priced = " AND request_unpriced" if unpriced else ""
    everything = rows(
        store,
        f"SELECT request_key FROM usage WHERE part = 0 AND {condition}{priced}"
        f" ORDER BY {ORDERS[order]} {'DESC' if descending else 'ASC'} NULLS LAST, started_at NULLS LAST, request_key",
        *params,
    )
    offset = int(place * len(everything))
    found = page_of_requests(
        store.cursor(), filters, order=order, descending=descending, limit=limit, offset=offset, unpriced=unpriced
    )
    assert [(row.request_key,) for row in found] == everything[offset : offset + limit]
    assert count_of_requests(store.cursor(), filters, unpriced=unpriced) == len(everything)


@settings(max_examples=30, deadline=None)
@given(filters=asked())
def test_the_spread_is_that_of_all_costs_sorted(store: Store, filters: Filters) -> None:
    found = page_of_requests(store.cursor(), filters, descending=False, limit=10_000)
    known = [row.cost for row in found if row.cost is not None]
    spread = cost_spread(store.cursor(), filters)
    if not known:
        assert spread is None
        return
    assert spread is not None
    assert (spread.p50, spread.p95, spread.max) == (nth(known, 50), nth(known, 95), known[-1])


def nth(known: list[int], percent: int) -> int:
    """The least cost that so many per cent of the requests do not exceed."""
    return known[max(-(-len(known) * percent // 100), 1) - 1]


# ── what the store holds, and what has no price ────────────────────────────────────────────────────────────────────


def test_what_is_covered_is_counted_from_the_sums_as_from_the_requests(store: Store) -> None:
    [expected] = rows(
        store,
        "SELECT count(*), count(*) FILTER (started_at IS NULL), count(*) FILTER (request_unpriced), min(started_at),"
        " max(started_at) FROM usage WHERE part = 0",
    )
    found = covered(store.cursor())
    assert (found.requests, found.undated, found.unpriced, found.first, found.last) == expected
    assert (found.requests, found.undated) == (3005, 5)


@settings(max_examples=30, deadline=None)
@given(filters=asked())
def test_the_unpriced_are_counted_by_request(store: Store, filters: Filters) -> None:
    condition, params = filters.sql()
    expected = rows(
        store,
        "SELECT model, unpriced_because, count(DISTINCT request_key) FROM usage"
        f" WHERE cost IS NULL AND {condition} GROUP BY 1, 2",
        *params,
    )
    found = unpriced(store.cursor(), filters)
    assert sorted((row.model, row.reason, row.requests) for row in found) == sorted(expected)
    assert [row.requests for row in found] == sorted((row.requests for row in found), reverse=True)


def test_every_dimension_there_is_can_be_asked_of_some_source(store: Store) -> None:
    con = store.cursor()
    everything = total(con, Filters())
    for dimension in DIMENSIONS:
        found = breakdown(con, Filters(), (dimension,))
        assert sum(row.spend.cost for row in found) == everything.cost
    assert isinstance(page_of_requests(con, Filters(), limit=1)[0], RequestRow)
