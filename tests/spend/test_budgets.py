from __future__ import annotations

import json
import math
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spend.__main__ import main
from spend.budgets import (
    Budget,
    BudgetState,
    budget_of,
    budgets_of,
    keep_budget,
    record,
    remove_budget,
    standing,
    today_of,
)
from spend.filters import Filters, WrongQuestion
from spend.forecast import Outlook, month_end, outlook
from store.connection import Store, open_store
from tests.factories import emptied, loaded, usage_record

MICRO = 10**6  # pico-dollars; a request of n tokens costs n micro-dollars
STEADY = "0.0003"  # dollars: 30 days of 10 micro-dollars


def spending(folder: Path, first: date, past: date, of: Callable[[date], int], **over: object) -> Store:
    """A store in which every day in [first, past) cost ``of(day)`` micro-dollars."""
    every = [first + timedelta(days=n) for n in range((past - first).days)]
    records = [
        usage_record(time=f"{day}T12:00:00Z", input_tokens=of(day), output_tokens=0, **over) for day in every if of(day)
    ]
    store = emptied()
    loaded(store, folder / "log.jsonl", records)
    return store


def stands(store: Store, text: str, today: date, timezone: str = "UTC") -> BudgetState:
    [state] = standing(store.cursor(), (budget_of(text),), timezone, today)
    return state


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("account:month=500", Budget("account", None, "month", 500 * 10**12)),
        ("feature=search:day=0.000000000001", Budget("feature", "search", "day", 1)),
        ("user=u_1:month=20.50", Budget("user", "u_1", "month", 20_500_000_000_000)),
        ("feature=a=b:c:month=1", Budget("feature", "a=b:c", "month", 10**12)),
        ("feature=:month=1", Budget("feature", None, "month", 10**12)),
    ],
)
def test_a_budget_as_it_is_written(text: str, budget: Budget) -> None:
    assert budget_of(text) == budget
    assert budget_of(f"{budget.of}={budget.amount / 10**12:.12f}") == budget


@pytest.mark.parametrize(
    "text",
    [
        "",
        "account",
        "account:month",
        "account:month=",
        "account:month=-1",
        "account:month=0",
        "account:month=NaN",
        "account:month=inf",
        "account:month=1e400",
        "account:month=0.0000000000001",
        "account:month=1000000001",
        "account:year=1",
        "account=x:month=1",
        "feature:month=1",
        "model=x:month=1",
        "month=1",
    ],
)
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(WrongQuestion):
        budget_of(text)


def test_budgets_are_kept_in_the_store_one_for_each_purpose() -> None:
    store = emptied()
    for text in ("user=b:day=3", "feature=a:month=2", "account:month=1.000000000001", "account:month=4"):
        keep_budget(store, budget_of(text))
    assert [(one.of, one.amount) for one in budgets_of(store.cursor())] == [
        ("account:month", 4 * 10**12),
        ("feature=a:month", 2 * 10**12),
        ("user=b:day", 3 * 10**12),
    ]
    remove_budget(store, "feature=a:month")
    assert len(budgets_of(store.cursor())) == 2
    with pytest.raises(WrongQuestion, match="account:month, user=b:day"):
        remove_budget(store, "feature=a:month")


def test_a_steady_month_is_projected_and_passed_on_a_known_day(tmp_path: Path) -> None:
    store = spending(tmp_path, date(2026, 10, 1), date(2026, 11, 15), lambda _: 10)
    # 14 days at 10, 16 to come at 10, and the method was never wrong: 300, no less and no more
    today = date(2026, 11, 15)
    kept = stands(store, f"account:month={STEADY}", today)
    assert (kept.spent, kept.projected, kept.low, kept.high) == (140 * MICRO, 300 * MICRO, 300 * MICRO, 300 * MICRO)
    assert (kept.probability, kept.will_be_crossed, kept.breach_on, kept.rough) == (0, False, None, False)
    passed = stands(store, "account:month=0.00025", today)
    # 140 + 11 x 10 = 250 is not over it, and the 12th day from the 15th is the 26th
    day = date(2026, 11, 26)
    assert (passed.probability, passed.breach_on, passed.earliest, passed.latest) == (1, day, day, day)
    assert (passed.will_be_crossed, passed.crossed, passed.passed_on) == (True, False, None)


def test_what_is_passed_says_since_when(tmp_path: Path) -> None:
    store = spending(tmp_path, date(2026, 10, 1), date(2026, 11, 15), lambda _: 10)
    state = stands(store, "account:month=0.0001", date(2026, 11, 15))
    # ten days are 100, which is not over it
    assert (state.crossed, state.passed_on, state.probability) == (True, date(2026, 11, 11), 1)
    assert (state.breach_on, state.will_be_crossed) == (None, False)


def test_the_probability_is_the_share_of_past_errors_that_end_over_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    cost = {date(2026, 8, 1) + timedelta(days=n): int(rng.integers(50, 200)) for n in range(112)}
    today = date(2026, 11, 21)
    store = spending(tmp_path, date(2026, 8, 1), today, lambda day: cost[day])
    # the same by its definition: weekday means of 28 days, and how wrong they were from every earlier day
    horizon, known = 10, 112

    def usual(origin: date, day: date) -> float:
        back = [origin - timedelta(days=n) for n in range(1, 29) if origin - timedelta(days=n) in cost]
        same = [cost[one] for one in back if one.weekday() == day.weekday()] if len(back) >= 14 else []
        last = [cost[one] for one in back[:7]]
        return sum(same or last) / len(same or last)

    def ahead(origin: date) -> list[date]:
        return [origin + timedelta(days=n) for n in range(horizon)]

    origins = [date(2026, 8, 8) + timedelta(days=n) for n in range(known - 7 - horizon + 1)]
    errors = [
        math.log(sum(cost[day] for day in ahead(one)) / sum(usual(one, day) for day in ahead(one))) for one in origins
    ]
    spent = sum(cost[date(2026, 11, 1) + timedelta(days=n)] for n in range(20))
    left = sum(usual(today, day) for day in ahead(today))
    totals = [spent + left * math.exp(1.3 * math.sqrt(1 + 2 * horizon / known) * error) for error in errors]
    for budget in (min(totals) - 1, *np.quantile(totals, [0.1, 0.33, 0.5, 0.9]), max(totals) + 1):
        state = stands(store, f"account:month={budget / 1e6:.9f}", today)
        share = sum(total > budget for total in totals) / len(totals)
        assert state.probability == pytest.approx(share, abs=1e-9)
        assert state.will_be_crossed == (share >= 0.5)


def test_the_range_of_days_is_that_of_the_forecast(tmp_path: Path) -> None:
    days = tuple(date(2026, 11, 21) + timedelta(days=n) for n in range(10))
    found = Outlook({date(2026, 11, 20): 100}, days, (10,) * 10, 100, tuple(math.log(x) for x in (0.5, 1, 1, 1, 2)))
    assert found.draws() == [150, 200, 200, 200, 300]
    assert found.projected == 200
    low, high = found.range()
    assert low is not None
    assert high is not None
    # q 0.1 is 0.4 of the way from log 0.5 to log 1, q 0.9 as far from log 2
    assert (low, high) == (100 + round(100 * 2**-0.6), 100 + round(100 * 2**0.6))


def test_the_range_of_a_breach_goes_from_the_high_end_to_the_low_end(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    cost = {date(2026, 8, 1) + timedelta(days=n): int(rng.integers(20, 400)) for n in range(112)}
    store = spending(tmp_path, date(2026, 8, 1), date(2026, 11, 21), lambda day: cost[day])
    end = month_end(store.cursor(), Filters(), date(2026, 11, 21))
    assert end is not None
    assert end.low is not None
    amount = (end.low + end.projected) // 2
    state = stands(store, f"account:month={amount / 1e12:.12f}", date(2026, 11, 21))
    assert (state.projected, state.low, state.high) == (end.projected, end.low, end.high)
    assert state.earliest is not None
    assert state.breach_on is not None
    assert state.earliest < state.breach_on <= date(2026, 11, 30)
    assert state.latest is None  # at the low end it is not passed
    assert state.will_be_crossed


def test_a_day_is_projected_by_its_weekday_or_what_it_cost_already(tmp_path: Path) -> None:
    today = date(2026, 11, 20)
    for so_far, projected in ((4, 10), (25, 25)):
        cost = defaultdict(lambda: 10, {today: so_far})
        store = spending(tmp_path, date(2026, 10, 1), date(2026, 11, 21), cost.__getitem__)
        state = stands(store, "account:day=0.00002", today)
        assert (state.since, state.until) == (today, date(2026, 11, 21))
        assert (state.spent, state.projected) == (so_far * MICRO, projected * MICRO)
        assert (state.crossed, state.passed_on) == ((True, today) if so_far > 20 else (False, None))


def test_a_budget_counts_its_own_requests_in_its_own_zone(tmp_path: Path) -> None:
    store = emptied()
    records = [
        usage_record(time="2026-11-01T03:00:00Z", feature="search", user="u_1", input_tokens=100, output_tokens=0),
        usage_record(time="2026-11-02T03:00:00Z", feature="triage", user="u_1", input_tokens=10, output_tokens=0),
        usage_record(time="2026-11-02T04:00:00Z", feature=None, user="u_2", input_tokens=1, output_tokens=0),
    ]
    loaded(store, tmp_path / "log.jsonl", records)
    today = date(2026, 11, 2)
    spent = {
        text: stands(store, f"{text}:month=1", today).spent // MICRO
        for text in ("account", "feature=search", "feature=", "user=u_1", "user=nobody")
    }
    assert spent == {"account": 111, "feature=search": 100, "feature=": 1, "user=u_1": 110, "user=nobody": 0}
    assert stands(store, "account:month=1", today, "America/New_York").spent == 11 * MICRO  # the first is in October


def test_without_spend_or_history_nothing_is_claimed(tmp_path: Path) -> None:
    state = stands(emptied(), "account:month=1", date(2026, 11, 15))
    assert (state.spent, state.projected, state.probability, state.rough) == (0, 0, None, True)
    store = spending(tmp_path, date(2026, 11, 15), date(2026, 11, 16), lambda _: 10)
    state = stands(store, "account:month=0.000001", date(2026, 11, 15))
    assert (state.crossed, state.passed_on) == (True, date(2026, 11, 15))
    found = outlook(store.cursor(), Filters(), date(2026, 11, 15), date(2026, 11, 1), date(2026, 12, 1))
    assert found is not None
    assert (found.draws(), found.range()) == ([], (None, None))


def test_today_is_the_last_day_of_logs_that_ended_long_ago(tmp_path: Path) -> None:
    store = spending(tmp_path, date(2026, 11, 1), date(2026, 11, 16), lambda _: 10)
    con = store.cursor()
    assert today_of(con, "UTC", datetime(2026, 11, 20, tzinfo=UTC)) == date(2026, 11, 20)
    assert today_of(con, "Asia/Tokyo", datetime(2026, 11, 20, 20, tzinfo=UTC)) == date(2026, 11, 21)
    assert today_of(con, "UTC", datetime(2027, 1, 1, tzinfo=UTC)) == date(2026, 11, 15)
    assert today_of(emptied().cursor(), "UTC", datetime(2027, 1, 1, tzinfo=UTC)) == date(2027, 1, 1)


def asked(capsys: pytest.CaptureFixture[str], db: Path, *args: str, status: int = 0) -> str:
    assert main(["budget", "--db", str(db), *args]) == status
    return capsys.readouterr().out


def test_budgets_are_set_told_and_removed_from_a_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = tmp_path / "usage.duckdb"
    every = [date(2026, 10, 1) + timedelta(days=n) for n in range(45)]
    with open_store(db) as store:
        log = [
            usage_record(time=f"{day}T12:00:00Z", feature="\x1b[2Jx", input_tokens=10_000, output_tokens=0)
            for day in every
        ]
        loaded(store, tmp_path / "log.jsonl", log)
    day = ("--on", "2026-11-15")
    assert asked(capsys, db).startswith("No budgets.")
    said = asked(capsys, db, "--set", "account:month=0.25", "--set", "feature=\x1b[2Jx:day=1", *day)
    assert "everything together" in said
    assert "100% likely to be crossed, on 26 November" in said
    assert "\x1b" not in said
    found: list[dict[str, Any]] = json.loads(asked(capsys, db, "--format", "json", *day))
    assert [(one["scope"], one["period"], one["budget_usd"]) for one in found] == [
        ({}, "month", "0.25"),
        ({"feature": "\x1b[2Jx"}, "day", "1.00"),
    ]
    assert (found[0]["spent_usd"], found[0]["projected_usd"], found[0]["probability"]) == ("0.14", "0.30", 1.0)
    asked(capsys, db, "--fail-on", "crossed", *day)
    asked(capsys, db, "--fail-on", "projected", *day, status=1)
    assert "crossed on 11 November" in asked(
        capsys, db, "--set", "account:month=0.1", "--fail-on", "crossed", *day, status=1
    )
    asked(capsys, db, "--remove", "account:month", *day)
    asked(capsys, db, "--remove", "account:month", *day, status=2)
    assert len(json.loads(asked(capsys, db, "--format", "json"))) == 1


def test_a_wrong_budget_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = tmp_path / "usage.duckdb"
    with open_store(db):
        pass
    asked(capsys, db, "--set", "account:month=1", "--set", "nonsense", status=2)
    asked(capsys, db, "--set", "account:month=1", "--timezone", "Mars/Phobos", status=2)
    assert asked(capsys, db, "--format", "json").strip() == "[]"


def test_a_record_has_exact_dollars_and_says_what_is_not_known() -> None:
    state = stands(emptied(), "account:month=0.000000000001", date(2026, 11, 15))
    told = record(replace(state, spent=1))
    assert (told["budget_usd"], told["spent_usd"]) == ("0.000000000001", "0.000000000001")
    assert (told["low_usd"], told["probability"], told["breach_on"], told["scope"]) == (None, None, None, {})


def test_budgets_set_at_once_are_all_kept(tmp_path: Path) -> None:
    wanted = {f"user=u_{n}:day" for n in range(8)}
    with open_store(tmp_path / "usage.duckdb") as store:
        ready = threading.Barrier(len(wanted))

        def keep(of: str) -> None:
            ready.wait()
            keep_budget(store, budget_of(f"{of}=1"))

        threads = [threading.Thread(target=keep, args=(of,)) for of in wanted]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.cursor() as con:
            assert {one.of for one in budgets_of(con)} == wanted
