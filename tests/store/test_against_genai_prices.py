"""The price list against genai-prices, an independent catalogue: every difference is listed here with its reason.

A new difference fails, and so does a listed one that is gone. The decision note 0002 has the same
table.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, Provider, StartDateConstraint, TieredPrices

from store.models import ModelNames, resolve
from store.prices import Price, PriceList, read_price_lists

PRICES = Path(__file__).parents[2] / "data" / "prices"
LAST_DAY = datetime(2026, 12, 31)  # compared from each model's release to here: past every change known to either
THEIR_CLASSES = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok", "output_mtok")


@dataclass(frozen=True)
class Difference:
    """Prices as "uncached input, cache read, 5-minute write, 1-hour write, output", USD per million tokens."""

    model: str
    speed: str
    first_day: str
    last_day: str
    prompt_over: int
    ours: str
    theirs: str


EARLIER = "genai-prices keeps one price for all days; before this one the price was another"
NO_OLD_FAST = "genai-prices lists fast mode only where it is still sold; this one has ended"
NOT_THERE = "genai-prices does not list the model"

LISTED: dict[Difference, str] = {
    Difference("claude-2", "standard", "2023-07-11", "2023-11-20", 0, "11.02 - - - 32.68", "8 - - - 24"): EARLIER,
    Difference(
        "claude-3-5-haiku", "standard", "2024-11-04", "2024-12-02", 0, "1 0.1 1.25 2 5", "0.8 0.08 1 1.6 4"
    ): EARLIER,
    Difference(
        "claude-sonnet-5-5", "standard", "2026-09-28", "2026-10-06", 0, "2 0.2 2.5 4 10", "2 0.1 2.5 4 10"
    ): EARLIER,
    Difference("claude-opus-4-6", "fast", "2026-02-07", "2026-06-28", 0, "30 3 37.5 60 150", "none"): NO_OLD_FAST,
    Difference("claude-opus-4-6", "fast", "2026-02-07", "2026-02-20", 200000, "60 6 75 120 225", "none"): NO_OLD_FAST,
    Difference("claude-opus-4-6", "fast", "2026-02-21", "2026-06-28", 200000, "30 3 37.5 60 150", "none"): NO_OLD_FAST,
    Difference("claude-opus-4-7", "fast", "2026-05-12", "2026-07-23", 0, "30 3 37.5 60 150", "none"): NO_OLD_FAST,
    Difference("claude-opus-4-8", "fast", "2026-11-30", "2026-12-31", 0, "none", "10 1 12.5 20 50"): (
        "genai-prices says in words that this fast mode ends on 2026-11-30 and keeps its price after that day"
    ),
    Difference(
        "claude-sonnet-4", "standard", "2025-08-12", "2026-04-29", 200000, "6 0.6 7.5 12 22.5", "3 0.3 3.75 6 15"
    ): ("genai-prices leaves out what prompts over 200,000 tokens cost while Sonnet 4 took them"),
    Difference(
        "claude-sonnet-4-5", "standard", "2026-04-30", "2026-12-31", 200000, "3 0.3 3.75 6 15", "6 0.6 7.5 12 22.5"
    ): ("genai-prices keeps a price for prompts over 200,000 tokens; they are rejected since this day"),
    Difference("claude-3-sonnet", "standard", "2024-03-04", "2026-12-31", 0, "3 - - - 15", "3 0.3 3.75 6 15"): (
        "Sonnet 3 is believed to have had no prompt caching, so a cache price would be made up"
    ),
    Difference("claude-mythos-5-1", "standard", "2026-09-01", "2026-12-31", 0, "10 0.25 12.5 20 50", "none"): NOT_THERE,
    Difference("claude-mythos-5", "standard", "2026-06-09", "2026-12-31", 0, "10 1 12.5 20 50", "none"): NOT_THERE,
    Difference(
        "claude-mythos-preview", "standard", "2026-04-07", "2026-12-31", 0, "25 2.5 31.25 50 125", "none"
    ): NOT_THERE,
    Difference("claude-instant-1", "standard", "2023-08-09", "2023-11-20", 0, "1.63 - - - 5.51", "none"): NOT_THERE,
    Difference("claude-instant-1", "standard", "2023-11-21", "2026-12-31", 0, "0.8 - - - 2.4", "none"): NOT_THERE,
}

# Of genai-prices' Anthropic models, those this list does not have.
ONLY_THEIRS = {"claude-v1": "Claude 1.x was retired on 2024-11-06, and its prices are not known for certain"}


@cache
def our_list() -> PriceList:
    """The tracked list, without the own prices of whoever runs the tests."""
    with TemporaryDirectory() as folder:
        shutil.copy(PRICES / "anthropic.toml", folder)
        return read_price_lists(Path(folder))


def provider(name: str) -> Provider:
    return next(one for one in providers if one.id == name)


def their_model(name: str) -> ModelInfo | None:
    return next((one for one in provider("anthropic").models if one.is_match(name)), None)


def their_prices(model: ModelInfo | None, *, day: datetime, speed: str) -> ModelPrice | None:
    """None: no price of that speed. (genai-prices itself falls back to the standard price.)"""
    if model is None:
        return None
    at = day.replace(tzinfo=UTC)
    if speed == "standard":
        return model.get_prices(at)
    fast = [one for one in model.price_variants or () if one.when == {"speed": "fast"}]
    sold = any(one.constraint is None or one.constraint.active(at) for one in fast)
    return model.get_prices(at, {"speed": "fast"}) if sold else None


def usd_of(price: Decimal | TieredPrices | None, *, over: int) -> str:
    if isinstance(price, TieredPrices):
        price = next((tier.price for tier in reversed(price.tiers) if over >= tier.start), price.base)
    return "-" if price is None else f"{price.normalize():f}"


def written_theirs(prices: ModelPrice | None, *, over: int) -> str:
    return "none" if prices is None else " ".join(usd_of(getattr(prices, name), over=over) for name in THEIR_CLASSES)


def written_ours(price: Price | None, *, times: Decimal = Decimal(1)) -> str:
    if price is None:
        return "none"
    rates = (price.uncached_input, price.cache_read, price.cache_write_5m, price.cache_write_1h, price.output)
    return " ".join("-" if rate is None else f"{(rate * times / 1_000_000).normalize():f}" for rate in rates)


def price_on(model: str, *, speed: str, day: datetime, over: int) -> Price | None:
    rows = [
        row
        for row in our_list().prices
        if (row.model, row.speed) == (model, speed)
        and row.valid_from <= day < row.valid_until
        and row.prompt_over <= over < row.prompt_upto
    ]
    assert len(rows) <= 1
    return rows[0] if rows else None


def starts_and_bands(model: str, speed: str, theirs: ModelInfo | None) -> tuple[list[datetime], list[int]]:
    """Every day on which either side's price may change, and every prompt length."""
    ours = [row for row in our_list().prices if (row.model, row.speed) == (model, speed)]
    released = min(row.valid_from for row in our_list().prices if row.model == model)
    days = {released} | {day for row in ours for day in (row.valid_from, row.valid_until)}
    bands = {0} | {row.prompt_over for row in ours if row.prompt_over > 0}
    conditions = theirs.prices if theirs and isinstance(theirs.prices, list) else []
    for condition in conditions:
        if isinstance(condition.constraint, StartDateConstraint):
            days.add(datetime.combine(condition.constraint.start_date, datetime.min.time()))
    for day in sorted(days):
        prices = their_prices(theirs, day=day, speed=speed)
        for name in THEIR_CLASSES if prices else ():
            price = getattr(prices, name)
            bands |= {tier.start for tier in price.tiers} if isinstance(price, TieredPrices) else set()
    return sorted(day for day in days if released <= day <= LAST_DAY), sorted(bands)


def differences(model: str, speed: str) -> Iterator[Difference]:
    theirs = their_model(model)
    days, bands = starts_and_bands(model, speed, theirs)
    for over in bands:
        run: Difference | None = None
        for day, following in zip(days, [*days[1:], LAST_DAY + timedelta(days=1)], strict=True):
            ours_written = written_ours(price_on(model, speed=speed, day=day, over=over))
            theirs_written = written_theirs(their_prices(theirs, day=day, speed=speed), over=over)
            last = f"{following - timedelta(days=1):%Y-%m-%d}"
            if run and (run.ours, run.theirs) == (ours_written, theirs_written):
                run = replace(run, last_day=last)
                continue
            if run and run.ours != run.theirs:
                yield run
            run = Difference(model, speed, f"{day:%Y-%m-%d}", last, over, ours_written, theirs_written)
        if run and run.ours != run.theirs:
            yield run


def test_every_difference_from_genai_prices_is_listed_with_its_reason() -> None:
    found = {
        difference
        for model in our_list().models
        for speed in ("standard", "fast")
        for difference in differences(model.model, speed)
    }
    assert sorted(found - LISTED.keys(), key=repr) == []
    assert sorted(LISTED.keys() - found, key=repr) == []


def test_each_listed_difference_gives_a_reason() -> None:
    assert all(len(reason.split()) >= 5 for reason in (*LISTED.values(), *ONLY_THEIRS.values()))


def test_the_decision_note_has_every_listed_difference() -> None:
    note = (PRICES.parents[1] / "docs" / "decisions" / "0002-prices-against-genai-prices.md").read_text()
    for one in LISTED:
        place = f"| {one.model} | {one.speed} | {one.first_day} | {one.last_day} | {one.prompt_over:,} |"
        assert f"{place} {one.ours} | {one.theirs} | {LISTED[one]} |" in note


def test_each_model_of_genai_prices_is_in_the_list() -> None:
    names = ModelNames.of(our_list())
    unknown = {
        one.id for one in provider("anthropic").models if resolve(one.id, "anthropic", None, names).model is None
    }
    assert unknown == ONLY_THEIRS.keys()


def test_batch_prices_are_those_of_genai_prices() -> None:
    """They list batch prices of the models on sale on 2026-10-14; ours are the standard price times the factor."""
    day = datetime(2026, 11, 20)
    compared = []
    for model in our_list().models:
        theirs = their_model(model.model)
        variants = [
            one for one in (theirs.price_variants if theirs else None) or () if one.when == {"processing": "batch"}
        ]
        rows = [price_on(model.model, speed="standard", day=day, over=over) for over in (0, 100_000)]
        for row in rows if variants else ():
            assert row is not None
            halved = written_ours(row, times=Decimal(row.batch_halves) / 2)
            assert halved == written_theirs(variants[0].prices, over=max(row.prompt_over, 0)), model.model
            compared.append(model.model)
    assert len(set(compared)) == 16


def test_bedrock_prices_are_those_of_genai_prices() -> None:
    """Their ids begin with "global." or, for the others, "regional."; a class they leave out is not compared."""
    names, day = ModelNames.of(our_list()), datetime(2026, 11, 20)
    compared = []
    for theirs in provider("aws").models:
        kind, _, bare = theirs.id.partition(".")
        if not bare.startswith("anthropic.claude"):
            continue
        found = resolve(f"{kind.replace('regional', 'us')}.{bare}", "bedrock", "us-east-1", names)
        row = price_on(str(found.model), speed="standard", day=day, over=0)
        assert row is not None, theirs.id
        assert found.regional is (kind == "regional")
        ours = written_ours(row, times=Decimal(row.regional_twentieths if found.regional else 20) / 20)
        listed = written_theirs(theirs.get_prices(day.replace(tzinfo=UTC)), over=0)
        for mine, other in zip(ours.split(), listed.split(), strict=True):
            no_cache = mine == "-" and row.model == "claude-3-sonnet"  # as listed above
            assert mine == other or other == "-" or no_cache, theirs.id
        compared.append(theirs.id)
    assert len(compared) == 43


def test_web_search_costs_what_genai_prices_says() -> None:
    their_prices = {
        prices.web_searches_kcount
        for model in provider("anthropic").models
        if (prices := model.get_prices(datetime(2026, 11, 20, tzinfo=UTC))).web_searches_kcount is not None
    }
    (search,) = our_list().rule_prices
    assert their_prices == {Decimal(search.pico_each * 1000) / 10**12}
