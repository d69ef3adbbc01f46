from __future__ import annotations

from typing import Any

import pytest

from ingest.record import UsageRecord
from tests.ingest.formats.otlp_exports import MESSAGE, OUTPUT, REQUEST, bare, export, span
from tests.ingest.formats.reading import CORPORA, Read, counts, read_file, read_values

MODEL = {"gen_ai.request.model": "claude-haiku-4-5"}


def read(*spans: dict[str, Any], **of: Any) -> Read:
    return read_values("otlp", [export(*spans, **of)])


def one(*spans: dict[str, Any], **of: Any) -> UsageRecord:
    result = read(*spans, **of)
    assert (len(result.records), result.rejected) == (1, [])
    return result.records[0]


# ── ids ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("values", "message", "request_id"),
    [
        ({MESSAGE: "msg_01abc", REQUEST: "req_01abc"}, "msg_01abc", "req_01abc"),
        ({MESSAGE: "msg_01abc"}, "msg_01abc", None),
        ({REQUEST: "req_01abc"}, None, "req_01abc"),
        ({MESSAGE: "req_01abc"}, None, "req_01abc"),
        ({MESSAGE: "chatcmpl-81d2"}, "chatcmpl-81d2", None),
        ({MESSAGE: "12345678"}, None, None),
        ({MESSAGE: "7"}, None, None),
    ],
)
def test_ids_are_the_messages_and_the_requests(values: dict[str, Any], message: str, request_id: str) -> None:
    found = one(span(values))
    assert (found.message_id, found.request_id) == (message, request_id)


def test_a_span_is_known_by_its_place_in_its_trace() -> None:
    found = one(span(at="00f067aa0ba902b7", traceId="4bf92f3577b34da6a3ce929d0e0e4736"))
    assert found.log_id == "span:4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7"
    assert one(span(traceId=None)).log_id is None


# ── what stands beside the counts ──────────────────────────────────────────────────────────────────────────────────


def test_all_that_a_span_of_the_sdk_tells() -> None:
    first, second, _ = read_file(CORPORA / "otlp_traces.jsonl").records
    assert (first.feature, first.user, first.tags) == ("triage", "u-7", {"environment": "production"})
    assert (first.provider, first.region, first.service_tier) == ("anthropic", None, "standard")
    assert (first.max_tokens, first.stream, first.latency_ms, first.time_to_first_token_ms) == (1024, True, 1500, 250)
    assert (first.stop_reason, first.status, first.error) == ("end_turn", 200, None)
    assert (first.parts[0].model, first.parts[0].reasoning_tokens) == ("claude-haiku-4-5-20251001", 20)
    assert (second.feature, second.message_id, second.stream, second.status) == ("search", None, None, None)


@pytest.mark.parametrize(
    ("values", "provider", "region"),
    [
        ({"gen_ai.provider.name": "anthropic", "cloud.region": "eu-west-1"}, "anthropic", None),
        ({"gen_ai.system": "anthropic"}, "anthropic", None),
        ({"gen_ai.provider.name": "aws.bedrock", "cloud.region": "eu-west-1"}, "bedrock", "eu-west-1"),
        (
            {"gen_ai.system": "aws_bedrock", "server.address": "bedrock-runtime.us-east-1.amazonaws.com"},
            "bedrock",
            "us-east-1",
        ),
        (
            {"gen_ai.provider.name": "gcp.vertex_ai", "server.address": "us-east5-aiplatform.googleapis.com"},
            "vertex",
            "us-east5",
        ),
        ({"gen_ai.system": "vertex_ai", "server.address": "aiplatform.googleapis.com"}, "vertex", "global"),
        ({"gen_ai.provider.name": "gcp.vertex_ai", "cloud.region": "us-east1"}, "vertex", None),
        ({"gen_ai.provider.name": "openai"}, "openai", None),
    ],
)
def test_provider_and_region_are_in_our_words(values: dict[str, Any], provider: str, region: str | None) -> None:
    found = one(span(values))
    assert (found.provider, found.region) == (provider, region)


@pytest.mark.parametrize(
    ("values", "resource", "feature"),
    [
        ({}, {"service.name": "shop"}, "shop"),
        ({"feature": "triage"}, {"service.name": "shop"}, "triage"),
        ({"spendglass.feature": "a", "feature": "b"}, {}, "a"),
        ({}, {"spendglass.feature": "a", "service.name": "shop"}, "a"),
        ({"traceloop.association.properties.feature": "triage"}, {}, "triage"),
        ({}, {"service.name": "unknown_service:python"}, None),
        ({}, {"service.name": "claude-platform"}, None),
        ({}, {}, None),
    ],
)
def test_the_feature_is_what_the_app_says_else_its_service(
    values: dict[str, Any], resource: dict[str, Any], feature: str | None
) -> None:
    assert one(span(values), resource=resource).feature == feature


@pytest.mark.parametrize(
    ("values", "user", "session"),
    [
        ({"user.id": "u1", "user.email": "ada@example.com", "session.id": "s1"}, "u1", "s1"),
        ({"enduser.id": "u1", "gen_ai.conversation.id": "c1", "session.id": "s1"}, "u1", "c1"),
        ({"user.email": "ada@example.com", "anthropic.session.id": "s2"}, "ada@example.com", "s2"),
        ({}, None, None),
    ],
)
def test_user_and_session(values: dict[str, Any], user: str | None, session: str | None) -> None:
    found = one(span(values))
    assert (found.user, found.session) == (user, session)


def test_a_cost_of_the_instrumentations_own_is_kept() -> None:
    assert one(span({"operation.cost": 0.0015})).recorded_cost_picos == 1_500_000_000
    assert one(span({"gen_ai.usage.cost": "0.25"})).recorded_cost_picos == 250_000_000_000


def test_what_cannot_be_read_beside_the_counts_is_left_out() -> None:
    text = "please summarise the following letter from my landlord about the broken heating " * 3
    odd = {"user.id": text, "feature": ["a"], "gen_ai.request.max_tokens": "lots", "http.response.status_code": 7}
    result = read(span({**odd, "gen_ai.request.stream": "perhaps", "operation.cost": -1}))
    [found] = result.records
    assert (found.user, found.feature, found.max_tokens, found.status, found.stream) == (None, None, None, None, None)
    assert found.recorded_cost_picos is None
    assert result.findings == ["5 requests: a field beside the counts could not be read and was left out."]


def test_no_text_of_a_conversation_is_kept() -> None:
    secret = "my landlord's letter"
    told = {"gen_ai.input.messages": secret, "gen_ai.output.messages": secret, "input.value": secret, "error": secret}
    failed = span({**told, "error.type": secret}, status={"code": 2, "message": secret}, events=[{"name": secret}])
    result = read(span(told), failed)
    assert len(result.records) == 2
    assert secret not in repr(result)


# ── failures ───────────────────────────────────────────────────────────────────────────────────────────────────────


def failed(values: dict[str, Any], **over: Any) -> UsageRecord:
    return one(bare({"gen_ai.operation.name": "chat", **MODEL, **values}, **over))


def test_a_failed_call_costs_nothing() -> None:
    found = failed({"error.type": "overloaded_error", "http.response.status_code": 529}, status={"code": 2})
    assert counts(found.parts[0]) == (0, 0, 0, 0, 0)
    assert (found.error, found.status) == ("overloaded_error", 529)


@pytest.mark.parametrize(
    ("values", "status", "error"),
    [
        ({"error.type": "TimeoutError"}, {}, "TimeoutError"),
        ({}, {"code": 2, "message": "Request timed out."}, "error"),
        ({}, {"code": "STATUS_CODE_ERROR"}, "error"),
        ({"error.type": "something went wrong"}, {}, "error"),
        ({"error.type": ["a"]}, {}, "error"),
    ],
)
def test_an_error_is_named_by_its_type_alone(values: dict[str, Any], status: dict[str, Any], error: str) -> None:
    assert failed(values, status=status).error == error


def test_a_failed_call_may_not_say_which_model() -> None:
    found = one(bare({"gen_ai.operation.name": "chat", "error.type": "connection_error"}))
    assert (found.parts[0].model, counts(found.parts[0])) == (None, (0, 0, 0, 0, 0))


def test_a_call_that_failed_after_its_output_is_billed() -> None:
    found = one(span({"error.type": "api_error"}, status={"code": 2}))
    assert (counts(found.parts[0]), found.error) == ((1000, 100, 0, 0, 0), None)


def test_the_output_of_a_stream_that_broke_is_unknown() -> None:
    found = one(span({OUTPUT: None, "error.type": "api_error", "gen_ai.request.stream": True}))
    assert (counts(found.parts[0]), found.error) == ((1000, None, 0, 0, 0), "api_error")
