"""What a log line becomes: a usage record with its billed parts, or a reason why it is not one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

# No request holds a hundred million tokens of one class; a larger count is a broken counter.
MAX_TOKENS = 100_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens billed at one model: the request itself, or an advisor, compaction or fallback iteration of it.

    The token classes are disjoint. ``None`` is unknown, never zero; ``reasoning_tokens`` are inside ``output_tokens``.
    """

    model: str | None  # None only where a failed request does not say which model refused it
    uncached_input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int | None = None
    web_search_requests: int = 0
    kind: str = "message"


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """One request to the API, as metered. Times are UTC without a zone; no prompt or answer text.

    ``log_id`` is the log's own name for the row, unique among all logs ("span:<trace>/<span>"): what the request is
    known by where the message's id is not logged.
    """

    parts: tuple[Part, ...]
    started_at: datetime | None = None
    message_id: str | None = None
    request_id: str | None = None
    provider: str | None = None
    region: str | None = None
    feature: str | None = None
    user: str | None = None
    session: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    stop_reason: str | None = None
    stop_category: str | None = None
    max_tokens: int | None = None
    stream: bool | None = None
    latency_ms: int | None = None
    time_to_first_token_ms: int | None = None
    status: int | None = None
    error: str | None = None
    recorded_cost_picos: int | None = None
    prefixes: str | None = None
    log_id: str | None = None


class Rejected(ValueError):
    """A line that should have been a usage record and cannot be one.

    ``field`` names the field in the log's own words, ``found`` what stood there (shortened; never prompt or answer
    text), ``reason`` what is wrong with it and ``advice`` what to do.
    """

    def __init__(self, *, field: str | None, found: object, reason: str, advice: str) -> None:
        self.field = None if field is None else shown(field)
        self.found = shortened(found)
        self.reason = reason
        self.advice = advice
        super().__init__(f"{field or 'line'}: {reason} (found {self.found}). {advice}")


def shortened(found: object, limit: int = 60) -> str:
    """A value as it may be shown in an error: scalars at most ``limit`` characters, containers by their kind alone."""
    if isinstance(found, dict):
        return "an object"
    if isinstance(found, list):
        return "a list"
    if found is None:
        return "nothing"
    text = found if isinstance(found, str) else repr(found)
    text = shown(" ".join(text[: limit * 8].split())) or "an empty text"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shown(text: str) -> str:
    """A text without what a terminal, or a reader, could be misled by: control characters, marks that turn it round."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "�" for char in text)
