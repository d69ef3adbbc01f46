from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.load import load
from ingest.record import Part, UsageRecord
from ingest.rows import Rows
from ingest.undo import undo
from store.connection import Store
from store.derive import DERIVED, complete, derive_all
from store.facts import FACTS
from store.model_names import LoggedModels
from store.rollups import ROLLUPS, USER_DAYS, Rollup, Span
from tests.factories import derived, emptied, loaded, rows, usage_record, write_log

SUMMED = (
    *("uncached_input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens"),
    *("reasoning_tokens", "prompt_tokens", "web_search_requests", "uncached_input_cost", "cache_read_cost"),
    *("cache_write_5m_cost", "cache_write_1h_cost", "output_cost", "web_search_cost", "cost"),
)
ADVISOR = {"type": "advisor_message", "input_tokens": 500, "output_tokens": 50}
OWN = {"type": "message", "input_tokens": 1000, "output_tokens": 100}
KINDS: list[dict[str, Any]] = [
    {"feature": "a", "user": "u1"},
    {"feature": "b", "user": "u2", "service_tier": "batch", "cache_read_input_tokens": 30},
    {"feature": None, "user": None, "model": "claude-haiku-9"},
    {"feature": "a", "user": "u2", "iterations": [OWN, ADVISOR | {"model": "claude-opus-4-8"}]},
    {"feature": "b", "user": "u1", "iterations": [OWN, ADVISOR | {"model": "x"}]},
    {"feature": "a", "user": "u1", "usage": None, "status": 529, "error": "overloaded_error"},
]
FIRST = datetime(2026, 8, 1)


def of_a_row(row: dict[str, Any]) -> dict[str, int | None]:
    """What a row of `usage` adds to each sum."""
    request = row["part"] == 0
    tokens = (row["prompt_tokens"] or 0) + (row["output_tokens"] or 0)
    return {
        "requests": int(request),
        "unpriced_requests": int(request and row["request_unpriced"]),
        "failed_requests": int(request and row["failed"] == 1),
        "unpriced_tokens": tokens if row["cost"] is None else 0,
        **{name: row[name] or 0 for name in SUMMED},
    }


def summed(store: Store, rollup: Rollup) -> dict[tuple[Any, ...], dict[str, int | None]]:
    """The sums a rollup should hold, added up one row of `usage` after the other."""
    sums: dict[tuple[Any, ...], dict[str, int | None]] = {}
    for row in dicts(store, "usage"):
        unit = None if row["quarter"] is None else row["quarter"] // rollup.quarters
        kept = sums.setdefault((unit, *(row[name] for name in rollup.keys)), {"dearest": None})
        for name, value in of_a_row(row).items():
            kept[name] = (kept.get(name) or 0) + (value or 0)
        kept["dearest"] = max((c for c in (kept["dearest"], row["request_cost"]) if c is not None), default=None)
    return sums


def held(store: Store, rollup: Rollup) -> dict[tuple[Any, ...], dict[str, int | None]]:
    """The sums it does hold."""
    keys = (rollup.unit, *rollup.keys)
    found = dicts(store, rollup.table)
    by_key = {tuple(row.pop(name) for name in keys): row for row in found}
    assert len(by_key) == len(found)
    return by_key


def dicts(store: Store, table: str) -> list[dict[str, Any]]:
    result = store.cursor().execute(f"SELECT * FROM {table}")
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, values, strict=True)) for values in result.fetchall()]


def assert_all_sums_are_those_of_the_rows(store: Store) -> None:
    for rollup in ROLLUPS:
        assert held(store, rollup) == summed(store, rollup), rollup.table


# ── what changes a store ───────────────────────────────────────────────────────────────────────────────────────────

quarters = st.one_of(
    st.integers(0, 4 * 96),  # a few days
    st.sampled_from([0, 3, 4, 95, 96, 97, 40 * 96, 40 * 96 - 1, 75 * 96 + 1]),
    st.integers(0, 80 * 96),
)
records = st.lists(st.tuples(st.integers(0, 30), quarters, st.integers(0, 5), st.integers(1, 300)), max_size=8)
changes = st.lists(
    st.one_of(
        st.tuples(st.just("load"), records),
        st.tuples(st.just("undo"), st.integers(0, 9)),
        st.tuples(st.just("reprice"), st.integers(1, 3)),
        st.tuples(st.just("undated"), st.integers(0, 5)),
    ),
    min_size=2,
    max_size=6,
)


def changed(store: Store, folder: Path, number: int, change: tuple[str, Any]) -> None:
    what, how = change
    if what == "load" and how:
        log = [
            usage_record(message_id=f"m{key}", time=f"{FIRST + timedelta(minutes=15 * quarter)}Z".replace(" ", "T"))
            | ({"usage": {"input_tokens": 10, "output_tokens": output}} if kind < 3 else {})
            | without_nothing(KINDS[kind], output)
            for key, quarter, kind, output in how
        ]
        load(store, [write_log(folder / f"{number}.jsonl", log)])
    elif what == "undo":
        past = [load_id for (load_id,) in rows(store, "SELECT load_id FROM load ORDER BY load_id")]
        if past:
            undo(store, past[how % len(past)])
    elif what == "reprice":
        listed = store.prices.prices
        prices = tuple(replace(p, output=how * (p.output or 0)) if "haiku" in p.model else p for p in listed)
        kept = store.prices
        store.reprice(replace(kept, prices=prices))
        store.prices = kept
    elif what == "undated":
        with store.writing() as con:
            [(file_id,)] = con.execute("SELECT nextval('file_ids')").fetchall()
            models = LoggedModels(con, store.prices)
            written = Rows(con, file_id, models)
            part = Part("claude-haiku-4-5", uncached_input_tokens=10, output_tokens=how)
            written.add(UsageRecord((part,), None, message_id=f"undated{number}", feature="a"), None, b"")
            written.flush()
            complete(con, models, f"file_id = {file_id}")


def without_nothing(kind: dict[str, Any], output: int) -> dict[str, Any]:
    """The fields of a kind as a log line has them; what the API counts stands under usage."""
    record = usage_record(**{"output_tokens": output, **kind} if kind.get("usage", 1) else kind)
    return {name: value for name, value in record.items() if name not in ("time", "message_id", "request_id")}


@settings(max_examples=20, deadline=None)
@given(changes=changes)
def test_all_sums_are_those_of_the_rows_after_loads_that_supersede_undoing_and_new_prices(
    changes: list[tuple[str, Any]],
) -> None:
    store = emptied(3)
    with TemporaryDirectory() as folder:
        for number, change in enumerate(changes):
            changed(store, Path(folder), number, change)
            assert_all_sums_are_those_of_the_rows(store)
    before = {rollup: held(store, rollup) for rollup in ROLLUPS}
    with store.writing() as con:
        derive_all(con, LoggedModels(con, store.prices))
    store.reprice(store.prices)
    assert_all_sums_are_those_of_the_rows(store)
    if changes[-1][0] != "reprice":
        assert {rollup: set(held(store, rollup)) for rollup in ROLLUPS} == {r: set(sums) for r, sums in before.items()}


def at(day: int, hour: int = 12) -> str:
    return f"{(FIRST + timedelta(days=day, hours=hour)).isoformat()}Z"


def test_only_the_days_a_load_touches_are_summed_again(tmp_path: Path) -> None:
    store = emptied()
    loaded(store, tmp_path / "a.jsonl", [usage_record(time=at(day), user="u") for day in (0, 5, 50)])
    touched = [f"day = {(FIRST - datetime(1970, 1, 1)).days + day}" for day in (0, 50)]
    with store.writing() as con:  # what is summed again loses this mark
        for rollup in ROLLUPS:
            con.execute(f"UPDATE {rollup.table} SET requests = requests + 1000")
    loaded(store, tmp_path / "b.jsonl", [usage_record(time=at(day, 13), user="u") for day in (0, 50)])
    by_day = "SELECT requests FROM user_day WHERE {} ORDER BY day"
    assert rows(store, by_day.format(" OR ".join(touched))) == [(2,), (2,)]
    assert rows(store, by_day.format(f"NOT ({' OR '.join(touched)})")) == [(1001,)]
    assert rows(store, "SELECT requests FROM rollup ORDER BY quarter") == [(1001,), (1,), (1001,), (1,), (1,)]


def test_a_span_asks_for_whole_units_of_the_days_it_touches() -> None:
    span = Span(10, 200, days=frozenset([0, 2]))
    assert span.of("quarter", 1, 1) == ["quarter >= 10 AND quarter < 201 AND quarter // 96 IN (0, 2)"]
    assert span.of("quarter", 1, 4) == ["quarter >= 8 AND quarter < 204 AND quarter // 96 IN (0, 2)"]
    assert span.of("hour", 4, 96) == ["hour >= 0 AND hour < 72 AND hour // 24 IN (0, 2)"]
    assert span.of("day", 96, 32 * 96) == ["day >= 0 AND day < 32"]
    assert Span(undated=True).of("day", 96, 96) == ["day IS NULL"]
    assert Span(5, 5, days=frozenset([0])).with_(Span(undated=True)).of("hour", 4, 4) == [
        "hour IS NULL",
        "hour >= 1 AND hour < 2",
    ]


# ── deriving again ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = emptied()
    numbers = count()
    log = [
        usage_record(time=at(day), **{"output_tokens": 100 + next(numbers), **kind} if kind.get("usage", 1) else kind)
        for day in (0, 1, 40)
        for kind in KINDS
    ]
    loaded(store, tmp_path / "log.jsonl", log)
    return store


def again(store: Store) -> None:
    with store.writing() as con:
        derive_all(con, LoggedModels(con, store.prices))


def every_rollup(store: Store) -> list[Iterable[Any]]:
    return [rows(store, f"SELECT * FROM {rollup.table} ORDER BY ALL") for rollup in ROLLUPS]


def test_facts_and_what_is_derived_are_all_there_is_of_a_row(store: Store) -> None:
    columns = rows(store, "SELECT column_name FROM duckdb_columns() WHERE table_name = 'usage' ORDER BY column_index")
    assert [name for (name,) in columns] == [*FACTS, *DERIVED]


WRONG: dict[str, str] = {
    **dict.fromkeys(DERIVED, "NULL"),
    **dict.fromkeys(("model", "unpriced_because"), "'another'"),
    "cost": "cost + 1",
    "request_cost": "coalesce(request_cost, 0) + 1",
    "request_unpriced": "NOT request_unpriced",
    "quarter": "quarter + 1",
}


@pytest.mark.parametrize("column", DERIVED)
def test_whatever_is_wrong_in_a_derived_column_is_made_right(store: Store, column: str) -> None:
    before, sums = derived(store), every_rollup(store)
    for which in ("true", "part = 0 AND parts > 1", "feature = 'a'"):
        with store.writing() as con:
            con.execute(f"UPDATE usage SET {column} = {WRONG[column]} WHERE {which}")
        assert derived(store) != before
        again(store)
        assert derived(store) == before
        assert every_rollup(store) == sums


def spoilt(table: str) -> Callable[[Store], None]:
    def spoil(store: Store) -> None:
        with store.writing() as con:
            con.execute(f"UPDATE {table} SET cost = cost + 1, requests = 0")
            con.execute(f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1")

    return spoil


@pytest.mark.parametrize("rollup", ROLLUPS, ids=lambda rollup: rollup.table)
def test_a_table_of_sums_is_made_again_whatever_it_held(store: Store, rollup: Rollup) -> None:
    sums = every_rollup(store)
    spoilt(rollup.table)(store)
    assert every_rollup(store) != sums
    again(store)
    assert every_rollup(store) == sums


def test_rows_just_written_are_derived_with_those_that_were_there(store: Store) -> None:
    with store.writing() as con:
        written = Rows(con, 99, LoggedModels(con, store.prices))
        written.add(UsageRecord((Part("claude-haiku-4-5", 10, 5),), FIRST, message_id="new"), None, b"")
        written.flush()
        derive_all(con, LoggedModels(con, store.prices))
    assert_all_sums_are_those_of_the_rows(store)
    assert sum(row["requests"] or 0 for row in held(store, USER_DAYS).values()) == 3 * len(KINDS) + 1
