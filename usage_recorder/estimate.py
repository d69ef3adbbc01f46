"""What a request costs before it is sent: its tokens counted by the API, for free, and priced with their worst case."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Mapping
from datetime import datetime
from decimal import Decimal
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, overload

from usage_recorder.bound import Conditions, Estimate, bound, dollars, given
from usage_recorder.catalogue import Catalogue
from usage_recorder.routes import platform_of

if TYPE_CHECKING:
    from anthropic import (
        Anthropic,
        AnthropicBedrock,
        AnthropicVertex,
        AsyncAnthropic,
        AsyncAnthropicBedrock,
        AsyncAnthropicVertex,
    )

    Client = Anthropic | AnthropicBedrock | AnthropicVertex
    AsyncClient = AsyncAnthropic | AsyncAnthropicBedrock | AsyncAnthropicVertex

__all__ = ["Estimate", "estimate", "input_tokens_within"]

# What the two kinds of count_tokens take of a request.
COUNTED = {
    *("messages", "model", "cache_control", "output_config", "output_format", "speed", "system", "thinking"),
    *("tool_choice", "tools", "user_profile_id", "workspace_id"),
    *("extra_headers", "extra_query", "extra_body", "timeout"),
}
COUNTED_BETA = (COUNTED - {"output_format"}) | {
    *("betas", "billing_policy", "compaction", "context_management", "mcp_servers"),
}
ONLY_BETA = {
    *("betas", "billing_policy", "compaction", "context_management", "fallback_credit_token", "fallbacks"),
    *("mcp_servers", "thread"),
}
_MOST = 10**8  # no prompt is longer


@overload
def estimate(client: Client, **request: Any) -> Estimate: ...
@overload
def estimate(client: AsyncClient, **request: Any) -> Coroutine[Any, Any, Estimate]: ...
def estimate(
    client: Client | AsyncClient,
    *,
    when: datetime | None = None,
    batch: bool = False,
    likely_output_tokens: int | None = None,
    prices: Catalogue | None = None,
    **request: Any,
) -> Estimate | Coroutine[Any, Any, Estimate]:
    """The estimate of ``client.messages.create(**request)``; of an async client it is awaited.

    ``when``: UTC, now unless told. ``batch``: sent as part of a batch. ``prices``: other than Anthropic's list.
    Nothing is generated and nothing billed. Raises the SDK's errors where counting fails, ValueError for a request
    without model or max_tokens.
    """
    asked = {name: _kept(value) for name, value in request.items()}
    under = Conditions(when, batch, region_of(client), likely_output_tokens, prices)
    bound(asked, 0, under)  # a request without a bound is refused before it is counted
    counted = count(client, asked)
    if isawaitable(counted):
        return _awaited(counted, asked, under)
    return bound(asked, counted.input_tokens, under)


def count(client: Any, request: Mapping[str, Any]) -> Any:
    """What count_tokens answers on what the request sends; of an async client it is awaited."""
    beta = any(given(request, name) is not None for name in ONLY_BETA)
    taken = COUNTED_BETA if beta else COUNTED
    messages = client.beta.messages if beta else client.messages
    return messages.count_tokens(**{name: value for name, value in request.items() if name in taken})


def region_of(client: object) -> str | None:
    """The region that prices a client's requests; on Bedrock the model's id says it."""
    platform = platform_of(client)
    return platform.region if platform.provider == "vertex" else None


def input_tokens_within(
    usd: Decimal | str | int | float,
    *,
    model: str,
    max_tokens: int,
    under: Conditions | None = None,
    **request: Any,
) -> int | None:
    """The longest prompt, in tokens, whose worst case is at most ``usd``; 0: none, None: the price is unknown."""
    limit, asked = dollars(usd), {**request, "model": model, "max_tokens": max_tokens}

    def within(tokens: int) -> bool | None:
        worst = bound(asked, tokens, under).max_usd
        return None if worst is None else worst <= limit

    if not within(1):
        return None if within(1) is None else 0
    low, high = 1, _MOST
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if within(middle) else (low, middle - 1)
    return low


async def _awaited(counted: Awaitable[Any], request: Mapping[str, Any], under: Conditions) -> Estimate:
    return bound(request, (await counted).input_tokens, under)


def _kept(value: Any) -> Any:
    """A parameter that can be read more than once."""
    return list(value) if hasattr(value, "__next__") else value
