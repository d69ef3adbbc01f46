from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from shutil import copy

import pytest

from ingest.load import load
from spend.coverage import (
    PriceListError,
    covered,
    gaps,
    listed_prices,
    nearest_model,
    prices_per_piece,
    requests_by_day,
    reread_prices,
    unpriced,
)
from spend.filters import Filters
from store.connection import PRICES, Store, open_store


@pytest.fixture
def store(tracked_prices: Path) -> Iterator[Store]:
    with open_store(":memory:", prices=tracked_prices) as opened:
        yield opened


def filled(store: Store, folder: Path, *requests: tuple[str, str]) -> None:
    """One request for each (time, model), of 21 and 77 tokens."""
    path = folder / "log.jsonl"
    usage = {"input_tokens": 21, "output_tokens": 77}
    rows = [
        {"time": time, "model": model, "message_id": f"msg_{n}", "usage": usage}
        for n, (time, model) in enumerate(requests)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    load(store, [path])


HAIKU = "claude-haiku-4-5"


def test_an_empty_store_covers_nothing(store: Store) -> None:
    found = covered(store.cursor())

    assert (found.requests, found.unpriced, found.first, found.last) == (0, 0, None, None)
    assert requests_by_day(store.cursor(), "UTC") == {}
    assert unpriced(store.cursor()) == []


def test_covers_from_the_first_to_the_last_request(store: Store, tmp_path: Path) -> None:
    filled(
        store, tmp_path, ("2026-11-05T23:30:00Z", HAIKU), ("2026-11-02T08:00:00Z", HAIKU), ("2026-11-03T08:00:00Z", "x")
    )

    found = covered(store.cursor())

    assert (found.requests, found.undated, found.unpriced) == (3, 0, 1)
    assert (found.first, found.last) == (datetime(2026, 11, 2, 8), datetime(2026, 11, 5, 23, 30))


def test_days_are_local_and_the_empty_ones_are_there(store: Store, tmp_path: Path) -> None:
    filled(store, tmp_path, ("2026-11-02T08:00:00Z", HAIKU), ("2026-11-04T23:30:00Z", HAIKU))

    assert list(requests_by_day(store.cursor(), "UTC").values()) == [1, 0, 1]
    assert requests_by_day(store.cursor(), "Europe/Paris") == {
        date(2026, 11, 2): 1,
        date(2026, 11, 3): 0,
        date(2026, 11, 4): 0,
        date(2026, 11, 5): 1,
    }


def month(quiet: set[date]) -> dict[date, int]:
    days = [date(2026, 11, 2) + timedelta(days=n) for n in range(28)]  # from a Monday
    return {day: 0 if day in quiet else 50 for day in days}


def test_a_silent_day_among_busy_ones_is_a_gap() -> None:
    assert gaps(month({date(2026, 11, 10), date(2026, 11, 11)})) == [(date(2026, 11, 10), date(2026, 11, 11))]
    assert gaps(month(set())) == []


def test_weekends_that_are_always_quiet_are_no_gaps_but_a_monday_after_one_is() -> None:
    weekends = {day for day in month(set()) if day.weekday() >= 5}

    assert gaps(month(weekends)) == []
    assert gaps(month(weekends | {date(2026, 11, 16)})) == [(date(2026, 11, 14), date(2026, 11, 16))]


def test_a_silent_week_is_a_gap_however_rare_requests_are() -> None:
    first, last = date(2026, 1, 5), date(2026, 3, 2)
    rare = {first + timedelta(days=n): int(n in (0, 56)) for n in range(57)}

    assert gaps(rare) == [(first + timedelta(days=1), last - timedelta(days=1))]


def test_unpriced_is_by_model_and_reason(store: Store, tmp_path: Path) -> None:
    filled(
        store,
        tmp_path,
        ("2026-11-02T08:00:00Z", HAIKU),
        ("2026-11-02T08:00:00Z", "unheard-of"),
        ("2026-11-04T08:00:00Z", "unheard-of"),
        ("2024-01-01T00:00:00Z", HAIKU),  # before it was sold
    )

    model, early = unpriced(store.cursor())

    assert (model.model, model.reason, model.requests, model.tokens) == ("unheard-of", "unknown_model", 2, 196)
    assert (model.first, model.last) == (datetime(2026, 11, 2, 8), datetime(2026, 11, 4, 8))
    assert (early.model, early.reason, early.requests) == (HAIKU, "no_price_on_date", 1)
    assert [row.model for row in unpriced(store.cursor(), Filters(until=date(2025, 1, 1)))] == [HAIKU]


def test_the_price_list_is_whole_and_says_what_is_used(store: Store, tmp_path: Path) -> None:
    filled(store, tmp_path, ("2026-11-02T08:00:00Z", HAIKU))

    prices = listed_prices(store.cursor())

    assert len(prices) == len(store.prices.prices)
    assert {price.model for price in prices if price.used} == {HAIKU}
    haiku = next(price for price in prices if price.model == HAIKU)
    assert (haiku.uncached_input, haiku.cache_read, haiku.cache_write_5m, haiku.cache_write_1h, haiku.output) == (
        1_000_000,
        100_000,
        1_250_000,
        2_000_000,
        5_000_000,
    )
    assert (haiku.batch_halves, haiku.regional_twentieths, haiku.prompt_over, haiku.prompt_upto) == (1, 22, None, None)
    assert haiku.source.startswith("https://")


def test_bands_and_ends_of_prices_are_told(store: Store) -> None:
    prices = listed_prices(store.cursor())

    banded = [(p.prompt_over, p.prompt_upto) for p in prices if p.model == "claude-haiku-5-5"]
    assert banded == [(None, 100_000), (100_000, None)]
    ended = [p for p in prices if p.model == "claude-sonnet-5-5" and p.valid_until]
    assert [p.valid_until for p in ended] == [datetime(2026, 10, 7)]


def test_web_searches_are_priced_by_the_piece(store: Store) -> None:
    assert [(price.name, price.pico_each) for price in prices_per_piece(store.cursor())] == [
        ("web_search", 10_000_000_000)  # $10 a thousand
    ]


def test_the_nearest_model_is_a_suggestion_only_when_it_is_near() -> None:
    assert nearest_model("Claude-Haiku-4.5", [HAIKU, "claude-opus-5"]) == HAIKU
    assert nearest_model("gpt-4o", [HAIKU, "claude-opus-5"]) is None


def test_rereading_prices_prices_what_is_loaded_again(store: Store, tmp_path: Path) -> None:
    filled(store, tmp_path, ("2026-11-02T08:00:00Z", HAIKU))
    own = tmp_path / "prices"
    own.mkdir()
    copy(PRICES / "anthropic.toml", own)
    (own / "mine.toml").write_text('[discount]\npercent = "50"\nfirst_day = 2026-01-01\n')
    assert tomllib.loads((own / "mine.toml").read_text())

    rows = reread_prices(store, own)

    assert rows == len(listed_prices(store.cursor()))
    assert store.cursor().execute("SELECT sum(cost) FROM usage").fetchall() == [(203_000_000,)]


def test_a_price_file_that_cannot_be_used_changes_nothing(store: Store, tmp_path: Path) -> None:
    filled(store, tmp_path, ("2026-11-02T08:00:00Z", HAIKU))
    (tmp_path / "anthropic.toml").write_text("no toml [")
    version = store.data_version

    with pytest.raises(PriceListError, match=r"anthropic\.toml"):
        reread_prices(store, tmp_path)

    assert store.data_version == version
    assert store.cursor().execute("SELECT sum(cost) FROM usage").fetchall() == [(406_000_000,)]
