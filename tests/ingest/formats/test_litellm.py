from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.documents import read_head
from ingest.formats import litellm
from ingest.formats.litellm import BATCH, FROM_CACHE, UNREADABLE_JSON
from ingest.formats.litellm_counts import NO_CACHE, NO_COUNTS, NOT_INSIDE, NOT_SPLIT
from ingest.formats.row_counts import REASONING
from ingest.load import load
from ingest.record import UsageRecord
from store.models import ModelNames, resolve
from store.prices import read_price_lists
from tests.factories import emptied, rows
from tests.ingest.formats.reading import CORPORA, Read, counts, read_file, read_values, record_of

Row = dict[str, Any]

AT = datetime(2026, 11, 20, 12)
CALL: Row = {
    "id": "chatcmpl-1",
    "call_type": "acompletion",
    "startTime": 1795176000.0,
    "endTime": 1795176000.75,
    "model": "claude-haiku-4-5",
    "custom_llm_provider": "anthropic",
    "prompt_tokens": 1204,
    "completion_tokens": 80,
    "response_cost": 0.001704,
}
DETAILS = {"cached_tokens": 500, "cache_creation_tokens": 700}
USAGE: Row = {"cache_read_input_tokens": 500, "cache_creation_input_tokens": 700}


def call(usage: object = USAGE, *, metadata: Any = None, **over: Any) -> Row:
    """A payload; ``metadata`` stands beside the usage object, or as a text in place of both."""
    both = metadata if isinstance(metadata, str) else {"usage_object": usage, **(metadata or {})}
    return {**CALL, "metadata": both, **over}


def read(*values: Row) -> Read:
    return read_values("litellm", values)


def one(usage: object = USAGE, **over: Any) -> UsageRecord:
    return record_of("litellm", call(usage, **over))


# ── counts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def lived(write_5m: int | None, write_1h: int | None) -> Row:
    split = {"ephemeral_5m_input_tokens": write_5m, "ephemeral_1h_input_tokens": write_1h}
    return {**USAGE, "prompt_tokens_details": {**DETAILS, "cache_creation_token_details": split}}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (USAGE, (4, 80, 500, 700, 0)),
        ({"prompt_tokens_details": DETAILS}, (4, 80, 500, 700, 0)),
        ({"prompt_tokens_details": {"cached_tokens": 500, "cache_write_tokens": 700}}, (4, 80, 500, 700, 0)),
        ({"cache_read_input_tokens": "500"}, (704, 80, 500, 0, 0)),
        (lived(200, 500), (4, 80, 500, 200, 500)),
        (lived(None, 500), (4, 80, 500, 200, 500)),
        (lived(200, None), (4, 80, 500, 200, 500)),
        (lived(None, None), (4, 80, 500, 700, 0)),
        ({**USAGE, "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 700}},
         (4, 80, 500, 0, 700)),
    ],
)  # fmt: skip
def test_what_is_cached_is_taken_out_of_the_prompt(usage: Row, expected: tuple[int, ...]) -> None:
    result = read(call(usage))
    assert (counts(result.records[0].parts[0]), result.findings) == (expected, [])


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"prompt_tokens": 1199}, NOT_INSIDE),
        ({"total_tokens": 1984}, NOT_INSIDE),
        ({"metadata": {"usage_object": {**USAGE, "prompt_tokens_details": {"text_tokens": 1204}}}}, NOT_INSIDE),
        ({"metadata": {"usage_object": lived(200, 501)}}, NOT_SPLIT),
        ({"metadata": {"usage_object": lived(None, 701)}}, NOT_SPLIT),
        ({"metadata": {"usage_object": lived(700, 700)}}, NOT_SPLIT),
    ],
)
def test_counts_that_contradict_each_other_leave_the_input_unknown(change: Row, finding: str) -> None:
    result = read(call(**change))
    assert counts(result.records[0].parts[0]) == (None, 80, 500, 700, 0)
    assert result.findings == [f"1 request: {finding}."]


def test_text_tokens_that_are_all_uncached_ones_contradict_nothing() -> None:
    usage = {**USAGE, "prompt_tokens_details": {**DETAILS, "text_tokens": 4}}
    assert read(call(usage, total_tokens=1284)).findings == []


def test_reasoning_tokens_are_kept_only_where_they_fit_into_the_output() -> None:
    usages = [{**USAGE, "completion_tokens_details": {"reasoning_tokens": n}} for n in (None, 0, 80, 81)]
    result = read(*map(call, usages))
    assert [record.parts[0].reasoning_tokens for record in result.records] == [None, 0, 80, None]
    assert result.findings == [f"1 request: {REASONING}."]


@pytest.mark.parametrize("usage", [None, {}, {"total_tokens": 1284, "prompt_tokens_details": None}])
def test_a_log_that_says_nothing_of_caching_is_said(usage: Row | None) -> None:
    result = read(call(usage))
    assert counts(result.records[0].parts[0]) == (1204, 80, 0, 0, 0)
    assert result.findings == [f"1 request: {NO_CACHE}."]


def test_tier_speed_geography_and_web_searches() -> None:
    usage = {**USAGE, "service_tier": "standard", "speed": "fast", "inference_geo": "us"}
    record = one({**usage, "server_tool_use": {"web_search_requests": 2}})
    assert (record.service_tier, record.speed, record.inference_geo) == ("standard", "fast", "us")
    assert record.parts[0].web_search_requests == 2
    assert one({**USAGE, "prompt_tokens_details": {"web_search_requests": 3}}).parts[0].web_search_requests == 3
    assert one({**USAGE, "inference_geo": "not_available"}).inference_geo is None


OWN = {"type": "message", "input_tokens": 10, "output_tokens": 30, "cache_read_input_tokens": 100}
ADVISOR = {"type": "advisor_message", "model": "claude-opus-5", "input_tokens": 1000, "output_tokens": 50}
DECLINED = {"type": "message", "input_tokens": 40, "output_tokens": 0}
FALLBACK = {"type": "fallback_message", "model": "claude-opus-5", "input_tokens": 40, "output_tokens": 9}


def parts_of(*iterations: Row, prompt: int, output: int) -> list[tuple[Any, ...]]:
    usage = {"cache_read_input_tokens": 100, "iterations": [*iterations]}
    record = one(usage, model="anthropic/claude-sonnet-4-6", prompt_tokens=prompt, completion_tokens=output)
    return [(part.kind, part.model, *counts(part)[:3]) for part in record.parts]


def test_iterations_that_litellm_added_up_are_billed_each_at_its_own_model() -> None:
    own = ("message", "anthropic/claude-sonnet-4-6", 10, 30, 100)
    assert parts_of(OWN, prompt=110, output=30) == [own]
    assert parts_of(OWN, OWN, prompt=220, output=60) == [own, own]
    assert parts_of(ADVISOR, OWN, prompt=1110, output=80) == [own, ("advisor", "claude-opus-5", 1000, 50, 0)]
    assert parts_of(DECLINED, FALLBACK, prompt=80, output=9) == [
        ("message", "claude-opus-5", 40, 9, 0),
        ("declined", "claude-sonnet-4-6", 40, 0, 0),
    ]


def test_iterations_that_are_not_what_was_added_up_make_one_part() -> None:
    whole = ("message", "anthropic/claude-sonnet-4-6", 1010, 81, 100)
    assert parts_of(OWN, ADVISOR, prompt=1110, output=81) == [whole]
    assert parts_of(OWN, {**ADVISOR, "type": "new_kind"}, prompt=1110, output=81) == [whole]


# ── what is no request, failed or unknown ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "change", [{"cache_hit": True}, {"cache_hit": "True"}, {"id": "chatcmpl-1_cache_hit1795176009.25"}]
)
def test_what_litellm_answered_from_its_own_cache_is_no_request(change: Row) -> None:
    result = read(call(**change), call(cache_hit="None"), call(cache_hit="False"))
    assert (len(result.records), result.ignored) == (2, 1)
    assert result.findings == [f"1 request: {FROM_CACHE}."]


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"status": "failure"}, None, "error"),
        ({"status": "failure", "error_information": {"error_code": "429", "error_class": "RateLimitError"}},
         429, "RateLimitError"),
        ({"status": "failure", "call_type": "", "metadata": {"error_information": {"error_code": 529}}}, 529, "error"),
        ({"metadata": '{"status": "failure", "error_information": {"error_class": "a b", "error_code": "x"}}'},
         None, "error"),
    ],
)  # fmt: skip
def test_a_failed_call_is_a_failed_request_without_tokens(change: Row, status: int | None, error: str) -> None:
    record = one({}, **{"prompt_tokens": 0, "completion_tokens": 0, "response_cost": 0.0, "model": "", **change})
    assert (record.status, record.error, record.recorded_cost_picos) == (status, error, None)
    assert (record.parts[0].model, counts(record.parts[0])) == (None, (0, 0, 0, 0, 0))


def test_what_a_call_used_before_it_failed_is_kept() -> None:
    assert counts(one(status="failure").parts[0]) == (4, 80, 500, 700, 0)


def test_no_tokens_of_a_call_that_went_well_are_unknown_ones() -> None:
    result = read(call({}, prompt_tokens=0, completion_tokens=0), call({}, prompt_tokens=0, completion_tokens=7))
    assert [counts(record.parts[0])[:2] for record in result.records] == [(None, None), (None, 7)]
    assert result.findings == [f"2 requests: {NO_COUNTS}."]


def test_calls_that_generate_nothing_are_no_requests() -> None:
    nothing = {"prompt_tokens": 0, "completion_tokens": 0}
    result = read(call({}, call_type="call_mcp_tool", **nothing), {"event": "started"}, call(call_type="arerank"))
    assert (len(result.records), result.ignored, result.findings) == (1, 2, [])


def test_a_row_of_a_whole_batch_is_priced_as_one_and_said() -> None:
    result = read(call(call_type="aretrieve_batch"))
    assert (result.records[0].service_tier, result.findings) == ("batch", [f"1 request: {BATCH}."])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"startTime": None}, "startTime"),
        ({"startTime": "yesterday"}, "startTime"),
        ({"model": ""}, "model"),
        ({"prompt_tokens": -1}, "prompt_tokens"),
        ({"metadata": {"usage_object": {"cache_read_input_tokens": 0.5}}},
         "metadata.usage_object.cache_read_input_tokens"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_rejected_in_the_logs_own_words(change: Row, field: str) -> None:
    result = read(call(**change))
    assert [rejected.field for rejected in result.rejected] == [field]


# ── ids and what stands beside ─────────────────────────────────────────────────────────────────────────────────────


def test_payload_and_table_know_a_call_by_one_id() -> None:
    headers = {"additional_headers": {"llm_provider-request-id": "req_1"}}
    payload = one(id="msg_1", hidden_params=headers)
    assert (payload.message_id, payload.request_id, payload.log_id) == ("msg_1", "req_1", None)
    other = one(hidden_params=headers)
    table = record_of("litellm", {**call(), "id": None, "request_id": "chatcmpl-1"})
    assert {(r.message_id, r.log_id) for r in (other, table)} == {(None, "litellm:chatcmpl-1")}
    assert (other.request_id, table.request_id) == ("req_1", None)
    assert one(id=None, litellm_call_id="c1").log_id == "litellm:c1"


AGENT = "User-Agent: openai-python"


@pytest.mark.parametrize(
    ("change", "feature"),
    [
        ({"request_tags": ["triage", AGENT]}, "triage"),
        ({"request_tags": ["env:prod", "feature: triage"]}, "triage"),
        ({"request_tags": '["triage"]'}, "triage"),
        ({"request_tags": [AGENT, "later"], "metadata": {"spend_logs_metadata": {"App": "shop"}}}, "shop"),
        ({"metadata": {"requester_metadata": {"feature": "f"}, "user_api_key_alias": "k"}}, "f"),
        ({"metadata": {"spend_logs_metadata": '{"feature": "f"}', "user_api_key_team_alias": "t"}}, "f"),
        ({"metadata": {"user_api_key_team_alias": "t", "user_api_key_alias": "k"}}, "t"),
        ({"metadata": {"user_api_key_alias": "k"}, "request_tags": [AGENT]}, "k"),
        ({"request_tags": "oops"}, None),
    ],
)
def test_the_feature_is_the_callers_tag_else_its_metadata_team_or_key(change: Row, feature: str | None) -> None:
    assert one(**change).feature == feature


def test_who_made_the_call_and_how_long_it_took() -> None:
    record = one(
        metadata={"user_api_key_user_id": "svc", "user_api_key_team_alias": "shop", "user_api_key_alias": "k"},
        request_tags=["triage", "env:prod", AGENT],
        session_id="s1",
        stream=True,
        completionStartTime=1795176000.25,
        api_base="https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/anthropic",
        model_parameters={"max_tokens": 50},
        response={"choices": [{"finish_reason": "length", "message": {"content": "secret"}}]},
    )
    assert (record.started_at, record.user, record.session, record.provider) == (AT, "svc", "s1", "anthropic")
    assert (record.latency_ms, record.time_to_first_token_ms, record.stream) == (750, 250, True)
    assert (record.region, record.max_tokens, record.stop_reason) == ("us-east5", 50, "length")
    assert record.tags == {
        "triage": "true",
        "env": "prod",
        "User-Agent": "openai-python",
        "team": "shop",
        "key": "k",
    }
    assert record.recorded_cost_picos == 1_704_000_000


def test_times_that_say_nothing_are_left_out() -> None:
    record = one(completionStartTime=1795176000.75, request_duration_ms=812, end_user="u1")
    assert (record.latency_ms, record.time_to_first_token_ms, record.user) == (812, None, "u1")
    assert one(endTime=None).latency_ms is None


@pytest.mark.parametrize(
    ("model", "provider", "region", "resolved"),
    [
        ("claude-haiku-4-5-20251001", "anthropic", None, ("claude-haiku-4-5", False)),
        ("anthropic/claude-haiku-4-5", "anthropic", None, ("claude-haiku-4-5", False)),
        ("bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0", "bedrock", None, ("claude-haiku-4-5", True)),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "bedrock_converse", None, ("claude-haiku-4-5", True)),
        ("bedrock/converse/global.anthropic.claude-haiku-4-5-20251001-v1:0", "bedrock", None,
         ("claude-haiku-4-5", False)),
        ("vertex_ai/claude-haiku-4-5@20251001", "vertex_ai", "us-east5", ("claude-haiku-4-5", True)),
        ("claude-haiku-4-5@20251001", "vertex_ai", "global", ("claude-haiku-4-5", False)),
        ("gpt-5-mini", "openai", None, (None, False)),
    ],
)  # fmt: skip
def test_models_as_litellm_writes_them_mean_what_they_say(
    model: str, provider: str, region: str | None, resolved: tuple[str | None, bool], tracked_prices: Path
) -> None:
    url = {"us-east5": "https://us-east5-aiplatform.googleapis.com/v1", "global": "https://x/v1/locations/global/p"}
    prices = read_price_lists(tracked_prices)
    record = one(model=model, custom_llm_provider=provider, api_base=url.get(region or ""))
    assert record.region == region
    found = resolve(record.parts[0].model or "", record.provider, record.region, ModelNames.of(prices))
    assert (found.model, found.regional) == resolved


def test_no_prompt_answer_or_error_text_is_kept() -> None:
    text = {"messages": [{"content": "secret"}], "response": {"choices": [{"message": {"content": "secret"}}]}}
    failed = {"status": "failure", "error_str": "secret", "error_information": {"error_message": "secret"}}
    result = read(call(**text), call({}, **text, **failed), call(**text, startTime="no"))
    assert "secret" not in repr((result.records, result.findings, list(map(str, result.rejected))))


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_json_columns_may_be_texts() -> None:
    value = call(metadata={"user_api_key_alias": "k"})
    text = {**value, "metadata": json.dumps(value["metadata"]), "hidden_params": "{}", "error_information": ""}
    assert record_of("litellm", text) == record_of("litellm", value)
    result = read({**value, "metadata": "{cut"})
    assert result.findings == [f"1 request: {UNREADABLE_JSON}.", f"1 request: {NO_CACHE}."]


def test_both_samples_are_read() -> None:
    payloads, table = read_file(CORPORA / "litellm.jsonl"), read_file(CORPORA / "litellm_spend_logs.jsonl")
    assert [record.log_id or record.message_id for record in payloads.records] == [
        "litellm:chatcmpl-a1",
        "msg_bdrk_a2",
        "litellm:81cd3a34-a4",
        "litellm:chatcmpl-a5",
        "litellm:chatcmpl-a6",
        "litellm:chatcmpl-a7",
    ]
    assert payloads.findings == [f"1 request: {FROM_CACHE}.", f"1 request: {NOT_INSIDE}."]
    assert [record.feature for record in table.records] == ["triage", "essay-prod", "triage"]
    assert (table.ignored, table.records[0].parts) == (2, payloads.records[0].parts)


def test_a_page_of_spend_logs_is_its_rows(tmp_path: Path) -> None:
    lines = (CORPORA / "litellm_spend_logs.jsonl").read_text().splitlines()
    page = tmp_path / "page.json"
    page.write_text(json.dumps({"data": [json.loads(line) for line in lines], "total": 5, "page": 1}, indent=2))
    result = read_file(page)
    assert (result.format, len(result.records), result.ignored) == ("litellm", 3, 2)


def test_nothing_else_is_taken_for_it() -> None:
    others = [path for path in CORPORA.iterdir() if path.is_file() and not path.name.startswith("litellm")]
    assert len(others) > 5
    assert [path.name for path in others if litellm.recognises(read_head(path))] == []
    assert not litellm.recognises([{"call_type": "x", "model": "m", "startTime": 1, "spend": 2, "prompt_tokens": 3}])
    assert not litellm.recognises([{"data": [{"id": "m"}]}, "text", None, []])


def test_a_call_in_payload_and_table_is_counted_once_and_priced() -> None:
    store = emptied()
    summary = load(store, [CORPORA / "litellm.jsonl", CORPORA / "litellm_spend_logs.jsonl"])
    assert (summary.lines, summary.requests, summary.duplicates, summary.ignored, summary.rejected) == (12, 8, 1, 3, 0)
    found = rows(store, "SELECT request_key, key_kind, CAST(sum(cost) AS BIGINT) FROM usage GROUP BY ALL ORDER BY 1")
    micro = 10**6  # a millionth of a dollar in pico-dollars: the price of a token at $1 per million
    assert found == [
        ("litellm:81cd3a34-a4", "log", 0),
        ("litellm:81cd3a34-b4", "log", 0),
        # Haiku 4.5: $1 in, $0.10 read, $1.25 and $2 written for 5 minutes and 1 hour, $5 out
        ("litellm:chatcmpl-a1", "log", (4 + 500 * 2 + 80 * 5) * micro + 500 * 100_000 + 200 * 1_250_000),
        ("litellm:chatcmpl-a5", "log", None),
        ("litellm:chatcmpl-a6", "log", None),
        # Sonnet 4.6: $3 in, $0.30 read, $15 out; its advisor Opus 5: $5 in, $25 out
        ("litellm:chatcmpl-a7", "log", 10 * 3 * micro + 100 * 300_000 + 30 * 15 * micro + (1000 * 5 + 50 * 25) * micro),
        ("msg_b2", "message", 50 * 3 * micro + 2000 * 300_000 + 60 * 15 * micro),
        # through a regional endpoint: a tenth more
        ("msg_bdrk_a2", "message", (100 * 3 * micro + 8000 * 300_000 + 240 * 15 * micro) * 11 // 10),
    ]
