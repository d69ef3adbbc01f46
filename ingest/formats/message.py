"""A message of the Messages API with what a wrapper says beside it, to a usage record."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ingest import fields
from ingest.api_counts import VERBATIM
from ingest.api_usage import Parts, billing_fields, parts_of
from ingest.formats.beside import Beside
from ingest.formats.names import Names, Row
from ingest.formats.reading import Counted, ReadOptions
from ingest.formats.usage_record import error_type, stop_category
from ingest.json_values import without_halves
from ingest.record import Part, Rejected, UsageRecord

WRAPPERS = ("response", "message", "body", "result", "data", "output", "completion", "event", "payload", "chunk")
NO_TIME = "no time in the log; the file's own time was taken"
NEITHER_TIME = "no time in the log, and none of the file"
# what a message says of itself, and is not to be searched for what stands beside it
BODY = frozenset(
    {"id", "type", "role", "model", "content", "stop_sequence", "container", "diagnostics", "usage", "error"}
)


class Messages:
    """Makes records of messages found in one file."""

    def __init__(self, options: ReadOptions) -> None:
        self._names = Names(options.field_map)
        self._file_time = options.file_time
        self.findings = Counted()

    def beside(self, wrapper: Row) -> Beside:
        """The fields of a wrapper, without the message in it."""
        return Beside(wrapper, self._names, self.findings)

    def record(self, message: Row, beside: Beside, *, path: str, **known: Any) -> UsageRecord:
        """The record of a message found at ``path`` ("" for the value itself). Raises ``Rejected``."""
        (parts, finding), about = read_message(message, path)
        if finding is not None:
            self.findings.add(finding)
        started_at = known.pop("started_at") if "started_at" in known else self.time(beside)
        about.update((name, value) for name, value in known.items() if value is not None)
        status, error = beside.failure()
        return beside.record(parts, started_at, **{"status": status, "error": error, **about})

    def failed(self, beside: Beside, error: str, **known: Any) -> UsageRecord:
        """The record of a request that failed and is not billed."""
        model = fields.text(beside.get("model"), beside.field("model"))
        status, _ = beside.failure()
        return beside.record((Part(model, 0, 0),), self.time(beside), status=status, error=error, **known)

    def time(self, beside: Beside) -> datetime | None:
        """The wrapper's time, else the file's."""
        if beside.get("time") is not None:
            return beside.time()
        self.findings.add(NO_TIME if self._file_time else NEITHER_TIME)
        return self._file_time


def read_message(message: Row, path: str) -> tuple[Parts, dict[str, Any]]:
    """The billed parts of a message and what else it says of itself. Raises ``Rejected``."""
    at = f"{path}." if path else ""
    model = fields.text(message.get("model"), f"{at}model")
    if model is None:
        advice = "Log the whole response of the API."
        raise Rejected(field=f"{at}model", found=None, reason="the model is missing", advice=advice)
    usage = message.get("usage")
    if not isinstance(usage, dict):
        reason = "no usage" if usage is None else "not an object"
        raise Rejected(field=f"{at}usage", found=usage, reason=reason, advice=VERBATIM)
    details = message.get("stop_details")
    return parts_of(usage, model=model, path=f"{at}usage"), {
        "message_id": fields.text(message.get("id"), f"{at}id"),
        "stop_reason": fields.text(message.get("stop_reason"), f"{at}stop_reason"),
        "stop_category": stop_category(details, f"{at}stop_details") if details else None,
        **billing_fields(usage, f"{at}usage")._asdict(),
    }


def is_message(value: object) -> bool:
    """Is it a message of the API, with its usage?"""
    return isinstance(value, dict) and value.get("type") == "message" and "usage" in value


def is_error(value: object) -> bool:
    """Is it an error body of the API?"""
    return isinstance(value, dict) and value.get("type") == "error" and isinstance(value.get("error"), dict)


def unwrapped(value: Row, wanted: Any, depth: int = 0) -> tuple[Row, Row, str] | None:
    """The wanted object in a wrapper, the wrapper without it, and where it stood; ``None`` if it is not there."""
    if wanted(value):
        return value, {name: inner for name, inner in value.items() if name not in BODY}, ""
    for name in WRAPPERS:
        inner = value.get(name)
        if isinstance(inner, str) and inner.startswith("{"):
            inner = _parsed(inner)
        if isinstance(inner, dict) and depth < 3 and (found := unwrapped(inner, wanted, depth + 1)):
            message, rest, path = found
            return message, {**rest, **{n: v for n, v in value.items() if n != name}}, f"{name}.{path}".rstrip(".")
    return None


def _parsed(text: str) -> object:
    try:
        return json.loads(without_halves(text))
    except (ValueError, RecursionError):
        return None


def error_of(body: Row, path: str = "") -> str:
    """The type of the error of an error body found at ``path``; its message is left out."""
    return error_type(body.get("error"), f"{path}.error".lstrip(".")) or "error"
