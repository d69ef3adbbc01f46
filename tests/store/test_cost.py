from __future__ import annotations

import json
from contextlib import redirect_stdout
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from ingest.load import load
from spend.__main__ import main as ask
from store.connection import open_store
from store.money import dollars
from tests.factories import usage_record, write_log

D = Decimal
Record = dict[str, Any]
Answers = dict[str, Record]


def wrote(tokens: int, *, hour: bool = False) -> Record:
    split = {"ephemeral_5m_input_tokens": 0 if hour else tokens, "ephemeral_1h_input_tokens": tokens if hour else 0}
    return {"cache_creation_input_tokens": tokens, "cache_creation": split}


def tokens(uncached: int, output: int, *, read: int = 0, w5m: int = 0, w1h: int = 0) -> Record:
    counts: Record = {"input_tokens": uncached, "output_tokens": output}
    if read:
        counts["cache_read_input_tokens"] = read
    return counts | (wrote(w5m) if w5m else {}) | (wrote(w1h, hour=True) if w1h else {})


HAIKU_4_5, HAIKU_5_5 = {"model": "claude-haiku-4-5"}, {"model": "claude-haiku-5-5", "time": "2026-10-10T00:00:00Z"}
SONNET_4_6, SONNET_5_5 = {"model": "claude-sonnet-4-6"}, {"model": "claude-sonnet-5-5"}
OPUS_4_6, OPUS_5 = {"model": "claude-opus-4-6"}, {"model": "claude-opus-5"}
MARCH_12, MARCH_13 = {"time": "2026-03-12T23:59:59.999Z"}, {"time": "2026-03-13T00:00:00Z"}
OCTOBER_6, OCTOBER_7 = {"time": "2026-10-06T23:59:59.999Z"}, {"time": "2026-10-07T00:00:00Z"}
BATCH, US, FAST = {"service_tier": "batch"}, {"inference_geo": "us"}, {"speed": "fast"}
SEARCHES = {"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 7}}
BEDROCK_4_5 = "anthropic.claude-sonnet-4-5-20250929-v1:0"

# name: (the request, its cost in millionths of a dollar as count x USD a million, the same in dollars)
Case = tuple[Record, Decimal | int, str]
PLAIN: dict[str, Case] = {
    "21 in, 77 out": (HAIKU_4_5 | tokens(21, 77), 21 * 1 + 77 * 5, "0.000406"),
    "18 in, 34 out": (HAIKU_4_5 | tokens(18, 34), 18 * 1 + 34 * 5, "0.000188"),
    "1000/300 haiku": (HAIKU_4_5 | tokens(1000, 300), 1000 * 1 + 300 * 5, "0.0025"),
    "1000/300 sonnet": (SONNET_4_6 | tokens(1000, 300), 1000 * 3 + 300 * 15, "0.0075"),
    "1000/300 opus": ({"model": "claude-opus-4-8"} | tokens(1000, 300), 1000 * 5 + 300 * 25, "0.0125"),
    "1200/400 sonnet": (SONNET_4_6 | tokens(1200, 400), 1200 * 3 + 400 * 15, "0.0096"),
    "uncached": (tokens(13_202, 0), 13_202 * 1, "0.013202"),
    "5-minute write": (tokens(0, 0, w5m=13_202), 13_202 * D("1.25"), "0.0165025"),
    "1-hour write": (tokens(0, 0, w1h=13_202), 13_202 * 2, "0.026404"),
    "write of old, without a split": ({"cache_creation_input_tokens": 800} | tokens(0, 0), 800 * D("1.25"), "0.001"),
    "read": (tokens(0, 0, read=13_202), 13_202 * D("0.1"), "0.0013202"),
    "16/14": (tokens(16, 14), 16 * 1 + 14 * 5, "0.000086"),
    "13/10": (tokens(13, 10), 13 * 1 + 10 * 5, "0.000063"),
    "15/6": (tokens(15, 6), 15 * 1 + 6 * 5, "0.000045"),
    "nothing at all": (tokens(0, 0), 0, "0.00"),
}
BANDS: dict[str, Case] = {
    "100,000": (HAIKU_5_5 | tokens(100_000, 1000), 100_000 * D("0.1") + 1000 * D("0.5"), "0.0105"),
    "100,001": (HAIKU_5_5 | tokens(100_001, 1000), 100_001 * D("0.5") + 1000 * D("2.5"), "0.0525005"),
    "100,000 read": (
        HAIKU_5_5 | tokens(1, 1000, read=99_999),
        1 * D("0.1") + 99_999 * D("0.01") + 1000 * D("0.5"),
        "0.00150009",
    ),
    "100,001 read": (
        HAIKU_5_5 | tokens(1, 1000, read=100_000),
        1 * D("0.5") + 100_000 * D("0.05") + 1000 * D("2.5"),
        "0.0075005",
    ),
    "100,001 written": (
        HAIKU_5_5 | tokens(1, 1000, w5m=100_000),
        1 * D("0.5") + 100_000 * D("0.625") + 1000 * D("2.5"),
        "0.0650005",
    ),
    "100,001 written for an hour": (
        HAIKU_5_5 | tokens(1, 1000, w1h=100_000),
        1 * D("0.5") + 100_000 * 1 + 1000 * D("2.5"),
        "0.1025005",
    ),
    "output does not count": (HAIKU_5_5 | tokens(100_000, 60_000), 10_000 + 60_000 * D("0.5"), "0.04"),
    "opus at 200,000": (OPUS_4_6 | MARCH_12 | tokens(200_000, 1000), 200_000 * 5 + 1000 * 25, "1.025"),
    "opus over": (OPUS_4_6 | MARCH_12 | tokens(200_001, 1000), 200_001 * 10 + 1000 * D("37.5"), "2.03751"),
    "opus over, a day later": (OPUS_4_6 | MARCH_13 | tokens(200_001, 1000), 200_001 * 5 + 1000 * 25, "1.025005"),
    "opus over by its cache": (
        OPUS_4_6 | MARCH_12 | tokens(1, 1000, read=150_000, w5m=50_000),
        1 * 10 + 150_000 * 1 + 50_000 * D("12.5") + 1000 * D("37.5"),
        "0.81251",
    ),
    "reads, 6 October": (SONNET_5_5 | OCTOBER_6 | tokens(0, 0, read=50_000), 50_000 * D("0.2"), "0.01"),
    "reads, 7 October": (SONNET_5_5 | OCTOBER_7 | tokens(0, 0, read=50_000), 50_000 * D("0.1"), "0.005"),
}
FACTORS: dict[str, Case] = {
    "batch": (BATCH, (1000 * 1 + 100 * 5) * D("0.5"), "0.00075"),
    "batch, cached": (BATCH | tokens(0, 0, read=1000, w1h=1000), (1000 * D("0.1") + 1000 * 2) * D("0.5"), "0.00105"),
    "us": (US | SONNET_4_6, (1000 * 3 + 100 * 15) * D("1.1"), "0.00495"),
    "us before 4.6": (US, 1000 * 1 + 100 * 5, "0.0015"),
    "global": ({"inference_geo": "global"} | SONNET_4_6, 1000 * 3 + 100 * 15, "0.0045"),
    "geo not available": ({"inference_geo": "not_available"} | SONNET_4_6, 1000 * 3 + 100 * 15, "0.0045"),
    "batch x us x band, haiku": (
        HAIKU_5_5 | BATCH | US | tokens(100_001, 1000),
        (100_001 * D("0.5") + 1000 * D("2.5")) * D("0.5") * D("1.1"),
        "0.028875275",
    ),
    "batch x us x band, opus": (
        OPUS_4_6 | MARCH_12 | BATCH | US | tokens(200_001, 1000),
        (200_001 * 10 + 1000 * D("37.5")) * D("0.5") * D("1.1"),
        "1.1206305",
    ),
    "fast": (FAST | OPUS_5, 1000 * 10 + 100 * 50, "0.015"),
    "fast asked for, standard served": ({"speed": "standard"} | OPUS_5, 1000 * 5 + 100 * 25, "0.0075"),
    "fast x us, cached": (
        FAST | US | OPUS_5 | tokens(1000, 100, read=1000, w5m=1000),
        (1000 * 10 + 100 * 50 + 1000 * 1 + 1000 * D("12.5")) * D("1.1"),
        "0.03135",
    ),
    "regional": ({"model": f"us.{BEDROCK_4_5}"}, (1000 * 3 + 100 * 15) * D("1.1"), "0.00495"),
    "regional x batch": ({"model": f"eu.{BEDROCK_4_5}"} | BATCH, (1000 * 3 + 100 * 15) * D("0.55"), "0.002475"),
    "global endpoint": ({"model": f"global.{BEDROCK_4_5}"}, 1000 * 3 + 100 * 15, "0.0045"),
    "regional before 4.5": (
        {"model": "us.anthropic.claude-sonnet-4-20250514-v1:0", "time": "2026-05-01T00:00:00Z"},
        1000 * 3 + 100 * 15,
        "0.0045",
    ),
    "searches": (SEARCHES, 1000 * 1 + 100 * 5 + 3 * 10_000, "0.0315"),
    "searches in batch": (SEARCHES | BATCH, (1000 * 1 + 100 * 5) * D("0.5") + 3 * 10_000, "0.03075"),
    "searches, us": (SEARCHES | US | SONNET_4_6, (1000 * 3 + 100 * 15) * D("1.1") + 3 * 10_000, "0.03495"),
}


def refusal(day: str, category: str | None, output: int = 0) -> Record:
    details = {"stop_details": {"type": "refusal", "category": category}}
    said = {"time": f"{day}T12:00:00Z", "model": "claude-opus-4-8", "stop_reason": "refusal", "output_tokens": output}
    return said | details


REFUSALS: dict[str, Case] = {
    "1 June": (refusal("2026-06-01", "cyber"), 1000 * 5, "0.005"),
    "1 June, no category": (refusal("2026-06-01", None), 1000 * 5, "0.005"),
    "2 June": (refusal("2026-06-02", "bio"), 0, "0.00"),
    "2 June, after some output": (refusal("2026-06-02", "bio", 10), 1000 * 5 + 10 * 25, "0.00525"),
    "23 September": (refusal("2026-09-23", "bio"), 0, "0.00"),
    "24 September, bio": (refusal("2026-09-24", "bio"), 1000 * 5, "0.005"),
    "24 September, frontier_llm": (refusal("2026-09-24", "frontier_llm"), 1000 * 5, "0.005"),
    "24 September, reasoning_extraction": (refusal("2026-09-24", "reasoning_extraction"), 1000 * 5, "0.005"),
    "24 September, cyber": (refusal("2026-09-24", "cyber"), 0, "0.00"),
    "24 September, no category": (refusal("2026-09-24", None), 0, "0.00"),
    "24 September, cyber, after some output": (refusal("2026-09-24", "cyber", 10), 1000 * 5 + 10 * 25, "0.00525"),
    "no output, but no refusal": (refusal("2026-06-02", None) | {"stop_reason": "end_turn"}, 1000 * 5, "0.005"),
}


def iteration(kind: str, model: str | None, uncached: int, output: int) -> Record:
    named = {"model": model} if model else {}
    return {"type": kind, "input_tokens": uncached, "output_tokens": output} | named


def fallback(day: str, declined_output: int = 0, category: str | None = None) -> Record:
    """Opus 4.8 declines or breaks off, Sonnet 4.6 serves; the totals beside the iterations are those of the serving."""
    attempts = [
        iteration("message", "claude-opus-4-8", 1000, declined_output),
        iteration("fallback_message", "claude-sonnet-4-6", 1000, 100),
    ]
    said = {"stop_details": {"category": category}} if category else {}
    return {"time": f"{day}T12:00:00Z", "model": "claude-sonnet-4-6", "iterations": attempts} | said


SERVED = 1000 * 3 + 100 * 15
ITERATIONS: dict[str, Case] = {
    "advisor": (
        {
            "iterations": [
                iteration("message", None, 1000, 100),
                iteration("advisor_message", "claude-opus-4-8", 500, 50),
            ]
        },
        (1000 * 1 + 100 * 5) + (500 * 5 + 50 * 25),
        "0.00525",
    ),
    "compaction": (
        {"iterations": [iteration("compaction", None, 2000, 200), iteration("message", None, 1000, 100)]},
        (1000 * 1 + 100 * 5) + (2000 * 1 + 200 * 5),
        "0.0045",
    ),
    "two turns, each in its own band": (
        HAIKU_5_5
        | tokens(160_000, 200)
        | {"iterations": [iteration("message", None, 80_000, 100), iteration("message", None, 80_000, 100)]},
        2 * (80_000 * D("0.1") + 100 * D("0.5")),
        "0.0161",
    ),
    "one turn repeats the totals": ({"iterations": [iteration("message", None, 1000, 100)]}, 1500, "0.0015"),
    "declined, 1 June": (fallback("2026-06-01"), SERVED + 1000 * 5, "0.0095"),
    "declined, 2 June": (fallback("2026-06-02"), SERVED, "0.0045"),
    "declined, 23 September": (fallback("2026-09-23"), SERVED, "0.0045"),
    "declined for bio, 24 September": (fallback("2026-09-24", category="bio"), SERVED + 1000 * 5, "0.0095"),
    "declined for cyber, 24 September": (fallback("2026-09-24", category="cyber"), SERVED, "0.0045"),
    "broken off after some output": (fallback("2026-06-02", 10), SERVED + 1000 * 5 + 10 * 25, "0.00975"),
}
FAILED: dict[str, Case] = {
    "overloaded": ({"usage": None, "status": 529, "error": "overloaded_error"}, 0, "0.00"),
    "failed though its prompt was counted": ({"output_tokens": 0, "status": 500}, 0, "0.00"),
    "failed, searches are free": (SEARCHES | {"output_tokens": 0, "status": 500}, 0, "0.00"),
    "failed, unknown model": ({"usage": None, "status": 404, "model": "gpt-9", "error": "not_found_error"}, 0, "0.00"),
}
KNOWN = PLAIN | BANDS | FACTORS | REFUSALS | ITERATIONS | FAILED

# name: (the request, why it has no cost)
UNKNOWN: dict[str, tuple[Record, str]] = {
    "priority": ({"service_tier": "priority"}, "priority_tier"),
    "unknown model": ({"model": "claude-haiku-9"}, "unknown_model"),
    "another vendor's model": ({"model": "gpt-5"}, "unknown_model"),
    "unknown tier": ({"service_tier": "flex"}, "unknown_tier"),
    "unknown speed": ({"speed": "warp"}, "unknown_speed"),
    "unknown place": ({"inference_geo": "eu"}, "unknown_geo"),
    "stream cut off": ({"output_tokens": None, "stream": True}, "no_tokens"),
    "before its model": (HAIKU_4_5 | {"time": "2025-10-14T23:59:59Z"}, "no_price_on_date"),
    "fast after it ended": (FAST | {"model": "claude-opus-4-7", "time": "2026-07-24T00:00:00Z"}, "no_price_on_date"),
    "fast, where there is none": (FAST, "no_price_on_date"),
    "a class without a price": (
        {"model": "claude-2.1", "time": "2024-05-01T00:00:00Z"} | tokens(1000, 100, read=10),
        "no_class_price",
    ),
    "declined for an unknown reason, 24 September": (fallback("2026-09-24"), "no_refusal_category"),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """The report by feature over one log of all cases, each a feature of its own."""
    folder = tmp_path_factory.mktemp("known")
    known = [usage_record(feature=name, **request) for name, (request, _, _) in KNOWN.items()]
    unknown = [usage_record(feature=name, **request) for name, (request, _) in UNKNOWN.items()]
    with open_store(folder / "usage.duckdb") as store:
        summary = load(store, [write_log(folder / "log.jsonl", known + unknown)])
        assert (summary.requests, summary.rejected, summary.unpriced) == (len(KNOWN) + len(UNKNOWN), 0, len(UNKNOWN))
        found = store.cursor().execute("SELECT feature, max(unpriced_because) FROM usage GROUP BY feature").fetchall()
    said = StringIO()
    with redirect_stdout(said):
        assert ask(["report", "--db", str(folder / "usage.duckdb"), "--by", "feature", "--format", "json"]) == 0
    because = dict(found)
    return {row["feature"]: row | {"because": because[row["feature"]]} for row in json.loads(said.getvalue())}


@pytest.mark.parametrize("name", KNOWN)
def test_known_answer(name: str, answers: Answers) -> None:
    _, millionths, expected = KNOWN[name]
    assert answers[name]["cost_usd"] == expected
    assert D(expected) == D(millionths) / 10**6
    assert answers[name]["unpriced_requests"] == 0


def test_three_calls_add_up(answers: Answers) -> None:
    costs = [D(answers[name]["cost_usd"]) for name in ("16/14", "13/10", "15/6")]
    assert sum(costs) == D("0.000086") + D("0.000063") + D("0.000045") == D("0.000194") == dollars(194 * 10**6)


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_unpriced_and_never_zero(name: str, answers: Answers) -> None:
    row = answers[name]
    assert row["because"] == UNKNOWN[name][1]
    assert (row["requests"], row["unpriced_requests"]) == (1, 1)


@pytest.mark.parametrize("name", sorted(UNKNOWN.keys() - {"declined for an unknown reason, 24 September"}))
def test_a_group_of_nothing_but_unpriced_requests_has_no_cost(name: str, answers: Answers) -> None:
    assert {answers[name][key] for key in answers[name] if key.endswith("_usd")} == {None}
    assert answers[name]["unpriced_tokens"] == answers[name]["prompt_tokens"] + answers[name]["output_tokens"] > 0


def test_a_request_with_one_unpriced_part_is_unpriced_and_the_rest_of_it_counted(answers: Answers) -> None:
    row = answers["declined for an unknown reason, 24 September"]
    assert (row["cost_usd"], row["unpriced_requests"], row["unpriced_tokens"]) == ("0.0045", 1, 1000)


def test_failed_requests_are_counted(answers: Answers) -> None:
    assert [answers[name]["failed_requests"] for name in FAILED] == [1, 1, 1, 1]
    assert sum(answers[name]["failed_requests"] for name in answers) == 4
