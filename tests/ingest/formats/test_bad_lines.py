"""Lines that cannot be usage records: each rejected with its field and reason, whatever the format."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import FORMATS, ReadOptions, by_name
from ingest.record import MAX_TOKENS, Rejected, UsageRecord

TIME, MODEL = "2026-11-20T12:00:00Z", "claude-haiku-4-5"
COUNTS = {"input_tokens": 21, "output_tokens": 77}
MESSAGE = {"id": "msg_1", "type": "message", "model": MODEL, "usage": COUNTS}
SPLIT = {"ephemeral_5m_input_tokens": 8, "ephemeral_1h_input_tokens": 3}
TOO_MUCH = {**COUNTS, "cache_creation_input_tokens": 10, "cache_creation": SPLIT}


def ours(**change: Any) -> dict[str, Any]:
    return {"time": TIME, "model": MODEL, "usage": COUNTS, **change}


def home(**change: Any) -> dict[str, Any]:
    return {"ts": TIME, "model": MODEL, "tokens_in": 21, "tokens_out": 77, **change}


def wrapped(usage: Any = None, **change: Any) -> dict[str, Any]:
    return {"date": TIME, "response": {**MESSAGE, "usage": usage or COUNTS, **change}}


def batch(result: Any) -> dict[str, Any]:
    return {"custom_id": "doc-1", "result": result}


def start(usage: Any = None, **change: Any) -> dict[str, Any]:
    return {"type": "message_start", "message": {**MESSAGE, "usage": usage or COUNTS, **change}}


def turn(usage: Any = None, **change: Any) -> dict[str, Any]:
    row = {"type": "assistant", "uuid": "u", "sessionId": "s", "timestamp": TIME}
    return {**row, "message": {**MESSAGE, "usage": usage or COUNTS}, **change}


BAD = [
    ("usage_record", [], None, "not an object"),
    ("usage_record", "text", None, "not an object"),
    ("usage_record", 7, None, "not an object"),
    ("usage_record", {}, "time", "missing"),
    ("usage_record", ours(time=None), "time", "missing"),
    ("usage_record", ours(time="noon"), "time", "not a time"),
    ("usage_record", ours(time="1926-11-20T12:00:00Z"), "time", "another century"),
    ("usage_record", ours(time="2926-11-20T12:00:00Z"), "time", "another century"),
    ("usage_record", ours(time=False), "time", "not a time"),
    ("usage_record", ours(model=None), "model", "missing"),
    ("usage_record", ours(model=""), "model", "missing"),
    ("usage_record", ours(model=["claude"]), "model", "not a text"),
    ("usage_record", ours(model=True), "model", "not a text"),
    ("usage_record", ours(model="x" * 5000), "model", "longer than"),
    ("usage_record", ours(usage=None), "usage", "no usage"),
    ("usage_record", ours(usage=None, status=200), "usage", "no usage"),
    ("usage_record", ours(usage=[1]), "usage", "not an object"),
    ("usage_record", ours(usage={"output_tokens": 1}), "usage.input_tokens", "missing"),
    ("usage_record", ours(usage={"input_tokens": 1}), "usage.output_tokens", "missing"),
    ("usage_record", ours(usage={"input_tokens": 1}, stream=False), "usage.output_tokens", "missing"),
    ("usage_record", ours(usage={**COUNTS, "input_tokens": -1}), "usage.input_tokens", "negative"),
    ("usage_record", ours(usage={**COUNTS, "output_tokens": 0.5}), "usage.output_tokens", "fraction"),
    ("usage_record", ours(usage={**COUNTS, "output_tokens": 2**63}), "usage.output_tokens", "more than"),
    ("usage_record", ours(usage={**COUNTS, "input_tokens": True}), "usage.input_tokens", "true or false"),
    ("usage_record", ours(usage={**COUNTS, "input_tokens": "21"}), "usage.input_tokens", "not a number"),
    ("usage_record", ours(usage=TOO_MUCH), "usage.cache_creation", "cache parts larger than their whole"),
    ("usage_record", ours(tags=["a"]), "tags", "not an object"),
    ("usage_record", ours(tags={"a": [1]}), "tags.a", "not a text"),
    ("usage_record", ours(tags={str(n): "x" for n in range(101)}), "tags", "more than 100 tags"),
    ("usage_record", ours(user={"id": 1}), "user", "not a text"),
    ("usage_record", ours(feature=["a"]), "feature", "not a text"),
    ("usage_record", ours(max_tokens="many"), "max_tokens", "not a number"),
    ("usage_record", ours(max_tokens=-1), "max_tokens", "out of range"),
    ("usage_record", ours(latency_ms=True), "latency_ms", "not a number"),
    ("usage_record", ours(stream="maybe"), "stream", "neither true nor false"),
    ("usage_record", ours(status=42), "status", "not an HTTP status"),
    ("usage_record", ours(stop_details="refused"), "stop_details", "not an object"),
    ("usage_record", ours(prefixes={"a": 1}), "prefixes", "not a list"),
    ("home_made", None, None, "not an object"),
    ("home_made", [1], None, "not an object"),
    ("home_made", home(ts=None), "ts", "missing"),
    ("home_made", {"model": MODEL, "tokens_in": 1, "tokens_out": 1}, "time", "missing"),
    ("home_made", home(ts="12:00"), "ts", "not a time"),
    ("home_made", home(ts=17), "ts", "another century"),
    ("home_made", home(model=None), "model", "missing"),
    ("home_made", {"ts": TIME, "tokens_in": 1, "tokens_out": 1}, "model", "missing"),
    ("home_made", home(tokens_in=-5), "tokens_in", "negative"),
    ("home_made", home(tokens_in="-5"), "tokens_in", "negative"),
    ("home_made", home(tokens_out=7.5), "tokens_out", "fraction"),
    ("home_made", home(tokens_out="7.5"), "tokens_out", "fraction"),
    ("home_made", home(tokens_out=10**12), "tokens_out", "more than"),
    ("home_made", home(tokens_out=True), "tokens_out", "true or false"),
    ("home_made", home(tokens_out=[77]), "tokens_out", "not a number"),
    ("home_made", home(tokens_out="many"), "tokens_out", "not a number"),
    ("home_made", home(tokens_in=None), "tokens_in", "no input token count"),
    ("home_made", home(tokens_out=None), "tokens_out", "no output token count"),
    ("home_made", {"ts": TIME, "model": MODEL, "status": 200}, "usage", "no token counts"),
    (
        "home_made",
        home(cache_creation_tokens=10, cache_write_5m=8, cache_write_1h=3),
        "cache_creation_tokens",
        "cache parts larger than their whole",
    ),
    (
        "home_made",
        {
            "ts": TIME,
            "model": MODEL,
            "usage": {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 11}},
        },
        "usage.prompt_tokens_details.cached_tokens",
        "cache parts larger than their whole",
    ),
    ("home_made", {"ts": TIME, "model": MODEL, "usage": TOO_MUCH}, "usage.cache_creation", "larger than their whole"),
    ("messages_api", 3, None, "not an object"),
    ("messages_api", wrapped(model=None), "response.model", "missing"),
    ("messages_api", {"date": TIME, "response": {**MESSAGE, "usage": None}}, "response.usage", "no usage"),
    ("messages_api", {**MESSAGE, "usage": 7}, "usage", "not an object"),
    ("messages_api", wrapped({**COUNTS, "input_tokens": -1}), "response.usage.input_tokens", "negative"),
    ("messages_api", wrapped(TOO_MUCH), "response.usage.cache_creation", "larger than their whole"),
    ("messages_api", {**wrapped(), "date": "once"}, "date", "not a time"),
    ("messages_api", wrapped(id=["msg"]), "response.id", "not a text"),
    ("messages_api", wrapped(stop_details="no"), "response.stop_details", "not an object"),
    ("stream_events", "x", None, "not an object"),
    ("stream_events", {"type": "message_start"}, "message", "not an object"),
    ("stream_events", start(model=""), "message.model", "missing"),
    ("stream_events", start({"input_tokens": 1.5}), "message.usage.input_tokens", "fraction"),
    ("stream_events", {"event": start({"input_tokens": -1})}, "event.message.usage.input_tokens", "negative"),
    ("stream_events", {"date": 5, "event": start()}, "date", "another century"),
    ("batch_results", [], None, "not an object"),
    ("batch_results", batch(None), "result", "not an object"),
    ("batch_results", batch({"type": "lost"}), "result.type", "none of succeeded"),
    ("batch_results", batch({"type": "succeeded"}), "result.message", "no message with its usage"),
    ("batch_results", batch({"type": "succeeded", "message": {"id": "m"}}), "result.message", "no message"),
    (
        "batch_results",
        batch({"type": "succeeded", "message": {**MESSAGE, "usage": {"input_tokens": True}}}),
        "result.message.usage.input_tokens",
        "true or false",
    ),
    ("claude_code", 1, None, "not an object"),
    ("claude_code", turn(timestamp=None), "timestamp", "missing"),
    ("claude_code", turn(timestamp="1999-01-01T00:00:00Z"), "timestamp", "another century"),
    ("claude_code", turn({"input_tokens": 2**70}), "message.usage.input_tokens", "more than"),
    ("claude_code", turn(TOO_MUCH), "message.usage.cache_creation", "larger than their whole"),
    ("claude_code", turn(message={"id": "m", "usage": COUNTS}), "message.model", "missing"),
    ("claude_code", turn(message={"model": MODEL, "usage": 5}), "message.usage", "not an object"),
    ("claude_code", turn(sessionId=[]), "sessionId", "not a text"),
    ("claude_code", turn(costUSD=-1), "costUSD", "negative cost"),
]


@pytest.mark.parametrize(("name", "value", "field", "reason"), BAD)
def test_a_bad_line_names_its_field_and_reason(name: str, value: object, field: str | None, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        by_name(name).reader(ReadOptions()).read(value, 1)
    assert caught.value.field == field
    assert reason in caught.value.reason
    assert caught.value.advice.endswith((".", "NAME."))


KEYS = """
time ts timestamp date model usage input_tokens output_tokens prompt_tokens prompt_tokens_details cached_tokens
cache_creation cache_creation_input_tokens ephemeral_5m_input_tokens iterations type message event response delta
custom_id result error status stream tags user id session_id cost latency_ms duration total_tokens stop_reason
stop_details category prefixes cwd data uuid sessionId requestId version agentId costUSD server_tool_use
"""
WORDS = """
assistant progress message message_start message_delta message_stop error succeeded errored fallback_message
advisor_message compaction claude-haiku-4-5 2026-11-20T12:00:00Z { {}
"""
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
LEAVES |= st.sampled_from([*WORDS.split(), "\ud800"])
NAMES = st.sampled_from(KEYS.split())
HOSTILE = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=25
)
GOOD = [
    ours(),
    home(),
    wrapped(),
    start(),
    turn(),
    batch({"type": "succeeded", "message": MESSAGE}),
    {"type": "message_delta", "delta": {}, "usage": COUNTS},
]


@st.composite
def spoilt(draw: st.DrawFn) -> object:
    """A good value with something else in one place."""

    def spoil(value: Any) -> Any:
        if not isinstance(value, dict) or draw(st.integers(0, 3)) == 0:
            return draw(HOSTILE)
        name = draw(st.sampled_from([*value, "usage", draw(NAMES)]))
        return {**value, name: spoil(value.get(name))}

    return spoil(draw(st.sampled_from(GOOD)))


@settings(max_examples=200, deadline=None)
@given(st.lists(HOSTILE | spoilt(), max_size=5))
@pytest.mark.parametrize("name", [format_.NAME for format_ in FORMATS])
def test_no_value_raises_anything_but_rejected(name: str, values: list[object]) -> None:
    format_ = by_name(name)
    assert format_.recognises(values) in (True, False)
    reader = format_.reader(ReadOptions(path="a/b.jsonl"))
    records: list[UsageRecord | None] = []
    for value in [start(), *values, {"type": "message_stop"}]:
        with suppress(Rejected):
            records.append(reader.read(value, 1))
    records += reader.finish()
    for record in filter(None, records):
        assert all(isinstance(part.model, str) for part in record.parts)
        assert all(0 <= (part.uncached_input_tokens or 0) <= MAX_TOKENS for part in record.parts)
        assert all(isinstance(tag, str) for tag in record.tags.values())
        repr(record).encode()
    assert all(isinstance(finding, str) for finding in reader.findings())
