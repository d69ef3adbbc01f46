"""Model invocation logs of Amazon Bedrock.

Lives in S3 below AWSLogs/<account>/BedrockModelInvocationLogs/ as .json.gz, one record a line, and in CloudWatch Logs,
whose answers (of Logs Insights, of filter-log-events) hold the records as texts. Counts are of one request, never
cumulative. Cache is outside the input count (inside it for OpenAI's models). The counts of the response go before those
beside it, which remain where the response is not logged, or only its place in S3.

    {"schemaType": "ModelInvocationLog", "timestamp": "2026-11-18T09:00:00Z", "region": "us-east-1",
     "requestId": "1f-2", "operation": "Converse", "modelId": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
     "identity": {"arn": "arn:aws:sts::1234:assumed-role/app/me"}, "requestMetadata": {"feature": "triage"},
     "input": {"inputTokenCount": 21}, "output": {"outputTokenCount": 77, "outputBodyJson": {"stopReason": "end_turn",
     "metrics": {"latencyMs": 900}, "usage": {"inputTokens": 21, "outputTokens": 77, "totalTokens": 98}}}}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ingest import fields
from ingest.formats.bedrock_output import (
    ADVICE,
    BODY,
    COUNTS,
    Output,
    counts_of,
    filled,
    is_optimized,
    output_of,
    uncached,
)
from ingest.formats.message import read_message
from ingest.formats.names import INDEX, Row, normal
from ingest.formats.reading import Counted, ReadOptions
from ingest.formats.usage_record import error_type, tags_of
from ingest.formats.user_id import user_and_session
from ingest.json_values import without_halves
from ingest.record import Part, Rejected, UsageRecord

NAME = "bedrock"
LABEL = "Amazon Bedrock invocation logs"
EACH_ALONE = True

OPERATIONS = ("InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream")
# what the id of such a resource stands for is not in it
HIDING = re.compile(
    r"arn:[a-z-]+:bedrock:[^/]*:(application-inference-profile|default-prompt-router|prompt-router|prompt)/.+"
)
INCLUSIVE = re.compile(r"(?:^|[./])openai\.")
STATUS = {
    "AccessDeniedException": 403,
    "InternalServerException": 500,
    "ModelErrorException": 424,
    "ModelNotReadyException": 429,
    "ModelStreamErrorException": 424,
    "ModelTimeoutException": 408,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 400,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "ValidationException": 400,
}
CONTRADICTION = "the counts beside the response contradict those in it; the response's were taken"
LACKING = "a token count is neither in the response nor beside it; it is unknown"


def entries(value: object) -> Iterator[object]:
    """The log messages in an answer of CloudWatch Logs; none in a record itself."""
    if isinstance(value, dict) and not _is_record(value):
        for name in ("results", "events", "logEvents"):
            rows = value.get(name)
            yield from map(_message, rows if isinstance(rows, list) else ())
        if "@message" in value:
            yield _message(value)


def recognises(values: list[object]) -> bool:
    """Some value is or holds a record of an invocation."""
    found: Iterable[object] = (inner for value in values for inner in (value, *entries(value)))
    return any(isinstance(value, dict) and _is_record(value) for value in found)


def reader(_: ReadOptions) -> Invocations:
    """A reader for one file."""
    return Invocations()


class Invocations:
    """Reads records, each on its own."""

    def __init__(self) -> None:
        self._findings = Counted()

    def read(self, value: object, _line: int, /) -> UsageRecord | None:
        """The record of an invocation; ``None`` for other log messages. Raises ``Rejected``."""
        if isinstance(value, Rejected):
            raise value
        if not isinstance(value, dict):
            raise Rejected(field=None, found=fields.hidden(value), reason="not an object", advice=ADVICE)
        return self._record(value) if _is_record(value) else None

    def _record(self, value: Row) -> UsageRecord:
        started_at = fields.time(value.get("timestamp"), "timestamp")
        made, given = _object(value.get("output")), _object(value.get("input"))
        request = _object(_parsed(given.get("inputBodyJson")))
        output = output_of(_parsed(made.get("outputBodyJson")))
        counts = {**counts_of(given, COUNTS, "input"), **counts_of(made, COUNTS, "output")}
        status, error = _failure(value, output)
        failed = error is not None or (status or 0) >= 400
        parts, about = self._parts(value, output, counts, failed=failed)
        operation = fields.text(value.get("operation"), "operation")
        optimized = output.optimized or is_optimized(value)
        return UsageRecord(
            parts,
            started_at,
            request_id=fields.text(value.get("requestId"), "requestId"),
            provider="bedrock",
            region=fields.text(value.get("region"), "region"),
            max_tokens=_max_tokens(request),
            stream=operation.endswith("Stream") if operation else None,
            latency_ms=output.latency_ms,
            time_to_first_token_ms=output.time_to_first_token_ms,
            status=status,
            error=error,
            **{**about, **({"speed": "optimized"} if optimized else {}), **_who(value, request)},
        )

    def _parts(
        self, value: Row, output: Output, counts: Row, *, failed: bool
    ) -> tuple[tuple[Part, ...], dict[str, Any]]:
        """The billed parts, and what the response says of itself."""
        told = output.message["usage"]
        if any(told.get(name) not in (None, count) for name, count in counts.items()):
            self._findings.add(CONTRADICTION)
        usage = filled(told, counts)
        if failed and not output.begun:
            usage = {"input_tokens": 0, "output_tokens": 0, **usage}
        theirs = fields.text(output.message.get("model"), f"{BODY}.model")
        model = _model(value, theirs)
        if model is None:
            if failed:
                return (Part(None, 0, 0),), {}
            raise Rejected(field="modelId", found=None, reason="the model is missing", advice=ADVICE)
        if INCLUSIVE.search(model):
            usage = uncached(usage)
        unknown = usage.get("input_tokens") is None
        if unknown or usage.get("output_tokens") is None:
            self._findings.add(LACKING)
        message = {**output.message, "model": theirs or model, "usage": {"input_tokens": 0, **usage}}
        (found, finding), about = read_message(message, BODY)
        if finding is not None:
            self._findings.add(finding)
        parts = tuple(replace(part, model=model) if part.model == message["model"] else part for part in found)
        return (replace(parts[0], uncached_input_tokens=None), *parts[1:]) if unknown else parts, about

    def finish(self) -> list[UsageRecord]:
        """Nothing is held back."""
        return []

    def findings(self) -> list[str]:
        """What was noticed."""
        return self._findings.sentences()


def _is_record(value: Row) -> bool:
    if value.get("schemaType") == "ModelInvocationLog":
        return True
    return "modelId" in value and "requestId" in value and value.get("operation") in OPERATIONS


def _message(row: object) -> object:
    """The log message in a row of an answer: {"@message": …}, {"message": …}, or cells with a field and a value."""
    if isinstance(row, list):
        row = {str(cell.get("field")): cell.get("value") for cell in row if isinstance(cell, dict)}
    if not isinstance(row, dict):
        return row
    text = row.get("@message", row.get("message"))
    message = _parsed(text)
    if message is None and isinstance(text, str) and text.lstrip().startswith("{"):
        found, advice = f"{len(text):,} characters", "Fetch the record from the log group again, or load it from S3."
        return Rejected(field="@message", found=found, reason="the record is cut off or not JSON", advice=advice)
    return message if isinstance(message, dict) else {}


def _parsed(value: object) -> object:
    """A value that may be logged as its JSON text; ``None`` for any other text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(without_halves(value)) if value.lstrip()[:1] in ("{", "[") else None
    except (ValueError, RecursionError):
        return None


def _model(value: Row, theirs: str | None) -> str | None:
    logged = fields.text(value.get("modelId"), "modelId")
    return theirs or logged if logged is None or HIDING.fullmatch(logged) else logged


def _failure(value: Row, output: Output) -> tuple[int | None, str | None]:
    """HTTP status and error type; the status is that of the error where the record does not bear one."""
    error = error_type(value.get("errorCode"), "errorCode") or output.error
    logged = str(value.get("status"))
    status = int(logged) if re.fullmatch("[1-5][0-9][0-9]", logged) else STATUS.get(error or "")
    return status, error


def _max_tokens(request: Row) -> int | None:
    at, config = "input.inputBodyJson", _object(request.get("inferenceConfig"))
    native = fields.integer(request.get("max_tokens"), f"{at}.max_tokens")
    return fields.integer(config.get("maxTokens"), f"{at}.inferenceConfig.maxTokens") if native is None else native


def _who(value: Row, request: Row) -> dict[str, Any]:
    """Feature, user and session from the request's metadata, what is left of that as tags.

    Without a user there: the one the request bears, else who signed it, who is also whom Claude Code worked for.
    """
    metadata = value.get("requestMetadata") or request.get("requestMetadata")
    tags = tags_of(metadata, "requestMetadata") if metadata else {}
    found: dict[str, Any] = {"tags": tags}
    for ours in ("feature", "user", "session"):
        named = [(rank, name) for name in tags for its, rank in INDEX.get(normal(name), ()) if its == ours]
        found[ours] = tags.pop(min(named)[1]) if named else None
    user, session = user_and_session(request, "input.inputBodyJson")
    arn = fields.text(_object(value.get("identity")).get("arn"), "identity.arn") or ""
    signed = re.split("[/:]", arn)[-1] if arn.startswith("arn:") else ""
    found["session"] = found["session"] or session
    found["user"] = found["user"] or (signed or user if session else user or signed) or None
    return found


def _object(value: object) -> Row:
    return value if isinstance(value, dict) else {}
