"""The fields of a Langfuse observation, however they are spelt, and what stands in them beside the counts."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any

from ingest import fields
from ingest.api_usage import billing_fields
from ingest.formats.message import is_message
from ingest.formats.names import Row
from ingest.json_values import without_halves
from ingest.record import Rejected

COUNTED = ("GENERATION", "EMBEDDING")
# the generations exported before observations had usage details: all of one type, which is not written down
TYPELESS = frozenset(("traceId", "startTime", "completionStartTime", "promptTokens"))
FEATURE = ("feature", "feature_name", "app", "app_name", "application", "use_case")
USER = ("langfuse_user_id", "user_id", "userId")
SESSION = ("langfuse_session_id", "session_id", "sessionId")
MESSAGE_ID = re.compile(r"(?:time-[\d-]+_)?((?:msg_|chatcmpl-)[\w-]+)")  # LiteLLM puts a time before it
MESSAGE_IDS = ("message_id", "response_id", "gen_ai.response.id", "ai.response.id", "id")
REQUEST_ID = re.compile(r"(req_[\w-]+)")
REQUEST_IDS = ("request_id", "requestId", "_request_id", "anthropic.request.id")
MAX_TOKENS = ("max_tokens", "maxTokens", "max_tokens_to_sample", "maxOutputTokens")
MILLISECOND = timedelta(milliseconds=1)


class Observation:
    """An observation's fields by their names in the API; blob storage writes them with underscores."""

    def __init__(self, row: Row) -> None:
        self.row = row
        kind = row.get("type")
        self.kind = kind.upper() if isinstance(kind, str) else None
        self.counts = self.kind in COUNTED or ("type" not in row and row.keys() >= TYPELESS)

    def has(self, name: str) -> bool:
        """Is there such a field, even an empty one?"""
        return name in self.row or _underscored(name) in self.row

    def field(self, *names: str) -> str:
        """The first of some fields that is there, as the log writes it."""
        written = (spelt for name in names for spelt in (name, _underscored(name)) if spelt in self.row)
        return next(written, names[0])

    def get(self, *names: str) -> Any:
        """The first value under some names; ``None`` where all are missing or empty."""
        for name in names:
            for spelt in (name, _underscored(name)):
                value = self.row.get(spelt)
                if value is not None and value != "":
                    return value
        return None

    def mapping(self, name: str) -> Row | None:
        """An object, which may be written as a text; ``None`` where there is none."""
        value = parsed(self.get(name))
        return value if isinstance(value, dict) else None

    def said(self, started_at: datetime) -> Row:
        """What it says beside the counts, by our names; never a text of prompt or answer."""
        metadata, output = self.mapping("metadata") or {}, self._message
        inner = [parsed(place.get(name)) for place, name in ((metadata, "attributes"), (output, "response_metadata"))]
        places = [place for place in (metadata, output, *inner) if isinstance(place, dict)]
        requester = parsed(metadata.get("requester_metadata"))
        features = [place for place in (metadata, requester) if isinstance(place, dict)]
        limits = self.mapping("modelParameters") or {}
        said = {
            "message_id": _id(MESSAGE_ID, MESSAGE_IDS, [*places, {"id": self.row.get("id")}]),
            "request_id": _id(REQUEST_ID, REQUEST_IDS, places),
            "feature": _word(FEATURE, features) or self.get("promptName", "traceName", "name"),
            "user": self.get("userId") or _word(USER, [metadata]),
            "session": self.get("sessionId") or _word(SESSION, [metadata]),
            "tags": self._tags(),
            "latency_ms": self._elapsed(started_at, "endTime", "latency"),
            "time_to_first_token_ms": self._elapsed(started_at, "completionStartTime", "timeToFirstToken"),
            "max_tokens": _word(MAX_TOKENS, [limits]),
            "stream": limits.get("stream"),
            "stop_reason": output.get("stop_reason"),
            "cost": self._cost(),
        }
        return {name: value for name, value in said.items() if value is not None}

    def billing(self) -> Row:
        """What moves the price, where the output is the API's message."""
        output = self._message
        usage = output.get("usage")
        with suppress(Rejected):
            if is_message(output) and isinstance(usage, dict):
                return billing_fields(usage)._asdict()
        return {}

    @property
    def from_cache(self) -> bool:
        """Was it answered from LiteLLM's own cache, without a request to the API?"""
        return str((self.mapping("metadata") or {}).get("cache_hit")).lower() == "true"

    def error(self) -> str:
        """The type of the error, where the message is nothing but that."""
        message = self.get("statusMessage")
        if isinstance(message, str) and len(message) <= 60 and len(message.split()) == 1:
            return fields.text(message, "statusMessage") or "error"
        return "error"

    @cached_property
    def _message(self) -> Row:
        """The output, where it is the API's message or LangChain's; else it is the answer, and not looked at."""
        output = self.get("output")
        if isinstance(output, str):
            output = parsed(output) if '"msg_' in output else None
        if isinstance(output, dict) and (is_message(output) or "response_metadata" in output):
            return output
        return {}

    def _tags(self) -> dict[str, str]:
        tags = {name: self.get(name) for name in ("environment", "version", "release")}
        listed = parsed(self.get("tags", "traceTags"))
        for item in listed if isinstance(listed, list) else []:
            name, _, content = item.partition(":") if isinstance(item, str) else ("", "", "")
            tags.setdefault(name.strip(), content.strip() or "true")
        words = {}
        for name, content in tags.items():
            with suppress(Rejected):
                key, word = fields.text(name, "tags"), fields.text(content, "tags")
                words.update({key: word} if key and word else {})
        return words

    def _elapsed(self, started_at: datetime, until: str, told: str) -> Any:
        """Milliseconds from the start until a moment, else as told: in seconds, if the name does not say otherwise."""
        with suppress(Rejected):
            elapsed: float = (fields.time(self.get(until), until) - started_at) / MILLISECOND
            return elapsed if elapsed >= 0 else None
        seconds = self.get(told)
        in_seconds = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        return self.get(f"{told}Ms") if not in_seconds else seconds * 1000

    def _cost(self) -> Any:
        """The cost Langfuse has in dollars. Outside its details it writes 0 for an unknown one."""
        if (details := self.mapping("costDetails")) is not None:
            return details.get("total")
        cost = self.get("calculatedTotalCost", "totalCost") or (self.mapping("usage") or {}).get("totalCost")
        return cost or None


def parsed(value: object) -> object:
    """A value, or the object or list that is written in it as a text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.loads(without_halves(value))
    return value


@cache
def _underscored(name: str) -> str:
    return re.sub("([A-Z])", r"_\1", name).lower()


def _id(pattern: re.Pattern[str], names: tuple[str, ...], places: list[Row]) -> str | None:
    values = (place.get(name) for place in places for name in names)
    found = (pattern.fullmatch(value) for value in values if isinstance(value, str))
    return next((match[1] for match in found if match), None)


def _word(names: tuple[str, ...], places: list[Row]) -> str | int | None:
    values = (place.get(name) for place in places for name in names)
    return next((value for value in values if value and type(value) in (str, int)), None)
