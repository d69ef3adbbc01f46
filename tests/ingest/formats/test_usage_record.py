from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ingest.formats import by_name, detect
from ingest.record import Part, UsageRecord
from tests.ingest.formats.reading import read_values, record_of

WHOLE = {
    "time": "2026-11-20T12:00:00.250Z",
    "request_id": "req_1",
    "message_id": "msg_1",
    "model": "claude-haiku-4-5",
    "provider": "bedrock",
    "region": "eu-west-1",
    "feature": "triage",
    "user": "u1",
    "session": "s1",
    "tags": {"env": "prod", "beta": True, "build": 7, "none": None},
    "usage": {
        "input_tokens": 21,
        "output_tokens": 77,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 9,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5},
        "output_tokens_details": {"thinking_tokens": 30},
        "server_tool_use": {"web_search_requests": 2},
        "service_tier": "standard",
        "speed": "fast",
        "inference_geo": "us",
    },
    "stop_reason": "refusal",
    "stop_details": {"category": "bio"},
    "max_tokens": 1024,
    "stream": True,
    "latency_ms": 812.4,
    "time_to_first_token_ms": 300,
    "status": 200,
    "error": None,
    "prefixes": ["a1", "b2"],
}


def test_every_field_is_kept() -> None:
    assert record_of("usage_record", WHOLE) == UsageRecord(
        parts=(Part("claude-haiku-4-5", 21, 77, 5, 4, 5, 30, 2),),
        started_at=datetime(2026, 11, 20, 12, 0, 0, 250_000),
        message_id="msg_1",
        request_id="req_1",
        provider="bedrock",
        region="eu-west-1",
        feature="triage",
        user="u1",
        session="s1",
        tags={"env": "prod", "beta": "true", "build": "7"},
        service_tier="standard",
        speed="fast",
        inference_geo="us",
        stop_reason="refusal",
        stop_category="bio",
        max_tokens=1024,
        stream=True,
        latency_ms=812,
        time_to_first_token_ms=300,
        status=200,
        prefixes='["a1","b2"]',
    )


@pytest.mark.parametrize(
    ("change", "part", "error"),
    [
        ({"usage": None, "status": 529, "error": "overloaded_error"}, Part("m", 0, 0), "overloaded_error"),
        ({"usage": None, "status": 500}, Part("m", 0, 0), None),
        ({"usage": None, "error": {"type": "error", "error": {"type": "api_error"}}}, Part("m", 0, 0), "api_error"),
        ({"usage": None, "error": "the whole message of an error"}, Part("m", 0, 0), "error"),
        ({"usage": None, "stream": True}, Part("m", None, None), None),
        ({"usage": {"input_tokens": 9}, "stream": True}, Part("m", 9, None), None),
        ({"usage": {"input_tokens": 9, "output_tokens": None}, "stream": True}, Part("m", 9, None), None),
        ({"usage": {"input_tokens": 9, "output_tokens": 2}, "status": 500}, Part("m", 9, 2), None),
    ],
)
def test_requests_that_failed_or_were_cut(change: dict[str, Any], part: Part, error: str | None) -> None:
    record = record_of("usage_record", {"time": "2026-11-20T12:00:00Z", "model": "m", **change})
    assert (record.parts, record.error) == ((part,), error)


def test_iterations_that_contradict_are_counted_as_a_finding() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1, "iterations": [{"type": "message", "input_tokens": 2}]}
    read = read_values("usage_record", [{"time": "2026-11-20T12:00:00Z", "model": "m", "usage": usage}] * 2)
    assert [len(record.parts) for record in read.records] == [1, 1]
    assert read.findings == ["2 requests: usage.iterations contradicts the totals beside it; the totals were taken."]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"usage": {"input_tokens": 1, "output_tokens": 1}}, "usage_record"),
        ({"usage": None, "error": "api_error"}, "usage_record"),
        ({"status": 500}, "usage_record"),
        ({"usage": {"input_tokens": 1, "output_tokens": 1}, "cost_usd": 0.1}, "home_made"),
        ({"usage": {"prompt_tokens": 1, "completion_tokens": 1}}, "home_made"),
        ({"status": 200, "prompt_tokens": 1, "completion_tokens": 1}, "home_made"),
    ],
)
def test_our_record_is_told_from_home_made_ones(row: dict[str, Any], name: str) -> None:
    format_ = detect([{"time": "2026-11-20T12:00:00Z", "model": "m", **row}])
    assert format_ is by_name(name)
