"""What an answer of the API says of itself: ids, model, counts, why it stopped. Never a word of its content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from usage_recorder.json_text import parsed_object

WORD = re.compile(r"[A-Za-z0-9_.:@/+-]{1,200}")
ERROR = re.compile(r"[A-Za-z0-9_.-]{1,60}")
OF_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
MAX_TOKENS = 100_000_000
WRITES = "cache_creation_input_tokens"


@dataclass(slots=True)
class Answer:
    """One answer, as far as it came; without ``ended`` it was cut off."""

    message_id: str | None = None
    model: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    stop_reason: str | None = None
    stop_details: dict[str, str] | None = None
    error: str | None = None
    ended: bool = False
    first_token: float | None = None

    def take(self, message: Mapping[str, Any]) -> None:
        """What a message says."""
        self.message_id = word(message.get("id"))
        self.model = word(message.get("model"))
        usage = message.get("usage")
        self.usage = counted(usage) if isinstance(usage, dict) else {}
        self.stopped(message)

    def stopped(self, message: Mapping[str, Any]) -> None:
        """Why a message stopped, without the explanation."""
        self.stop_reason = word(message.get("stop_reason")) or self.stop_reason
        details = message.get("stop_details")
        if isinstance(details, dict):
            told = {name: word(details.get(name)) for name in ("type", "category")}
            self.stop_details = {name: text for name, text in told.items() if text} or None

    def counts_are_whole(self) -> bool:
        """Has the usage what a complete answer's has?"""
        return is_count(self.usage.get("input_tokens")) and is_count(self.usage.get("output_tokens"))


def word(value: object) -> str | None:
    """A name or an id; anything that could be a sentence is none."""
    return value if isinstance(value, str) and WORD.fullmatch(value) else None


def is_count(value: object) -> bool:
    """A number of tokens that can be."""
    return type(value) is int and 0 <= value <= MAX_TOKENS


def counted(usage: Mapping[str, Any]) -> dict[str, Any]:
    """The usage as it is, save for texts that are not single words, which no usage has."""
    return {name: _counted(value) for name, value in usage.items() if word(name)}


def _counted(value: object) -> object:
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, dict):
        return {name: _counted(held) for name, held in value.items() if word(name)}
    if isinstance(value, list):
        return [_counted(held) for held in value]
    return value if value == "" else word(value)


def overlaid(usage: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Usage with a later event's running totals over it. Cache writes may grow without their split, which follows."""
    over = {**usage, **{name: value for name, value in counted(later).items() if value is not None}}
    split, whole = over.get("cache_creation"), over.get(WRITES)
    if not isinstance(split, dict) or type(whole) is not int or later.get("cache_creation") is not None:
        return over
    long, short = (split.get(f"ephemeral_{ttl}_input_tokens") or 0 for ttl in ("1h", "5m"))
    if type(long) is int and type(short) is int and long + short != whole:
        long = min(long, whole) if short else whole if long else 0
        over["cache_creation"] = {"ephemeral_5m_input_tokens": whole - long, "ephemeral_1h_input_tokens": long}
    return over


def answer_of(body: bytes) -> Answer:
    """A message in one piece."""
    answer = Answer()
    message = parsed_object(body)
    if message is not None:
        answer.take(message)
        answer.ended = answer.counts_are_whole()
    return answer


def refusal_of(body: bytes, status: int) -> Answer:
    """An answer that is an error: its type is the API's own word, else that of its status."""
    return Answer(error=error_in(parsed_object(body) or {}) or OF_STATUS.get(status) or f"http_{status}")


def error_in(value: Mapping[str, Any]) -> str | None:
    """The type in an error object, never its message."""
    error = value.get("error")
    kind = error.get("type") if isinstance(error, dict) else None
    return kind if isinstance(kind, str) and ERROR.fullmatch(kind) else None
