from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.formats import ReadOptions, WrongFormat, home_made
from ingest.formats.beside import NO_ZONE, UNREADABLE
from ingest.formats.home_made import CUMULATIVE, SEVERAL
from ingest.formats.row_counts import INSIDE, OUTSIDE, REASONING
from tests.ingest.formats.reading import CORPORA, Read, counts, read_file, read_values, record_of

ROW = {"ts": "2026-11-20T12:00:00Z", "model": "claude-haiku-4-5"}
AT = datetime(2026, 11, 20, 12)


def read_rows(tmp_path: Path, rows: list[dict[str, Any]]) -> Read:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps({**ROW, **row}) + "\n" for row in rows))
    return read_file(path)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"input_tokens": 21, "output_tokens": 77}, (21, 77, 0, 0, 0)),
        ({"inputTokens": 21, "outputTokens": 77}, (21, 77, 0, 0, 0)),
        ({"tokens_in": "21", "tokens_out": 77.0}, (21, 77, 0, 0, 0)),
        ({"tokens": {"input": 21, "output": 77}}, (21, 77, 0, 0, 0)),
        ({"token_usage": {"prompt": 21, "completion": 77}}, (21, 77, 0, 0, 0)),
        ({"response": {"usage": {"input_tokens": 21, "output_tokens": 77}}}, (21, 77, 0, 0, 0)),
        ({"usage": {"input_tokens": 21, "output_tokens": 77, "cache_read_input_tokens": 90}}, (21, 77, 90, 0, 0)),
        (
            {"input_tokens": 21, "output_tokens": 77, "cache_read_tokens": 90, "cache_write_tokens": 8},
            (21, 77, 90, 8, 0),
        ),
        (
            {
                "usage": {
                    "input_tokens": 21,
                    "output_tokens": 77,
                    "cache_creation_input_tokens": 8,
                    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 8},
                }
            },
            (21, 77, 0, 0, 8),
        ),
        ({"input_tokens": 21, "output_tokens": 77, "cache_write_tokens": 8, "cache_write_1h": 3}, (21, 77, 0, 5, 3)),
        ({"uncached_input_tokens": 21, "output_tokens": 77, "cached_tokens": 9}, (21, 77, 9, 0, 0)),
        (
            {"usage": {"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 60}}},
            (40, 7, 60, 0, 0),
        ),
        ({"prompt_tokens": 100, "completion_tokens": 7, "cached_tokens": 60}, (40, 7, 60, 0, 0)),
        (
            {"usage": {"input_tokens": 100, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 60}}},
            (40, 7, 60, 0, 0),
        ),
        ({"prompt_tokens": 100, "completion_tokens": 7, "cache_read_tokens": 160}, (100, 7, 160, 0, 0)),
        (
            {"prompt_tokens": 100, "completion_tokens": 7, "cache_read_tokens": 60, "total_tokens": 167},
            (100, 7, 60, 0, 0),
        ),
        (
            {"prompt_tokens": 100, "completion_tokens": 7, "cache_read_tokens": 60, "total_tokens": 107},
            (40, 7, 60, 0, 0),
        ),
    ],
)
def test_counts_under_the_usual_names(row: dict[str, Any], expected: tuple[int, ...]) -> None:
    assert counts(record_of("home_made", {**ROW, **row}).parts[0]) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"user_id": 17}, {"user": "17"}),
        ({"user": {"id": "u1", "name": "x"}}, {"user": "u1"}),
        ({"metadata": {"customer": "c9", "endpoint": "/a"}}, {"user": "c9", "feature": "/a"}),
        ({"app": "a", "feature": "f"}, {"feature": "f"}),
        ({"use_case": "draft", "conversation_id": "s"}, {"feature": "draft", "session": "s"}),
        ({"trace_id": "t1"}, {"session": "t1"}),
        ({"id": "msg_123"}, {"message_id": "msg_123", "request_id": None}),
        ({"id": "7f0c2a9e-1"}, {"request_id": "7f0c2a9e-1"}),
        ({"id": 17}, {"request_id": None, "message_id": None}),
        ({"id": "12345678"}, {"request_id": None, "message_id": None}),
        ({"request_id": 17}, {"request_id": "17"}),
        ({"headers": {"request-id": "req_1"}}, {"request_id": "req_1"}),
        ({"cost": 0.000406}, {"recorded_cost_picos": 406_000_000}),
        ({"cost": {"total": "0.000406"}}, {"recorded_cost_picos": 406_000_000}),
        ({"latency_ms": 812}, {"latency_ms": 812}),
        ({"durationMs": 812.4}, {"latency_ms": 812}),
        ({"latency_s": 1.5}, {"latency_ms": 1500}),
        ({"duration_seconds": 2}, {"latency_ms": 2000}),
        ({"latency": 0.75}, {"latency_ms": 750}),
        ({"elapsed": 750}, {"latency_ms": 750}),
        ({"ttft_ms": 200}, {"time_to_first_token_ms": 200}),
        ({"status": 200}, {"status": 200, "error": None}),
        ({"status": "success"}, {"status": None, "error": None}),
        ({"status": "Failed"}, {"error": "failed"}),
        ({"status_code": "429", "error": ""}, {"status": 429, "error": None}),
        ({"error": "None"}, {"error": None}),
        ({"error": {"type": "api_error", "message": "secret"}}, {"error": "api_error"}),
        ({"error": "a long message with what the user wrote"}, {"error": "error"}),
        ({"finish_reason": "stop", "stream": "true"}, {"stop_reason": "stop", "stream": True}),
        ({"request": {"max_tokens": 50, "model": "other"}}, {"max_tokens": 50}),
        ({"tags": {"env": "prod", "n": 1, "deep": {}}}, {"tags": {"env": "prod", "n": "1"}}),
        ({"tags": ["env:prod", "beta"]}, {"tags": {"env": "prod", "beta": "true"}}),
        ({"provider": "bedrock", "aws_region": "eu-west-1"}, {"provider": "bedrock", "region": "eu-west-1"}),
        ({"usage": {"service_tier": "priority"}}, {"service_tier": "priority"}),
        ({"task": "Summarise the following letter: " + "words " * 60}, {"feature": None}),
    ],
)
def test_what_stands_beside_the_counts(row: dict[str, Any], expected: dict[str, Any]) -> None:
    record = record_of("home_made", {**ROW, "tokens_in": 21, "tokens_out": 77, **row})
    assert {name: getattr(record, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ({"timestamp": 1795176000}, AT),
        ({"ts": 1795176000123}, AT.replace(microsecond=123_000)),
        ({"created_at": "2026-11-20T13:00:00+01:00"}, AT),
        ({"createdAt": "2026-11-20T12:00:00Z"}, AT),
        ({"date": "2026-11-20", "time": "12:00:00"}, AT),
        ({"event": {"time": "2026-11-20T12:00:00Z"}}, AT),
        ({"date": "Fri, 20 Nov 2026 12:00:00 GMT"}, AT),
    ],
)
def test_times_under_the_usual_names(time: dict[str, Any], at: datetime) -> None:
    assert record_of("home_made", {"model": "m", "tokens_in": 1, "tokens_out": 1, **time}).started_at == at


def test_a_map_goes_before_the_usual_names() -> None:
    row = {"when": 1795176000, "llm.name": "m", "n": {"in": 100, "out": 7, "hit": 60}, "who": {"id": 4}, "user": "no"}
    field_map = {
        "time": "when",
        "model": "llm.name",
        "prompt_tokens": "n.in",
        "output_tokens": "n.out",
        "cache_read_tokens": "n.hit",
        "user": "who.id",
        "tag:source": "user",
    }
    record = record_of("home_made", row, field_map)
    assert counts(record.parts[0]) == (40, 7, 60, 0, 0)
    assert (record.started_at, record.user, record.tags) == (AT, "4", {"source": "no"})
    outside = record_of("home_made", row, {**field_map, "uncached_input_tokens": "n.in", "prompt_tokens": "absent"})
    assert counts(outside.parts[0]) == (100, 7, 60, 0, 0)


def test_a_map_of_names_that_are_not_ours_is_refused() -> None:
    with pytest.raises(WrongFormat, match="did you mean 'output_tokens'"):
        home_made.reader(ReadOptions(field_map={"output_token": "x"}))


def test_the_fields_found_are_told() -> None:
    found = home_made.field_map_of([{**ROW, "usage": {"prompt_tokens": 1}}, {"who": "x", "tokens_out": 3}])
    assert {ours: theirs for ours, theirs in found.items() if theirs} == {
        "time": "ts",
        "model": "model",
        "input_tokens": "usage.prompt_tokens",
        "output_tokens": "tokens_out",
    }
    assert found["user"] is None
    assert home_made.field_map_of([{"who": "x"}], ReadOptions(field_map={"user": "who"}))["user"] == "who"


def test_failed_and_cut_requests() -> None:
    rows = [
        {**ROW, "error": "rate_limit_error"},
        {**ROW, "status": 500, "usage": None},
        {**ROW, "stream": True, "usage": None},
        {**ROW, "usage": None},
        {**ROW, "tokens_in": 5, "stream": True},
        {"event": "deployed", "ts": "2026-11-20T12:00:00Z"},
    ]
    read = read_values("home_made", rows)
    assert [counts(record.parts[0])[:2] for record in read.records] == [
        (0, 0),
        (0, 0),
        (None, None),
        (None, None),
        (5, None),
    ]
    assert read.ignored == 1


def test_what_is_odd_is_said() -> None:
    rows = [
        {**ROW, "ts": "2026-11-20T12:00:00", "tokens_in": 1, "tokens_out": 1},
        {**ROW, "tokens_in": 1, "tokens_out": 1, "num_turns": 4},
        {**ROW, "tokens_in": 1, "tokens_out": 1, "cost": -1, "latency_ms": "slow"},
        {**ROW, "prompt_tokens": 9, "completion_tokens": 1, "cache_read_tokens": 4},
        {**ROW, "tokens_in": 1, "tokens_out": 1, "reasoning_tokens": 2},
    ]
    findings = read_values("home_made", rows).findings
    assert findings == [
        f"1 request: {NO_ZONE}.",
        f"1 request: {SEVERAL}.",
        f"2 requests: {UNREADABLE}.",
        f"1 request: {INSIDE}.",
        f"1 request: {REASONING}.",
    ]


def test_a_file_whose_cached_tokens_are_more_than_its_prompts_counts_them_outside(tmp_path: Path) -> None:
    row = {"prompt_tokens": 10, "completion_tokens": 1}
    read = read_rows(tmp_path, [{**row, "cache_read_tokens": 4}, {**row, "cache_read_tokens": 40}])
    assert [counts(record.parts[0]) for record in read.records] == [(10, 1, 4, 0, 0), (10, 1, 40, 0, 0)]
    by_details = [{"usage": {**row, "prompt_tokens_details": {"cached_tokens": n}}} for n in (40, 30, 4)]
    read = read_rows(tmp_path, by_details)
    assert [counts(record.parts[0])[:3] for record in read.records] == [(10, 1, 40), (10, 1, 30), (10, 1, 4)]
    assert read.findings == [f"3 requests: {OUTSIDE}."]
    read = read_rows(tmp_path, [*by_details[1:], by_details[2]])
    assert [counts(record.parts[0])[:3] for record in read.records] == [(6, 1, 4), (6, 1, 4)]
    assert [rejected.found for rejected in read.rejected] == ["30 of 10"]


def test_cumulative_counters_become_what_each_row_adds() -> None:
    read = read_file(CORPORA / "home_made_cumulative.jsonl")
    assert [counts(record.parts[0])[:3] for record in read.records] == [
        (100, 10, 0),
        (150, 30, 80),
        (180, 5, 120),
        (70, 25, 0),
        (400, 25, 440),
        (60, 9, 0),
        (30, 10, 10),
    ]
    assert read.findings == [f"7 requests: {CUMULATIVE}."]


def test_a_counter_that_begins_again_counts_from_zero(tmp_path: Path) -> None:
    sums = [(10, 1), (30, 5), (60, 9), (90, 12), (130, 19), (150, 30)]
    rows = [{"session": "a", "tokens_in": i, "tokens_out": o} for i, o in sums]
    other = [{"session": "b", "tokens_in": i, "tokens_out": o} for i, o in [*sums, (20, 4)]]
    read = read_rows(tmp_path, [*rows, *other])
    assert sum(record.parts[0].output_tokens or 0 for record in read.records[:6]) == 30
    assert [counts(record.parts[0])[:2] for record in read.records[6:]] == [*sums, (20, 4)]


@pytest.mark.parametrize(
    "outputs",
    [
        [50, 20, 60, 10, 70, 30],
        [50, 51, 52, 53, 54, 55],
        [50, 50, 50, 50, 50, 50],
        [10, 20, 30, 40],
    ],
)
def test_a_conversation_that_grows_is_not_a_cumulative_counter(tmp_path: Path, outputs: list[int]) -> None:
    rows = [{"session": "a", "tokens_in": 1000 * n, "tokens_out": out} for n, out in enumerate(outputs, start=1)]
    read = read_rows(tmp_path, rows)
    assert [record.parts[0].output_tokens for record in read.records] == outputs
    assert read.findings == []


def test_rows_without_a_session_are_never_taken_for_a_counter(tmp_path: Path) -> None:
    read = read_rows(tmp_path, [{"tokens_in": 10 * n, "tokens_out": n, "request_id": f"r{n}"} for n in range(1, 20)])
    assert sum(record.parts[0].output_tokens or 0 for record in read.records) == 190


def test_a_few_rising_sessions_among_many_are_chance(tmp_path: Path) -> None:
    rising, mixed = [10, 20, 30, 40, 50], [50, 10, 40, 20, 30]
    rows = [
        {"session": f"s{session}", "tokens_in": 1000 * n, "tokens_out": out}
        for session in range(40)
        for n, out in enumerate(rising if session == 7 else mixed, start=1)
    ]
    read = read_rows(tmp_path, rows)
    assert sum(record.parts[0].output_tokens or 0 for record in read.records) == 40 * 150


def test_the_apis_usage_keeps_its_iterations() -> None:
    part = {"type": "message", "input_tokens": 5, "output_tokens": 1}
    usage = {"input_tokens": 10, "output_tokens": 2, "service_tier": "batch", "iterations": [part, part]}
    record = record_of("home_made", {**ROW, "usage": usage, "user_id": "u"})
    assert [counts(p)[:2] for p in record.parts] == [(5, 1), (5, 1)]
    assert (record.service_tier, record.user) == ("batch", "u")
