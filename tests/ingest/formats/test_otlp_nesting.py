from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.factories import write_log
from tests.ingest.formats.otlp_exports import MESSAGE, OUTPUT, REQUEST, SDK, WRITE, WRITE_1H, bare, export, span
from tests.ingest.formats.reading import Read, read_file

AGENT = {"gen_ai.operation.name": "invoke_agent"}
PLATFORM = "com.anthropic.claude-platform"


def read(tmp_path: Path, *exports: Any) -> Read:
    return read_file(write_log(tmp_path / "spans.jsonl", exports))


def counted(result: Read) -> list[str]:
    """The places in their traces of the spans that were counted."""
    return [str(record.log_id).rpartition("/")[2] for record in result.records]


@pytest.mark.parametrize("children_first", [True, False])
@pytest.mark.parametrize("inner", [{}, {MESSAGE: "msg_inner"}])
def test_an_outer_span_that_repeats_an_inner_one_is_not_counted(
    tmp_path: Path, inner: dict[str, Any], children_first: bool
) -> None:
    outer = export(span(at="0a"), scope="framework")
    sdk = export(span(inner, at="0c", parentSpanId="0b"))
    between = export(bare({"http.request.method": "POST"}, at="0b", parentSpanId="0a"), scope="http")
    result = read(tmp_path, *([sdk, between, outer] if children_first else [outer, between, sdk]))
    assert (counted(result), result.ignored) == (["0c"], 2)
    assert result.findings == ["1 request: told again by a second span of the file, which was left out."]


def test_of_two_spans_beside_each_other_both_are_counted(tmp_path: Path) -> None:
    root = bare({"http.request.method": "POST"}, at="0a")
    result = read(tmp_path, export(span(at="0b", parentSpanId="0a"), span(at="0c", parentSpanId="0a"), root))
    assert counted(result) == ["0b", "0c"]


def test_the_same_places_in_another_trace_are_others(tmp_path: Path) -> None:
    result = read(tmp_path, export(span(at="0b", parentSpanId="0a"), span(at="0a", traceId="f" * 32)))
    assert counted(result) == ["0b", "0a"]


def test_spans_with_ids_of_the_api_are_left_to_be_settled_by_them(tmp_path: Path) -> None:
    ids = {MESSAGE: "msg_one1", REQUEST: "req_one1"}
    result = read(tmp_path, export(span(ids, at="0b", parentSpanId="0a"), span({MESSAGE: "msg_one1"}, at="0a")))
    assert counted(result) == ["0b", "0a"]


def test_a_span_with_the_id_of_a_framework_repeats_too(tmp_path: Path) -> None:
    inner = span({MESSAGE: "msg_one1"}, at="0b", parentSpanId="0a")
    assert counted(read(tmp_path, export(inner, span({MESSAGE: "run--81d2-42"}, at="0a")))) == ["0b"]


def test_an_agents_sums_around_its_requests_are_not_counted(tmp_path: Path) -> None:
    calls = [span({MESSAGE: f"msg_call{n}"}, at=f"0{n}", parentSpanId="0a") for n in (1, 2, 3)]
    result = read(tmp_path, export(*calls, span({**AGENT, OUTPUT: 300}, at="0a")))
    assert (counted(result), result.findings) == (["01", "02", "03"], [])


def test_what_the_api_did_inside_a_request_is_not_counted_again(tmp_path: Path) -> None:
    ids = {MESSAGE: "msg_one1", REQUEST: "req_one1"}
    sdk = export(span(ids, at="0a"), scope=SDK)
    api = export(span(ids, at="0b", parentSpanId="0a"), span(at="0c", parentSpanId="0b"), scope=PLATFORM)
    assert counted(read(tmp_path, api, sdk)) == ["0b", "0a"]
    assert counted(read(tmp_path, sdk, api)) == ["0a", "0b"]


def test_what_the_api_did_in_no_request_of_its_own_is_counted(tmp_path: Path) -> None:
    assert counted(read(tmp_path, export(span(at="0c", parentSpanId="0b"), scope=PLATFORM))) == ["0c"]


def test_a_failure_told_twice_is_one(tmp_path: Path) -> None:
    error = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-haiku-4-5", "error.type": "api_error"}
    result = read(tmp_path, export(bare(error, at="0b", parentSpanId="0a"), bare(error, at="0a")))
    assert counted(result) == ["0b"]


def test_a_request_whose_first_attempt_failed_inside_it_is_counted(tmp_path: Path) -> None:
    error = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-haiku-4-5", "error.type": "api_error"}
    assert counted(read(tmp_path, export(bare(error, at="0b", parentSpanId="0a"), span(at="0a")))) == ["0b", "0a"]


TRACELOOP: dict[str, Any] = {"scope": "opentelemetry.instrumentation.anthropic", "version": "0.62.4"}


def test_an_overstated_output_gives_way_to_the_sdks_own(tmp_path: Path) -> None:
    retold = export(span({MESSAGE: "msg_one1", OUTPUT: 104, "gen_ai.is_streaming": True}, at="0a"), **TRACELOOP)
    own = export(span({MESSAGE: "msg_one1", OUTPUT: 100}, at="0b", parentSpanId="0a"))
    result = read(tmp_path, own, retold)
    assert [record.parts[0].output_tokens for record in result.records] == [100]


def test_cache_writes_of_unknown_length_give_way_to_the_sdks_own(tmp_path: Path) -> None:
    retold = export(span({MESSAGE: "msg_one1", WRITE: 300}, at="0a"), **TRACELOOP)
    own = export(span({MESSAGE: "msg_one1", WRITE: 300, WRITE_1H: 300}, at="0b"))
    result = read(tmp_path, retold, own)
    assert [record.parts[0].cache_write_1h_tokens for record in result.records] == [300]


def test_a_span_inside_itself_is_counted_and_a_circle_ends(tmp_path: Path) -> None:
    ring = [span(at=f"1{n:02d}", parentSpanId=f"1{(n + 1) % 20:02d}") for n in range(20)]
    lone = span(at="aa", parentSpanId="aa")
    assert counted(read(tmp_path, export(*ring, lone, span(at="bb", traceId="c" * 32)))) == ["aa", "bb"]


@pytest.mark.parametrize("outer_first", [True, False])
def test_an_outer_span_is_found_through_any_number_of_others(tmp_path: Path, outer_first: bool) -> None:
    chain = [bare({"http.request.method": "POST"}, at=f"{n:04x}", parentSpanId=f"{n - 1:04x}") for n in range(2, 2000)]
    spans = [span(at="0001"), *chain, span(at="ffff", parentSpanId=f"{1999:04x}")]
    assert counted(read(tmp_path, export(*(spans if outer_first else spans[::-1])))) == ["ffff"]
