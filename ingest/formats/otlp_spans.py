"""Spans of model calls to usage records."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ingest import fields
from ingest.formats.otlp_about import About
from ingest.formats.otlp_emitters import faults
from ingest.formats.otlp_names import NAMES, value_of
from ingest.formats.otlp_span import Span
from ingest.formats.otlp_survey import Survey
from ingest.formats.otlp_usage import ADVICE, parts
from ingest.formats.otlp_values import Entry
from ingest.formats.reading import Counted
from ingest.record import Part, Rejected, UsageRecord

AGAIN = "told again by a second span of the file, which was left out"
SUMS = "the sums of an agent's whole run, without spans of the requests in it; such sums are not counted"
NO_COUNTS = "neither token counts nor an error on the span of a call; it was left out"
NO_ID = "in a trace of Claude Code without an id of the request; loaded with the logs of the same run it counts twice"


class Spans:
    """Reads spans, after a first pass over their file where a span does not tell all by itself."""

    def __init__(self, file: Path, findings: Counted) -> None:
        self._file = file
        self._findings = findings
        self._survey: Survey | None = None

    def read(self, entry: Entry) -> UsageRecord | None:
        """The record of a model call; ``None`` for other spans. Raises ``Rejected``."""
        span = Span(entry)
        if self._survey is None:
            self._survey = Survey.of(self._file)
        if not span.is_call:
            if span.has_usage and span.around_calls and not self._survey.sums_up_others(span):
                self._findings.add(SUMS)
            return None
        if self._survey.tells_again(span):
            self._findings.add(AGAIN)
            return None
        if not (span.has_usage or span.failed or span.stream or span.ids != (None, None)):
            self._findings.add(NO_COUNTS)
            return None
        return self._record(span, doubted=self._survey.doubts(span))

    def _record(self, span: Span, *, doubted: bool) -> UsageRecord:
        about = About(span.attributes, span.resource, self._findings)
        model = about.model()
        if model is None and not (span.failed and not span.has_usage):
            reason = "the model is missing"
            raise Rejected(field=NAMES["model"][0], found=None, reason=reason, advice=ADVICE)
        started_at, latency_ms = _times(span)
        common = about.common(of_claude_code=span.of_claude_code)
        billed = self._parts(span, model, doubted=doubted)
        produced = any(part.output_tokens for part in billed)
        message_id, request_id = span.ids
        return UsageRecord(
            parts=billed,
            started_at=started_at,
            message_id=message_id,
            request_id=request_id,
            max_tokens=None if value_of(span.attributes, "max_tokens") == -1 else about.whole("max_tokens"),
            stream=span.stream,
            latency_ms=latency_ms,
            error=about.error(failed=span.failed and not produced),
            log_id=self._log_id(span),
            **common,
        )

    def _parts(self, span: Span, model: str | None, *, doubted: bool) -> tuple[Part, ...]:
        if model is None or (span.failed and not span.has_usage):
            return (Part(model, 0, 0),)
        if not span.has_usage:
            return (Part(model, None, None),)
        told = not CACHE_TOLD.isdisjoint(span.attributes)
        for fault in faults(span.scope, span.version, stream=span.stream is True, cache_told=told):
            self._findings.add(fault)
        return parts(span, model, self._findings, doubted=doubted)

    def _log_id(self, span: Span) -> str | None:
        if span.of_claude_code and span.ids == (None, None):
            client = value_of(span.attributes, "client_request_id")
            if isinstance(client, str) and client:
                return f"client:{client}"
            self._findings.add(NO_ID)
        trace, own = span.id("traceId"), span.id("spanId")
        return f"span:{trace}/{own}" if trace and own else None


CACHE_TOLD = frozenset(("cache_read", "cache_write", "raw_usage", "provider_metadata"))


def _times(span: Span) -> tuple[datetime, int | None]:
    """When it began, and how long it took. Raises ``Rejected`` if it does not say when."""
    began, ended = (nanoseconds(span.row.get(key)) for key in ("startTimeUnixNano", "endTimeUnixNano"))
    started_at = fields.time(began, "startTimeUnixNano")
    took = ended - began if isinstance(began, int) and isinstance(ended, int) else -1
    return started_at, round(took / 10**6) if took >= 0 else None


def nanoseconds(value: object) -> object:
    """A time of OTLP as a number, which JSON mostly holds as text; 0 is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 25:
        value = int(value)
    return value or None
