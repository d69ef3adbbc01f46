from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from spend.explain.explanation import OTHER, Bar, Explanation, explain
from spend.filters import Filters, quarter_of
from spend.requests import count_of_requests
from spend.spikes.incidents import Finding
from store.connection import Store
from tests.factories import emptied, loaded, usage_record

NIGHT = datetime(2026, 11, 16, 1)
DAYS = 14


def at(back: int = 0, minute: float = 0) -> str:
    return (NIGHT - timedelta(days=back) + timedelta(minutes=minute)).replace(tzinfo=UTC).isoformat()


def store_of(folder: Path, *records: dict[str, Any]) -> Store:
    """Feature chat, ten requests an hour in three hours of each of 15 nights, and these requests."""
    usual = [
        usage_record(
            time=at(back, 6 * n), feature="chat", user=f"u{n % 5}", input_tokens=400, cache_read_input_tokens=1600
        )
        for back in range(DAYS + 1)
        for n in range(30)
    ]
    store = emptied(9)
    loaded(store, folder / "log.jsonl", [*usual, *records])
    return store


def explained(store: Store, expected: int, **scope: str) -> Explanation:
    """Why the three hours of the last night were dearer than ``expected``."""
    quarters = (quarter_of(NIGHT), quarter_of(NIGHT) + 12)
    where = tuple(scope.items())
    actual = 0
    finding = Finding("overnight", "flag", where, date(2026, 11, 15), "UTC", (quarters,), actual, expected, 9, 0, 12)
    return explain(store.cursor(), Filters(), finding)


USUAL = 30 * (400 + 160 + 500) * 10**6  # Haiku: a dollar a million in, a tenth of it from the cache, five out


def changes(told: Explanation) -> dict[tuple[str | None, str], int]:
    return {(bar.feature, bar.driver): bar.change for bar in told.bars}


def sums(told: Explanation) -> bool:
    return told.usual + sum(bar.change for bar in told.bars) == told.actual


def test_where_nothing_changed_there_are_no_bars(tmp_path: Path) -> None:
    told = explained(store_of(tmp_path), USUAL)
    assert (told.actual, told.bars, told.where, told.changed) == (USUAL, (), (), ())


def test_more_of_the_same_is_requests_to_the_last_pico_dollar(tmp_path: Path) -> None:
    more = [
        usage_record(time=at(0, n), feature="chat", input_tokens=400, cache_read_input_tokens=1600) for n in range(15)
    ]
    told = explained(store_of(tmp_path, *more), USUAL)
    assert changes(told) == {("chat", "requests"): USUAL // 2}


def test_usual_and_bars_sum_to_actual_whatever_was_expected(tmp_path: Path) -> None:
    more = [
        usage_record(time=at(0, 2 * n), feature=feature, input_tokens=777 + n, output_tokens=13 * n, model=model)
        for n in range(40)
        for feature, model in ((None, "claude-opus-4-8"), ("chat", "claude-sonnet-4-6"), ("lab", "claude-haiku-4-5"))
    ]
    store = store_of(tmp_path, *more)
    for expected in (USUAL, USUAL - 7, USUAL // 3, 1, 0, 10**13 + 1):
        told = explained(store, expected)
        assert told.usual == expected
        assert sums(told)
        for limit in (1, 2, 3, 8, 100):
            assert sum(bar.change for bar in told.drawn(limit)) == told.actual - told.usual


def test_a_new_feature_is_one_bar_and_said(tmp_path: Path) -> None:
    new = [usage_record(time=at(0, n), feature="lab", input_tokens=1000, output_tokens=100) for n in range(20)]
    told = explained(store_of(tmp_path, *new), USUAL)
    assert changes(told) == {("lab", "new feature"): 20 * 1500 * 10**6}
    assert [change.kind for change in told.changed] == ["new feature"]
    assert told.changed[0].sentence == "Feature lab is new: it had no request in the 28 days before."


def test_a_feature_known_from_other_hours_is_not_new(tmp_path: Path) -> None:
    now = [usage_record(time=at(0, n), feature="lab", input_tokens=1000, output_tokens=100) for n in range(20)]
    noon = usage_record(time=at(3, 660), feature="lab")
    told = explained(store_of(tmp_path, *now, noon), USUAL)
    assert changes(told) == {("lab", "requests"): 20 * 1500 * 10**6}
    assert told.changed == ()


def test_a_feature_that_ended_is_one_bar(tmp_path: Path) -> None:
    gone = [usage_record(time=at(back), feature="old") for back in range(1, DAYS + 1)]
    told = explained(store_of(tmp_path, *gone), USUAL + 1500 * 10**6)
    assert changes(told)["old", "ended feature"] == pytest.approx(-1500 * 10**6, rel=1e-9)
    assert sums(told)


def test_caching_that_broke_is_the_cache_mix_and_said(tmp_path: Path) -> None:
    nights = [
        usage_record(time=at(back, n), feature="docs", input_tokens=100 if back else 1000, output_tokens=100)
        | {
            "usage": {
                "input_tokens": 100 if back else 1000,
                "cache_read_input_tokens": 900 * bool(back),
                "output_tokens": 1,
            }
        }
        for back in range(DAYS + 1)
        for n in range(60)
    ]
    told = explained(store_of(tmp_path, *nights), USUAL + 60 * 195 * 10**6)
    assert changes(told) == {("docs", "cache mix"): 60 * 810 * 10**6}
    assert [change.sentence for change in told.changed] == [
        "Caching broke: feature docs read 0% of its prompts from the cache, usually 90%."
    ]


def test_longer_answers_and_a_new_model_are_said(tmp_path: Path) -> None:
    nights = [
        usage_record(
            time=at(back, n),
            feature="docs",
            model="claude-haiku-4-5" if back else "claude-sonnet-4-6",
            output_tokens=100 if back else 400,
        )
        for back in range(DAYS + 1)
        for n in range(60)
    ]
    told = explained(store_of(tmp_path, *nights), USUAL + 60 * 1500 * 10**6)
    assert {driver for _, driver in changes(told)} == {"model mix"}  # what Haiku would have written now, nobody knows
    assert sums(told)
    assert [change.kind for change in told.changed] == ["new model", "longer outputs"]
    assert "claude-sonnet-4-6 was used for the first time, by feature docs" in told.changed[0].sentence


def loop(count: int, seconds: float = 15) -> Iterator[dict[str, Any]]:
    """A client that asks again after each failure."""
    for n in range(count):
        minute = n * seconds / 60
        yield usage_record(
            time=at(0, minute),
            feature="chat",
            user="u_loop",
            status=529,
            error="overloaded_error",
            usage=None,
            message_id=None,
        )
        yield usage_record(time=at(0, minute + 0.1), feature="chat", user="u_loop", input_tokens=9000 + n % 3)


def test_a_retry_loop_is_named_with_user_feature_count_and_errors(tmp_path: Path) -> None:
    told = explained(store_of(tmp_path, *loop(200)), USUAL)
    [change] = told.changed
    assert change.kind == "retry loop"
    assert (
        "user u_loop sent feature chat 200 requests alike in 50 minutes, 200 of them just after a 529"
        in change.sentence
    )
    assert told.where[0].scope == (("user", "u_loop"),)
    assert sums(told)


def test_failed_requests_cost_nothing_and_shorten_no_prompt(tmp_path: Path) -> None:
    told = explained(store_of(tmp_path, *list(loop(200))[::2]), USUAL)
    assert (told.actual, told.bars) == (USUAL, ())


def test_requests_that_differ_are_no_loop(tmp_path: Path) -> None:
    varied = [
        usage_record(time=at(0, n / 4), feature="chat", user="u_many", input_tokens=1000 + 90 * n) for n in range(200)
    ]
    assert [change.kind for change in explained(store_of(tmp_path, *varied), USUAL).changed] == []


def test_what_cannot_be_priced_is_in_no_bar(tmp_path: Path) -> None:
    unpriced = [
        usage_record(time=at(0, n), feature="chat", model="claude-nobody-1", output_tokens=9999) for n in range(50)
    ]
    told = explained(store_of(tmp_path, *unpriced), USUAL)
    assert (told.actual, told.bars) == (USUAL, ())


def test_each_bar_has_the_requests_behind_it(tmp_path: Path) -> None:
    new = [usage_record(time=at(0, n), feature="lab", user="x") for n in range(20)]
    store = store_of(tmp_path, *new, usage_record(time=at(0, 600), feature="lab"))
    [bar] = explained(store, 0, user="x").bars
    assert isinstance(bar, Bar)
    assert bar.filters == Filters(where=(("user", "x"), ("feature", "lab")))
    assert count_of_requests(store.cursor(), bar.filters) == 20
    assert bar.spans == ((quarter_of(NIGHT), quarter_of(NIGHT) + 12),)


def test_a_bar_stands_beside_the_same_of_a_usual_night(tmp_path: Path) -> None:
    more = [usage_record(time=at(0, n), feature="lab", input_tokens=1000, output_tokens=100) for n in range(20)]
    more += [
        usage_record(time=at(0, n), feature="chat", input_tokens=400, cache_read_input_tokens=1600) for n in range(15)
    ]
    told = explained(store_of(tmp_path, *more), USUAL)
    of = {bar.driver: told.beside(bar) for bar in told.bars}
    usual, actual = of["requests"]
    assert (usual.calls, usual.prompt_each, usual.read_share, usual.output_each) == pytest.approx((30, 2000, 0.8, 100))
    assert (actual.calls, actual.prompt_each, actual.read_share, actual.output_each) == (45, 2000, 0.8, 100)
    assert (usual.cost, actual.cost) == pytest.approx((USUAL, USUAL * 1.5))
    usual, actual = of["new feature"]
    assert (usual.calls, usual.prompt_each, usual.models) == (0, None, ())
    assert (actual.calls, actual.models) == (20, (("claude-haiku-4-5", 20),))
    whole = told.beside()
    assert (whole[0].cost, whole[1].cost) == pytest.approx((told.usual, told.actual))


def test_small_bars_are_drawn_as_one(tmp_path: Path) -> None:
    new = [
        usage_record(time=at(0, n + k / 20), feature=f"lab{k}", input_tokens=1000 * 2 ** min(k, 8))
        for k in range(12)
        for n in range(3)
    ]
    told = explained(store_of(tmp_path, *new), USUAL)
    drawn = told.drawn(5)
    assert len(drawn) == 5
    assert (drawn[-1].driver, drawn[-1].of_one) == (OTHER, False)
    assert len(told.bars) == 12


def test_a_store_that_begins_with_these_hours_has_everything_new(tmp_path: Path) -> None:
    store = emptied(9)
    loaded(store, tmp_path / "log.jsonl", [usage_record(time=at(0, n), feature="lab") for n in range(20)])
    told = explained(store, 0)
    assert told.actual == 20 * 1500 * 10**6
    assert sums(told)
