from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from ingest.load import LoadSummary, load
from store.connection import Store
from tests.factories import emptied, facts, loaded, rows, usage_record, write_log
from tests.ingest.formats.otlp_exports import (
    INPUT,
    MESSAGE,
    OUTPUT,
    READ,
    REQUEST,
    SDK,
    WRITE,
    WRITE_1H,
    WRITE_5M,
    bare,
    event,
    export,
    logs,
    span,
)
from tests.ingest.formats.reading import CORPORA

IDS = {MESSAGE: "msg_one1", REQUEST: "req_one1"}
PLATFORM, TRACELOOP = "com.anthropic.claude-platform", "opentelemetry.instrumentation.anthropic"
CLASSES = "uncached_input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens"


@pytest.fixture
def store() -> Store:
    return emptied()


def counted(summary: LoadSummary) -> tuple[int, int, int, int]:
    return summary.requests, summary.duplicates, summary.ignored, summary.rejected


# ── the samples, with their cost by hand ───────────────────────────────────────────────────────────────────────────


def test_the_cost_of_the_sample_traces(store: Store) -> None:
    summary = load(store, [CORPORA / "otlp_traces.jsonl"])
    assert counted(summary) == (3, 0, 2, 0)
    assert rows(store, f"SELECT feature, {CLASSES}, cost FROM usage ORDER BY started_at") == [
        # Haiku 4.5, a millionth of a dollar: 1 in, 0.1 read, 1.25 or 2 written, 5 out
        ("triage", 100, 600, 100, 200, 50, 100_000_000 + 60_000_000 + 125_000_000 + 400_000_000 + 250_000_000),
        # the same on a regional endpoint of Bedrock, a tenth dearer
        ("search", 40, 500, 0, 0, 7, 44_000_000 + 55_000_000 + 38_500_000),
        ("summaries", 30, 0, 0, 0, 5, 30_000_000 + 25_000_000),
    ]
    assert (summary.cost, summary.unpriced) == (935_000_000 + 137_500_000 + 55_000_000, 0)


def test_the_cost_of_the_sample_events_agrees_with_their_own(store: Store) -> None:
    summary = load(store, [CORPORA / "otlp_logs.jsonl"])
    assert counted(summary) == (3, 0, 1, 0)
    # Opus 5: 12 at 5, 900 at 0.5, 40 at 6.25, 80 at 25; Haiku 4.5: 3 at 1, 9 at 5; what failed is free
    assert summary.cost == 60_000_000 + 450_000_000 + 250_000_000 + 2_000_000_000 + 3_000_000 + 45_000_000
    assert "agrees with their tokens at list price" in summary.files[0].findings[-1]


def test_spans_as_the_sdk_writes_them_of_cached_prompts(tmp_path: Path, store: Store) -> None:
    told: list[dict[str, Any]] = [
        {INPUT: 17, OUTPUT: 220},
        {INPUT: 1169, OUTPUT: 207, READ: 0, WRITE: 1165, WRITE_5M: 1165, WRITE_1H: 0},
        {INPUT: 1169, OUTPUT: 224, READ: 1165, WRITE: 0, WRITE_5M: 0, WRITE_1H: 0},
        {INPUT: 1171, OUTPUT: 289, READ: 0, WRITE: 1167, "gen_ai.request.stream": True},
        {INPUT: 1171, OUTPUT: 256, READ: 1167, WRITE: 0, "gen_ai.request.stream": True},
    ]
    spans = [span({**values, MESSAGE: f"msg_cached{n}"}) for n, values in enumerate(told)]
    summary = loaded(store, tmp_path / "spans.jsonl", [export(*spans[:3]), export(*spans[3:])])
    sums = ", ".join(f"sum({name})::BIGINT" for name in CLASSES.split(", "))
    assert rows(store, f"SELECT {sums} FROM usage") == [(33, 2332, 2332, 0, 1196)]
    assert summary.cost == 33 * 1_000_000 + 2332 * 100_000 + 2332 * 1_250_000 + 1196 * 5_000_000


# ── one request, told several times ────────────────────────────────────────────────────────────────────────────────


def test_spans_of_sdk_api_and_traceloop_are_one_request(tmp_path: Path) -> None:
    cached = {INPUT: 1000, OUTPUT: 50, READ: 600, WRITE: 300}
    split = {WRITE_5M: 100, WRITE_1H: 200}
    streamed = {"gen_ai.is_streaming": True, OUTPUT: 53}
    exports = [
        export(span({**cached, **split, **IDS}, at="0c", parentSpanId="0b"), scope=PLATFORM),
        export(span({**cached, **split, **IDS}, at="0b", parentSpanId="0a"), scope=SDK),
        export(
            span({**cached, **streamed, MESSAGE: "msg_one1"}, at="0a", parentSpanId="09"),
            scope=TRACELOOP,
            version="0.62.4",
        ),
        export(span(at="09"), scope="my.framework"),
    ]
    for order in (exports, exports[::-1]):
        store = emptied()
        summary = loaded(store, tmp_path / "spans.jsonl", order)
        assert counted(summary) == (1, 1, 2, 0)
        key = "request_key, key_kind, request_id"
        assert rows(store, f"SELECT {key}, {CLASSES} FROM usage") == [
            ("msg_one1", "message", "req_one1", 100, 600, 100, 200, 50)
        ]


def test_a_batch_that_a_collector_sent_twice_counts_once(tmp_path: Path, store: Store) -> None:
    batch = export(span(IDS), span(), span({MESSAGE: "msg_two2"}), bare({"url.path": "/"}))
    events = logs(event("api_request", {"model": "claude-opus-5", "input_tokens": 1, "output_tokens": 1}))
    once = loaded(store, tmp_path / "a.jsonl", [batch, events])
    assert counted(once) == (4, 0, 1, 0)
    before = facts(store)
    twice = loaded(store, tmp_path / "b.jsonl", [batch, events, batch, events])
    assert counted(twice) == (0, 8, 2, 0)
    assert facts(store) == before


def test_a_message_that_its_app_logged_too_is_one_request(tmp_path: Path, store: Store) -> None:
    loaded(store, tmp_path / "app.jsonl", [usage_record(message_id="msg_one1", request_id="req_one1")])
    summary = loaded(store, tmp_path / "spans.jsonl", [export(span(IDS))])
    assert counted(summary) == (0, 1, 0, 0)


@pytest.mark.parametrize("ids", [{"request_id": "req_c1"}, {"client_request_id": "7e1c"}])
def test_a_span_and_an_event_of_claude_code_are_one_request(tmp_path: Path, store: Store, ids: dict[str, str]) -> None:
    told: dict[str, Any] = {"model": "claude-opus-5", "input_tokens": 12, "output_tokens": 80, **ids}
    spans = export(bare(told, name="claude_code.llm_request"), scope="com.anthropic.claude_code.tracing")
    assert counted(loaded(store, tmp_path / "spans.jsonl", [spans])) == (1, 0, 0, 0)
    assert counted(loaded(store, tmp_path / "logs.jsonl", [logs(event("api_request", told))])) == (0, 1, 0, 0)


# ── what is unknown ────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_that_contradict_their_convention_are_unpriced_and_said(tmp_path: Path, store: Store) -> None:
    spans = export(span({INPUT: 100, READ: 600}), span({INPUT: 100}), scope="my.tracer", version="1")
    summary = loaded(store, tmp_path / "spans.jsonl", [spans])
    assert (summary.requests, summary.unpriced, summary.cost) == (2, 1, 100 * 1_000_000 + 100 * 5_000_000)
    assert "written by my.tracer 1, whose input does not hold the cached tokens" in summary.files[0].findings[0]
    assert rows(store, "SELECT unpriced_because, cache_read_tokens FROM usage WHERE cost IS NULL") == [
        ("no_tokens", 600)
    ]


def test_other_providers_are_kept_and_unpriced(tmp_path: Path, store: Store) -> None:
    other = {"gen_ai.provider.name": "openai", "gen_ai.response.model": "gpt-5", MESSAGE: "chatcmpl-81d2"}
    summary = loaded(
        store, tmp_path / "spans.jsonl", [export(span(other), scope="opentelemetry.instrumentation.openai")]
    )
    assert (summary.requests, summary.unpriced) == (1, 1)
    assert rows(store, "SELECT model, provider, unpriced_because FROM usage") == [("gpt-5", "openai", "unknown_model")]


def test_a_failed_call_is_free_and_a_compaction_is_not(tmp_path: Path, store: Store) -> None:
    error = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-haiku-4-5", "error.type": "api_error"}
    compacted = {"anthropic.usage.compaction.input_tokens": 5000, "anthropic.usage.compaction.output_tokens": 700}
    loaded(store, tmp_path / "spans.jsonl", [export(bare(error), span({**IDS, **compacted}))])
    assert rows(store, "SELECT part_kind, error, cost FROM usage ORDER BY error NULLS LAST, part") == [
        ("message", "api_error", 0),
        ("message", None, 1000 * 1_000_000 + 100 * 5_000_000),
        ("compaction", None, 5000 * 1_000_000 + 700 * 5_000_000),
    ]


def test_compressed_and_pretty_printed_files_are_read_alike(tmp_path: Path, store: Store) -> None:
    sample = (CORPORA / "otlp_traces.jsonl").read_bytes()
    path = tmp_path / "traces.jsonl.gz"
    path.write_bytes(gzip.compress(sample, mtime=0))
    assert load(store, [path]).requests == 3
    listed = write_log(tmp_path / "list.json", [b"[" + b",\n".join(sample.splitlines()) + b"]"])
    assert counted(load(store, [listed])) == (0, 3, 2, 0)
