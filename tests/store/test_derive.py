from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.record import Part, UsageRecord
from ingest.rows import Rows
from spend.pricing import catalogue_of
from store.connection import PRICES, Store, open_store
from store.derive import derive_all
from store.model_names import LoggedModels
from store.money import dollars
from tests.factories import costs, derived, emptied, facts, loaded, rows, usage_record

# ── the formula in SQL and the one in Decimal ──────────────────────────────────────────────────────────────────────
from usage_recorder.pricing import Price, Tokens, cost_usd, price_for


@lru_cache
def price_list() -> list[Price]:
    return [price for rows in catalogue_of(emptied().prices).prices.values() for price in rows]


def counts(price: Price) -> st.SearchStrategy[int]:
    edges = [edge + step for edge in (price.prompt_over, price.prompt_upto) for step in (-1, 0, 1)]
    near = [edge for edge in edges if 0 <= edge <= 10**8]
    return st.one_of(st.just(0), st.integers(0, 3000), st.integers(0, 10**8), st.sampled_from([*near, 200_000]))


@st.composite
def requests(draw: st.DrawFn) -> UsageRecord:
    """A request near an edge of the price list: a model, a day, a speed, a prompt length, and what multiplies."""
    price = draw(st.sampled_from(price_list()))
    edge = draw(st.sampled_from([price.valid_from, price.valid_until, datetime(2026, 2, 5), datetime(2026, 11, 1)]))
    started_at = min(max(edge, datetime(2022, 1, 2)), datetime(2099, 1, 1)) + draw(
        st.sampled_from([timedelta(0), -timedelta(microseconds=1), timedelta(days=1), timedelta(days=-40)])
    )
    count = counts(price)
    classes = [draw(count) for _ in range(4)]
    if draw(st.booleans()):
        classes = [classes[0], 0, 0, 0]
    part = Part(
        price.model,
        uncached_input_tokens=classes[0],
        cache_read_tokens=classes[1],
        cache_write_5m_tokens=classes[2],
        cache_write_1h_tokens=classes[3],
        output_tokens=draw(count),
    )
    regional = draw(st.booleans())
    return UsageRecord(
        (part,),
        started_at,
        provider="vertex" if regional else None,
        region="europe-west1" if regional else None,
        service_tier=draw(st.sampled_from([None, "standard", "batch"])),
        speed=draw(st.sampled_from([None, "standard", "fast", price.speed])),
        inference_geo=draw(st.sampled_from([None, "global", "us"])),
    )


def twin(record: UsageRecord) -> Decimal | None:
    """The cost by the formula that knows nothing of SQL."""
    [part], when = record.parts, record.started_at
    assert when is not None
    assert part.model is not None
    assert part.uncached_input_tokens is not None
    assert part.output_tokens is not None
    tokens = Tokens(
        part.uncached_input_tokens,
        part.cache_read_tokens,
        part.cache_write_5m_tokens,
        part.cache_write_1h_tokens,
        part.output_tokens,
    )
    price = price_for(price_list(), part.model, when=when, prompt=tokens.prompt, speed=record.speed or "standard")
    if price is None:
        return None
    batch, geo_us = record.service_tier == "batch", record.inference_geo == "us"
    return cost_usd(price, tokens, batch=batch, geo_us=geo_us, regional=record.region is not None)


@settings(max_examples=25, deadline=None)
@given(records=st.lists(requests(), min_size=40, max_size=60))
def test_the_formula_in_sql_equals_the_one_in_decimal(records: list[UsageRecord]) -> None:
    store = emptied()
    with store.writing() as con:
        written = Rows(con, 1, LoggedModels(con, store.prices))
        for number, record in enumerate(records):
            written.add(replace(record, message_id=str(number)), None, b"")
        written.flush()
        derive_all(con, LoggedModels(con, store.prices))
    found = costs(store)
    for number, record in enumerate(records):
        cost = found[str(number)]
        assert (None if cost is None else dollars(cost)) == twin(record), record


def test_the_whole_catalogue_is_priced_alike_at_every_edge() -> None:
    made = []
    for price in price_list():
        for prompt in {max(price.prompt_over, 0), price.prompt_over + 1, min(price.prompt_upto, 10**6)}:
            part = Part(price.model, uncached_input_tokens=prompt, output_tokens=1000)
            edges = (max(price.valid_from, datetime(2022, 1, 1)), price.valid_until - timedelta(microseconds=1))
            made += [UsageRecord((part,), min(when, datetime(2030, 1, 1)), speed=price.speed) for when in edges]
    store = emptied()
    with store.writing() as con:
        written = Rows(con, 1, LoggedModels(con, store.prices))
        for number, record in enumerate(made):
            written.add(replace(record, message_id=str(number)), None, b"")
        written.flush()
        derive_all(con, LoggedModels(con, store.prices))
    found = costs(store)
    differ = [record for n, record in enumerate(made) if (c := found[str(n)]) is None or dollars(c) != twin(record)]
    assert len({record.parts[0].model for record in made}) >= 20
    assert differ == []


def test_a_request_without_a_time_is_unpriced_and_kept_in_the_rollup() -> None:
    store = emptied()
    with store.writing() as con:
        written = Rows(con, 1, LoggedModels(con, store.prices))
        written.add(UsageRecord((Part("claude-haiku-4-5", 10, 5),), None, message_id="m"), None, b"")
        written.flush()
        derive_all(con, LoggedModels(con, store.prices))
    assert rows(store, "SELECT cost, unpriced_because FROM usage") == [(None, "no_time")]
    assert rows(store, "SELECT quarter, requests, unpriced_requests, unpriced_tokens, cost FROM rollup") == [
        (None, 1, 1, 15, 0)
    ]


# ── another price list ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of the price lists, to be edited."""
    return Path(copytree(PRICES, tmp_path / "prices", ignore=lambda *_: ["mine.toml"]))


def edited(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


HAIKU_AT_HALF = """
[[models.claude-haiku-4-5.prices]]
first_day = 2026-11-01
bands = [{ over = 0, uncached_input = "0.5", cache_read = "0.05", output = "2.5" }]
"""
NEW_MODEL = """
[models.house-model]
[[models.house-model.prices]]
first_day = 2026-01-01
bands = [{ over = 0, uncached_input = "3", output = "7" }]
"""


def test_an_edited_price_reprices_at_the_next_start_and_leaves_the_facts(tmp_path: Path, own: Path) -> None:
    path = tmp_path / "usage.duckdb"
    records = [
        usage_record(message_id="october", time="2026-10-31T23:59:59Z"),
        usage_record(message_id="november", time="2026-11-01T00:00:00Z"),
        usage_record(message_id="batch", time="2026-11-01T00:00:00Z", service_tier="batch"),
    ]
    with open_store(path, prices=own) as store:
        loaded(store, tmp_path / "log.jsonl", records)
        before, version, listed = facts(store, "line"), store.data_version, derived(store)
        october = (1000 * 1 + 100 * 5) * 10**6
        assert costs(store) == {"october": october, "november": october, "batch": october // 2}
    edited(own, "mine.toml", HAIKU_AT_HALF)
    with open_store(path, prices=own) as store:
        november = 1000 * 500_000 + 100 * 2_500_000
        assert costs(store) == {"october": october, "november": november, "batch": november // 2}
        assert rows(store, "SELECT sum(cost) FROM rollup") == [(october + november + november // 2,)]
        assert facts(store, "line") == before
        assert store.data_version > version
        version = store.data_version
    with open_store(path, prices=own) as store:
        assert store.data_version == version
    (own / "mine.toml").unlink()
    with open_store(path, prices=own) as store:
        assert derived(store) == listed


def test_a_model_is_priced_once_it_is_in_the_users_own_prices(tmp_path: Path, own: Path) -> None:
    path = tmp_path / "usage.duckdb"
    with open_store(path, prices=own) as store:
        summary = loaded(store, tmp_path / "log.jsonl", [usage_record(message_id="m", model="house-model")])
        assert (summary.unpriced, costs(store)) == (1, {"m": None})
        assert rows(store, "SELECT unpriced_because FROM usage") == [("unknown_model",)]
    edited(own, "mine.toml", NEW_MODEL)
    with open_store(path, prices=own) as store:
        assert costs(store) == {"m": (1000 * 3 + 100 * 7) * 10**6}
        assert rows(store, "SELECT sum(unpriced_requests) FROM rollup") == [(0,)]


def test_the_rollup_is_the_priced_rows_summed(tmp_path: Path) -> None:
    store = emptied()
    noon = datetime(2026, 11, 10, 12)
    times = [noon + timedelta(minutes=minutes) for minutes in (0, 14, 15, 29, 30)]
    records = [usage_record(time=f"{time.isoformat()}Z", feature="f") for time in times]
    loaded(store, tmp_path / "log.jsonl", [*records, usage_record(time="2026-11-10T12:14:59.999999Z", feature="f")])
    quarter = (date(2026, 11, 10) - date(1970, 1, 1)).days * 96 + 12 * 4
    assert rows(store, "SELECT quarter, requests, cost FROM rollup ORDER BY quarter") == [
        (quarter, 3, 3 * 1500 * 10**6),
        (quarter + 1, 2, 2 * 1500 * 10**6),
        (quarter + 2, 1, 1500 * 10**6),
    ]


def test_a_request_of_several_parts_has_the_cost_of_all_of_them(tmp_path: Path) -> None:
    own: dict[str, Any] = {"type": "message", "input_tokens": 1000, "output_tokens": 100}
    advisor = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 500, "output_tokens": 50}
    unknown = advisor | {"model": "claude-opus-99"}
    store: Store = emptied()
    loaded(
        store,
        tmp_path / "log.jsonl",
        [
            usage_record(message_id="known", iterations=[own, advisor]),
            usage_record(message_id="part unknown", iterations=[own, unknown]),
        ],
    )
    cost = (1000 * 1 + 100 * 5 + 500 * 5 + 50 * 25) * 10**6
    assert rows(store, "SELECT request_key, request_cost, request_unpriced FROM usage WHERE part = 0 ORDER BY 1") == [
        ("known", cost, False),
        ("part unknown", None, True),
    ]
    # advisor parts are spend of their own model, and no request of it
    by_model = (
        "SELECT model, sum(requests), sum(unpriced_requests), sum(unpriced_tokens) FROM rollup GROUP BY 1 ORDER BY 1"
    )
    assert rows(store, by_model) == [
        ("claude-haiku-4-5", 2, 1, 0),
        ("claude-opus-4-8", 0, 0, 0),
        ("claude-opus-99", 0, 0, 550),
    ]
