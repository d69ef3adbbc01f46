from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingest.load import load
from ingest.options import LoadOptions
from spend.filters import Filters, WrongQuestion
from spend.request import ArithmeticLine, request
from spend.requests import CostSpread, cost_spread, count_of_requests, page_of_requests
from store.connection import Store
from tests.factories import emptied, loaded, store_with, usage_record, write_log

ADVISOR = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 500, "output_tokens": 50}
OWN = {"type": "message", "input_tokens": 1000, "output_tokens": 100}
RECORDS: list[dict[str, Any]] = [
    {"message_id": "cheap", "input_tokens": 10, "latency_ms": 500},
    {"message_id": "dear", "model": "claude-opus-4-8", "time": "2026-11-10T13:00:00Z"},
    {"message_id": "advised", "iterations": [OWN, ADVISOR], "time": "2026-11-10T14:00:00Z", "latency_ms": 900},
    {"message_id": "unknown", "model": "claude-haiku-9", "output_tokens": 9000},
    {"message_id": "half unknown", "iterations": [OWN, ADVISOR | {"model": "x"}], "feature": "f"},
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with store_with(tmp_path_factory.mktemp("log"), [usage_record(**record) for record in RECORDS]) as store:
        yield store


@pytest.mark.parametrize(
    ("order", "descending", "first"),
    [
        ("cost", True, ["dear", "advised", "cheap"]),
        ("cost", False, ["cheap", "advised", "dear"]),
        ("time", True, ["advised", "dear"]),
        ("output", True, ["unknown"]),
        ("prompt", False, ["cheap"]),
        ("latency", True, ["advised", "cheap"]),
        ("latency", False, ["cheap", "advised"]),
    ],
)
def test_requests_in_an_order_with_the_unknown_last(
    store: Store, order: str, descending: bool, first: list[str]
) -> None:
    found = page_of_requests(store.cursor(), Filters(), order=order, descending=descending)
    assert [row.request_key for row in found][: len(first)] == first
    assert len(found) == 5


@pytest.mark.parametrize("order", ["cost", "time", "prompt", "output", "latency"])
def test_pages_hold_every_request_once(store: Store, order: str) -> None:
    con = store.cursor()
    pages = [page_of_requests(con, Filters(), order=order, limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert len({row.request_key for page in pages for row in page}) == count_of_requests(con, Filters()) == 5


def test_the_cost_of_a_request_is_that_of_all_its_parts(store: Store) -> None:
    found = {row.request_key: row.cost for row in page_of_requests(store.cursor(), Filters())}
    assert found == {
        "cheap": (10 * 1 + 100 * 5) * 10**6,
        "dear": (1000 * 5 + 100 * 25) * 10**6,
        "advised": (1000 * 1 + 100 * 5 + 500 * 5 + 50 * 25) * 10**6,
        "unknown": None,
        "half unknown": None,
    }


def test_the_unpriced_ones_alone(store: Store) -> None:
    con = store.cursor()
    assert {row.request_key for row in page_of_requests(con, Filters(), unpriced=True)} == {"unknown", "half unknown"}
    assert count_of_requests(con, Filters(), unpriced=True) == 2
    assert count_of_requests(con, Filters(where=(("feature", "f"),)), unpriced=True) == 1


def test_the_spread_of_what_a_priced_request_costs(store: Store, tmp_path: Path) -> None:
    assert cost_spread(store.cursor(), Filters(where=(("model", "claude-haiku-9"),))) is None
    many = emptied()
    # a request of n tokens costs n micro-dollars: of 1 to 100, the middle is 50, the dearest of twenty 95
    loaded(many, tmp_path / "log", [usage_record(input_tokens=n, output_tokens=0) for n in range(1, 101)])
    assert cost_spread(many.cursor(), Filters()) == CostSpread(50 * 10**6, 95 * 10**6, 100 * 10**6)


def test_an_unknown_order_is_said(store: Store) -> None:
    with pytest.raises(WrongQuestion, match="cannot order requests by 'colour'"):
        page_of_requests(store.cursor(), Filters(), order="colour")


# ── one request ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_is_laid_out_as_arithmetic(tmp_path: Path) -> None:
    store = emptied()
    counts = {
        "cache_read_input_tokens": 3000,
        "cache_creation_input_tokens": 50,
        "server_tool_use": {"web_search_requests": 2},
    }
    modifiers = {"model": "claude-sonnet-4-6", "service_tier": "batch", "inference_geo": "us", "feature": "f"}
    log = write_log(tmp_path / "log.jsonl.gz", [usage_record(), usage_record(message_id="m", **counts, **modifiers)])
    load(store, [log])
    found = request(store.cursor(), "m")
    assert found is not None
    [part] = found.parts
    factors = (("batch", Decimal("0.5")), ("US inference", Decimal("1.1")))
    assert part.lines == (
        ArithmeticLine("uncached input", 1000, Decimal(3), "million", factors, 1000 * 3 * 550_000),
        ArithmeticLine("cache reads", 3000, Decimal("0.30"), "million", factors, 3000 * 165_000),
        ArithmeticLine("5-minute cache writes", 50, Decimal("3.75"), "million", factors, 50 * 2_062_500),
        ArithmeticLine("output", 100, Decimal(15), "million", factors, 100 * 15 * 550_000),
        ArithmeticLine("web searches", 2, Decimal(10), "thousand", (), 2 * 10**10),
    )
    assert part.cost == found.row.cost == sum(line.cost for line in part.lines)
    for line in part.lines:
        product = line.count * line.list_price / (10**6 if line.per == "million" else 1000)
        for _, factor in line.factors:
            product *= factor
        assert product == Decimal(line.cost) / 10**12
    assert part.price_since == datetime(2026, 3, 13)
    assert part.price_confidence == "confirmed"
    assert part.price_source
    assert found.line == 2
    assert found.file.endswith("log.jsonl.gz")
    assert found.facts["service_tier"] == "batch"


def test_every_part_of_a_request_has_its_own_arithmetic(store: Store) -> None:
    found = request(store.cursor(), "advised")
    assert found is not None
    assert [(part.kind, part.model, part.cost) for part in found.parts] == [
        ("message", "claude-haiku-4-5", (1000 * 1 + 100 * 5) * 10**6),
        ("advisor", "claude-opus-4-8", (500 * 5 + 50 * 25) * 10**6),
    ]


def test_what_is_unpriced_or_free_has_no_arithmetic_and_a_reason(store: Store, tmp_path: Path) -> None:
    found = request(store.cursor(), "unknown")
    assert found is not None
    [part] = found.parts
    assert (part.lines, part.cost, part.unpriced_because, part.free_because) == ((), None, "unknown_model", None)
    failed = emptied()
    loaded(failed, tmp_path / "log", [usage_record(message_id="m", usage=None, status=529, error="overloaded_error")])
    found = request(failed.cursor(), "m")
    assert found is not None
    [part] = found.parts
    assert (part.lines, part.cost, part.unpriced_because, part.free_because) == ((), 0, None, "failed")


def test_a_request_that_is_not_there_is_none(store: Store) -> None:
    assert request(store.cursor(), "nobody") is None


def test_the_line_is_found_when_asked_and_not_once_the_log_is_gone(tmp_path: Path) -> None:
    store = emptied()
    log = tmp_path / "log.jsonl"
    bare = usage_record(message_id=None, request_id=None)
    loaded(store, log, ["", usage_record(message_id="m"), bare])
    [(key,)] = store.cursor().execute("SELECT request_key FROM usage WHERE key_kind = 'line'").fetchall()
    lines = [found.line for name in ("m", key) if (found := request(store.cursor(), name))]
    assert lines == [2, 3]
    log.unlink()
    lines = [found.line for name in ("m", key) if (found := request(store.cursor(), name))]
    assert lines == [None, 3]


def test_uploaded_files_keep_their_lines(tmp_path: Path) -> None:
    store = emptied()
    log = write_log(tmp_path / "log.jsonl", [usage_record(), usage_record(message_id="m")])
    load(store, [log], options=LoadOptions(number_lines=True, names={log: "mine.jsonl"}))
    log.unlink()
    found = request(store.cursor(), "m")
    assert found is not None
    assert (found.file, found.line) == ("mine.jsonl", 2)
