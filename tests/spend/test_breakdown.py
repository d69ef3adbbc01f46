from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spend.breakdown import MEASURES, Row, Spend, breakdown, covers, period, total
from spend.filters import Filters, WrongQuestion
from store.connection import Store
from tests.factories import emptied, loaded, store_with, usage_record

ZONES = [
    *("UTC", "Europe/Paris", "Europe/London", "America/New_York", "America/Los_Angeles", "America/Sao_Paulo"),
    *(
        "America/St_Johns",
        "America/Havana",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Asia/Tokyo",
        "Asia/Tehran",
        "Asia/Beirut",
    ),
    *("Africa/Cairo", "Africa/Casablanca", "Australia/Lord_Howe", "Australia/Eucla", "Australia/Adelaide"),
    *("Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Marquesas", "Etc/GMT+12"),
]
ADVICE = {
    "iterations": [
        {"type": "message", "input_tokens": 1000, "output_tokens": 100},
        {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 500, "output_tokens": 50},
    ]
}
KINDS: list[dict[str, Any]] = [
    {"feature": "a", "user": "u1", "session": "s1", "tags": {"env": "prod", "team": "x"}},
    {"feature": "b", "user": "u2", "service_tier": "batch", "tags": {"env": "dev"}},
    {"feature": "a", "model": "claude-opus-4-8", "stop_reason": "end_turn"},
    {"feature": None, "model": "claude-haiku-9", "user": "u1", "tags": {"team": "x", "env": "prod"}},
    {"feature": "b", "user": "u1", **ADVICE},
    {"feature": "a", "output_tokens": 0, "status": 529},
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A request every 35 minutes, from a week before to a week after each change of the clocks in 2026 somewhere."""
    records: list[dict[str, Any]] = []
    for middle in (datetime(2026, 3, 29), datetime(2026, 10, 25)):
        moment = middle - timedelta(days=27)
        while moment < middle + timedelta(days=15):
            records.append(usage_record(time=f"{moment.isoformat()}Z", **KINDS[len(records) % len(KINDS)]))
            moment += timedelta(minutes=35)
    with store_with(tmp_path_factory.mktemp("log"), records) as store:
        yield store


def added(a: Spend, b: Spend) -> Spend:
    return Spend(*(getattr(a, name) + getattr(b, name) for name in MEASURES))


def whole(rows: list[Row]) -> Spend:
    found = Spend()
    for row in rows:
        found = added(found, row.spend)
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_the_days_hours_weeks_and_months_of_any_zone_add_up_to_the_total(store: Store, zone: str) -> None:
    con, filters = store.cursor(), Filters(timezone=zone)
    everything = total(con, filters)
    for grain in ("hour", "day", "week", "month"):
        assert whole(breakdown(con, filters, (grain,))) == everything
    inside = Filters(date(2026, 3, 20), date(2026, 4, 8), zone)
    starts = [date(2026, 3, 20) + timedelta(days=n) for n in range(19)]
    days = [Filters(start, start + timedelta(days=1), zone) for start in starts]
    each = [total(con, day) for day in days]
    assert whole(breakdown(con, inside, ("day",))) == total(con, inside) == whole([Row((), one) for one in each])
    by_day = {row.key[0]: row.spend for row in breakdown(con, inside, ("day",))}
    assert [by_day[f"{day.since}"] for day in days] == each


@pytest.mark.parametrize("zone", ZONES)
def test_a_request_counts_on_the_day_and_hour_of_its_local_clock(store: Store, zone: str) -> None:
    con = store.cursor()
    moments = con.execute("SELECT started_at FROM usage WHERE part = 0").fetchall()
    local = [moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)) for (moment,) in moments]
    for grain, label in (
        ("day", lambda t: t.date().isoformat()),
        ("hour", lambda t: f"{t:%Y-%m-%dT%H}:00:00{t.isoformat()[-6:]}"),
        ("week", lambda t: (t.date() - timedelta(days=t.weekday())).isoformat()),
        ("month", lambda t: t.date().replace(day=1).isoformat()),
    ):
        expected: dict[str, int] = {}
        for moment in local:
            expected[label(moment)] = expected.get(label(moment), 0) + 1
        found = breakdown(con, Filters(timezone=zone), (grain,))
        assert {row.key[0]: row.spend.requests for row in found} == expected
        assert [row.key[0] for row in found if row.key[0]] == sorted(
            str(row.key[0]) for row in found
        ) or grain == "hour"


DIMENSIONS = ("feature", "model", "user", "session", "tier", "tag", "stop_reason", "tag:env")


@pytest.mark.parametrize("by", [*combinations(DIMENSIONS, 1), *combinations(DIMENSIONS, 2), DIMENSIONS])
def test_any_breakdown_adds_up_to_the_total(store: Store, by: tuple[str, ...]) -> None:
    con = store.cursor()
    everything = total(con, Filters())
    rows = breakdown(con, Filters(), by)
    assert whole(rows) == everything
    assert len({row.key for row in rows}) == len(rows)
    assert whole(breakdown(con, Filters(), (*by, "month", "day"))) == everything


def test_the_rollup_and_the_priced_rows_give_one_answer(store: Store) -> None:
    con = store.cursor()
    by_model = {row.key[0]: row.spend for row in breakdown(con, Filters(), ("model",))}  # asked of the rollup
    summed: dict[str | None, Spend] = {}
    for row in breakdown(con, Filters(), ("model", "user")):  # asked of the requests
        summed[row.key[0]] = added(summed.get(row.key[0], Spend()), row.spend)
    assert summed == by_model


def test_dearest_first_and_the_rest_cut_off(store: Store) -> None:
    con = store.cursor()
    rows = breakdown(con, Filters(), ("feature",))
    assert [row.spend.cost for row in rows] == sorted((row.spend.cost for row in rows), reverse=True)
    assert breakdown(con, Filters(), ("feature",), limit=2) == rows[:2]
    by_requests = breakdown(con, Filters(), ("feature",), order="requests")
    assert [row.key[0] for row in by_requests] == ["a", "b", None]


def test_two_grains_nest(store: Store) -> None:
    con, filters = store.cursor(), Filters(date(2026, 3, 30), date(2026, 4, 3), "Europe/Paris")
    keys = [row.key for row in breakdown(con, filters, ("month", "day"))]
    assert keys == [
        ("2026-03-01", "2026-03-30"),
        ("2026-03-01", "2026-03-31"),
        ("2026-04-01", "2026-04-01"),
        ("2026-04-01", "2026-04-02"),
    ]


def test_every_measure_of_a_few_requests(tmp_path: Path) -> None:
    store = emptied()
    counts = {"input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 90}
    split = {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 50}
    details = {"output_tokens_details": {"thinking_tokens": 5}, "server_tool_use": {"web_search_requests": 2}}
    full = usage_record(**counts, cache_creation=split, **details)
    loaded(
        store, tmp_path / "log.jsonl", [full, usage_record(model="x"), usage_record(usage=None, status=500, error="e")]
    )
    spend = total(store.cursor(), Filters())
    assert spend == Spend(
        requests=3,
        unpriced_requests=1,
        failed_requests=1,
        uncached_input_tokens=10 + 1000,
        cache_read_tokens=30,
        cache_write_5m_tokens=40,
        cache_write_1h_tokens=50,
        output_tokens=20 + 100,
        reasoning_tokens=5,
        prompt_tokens=10 + 30 + 40 + 50 + 1000,
        unpriced_tokens=1000 + 100,
        web_search_requests=2,
        uncached_input_cost=10 * 10**6,
        cache_read_cost=30 * 10**5,
        cache_write_5m_cost=40 * 1_250_000,
        cache_write_1h_cost=50 * 2 * 10**6,
        output_cost=20 * 5 * 10**6,
        web_search_cost=2 * 10**10,
        cost=(10 + 3 + 50 + 100 + 100) * 10**6 + 2 * 10**10,
    )
    assert spend.cost == sum(getattr(spend, name) for name in MEASURES if name.endswith("_cost"))


@pytest.mark.parametrize(
    ("spend", "known"),
    [
        (Spend(), True),
        (Spend(requests=1, unpriced_requests=1, unpriced_tokens=5), False),
        (Spend(requests=1, unpriced_requests=1), False),
        (Spend(requests=2, unpriced_requests=1), True),
        (Spend(requests=1, unpriced_requests=1, cost=5), True),
        (Spend(unpriced_tokens=5), False),
    ],
)
def test_the_cost_of_nothing_but_unpriced_requests_is_not_known(spend: Spend, known: bool) -> None:
    assert spend.cost_known is known


def test_nothing_loaded_is_nothing_spent() -> None:
    con = emptied().cursor()
    assert total(con, Filters()) == Spend()
    assert breakdown(con, Filters(timezone="Asia/Kolkata"), ("day", "feature")) == []
    assert covers(con, "UTC") is None


def test_an_open_period_is_closed_by_the_data(store: Store) -> None:
    con = store.cursor()
    # first request 2026-03-02 00:00 UTC, last 2026-11-08 23:xx UTC
    assert covers(con, "UTC") == (date(2026, 3, 2), date(2026, 11, 9))
    assert covers(con, "America/New_York") == (date(2026, 3, 1), date(2026, 11, 9))
    assert period(con, Filters(since=date(2026, 4, 1))) == (date(2026, 4, 1), date(2026, 11, 9))
    assert period(con, Filters(until=date(2026, 4, 1))) == (date(2026, 3, 2), date(2026, 4, 1))
    assert period(con, Filters(since=date(2027, 4, 1))) == (date(2027, 4, 1), date(2027, 4, 2))


@pytest.mark.parametrize("by", [("price",), ("day", "colour"), ("tags",)])
def test_a_dimension_that_does_not_exist_is_said(store: Store, by: tuple[str, ...]) -> None:
    with pytest.raises(WrongQuestion, match=f"no dimension {by[-1]!r}"):
        breakdown(store.cursor(), Filters(), by)
    with pytest.raises(WrongQuestion, match="cannot order by 'colour'"):
        breakdown(store.cursor(), Filters(), (), order="colour")
