from __future__ import annotations

import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ingest.load import load
from spend.__main__ import main
from spend.commands.asked import answering
from store.connection import open_store
from tests.conftest import ROOT
from tests.factories import usage_record, write_log
from tests.spend.questions import as_json


def asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], records: list[dict[str, Any]], *args: str
) -> dict[str, Any]:
    """Log lines loaded, and what the command line says of them."""
    db = tmp_path / "usage.duckdb"
    with open_store(db) as store:
        load(store, [write_log(tmp_path / "log.jsonl", records)])
    found: dict[str, Any] = as_json("what-if", db, capsys, *args)
    return found


def calls(*seconds: float, **over: Any) -> list[dict[str, Any]]:
    """Requests with one prefix of 8,192 of their 10,000 tokens, of a model at a millionth of a dollar a token."""
    fields = {
        "model": "claude-haiku-4-5",
        "input_tokens": 10_000,
        "output_tokens": 0,
        "time_to_first_token_ms": 2000,
        "prefixes": [{"hash": "9c1f22d07ab85e34", "share": 0.8192}],
    }
    return [
        usage_record(
            time=f"2026-11-10T{12 + int(at) // 3600}:{int(at) // 60 % 60:02}:{at % 60:06.3f}Z", **(fields | over)
        )
        for at in seconds
    ]


@pytest.mark.parametrize(
    ("ttl", "seconds", "tokens"),
    [
        ("5m", (0,), "12048"),
        ("5m", (0, 100), "14675.2"),
        ("5m", (0, 303), "24096"),
        ("5m", (0, 200, 400, 600), "19929.6"),
        ("5m", (0, 0, 0, 0, 0), "60240"),
        ("5m", (0, 1, 3), "26723.2"),
        ("5m", (0, 600, 1200), "36144"),
        ("1h", (0, 600, 1200), "23446.4"),
        ("1h", (0, 100), "20819.2"),
        ("5m", (0, 1, 2), "26723.2"),  # the first entry can be read just then, the second not yet
    ],
    ids=[*(f"C{n}" for n in range(1, 10)), "just in time"],
)
def test_caching(
    ttl: str, seconds: tuple[float, ...], tokens: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(tmp_path, capsys, calls(*seconds), "--lever", f"cache:ttl={ttl}")
    assert Decimal(found["scenario_usd"]) * 10**6 == Decimal(tokens)
    assert Decimal(found["baseline_usd"]) * 10**6 == 10_000 * len(seconds)
    assert found["unchanged"] == {}


def test_c10_a_prefix_under_the_minimum_is_not_cached(tmp_path: Path) -> None:
    prices = tmp_path / "prices"
    prices.mkdir()
    listed = (ROOT / "data" / "prices" / "anthropic.toml").read_text()
    assert "min_cacheable = 4_096" in listed
    (prices / "anthropic.toml").write_text(listed.replace("min_cacheable = 4_096", "min_cacheable = 9_000"))
    out, errors = StringIO(), StringIO()
    with open_store(tmp_path / "usage.duckdb", prices=prices) as store, answering(store, out, errors):
        load(store, [write_log(tmp_path / "log.jsonl", calls(0, 100))])
        assert main(["what-if", "--format", "json", "--lever", "cache:ttl=5m"]) == 0
    found = json.loads(out.getvalue())
    assert (found["baseline_usd"], found["scenario_usd"]) == ("0.02", "0.02")
    assert (found["unchanged"], errors.getvalue()) == ({"under_minimum": 2}, "")


def test_of_two_lifetimes_and_none_the_best_is_chosen_for_each_prefix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lone = calls(7000, prefixes=[{"hash": "aaaaaaaaaaaaaaaa", "share": 0.8192}])
    quick = calls(0, 100, prefixes=[{"hash": "bbbbbbbbbbbbbbbb", "share": 0.8192}])
    found = asked(tmp_path, capsys, [*calls(0, 600, 1200), *lone, *quick], "--lever", "cache:ttl=best")
    assert Decimal(found["scenario_usd"]) * 10**6 == Decimal("23446.4") + 10_000 + Decimal("14675.2")
    assert found["unchanged"] == {"caching_does_not_pay": 1}


LONG = {"input_tokens": 10_000, "output_tokens": 1000}


@pytest.mark.parametrize(
    ("model", "lever", "before", "after"),
    [
        ("claude-opus-4-8", "to=claude-haiku-4-5,tokenizer=1", "0.075", "0.015"),
        ("claude-opus-4-8", "to=claude-haiku-4-5", "0.075", "0.0115384615"),
        ("claude-sonnet-4-6", "to=claude-sonnet-4-5,tokenizer=1.3", "0.045", "0.0585"),
        ("claude-opus-4-8", "to=claude-haiku-4-5,tokenizer=1/1.3,verbosity=0.8", "0.075", "0.0107692308"),
        ("claude-opus-4-8", "to=claude-haiku-4-5,verbosity=1", "0.075", "0.0115384615"),
        ("claude-opus-4-8", "to=claude-haiku-4-5,verbosity=1.5", "0.075", "0.0134615385"),
    ],
    ids=["S1", "S2", "S3", "S4-0.8", "S4-1", "S4-1.5"],
)
def test_swaps(
    model: str, lever: str, before: str, after: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(tmp_path, capsys, [usage_record(model=model, **LONG)], "--lever", f"swap:from={model},{lever}")
    assert Decimal(found["baseline_usd"]) == Decimal(before)
    assert abs(Decimal(found["scenario_usd"]) - Decimal(after)) < Decimal("1e-9")
    assert Decimal(found["saving_usd"]) == Decimal(found["baseline_usd"]) - Decimal(found["scenario_usd"])


def test_s5_what_does_not_fit_stays_and_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [usage_record(model="claude-opus-4-8", input_tokens=250_000, output_tokens=1000)]
    found = asked(tmp_path, capsys, records, "--lever", "swap:to=claude-haiku-4-5,tokenizer=1")
    assert (found["saving_usd"], found["unchanged"]) == ("0.00", {"over_context_window": 1})
    assert found["scenario_usd"] == found["baseline_usd"] == "1.275"


def test_m1_a_cap_says_how_many_answers_it_cuts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [usage_record(output_tokens=tokens) for tokens in (100, 200, 400, 800, 1600)]
    found = asked(tmp_path, capsys, records, "--lever", "cap:max_output_tokens=500")
    assert Decimal(found["saving_usd"]) == 1400 * Decimal("5e-6")
    assert found["levers"][0]["cut_share"] == 0.4


def test_x1_savings_are_not_added_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    levers = ("swap:to=claude-haiku-4-5,tokenizer=1", "cache:ttl=5m", "batch")
    args = [text for lever in levers for text in ("--lever", lever)]
    opus: dict[str, Any] = {"model": "claude-opus-4-8", "output_tokens": 1000}
    both = asked(tmp_path, capsys, calls(0, 100, **opus), *args)
    first = asked(tmp_path / "first", capsys, calls(0, **opus), *args)
    assert Decimal(both["baseline_usd"]) - Decimal(first["baseline_usd"]) == Decimal("0.075")
    assert Decimal(both["scenario_usd"]) - Decimal(first["scenario_usd"]) == Decimal("0.0038136")
    assert sum(Decimal(one["saving_usd"]) for one in both["levers"]) == Decimal(both["saving_usd"])
