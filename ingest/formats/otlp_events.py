"""Log records of Claude Code, one for each request it made or failed to make, to usage records."""

from __future__ import annotations

from ingest import fields
from ingest.formats.otlp_about import About
from ingest.formats.otlp_names import Found, named, value_of
from ingest.formats.otlp_spans import nanoseconds
from ingest.formats.otlp_usage import ADVICE
from ingest.formats.otlp_values import EVENT, Entry, Row
from ingest.formats.reading import Counted
from ingest.record import Part, Rejected, UsageRecord

REQUEST, ERROR = "api_request", "api_error"
FEATURE = "claude-code"


class Events:
    """Reads log records, each on its own. Their input does not hold the cached tokens."""

    def __init__(self, findings: Counted) -> None:
        self._findings = findings

    def read(self, entry: Entry) -> UsageRecord | None:
        """The record of a request; ``None`` for other events. Raises ``Rejected``."""
        record: Row = entry["record"]
        name = _name(entry)
        if name not in (REQUEST, ERROR):
            return None
        about = About(record["attributes"], entry["resource"], self._findings)
        model = about.model()
        if model is None and name == REQUEST:
            raise Rejected(field="model", found=None, reason="the model is missing", advice=ADVICE)
        failed = name == ERROR
        common = about.common(of_claude_code=True)
        return UsageRecord(
            parts=(Part(model, 0, 0) if failed else _part(model, record["attributes"]),),
            started_at=fields.time(_time(record), "timeUnixNano"),
            request_id=about.text("request_id"),
            latency_ms=about.whole("duration_ms"),
            error=about.error(failed=failed),
            log_id=_log_id(about, record),
            **{**common, "feature": common["feature"] or FEATURE},
        )


def _name(entry: Entry) -> str | None:
    """The event's name without its prefix, if it is one of Claude Code's."""
    record = entry["record"]
    told = [record.get("eventName"), value_of(record["attributes"], "event"), record.get("body")]
    found = [name for name in told if isinstance(name, str) and name]
    scope, service = entry["scope"].get("name"), value_of(entry["resource"], "service")
    known = any(name.startswith(EVENT) for name in found) or any(
        isinstance(place, str) and ("claude_code" in place or "claude-code" in place) for place in (scope, service)
    )
    return found[0].removeprefix(EVENT) if found and known else None


def _part(model: str | None, attributes: Found) -> Part:
    counts = [named(attributes, f"code_{name}") for name in ("input", "output", "cache_read", "cache_write")]
    uncached, output = (fields.tokens(value, field, digits=True) for field, value in counts[:2])
    read, write = (0 if value is None else fields.tokens(value, field, digits=True) for field, value in counts[2:])
    return Part(model, uncached, output, read, write)


def _time(record: Row) -> object:
    for key in ("timeUnixNano", "observedTimeUnixNano"):
        if (moment := nanoseconds(record.get(key))) is not None:
            return moment
    return value_of(record["attributes"], "event_time")


def _log_id(about: About, record: Row) -> str | None:
    """What else it can be known by: the id the client gave the request, or its place in the session."""
    client = about.text("client_request_id")
    if client is not None:
        return f"client:{client}"
    session, number = about.text("session"), about.text("event_number")
    if session is None or number is None:
        return None
    return f"event:{session}/{number}/{record.get('timeUnixNano')}"
