from __future__ import annotations

import shutil
import tomllib
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.models import ModelNames, resolve
from store.own_prices import Discount, discounted
from store.price_checks import Table
from store.prices import Price, PriceList, PriceListError, read_price_lists, write_price_list

ROOT = Path(__file__).parents[2]
PRICES = ROOT / "data" / "prices"
FOREVER = datetime(9999, 12, 31)


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> PriceList:
    """The tracked list, without the own prices of whoever runs the tests."""
    folder = tmp_path_factory.mktemp("prices")
    shutil.copy(PRICES / "anthropic.toml", folder)
    return read_price_lists(folder)


def on(price_list: PriceList, model: str, day: str, *, speed: str = "standard", prompt: int = 1000) -> Price | None:
    """The price in force at noon of a day for a prompt so long."""
    noon = datetime.fromisoformat(f"{day}T12:00")
    found = [
        row
        for row in price_list.prices
        if (row.model, row.speed) == (model, speed)
        and row.valid_from <= noon < row.valid_until
        and row.prompt_over < prompt <= row.prompt_upto
    ]
    assert len(found) <= 1
    return found[0] if found else None


def usd(price: Price | None) -> str:
    """Uncached input, cache read, 5-minute write, 1-hour write, output, in USD per million tokens."""
    if price is None:
        return "none"
    rates = (price.uncached_input, price.cache_read, price.cache_write_5m, price.cache_write_1h, price.output)
    return " ".join("-" if rate is None else f"{rate / 1_000_000:g}" for rate in rates)


# ── the tracked list ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "day", "speed", "prompt", "expected"),
    [
        ("claude-fable-5-2", "2026-11-08", "standard", 1000, "none"),
        ("claude-fable-5-2", "2026-11-09", "standard", 1000, "8 0.2 10 16 40"),
        ("claude-fable-5-2", "2026-11-09", "fast", 1000, "16 0.4 20 32 80"),
        ("claude-fable-5-1", "2026-09-01", "standard", 1000, "10 0.25 12.5 20 50"),
        ("claude-fable-5", "2026-06-09", "standard", 1000, "10 1 12.5 20 50"),
        ("claude-mythos-5-2", "2026-11-09", "standard", 1000, "8 0.2 10 16 40"),
        ("claude-mythos-preview", "2026-04-07", "standard", 1000, "25 2.5 31.25 50 125"),
        ("claude-opus-5-5", "2026-09-22", "standard", 1000, "4 0.2 5 8 20"),
        ("claude-opus-5-5", "2026-09-22", "fast", 1000, "8 0.4 10 16 40"),
        ("claude-opus-5", "2026-07-24", "standard", 900_000, "5 0.5 6.25 10 25"),
        ("claude-opus-5", "2026-07-24", "fast", 1000, "10 1 12.5 20 50"),
        ("claude-opus-4-8", "2026-11-29", "fast", 1000, "10 1 12.5 20 50"),
        ("claude-opus-4-8", "2026-11-30", "fast", 1000, "none"),
        ("claude-opus-4-8", "2026-11-30", "standard", 1000, "5 0.5 6.25 10 25"),
        ("claude-opus-4-7", "2026-05-11", "fast", 1000, "none"),
        ("claude-opus-4-7", "2026-07-23", "fast", 1000, "30 3 37.5 60 150"),
        ("claude-opus-4-7", "2026-07-24", "fast", 1000, "none"),
        ("claude-opus-4-6", "2026-03-12", "standard", 200_000, "5 0.5 6.25 10 25"),
        ("claude-opus-4-6", "2026-03-12", "standard", 200_001, "10 1 12.5 20 37.5"),
        ("claude-opus-4-6", "2026-03-13", "standard", 200_001, "5 0.5 6.25 10 25"),
        ("claude-opus-4-6", "2026-02-06", "fast", 1000, "none"),
        ("claude-opus-4-6", "2026-02-20", "fast", 200_001, "60 6 75 120 225"),
        ("claude-opus-4-6", "2026-02-21", "fast", 200_001, "30 3 37.5 60 150"),
        ("claude-opus-4-6", "2026-06-29", "fast", 1000, "none"),
        ("claude-opus-4-1", "2026-01-01", "standard", 1000, "15 1.5 18.75 30 75"),
        ("claude-sonnet-5-5", "2026-10-06", "standard", 1000, "2 0.2 2.5 4 10"),
        ("claude-sonnet-5-5", "2026-10-07", "standard", 1000, "2 0.1 2.5 4 10"),
        ("claude-sonnet-5", "2026-09-01", "standard", 1000, "2 0.2 2.5 4 10"),
        ("claude-sonnet-4-6", "2026-03-12", "standard", 200_001, "6 0.6 7.5 12 22.5"),
        ("claude-sonnet-4-5", "2026-04-29", "standard", 200_001, "6 0.6 7.5 12 22.5"),
        ("claude-sonnet-4-5", "2026-04-30", "standard", 1000, "3 0.3 3.75 6 15"),
        ("claude-sonnet-4", "2025-08-11", "standard", 200_001, "3 0.3 3.75 6 15"),
        ("claude-sonnet-4", "2025-08-12", "standard", 200_001, "6 0.6 7.5 12 22.5"),
        ("claude-3-sonnet", "2025-01-01", "standard", 1000, "3 - - - 15"),
        ("claude-haiku-5-5", "2026-10-06", "standard", 1000, "none"),
        ("claude-haiku-5-5", "2026-10-07", "standard", 0, "0.1 0.01 0.125 0.2 0.5"),
        ("claude-haiku-5-5", "2026-10-07", "standard", 100_000, "0.1 0.01 0.125 0.2 0.5"),
        ("claude-haiku-5-5", "2026-10-07", "standard", 100_001, "0.5 0.05 0.625 1 2.5"),
        ("claude-haiku-4-5", "2025-10-15", "standard", 1000, "1 0.1 1.25 2 5"),
        ("claude-3-5-haiku", "2024-12-02", "standard", 1000, "1 0.1 1.25 2 5"),
        ("claude-3-5-haiku", "2024-12-03", "standard", 1000, "0.8 0.08 1 1.6 4"),
        ("claude-3-haiku", "2024-03-13", "standard", 1000, "0.25 0.03 0.3 0.5 1.25"),
        ("claude-2", "2023-11-20", "standard", 1000, "11.02 - - - 32.68"),
        ("claude-2", "2023-11-21", "standard", 1000, "8 - - - 24"),
        ("claude-instant-1", "2023-08-09", "standard", 1000, "1.63 - - - 5.51"),
    ],
)
def test_the_price_of_a_day(listed: PriceList, model: str, day: str, speed: str, prompt: int, expected: str) -> None:
    assert usd(on(listed, model, day, speed=speed, prompt=prompt)) == expected


def test_the_list_has_each_model_and_row(listed: PriceList) -> None:
    assert len(listed.models) == 30
    assert len(listed.prices) == 53
    assert {row.model for row in listed.prices} == {model.model for model in listed.models}


def test_every_row_names_an_address_and_the_day_it_was_checked(listed: PriceList) -> None:
    for row in listed.prices:
        assert row.source.startswith("https://")
        assert row.checked_on == date(2026, 11, 20)
    assert all(rule.source.startswith("https://") for rule in listed.rule_prices)


def test_the_uncertain_rows_are_these(listed: PriceList) -> None:
    unsure = {(row.model, row.valid_from.date().isoformat()) for row in listed.prices if row.confidence == "uncertain"}
    assert unsure == {
        ("claude-2", "2023-07-11"),
        ("claude-2", "2023-11-21"),
        ("claude-3-5-haiku", "2024-11-04"),
        ("claude-instant-1", "2023-08-09"),
        ("claude-instant-1", "2023-11-21"),
        ("claude-mythos-preview", "2026-04-07"),
    }


def test_every_source_is_used() -> None:
    """But for two that models as a whole were checked against."""
    file = tomllib.loads((PRICES / "anthropic.toml").read_text())
    tables = [*file["modifiers"].values(), *file["web_search"], *file["refusal"], *file["facts"].values()]
    tables += [row for model in file["models"].values() for row in model["prices"]]
    used = {key for table in tables for key in table["sources"]}
    assert file["sources"].keys() - used == {"deprecations", "sdk"}
    assert {model["tokenizer"] for model in file["models"].values()} == file["tokenizers"].keys()


def test_every_factor_leaves_whole_pico_dollars(listed: PriceList) -> None:
    for row in listed.prices:
        for rate in row.rates().values():
            for halves in (2, row.batch_halves):
                for twentieths in (20, row.geo_us_twentieths, row.regional_twentieths):
                    assert rate * halves * twentieths % 40 == 0


def test_us_geography_counts_from_4_6_and_regional_endpoints_from_4_5(listed: PriceList) -> None:
    no_geo = {row.model for row in listed.prices if row.geo_us_twentieths == 20}
    no_regional = {row.model for row in listed.prices if row.regional_twentieths == 20}
    assert no_regional == {
        *("claude-opus-4-1", "claude-opus-4", "claude-3-opus", "claude-sonnet-4", "claude-3-7-sonnet"),
        *("claude-3-5-sonnet", "claude-3-sonnet", "claude-3-5-haiku", "claude-3-haiku", "claude-2", "claude-instant-1"),
    }
    assert no_geo == no_regional | {"claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"}
    assert (
        {row.geo_us_twentieths for row in listed.prices}
        == {row.regional_twentieths for row in listed.prices}
        == {20, 22}
    )
    assert {row.batch_halves for row in listed.prices} == {1}


def test_refusals_follow_the_day_and_the_category(listed: PriceList) -> None:
    def billed(at: str, category: str | None) -> bool:
        moment = datetime.fromisoformat(at)
        rules = [rule for rule in listed.refusal_rules if rule.valid_from <= moment < rule.valid_until]
        named = [rule for rule in rules if rule.category == category]
        (rule,) = named or [rule for rule in rules if rule.category is None]
        return rule.billed

    assert billed("2026-06-01T23:59:59", "bio")
    assert billed("2020-01-01", None)
    assert not billed("2026-06-02", "bio")
    assert not billed("2026-09-23T23:59:59", "bio")
    assert [billed("2026-09-24", category) for category in ("bio", "frontier_llm", "reasoning_extraction")] == [
        True
    ] * 3
    assert [billed("2026-09-24", category) for category in ("cyber", "general_harms", "new", None)] == [False] * 4


# ── the tables ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute((ROOT / "store" / "schema.sql").read_text())
    return con


def test_the_tables_hold_the_list(con: duckdb.DuckDBPyConnection, listed: PriceList) -> None:
    write_price_list(con, listed)
    write_price_list(con, listed)
    assert con.execute(
        """SELECT valid_from, valid_until, prompt_over, prompt_upto, uncached_input, cache_read, cache_write_5m,
                  cache_write_1h, output, geo_us_twentieths, regional_twentieths, batch_halves, confidence, checked_on
           FROM price WHERE model = 'claude-haiku-5-5' ORDER BY prompt_over"""
    ).fetchall() == [
        (
            *(datetime(2026, 10, 7), FOREVER, -1, 100_000),
            *(100_000, 10_000, 125_000, 200_000, 500_000, 22, 22, 1, "confirmed", date(2026, 11, 20)),
        ),
        (
            *(datetime(2026, 10, 7), FOREVER, 100_000, 9223372036854775807),
            *(500_000, 50_000, 625_000, 1_000_000, 2_500_000, 22, 22, 1, "confirmed", date(2026, 11, 20)),
        ),
    ]
    assert con.execute("SELECT * FROM model WHERE model = 'claude-opus-4-1'").fetchall() == [
        ("claude-opus-4-1", "Claude Opus 4.1", 200_000, 32_000, 1024, "before 4.7", date(2025, 8, 5), date(2026, 8, 5))
    ]
    assert con.execute("SELECT name, pico_each, valid_from, valid_until FROM rule_price").fetchall() == [
        ("web_search", 10_000_000_000, datetime(2025, 5, 7), FOREVER)
    ]
    counts = con.execute(
        "SELECT (SELECT count(*) FROM model), (SELECT count(*) FROM price), (SELECT count(*) FROM refusal_rule)"
    ).fetchall()
    assert counts == [(30, 53, 6)]


def test_a_missing_class_is_null_in_the_table(con: duckdb.DuckDBPyConnection, listed: PriceList) -> None:
    write_price_list(con, listed)
    found = con.execute(
        "SELECT cache_read, cache_write_5m, output FROM price WHERE model = 'claude-3-sonnet'"
    ).fetchall()
    assert found == [(None, None, 15_000_000)]


# ── a file of one's own making ──────────────────────────────────────────────────────────────────────────────────────

SMALL = """
checked_on = 2026-11-20
[sources]
page = "https://example.com/prices"
[modifiers.batch]
multiplier = "0.5"
[modifiers.geo_us]
multiplier = "1.1"
first_day = 2026-02-05
models = ["acme-1"]
[models.acme-1]
display = "Acme 1"
[[models.acme-1.prices]]
first_day = 2026-01-01
sources = ["page"]
confidence = "confirmed"
bands = [{ over = 0, uncached_input = "3", cache_read = "0.30", output = "15" }]
"""


def small(tmp_path: Path, *changes: tuple[str, str], mine: str | None = None) -> PriceList:
    """The small list above, with texts replaced, and perhaps a mine.toml."""
    text = SMALL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "acme.toml").write_text(text)
    if mine is not None:
        (tmp_path / "mine.toml").write_text(mine)
    return read_price_lists(tmp_path)


def refused(tmp_path: Path, *changes: tuple[str, str], mine: str | None = None) -> PriceListError:
    with pytest.raises(PriceListError) as caught:
        small(tmp_path, *changes, mine=mine)
    return caught.value


def test_a_row_is_split_where_a_factor_begins(tmp_path: Path) -> None:
    rows = small(tmp_path).prices
    assert [(row.valid_from, row.valid_until, row.geo_us_twentieths) for row in rows] == [
        (datetime(2026, 1, 1), datetime(2026, 2, 5), 20),
        (datetime(2026, 2, 5), FOREVER, 22),
    ]


def test_a_last_day_is_inclusive(tmp_path: Path) -> None:
    rows = small(tmp_path, ("first_day = 2026-01-01", "first_day = 2026-01-01\nlast_day = 2026-01-31")).prices
    assert [(row.valid_from, row.valid_until) for row in rows] == [(datetime(2026, 1, 1), datetime(2026, 2, 1))]


def test_a_row_may_have_a_check_date_of_its_own(tmp_path: Path) -> None:
    rows = small(tmp_path, ('sources = ["page"]', 'sources = ["page"]\nchecked_on = 2026-03-01\nnote = "seen"')).prices
    assert {(row.checked_on, row.note) for row in rows} == {(date(2026, 3, 1), "seen")}


def test_the_fingerprint_follows_every_byte(tmp_path: Path) -> None:
    first = small(tmp_path)
    assert small(tmp_path).fingerprint == first.fingerprint
    assert small(tmp_path, ("Acme 1", "Acme One")).fingerprint != first.fingerprint
    assert small(tmp_path, mine="").fingerprint != first.fingerprint


BAND = '{ over = 0, uncached_input = "3", cache_read = "0.30", output = "15" }'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "display",
            "dispaly",
            'acme.toml, models.acme-1, dispaly: found "dispaly". No such key here. Did you mean display?',
        ),
        ("uncached_input", "uncached", "acme.toml, models.acme-1.prices 1.bands 1, uncached: found"),
        ("uncached_input", "uncached", "Did you mean uncached_input?"),
        ("[modifiers.batch]", "[modifiers.bacth]", "Did you mean batch?"),
        ('"0.30"', "0.30", "cache_read: found 0.3. Write decimals in quotation marks"),
        ('"0.30"', "true", "cache_read: found True. Write decimals in quotation marks"),
        ('"0.30"', '"-0.30"', 'cache_read: found "-0.30". Write a decimal of zero or more'),
        ('"0.30"', '"0,30"', 'found "0,30". Write a decimal'),
        ('"0.30"', '"nan"', 'found "nan". Write a decimal'),
        ('"0.30"', '"1e2"', 'found "1e2". Write a decimal'),
        ('"0.30"', '"٣"', 'found "٣". Write a decimal'),
        ('"0.30"', '"0.0000001"', "Use six decimals at most"),
        (
            '"0.30"',
            '"0.30001"',
            'cache_read: found "0.30001". Batch and place factors would leave part of a pico-dollar',
        ),
        ('"0.30"', '"0.30001"', "use a multiple of 0.00002 USD"),
        ('"0.30"', '"1000.01"', "more than 1000 is not one"),
        ('confidence = "confirmed"', 'confidence = "confimed"', "Did you mean confirmed?"),
        ('confidence = "confirmed"', 'confidence = ""', "Write text in quotation marks"),
        ('confidence = "confirmed"', "", "confidence: found nothing. Add confidence"),
        ('sources = ["page"]', 'sources = ["pages"]', 'found "pages". No such key in [sources]. Did you mean page?'),
        ('sources = ["page"]', "sources = []", "Say where the price is from"),
        ('sources = ["page"]', 'sources = "page"', "Write a list of texts"),
        ("first_day = 2026-01-01", 'first_day = "2026-01-01"', "Write a day without quotation marks"),
        ("first_day = 2026-01-01", "first_day = 2026-01-01T00:00:00Z", "without a time"),
        ("first_day = 2026-01-01", "", "first_day: found nothing. Add the day"),
        ("first_day = 2026-01-01", "first_day = 2026-01-02\nlast_day = 2026-01-01", "The last day is before the first"),
        ("checked_on = 2026-11-20\n", "", "checked_on: found nothing. Add the day"),
        (BAND, "", "bands: found a list. Add bands"),
        (BAND, "{ over = 1 }", "over: found 1. The first band is over = 0."),
        (BAND, "{ over = 0.0 }", "over: found 0.0. Write a whole number of tokens"),
        (BAND, "{ over = true }", "over: found True. Write a whole number of tokens"),
        (BAND, "{ over = 0 }", "bands 1: found a table. Add at least one price"),
        (
            BAND,
            f"{BAND}, {BAND.replace('0,', '0,', 1)}",
            "bands 2, over: found 0. Bands rise: this one must be over more than 0.",
        ),
        ('multiplier = "1.1"', 'multiplier = "1.12"', 'multiplier: found "1.12". Use a multiple of 1/20'),
        ('multiplier = "1.1"', 'multiplier = "3"', 'multiplier: found "3". Use a multiple of 1/20 up to 2'),
        ('models = ["acme-1"]', 'models = ["acme"]', 'found "acme". No such model in this file. Did you mean acme-1?'),
        ("[models.acme-1]", "[[web_search]]\n[models.acme-1]", "Add the price of a thousand searches"),
        ("display =", "min_cacheable_history = [{ tokens = -1 }]\ndisplay =", "Write a whole number of tokens"),
        ("[models.acme-1]", "[models.acme-1", "The file is not valid TOML"),
        ("[models.acme-1]", "models = 3\n[[models]]", "The file is not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_to_do(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert message in str(refused(tmp_path, (old, new)))


ROW = """
[[models.acme-1.prices]]
first_day = {first}
sources = ["page"]
confidence = "confirmed"
bands = [{{ over = 0, output = "15" }}]
"""


def test_rows_that_hold_on_one_day_are_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, ("[modifiers.batch]", ROW.format(first="2026-03-01") + "[modifiers.batch]"))
    assert (error.file, error.field) == ("acme.toml", "first_day")
    assert "Another row holds on that day too" in str(error)


def test_rows_of_two_speeds_may_hold_on_one_day(tmp_path: Path) -> None:
    fast = ROW.format(first="2026-03-01") + 'speed = "fast"\n'
    found = small(tmp_path, ("[models.acme-1]\n", "[models.acme-1]\n"), ('"15" }]\n', '"15" }]\n' + fast))
    assert {row.speed for row in found.prices} == {"standard", "fast"}


def test_a_model_in_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(SMALL)
    assert "Another price file has this model" in str(refused(tmp_path))


def test_web_searches_and_refusals_are_said_by_one_file(tmp_path: Path) -> None:
    (tmp_path / "zoo.toml").write_text('checked_on = 2026-11-20\n[[refusal]]\nbilled = "yes"')
    error = refused(tmp_path, ("[models.acme-1]", '[[refusal]]\nbilled = "no"\n[models.acme-1]'))
    assert (error.file, error.field) == ("zoo.toml", "refusal")


def test_a_name_of_two_models_is_refused(tmp_path: Path) -> None:
    twin = (
        SMALL[SMALL.index("[models.acme-1]") :]
        .replace("acme-1", "acme-2")
        .replace("[models.acme-2]", "[models.acme-2]\naliases = ['ACME-1']")
    )
    (tmp_path / "other.toml").write_text("checked_on = 2026-11-20\nsources.page = 'https://example.com'\n" + twin)
    error = refused(tmp_path)
    assert error.found == "ACME-1"
    assert "acme-1 has that name already" in str(error)


def test_a_folder_without_a_price_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("")
    with pytest.raises(PriceListError, match="Put a price list there"):
        read_price_lists(tmp_path)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PriceListError, match=r"acme\.toml: found .*not valid TOML"):
        read_price_lists(tmp_path)


# ── mine.toml ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_own_row_replaces_the_listed_one_from_its_day(tmp_path: Path) -> None:
    mine = """
[[models.acme-1.prices]]
first_day = 2026-06-01
bands = [{ over = 0, uncached_input = "2", output = "8" }]
"""
    found = small(tmp_path, mine=mine)
    assert usd(on(found, "acme-1", "2026-05-31")) == "3 0.3 - - 15"
    own = on(found, "acme-1", "2026-06-01")
    assert usd(own) == "2 - - - 8"
    assert own is not None
    assert (own.source, own.checked_on, own.confidence) == ("your own price, mine.toml", None, "confirmed")
    assert (own.geo_us_twentieths, own.batch_halves) == (22, 1)
    assert found.files == ("acme.toml", "mine.toml")


def test_an_own_row_with_a_last_day_leaves_what_comes_after(tmp_path: Path) -> None:
    mine = """
[[models.acme-1.prices]]
first_day = 2026-06-01
last_day = 2026-06-30
bands = [{ over = 0, output = "8" }, { over = 1_000, output = "16" }]
"""
    found = small(tmp_path, mine=mine)
    assert usd(on(found, "acme-1", "2026-06-30", prompt=1001)) == "- - - - 16"
    assert usd(on(found, "acme-1", "2026-07-01", prompt=1001)) == "3 0.3 - - 15"


def test_an_own_model_is_added_and_an_own_name_given(tmp_path: Path) -> None:
    mine = """
[models.acme-1]
aliases = ["gateway/default", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/Abc"]
[[models.tuned.prices]]
first_day = 2026-06-01
bands = [{ over = 0, uncached_input = "0.123457", output = "1" }]
"""
    found = small(tmp_path, mine=mine)
    names = ModelNames.of(found)
    assert resolve("Gateway/Default", None, None, names).model == "acme-1"
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/Abc"
    assert resolve(arn, "bedrock", "us-east-1", names).model == "acme-1"
    assert resolve("tuned", None, None, names).model == "tuned"
    own = on(found, "tuned", "2026-06-01")
    assert own is not None
    assert (own.uncached_input, own.batch_halves, own.geo_us_twentieths) == (123_457, 2, 20)
    assert [model.display for model in found.models] == ["Acme 1", "tuned"]


def test_an_own_model_without_prices_is_taken_for_a_slip(tmp_path: Path) -> None:
    error = refused(tmp_path, mine='[models.acme-l]\naliases = ["x"]')
    assert (
        str(error)
        == "mine.toml, models.acme-l, prices: found nothing. Add prices, or write a listed name. Did you mean acme-1?"
    )


def test_a_discount_comes_off_list_prices_in_its_days(tmp_path: Path) -> None:
    mine = '[discount]\npercent = "15"\nfirst_day = 2026-03-01\nlast_day = 2026-03-31'
    found = small(tmp_path, mine=mine)
    assert usd(on(found, "acme-1", "2026-02-28")) == "3 0.3 - - 15"
    inside = on(found, "acme-1", "2026-03-31")
    assert usd(inside) == "2.55 0.255 - - 12.75"
    assert inside is not None
    assert inside.note == "list price less 15 %, mine.toml"
    assert usd(on(found, "acme-1", "2026-04-01")) == "3 0.3 - - 15"


def test_a_model_may_have_a_discount_of_its_own(tmp_path: Path) -> None:
    twice = """
[[discount]]
last_day = 2026-02-28
percent = "10"
[[discount]]
first_day = 2026-03-01
models.acme-1 = "20"
"""
    found = small(tmp_path, mine=twice)
    assert usd(on(found, "acme-1", "2026-02-28")) == "2.7 0.27 - - 13.5"
    assert usd(on(found, "acme-1", "2026-03-01")) == "2.4 0.24 - - 12"


def test_an_own_price_is_taken_as_written_without_the_discount(tmp_path: Path) -> None:
    mine = """
discount.percent = "50"
[[models.acme-1.prices]]
first_day = 2026-06-01
bands = [{ over = 0, output = "8" }]
"""
    assert usd(on(small(tmp_path, mine=mine), "acme-1", "2026-06-01")) == "- - - - 8"


def test_a_web_search_price_may_be_ones_own(tmp_path: Path) -> None:
    (tmp_path / "web.toml").write_text(
        """
checked_on = 2026-11-20
sources.page = "https://example.com"
[[web_search]]
usd_per_1000 = "10"
sources = ["page"]
"""
    )
    found = small(tmp_path, mine='[[web_search]]\nfirst_day = 2026-06-01\nusd_per_1000 = "8.5"')
    assert [(rule.valid_from, rule.pico_each) for rule in found.rule_prices] == [
        (datetime(1970, 1, 1), 10_000_000_000),
        (datetime(2026, 6, 1), 8_500_000_000),
    ]


def test_a_discount_that_leaves_a_fraction_is_refused_until_its_rounding_is_chosen(tmp_path: Path) -> None:
    shutil.copy(PRICES / "anthropic.toml", tmp_path)
    error = refused(tmp_path, mine='[discount]\npercent = "15"')
    assert (error.file, error.table, error.field) == ("mine.toml", "discount", "percent")
    assert "The cache_write_5m price of claude-haiku-5-5 less 15 % is not a multiple of 0.00002 USD" in str(error)
    assert 'rounding = "up" or "down"' in str(error)

    up = on(small(tmp_path, mine='[discount]\npercent = "15"\nrounding = "up"'), "claude-haiku-5-5", "2026-11-01")
    down = on(small(tmp_path, mine='[discount]\npercent = "15"\nrounding = "down"'), "claude-haiku-5-5", "2026-11-01")
    assert up is not None
    assert down is not None
    assert (up.cache_write_5m, down.cache_write_5m) == (106_260, 106_240)  # 0.125 less 15 % is 0.10625
    assert up.uncached_input == down.uncached_input == 85_000
    assert up.note is not None
    assert up.note.endswith("list price less 15 %, mine.toml; rounded up to 0.00002 USD")


@given(rate=st.integers(0, 50_000_000).map(lambda steps: steps * 20), percent=st.integers(0, 100_000_000))
def test_a_rounded_discount_is_within_a_step_of_the_exact_one_and_whole_under_every_factor(
    rate: int, percent: int
) -> None:
    for rounding in ("up", "down"):
        discount = Discount(Table("mine.toml", "discount", {}), datetime(1970, 1, 1), FOREVER, percent, {}, rounding)
        (row,) = discounted([haiku_with_output_at(rate)], discount)
        assert row.output is not None
        assert row.output % 20 == 0
        over = row.output * 100_000_000 - rate * (100_000_000 - percent)
        assert 0 <= (over if rounding == "up" else -over) < 20 * 100_000_000


def haiku_with_output_at(rate: int) -> Price:
    return Price(
        model="claude-haiku-5-5",
        speed="standard",
        valid_from=datetime(2026, 10, 7),
        valid_until=FOREVER,
        prompt_over=-1,
        prompt_upto=100_000,
        output=rate,
        **dict.fromkeys(("uncached_input", "cache_read", "cache_write_5m", "cache_write_1h")),
        geo_us_twentieths=22,
        regional_twentieths=22,
        batch_halves=1,
        confidence="confirmed",
        source="https://example.com",
        checked_on=None,
        note=None,
    )


@pytest.mark.parametrize(
    ("mine", "message"),
    [
        ('[discount]\npercent = "101"', "A discount is between 0 and 100 percent."),
        ("[discount]\npercent = 15", "percent: found 15. Write decimals in quotation marks"),
        ('[discount]\npercent = "-5"', "Write a decimal of zero or more"),
        ("[discount]\n", "percent: found nothing. Add the percentage"),
        ('[discount]\nmodels.acme = "5"', 'found "acme". No such model in the price list. Did you mean acme-1?'),
        (
            '[discount]\npercent = "5"\nrounding = "near"',
            'mine.toml, discount, rounding: found "near". Use one of: down, up.',
        ),
        ('[discuont]\npercent = "5"', "Did you mean discount?"),
        ('[[discount]]\npercent = "5"\n[[discount]]\npercent = "6"', "Another row holds on that day too"),
        ('[[refusal]]\nbilled = "yes"', "No such key here."),
    ],
)
def test_an_own_file_that_cannot_be_used_is_refused(tmp_path: Path, mine: str, message: str) -> None:
    assert message in str(refused(tmp_path, mine=mine))


def test_the_worked_example_of_the_documentation_reads(tmp_path: Path) -> None:
    shutil.copy(PRICES / "anthropic.toml", tmp_path)
    page = (ROOT / "docs" / "prices.md").read_text()
    example = page.split("<!-- mine.toml -->\n```toml\n")[1].split("```")[0]
    (tmp_path / "mine.toml").write_text(example)
    found = read_price_lists(tmp_path)
    assert usd(on(found, "claude-sonnet-5-5", "2026-11-20")) == "1.7 0.085 2.125 3.4 8.5"
    assert usd(on(found, "claude-haiku-4-5", "2026-11-20")) == "0.8 0.08 1 1.6 4"
    assert usd(on(found, "claude-opus-5-5", "2026-11-20")) == "3.5 0.175 4.375 7 17.5"
    assert usd(on(found, "support-tuned", "2026-11-20")) == "2.2 0.22 2.75 4.4 11"
    assert resolve("gateway/default", None, None, ModelNames.of(found)).model == "claude-sonnet-5-5"
