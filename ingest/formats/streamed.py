"""A streamed response that a log holds whole, as the list of its events: the message they tell."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.formats.message import error_of, is_error
from ingest.formats.names import Row
from ingest.formats.stream_events import STOP, merge


def message_of(events: Sequence[Row]) -> Row | None:
    """The message with its last counts, ``None`` if no event starts one. An output that no later event tells is None:
    what the start says of it is a placeholder.
    """
    message: Row | None = None
    usage: Row = {}
    for event in events:
        kind, begun = event.get("type"), event.get("message")
        if kind == "message_start" and isinstance(begun, dict):
            message = dict(begun)
            told = begun.get("usage")
            usage = {**told, "output_tokens": None} if isinstance(told, dict) else {}
        elif kind == "message_delta" and message is not None:
            delta, later = event.get("delta"), event.get("usage")
            if isinstance(delta, dict):
                message.update((name, delta[name]) for name in STOP if delta.get(name) is not None)
            if isinstance(later, dict):
                usage = merge(usage, later)
    return None if message is None else {**message, "usage": usage}


def error_in(events: Sequence[Row]) -> str | None:
    """The type of the first error among the events."""
    return next((error_of(event) for event in events if is_error(event)), None)
