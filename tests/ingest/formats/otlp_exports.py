"""Builders of OTLP/JSON exports: Haiku 4.5 in the SDK's own spans, unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

_numbers = count(1)
TRACE = "5b8efff798038103d269b633813fc60c"
START = 1_794_830_400_000_000_000  # 2026-11-16T12:00:00Z
SDK = "com.anthropic.sdk.python"
INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
READ, WRITE = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens"
WRITE_5M = "anthropic.usage.cache_creation.ephemeral_5m_input_tokens"
WRITE_1H = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"
MESSAGE, REQUEST = "gen_ai.response.id", "anthropic.request.id"


def encoded(value: Any) -> dict[str, Any]:
    """A value as the protocol's JSON encoders write it: whole numbers as text. A value that is encoded stays."""
    if isinstance(value, dict):
        return value
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [encoded(item) for item in value]}}
    return {"stringValue": value}


def attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Attributes as a list of pairs; None leaves one out."""
    return [{"key": name, "value": encoded(value)} for name, value in values.items() if value is not None]


def span(values: Mapping[str, Any] | None = None, *, at: str | None = None, **over: Any) -> dict[str, Any]:
    """A span of a call of 1,000 tokens in and 100 out, at this place in its trace; ``over`` are fields of the span."""
    usual = {"gen_ai.operation.name": "chat", "gen_ai.response.model": "claude-haiku-4-5", INPUT: 1000, OUTPUT: 100}
    return {
        "traceId": TRACE,
        "spanId": at or f"{next(_numbers):016x}",
        "name": "chat claude-haiku-4-5",
        "kind": 3,
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 1_500_000_000),
        "status": {"code": 1},
        "attributes": attributes(usual | dict(values or {})),
    } | over


def bare(values: Mapping[str, Any], **over: Any) -> dict[str, Any]:
    """A span with nothing but these attributes."""
    return span(**over) | {"attributes": attributes(values)}


def export(
    *spans: Any, scope: str | None = SDK, version: str = "2.10.0", resource: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One export of spans."""
    scoped = {"scope": {"name": scope, "version": version}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": {"attributes": attributes(resource or {})}, "scopeSpans": [scoped]}]}


def event(name: str, values: Mapping[str, Any], **over: Any) -> dict[str, Any]:
    """A log record of Claude Code."""
    attached = attributes({"event.name": name, "session.id": "s-1", "event.sequence": next(_numbers), **values})
    record = {"timeUnixNano": str(START), "body": {"stringValue": f"claude_code.{name}"}, "attributes": attached}
    return record | over


def logs(*records: Any, resource: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One export of log records."""
    said = attributes({"service.name": "claude-code"} if resource is None else resource)
    scoped = {"scope": {"name": "com.anthropic.claude_code.events"}, "logRecords": list(records)}
    return {"resourceLogs": [{"resource": {"attributes": said}, "scopeLogs": [scoped]}]}
