"""Spendglass's own usage record: one JSON object a line, the API's usage object in it unchanged.

Lives wherever an app writes it. Counts are of one request, never cumulative; cache is outside ``input_tokens``.

    {"time": "2026-11-20T09:30:00.000Z", "model": "claude-haiku-4-5", "feature": "triage", "user": "u1",
     "request_id": "req_1", "message_id": "msg_1", "usage": {"input_tokens": 21, "output_tokens": 77}}
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from ingest import fields
from ingest.api_counts import VERBATIM
from ingest.api_usage import billing_fields, parts_of
from ingest.formats.reading import Counted, ReadOptions
from ingest.record import Part, Rejected, UsageRecord

NAME = "usage_record"
LABEL = "Spendglass usage record"
EACH_ALONE = True
BULK = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")

# fmt: off
KNOWN = frozenset((
    "time", "request_id", "message_id", "model", "model_requested", "provider", "region", "feature", "user", "session",
    "tags", "usage", "stop_reason", "stop_details", "max_tokens", "stream", "latency_ms", "time_to_first_token_ms",
    "status", "error", "prefixes",
))
# a home-made log may have time, model and usage too, and says the rest in words of its own
OF_OTHERS = frozenset((
    "cost", "cost_usd", "total_cost", "user_id", "session_id", "conversation_id", "app", "endpoint", "task", "customer",
))
# fmt: on
MAX_PREFIXES = 64 * 1024
MAX_TAGS = 100


def recognises(values: list[object]) -> bool:
    """Most values have time and model, and one the API's usage; or all are errors in our words.

    What has nothing but fields of ours, some missing, speaks neither for nor against: it is a broken record.
    """
    rows = [value for value in values if isinstance(value, dict)]
    ours = [row for row in rows if _is_ours(row)]
    foreign = sum(not _is_ours(row) and not KNOWN.issuperset(row) for row in rows)
    if not ours or len(ours) < foreign:
        return False
    if any(isinstance(row.get("usage"), dict) and "input_tokens" in row["usage"] for row in ours):
        return True
    return all(row.get("usage") is None and KNOWN.issuperset(row) and _may_lack_usage(row) for row in ours)


def _is_ours(row: dict[str, object]) -> bool:
    return "time" in row and "model" in row and not OF_OTHERS.intersection(row)


def reader(_: ReadOptions) -> UsageRecords:
    """A reader for one file of usage records."""
    return UsageRecords()


class UsageRecords:
    """Reads usage records, each on its own."""

    def __init__(self) -> None:
        self._findings = Counted()

    def read(self, value: object, _line: int, /) -> UsageRecord | None:
        """The record of one line. Raises ``Rejected``."""
        if not isinstance(value, dict):
            raise Rejected(
                field=None, found=fields.hidden(value), reason="not an object", advice="Write one JSON object a line."
            )
        get = value.get
        started_at = fields.time(get("time"), "time")
        model = fields.text(get("model"), "model")
        if model is None:
            advice = "Log the model of the response, such as claude-haiku-4-5."
            raise Rejected(field="model", found=None, reason="the model is missing", advice=advice)
        return self._record(value, started_at, model)

    def _record(self, value: dict[str, object], started_at: datetime, model: str) -> UsageRecord:
        get = value.get
        text, integer = fields.text, fields.integer
        parts, tier, speed, geo = self._usage(value, model)
        details, tags, prefixes = get("stop_details"), get("tags"), get("prefixes")
        return UsageRecord(
            parts,
            started_at,
            text(get("message_id"), "message_id"),
            text(get("request_id"), "request_id"),
            text(get("provider"), "provider"),
            text(get("region"), "region"),
            text(get("feature"), "feature"),
            text(get("user"), "user"),
            text(get("session"), "session"),
            tags_of(tags, "tags") if tags else {},
            tier,
            speed,
            geo,
            text(get("stop_reason"), "stop_reason"),
            stop_category(details, "stop_details") if details else None,
            integer(get("max_tokens"), "max_tokens"),
            fields.boolean(get("stream"), "stream"),
            integer(get("latency_ms"), "latency_ms"),
            integer(get("time_to_first_token_ms"), "time_to_first_token_ms"),
            _status(get("status")),
            _error(get("error")),
            None,
            prefixes_of(prefixes) if prefixes else None,
        )

    def _usage(
        self, value: dict[str, object], model: str
    ) -> tuple[tuple[Part, ...], str | None, str | None, str | None]:
        usage = value.get("usage")
        if usage is None:
            if not _may_lack_usage(value):
                reason = "no usage, and neither an error, an HTTP status of 400 or more, nor a cut stream"
                raise Rejected(field="usage", found=None, reason=reason, advice=VERBATIM)
            failed = _failed(value)
            part = Part(model, 0, 0) if failed else Part(model, None, None)
            return (part,), None, None, None
        if not isinstance(usage, dict):
            raise Rejected(field="usage", found=usage, reason="not an object", advice=VERBATIM)
        parts, finding = parts_of(usage, model=model)
        if finding is not None:
            self._findings.add(finding)
        if parts[0].output_tokens is None and value.get("stream") is not True:
            fields.tokens(None, "usage.output_tokens")
        return parts, *billing_fields(usage)

    def finish(self) -> list[UsageRecord]:
        """Nothing is held back."""
        return []

    def findings(self) -> list[str]:
        """What was noticed."""
        return self._findings.sentences()


def tags_of(value: object, field: str) -> dict[str, str]:
    """Tags as texts; true and false as words, nothing left out. Raises ``Rejected`` for anything but an object."""
    advice = "Log tags as one object of short texts."
    if not isinstance(value, dict):
        raise Rejected(field=field, found=value, reason="not an object", advice=advice)
    if len(value) > MAX_TAGS:
        raise Rejected(field=field, found=f"{len(value)} tags", reason=f"more than {MAX_TAGS} tags", advice=advice)
    tags = {}
    for name, content in value.items():
        if isinstance(content, bool):
            content = str(content).lower()
        key, word = fields.text(name, field), fields.text(content, f"{field}.{name[:60]}")
        if key is not None and word is not None:
            tags[key] = word
    return tags


def stop_category(details: object, field: str) -> str | None:
    """The category of a refusal."""
    if not isinstance(details, dict):
        raise Rejected(
            field=field, found=fields.hidden(details), reason="not an object", advice="Log stop_details unchanged."
        )
    return fields.text(details.get("category"), f"{field}.category")


def prefixes_of(value: object) -> str:
    """Prefix fingerprints as one JSON text."""
    try:
        prefixes = json.dumps(value, separators=(",", ":"))
    except RecursionError:
        prefixes = ""
    if not isinstance(value, list) or not 0 < len(prefixes) <= MAX_PREFIXES:
        reason = "not a list" if not isinstance(value, list) else "too long" if prefixes else "nested too deeply"
        advice = "Log a short list of prefix fingerprints, or leave it out."
        raise Rejected(field="prefixes", found=fields.hidden(value), reason=reason, advice=advice)
    return prefixes


def _may_lack_usage(value: dict[str, object]) -> bool:
    return _failed(value) or value.get("stream") is True


def _failed(value: dict[str, object]) -> bool:
    status = value.get("status")
    return bool(value.get("error")) or (isinstance(status, (int, float)) and status >= 400)


def _status(value: object) -> int | None:
    return None if value is None else status_of(value, "status")


def status_of(value: object, field: str) -> int | None:
    """An HTTP status."""
    status = fields.integer(value, field, digits=True)
    if status is not None and not 100 <= status <= 599:
        raise Rejected(field=field, found=value, reason="not an HTTP status", advice="Log 200, 429 and the like.")
    return status


def _error(value: object) -> str | None:
    return None if value is None else error_type(value, "error")


def error_type(value: object, field: str) -> str | None:
    """The type of an error: a name, or the API's error object, whose message is left out."""
    while isinstance(value, dict) and isinstance(value.get("error"), dict):
        value, field = value["error"], f"{field}.error"
    if isinstance(value, dict):
        return _type(value, field)
    if isinstance(value, bool):
        return "error" if value else None
    name = fields.text(value, field)
    return name if name is None or (len(name) <= 60 and " " not in name) else "error"


def _type(value: dict[str, object], field: str) -> str:
    return fields.text(value.get("type") or value.get("code") or value.get("name"), f"{field}.type") or "error"
