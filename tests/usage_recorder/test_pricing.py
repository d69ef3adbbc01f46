from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from itertools import product
from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ingest.record import Part, UsageRecord
from ingest.rows import Rows
from spend.pricing import catalogue_of, list_prices
from store.connection import PRICES
from store.derive import derive_all
from store.model_names import LoggedModels
from store.models import ModelNames, resolve
from store.money import dollars
from store.prices import read_price_lists
from tests.factories import emptied, rows
from usage_recorder import catalogue as listed
from usage_recorder.catalogue import Cost, Terms, catalogue
from usage_recorder.pricing import Price, SearchPrice, Tokens, cost_usd, price_for

NOVEMBER = datetime(2026, 11, 20)
TIERS = (None, "standard", "batch", "priority", "flex")
GEOS = (None, "global", "us", "not_available")
SPEEDS = (None, "standard", "fast", "slow")
EVERY_PRICE = [price for held in catalogue().prices.values() for price in held]


def test_the_price_list_that_comes_with_the_recorder_is_that_of_the_project() -> None:
    kept = listed.PRICES.read_text(encoding="utf-8")
    assert kept == listed.written(list_prices()), "stale: run `python -m spend.pricing`"
    assert listed.read(kept) == list_prices()


def test_own_prices_never_come_with_the_recorder(tmp_path: Path) -> None:
    folder = copytree(PRICES, tmp_path / "prices")
    (folder / "mine.toml").write_text(
        "[[discount]]\npercent = '20'\nfirst_day = 2026-01-01\nmodels = ['claude-opus-5']\n"
    )
    assert list_prices(folder) == list_prices()


# ── equal to the formula in SQL ─────────────────────────────────────────────────────────────────────────────────────


def in_sql(records: list[UsageRecord]) -> Iterator[Cost]:
    """What the store makes of each record."""
    store = emptied()
    with store.writing() as con:
        rows_of = Rows(con, 1, LoggedModels(con, store.prices))
        for number, record in enumerate(records):
            rows_of.add(replace(record, message_id=f"{number:06d}"), None, b"")
        rows_of.flush()
        derive_all(con, LoggedModels(con, store.prices))
    for picos, because in rows(store, "SELECT cost, unpriced_because FROM usage ORDER BY request_key"):
        yield Cost(None if picos is None else dollars(picos), because)


def here(record: UsageRecord) -> Cost:
    [part] = record.parts
    assert part.model is not None
    assert record.started_at is not None
    model, regional = catalogue().resolved(part.model, record.region)
    tokens = Tokens(
        part.uncached_input_tokens or 0,
        part.cache_read_tokens,
        part.cache_write_5m_tokens,
        part.cache_write_1h_tokens,
        part.output_tokens or 0,
    )
    terms = Terms(record.started_at, record.speed, record.service_tier, record.inference_geo, regional)
    return catalogue().cost(model.model if model else None, tokens, terms, web_searches=part.web_search_requests)


def moments(price: Price) -> list[datetime]:
    """The first and last moment of a price and the moments around them, as far as a log can say them."""
    moment = timedelta(microseconds=1)
    edges = [price.valid_from - moment, price.valid_from, price.valid_until - moment, price.valid_until]
    return [min(max(edge, datetime(2022, 1, 1)), datetime(2030, 1, 1)) for edge in edges]


@st.composite
def requests(draw: st.DrawFn) -> UsageRecord:
    """A request at an edge of the price list, on any terms."""
    price = draw(st.sampled_from(EVERY_PRICE))
    near = [n + step for n in (price.prompt_over, price.prompt_upto) for step in (-1, 0, 1) if 0 < n + step < 10**8]
    counts = st.one_of(st.just(0), st.integers(0, 10**8), st.sampled_from([*near, 1]))
    names = [price.model, *catalogue().models[price.model].names, "claude-of-nobody", f"us.anthropic.{price.model}"]
    region = draw(st.sampled_from([None, "global", "europe-west1"]))
    name = draw(st.sampled_from([price.model, price.model, *names]))
    plain = region is not None and not name.startswith("us.")
    return UsageRecord(
        (
            Part(
                price.model if plain else name,
                uncached_input_tokens=draw(counts),
                cache_read_tokens=draw(counts),
                cache_write_5m_tokens=draw(counts),
                cache_write_1h_tokens=draw(counts),
                output_tokens=draw(counts),
                web_search_requests=draw(st.sampled_from([0, 0, 1, 7])),
            ),
        ),
        draw(st.sampled_from(moments(price))),
        provider="vertex" if plain else None,
        region=region if plain else None,
        service_tier=draw(st.sampled_from([None, "standard", "batch", *TIERS])),
        speed=draw(st.sampled_from([None, price.speed, *SPEEDS])),
        inference_geo=draw(st.sampled_from([None, "us", *GEOS])),
    )


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(made=st.lists(requests(), min_size=80, max_size=120))
def test_the_formula_equals_the_one_in_sql_on_any_terms(made: list[UsageRecord]) -> None:
    for record, cost in zip(made, in_sql(made), strict=True):
        assert here(record) == cost, record


def test_the_whole_catalogue_costs_the_same_in_sql() -> None:
    """Every model, period, band, tier, geography and speed, with each class of tokens in use."""
    made = []
    for price, tier, geo in product(EVERY_PRICE, TIERS[:3], GEOS[:3]):
        for prompt in {price.prompt_over + 1, min(price.prompt_upto, 10**6)} - {0}:
            part = Part(
                price.model,
                uncached_input_tokens=prompt - prompt // 2 - prompt // 4,
                cache_read_tokens=prompt // 2,
                cache_write_5m_tokens=prompt // 4 - prompt // 8,
                cache_write_1h_tokens=prompt // 8,
                output_tokens=1_001,
                web_search_requests=2,
            )
            kind = UsageRecord((part,), service_tier=tier, inference_geo=geo, speed=price.speed)
            made += [replace(kind, started_at=when) for when in moments(price)[1:3]]
    found = list(in_sql(made))
    differ = [(record, cost) for record, cost in zip(made, found, strict=True) if here(record) != cost]
    assert differ == []
    priced = {record.parts[0].model for record, cost in zip(made, found, strict=True) if cost.usd is not None}
    assert len(priced) >= 20


def test_every_name_of_a_model_means_the_same_as_in_a_log() -> None:
    price_list = read_price_lists(PRICES)
    held, logged = catalogue_of(price_list), ModelNames.of(price_list)
    groups = ("", "global.", "us.", "eu.", "jp.", "au.", "apac.", "us-gov.")
    bedrock = {name for model in price_list.models for name in model.bedrock if name.startswith("anthropic.")}
    asked = [*held.names, *(group + name for group, name in product(groups, bedrock)), "claude-9", "", "anthropic."]
    assert len(bedrock) > 10
    for name in asked:
        model, regional = held.resolved(name)
        meant = resolve(name, None, None, logged)
        assert (model.model if model else None, regional) == (meant.model, meant.regional), name


# ── worked out by hand ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_known_answer_of_a_short_request() -> None:
    found = catalogue().cost("claude-haiku-4-5", Tokens(uncached_input=15, output=50), Terms(NOVEMBER))
    assert found == Cost(Decimal("0.000265"))  # 15 x 1 + 50 x 5 millionths


@pytest.mark.parametrize(("prompt", "usd"), [(100_000, "0.0105"), (100_001, "0.0525005")])
def test_a_band_moves_every_token(prompt: int, usd: str) -> None:
    found = catalogue().cost("claude-haiku-5-5", Tokens(uncached_input=prompt, output=1000), Terms(NOVEMBER))
    assert found.usd == Decimal(usd)


def test_a_search_costs_the_same_in_a_batch() -> None:
    terms = Terms(NOVEMBER, tier="batch")
    found = catalogue().cost("claude-haiku-4-5", Tokens(uncached_input=1000), terms, web_searches=3)
    assert found.usd == Decimal("0.0005") + Decimal("0.03")


def test_a_search_of_unknown_price_leaves_the_cost_unknown() -> None:
    before = Terms(datetime(2025, 5, 6))
    model = "claude-3-7-sonnet" if "claude-3-7-sonnet" in catalogue().models else "claude-sonnet-3-7"
    assert catalogue().cost(model, Tokens(output=1), before, web_searches=1).because == "no_search_price"


def test_the_sums_of_an_app_with_few_digits_change_nothing() -> None:
    price = price_for(EVERY_PRICE, "claude-opus-5", when=NOVEMBER, prompt=10**6)
    assert price is not None
    with localcontext() as few:
        few.prec = 3
        assert cost_usd(price, Tokens(uncached_input=123_456_789)) == Decimal("617.283945")


def test_a_catalogue_is_written_and_read_without_a_change() -> None:
    searches = (SearchPrice(datetime(2026, 1, 1), datetime(2026, 2, 1, 3, 4, 5, 6), 1),)
    made = listed.Catalogue.of((listed.Model("x", 'X "1"', ("x-1",)),), (), searches)
    assert listed.read(listed.written(made)) == made
    assert set(json.loads(listed.written(made))) == {"unit", "models", "prices", "web_searches"}
