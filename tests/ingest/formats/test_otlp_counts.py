from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.record import UsageRecord
from tests.factories import write_log
from tests.ingest.formats.otlp_exports import INPUT, OUTPUT, READ, WRITE, WRITE_1H, WRITE_5M, bare, export, span
from tests.ingest.formats.reading import Read, counts, read_file, read_values

TOTAL = "gen_ai.usage.total_tokens"
CACHED = {INPUT: 1000, OUTPUT: 50, READ: 600, WRITE: 300}
CODE = {"input_tokens": 100, "output_tokens": 50, "cache_read_tokens": 600, "cache_creation_tokens": 300}


def read(values: dict[str, Any], scope: str | None, version: str = "") -> Read:
    return read_values("otlp", [export(span(values), scope=scope, version=version)])


def part(values: dict[str, Any], scope: str | None = "com.anthropic.sdk.python", version: str = "") -> tuple[Any, ...]:
    [record] = read(values, scope, version).records
    return counts(record.parts[0])


# ── does the input hold the cached tokens? ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("scope", "version"),
    [
        ("com.anthropic.sdk.python", "2.10.0"),
        ("com.anthropic.sdk.typescript.bedrock", "1.0.0"),
        ("com.anthropic.claude-platform", ""),
        ("opentelemetry.instrumentation.anthropic", "0.62.4"),
        ("opentelemetry.instrumentation.anthropic", "2.1b0"),
        ("opentelemetry.instrumentation.langchain", "0.61.0"),
        ("openinference.instrumentation.anthropic", "1.1.2"),
        ("logfire.anthropic", "4.31.0"),
        ("pydantic-ai", "1.0.0"),
        ("litellm", ""),
        ("my.own.tracer", "1"),
        (None, ""),
    ],
)
def test_by_the_convention_the_input_holds_the_cached_tokens(scope: str | None, version: str) -> None:
    assert part(CACHED, scope, version) == (100, 50, 600, 300, 0)


@pytest.mark.parametrize(
    ("scope", "version"),
    [
        ("opentelemetry.instrumentation.bedrock", "0.62.1"),
        ("opentelemetry.instrumentation.botocore.bedrock-runtime", "0.58b0"),
        ("openlit.instrumentation.anthropic", ""),
        ("logfire.anthropic", "4.30.0"),
        ("com.anthropic.claude_code.tracing", "1.0.0"),
    ],
)
def test_some_instrumentations_count_the_cached_tokens_beside_the_input(scope: str, version: str) -> None:
    values = {**CACHED, INPUT: 100}
    [record] = read_values(
        "otlp", [export(span(values, name="claude_code.llm_request"), scope=scope, version=version)]
    ).records
    assert counts(record.parts[0]) == (100, 50, 600, 300, 0)


@pytest.mark.parametrize("scope", ["strands.telemetry.tracer", "openinference.instrumentation.bedrock"])
@pytest.mark.parametrize(
    ("given", "total", "uncached"),
    [(100, 100 + 50 + 900, 100), (1000, 1000 + 50, 100), (1000, None, 100), (1000, 77, None)],
)
def test_where_both_occur_the_total_tells(scope: str, given: int, total: int | None, uncached: int | None) -> None:
    assert part({**CACHED, INPUT: given, TOTAL: total}, scope) == (uncached, 50, 600, 300, 0)


@pytest.mark.parametrize(
    "values",
    [
        {INPUT: 0, READ: 600, WRITE: 0},
        {INPUT: 100, READ: 600, WRITE: 300},
        {INPUT: 899, READ: 600, WRITE: 300},
        {INPUT: 2000, OUTPUT: 50, READ: 600, WRITE: 300, TOTAL: 2950},
    ],
)
@pytest.mark.parametrize(
    ("scope", "named"), [("com.anthropic.sdk.python", "com.anthropic.sdk.python 9"), (None, "an unnamed scope 9")]
)
def test_counts_against_the_convention_are_not_guessed_at(values: dict[str, Any], scope: str, named: str) -> None:
    result = read(values, scope, "9")
    [record] = result.records
    assert record.parts[0].uncached_input_tokens is None
    assert record.parts[0].cache_read_tokens == 600
    [finding] = result.findings
    assert finding.startswith(f"1 request: written by {named}, whose input does not hold the cached tokens")


def test_all_that_is_cached_may_be_all_the_input() -> None:
    assert part({INPUT: 900, READ: 600, WRITE: 300}) == (0, 100, 600, 300, 0)


def rows(tmp_path: Path, scope: str) -> list[UsageRecord]:
    """Rows of a scope of which the third contradicts what the two before are taken to mean."""
    spans = [span({INPUT: 40}), span({INPUT: 700, READ: 600}), span({INPUT: 100, READ: 600})]
    return read_file(write_log(tmp_path / "spans.jsonl", [export(*spans, scope=scope)])).records


def test_one_contradiction_puts_all_cached_rows_of_an_unknown_scope_in_doubt(tmp_path: Path) -> None:
    assert [record.parts[0].uncached_input_tokens for record in rows(tmp_path, "my.tracer")] == [40, None, None]


def test_of_a_known_scope_only_the_contradicting_rows_are(tmp_path: Path) -> None:
    found = rows(tmp_path, "com.anthropic.sdk.python")
    assert [record.parts[0].uncached_input_tokens for record in found] == [40, 100, None]


def test_where_nothing_tells_cached_rows_are_not_guessed_at() -> None:
    result = read({INPUT: 1000, "ai.usage.cachedInputTokens": 600}, "ai")
    assert result.records[0].parts[0].uncached_input_tokens is None
    assert "does not tell whether its input holds the cached tokens" in result.findings[0]
    assert part({INPUT: 1000, "ai.usage.cachedInputTokens": 0}, "ai") == (1000, 100, 0, 0, 0)


def test_an_uncached_count_beside_the_input_is_taken_as_it_is() -> None:
    details = "ai.usage.inputTokenDetails"
    values = {f"{details}.noCacheTokens": 100, f"{details}.cacheReadTokens": 600, f"{details}.cacheWriteTokens": 300}
    assert part({INPUT: 1000, **values}, "ai") == (100, 100, 600, 300, 0)


# ── cache writes ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ({WRITE: 300}, (300, 0)),
        ({WRITE: 300, WRITE_5M: 100, WRITE_1H: 200}, (100, 200)),
        ({WRITE: 300, WRITE_1H: 200}, (100, 200)),
        ({WRITE: 300, WRITE_5M: 100}, (100, 200)),
        ({WRITE_5M: 100, WRITE_1H: 200}, (100, 200)),
        ({WRITE_1H: 200}, (0, 200)),
        ({WRITE: 0, WRITE_5M: 0, WRITE_1H: 0}, (0, 0)),
    ],
)
def test_writes_are_split_by_how_long_they_last_where_that_is_told(values: dict[str, Any], written: Any) -> None:
    assert part({INPUT: 1000, **values})[3:] == written


def test_writes_of_which_a_part_is_told_are_said() -> None:
    result = read({INPUT: 1000, WRITE: 300, WRITE_5M: 50, WRITE_1H: 200}, "com.anthropic.claude-platform")
    assert counts(result.records[0].parts[0])[3:] == (100, 200)
    assert "the others were taken for 5-minute writes" in result.findings[0]


def test_more_writes_in_parts_than_in_all_are_rejected() -> None:
    [rejected] = read({INPUT: 1000, WRITE: 300, WRITE_5M: 200, WRITE_1H: 200}, "x").rejected
    assert (rejected.field, rejected.found) == (WRITE_5M, "400 of 300")


# ── output ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_thinking_is_inside_the_output() -> None:
    [record] = read({"gen_ai.usage.reasoning.output_tokens": 80}, "x").records
    assert (record.parts[0].output_tokens, record.parts[0].reasoning_tokens) == (100, 80)


def test_more_thinking_than_output_is_left_out_and_said() -> None:
    result = read({"gen_ai.usage.reasoning.output_tokens": 180}, "x")
    assert result.records[0].parts[0].reasoning_tokens is None
    assert "more reasoning tokens than output tokens" in result.findings[0]


def test_a_compaction_is_a_part_of_its_own() -> None:
    told = {"anthropic.usage.compaction.input_tokens": 5000, "anthropic.usage.compaction.output_tokens": 700}
    result = read({**CACHED, **told}, "com.anthropic.sdk.python")
    own, compaction = result.records[0].parts
    assert (own.kind, counts(own)) == ("message", (100, 50, 600, 300, 0))
    assert (compaction.kind, counts(compaction)) == ("compaction", (5000, 700, 0, 0, 0))
    assert compaction.model == own.model
    assert "the input of a compaction is logged in one sum" in result.findings[0]


# ── what instrumentations are known to get wrong ───────────────────────────────────────────────────────────────────

TRACELOOP = "opentelemetry.instrumentation.anthropic"


@pytest.mark.parametrize(
    ("version", "stream", "said"),
    [
        ("0.62.4", True, True),
        ("0.33.0", True, True),
        ("0.62.4", False, False),
        ("0.63.0", True, False),
        ("2.1b0", True, False),
        ("", True, False),
    ],
)
def test_streams_whose_output_is_overstated_are_said_and_not_corrected(version: str, stream: bool, said: bool) -> None:
    result = read({"gen_ai.is_streaming": stream, READ: 0}, TRACELOOP, version)
    assert result.records[0].parts[0].output_tokens == 100
    assert [finding.startswith("1 request: streamed, written by") for finding in result.findings] == [True] * said


@pytest.mark.parametrize(("version", "said"), [("0.47.5", 0), ("0.48.0", 1), ("0.52.4", 1), ("0.52.5", 0)])
def test_versions_that_lost_the_cached_tokens_of_streams_are_said(version: str, said: int) -> None:
    result = read({"gen_ai.is_streaming": True}, TRACELOOP, version)
    assert sum("leaves out cached tokens: they were priced as" in finding for finding in result.findings) == said


@pytest.mark.parametrize(
    ("scope", "values", "said"),
    [
        ("opentelemetry.instrumentation.botocore.bedrock-runtime", {}, 1),
        ("logfire.anthropic", {}, 1),
        ("logfire.anthropic", {"gen_ai.usage.raw": json.dumps({"input_tokens": 1})}, 0),
        ("com.anthropic.sdk.python", {}, 0),
    ],
)
def test_instrumentations_that_tell_no_cached_tokens_are_said(scope: str, values: dict[str, Any], said: int) -> None:
    result = read(values, scope)
    assert sum("which leaves out cached tokens" in finding for finding in result.findings) == said


# ── the API's own usage beside the counts ──────────────────────────────────────────────────────────────────────────

USAGE = {
    "input_tokens": 100,
    "output_tokens": 1,
    "cache_read_input_tokens": 600,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
}


@pytest.mark.parametrize(
    "values",
    [
        {"gen_ai.usage.raw": json.dumps(USAGE)},
        {"ai.response.providerMetadata": json.dumps({"anthropic": {"usage": USAGE, "stopSequence": None}})},
    ],
)
@pytest.mark.parametrize("scope", ["logfire.anthropic", "ai"])
def test_the_apis_own_usage_goes_before_counts_retold(values: dict[str, Any], scope: str) -> None:
    assert part({INPUT: 1000, OUTPUT: 50, **values}, scope) == (100, 50, 600, 100, 200)


@pytest.mark.parametrize(
    "raw",
    ['{"prompt_tokens": 5}', '{"input_tokens": 5, "input_tokens_details": {}}', "[]", "{", "7", '{"anthropic": 1}'],
)
def test_a_raw_usage_of_another_api_is_passed_over(raw: str) -> None:
    assert part({"gen_ai.usage.raw": raw, "ai.response.providerMetadata": raw}) == (1000, 100, 0, 0, 0)


def test_a_raw_usage_that_cannot_be_is_rejected_by_its_place() -> None:
    [rejected] = read({"gen_ai.usage.raw": '{"input_tokens": -1}'}, "logfire.anthropic").rejected
    assert rejected.field == "gen_ai.usage.raw.input_tokens"


# ── spans of Claude Code ───────────────────────────────────────────────────────────────────────────────────────────


def code(values: dict[str, Any], name: str = "claude_code.llm_request") -> Read:
    plain = {"model": "claude-opus-5", "gen_ai.system": "anthropic", **values}
    return read_values("otlp", [export(bare(plain, name=name), scope="com.anthropic.claude_code.tracing")])


def test_claude_codes_spans_have_names_of_their_own() -> None:
    told = {"gen_ai.response.id": "req_c1", "request_id": "req_c1", "stop_reason": "tool_use", "speed": "normal"}
    [record] = code({**CODE, **told, "ttft_ms": 400, "success": True}).records
    assert counts(record.parts[0]) == (100, 50, 600, 300, 0)
    assert (record.message_id, record.request_id, record.stop_reason) == (None, "req_c1", "tool_use")
    assert (record.speed, record.time_to_first_token_ms, record.error) == ("standard", 400, None)


def test_other_spans_of_claude_code_and_its_names_elsewhere_are_no_calls() -> None:
    assert code(CODE, name="claude_code.interaction").ignored == 1
    plain = export(bare({"model": "claude-opus-5", **CODE}), scope="my.tracer")
    assert read_values("otlp", [plain]).ignored == 1


def test_a_request_of_claude_code_that_failed() -> None:
    [record] = code({"success": False, "error": "Connection error.", "status_code": "undefined"}).records
    assert (counts(record.parts[0]), record.error, record.status) == ((0, 0, 0, 0, 0), "error", None)


def test_without_an_id_of_the_api_the_clients_own_is_taken() -> None:
    result = code({**CODE, "client_request_id": "7e1c"})
    assert ([record.log_id for record in result.records], result.findings) == (["client:7e1c"], [])
    assert "loaded with the logs of the same run it counts twice" in code(CODE).findings[0]
