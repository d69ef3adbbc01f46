"""Responses of the Messages API as they came, alone or in a wrapper that adds the time and the rest.

Lives wherever an app dumps its responses; compact or pretty-printed. Counts are of one request, never cumulative; cache
is outside ``input_tokens``. A response does not say when it was made: that is the wrapper's to say, else the file's.

    {"date": "Sun, 07 Apr 2024 07:30:05 GMT", "request_id": "req_1", "status": 200, "response": {"id": "msg_1",
     "type": "message", "model": "claude-3-opus-20240229", "usage": {"input_tokens": 17, "output_tokens": 220}}}
"""

from __future__ import annotations

from ingest import fields
from ingest.formats.message import Messages, error_of, is_error, is_message, unwrapped
from ingest.formats.reading import ReadOptions
from ingest.record import Rejected, UsageRecord

NAME = "messages_api"
LABEL = "Messages API responses"
EACH_ALONE = True


def recognises(values: list[object]) -> bool:
    """Some value is or holds a message with its usage; or every one an error of the API."""
    rows = [value for value in values if isinstance(value, dict)]
    if any(unwrapped(row, is_message) for row in rows):
        return True
    return bool(rows) and all(unwrapped(row, is_error) for row in rows)


def reader(options: ReadOptions) -> Responses:
    """A reader for one file."""
    return Responses(options)


class Responses:
    """Reads responses, each on its own."""

    def __init__(self, options: ReadOptions) -> None:
        self._messages = Messages(options)

    def read(self, value: object, _line: int, /) -> UsageRecord | None:
        """The record of a response, or of an error that is not billed. Raises ``Rejected``."""
        if not isinstance(value, dict):
            raise Rejected(
                field=None,
                found=fields.hidden(value),
                reason="not an object",
                advice="Log the whole response of the API.",
            )
        if found := unwrapped(value, is_message):
            message, rest, path = found
            return self._messages.record(message, self._messages.beside(rest), path=path)
        if found := unwrapped(value, is_error):
            body, rest, path = found
            return self._messages.failed(self._messages.beside(rest), error_of(body, path))
        return None

    def finish(self) -> list[UsageRecord]:
        """Nothing is held back."""
        return []

    def findings(self) -> list[str]:
        """What was noticed."""
        return self._messages.findings.sentences()
