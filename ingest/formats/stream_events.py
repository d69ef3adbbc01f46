"""Server-sent events of streamed responses, as text or as JSON lines, alone or each in a wrapper.

Lives wherever an app logs what its streams send. Counts are cumulative within one stream: the last ``message_delta``
holds the totals, ``message_start`` what it does not repeat, and the two are never added. Cache is outside
``input_tokens``. A stream without a ``message_delta`` was cut: its output is unknown.

    {"request_id": "req_1", "date": "Sat, 02 Aug 2025 12:00:45 GMT", "event": {"type": "message_delta",
     "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 54}}}
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingest import fields
from ingest.formats.message import Messages, error_of, read_message, unwrapped
from ingest.formats.names import Row
from ingest.formats.reading import ReadOptions
from ingest.record import Rejected, UsageRecord

NAME = "stream_events"
LABEL = "Stream events"

EVENTS = frozenset(
    {"message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta"}
    | {"content_block_stop", "ping", "error"}
)
NO_START = "an event belongs to no stream whose start is in the log; it was passed over"
CUT = "the stream was cut before its last counts; its output is unknown"


@dataclass
class _Stream:
    message: Row
    around: Row
    path: str
    usage: Row = field(default_factory=dict)
    stop: Row = field(default_factory=dict)
    started_at: datetime | None = None
    error: str | None = None
    counted: bool = False


def is_event(value: object) -> bool:
    """Is it an event of a stream?"""
    if not isinstance(value, dict):
        return False
    kind = value.get("type")
    return isinstance(kind, str) and kind in EVENTS and (kind != "error" or isinstance(value.get("error"), dict))


def recognises(values: list[object]) -> bool:
    """Some value is or holds an event only streams have."""
    for value in values:
        found = unwrapped(value, is_event) if isinstance(value, dict) else None
        if found and found[0]["type"].startswith(("message_", "content_block_")):
            return True
    return False


def reader(options: ReadOptions) -> StreamEvents:
    """A reader for one file."""
    return StreamEvents(options)


class StreamEvents:
    """Follows streams, many at once where the log tells them apart by request or message id."""

    def __init__(self, options: ReadOptions) -> None:
        self._messages = Messages(options)
        self._open: dict[str, _Stream] = {}
        self._latest: str | None = None
        self._begun_again: list[_Stream] = []

    def read(self, value: object, _line: int, /) -> UsageRecord | None:
        """The record of a stream at its end, ``None`` for its other events. Raises ``Rejected``."""
        if not isinstance(value, dict):
            raise Rejected(
                field=None, found=fields.hidden(value), reason="not an object", advice="Log the events as they came."
            )
        found = unwrapped(value, is_event)
        if found is None:
            return None
        event, around, path = found
        kind = event["type"]
        if kind == "message_start":
            self._start(event, around, path)
            return None
        if kind not in ("message_delta", "message_stop", "error"):
            return None
        key = self._key(around) or self._latest
        stream = self._open.get(key) if key is not None else None
        if key is None or stream is None:
            self._messages.findings.add(NO_START)
        elif kind == "message_delta":
            self._count(stream, event, path)
        elif kind == "error":
            stream.error = error_of(event, path)
        else:
            return self._record(self._open.pop(key))
        return None

    def _start(self, event: Row, around: Row, path: str) -> None:
        """Opens a stream. One that cannot be has closed the one before, whose counts the next events are not."""
        message = event.get("message")
        at = f"{path}.message".lstrip(".")
        message_id = message.get("id") if isinstance(message, dict) else None
        key = self._key(around) or (message_id if isinstance(message_id, str) else "")
        if key in self._open:
            self._begun_again.append(self._open.pop(key))
        self._latest = None
        if not isinstance(message, dict):
            raise Rejected(
                field=at, found=fields.hidden(message), reason="not an object", advice="Log the events as they came."
            )
        stream = _Stream(message, {n: v for n, v in around.items() if n not in ("message", "delta", "index")}, at)
        read_message(message, at)
        stream.started_at = self._messages.time(self._messages.beside(stream.around))
        self._open[key] = stream
        self._latest = key

    def _key(self, around: Row) -> str | None:
        beside = self._messages.beside(around)
        for ours in ("request_id", "message_id"):
            value = beside.get(ours)
            if isinstance(value, (str, int)) and value:
                return str(value)
        return None

    def _count(self, stream: _Stream, event: Row, path: str) -> None:
        """Takes over the totals of a delta; what it leaves out stays as it was."""
        usage, delta = event.get("usage"), event.get("delta")
        if isinstance(delta, dict):
            stop = {name: delta[name] for name in STOP if delta.get(name) is not None}
            read_message({**stream.message, **stop}, path)
            stream.stop.update(stop)
        if not isinstance(usage, dict):
            return
        merged = merge({**stream.message["usage"], **stream.usage}, usage)
        read_message({**stream.message, "usage": merged}, path)
        stream.usage = merged
        stream.counted = stream.counted or usage.get("output_tokens") is not None

    def _record(self, stream: _Stream) -> UsageRecord:
        usage = {**stream.message["usage"], **stream.usage}
        if not stream.counted:
            usage["output_tokens"] = None
            self._messages.findings.add(CUT)
        message = {**stream.message, **stream.stop, "usage": usage}
        around = self._messages.beside(stream.around)
        return self._messages.record(
            message, around, path=stream.path, started_at=stream.started_at, stream=True, error=stream.error
        )

    def finish(self) -> list[UsageRecord]:
        """The streams that did not end."""
        streams = [*self._begun_again, *self._open.values()]
        self._begun_again, self._open = [], {}
        return [self._record(stream) for stream in streams]

    def findings(self) -> list[str]:
        """What was noticed."""
        return self._messages.findings.sentences()


STOP = ("stop_reason", "stop_details")


def merge(usage: Row, later: Row) -> Row:
    """Usage with a later event's counts over it. A delta tells cache writes without their split: it is kept in step."""
    merged = {**usage, **{name: value for name, value in later.items() if value is not None}}
    split, whole = merged.get("cache_creation"), merged.get("cache_creation_input_tokens")
    if isinstance(split, dict) and type(whole) is int and later.get("cache_creation") is None:
        long: Any = split.get("ephemeral_1h_input_tokens") or 0
        short: Any = split.get("ephemeral_5m_input_tokens") or 0
        if type(long) is int and type(short) is int and long + short != whole:
            long = whole if not short else min(long, whole)
            split = {"ephemeral_5m_input_tokens": whole - long, "ephemeral_1h_input_tokens": long}
            merged["cache_creation"] = split
    return merged
