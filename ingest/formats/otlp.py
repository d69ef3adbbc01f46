"""OpenTelemetry in OTLP/JSON: spans of model calls, and Claude Code's events.

Lives wherever a collector's file exporter writes it, mostly as JSON lines, each one export request of many spans (or
many log records) in no order. Counts are of one request, never cumulative; metrics are, and are left out. Whether cache
is inside the input count depends on who wrote the span (`otlp_emitters.py`): by the convention it is inside, and the
counts must fit; in Claude Code's own spans and events it is outside.

    {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "triage"}}]},
     "scopeSpans": [{"scope": {"name": "com.anthropic.sdk.python", "version": "2.10.0"}, "spans": [
     {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "anthropic.messages.create",
     "startTimeUnixNano": "1795159965120333332", "endTimeUnixNano": "1795159965134660391", "attributes": [
     {"key": "gen_ai.response.id", "value": {"stringValue": "msg_1"}},
     {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "21"}}]}]}]}]}
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ingest import fields
from ingest.formats import otlp_values
from ingest.formats.otlp_events import Events
from ingest.formats.otlp_spans import Spans
from ingest.formats.otlp_usage import ADVICE
from ingest.formats.reading import Counted, ReadOptions
from ingest.record import Rejected, UsageRecord

NAME = "otlp"
LABEL = "OpenTelemetry (OTLP)"
RETOLD = True

METRICS = "Metrics were left out: they are sums of what the logs and traces tell of each request."


def recognises(values: list[object]) -> bool:
    """Some value is an export that is not empty."""
    return any(otlp_values.is_export(value) for value in values)


def entries(value: object) -> Iterator[object]:
    """The spans and log records of an export, with what is said of all of them: resource and scope."""
    return otlp_values.entries(value)


def reader(options: ReadOptions) -> Otlp:
    """A reader for one file."""
    return Otlp(options)


class Otlp:
    """Reads the entries of exports."""

    def __init__(self, options: ReadOptions) -> None:
        self._findings = Counted()
        self._spans = Spans(options.file or Path(options.path), self._findings)
        self._events = Events(self._findings)
        self._metrics = False

    def read(self, value: object, _line: int, /) -> UsageRecord | None:
        """The record of a span or event; ``None`` for what is no request to a model. Raises ``Rejected``."""
        if isinstance(value, Rejected):
            raise value
        if not isinstance(value, dict):
            raise Rejected(field=None, found=fields.hidden(value), reason="not an object", advice=ADVICE)
        if not isinstance(value, otlp_values.Entry):
            return None
        if "span" in value:
            return self._spans.read(value)
        if "record" in value:
            return self._events.read(value)
        self._metrics = True
        return None

    def finish(self) -> list[UsageRecord]:
        """Nothing is held back."""
        return []

    def findings(self) -> list[str]:
        """What was noticed."""
        return self._findings.sentences() + ([METRICS] if self._metrics else [])
