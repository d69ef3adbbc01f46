from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.documents import read_head
from ingest.formats import ReadOptions, detect, langfuse
from ingest.formats.langfuse import FROM_CACHE, NESTED, NO_UNIT, OLD_FIELDS
from ingest.formats.langfuse_usage import (
    CACHE_INSIDE,
    CACHE_OUTSIDE,
    CONTRADICTION,
    EMPTIED,
    ENOUGH,
    MAY_HOLD,
    MIXED,
    NO_COUNTS,
    NO_TOTAL,
    REASONING_INSIDE,
)
from ingest.load import load
from ingest.record import Part, Rejected, UsageRecord
from tests.factories import costs, emptied, loaded, rows
from tests.ingest.formats.reading import CORPORA, Read, counts, read_file, read_values, record_of

ROW = {
    "id": "o1",
    "traceId": "t1",
    "type": "GENERATION",
    "name": "answer",
    "parentObservationId": None,
    "startTime": "2026-11-18T09:00:00.000Z",
    "model": "claude-haiku-4-5",
    "level": "DEFAULT",
    "usageDetails": {"input": 21, "output": 77, "total": 98},
}


def row(**change: Any) -> dict[str, Any]:
    return {name: value for name, value in {**ROW, **change}.items() if value is not ...}


def record(**change: Any) -> UsageRecord:
    return record_of("langfuse", row(**change))


def part_and_findings(details: Any, **change: Any) -> tuple[Part, list[str]]:
    read = read_values("langfuse", [row(usageDetails=details, **change)])
    assert read.rejected == []
    return read.records[0].parts[0], read.findings


def said(finding: str, number: int = 1) -> str:
    return f"{number} {'request' if number == 1 else 'requests'}: {finding}."


# ── what is a log of Langfuse ──────────────────────────────────────────────────────────────────────────────────────


def test_no_other_log_is_taken_for_langfuse() -> None:
    taken = {path.name for path in CORPORA.iterdir() if path.is_file() and langfuse.recognises(read_head(path))}
    assert taken == {"langfuse.jsonl"}


@pytest.mark.parametrize(
    "value",
    [
        ROW,
        {"data": [ROW], "meta": {"cursor": "c"}},
        {"data": [{"id": "t1", "name": "mail", "observations": [ROW]}], "meta": {"page": 1}},
        {"id": "t1", "name": "mail", "observations": [row(traceId=...)]},
        {"observations": [ROW], "scores": []},
        {"id": "o1", "trace_id": "t1", "type": "GENERATION", "start_time": "2026-11-18 09:00:00.000000"},
        row(type="SPAN", usageDetails=...),
        row(type=..., usageDetails=..., completionStartTime=None, promptTokens=21, completionTokens=77),
    ],
)
def test_pages_traces_exports_and_blobs_are_recognised(value: object) -> None:
    assert detect([value]) is langfuse


@pytest.mark.parametrize(
    "value",
    [
        {"data": [{"id": "t1", "name": "mail", "observations": ["o1", "o2"]}], "meta": {"page": 1}},
        {"data": [{"id": "model"}]},
        {"type": "GENERATION", "name": "answer"},
        {"type": "SPAN", "traceId": "t1", "startTime": "2026-11-18T09:00:00Z", "duration": 5},
        {"observations": "none"},
    ],
)
def test_other_pages_and_spans_are_not_recognised(value: object) -> None:
    assert not langfuse.recognises([value])


@pytest.mark.parametrize("type_", ["SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "GUARDRAIL"])
def test_what_only_repeats_usage_is_no_request(type_: str) -> None:
    read = read_values("langfuse", [row(type=type_)])
    assert (read.records, read.ignored, read.rejected) == ([], 1, [])


def test_each_observation_of_a_page_is_a_line() -> None:
    page = {"data": [ROW, row(type="SPAN", id="s1"), "junk"], "meta": {"page": 1}}
    read = read_values("langfuse", [page, {"data": [], "meta": {}}])
    assert (len(read.records), read.ignored, len(read.rejected)) == (1, 2, 1)


def test_an_observation_of_a_trace_has_what_the_trace_says() -> None:
    trace = {"id": "t9", "name": "mail", "userId": "u1", "sessionId": "s1", "tags": ["beta"], "observations": [ROW]}
    [found] = read_values("langfuse", [trace]).records
    assert (found.feature, found.user, found.session, found.tags) == ("mail", "u1", "s1", {"beta": "true"})


# ── counts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"input": 21, "output": 77}, (21, 77, 0, 0, 0)),
        ({"input_tokens": 21, "output_tokens": 77}, (21, 77, 0, 0, 0)),
        ({"input": "21", "output": "77", "total": "98"}, (21, 77, 0, 0, 0)),
        ({"input": 21, "output": 77, "input_cached_tokens": 500, "total": 598}, (21, 77, 500, 0, 0)),
        ({"input": 21, "output": 77, "cache_read_input_tokens": 500, "total": 598}, (21, 77, 500, 0, 0)),
        ({"input": 21, "output": 77, "input_cache_read": 500, "input_cache_write": 9}, (21, 77, 500, 9, 0)),
        ({"input": 21, "output": 77, "cache_creation_input_tokens": 9, "total": 107}, (21, 77, 0, 9, 0)),
        ({"input": 21, "output": 77, "input_cache_creation": 9, "total": 107}, (21, 77, 0, 9, 0)),
        (
            {
                "input": 21,
                "output": 77,
                "input_cache_creation": 2,
                "input_cache_creation_5m": 5,
                "input_cache_creation_1h": 4,
                "total": 109,
            },
            (21, 77, 0, 7, 4),
        ),
        (
            {
                "input": 21,
                "output": 77,
                "cache_creation_input_tokens": 11,
                "cache_creation_ephemeral_5m_input_tokens": 5,
                "cache_creation_ephemeral_1h_input_tokens": 4,
                "total": 118,
            },
            (21, 77, 0, 7, 4),
        ),
        ({"input": 21, "output": 77, "input_audio": 3, "total": 101}, (21, 77, 0, 0, 0)),
    ],
)
def test_all_names_of_a_count_mean_the_same(details: dict[str, Any], expected: tuple[int, ...]) -> None:
    part, findings = part_and_findings(details)
    assert (counts(part), findings) == (expected, [])


@pytest.mark.parametrize("total", [{}, {"total": 598}])
def test_details_may_be_written_as_a_text(total: dict[str, int]) -> None:
    details = json.dumps({"input": 21, "output": 77, "input_cached_tokens": 500, **total})
    assert counts(record(usageDetails=details).parts[0]) == (21, 77, 500, 0, 0)


@pytest.mark.parametrize(
    ("details", "expected", "finding"),
    [
        # 1,000 read and 100 written inside an input of 1,121: 1,121 + 77 = 1,198
        ((1121, 77, 1000, 100, 1198), (21, 77, 1000, 100, 0), CACHE_INSIDE),
        # what was read is out of the input already, what was written is not: 121 + 1,000 + 77 = 1,198
        ((121, 77, 1000, 100, 1198), (21, 77, 1000, 100, 0), CACHE_INSIDE),
        # the total is of input and output alone, and 1,100 cannot be inside 21: 21 + 77 = 98
        ((21, 77, 1000, 100, 98), (21, 77, 1000, 100, 0), CACHE_OUTSIDE),
        # 21 + 1,000 + 100 + 77 = 1,198 is neither 998 nor any part of it
        ((21, 77, 1000, 100, 998), (None, 77, 1000, 100, 0), CONTRADICTION),
        # an input of 300 with 200 read in it, or with 200 written in it: 300 + 200 + 50 = 550 both times
        ((300, 50, 200, 200, 550), (100, 50, 200, 200, 0), CACHE_INSIDE),
    ],
)
def test_the_total_tells_whether_the_input_holds_the_cached_tokens(
    details: tuple[int, ...], expected: tuple[int | None, ...], finding: str
) -> None:
    names = ("input", "output", "cache_read_input_tokens", "cache_creation_input_tokens", "total")
    part, findings = part_and_findings(dict(zip(names, details, strict=True)))
    assert (counts(part), findings) == (expected, [said(finding)])


def test_several_ways_to_the_total_are_a_contradiction() -> None:
    # 150 + 50 = 200 with 50 read inside the input, or with 50 of reasoning inside the output
    details = {"input": 100, "output": 100, "input_cached_tokens": 50, "output_reasoning_tokens": 50, "total": 250}
    part, findings = part_and_findings(details)
    assert (part.uncached_input_tokens, part.output_tokens, findings) == (None, None, [said(CONTRADICTION)])


def test_the_logs_own_total_goes_before_the_sum_langfuse_makes() -> None:
    # Langfuse adds up all it was given: 1,021 + 30 + 1,051 + 1,000 = 3,102
    details = {"prompt_tokens": 1021, "completion_tokens": 30, "total_tokens": 1051, "cache_read_input_tokens": 1000}
    part, findings = part_and_findings({**details, "total": 3102})
    assert (counts(part), findings) == ((21, 30, 1000, 0, 0), [said(CACHE_INSIDE)])


@pytest.mark.parametrize(
    ("total", "output", "finding"),
    [({"total": 98}, 77, None), ({"total": 81}, 60, REASONING_INSIDE), ({}, 77, NO_TOTAL)],
)
def test_reasoning_is_added_to_an_output_that_does_not_hold_it(
    total: dict[str, int], output: int, finding: str | None
) -> None:
    part, findings = part_and_findings({"input": 21, "output": 60, "output_reasoning_tokens": 17, **total})
    assert (part.uncached_input_tokens, part.output_tokens, part.reasoning_tokens) == (21, output, 17)
    assert findings == ([] if finding is None else [said(finding)])


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"input_cached_tokens": 500, "input_cache_read": 500}, (None, 77, 500, 0, 0)),
        ({"input_cache_creation": 9, "cache_creation_input_tokens": 9}, (None, 77, 0, 9, 0)),
        # a remainder that is exactly its parts is the whole
        ({"input_cache_creation": 9, "input_cache_creation_5m": 5, "input_cache_creation_1h": 4}, (None, 77, 0, 5, 4)),
        ({"cache_creation_input_tokens": 5, "cache_creation_ephemeral_5m_input_tokens": 9}, (None, 77, 0, 9, 0)),
    ],
)
def test_tokens_told_twice_are_a_contradiction(more: dict[str, int], expected: tuple[int | None, ...]) -> None:
    part, findings = part_and_findings({"input": 21, "output": 77, **more})
    assert (counts(part), findings) == (expected, [said(CONTRADICTION)])


def test_web_searches_are_counted_and_are_no_tokens() -> None:
    part, findings = part_and_findings({"input": 21, "output": 77, "web_search_requests": 2, "total": 100})
    assert (part, findings) == (Part("claude-haiku-4-5", 21, 77, web_search_requests=2), [])


def test_a_name_that_counts_nothing_contradicts_nothing() -> None:
    details = {"input": 21, "output": 77, "input_cached_tokens": 500, "cache_read_input_tokens": 0, "total": 598}
    assert part_and_findings(details) == (Part("claude-haiku-4-5", 21, 77, 500), [])


def test_an_input_emptied_beside_cached_tokens_is_said() -> None:
    part, findings = part_and_findings({"input": 0, "output": 77, "input_cached_tokens": 500, "total": 577})
    assert (counts(part), findings) == ((0, 77, 500, 0, 0), [said(EMPTIED)])


def many(numbers: range, given: int) -> list[object]:
    details = {"input": given, "output": 1, "input_cached_tokens": 50, "total": given + 51}
    return [row(id=f"o{number}", usageDetails=details) for number in numbers]


def test_inputs_never_smaller_than_what_is_cached_are_doubted() -> None:
    large = many(range(ENOUGH), 60)
    assert read_values("langfuse", large).findings == [said(MAY_HOLD, ENOUGH)]
    assert read_values("langfuse", large[1:]).findings == []
    assert read_values("langfuse", large + many(range(ENOUGH, ENOUGH + 1), 10)).findings == []


def test_a_log_whose_totals_mean_two_things_is_doubted() -> None:
    inside = {"input": 600, "output": 1, "input_cached_tokens": 50, "total": 601}
    outside = {"input": 10, "output": 1, "input_cached_tokens": 50, "total": 11}
    read = read_values("langfuse", [row(usageDetails=inside), row(usageDetails=outside, id="o2")])
    assert read.findings == [said(CACHE_INSIDE), said(CACHE_OUTSIDE), said(MIXED)]


@pytest.mark.parametrize("details", [None, {}, "", {"input": 0, "output": 0, "total": 0}])
def test_what_is_not_counted_is_unknown_and_not_zero(details: object) -> None:
    assert part_and_findings(details) == (Part("claude-haiku-4-5", None, None), [said(NO_COUNTS)])


@pytest.mark.parametrize(
    ("details", "expected"), [({"input": 21}, (21, None, 0, 0, 0)), ({"output": 77}, (None, 77, 0, 0, 0))]
)
def test_what_is_half_counted_is_half_known(details: dict[str, int], expected: tuple[int | None, ...]) -> None:
    part, findings = part_and_findings(details)
    assert (counts(part), findings) == (expected, [said(NO_COUNTS)])


def test_an_embedding_has_no_output() -> None:
    part, findings = part_and_findings({"input": 12, "total": 12}, type="EMBEDDING", model="voyage-3")
    assert (part, findings) == (Part("voyage-3", 12, 0), [])


# ── the fields from before usage details ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "old",
    [
        {"usage": {"input": 21, "output": 77, "total": 98, "unit": "TOKENS"}},
        {"usage": {"promptTokens": 21, "completionTokens": 77, "totalTokens": 98}},
        {"promptTokens": 21, "completionTokens": 77, "totalTokens": 98, "unit": None},
        {"type": ..., "completionStartTime": None, "promptTokens": 21, "completionTokens": 77},
    ],
)
def test_old_usage_fields_count_without_the_cache(old: dict[str, Any]) -> None:
    read = read_values("langfuse", [row(usageDetails=..., **old)])
    assert counts(read.records[0].parts[0]) == (21, 77, 0, 0, 0)
    assert read.findings == [said(OLD_FIELDS)]


def test_usage_details_go_before_the_old_fields_that_sum_them_up() -> None:
    details = {"input": 21, "output": 77, "input_cached_tokens": 500, "total": 598}
    usage = {"unit": "TOKENS", "input": 521, "output": 77, "total": 598}
    part, findings = part_and_findings(details, usage=usage, promptTokens=521, completionTokens=77)
    assert (counts(part), findings) == ((21, 77, 500, 0, 0), [])


def test_characters_are_no_tokens() -> None:
    usage = {"input": 400, "output": 900, "unit": "CHARACTERS"}
    read = read_values("langfuse", [row(usageDetails=..., usage=usage)])
    assert (counts(read.records[0].parts[0]), read.findings) == ((None, None, 0, 0, 0), [said(NO_UNIT)])


# ── errors ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("RateLimitError", "RateLimitError"),
        ("the prompt was: tell me", "error"),
        (None, "error"),
        ("x" * 5000, "error"),
    ],
)
def test_an_error_without_counts_is_a_failed_request(message: str | None, error: str) -> None:
    failed = record(level="ERROR", statusMessage=message, usageDetails={}, model=None)
    assert (failed.parts, failed.error) == ((Part(None, 0, 0),), error)


def test_an_error_that_was_counted_is_billed() -> None:
    failed = record(level="ERROR", usageDetails={"input": 21, "output": 5, "total": 26})
    assert (counts(failed.parts[0]), failed.error) == ((21, 5, 0, 0, 0), "error")


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"startTime": None}, "startTime", "missing"),
        ({"startTime": "noon"}, "startTime", "not a time"),
        ({"model": None}, "model", "missing"),
        ({"model": ...}, "model", "missing"),
        ({"model": ["claude"]}, "model", "not a text"),
        ({"usageDetails": ...}, "usageDetails", "no token counts"),
        ({"usageDetails": [1]}, "usageDetails", "not an object"),
        ({"usageDetails": "{"}, "usageDetails", "not an object"),
        ({"usageDetails": {"input": -1, "output": 1}}, "usageDetails.input", "negative"),
        ({"usageDetails": {"input": True, "output": 1}}, "usageDetails.input", "true or false"),
        ({"usageDetails": {"input": 1, "output": 0.5}}, "usageDetails.output", "fraction"),
        ({"usageDetails": {"input": 10**12, "output": 1}}, "usageDetails.input", "more than"),
        ({"usageDetails": {"input": 1, "output": 1, "total": "all"}}, "usageDetails.total", "not a number"),
        ({"usageDetails": ..., "usage": {"input": -1, "output": 1}}, "usage.input", "negative"),
        ({"usageDetails": ..., "usage_details": {"output": -1}}, "usage_details.output", "negative"),
        ({"id": ["o1"]}, "id", "not a text"),
    ],
)
def test_a_bad_observation_names_its_field_and_reason(change: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        record(**change)
    assert caught.value.field == field
    assert reason in caught.value.reason
    assert caught.value.advice.endswith(".")


# ── what stands beside the counts ──────────────────────────────────────────────────────────────────────────────────


def test_the_corpus_as_it_is_read() -> None:
    read = read_file(CORPORA / "langfuse.jsonl")
    generation, export, event, blob, old, embedding = read.records
    assert [one.log_id for one in read.records] == [
        "langfuse:7f0c51",
        "langfuse:time-09-10-00-000000_chatcmpl-lf2",
        "langfuse:e3",
        "langfuse:b4",
        "langfuse:o5",
        "langfuse:m6",
    ]
    assert (generation.message_id, generation.request_id, generation.feature) == ("msg_lf1", "req_lf1", "triage")
    assert (generation.max_tokens, generation.stream, generation.latency_ms) == (1024, True, 2500)
    assert (generation.time_to_first_token_ms, generation.recorded_cost_picos) == (400, 661_000_000)
    assert (export.message_id, export.feature, export.user) == ("chatcmpl-lf2", "mail", "u-7")
    assert export.tags == {"environment": "production", "beta": "true", "team": "north"}
    assert (event.started_at, event.latency_ms, event.max_tokens) == (datetime(2026, 11, 18, 9, 20), 250, 500)
    assert (event.error, event.session, event.tags) == (
        "RateLimitError",
        "s-1",
        {"environment": "default", "version": "1.4"},
    )
    assert (blob.user, blob.session, blob.latency_ms, blob.recorded_cost_picos) == ("u-8", "s-2", 4000, 450_000_000)
    assert (old.feature, old.parts[0].model, old.recorded_cost_picos) == (
        "digest",
        "claude-3-5-sonnet-20240620",
        240_000_000,
    )
    assert (embedding.parts[0].model, embedding.latency_ms, embedding.recorded_cost_picos) == ("voyage-3", None, None)
    assert read.findings == [said(CACHE_INSIDE), said(CONTRADICTION), said(OLD_FIELDS)]


@pytest.mark.parametrize(
    ("change", "feature"),
    [
        ({"metadata": {"feature": "triage", "app": "mail"}, "promptName": "p", "traceName": "t"}, "triage"),
        ({"metadata": {"feature": "", "app": "mail"}, "promptName": "p"}, "mail"),
        ({"metadata": '{"feature": "triage"}'}, "triage"),
        ({"metadata": {"requester_metadata": {"feature": "triage"}}}, "triage"),
        ({"metadata": {"feature": {"name": "no"}}, "promptName": "p", "traceName": "t"}, "p"),
        ({"traceName": "t"}, "t"),
        ({}, "answer"),
        ({"name": ""}, None),
    ],
)
def test_the_feature_is_the_nearest_name_there_is(change: dict[str, Any], feature: str | None) -> None:
    assert record(**change).feature == feature


MESSAGE = {"id": "msg_9", "type": "message", "stop_reason": "end_turn", "usage": {"service_tier": "batch"}}


@pytest.mark.parametrize(
    ("change", "message_id", "request_id"),
    [
        ({"metadata": {"message_id": "msg_9", "request_id": "req_9"}}, "msg_9", "req_9"),
        (
            {"metadata": {"attributes": '{"gen_ai.response.id": "msg_9", "anthropic.request.id": "req_9"}'}},
            "msg_9",
            "req_9",
        ),
        ({"output": MESSAGE}, "msg_9", None),
        ({"output": json.dumps(MESSAGE)}, "msg_9", None),
        ({"output": {"type": "ai", "response_metadata": {"id": "msg_9"}}}, "msg_9", None),
        ({"id": "msg_9"}, "msg_9", None),
        ({"metadata": {"request_id": "4711"}}, None, None),
        ({"output": {"id": "msg_9", "request_id": "req_9", "stop_reason": "bored"}}, None, None),
        ({"output": '{"id": "msg_9", "text": "an answer in JSON"}'}, None, None),
        ({}, None, None),
    ],
)
def test_ids_of_the_api_are_found_where_they_may_be_meant(
    change: dict[str, Any], message_id: str | None, request_id: str | None
) -> None:
    found = record(**change)
    assert (found.message_id, found.request_id) == (message_id, request_id)


def test_a_message_in_the_output_says_what_moves_its_price() -> None:
    found = record(output=MESSAGE)
    assert (found.service_tier, found.stop_reason) == ("batch", "end_turn")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"costDetails": {"input": 0.1, "total": 0.25}, "calculatedTotalCost": 9}, 250_000_000_000),
        ({"costDetails": '{"total": "0.25"}'}, 250_000_000_000),
        ({"calculatedTotalCost": 0.25}, 250_000_000_000),
        ({"costDetails": {}, "calculatedTotalCost": 0}, None),
        ({"calculatedTotalCost": 0}, None),
        ({"costDetails": {"total": 0}}, 0),
        ({"costDetails": {"total": "dear"}}, None),
    ],
)
def test_the_cost_langfuse_has_is_recorded(change: dict[str, Any], expected: int | None) -> None:
    assert record(**change).recorded_cost_picos == expected


@pytest.mark.parametrize(
    ("change", "latency"),
    [
        ({"endTime": "2026-11-18T09:00:01.250Z", "latency": 9}, 1250),
        ({"endTime": "2026-11-18T08:00:00.000Z", "latency": 9}, None),
        ({"latency": 1.25}, 1250),
        ({"latencyMs": 1250}, 1250),
        ({"latency": "soon"}, None),
        ({}, None),
    ],
)
def test_latency_is_in_milliseconds_whatever_the_export(change: dict[str, Any], latency: int | None) -> None:
    assert record(**change).latency_ms == latency


def test_users_and_sessions_may_stand_in_the_metadata() -> None:
    found = record(metadata={"langfuse_user_id": "u1", "langfuse_session_id": "s1"})
    assert (found.user, found.session) == ("u1", "s1")


def test_an_answer_from_litellms_cache_is_no_request() -> None:
    read = read_values("langfuse", [row(metadata={"cache_hit": True}), row(metadata={"cache_hit": False})])
    assert (len(read.records), read.ignored, read.findings) == (1, 1, [said(FROM_CACHE)])


def test_a_generation_in_a_generation_is_said() -> None:
    child = row(id="o2", parentObservationId="o1")
    assert read_values("langfuse", [child, ROW]).findings == [said(NESTED)]
    assert read_values("langfuse", [child, row(type="AGENT")]).findings == []


def test_no_text_of_prompt_or_answer_is_kept() -> None:
    secret = "the secret recipe"
    found = record(
        input=secret,
        output={"role": "assistant", "content": secret, "stop_reason": secret},
        metadata={"prompt": secret, "feature": secret * 20},
        statusMessage=secret,
        level="ERROR",
        comments=[secret],
    )
    assert "secret" not in repr(found)


# ── loaded ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_corpus_costs_what_its_tokens_cost() -> None:
    store = emptied()
    summary = load(store, [CORPORA / "langfuse.jsonl"])
    assert (summary.lines, summary.requests, summary.ignored, summary.rejected, summary.unpriced) == (8, 6, 2, 0, 2)
    # in millionths of a dollar; Haiku 4.5 costs 1 and 5, cache 0.10 to read, 1.25 and 2 to write; Sonnet 3.5 3 and 15
    assert costs(store) == {
        "msg_lf1": (21 * 1 + 77 * 5 + 500 // 10 + 100 * 125 // 100 + 40 * 2) * 10**6,  # 21 + 385 + 50 + 125 + 80 = 661
        "chatcmpl-lf2": (21 * 1 + 30 * 5 + 1000 // 10) * 10**6,  # 21 + 150 + 100 = 271
        "langfuse:e3": 0,
        "langfuse:b4": None,
        "langfuse:o5": (40 * 3 + 8 * 15) * 10**6,  # 120 + 120 = 240
        "langfuse:m6": None,
    }
    assert summary.cost == 1_172_000_000
    assert summary.files[0].findings[:3] == (said(CACHE_INSIDE), said(CONTRADICTION), said(OLD_FIELDS))


def test_a_page_fetched_twice_and_the_same_rows_exported_count_once(tmp_path: Path) -> None:
    store = emptied()
    page = {"data": [ROW, row(id="o2")], "meta": {"page": 1}}
    blob: dict[str, Any] = {
        "id": "o1",
        "trace_id": "t1",
        "type": "GENERATION",
        "start_time": "2026-11-18 09:00:00.000000",
    }
    blob |= {"provided_model_name": "claude-haiku-4-5", "usage_details": {"input": "21", "output": "77"}}
    summary = loaded(store, tmp_path / "page.jsonl", [page, page])
    assert (summary.lines, summary.requests, summary.duplicates) == (4, 2, 2)
    assert loaded(store, tmp_path / "blob.jsonl", [blob]).requests == 0
    assert rows(store, "SELECT count(*) FROM usage") == [(2,)]


def test_a_pretty_printed_page_is_read(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    path.write_text(json.dumps({"data": [ROW], "meta": {"totalItems": 1}}, indent=2))
    read: Read = read_file(path)
    assert (read.format, len(read.records)) == ("langfuse", 1)


def test_a_reader_holds_nothing_back() -> None:
    assert langfuse.reader(ReadOptions()).finish() == []
    assert (langfuse.RETOLD, langfuse.EACH_ALONE) == (True, True)
