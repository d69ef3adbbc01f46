from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.formats.stream_events import CUT
from ingest.formats.vertex import NO_REGION, NO_RESPONSE, SAMPLE
from ingest.load import load
from ingest.record import UsageRecord
from store.models import VERTEX_UNKNOWN
from tests.factories import costs, emptied, rows, write_log
from tests.ingest.formats.reading import CORPORA, counts, read_file, read_values, record_of

PATH = "projects/shop/locations/us-east5/publishers/anthropic/models/claude-haiku-4-5@20251001"
MESSAGE: dict[str, Any] = {
    "id": "msg_vrtx_1",
    "type": "message",
    "model": "claude-haiku-4-5-20251001",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 21, "output_tokens": 77},
}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**MESSAGE, "usage": {"input_tokens": 21, "output_tokens": 1}}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "…"}},
    {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 77}},
    {"type": "message_stop"},
]
SSE = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS)


def row(response: Any = MESSAGE, **over: Any) -> dict[str, Any]:
    """A row: Haiku 4.5 in us-east5; None leaves a column out."""
    columns = {
        "endpoint": PATH,
        "logging_time": "2026-11-18 09:00:00.250000 UTC",
        "request_id": "5374205265901353984",
        "model": "publishers/anthropic/models/claude-haiku-4-5@20251001",
        "model_version": "default",
        "api_method": "RawPredict",
        "full_request": {"max_tokens": 500},
        "full_response": response,
        "metadata": {"request_latency": 912.4},
        **over,
    }
    return {name: value for name, value in columns.items() if value is not None}


def one(value: Any) -> UsageRecord:
    return record_of("vertex", value)


def findings(value: Any) -> list[str]:
    read = read_values("vertex", [value])
    assert (len(read.records), read.rejected) == (1, [])
    return [text for text in read.findings if SAMPLE not in text]


# ── what is in a row ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_tells_the_message_and_what_stands_beside_it() -> None:
    record = read_file(CORPORA / "vertex.jsonl").records[0]
    assert counts(record.parts[0]) == (21, 77, 900, 40, 20)
    assert (record.message_id, record.request_id) == ("msg_vrtx_01", "5374205265901353984")
    assert record.started_at == datetime(2026, 11, 18, 9, 0, 0, 250_000)
    assert (record.provider, record.region, record.user) == ("vertex", "us-east5", "u-17")
    assert (record.latency_ms, record.max_tokens, record.stop_reason, record.stream) == (912, 500, "end_turn", False)


def test_the_log_is_said_to_be_a_sample() -> None:
    assert read_file(CORPORA / "vertex.jsonl").findings == [f"3 requests: {SAMPLE}."]
    assert "never a complete bill" in SAMPLE


@pytest.mark.parametrize(
    "response",
    [EVENTS, json.dumps(EVENTS), SSE, [SSE], [json.dumps(event) for event in EVENTS]],
    ids=["events", "text of events", "server-sent", "list of texts", "text each"],
)
def test_the_events_of_a_stream_are_merged_and_not_added(response: Any) -> None:
    record = one(row(response, api_method="StreamRawPredict"))
    assert counts(record.parts[0]) == (21, 77, 0, 0, 0)
    assert (record.message_id, record.stop_reason, record.stream) == ("msg_vrtx_1", "max_tokens", True)


def test_columns_may_be_texts() -> None:
    texts = {"full_request": '{"max_tokens": 9}', "metadata": '{"request_latency": "12"}'}
    record = one(row(json.dumps(MESSAGE), **texts))
    assert (counts(record.parts[0])[:2], record.max_tokens, record.latency_ms) == ((21, 77), 9, 12)


@pytest.mark.parametrize("empty", [None, {}, "", "{}"])
def test_without_the_full_columns_the_payloads_are_read(empty: Any) -> None:
    older = {"full_request": empty, "request_payload": ['{"max_tokens": 9}'], "response_payload": [json.dumps(MESSAGE)]}
    record = one(row(empty, **older))
    assert (counts(record.parts[0])[:2], record.max_tokens) == ((21, 77), 9)


def test_a_stream_that_was_cut_has_an_unknown_output() -> None:
    assert counts(one(row(EVENTS[:2])).parts[0])[:2] == (21, None)
    assert findings(row(EVENTS[:2])) == [f"1 request: {CUT}."]


def test_a_row_without_its_response_has_unknown_tokens() -> None:
    assert counts(one(row(None, response_payload=[])).parts[0])[:2] == (None, None)
    assert findings(row(None, response_payload=[])) == [f"1 request: {NO_RESPONSE}."]


@pytest.mark.parametrize(
    ("response", "error", "status"),
    [
        ({"error": {"code": 429, "message": "secret", "status": "RESOURCE_EXHAUSTED"}}, "RESOURCE_EXHAUSTED", 429),
        ([{"error": {"code": 400, "message": "secret", "status": "INVALID_ARGUMENT"}}], "INVALID_ARGUMENT", 400),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "secret"}}, "overloaded_error", None),
        ({"error": {"message": "secret"}}, "error", None),
    ],
)
def test_a_failed_request_has_no_tokens(response: Any, error: str, status: int | None) -> None:
    record = one(row(response))
    assert (record.error, record.status, counts(record.parts[0])) == (error, status, (0, 0, 0, 0, 0))
    assert "secret" not in repr(record)


def test_a_stream_that_broke_is_failed_and_its_output_unknown() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error"}}
    record = one(row([EVENTS[0], error]))
    assert (record.error, counts(record.parts[0])[:2]) == ("overloaded_error", (21, None))


@pytest.mark.parametrize(
    "usage",
    [
        {"promptTokenCount": 30, "cachedContentTokenCount": 10, "candidatesTokenCount": 29, "thoughtsTokenCount": 901},
        {
            "prompt_token_count": 30,
            "cached_content_token_count": 10,
            "candidates_token_count": 29,
            "thoughts_token_count": 901,
        },
    ],
)
def test_gemini_is_kept_as_logged(usage: dict[str, int]) -> None:
    name = "usageMetadata" if "promptTokenCount" in usage else "usage_metadata"
    value = row([{name: {}}, {name: usage}], model="publishers/google/models/gemini-2.5-pro", endpoint=None)
    part = one(value).parts[0]
    assert (part.model, counts(part), part.reasoning_tokens) == ("gemini-2.5-pro", (20, 930, 10, 0, 0), 901)
    assert findings(value) == []


def test_no_text_of_prompt_or_answer_is_kept() -> None:
    secret = "the prompt's own words"
    asked = {"system": secret, "messages": [{"role": "user", "content": secret}]}
    body = {**MESSAGE, "content": [{"type": "text", "text": secret}], "stop_sequence": secret}
    assert secret not in repr(one(row(body, full_request=asked, request_payload=[secret])))
    (why,) = read_values("vertex", [row({"candidates": secret})]).rejected
    assert secret not in str(why)


# ── which model, where, for whom ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "version", "logged"),
    [
        ("publishers/anthropic/models/claude-haiku-4-5@20251001", "default", "claude-haiku-4-5@20251001"),
        ("publishers/anthropic/models/claude-haiku-4-5", "20251001", "claude-haiku-4-5@20251001"),
        (PATH, None, "claude-haiku-4-5@20251001"),
        ("claude-haiku-4-5-20251001", "20251001", "claude-haiku-4-5-20251001"),
        ("publishers/anthropic/models/claude-opus-5-5", "default", "claude-opus-5-5"),
        (None, None, "claude-haiku-4-5-20251001"),
        ("", "20251001", "claude-haiku-4-5-20251001"),
    ],
)
def test_the_model_is_the_rows_with_its_snapshot(model: str | None, version: str | None, logged: str) -> None:
    assert one(row(model=model, model_version=version)).parts[0].model == logged


def test_an_advisor_is_a_part_at_its_own_model() -> None:
    own = {"type": "message", "input_tokens": 21, "output_tokens": 77}
    advisor = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 500, "output_tokens": 50}
    parts = one(row({**MESSAGE, "usage": {**MESSAGE["usage"], "iterations": [own, advisor]}})).parts
    assert [(part.kind, part.model) for part in parts] == [
        ("message", "claude-haiku-4-5@20251001"),
        ("advisor", "claude-opus-4-8"),
    ]


@pytest.mark.parametrize(
    ("columns", "region"),
    [
        ({"endpoint": "projects/1/locations/europe-west1/endpoints/2"}, "europe-west1"),
        ({"endpoint": "https://us-central1-aiplatform.googleapis.com"}, "us-central1"),
        ({"endpoint": "https://aiplatform.googleapis.com/v1/publishers/anthropic"}, "global"),
        ({"endpoint": "projects/1/locations/global/publishers/anthropic/models/x"}, "global"),
        ({"endpoint": "", "model": PATH}, "us-east5"),
        ({"endpoint": None, "full_request": {"model": PATH}}, "us-east5"),
        ({"endpoint": None}, None),
    ],
)
def test_the_region_is_the_endpoints(columns: dict[str, Any], region: str | None) -> None:
    assert one(row(**columns)).region == region
    assert findings(row(**columns)) == ([] if region else [f"1 request: {NO_REGION}."])


@pytest.mark.parametrize(
    ("name", "user", "session"),
    [
        ("u-17", "u-17", None),
        (None, None, None),
        (
            "user_9f_account__session_0c5b1c5e-93c8-4d4a-a5ef-3b0f2f1d7a11",
            "user_9f_account_",
            "0c5b1c5e-93c8-4d4a-a5ef-3b0f2f1d7a11",
        ),
        ('{"device_id": "d1", "account_uuid": "", "session_id": "s1"}', "d1", "s1"),
        ('{"device_id": "d1", "account_uuid": "a1", "session_id": "s1"}', "a1", "s1"),
        ('{"device_id": ', None, None),
    ],
)
def test_user_and_session_are_those_of_the_request(name: str | None, user: str | None, session: str | None) -> None:
    record = one(row(full_request={"metadata": {"user_id": name}}))
    assert (record.user, record.session) == (user, session)


# ── rows that are none, and those that are wrong ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        ([], None, "not an object"),
        (row(logging_time=7), "logging_time", "another century"),
        (row() | {"logging_time": None}, "logging_time", "missing"),
        (row({"error": {"code": 429}}, model=None), "model", "missing"),
        (row(model=["m"]), "model", "not a text"),
        (row({**MESSAGE, "usage": {"input_tokens": -1}}), "full_response.usage.input_tokens", "negative"),
        (row({**MESSAGE, "usage": {"output_tokens": 1}}), "full_response.usage.input_tokens", "missing"),
        (row({**MESSAGE, "usage": 5}), "full_response", "neither a message with its usage"),
        (row({"answer": "text"}), "full_response", "neither a message with its usage"),
        (row({"usageMetadata": {"promptTokenCount": 1.5}}), "full_response.usageMetadata.promptTokenCount", "fraction"),
        (
            row({"usageMetadata": {"promptTokenCount": 1, "cachedContentTokenCount": 2}}),
            "full_response.usageMetadata",
            "cache parts larger than their whole",
        ),
        (row(metadata={"request_latency": "slow"}), "metadata.request_latency", "not a number"),
    ],
)
def test_a_bad_row_names_its_field_and_reason(value: Any, field: str | None, reason: str) -> None:
    (why,) = read_values("vertex", [value]).rejected
    assert (why.field, reason in why.reason) == (field, True), why
    assert why.advice


@pytest.mark.parametrize("value", [{}, {"logging_time": "2026-11-18T09:00:00Z"}, {"full_response": MESSAGE}])
def test_other_values_are_no_rows(value: Any) -> None:
    read = read_values("vertex", [value])
    assert (read.records, read.ignored, read.rejected) == ([], 1, [])


# ── whole files, and the cost end to end ───────────────────────────────────────────────────────────────────────────

ROWS = [row({**MESSAGE, "id": f"msg_{n}"}) for n in range(3)]


@pytest.mark.parametrize(
    "text",
    ["\n".join(map(json.dumps, ROWS)), "".join(map(json.dumps, ROWS)), json.dumps(ROWS, indent=2)],
    ids=["lines", "concatenated", "list"],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_files_in_every_form_hold_the_same_requests(tmp_path: Path, text: str, zipped: bool) -> None:
    path = tmp_path / "export-000000000000.json.gz"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    read = read_file(path)
    assert (read.format, read.rejected) == ("vertex", [])
    assert [record.message_id for record in read.records] == ["msg_0", "msg_1", "msg_2"]


def test_a_regional_endpoint_costs_a_tenth_more() -> None:
    """In pico-dollars: input, cache read, 5-minute write, 1-hour write, output; all of it a tenth more."""
    store = emptied()
    summary = load(store, [CORPORA / "vertex.jsonl"])
    assert (summary.lines, summary.requests, summary.rejected, summary.unpriced) == (3, 3, 0, 0)
    assert costs(store) == {
        "msg_vrtx_01": (21 * 1_000_000 + 900 * 100_000 + 40 * 1_250_000 + 20 * 2_000_000 + 77 * 5_000_000) * 11 // 10,
        "msg_vrtx_02": (30 * 3_000_000 + 45 * 15_000_000) * 11 // 10,
        "5374205265901353986": 0,
    }
    assert summary.cost == 644_600_000 + 841_500_000
    assert any(SAMPLE in finding for finding in summary.files[0].findings)


def test_without_a_region_the_price_is_the_global_endpoints_and_that_is_kept(tmp_path: Path) -> None:
    store = emptied()
    load(store, [write_log(tmp_path / "log.jsonl", [row(endpoint=None)])])
    assert costs(store) == {"msg_vrtx_1": 21 * 1_000_000 + 77 * 5_000_000}
    assert rows(store, "SELECT region, assumption FROM model_name") == [(None, VERTEX_UNKNOWN)]
