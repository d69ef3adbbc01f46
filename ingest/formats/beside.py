"""What stands beside the counts in a home-made row or wrapper: time, ids, who made the request, and what for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingest import fields
from ingest.formats.names import Names, Path, Row, value_at
from ingest.formats.reading import Counted
from ingest.formats.usage_record import error_type
from ingest.record import Part, Rejected, UsageRecord

ZONED = re.compile(r"(z|utc|gmt|[+-]\d\d:?(\d\d)?|[a-z]{3}t)\)?$", re.IGNORECASE)
FAILURES = frozenset(("error", "errored", "failure", "failed", "fail", "exception", "timeout", "cancelled", "canceled"))
NO_ERROR = frozenset(("", "none", "null", "false", "0", "ok", "success"))
SECONDS = re.compile(r"(_s|seconds|secs?|S)$")
NO_ZONE = "the time bears no zone; it was taken as UTC"
MAX_NAME = 120
UNREADABLE = "a field beside the counts could not be read and was left out"


class Beside:
    """The fields of one row, found by name; unreadable ones that no sum depends on are left out and counted."""

    def __init__(self, row: Row, names: Names, findings: Counted) -> None:
        self.row = row
        self.places = names.places(row)
        self.values = {ours: value_at(row, path) for ours, path in self.places.items()}
        self._findings = findings

    def has(self, ours: str) -> bool:
        """Is there such a field?"""
        return ours in self.places

    def get(self, ours: str) -> Any:
        """The value as logged, ``None`` if there is none."""
        return self.values.get(ours)

    def field(self, ours: str) -> str:
        """The field's name in the log's words; ours if the log has none."""
        return ".".join(self.places.get(ours, (ours,)))

    def number(self, ours: str) -> int:
        """A whole number; zero if there is none that can be read."""
        return self._soft(fields.integer, ours, digits=True) or 0

    def time(self) -> datetime:
        """When the request was made. Raises ``Rejected`` if that is missing or not a time."""
        value = self.get("time")
        try:
            moment = fields.time(value, self.field("time"))
        except Rejected:
            date = self.row.get("date")
            if not (isinstance(value, str) and isinstance(date, str) and len(date) == 10 and len(value) < 20):
                raise
            value = f"{date}T{value}"
            moment = fields.time(value, self.field("time"))
        if type(value) is str and value[-1:] != "Z" and not ZONED.search(value) and not value[-4:].isdigit():
            self._findings.add(NO_ZONE)
        return moment

    def failure(self) -> tuple[int | None, str | None]:
        """HTTP status and error type; both ``None`` for a request that went well or does not say."""
        value = self.get("error")
        status = self.get("status")
        if value is None and status is None:
            return None, None
        error = None
        if value and not (isinstance(value, str) and value.strip().lower() in NO_ERROR):
            error = self._soft(error_type, "error") or "error"
        if isinstance(status, str) and not status.strip().isdigit():
            return None, error or (status.lower() if status.strip().lower() in FAILURES else None)
        number = self._soft(fields.integer, "status", digits=True)
        return (number if number is not None and 100 <= number <= 599 else None), error

    def record(self, parts: tuple[Part, ...], started_at: datetime | None, **known: Any) -> UsageRecord:
        """The usage record of the parts with all that stands beside them; ``known`` goes before what is found."""
        found: dict[str, Any] = {ours: self._text(ours) for ours in TEXTS if ours in self.places}
        if "id" in self.places:
            self._take_id(found)
        for ours in MILLISECONDS:
            if ours in self.places:
                found[ours] = self._milliseconds(ours)
        if "max_tokens" in self.places:
            found["max_tokens"] = self._soft(fields.integer, "max_tokens", digits=True)
        if "stream" in self.places:
            found["stream"] = self._soft(fields.boolean, "stream")
        if "cost" in self.places:
            found["recorded_cost_picos"] = self._soft(fields.money, "cost")
        tags = self._tags()
        if tags:
            found["tags"] = tags
        found.update((key, value) for key, value in known.items() if value is not None)
        return UsageRecord(parts=parts, started_at=started_at, **found)

    def _take_id(self, found: dict[str, Any]) -> None:
        """A plain ``id`` is the message's or the request's, unless it is only a row's number."""
        name = self._text("id")
        if name is None:
            return
        if name.startswith(("msg_", "chatcmpl-")):
            found["message_id"] = found.get("message_id") or name
        elif len(name) >= 8 and not name.isdigit():
            found["request_id"] = found.get("request_id") or name

    def _text(self, ours: str) -> str | None:
        """A name or an id. A long one with blanks in it is somebody's text, and not kept."""
        value = self.values[ours]
        if type(value) is str and 0 < len(value) <= MAX_NAME and value.isascii():
            return value
        name = self._soft(fields.text, ours)
        if isinstance(name, str) and len(name) > MAX_NAME and (len(name) > 512 or len(name.split()) > 1):
            self._findings.add(UNREADABLE)
            return None
        return name if name is None or isinstance(name, str) else None

    def _milliseconds(self, ours: str) -> int | None:
        """A duration; in seconds if the name says so, or if it is a fraction under a thousand without a unit."""
        value = self.get(ours)
        if type(value) is int and 0 <= value < 10**12 and ours == self.places[ours][-1]:
            return value
        name = self.places[ours][-1]
        unit_named = name.lower().endswith("ms") or ours == name
        seconds = SECONDS.search(name) or (not unit_named and isinstance(value, float) and value < 1000)
        if seconds and not unit_named and isinstance(value, (int, float)) and not isinstance(value, bool):
            value = value * 1000
        number = self._checked(fields.integer, value, ours, digits=True)
        return number if isinstance(number, int) else None

    def _tags(self) -> dict[str, str]:
        value = self.get("tags")
        tags: dict[str, str] = {}
        if not value and not any(ours.startswith("tag:") for ours in self.places):
            return tags
        if isinstance(value, dict):
            tags = {_word(name): _word(content) for name, content in value.items()}
        elif isinstance(value, list):
            for item in value:
                name, _, content = item.partition(":") if isinstance(item, str) else ("", "", "")
                tags[_word(name.strip())] = _word(content.strip() or "true")
        tags.update((ours[4:], _word(content)) for ours, content in self.values.items() if ours.startswith("tag:"))
        return {name: word for name, word in list(tags.items())[:100] if 0 < len(name) <= 512 and 0 < len(word) <= 512}

    def _soft(self, read: Any, ours: str, **options: bool) -> Any:
        return self._checked(read, self.get(ours), ours, **options)

    def _checked(self, read: Any, value: Any, ours: str, **options: bool) -> Any:
        try:
            return read(value, self.field(ours), **options)
        except Rejected:
            self._findings.add(UNREADABLE)
            return None


TEXTS = (
    "request_id",
    "message_id",
    "provider",
    "region",
    "feature",
    "user",
    "session",
    "service_tier",
    "speed",
    "inference_geo",
    "stop_reason",
)
MILLISECONDS = ("latency_ms", "time_to_first_token_ms")


def _word(content: object) -> str:
    """A tag's content as text; "" for what is none."""
    if isinstance(content, bool):
        return str(content).lower()
    try:
        return fields.text(content, "tags") or ""
    except Rejected:
        return ""


def places_of(values: list[object], field_map: Mapping[str, str]) -> dict[str, Path]:
    """Our fields found anywhere in the rows, each where it was found first."""
    names = Names(field_map)
    places: dict[str, Path] = {}
    for row in values:
        if isinstance(row, dict):
            for ours, path in names.places(row).items():
                places.setdefault(ours, path)
    return places
