"""One HTTP request of the SDK and what became of it, as a usage record."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from usage_recorder.answer import Answer, word
from usage_recorder.routes import Route
from usage_recorder.tags import FIELDS, Tags

MAX_TAGS = 100
# nothing was sent, so nothing can have been billed
UNSENT = frozenset((
    "ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol", "LocalProtocolError",
    "InvalidURL", "RuntimeError", "TypeError",
))  # fmt: skip


@dataclass(slots=True)
class Call:
    """A request under way."""

    route: Route
    tags: Tags
    entries: Mapping[str, Tags]
    body: bytes
    began: float = field(default_factory=time.time)
    clock: float = field(default_factory=time.perf_counter)
    status: int | None = None
    request_id: str | None = None
    latency_ms: int | None = None

    def over(self) -> None:
        """The last byte came, or none will."""
        self.latency_ms = self.since(time.perf_counter())

    def since(self, clock: float | None) -> int | None:
        """Milliseconds from sending to a moment of the clock."""
        return None if clock is None else max(0, round((clock - self.clock) * 1000))


def record_of(call: Call, request: Mapping[str, Any], answer: Answer, prefixes: list[dict[str, Any]]) -> dict[str, Any]:
    """The usage record of a request, without the fields that are not known."""
    asked = word(request.get("model")) or word(call.route.model)
    served = _served(call.route, answer.model)
    most = request.get("max_tokens")
    record: dict[str, Any] = {
        "time": written(call.began),
        "request_id": call.request_id,
        "message_id": answer.message_id,
        "model": served or asked or "unknown",
        "model_requested": asked,
        "provider": call.route.provider,
        "region": call.route.region,
        **about(call.tags),
        **_metered(answer),
        "max_tokens": most if type(most) is int and most >= 0 else None,
        "stream": call.route.streams or request.get("stream") is True,
        "latency_ms": call.latency_ms,
        "time_to_first_token_ms": call.since(answer.first_token),
        "status": call.status,
        "prefixes": prefixes or None,
    }
    if answer.error is None and not answer.ended:
        record["stream"] = True  # how the format says that an answer did not come whole, so its cost is not known
    return known(record)


def _served(route: Route, model: str | None) -> str | None:
    """The model that answered. On Bedrock the id asked for, which names the inference profile and with it the price."""
    if route.provider == "bedrock" and route.model is not None and "anthropic." in route.model:
        return word(route.model) or model
    return model


def _metered(answer: Answer) -> dict[str, Any]:
    """The counts of an answer, if they can be read, and how it ended."""
    usage = answer.usage if type(answer.usage.get("input_tokens")) is int else None
    return {
        "usage": usage,
        "stop_reason": answer.stop_reason,
        "stop_details": answer.stop_details,
        "error": answer.error,
    }


def about(tags: Tags) -> dict[str, Any]:
    """Whom and what a request is for, in the format's fields."""
    other = [(name, value) for name, value in tags.items() if name not in FIELDS]
    return {**{name: tags.get(name) for name in FIELDS}, "tags": dict(other[:MAX_TAGS]) or None}


def written(moment: float) -> str:
    """A time in the format's notation."""
    second, thousandths = divmod(int(moment * 1000), 1000)
    return f"{_second(second)}.{thousandths:03d}Z"


@lru_cache(maxsize=16)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def known(record: dict[str, Any]) -> dict[str, Any]:
    """Without what is not known; a record that the API gave no id gets one, so that equal ones do not count once."""
    if record.get("message_id") is None and record.get("request_id") is None:
        record["request_id"] = f"local_{secrets.token_hex(12)}"
    return {name: value for name, value in record.items() if value is not None}


def unsent(error: BaseException) -> str | None:
    """The type of an error before anything was sent; ``None`` if the API may have answered all the same."""
    name = type(error).__name__
    return name if name in UNSENT else None
