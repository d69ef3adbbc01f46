from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from ingest.formats import ReadOptions
from ingest.record import Part
from tests.ingest.formats.reading import CORPORA, counts, read_file, read_values, record_of

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "model": "claude-haiku-4-5",
    "content": [{"type": "text", "text": "secret"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 21, "output_tokens": 77, "service_tier": "standard"},
}
AT = datetime(2026, 11, 20, 12)


@pytest.mark.parametrize(
    "wrapper",
    [
        {"response": MESSAGE},
        {"message": MESSAGE},
        {"body": MESSAGE},
        {"result": MESSAGE},
        {"data": MESSAGE},
        {"output": MESSAGE},
        {"response": {"status_code": 200, "body": MESSAGE}},
        {"response": json.dumps(MESSAGE)},
        {"response": {"headers": {"request-id": "req_1"}, "body": json.dumps(MESSAGE)}},
    ],
)
def test_a_message_is_found_in_any_wrapper(wrapper: dict[str, Any]) -> None:
    row = {"date": "Fri, 20 Nov 2026 12:00:00 GMT", "user_id": "u1", "app": "triage", **wrapper}
    assert read_values("messages_api", [row]).ignored == 0
    record = record_of("messages_api", row)
    assert counts(record.parts[0]) == (21, 77, 0, 0, 0)
    assert (record.message_id, record.started_at, record.user, record.feature) == ("msg_1", AT, "u1", "triage")
    assert (record.stop_reason, record.service_tier) == ("end_turn", "standard")
    assert "secret" not in repr(record)


def test_a_bare_message_takes_the_files_time_and_says_so() -> None:
    read = read_values("messages_api", [MESSAGE, {**MESSAGE, "id": "msg_2"}], ReadOptions(file_time=AT))
    assert [record.started_at for record in read.records] == [AT, AT]
    assert read.findings == ["2 requests: no time in the log; the file's own time was taken."]
    read = read_values("messages_api", [{**MESSAGE, "_request_id": "req_9"}])
    assert (read.records[0].started_at, read.records[0].request_id) == (None, "req_9")
    assert read.findings == ["1 request: no time in the log, and none of the file."]


def test_an_error_is_a_failed_request_of_the_model_asked_for() -> None:
    read = read_file(CORPORA / "messages_api_wrapped.jsonl")
    failed = read.records[1]
    assert failed.parts == (Part("claude-haiku-4-5", 0, 0),)
    assert (failed.status, failed.error, failed.request_id) == (429, "rate_limit_error", "req_w2")
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "secret"}, "request_id": "req_1"}
    record = record_of("messages_api", error)
    assert (record.parts[0].model, record.error, record.request_id) == (None, "overloaded_error", "req_1")


def test_null_fields_of_a_dumped_model_are_unknown() -> None:
    usage = {
        "input_tokens": 17,
        "output_tokens": 220,
        "cache_creation": None,
        "cache_creation_input_tokens": None,
        "cache_read_input_tokens": None,
        "server_tool_use": None,
        "service_tier": None,
        "inference_geo": "not_available",
    }
    record = record_of("messages_api", {**MESSAGE, "usage": usage, "stop_details": None})
    assert counts(record.parts[0]) == (17, 220, 0, 0, 0)
    assert (record.service_tier, record.inference_geo, record.stop_category) == (None, None, None)
