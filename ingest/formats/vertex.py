"""Request-response logs of Vertex AI, as exported from BigQuery to JSON lines or as one list.

Lives in a BigQuery table of the project, which logs a share of the requests (its sampling rate is not in the rows): a
sample, never a complete bill. Counts are of one request, never cumulative; cache is outside ``input_tokens``. What was
asked and answered is in full_request and full_response, as objects or as JSON texts: Claude's own message, or the
events of its stream. The model's version and the endpoint's region may stand in several places.

    {"logging_time": "2026-11-18 09:00:00.250 UTC", "request_id": "5374205265901353984",
     "endpoint": "projects/shop/locations/us-east5/publishers/anthropic/models/claude-haiku-4-5@20251001",
     "model": "publishers/anthropic/models/claude-haiku-4-5@20251001", "model_version": "default",
     "api_method": "RawPredict", "full_request": {"max_tokens": 500}, "metadata": {"request_latency": 912.4},
     "full_response": {"id": "msg_vrtx_1", "type": "message", "model": "claude-haiku-4-5-20251001",
     "usage": {"input_tokens": 21, "output_tokens": 77}}}
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

from ingest import fields
from ingest.event_stream import documents_of_events
from ingest.formats.message import read_message
from ingest.formats.names import Row
from ingest.formats.reading import Counted, ReadOptions
from ingest.formats.stream_events import CUT
from ingest.formats.streamed import error_in, message_of
from ingest.formats.usage_record import error_type
from ingest.formats.user_id import user_and_session
from ingest.json_values import MAX_BYTES, without_halves
from ingest.record import Part, Rejected, UsageRecord

NAME = "vertex"
LABEL = "Vertex AI request-response logs"
EACH_ALONE = True

REQUEST, RESPONSE = ("full_request", "request_payload"), ("full_response", "response_payload")
REGION = re.compile(r"/locations/([a-z0-9-]+)|//(?:([a-z0-9-]+)-)?aiplatform\.")
VERSION = re.compile("[0-9]{8}")
ADVICE = "Export the table with its full_response column unchanged."
SAMPLE = "of a sample, taken at a rate that the log does not tell, and never a complete bill"
NO_REGION = (
    "no region in the row: priced as the global endpoint, though Claude is logged at regional ones only,"
    " which cost 10 % more from Claude 4.5 on"
)
NO_RESPONSE = "no response in the row; its tokens are unknown"
MAX_DEPTH = 4


def recognises(values: list[object]) -> bool:
    """Some value is a row of such a table."""
    return any(isinstance(value, dict) and _is_row(value) for value in values)


def reader(_: ReadOptions) -> Responses:
    """A reader for one file."""
    return Responses()


class Responses:
    """Reads rows, each on its own."""

    def __init__(self) -> None:
        self._findings = Counted()

    def read(self, value: object, _line: int, /) -> UsageRecord | None:
        """The record of a row; ``None`` for other values. Raises ``Rejected``."""
        if not isinstance(value, dict):
            raise Rejected(field=None, found=fields.hidden(value), reason="not an object", advice=ADVICE)
        return self._record(value) if _is_row(value) else None

    def _record(self, row: Row) -> UsageRecord:
        _, asked = _first(row, REQUEST)
        path, answer = _first(row, RESPONSE)
        request, metadata = _object(asked[0] if asked else None), _first(row, ("metadata",))[1]
        error, status = _failure(answer, path)
        parts, about = self._parts(row, answer, path, failed=error is not None)
        region = _region(row, request)
        if region is None and "claude" in (parts[0].model or ""):
            self._findings.add(NO_REGION)
        method = fields.text(row.get("api_method"), "api_method")
        latency = metadata[0].get("request_latency") if metadata else None
        user, session = user_and_session(request, "full_request")
        record = UsageRecord(
            parts,
            started_at=fields.time(row.get("logging_time"), "logging_time"),
            request_id=fields.text(row.get("request_id"), "request_id"),
            provider="vertex",
            region=region,
            user=user,
            session=session,
            max_tokens=fields.integer(request.get("max_tokens"), "full_request.max_tokens"),
            stream="stream" in method.lower() if method else None,
            latency_ms=fields.integer(latency, "metadata.request_latency", digits=True),
            status=status,
            error=error,
            **about,
        )
        self._findings.add(SAMPLE)
        return record

    def _parts(
        self, row: Row, answer: Sequence[Row], path: str, *, failed: bool
    ) -> tuple[tuple[Part, ...], dict[str, Any]]:
        """The billed parts, and what the message says of itself."""
        message = message_of(answer) or _latest(answer, "usage")
        theirs = fields.text(message.get("model"), f"{path}.model") if message else None
        model = _model(row) or theirs
        if model is None:
            raise Rejected(field="model", found=None, reason="the model is missing", advice=ADVICE)
        if message:
            (found, finding), about = read_message({**message, "model": theirs or model}, path)
            if finding is not None or found[0].output_tokens is None:
                self._findings.add(finding or CUT)
            named = (replace(part, model=model) if part.model == (theirs or model) else part for part in found)
            return tuple(named), about
        for name in ("usageMetadata", "usage_metadata"):
            if counts := _object((_latest(answer, name) or {}).get(name)):
                return (_of_gemini(counts, model, f"{path}.{name}"),), {}
        if failed:
            return (Part(model, 0, 0),), {}
        if answer:
            reason = "neither a message with its usage nor the events of a stream"
            raise Rejected(field=path, found=answer[0], reason=reason, advice=ADVICE)
        self._findings.add(NO_RESPONSE)
        return (Part(model, None, None),), {}

    def finish(self) -> list[UsageRecord]:
        """Nothing is held back."""
        return []

    def findings(self) -> list[str]:
        """What was noticed."""
        return self._findings.sentences()


def _is_row(value: Row) -> bool:
    return "logging_time" in value and any(name in value for name in (*REQUEST, *RESPONSE))


def _first(row: Row, names: Sequence[str]) -> tuple[str, list[Row]]:
    """The first of the columns in which there are objects, and those."""
    return next(((name, found) for name in names if (found := _objects(row.get(name)))), (names[0], []))


def _objects(value: object, depth: int = 0) -> list[Row]:
    """The objects in a value: itself, those in its list, those its JSON text or its text of events stands for."""
    if isinstance(value, dict):
        return [value] if value else []
    if depth == MAX_DEPTH:
        return []
    if isinstance(value, list):
        return [found for inner in value for found in _objects(inner, depth + 1)]
    if not isinstance(value, str):
        return []
    text = value.lstrip()
    if text.startswith(("data:", "event:")):
        events = documents_of_events(BytesIO(text.encode("utf-8", "replace")), MAX_BYTES)
        return [event.value for event in events if isinstance(event.value, dict)]
    try:
        return _objects(json.loads(without_halves(text)), depth + 1) if text[:1] in ("{", "[") else []
    except (ValueError, RecursionError):
        return []


def _latest(answer: Sequence[Row], name: str) -> Row | None:
    return next((value for value in reversed(answer) if isinstance(value.get(name), dict)), None)


def _model(row: Row) -> str | None:
    """The id at the end of the model's path, with the version where that is a snapshot's day."""
    name = (fields.text(row.get("model"), "model") or "").rsplit("/models/", 1)[-1]
    version = fields.text(row.get("model_version"), "model_version") or ""
    if name and "@" not in name and VERSION.fullmatch(version) and not name.endswith(version):
        name = f"{name}@{version}"
    return name or None


def _region(row: Row, request: Row) -> str | None:
    """The endpoint's region, wherever its path or address stands."""
    for value in (row.get("endpoint"), row.get("model"), request.get("model"), request.get("endpoint")):
        if found := REGION.search(value) if isinstance(value, str) else None:
            return found[1] or found[2] or "global"
    return None


def _failure(answer: Sequence[Row], path: str) -> tuple[str | None, int | None]:
    """Error type and HTTP status: {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}, or Claude's own error."""
    if error := error_in(answer):
        return error, None
    found = _object((_latest(answer, "error") or {}).get("error"))
    if not found:
        return None, None
    code = found.get("code")
    status = code if type(code) is int and 400 <= code <= 599 else None
    return error_type(found.get("type") or found.get("status"), f"{path}.error.status") or "error", status


def _of_gemini(counts: Row, model: str, path: str) -> Part:
    """Gemini's counts, zero where left out. What was cached is in its prompt, its thoughts are beside its answer."""
    prompt, cached, answer, thoughts = (
        fields.tokens(counts.get(name, counts.get(camel, 0)), f"{path}.{name if name in counts else camel}")
        for name, camel in GEMINI
    )
    if cached > prompt:
        reason = "cache parts larger than their whole, the prompt"
        raise Rejected(field=path, found=f"{cached} of {prompt}", reason=reason, advice=ADVICE)
    return Part(model, prompt - cached, answer + thoughts, cached, reasoning_tokens=thoughts)


GEMINI = (
    ("prompt_token_count", "promptTokenCount"),
    ("cached_content_token_count", "cachedContentTokenCount"),
    ("candidates_token_count", "candidatesTokenCount"),
    ("thoughts_token_count", "thoughtsTokenCount"),
)


def _object(value: object) -> Row:
    return value if isinstance(value, dict) else {}
