from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ingest.record import UsageRecord
from tests.ingest.formats.otlp_exports import START, attributes, event, logs
from tests.ingest.formats.reading import CORPORA, Read, counts, read_file, read_values

COUNTS = {"input_tokens": 12, "output_tokens": 80, "cache_read_tokens": 900, "cache_creation_tokens": 40}
REQUEST = {"model": "claude-opus-5", **COUNTS}


def read(*records: dict[str, Any], resource: dict[str, Any] | None = None) -> Read:
    return read_values("otlp", [logs(*records, resource=resource)])


def one(values: dict[str, Any], name: str = "api_request", resource: dict[str, Any] | None = None) -> UsageRecord:
    result = read(event(name, values), resource=resource)
    assert (len(result.records), result.rejected) == (1, [])
    return result.records[0]


def test_all_that_an_event_tells() -> None:
    first, failed, last = read_file(CORPORA / "otlp_logs.jsonl").records
    assert counts(first.parts[0]) == (12, 80, 900, 40, 0)
    assert (first.parts[0].model, first.request_id, first.message_id) == ("claude-opus-5", "req_l2", None)
    assert (first.started_at, first.latency_ms) == (datetime(2026, 11, 16, 12, 0, 2), 1570)
    assert (first.time_to_first_token_ms, first.speed) == (400, "standard")
    assert (first.feature, first.user, first.session) == ("claude-code", "ada@example.com", "s-1")
    assert first.tags == {"query_source": "repl_main_thread", "skill": "review", "version": "2.1.289"}
    assert first.recorded_cost_picos == 2_760_000_000
    assert (failed.status, failed.error, counts(failed.parts[0])) == (429, "rate_limit_error", (0, 0, 0, 0, 0))
    assert (last.recorded_cost_picos, counts(last.parts[0])) == (48_000_000, (3, 9, 0, 0, 0))


@pytest.mark.parametrize(
    "record",
    [
        {"body": {"stringValue": "claude_code.api_request"}},
        {"body": None, "attributes": attributes({"event.name": "api_request", **REQUEST})},
        {"body": None, "attributes": attributes({"event.name": "claude_code.api_request", **REQUEST})},
        {"body": {"stringValue": "any text"}, "eventName": "claude_code.api_request"},
        {"body": None, "eventName": "api_request", "attributes": attributes(REQUEST)},
    ],
)
def test_the_event_may_be_named_in_several_places(record: dict[str, Any]) -> None:
    assert len(read(event("api_request", REQUEST) | record).records) == 1


@pytest.mark.parametrize("name", ["user_prompt", "tool_result", "api_retries_exhausted", "assistant_response"])
def test_other_events_are_ignored(name: str) -> None:
    assert read(event(name, REQUEST)).ignored == 1


def test_events_of_others_are_ignored_though_they_bear_the_same_name() -> None:
    record = event("api_request", REQUEST) | {"body": {"stringValue": "api_request"}}
    other = {"resourceLogs": [{"scopeLogs": [{"scope": {"name": "gateway"}, "logRecords": [record]}]}]}
    assert read_values("otlp", [other]).ignored == 1


@pytest.mark.parametrize(
    "encoding", [str, int, lambda count: {"intValue": count}, lambda count: {"doubleValue": count}]
)
def test_counts_may_be_text_or_numbers(encoding: Any) -> None:
    found = one({"model": "claude-opus-5", **{name: encoding(count) for name, count in COUNTS.items()}})
    assert counts(found.parts[0]) == (12, 80, 900, 40, 0)


def test_all_cache_writes_are_5_minute_writes_since_nothing_tells() -> None:
    assert (one(REQUEST).parts[0].cache_write_5m_tokens, one(REQUEST).parts[0].cache_write_1h_tokens) == (40, 0)


@pytest.mark.parametrize("missing", ["input_tokens", "output_tokens", "model"])
def test_a_request_without_its_counts_or_model_is_rejected(missing: str) -> None:
    [rejected] = read(event("api_request", {**REQUEST, missing: None})).rejected
    assert (rejected.field, rejected.found) == (missing, "nothing")


@pytest.mark.parametrize(
    ("logged", "model"), [("claude-opus-5[1m]", "claude-opus-5"), ("claude-sonnet-5 [200K]", "claude-sonnet-5")]
)
def test_the_size_of_the_context_window_is_no_part_of_the_model(logged: str, model: str) -> None:
    assert one({**REQUEST, "model": logged}).parts[0].model == model


@pytest.mark.parametrize(
    ("values", "picos"),
    [
        ({"cost_usd": 0.00276}, 2_760_000_000),
        ({"cost_usd": "0.00276"}, 2_760_000_000),
        ({"cost_usd_micros": 2760}, 2_760_000_000),
        ({"cost_usd": 0.0000004, "cost_usd_micros": 0}, 400_000),
        ({}, None),
    ],
)
def test_the_recorded_cost_is_the_more_exact_one(values: dict[str, Any], picos: int | None) -> None:
    assert one({**REQUEST, **values}).recorded_cost_picos == picos


@pytest.mark.parametrize(
    ("values", "status", "error"),
    [
        ({"status_code": "529", "error": "Overloaded"}, 529, "Overloaded"),
        (
            {"status_code": 429, "error": '429 {"type":"error","error":{"type":"rate_limit_error"}}'},
            429,
            "rate_limit_error",
        ),
        ({"status_code": "undefined", "error": "Connection error."}, None, "error"),
        ({"error": "prompt is too long: please shorten the letter to my landlord"}, None, "error"),
        ({}, None, "error"),
    ],
)
def test_a_failed_request_keeps_its_status_and_no_message(
    values: dict[str, Any], status: int | None, error: str
) -> None:
    found = one({"model": "claude-opus-5", **values}, name="api_error")
    assert (found.status, found.error, counts(found.parts[0])) == (status, error, (0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("resource", "feature"),
    [
        ({"service.name": "claude-code", "project": "shop"}, "shop"),
        ({"service.name": "ci-review"}, "ci-review"),
        ({}, "claude-code"),
    ],
)
def test_the_feature_is_the_project_else_the_service(resource: dict[str, Any], feature: str) -> None:
    assert one(REQUEST, resource=resource).feature == feature


def test_the_user_is_a_mail_address_else_an_id() -> None:
    assert one({**REQUEST, "user.email": "ada@example.com", "user.id": "0a1b"}).user == "ada@example.com"
    assert one({**REQUEST, "user.id": "0a1b"}).user == "0a1b"


@pytest.mark.parametrize(
    ("times", "moment"),
    [
        ({"timeUnixNano": START}, datetime(2026, 11, 16, 12)),
        ({"timeUnixNano": "0", "observedTimeUnixNano": str(START)}, datetime(2026, 11, 16, 12)),
        ({"timeUnixNano": None}, datetime(2026, 11, 16, 9, 30)),
    ],
)
def test_the_time_is_the_events_else_when_it_was_seen(times: dict[str, Any], moment: datetime) -> None:
    record = event("api_request", {**REQUEST, "event.timestamp": "2026-11-16T09:30:00Z"}) | times
    assert [found.started_at for found in read(record).records] == [moment]


def test_an_event_without_a_request_id_is_known_by_the_clients_or_by_its_place() -> None:
    assert one({**REQUEST, "client_request_id": "7e1c"}).log_id == "client:7e1c"
    assert one({**REQUEST, "event.sequence": 4}).log_id == f"event:s-1/4/{START}"
    assert one({**REQUEST, "event.sequence": None}).log_id is None
