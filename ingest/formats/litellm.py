"""Calls logged by the LiteLLM gateway: its standard logging payload, and its table of spend logs.

Lives where a logging callback puts payloads (a bucket, a file of JSON lines), and in the table LiteLLM_SpendLogs,
exported as JSON or answered by /spend/logs in pages; there metadata and request_tags may be JSON texts. Counts are of
one call, never cumulative. Cache is inside ``prompt_tokens``, read and written. What LiteLLM answered from a cache of
its own is no request to the API. A call has the same id in both places.

    {"id": "chatcmpl-1", "call_type": "acompletion", "startTime": 1795159965.12, "endTime": 1795159966.02,
     "model": "claude-haiku-4-5", "prompt_tokens": 1204, "completion_tokens": 80, "response_cost": 0.001704,
     "metadata": {"usage_object": {"cache_read_input_tokens": 500, "cache_creation_input_tokens": 700}}}
    {"request_id": "chatcmpl-1", "call_type": "acompletion", "startTime": "2026-11-20T08:12:45.120Z", "spend": 0.001704,
     "model": "claude-haiku-4-5", "prompt_tokens": 1204, "metadata": "{\\"usage_object\\": {}}", "request_tags": "[]"}
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from ingest import fields
from ingest.api_usage import billing_fields
from ingest.formats.beside import MAX_NAME, Beside
from ingest.formats.litellm_counts import parts_of_call
from ingest.formats.litellm_fields import http_status, named, object_in, parsed, region_of
from ingest.formats.names import Names, Row
from ingest.formats.reading import Counted, ReadOptions
from ingest.formats.usage_record import error_type
from ingest.record import Rejected, UsageRecord

NAME = "litellm"
LABEL = "LiteLLM payloads and spend logs"
RETOLD = True
EACH_ALONE = True

PAYLOAD = frozenset({"id", "call_type", "startTime", "endTime", "model", "prompt_tokens", "response_cost"})
TABLE = frozenset({"request_id", "call_type", "startTime", "endTime", "model", "prompt_tokens", "spend"})
# other kinds of call are kept where they have tokens: reading a file or listing models has none
# fmt: off
GENERATING = frozenset((
    "completion", "acompletion", "text_completion", "atext_completion", "anthropic_messages", "responses", "aresponses",
    "generate_content", "agenerate_content", "generate_content_stream", "agenerate_content_stream",
    "pass_through_endpoint", "llm_passthrough_route", "allm_passthrough_route",
))
# fmt: on
WHOLE_BATCH = ("aretrieve_batch", "retrieve_batch")
AGENT_TAG = "User-Agent:"

FROM_CACHE = "answered from LiteLLM's own cache and not by the API; left out"
BATCH = "the row stands for a whole message batch; it was loaded as one request at the batch price"
UNREADABLE_JSON = "metadata is no readable JSON; what it says was left out"
ADVICE = "Load LiteLLM's standard logging payload or its spend logs unchanged."

CACHED_ID = re.compile(r".+_cache_hit[0-9.]+")


def recognises(values: list[object]) -> bool:
    """Some value, or some row of a page, has the columns of a payload or of the table."""
    return any(_is_call(row) for value in values for row in (value, *entries(value)))


def entries(value: object) -> list[object]:
    """The rows of a page of spend logs; none for a row itself."""
    rows = value.get("data") if isinstance(value, dict) else None
    return rows if isinstance(rows, list) and any(map(_is_call, rows)) else []


def reader(_: ReadOptions) -> Calls:
    """A reader for one file."""
    return Calls()


class Calls:
    """Reads payloads and rows of the table, each on its own."""

    def __init__(self) -> None:
        self._names = Names({})
        self._findings = Counted()

    def read(self, value: object, _line: int, /) -> UsageRecord | None:
        """The record of a call; ``None`` for what is none, or not one to the API. Raises ``Rejected``."""
        if not isinstance(value, dict):
            raise Rejected(field=None, found=fields.hidden(value), reason="not an object", advice=ADVICE)
        if "call_type" not in value:
            return None
        name = fields.text(value.get("id") or value.get("request_id") or value.get("litellm_call_id"), "id")
        if str(value.get("cache_hit")).lower() == "true" or CACHED_ID.fullmatch(name or ""):
            self._findings.add(FROM_CACHE)
            return None
        metadata = self._metadata(value)
        failed = "failure" in (value.get("status"), metadata.get("status"))
        counted = value.get("prompt_tokens") or value.get("completion_tokens")
        if not counted and not failed and str(value["call_type"]) not in GENERATING:
            return None
        return self._record(value, metadata, name, failed=failed)

    def _record(self, value: Row, metadata: Row, name: str | None, *, failed: bool) -> UsageRecord:
        started_at = fields.time(value.get("startTime"), "startTime")
        status, error = _failure(value, metadata) if failed else (None, None)
        model = fields.text(value.get("model"), "model")
        if model is None and not failed:
            raise Rejected(field="model", found=None, reason="the model is missing", advice=ADVICE)
        usage, path = _usage(value, metadata)
        parts = parts_of_call(value, usage, model=model, path=path, failed=failed, findings=self._findings)
        known: dict[str, Any] = billing_fields(usage, path)._asdict()
        if value["call_type"] in WHOLE_BATCH:
            self._findings.add(BATCH)
            known["service_tier"] = "batch"
        beside = Beside(_beside(value, metadata, started_at), self._names, self._findings)
        known.update(_ids(value, name), status=status, error=error)
        return beside.record(parts, started_at, **known)

    def _metadata(self, value: Row) -> Row:
        metadata = value.get("metadata")
        found = parsed(metadata)
        if isinstance(metadata, str) and metadata and not isinstance(found, dict):
            self._findings.add(UNREADABLE_JSON)
        return found if isinstance(found, dict) else {}

    def finish(self) -> list[UsageRecord]:
        """Nothing is held back."""
        return []

    def findings(self) -> list[str]:
        """What was noticed."""
        return self._findings.sentences()


def _is_call(value: object) -> bool:
    return isinstance(value, dict) and (value.keys() >= PAYLOAD or value.keys() >= TABLE)


def _usage(value: Row, metadata: Row) -> tuple[Row, str]:
    """LiteLLM's usage object and its place; older versions keep only what it says beyond the totals."""
    for name in ("usage_object", "additional_usage_values"):
        if usage := object_in(metadata, name):
            return usage, f"metadata.{name}"
    return object_in(object_in(value, "hidden_params"), "usage_object"), "hidden_params.usage_object"


def _ids(value: Row, name: str | None) -> dict[str, str | None]:
    """The API's request id with a message's id; any other id is LiteLLM's own, and the same in payload and table."""
    headers = object_in(object_in(value, "hidden_params"), "additional_headers")
    found = (headers.get("llm_provider-request-id"), headers.get("request-id"))
    request_id = next((text for text in found if isinstance(text, str) and text.startswith("req_")), None)
    if name is not None and name.startswith("msg_"):
        return {"message_id": name, "request_id": request_id}
    return {"log_id": name and f"litellm:{name}", "request_id": request_id}


def _failure(value: Row, metadata: Row) -> tuple[int | None, str]:
    """HTTP status and error type of a failed call; the error's message is left out."""
    said = object_in(value, "error_information") or object_in(metadata, "error_information")
    status, kind = http_status(said.get("error_code")), said.get("error_class")
    return status, (error_type(kind[:MAX_NAME], "error_class") if isinstance(kind, str) else None) or "error"


def _beside(value: Row, metadata: Row, started_at: datetime) -> Row:
    """What stands beside the counts, under our names."""
    cost = value.get("response_cost", value.get("spend"))
    duration = value.get("request_duration_ms")
    first, end = _after(value, "completionStartTime", started_at), _after(value, "endTime", started_at)
    tags = [tag for tag in _list(value.get("request_tags")) if isinstance(tag, str)]
    about = {"team": _team(metadata), "key": metadata.get("user_api_key_alias")}
    return {
        "provider": value.get("custom_llm_provider"),
        "region": region_of(value.get("api_base")),
        "feature": _feature(tags, metadata),
        "user": value.get("end_user") or metadata.get("user_api_key_user_id") or value.get("user"),
        "session": value.get("session_id"),
        "tags": [*tags, *(f"{name}:{content}" for name, content in about.items() if content)],
        "stop_reason": _stop_reason(value),
        "max_tokens": object_in(value, "model_parameters").get("max_tokens"),
        "stream": value.get("stream"),
        "latency_ms": end if duration is None else duration,
        "time_to_first_token_ms": first if first is not None and end is not None and first < end else None,
        "cost": cost or None,  # LiteLLM writes zero for a call it has no price for
    }


def _after(value: Row, name: str, started_at: datetime) -> int | None:
    """Milliseconds from the start to a moment; ``None`` if that is not logged, or before."""
    try:
        passed = fields.time(value.get(name), name) - started_at
    except Rejected:
        return None
    return round(passed / timedelta(milliseconds=1)) if passed >= timedelta(0) else None


def _feature(tags: list[str], metadata: Row) -> object:
    """A tag "feature:x", else the first tag of the caller, else metadata of the caller, else the team or the key."""
    pairs = {name: content.strip() for name, colon, content in (tag.partition(":") for tag in tags) if colon}
    first = tags[0] if tags and not tags[0].startswith(AGENT_TAG) else None
    said = (named(object_in(metadata, name), "feature") for name in ("spend_logs_metadata", "requester_metadata"))
    return (
        named(pairs, "feature")
        or first
        or next(filter(None, said), None)
        or _team(metadata)
        or metadata.get("user_api_key_alias")
    )


def _team(metadata: Row) -> object:
    return metadata.get("user_api_key_team_alias") or metadata.get("team_alias")


def _stop_reason(value: Row) -> object:
    response = object_in(value, "response")
    choices = response.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return response.get("stop_reason") or (first.get("finish_reason") if isinstance(first, dict) else None)


def _list(value: object) -> list[object]:
    found = parsed(value)
    return found if isinstance(found, list) else []
