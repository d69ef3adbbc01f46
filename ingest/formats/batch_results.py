"""Results of a message batch, as downloaded.

Lives where an app saves ``.../batches/<id>/results``; one result a line, in no order. Counts are of one request, never
cumulative; cache is outside ``input_tokens``. Only a succeeded result was billed, at the batch price. A result does not
say when it was made: the file's time is taken.

    {"custom_id": "doc-17", "result": {"type": "succeeded", "message": {"id": "msg_1", "type": "message",
     "model": "claude-haiku-4-5", "usage": {"input_tokens": 21, "output_tokens": 77, "service_tier": "batch"}}}}
"""

from __future__ import annotations

from typing import Any

from ingest import fields
from ingest.formats.message import Messages, error_of, is_message
from ingest.formats.names import Row
from ingest.formats.reading import ReadOptions
from ingest.record import Rejected, UsageRecord

NAME = "batch_results"
LABEL = "Message Batches results"
EACH_ALONE = True

RESULTS = ("succeeded", "errored", "canceled", "expired")
ADVICE = "Save the results file of the batch unchanged."


def recognises(values: list[object]) -> bool:
    """Some value has a custom id and a result of a known type."""
    return any(
        isinstance(value, dict) and "custom_id" in value and _type(value.get("result")) in RESULTS for value in values
    )


def reader(options: ReadOptions) -> BatchResults:
    """A reader for one file."""
    return BatchResults(options)


class BatchResults:
    """Reads batch results, each on its own."""

    def __init__(self, options: ReadOptions) -> None:
        self._messages = Messages(options)

    def read(self, value: object, _line: int, /) -> UsageRecord | None:
        """The record of a result; one that did not succeed is a failed request without tokens. Raises ``Rejected``."""
        if not isinstance(value, dict):
            raise Rejected(field=None, found=fields.hidden(value), reason="not an object", advice=ADVICE)
        if "custom_id" not in value and "result" not in value:
            return None
        result = value.get("result")
        kind = _type(result)
        if not isinstance(result, dict):
            raise Rejected(field="result", found=fields.hidden(result), reason="not an object", advice=ADVICE)
        if kind not in RESULTS:
            reason = f"none of {', '.join(RESULTS)}"
            raise Rejected(field="result.type", found=result.get("type"), reason=reason, advice=ADVICE)
        beside = self._messages.beside({name: inner for name, inner in value.items() if name != "result"})
        known: dict[str, Any] = {"service_tier": "batch", "tags": _custom_id(value)}
        if kind != "succeeded":
            return self._messages.failed(beside, _error(result) if kind == "errored" else kind, **known)
        message = result.get("message")
        if not isinstance(message, dict) or not is_message({"type": "message", **message}):
            raise Rejected(
                field="result.message", found=fields.hidden(message), reason="no message with its usage", advice=ADVICE
            )
        return self._messages.record(message, beside, path="result.message", **known)

    def finish(self) -> list[UsageRecord]:
        """Nothing is held back."""
        return []

    def findings(self) -> list[str]:
        """What was noticed."""
        return self._messages.findings.sentences()


def _type(result: object) -> str | None:
    kind = result.get("type") if isinstance(result, dict) else None
    return kind if isinstance(kind, str) else None


def _error(result: Row) -> str:
    """The type of an error, which stands in an error body or, in some logs, alone."""
    body = result.get("error")
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return error_of(body, "result.error")
    return error_of(result, "result")


def _custom_id(value: Row) -> dict[str, str] | None:
    name = value.get("custom_id")
    return {"custom_id": name} if isinstance(name, str) and 0 < len(name) <= 512 and name.isprintable() else None
