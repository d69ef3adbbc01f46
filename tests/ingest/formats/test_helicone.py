from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.documents import read_head
from ingest.formats import helicone
from ingest.formats.helicone import FROM_CACHE, NO_COUNTS, NO_LIFETIME
from ingest.load import load
from ingest.record import UsageRecord
from tests.factories import emptied, rows
from tests.ingest.formats.reading import CORPORA, Read, counts, read_file, read_values, record_of

Row = dict[str, Any]

NIL = "00000000-0000-0000-0000-000000000000"
REQUEST: Row = {
    "request_id": "3f9c",
    "request_created_at": "2026-11-20 12:00:00.120",
    "request_user_id": "u1",
    "request_properties": {},
    "response_status": 200,
    "provider": "ANTHROPIC",
    "request_model": "claude-haiku-4-5",
    "prompt_tokens": 4,
    "completion_tokens": 80,
    "prompt_cache_read_tokens": 500,
    "prompt_cache_write_tokens": 700,
    "reasoning_tokens": 0,
    "cache_reference_id": NIL,
    "delay_ms": 812,
    "time_to_first_token": 0,
    "cost": 0.001329,
}
USAGE: Row = {
    "input_tokens": 3,
    "output_tokens": 80,
    "cache_read_input_tokens": 500,
    "cache_creation_input_tokens": 700,
    "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 500},
    "service_tier": "standard",
}
BODY: Row = {"id": "msg_1", "type": "message", "model": "claude-haiku-4-5", "stop_reason": "end_turn", "usage": USAGE}


def read(*changes: Row) -> Read:
    return read_values("helicone", [{**REQUEST, **change} for change in changes])


def one(**change: Any) -> UsageRecord:
    return record_of("helicone", {**REQUEST, **change})


# ── counts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_counts_are_disjoint_as_they_stand() -> None:
    result = read({})
    assert counts(result.records[0].parts[0]) == (4, 80, 500, 700, 0)
    assert result.records[0].parts[0].reasoning_tokens is None
    assert result.findings == [f"1 request: {NO_LIFETIME}."]
    assert read({"prompt_cache_write_tokens": 0}).findings == []


def test_reasoning_stands_beside_the_completion_and_is_billed_with_it() -> None:
    part = one(reasoning_tokens=20).parts[0]
    assert (part.output_tokens, part.reasoning_tokens) == (100, 20)


def test_columns_of_an_older_export_may_be_missing() -> None:
    old = {name: value for name, value in REQUEST.items() if "cache" not in name and name != "reasoning_tokens"}
    assert counts(record_of("helicone", {**old, "prompt_tokens": "9"}).parts[0]) == (9, 80, 0, 0, 0)


@pytest.mark.parametrize("as_text", [False, True])
def test_the_body_of_a_response_is_the_apis_own_word(as_text: bool) -> None:
    body = json.dumps(BODY) if as_text else BODY
    result = read({"response_body": body, "prompt_tokens": 99})
    record = result.records[0]
    assert (counts(record.parts[0]), result.findings) == ((3, 80, 500, 200, 500), [])
    assert (record.message_id, record.log_id, record.stop_reason) == ("msg_1", None, "end_turn")
    assert record.service_tier == "standard"


def test_of_the_body_of_a_stream_only_the_split_is_taken() -> None:
    stream = {**BODY, "streamed_data": "…"}
    assert counts(one(response_body=stream).parts[0]) == (4, 80, 500, 200, 500)
    result = read({"response_body": stream, "prompt_cache_write_tokens": 701})
    assert counts(result.records[0].parts[0]) == (4, 80, 500, 701, 0)
    assert (result.records[0].message_id, result.findings) == ("msg_1", [f"1 request: {NO_LIFETIME}."])


@pytest.mark.parametrize(
    "body",
    [
        "a preview of what was said",
        '{"helicone_message": "fetching body from signed_url"}',
        "{cut",
        {**BODY, "usage": {"prompt_tokens": 9, "helicone_calculated": True}},
        {"object": "chat.completion", "usage": {"prompt_tokens": 9}},
        None,
    ],
)
def test_a_body_without_the_apis_counts_says_nothing(body: object) -> None:
    record = one(response_body=body)
    assert (counts(record.parts[0]), record.log_id) == ((4, 80, 500, 700, 0), "helicone:3f9c")


# ── what is no request, failed or unknown ──────────────────────────────────────────────────────────────────────────

NO_TOKENS = dict.fromkeys(helicone.COUNTS, 0)


def test_what_helicone_answered_from_its_own_cache_is_no_request() -> None:
    result = read({"cache_reference_id": "3f9b"}, {"cache_reference_id": None}, {"cache_reference_id": ""})
    assert (len(result.records), result.ignored) == (2, 1)
    assert f"1 request: {FROM_CACHE}." in result.findings


@pytest.mark.parametrize("field", ["target_url", "request_path"])
def test_counting_tokens_is_no_request(field: str) -> None:
    result = read({field: "https://api.anthropic.com/v1/messages/count_tokens?beta=true"})
    assert (result.records, result.ignored, result.findings) == ([], 1, [])


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"response_status": 529}, 529, None),
        ({"response_status": "429", "response_body": {"type": "error", "error": {"type": "rate_limit_error"}}},
         429, "rate_limit_error"),
        ({"response_status": -3, "response_body": {"type": "error", "error": {"type": "api_error"}}},
         None, "api_error"),
    ],
)  # fmt: skip
def test_a_failed_request_has_no_tokens(change: Row, status: int, error: str | None) -> None:
    record = one(**NO_TOKENS, **change, request_model="")
    assert (record.status, record.error, counts(record.parts[0])) == (status, error, (0, 0, 0, 0, 0))
    assert record.parts[0].model is None


@pytest.mark.parametrize("status", [200, -2, 0, None])
def test_no_tokens_of_a_request_that_did_not_fail_are_unknown_ones(status: int | None) -> None:
    result = read({**NO_TOKENS, "response_status": status}, {**NO_TOKENS, "completion_tokens": 7})
    assert [counts(record.parts[0])[:2] for record in result.records] == [(None, None), (None, 7)]
    assert result.findings == [f"2 requests: {NO_COUNTS}."]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"request_created_at": "soon"}, "request_created_at"),
        ({"request_model": None}, "model"),
        ({"prompt_tokens": -1}, "prompt_tokens"),
        ({"response_body": {**BODY, "usage": {**USAGE, "output_tokens": "many"}}}, "response_body.usage.output_tokens"),
    ],
)
def test_what_cannot_be_is_rejected_in_the_logs_own_words(change: Row, field: str) -> None:
    assert [rejected.field for rejected in read(change).rejected] == [field]


# ── what stands beside ─────────────────────────────────────────────────────────────────────────────────────────────


def test_who_made_the_request_and_what_for() -> None:
    about = {"Feature": "triage", "Environment": "prod", "Helicone-Session-Id": "s1", "Helicone-Session-Name": "Inbox"}
    record = one(request_properties=about, time_to_first_token=350)
    assert record.started_at == datetime(2026, 11, 20, 12, 0, 0, 120_000)
    assert (record.user, record.feature, record.session, record.provider) == ("u1", "triage", "s1", "anthropic")
    assert record.tags == {"Feature": "triage", "Environment": "prod"}
    assert (record.latency_ms, record.time_to_first_token_ms, record.status) == (812, 350, 200)
    assert record.recorded_cost_picos == 1_329_000_000


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"request_properties": {"helicone-session-name": "Inbox"}}, {"feature": "Inbox"}),
        ({"request_properties": None, "properties": {"App": "shop"}}, {"feature": "shop"}),
        ({"request_properties": '{"app": "shop"}'}, {"feature": "shop"}),
        ({"prompt_id": "summary"}, {"feature": "summary"}),
        ({"prompt_id": ""}, {"feature": None}),
        ({"request_user_id": "undefined"}, {"user": None}),
        ({"request_user_id": None, "request_properties": {"User-Id": "u2"}}, {"user": "u2"}),
        ({"request_properties": {"Conversation": "c1"}}, {"session": "c1"}),
        ({"cost": 0}, {"recorded_cost_picos": None}),
        ({"cost": None, "costUSD": 0.5}, {"recorded_cost_picos": 5 * 10**11}),
        ({"provider": "bedrock"}, {"provider": "bedrock"}),
        ({"provider": "AWS", "target_url": "https://bedrock-runtime.eu-west-1.amazonaws.com/model/m/invoke"},
         {"provider": "bedrock", "region": "eu-west-1"}),
        ({"provider": "GOOGLE", "target_url": "https://aiplatform.googleapis.com/v1/projects/p/locations/global/x"},
         {"provider": "vertex", "region": "global"}),
    ],
)  # fmt: skip
def test_each_field_is_found_where_helicone_puts_it(change: Row, expected: Row) -> None:
    record = one(**change)
    assert {name: getattr(record, name) for name in expected} == expected


def test_the_model_is_the_one_that_answered_if_that_is_logged() -> None:
    assert one(response_model="claude-opus-5").parts[0].model == "claude-opus-5"
    assert one(response_model="claude-opus-5", model="claude-sonnet-5").parts[0].model == "claude-sonnet-5"


def test_no_prompt_answer_or_error_text_is_kept() -> None:
    said = {**BODY, "content": [{"type": "text", "text": "secret"}]}
    error = {"type": "error", "error": {"type": "api_error", "message": "secret"}}
    changes: list[Row] = [
        {"response_body": said},
        {"response_body": error},
        {"response_body": said, "prompt_tokens": "no"},
    ]
    result = read(*({**change, "request_body": "secret"} for change in changes), {"request_created_at": "no"})
    assert len(result.records) == 3
    assert "secret" not in repr((result.records, result.findings, list(map(str, result.rejected))))


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_json_lines_a_list_and_an_answer_of_the_api_say_the_same(tmp_path: Path) -> None:
    sample = read_file(CORPORA / "helicone.jsonl")
    requests = [json.loads(line) for line in (CORPORA / "helicone.jsonl").read_text().splitlines()]
    for name, value in (("list.json", requests), ("answer.json", {"data": requests, "error": None})):
        (tmp_path / name).write_text(json.dumps(value, indent=2))
        result = read_file(tmp_path / name)
        assert (result.format, result.records, result.ignored) == ("helicone", sample.records, 2)


def test_nothing_else_is_taken_for_it() -> None:
    others = [path for path in CORPORA.iterdir() if path.is_file() and not path.name.startswith("helicone")]
    assert len(others) > 5
    assert [path.name for path in others if helicone.recognises(read_head(path))] == []
    assert not helicone.recognises([{"request_id": "1", "prompt_tokens": 3}, {"data": [{"id": "m"}]}, "text", None])


def test_an_export_is_priced() -> None:
    store = emptied()
    summary = load(store, [CORPORA / "helicone.jsonl"])
    assert (summary.lines, summary.requests, summary.duplicates, summary.ignored, summary.rejected) == (7, 5, 0, 2, 0)
    micro = 10**6  # a millionth of a dollar in pico-dollars: the price of a token at $1 per million
    assert rows(store, "SELECT request_key, key_kind, CAST(cost AS BIGINT) FROM usage ORDER BY 1") == [
        # Haiku 4.5: $1 in, $0.10 read, $1.25 and $2 written for 5 minutes and 1 hour, $5 out
        ("helicone:3f9c-h1", "log", 4 * micro + 500 * 100_000 + 700 * 1_250_000 + 80 * 5 * micro),
        ("helicone:3f9c-h4", "log", 0),
        ("helicone:3f9c-h7", "log", None),
        ("msg_h2", "message", 9 * micro + 600 * 2 * micro + 40 * 5 * micro),
        # Sonnet 4.6: $3 in, $3.75 and $6 written, $15 out
        ("msg_h3", "message", 12 * 3 * micro + 100 * 3_750_000 + 200 * 6 * micro + 200 * 15 * micro),
    ]
