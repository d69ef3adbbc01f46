"""OTLP as JSON taken apart: one plain value for each span and log record, with only the attributes we look for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest import fields
from ingest.formats.otlp_names import INDEX, Found, take
from ingest.record import Rejected

Row = dict[str, Any]

TOPS = ("resourceSpans", "resourceLogs", "resourceMetrics")
SIGNALS = (
    ("resourceSpans", "scopeSpans", "spans", "span"),
    ("resourceLogs", "scopeLogs", "logRecords", "record"),
)
KEPT = ("traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano")
KEPT_OF_RECORDS = ("timeUnixNano", "observedTimeUnixNano", "eventName")
EVENT = "claude_code."
ADVICE = "Load the file as the OpenTelemetry exporter or collector wrote it."


class Entry(Row):
    """One span or record with what is said of all: {"resource", "scope", "span" or "record"}; {"metrics"} for those."""


def is_export(value: object) -> bool:
    """Is it an export of telemetry with something in it?"""
    return isinstance(value, dict) and any(isinstance(value.get(top), list) and value[top] for top in TOPS)


def entries(value: object) -> Iterator[Entry | Rejected]:
    """Each span and record of an export, one entry for all its metrics, and what is none of them as ``Rejected``."""
    if not isinstance(value, dict):
        return
    for top, middle, bottom, name in SIGNALS:
        for group in _objects(value.get(top), top):
            if isinstance(group, Rejected):
                yield group
            else:
                yield from _of_resource(group, f"{top}[]", (middle, bottom, name))
    if value.get("resourceMetrics"):
        yield Entry(metrics=True)


def _of_resource(group: Row, path: str, names: tuple[str, str, str]) -> Iterator[Entry | Rejected]:
    middle, bottom, name = names
    resource = attributes(_object(group.get("resource")).get("attributes"))
    for scoped in _objects(group.get(middle), f"{path}.{middle}"):
        if isinstance(scoped, Rejected):
            yield scoped
            continue
        scope = {key: _object(scoped.get("scope")).get(key) for key in ("name", "version")}
        for item in _objects(scoped.get(bottom), f"{path}.{middle}[].{bottom}"):
            if isinstance(item, Rejected):
                yield item
                continue
            reduced = _span(item) if name == "span" else _record(item)
            yield Entry(resource=resource, scope=scope, **{name: reduced})


def _span(span: Row) -> Row:
    kept = {key: span.get(key) for key in KEPT}
    code = _object(span.get("status")).get("code")
    return {**kept, "status": code, "attributes": attributes(span.get("attributes"))}


def _record(record: Row) -> Row:
    kept = {key: record.get(key) for key in KEPT_OF_RECORDS}
    body = decoded(record.get("body"))
    name = body if isinstance(body, str) and body.startswith(EVENT) and len(body) < 100 else None
    return {**kept, "body": name, "attributes": attributes(record.get("attributes"))}


def attributes(pairs: object) -> Found:
    """What we look for in a list of {"key", "value"}; what stands in a list of pairs has a dotted name."""
    found: Found = {}
    for pair in pairs if isinstance(pairs, list) else ():
        if not isinstance(pair, dict):
            continue
        key, value = pair.get("key"), pair.get("value")
        if not isinstance(key, str):
            continue
        if key in INDEX:
            take(found, key, decoded(value))
        elif isinstance(value, dict) and "kvlistValue" in value:
            _take_inner(found, key, decoded(value))
    return found


def _take_inner(found: Found, above: str, value: object) -> None:
    for key, inner in value.items() if isinstance(value, dict) else ():
        name = f"{above}.{key}"
        if name in INDEX:
            take(found, name, inner)
        else:
            _take_inner(found, name, inner)


def decoded(value: object) -> object:
    """An attribute's value: text, number, true or false, a list or an object; ``None`` for bytes and for none."""
    if not isinstance(value, dict):
        return None
    for kind, inner in value.items():
        if kind in ("stringValue", "boolValue"):
            return inner
        if kind in ("intValue", "doubleValue"):
            return _number(inner)
        if kind == "arrayValue":
            return [decoded(item) for item in _list(_object(inner).get("values"))]
        if kind == "kvlistValue":
            pairs = [pair for pair in _list(_object(inner).get("values")) if isinstance(pair, dict)]
            return {str(pair.get("key")): decoded(pair.get("value")) for pair in pairs}
    return None


def _number(value: object) -> object:
    """A number, which JSON may hold as text; what is none stays as it is, to be named where it is used."""
    if not isinstance(value, str) or len(value) > 30:
        return value
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return value


def _objects(value: object, field: str) -> Iterator[Row | Rejected]:
    if value is not None and not isinstance(value, list):
        yield Rejected(field=field, found=fields.hidden(value), reason="not a list", advice=ADVICE)
        return
    for item in value or ():
        if isinstance(item, dict):
            yield item
        else:
            yield Rejected(field=f"{field}[]", found=fields.hidden(item), reason="not an object", advice=ADVICE)


def _object(value: object) -> Row:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
