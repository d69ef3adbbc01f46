"""Requests exported from Helicone, by its export tool or its API.

Lives where ``npx @helicone/export`` writes (JSON lines, or one list), or an app keeps the answers of
/v1/request/query-clickhouse. Counts are of one request, never cumulative, and disjoint: cache is outside
``prompt_tokens``, and reasoning outside ``completion_tokens``. A count or cost Helicone does not know is zero. What it
answered from a cache of its own is no request to the API. A response body says more, above all how long writes live.

    {"request_id": "3f9c", "request_created_at": "2026-11-20 08:12:45.120", "request_user_id": "u1",
     "request_properties": {"Feature": "triage", "Helicone-Session-Id": "s1"}, "response_status": 200,
     "provider": "ANTHROPIC", "request_model": "claude-haiku-4-5", "prompt_tokens": 4, "completion_tokens": 80,
     "prompt_cache_read_tokens": 500, "prompt_cache_write_tokens": 700, "delay_ms": 458, "cost": 0.001329}
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ingest import fields
from ingest.formats.beside import Beside
from ingest.formats.litellm_fields import http_status, named, object_in, parsed, region_of
from ingest.formats.message import error_of, is_error, is_message, read_message
from ingest.formats.names import Names, Row
from ingest.formats.reading import Counted, ReadOptions
from ingest.record import Part, Rejected, UsageRecord

NAME = "helicone"
LABEL = "Helicone export"
RETOLD = True
EACH_ALONE = True

COLUMNS = frozenset({"request_id", "request_created_at", "response_status", "prompt_tokens", "completion_tokens"})
COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "prompt_cache_read_tokens",
    "prompt_cache_write_tokens",
    "reasoning_tokens",
)
MODELS = ("model", "model_override", "response_model", "request_model")
COUNTING = "/count_tokens"  # counting tokens is free, and its answer looks like a prompt without output
NOBODY = (None, "", "undefined", "null")
NOT_CACHED = (None, "", "00000000-0000-0000-0000-000000000000")

FROM_CACHE = "answered from Helicone's own cache and not by the API; left out"
NO_COUNTS = "the log counts no prompt tokens for a request that did not fail; they are unknown"
NO_LIFETIME = "the log does not say how long cache writes live; they were taken as 5-minute writes"
ADVICE = "Load the export of Helicone unchanged."


def recognises(values: list[object]) -> bool:
    """Some value, or some row of an answer of the API, has the columns of a request."""
    return any(_is_request(row) for value in values for row in (value, *entries(value)))


def entries(value: object) -> list[object]:
    """The requests in an answer of Helicone's API; none for a request itself."""
    rows = value.get("data") if isinstance(value, dict) else None
    return rows if isinstance(rows, list) and any(map(_is_request, rows)) else []


def reader(_: ReadOptions) -> Requests:
    """A reader for one file."""
    return Requests()


class Requests:
    """Reads exported requests, each on its own."""

    def __init__(self) -> None:
        self._names = Names({})
        self._findings = Counted()

    def read(self, value: object, _line: int, /) -> UsageRecord | None:
        """The record of a request; ``None`` for what is none, or not one to the API. Raises ``Rejected``."""
        if not isinstance(value, dict):
            raise Rejected(field=None, found=fields.hidden(value), reason="not an object", advice=ADVICE)
        if "request_created_at" not in value or COUNTING in f"{value.get('target_url')} {value.get('request_path')}":
            return None
        if value.get("cache_reference_id") not in NOT_CACHED:
            self._findings.add(FROM_CACHE)
            return None
        started_at = fields.time(value.get("request_created_at"), "request_created_at")
        known: dict[str, Any] = {"status": http_status(value.get("response_status"))}
        body = parsed(value.get("response_body"))
        if isinstance(body, dict) and is_error(body):
            known["error"] = error_of(body, "response_body")
        parts = self._parts(value, body if _has_counts(body) else None, known)
        if "message_id" not in known and (name := fields.text(value.get("request_id"), "request_id")):
            known["log_id"] = f"helicone:{name}"
        return Beside(_beside(value), self._names, self._findings).record(parts, started_at, **known)

    def _parts(self, value: Row, body: Any, known: dict[str, Any]) -> tuple[Part, ...]:
        """The billed parts. A stream's body was put together by Helicone: of its counts only the split is taken."""
        told: tuple[Part, ...] = ()
        if body is not None:
            (told, finding), about = read_message(body, "response_body")
            known.update((name, about[name]) for name in about if about[name] is not None)
            if finding is not None:
                self._findings.add(finding)
            if "streamed_data" not in body:
                return told
        failed = "error" in known or (known["status"] or 0) >= 400
        model = fields.text(next((value[name] for name in MODELS if value.get(name)), None), "model")
        if model is None and not failed:
            raise Rejected(field="model", found=None, reason="the model is missing", advice=ADVICE)
        return (self._part(value, model, told, failed=failed),)

    def _part(self, value: Row, model: str | None, told: tuple[Part, ...], *, failed: bool) -> Part:
        uncached, output, read, write, reasoning = (_count(value, name) for name in COUNTS)
        if failed and not (uncached or output or read or write):
            return Part(model, 0, 0)
        if not (uncached or read or write):
            self._findings.add(NO_COUNTS)
            return Part(model, None, (output or 0) + (reasoning or 0) or None)
        if output is not None:
            output += reasoning or 0
        part = Part(model, uncached, output, read or 0, write or 0, reasoning_tokens=reasoning or None)
        if not write:
            return part
        for one in told:
            if one.cache_write_5m_tokens + one.cache_write_1h_tokens == write:
                write_5m, write_1h = one.cache_write_5m_tokens, one.cache_write_1h_tokens
                return replace(part, cache_write_5m_tokens=write_5m, cache_write_1h_tokens=write_1h)
        self._findings.add(NO_LIFETIME)
        return part

    def finish(self) -> list[UsageRecord]:
        """Nothing is held back."""
        return []

    def findings(self) -> list[str]:
        """What was noticed."""
        return self._findings.sentences()


def _is_request(value: object) -> bool:
    return isinstance(value, dict) and value.keys() >= COLUMNS


def _has_counts(body: object) -> bool:
    """Is it a message with the API's own usage? Helicone has put other counts in its place."""
    return isinstance(body, dict) and is_message(body) and type(object_in(body, "usage").get("input_tokens")) is int


def _count(value: Row, name: str) -> int | None:
    count = value.get(name)
    return None if count is None or count == "" else fields.tokens(count, name, digits=True)


def _beside(value: Row) -> Row:
    """What stands beside the counts, under our names."""
    about = object_in(value, "request_properties") or object_in(value, "properties")
    own = {name.lower(): content for name, content in about.items() if name.lower().startswith("helicone-")}
    user = value.get("request_user_id")
    return {
        "provider": _provider(value),
        "region": region_of(value.get("target_url")),
        "feature": named(about, "feature") or own.get("helicone-session-name") or value.get("prompt_id"),
        "user": named(about, "user") if user in NOBODY else user,
        "session": own.get("helicone-session-id") or named(about, "session"),
        "tags": [f"{name}:{content}" for name, content in about.items() if name.lower() not in own],
        "latency_ms": value.get("delay_ms"),
        "time_to_first_token_ms": value.get("time_to_first_token") or None,
        "cost": value.get("cost") or value.get("costUSD") or None,
    }


def _provider(value: Row) -> str | None:
    """The platform that the address tells, else the provider in small letters."""
    url, provider = str(value.get("target_url")), value.get("provider")
    if "bedrock" in url or "aiplatform" in url:
        return "bedrock" if "bedrock" in url else "vertex"
    return provider.lower() if isinstance(provider, str) else None
