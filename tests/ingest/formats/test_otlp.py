from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ingest.formats import detect
from ingest.record import UsageRecord
from tests.ingest.formats.otlp_exports import (
    INPUT,
    MESSAGE,
    OUTPUT,
    READ,
    START,
    WRITE,
    attributes,
    bare,
    export,
    span,
)
from tests.ingest.formats.reading import Read, counts, read_values


def read(*spans: dict[str, Any], **of: Any) -> Read:
    return read_values("otlp", [export(*spans, **of)])


def one(*spans: dict[str, Any], **of: Any) -> UsageRecord:
    result = read(*spans, **of)
    assert (len(result.records), result.rejected) == (1, [])
    return result.records[0]


# ── exports ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_holds_many_spans_of_many_resources_and_scopes() -> None:
    first, second = export(span(), span(), span(name="GET"), resource={"service.name": "triage"}), export(span())
    both = {"resourceSpans": first["resourceSpans"] + second["resourceSpans"]}
    result = read_values("otlp", [both, export(bare({"url.path": "/"}))])
    assert [record.feature for record in result.records] == ["triage"] * 3 + [None]
    assert result.ignored == 1


@pytest.mark.parametrize("top", ["resourceSpans", "resourceLogs", "resourceMetrics"])
def test_an_export_of_any_signal_is_recognised_unless_it_is_empty(top: str) -> None:
    found = detect([{top: [{}]}])
    assert found is not None
    assert found.NAME == "otlp"
    assert detect([{top: []}]) is None
    assert read_values("otlp", [{top: []}]).ignored == 1


def test_metrics_are_left_out_and_said() -> None:
    result = read_values("otlp", [{"resourceMetrics": [{"scopeMetrics": []}]}, export(span())])
    assert (len(result.records), result.ignored) == (1, 1)
    assert result.findings == ["Metrics were left out: they are sums of what the logs and traces tell of each request."]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"resourceSpans": {}}, "resourceSpans"),
        ({"resourceSpans": [7]}, "resourceSpans[]"),
        ({"resourceSpans": [{"scopeSpans": "x"}]}, "resourceSpans[].scopeSpans"),
        ({"resourceSpans": [{"scopeSpans": [{"spans": [None]}]}]}, "resourceSpans[].scopeSpans[].spans[]"),
        ({"resourceLogs": [{"scopeLogs": [{"logRecords": 1}]}]}, "resourceLogs[].scopeLogs[].logRecords"),
    ],
)
def test_what_is_no_export_is_rejected_by_the_place_of_the_fault(value: dict[str, Any], field: str) -> None:
    result = read_values("otlp", [value, export(span())])
    assert [rejected.field for rejected in result.rejected] == [field]
    assert len(result.records) == 1


def test_a_broken_span_leaves_the_others_of_its_line_alone() -> None:
    result = read(span({OUTPUT: "many"}), span(startTimeUnixNano="0"), 5, span())  # type: ignore[arg-type]
    fields = [rejected.field for rejected in result.rejected]
    assert fields == [OUTPUT, "startTimeUnixNano", "resourceSpans[].scopeSpans[].spans[]"]
    assert len(result.records) == 1


# ── values ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "value",
    [
        {"intValue": "1169"},
        {"intValue": 1169},
        {"doubleValue": 1169.0},
        {"doubleValue": "1169"},
        {"stringValue": "1169"},
    ],
)
def test_a_count_may_be_encoded_in_any_way(value: dict[str, Any]) -> None:
    assert one(span({INPUT: value})).parts[0].uncached_input_tokens == 1169


@pytest.mark.parametrize("value", [{"boolValue": True}, {"stringValue": "x"}, {"doubleValue": "NaN"}, {"intValue": -1}])
def test_what_is_no_count_is_rejected(value: dict[str, Any]) -> None:
    [rejected] = read(span({INPUT: value})).rejected
    assert rejected.field == INPUT


def test_attributes_in_a_list_of_pairs_have_dotted_names() -> None:
    nested = {"kvlistValue": {"values": attributes({"input_tokens": 21, "output_tokens": 77})}}
    usage = {"kvlistValue": {"values": [{"key": "usage", "value": nested}]}}
    found = one(bare({"gen_ai": usage, "gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-haiku-4-5"}))
    assert counts(found.parts[0]) == (21, 77, 0, 0, 0)


def test_what_is_no_attribute_is_passed_over() -> None:
    odd: list[Any] = [None, {}, {"key": 5, "value": {}}, {"key": "x"}, {"key": INPUT, "value": {"bytesValue": "AA=="}}]
    found = one(span() | {"attributes": odd + span()["attributes"]})
    assert counts(found.parts[0]) == (1000, 100, 0, 0, 0)
    assert read(span() | {"attributes": "none"}).ignored == 1


@pytest.mark.parametrize(
    ("reasons", "stop"),
    [
        (["tool_call"], "tool_use"),
        (["length"], "max_tokens"),
        (["stop"], "stop"),
        (["end_turn", "stop"], "end_turn"),
        ('["tool_calls"]', "tool_use"),
        ([], None),
    ],
)
def test_stop_reasons_are_the_apis_where_a_mapping_leaves_no_doubt(reasons: Any, stop: str | None) -> None:
    assert one(span({"gen_ai.response.finish_reasons": reasons})).stop_reason == stop


def test_the_apis_own_stop_reason_goes_before_a_mapped_one() -> None:
    told = {"gen_ai.response.finish_reasons": ["stop"], "anthropic.message.stop_reason": "stop_sequence"}
    assert one(span(told)).stop_reason == "stop_sequence"


def test_times_are_nanoseconds_as_text_or_number() -> None:
    for start in (str(START), START):
        found = one(span(startTimeUnixNano=start, endTimeUnixNano=str(START + 2_345_600_000)))
        assert (found.started_at, found.latency_ms) == (datetime(2026, 11, 16, 12), 2346)
    assert one(span(endTimeUnixNano=None)).latency_ms is None
    assert one(span(endTimeUnixNano=str(START - 1))).latency_ms is None


# ── names of every age ─────────────────────────────────────────────────────────────────────────────────────────────

GENERATIONS = {
    "2026, after the rename": (INPUT, OUTPUT, READ, WRITE),
    "2025": (INPUT, OUTPUT, READ, "gen_ai.usage.cache_creation.input_tokens"),
    "with underscores": (
        INPUT,
        OUTPUT,
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
    ),
    "2024": (
        "gen_ai.usage.prompt_tokens",
        "gen_ai.usage.completion_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
    ),
    "2023": (
        "llm.usage.prompt_tokens",
        "llm.usage.completion_tokens",
        "llm.usage.cache_read_input_tokens",
        "llm.usage.cache_creation_input_tokens",
    ),
    "OpenInference": (
        "llm.token_count.prompt",
        "llm.token_count.completion",
        "llm.token_count.prompt_details.cache_read",
        "llm.token_count.prompt_details.cache_write",
    ),
    "Sentry": (INPUT, OUTPUT, "gen_ai.usage.input_tokens.cached", "gen_ai.usage.input_tokens.cache_write"),
    "Pydantic AI": (
        INPUT,
        OUTPUT,
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cache_write_tokens",
    ),
}


@pytest.mark.parametrize("age", GENERATIONS)
def test_counts_are_found_by_names_of_every_age(age: str) -> None:
    values = dict(zip(GENERATIONS[age], (1000, 50, 600, 300), strict=True))
    found = one(bare({"llm.model_name": "claude-haiku-4-5", **values}))
    assert counts(found.parts[0]) == (100, 50, 600, 300, 0)


def test_the_newer_of_two_names_is_taken() -> None:
    found = one(span({"gen_ai.usage.prompt_tokens": 1, "gen_ai.request.model": "haiku", INPUT: 20}))
    assert (found.parts[0].uncached_input_tokens, found.parts[0].model) == (20, "claude-haiku-4-5")


# ── what is a call ─────────────────────────────────────────────────────────────────────────────────────────────────

MODEL = {"gen_ai.request.model": "claude-haiku-4-5"}
USED = {**MODEL, INPUT: 10, OUTPUT: 5}


@pytest.mark.parametrize(
    "values",
    [
        {"gen_ai.operation.name": "chat"},
        {"gen_ai.operation.name": "text_completion"},
        {"gen_ai.operation.name": "generate_content"},
        {"gen_ai.operation.name": "embeddings"},
        {"llm.request.type": "completion"},
        {"openinference.span.kind": "LLM"},
        {"openinference.span.kind": "EMBEDDING"},
        {},
    ],
)
def test_spans_of_calls_are_read(values: dict[str, Any]) -> None:
    assert counts(one(bare({**values, **USED})).parts[0]) == (10, 5, 0, 0, 0)


@pytest.mark.parametrize(
    "values",
    [
        {"gen_ai.operation.name": "invoke_agent", **USED},
        {"gen_ai.operation.name": "create_agent", **USED},
        {"gen_ai.operation.name": "execute_tool", **USED},
        {"gen_ai.operation.name": "embeddings", **MODEL},
        {"openinference.span.kind": "AGENT", **USED},
        {"openinference.span.kind": "CHAIN", **USED},
        {"openinference.span.kind": "EMBEDDING", **MODEL},
        {"gen_ai.operation.name": "chat", "logfire.span_type": "pending_span", **MODEL},
        {"http.request.method": "POST"},
        {INPUT: 10, OUTPUT: 5},
        {},
    ],
)
def test_spans_of_anything_else_are_ignored(values: dict[str, Any]) -> None:
    result = read(bare(values))
    assert (result.records, result.ignored, result.rejected) == ([], 1, [])


def test_counting_tokens_is_no_call() -> None:
    assert read(bare(USED, name="anthropic.messages.count_tokens")).ignored == 1


def test_an_agents_sums_without_its_requests_are_said() -> None:
    result = read(bare({"gen_ai.operation.name": "invoke_agent", **USED}))
    assert "1 request: the sums of an agent's whole run" in result.findings[0]


def test_a_call_that_tells_nothing_is_left_out_and_said() -> None:
    result = read(bare({"gen_ai.operation.name": "chat", **MODEL}))
    assert (result.records, result.ignored) == ([], 1)
    assert "neither token counts nor an error" in result.findings[0]


@pytest.mark.parametrize("values", [{"gen_ai.request.stream": True}, {MESSAGE: "msg_cut1"}])
def test_an_answered_call_without_counts_has_unknown_ones(values: dict[str, Any]) -> None:
    found = one(bare({"gen_ai.operation.name": "chat", **MODEL, **values}))
    assert counts(found.parts[0]) == (None, None, 0, 0, 0)


def test_a_cut_stream_has_an_unknown_output() -> None:
    assert counts(one(span({OUTPUT: None, "gen_ai.request.stream": True})).parts[0]) == (1000, None, 0, 0, 0)


def test_a_call_without_a_model_is_rejected() -> None:
    [rejected] = read(bare({"gen_ai.operation.name": "chat", INPUT: 1, OUTPUT: 1})).rejected
    assert (rejected.field, rejected.reason) == ("gen_ai.response.model", "the model is missing")
