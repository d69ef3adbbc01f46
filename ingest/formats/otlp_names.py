"""The names OTLP telemetry uses for our fields, every generation of them, newest first."""

from __future__ import annotations

from typing import Any

# our field -> the name it was found by, and its value
Found = dict[str, tuple[str, Any]]

NAMES: dict[str, tuple[str, ...]] = {
    # ── token counts
    "input": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.usage.prompt_tokens",
        "llm.token_count.prompt",
    ),
    "output": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.cached_input_tokens",
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.input_tokens.cache_read",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cache_read_input_tokens",
        "llm.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "ai.usage.inputTokenDetails.cacheReadTokens",
        "ai.usage.cachedInputTokens",
    ),
    "cache_write": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.input_tokens.cache_write",
        "gen_ai.usage.details.cache_write_tokens",
        "gen_ai.usage.details.cache_creation_input_tokens",
        "llm.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
    ),
    "cache_write_5m": ("anthropic.usage.cache_creation.ephemeral_5m_input_tokens",),
    "cache_write_1h": ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",),
    "uncached": ("ai.usage.inputTokenDetails.noCacheTokens",),
    "total": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total", "ai.usage.totalTokens"),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "gen_ai.usage.details.thinking_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    "compaction_input": ("anthropic.usage.compaction.input_tokens",),
    "compaction_output": ("anthropic.usage.compaction.output_tokens",),
    # the API's own usage object as JSON text; in the second one deep inside
    "raw_usage": ("gen_ai.usage.raw",),
    "provider_metadata": ("ai.response.providerMetadata",),
    # what Claude Code calls its counts, on spans and events alike
    "code_input": ("input_tokens",),
    "code_output": ("output_tokens",),
    "code_cache_read": ("cache_read_tokens",),
    "code_cache_write": ("cache_creation_tokens",),
    # ── the request
    "operation": ("gen_ai.operation.name", "llm.request.type"),
    "kind": ("openinference.span.kind",),
    "span_type": ("logfire.span_type",),
    "model": (
        "gen_ai.response.model",
        "llm.response.model_name",
        "gen_ai.request.model",
        "llm.request.model_name",
        "llm.model_name",
        "model",
    ),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"),
    "response_id": ("gen_ai.response.id",),
    "request_id": ("anthropic.request.id", "request_id", "aws.request_id"),
    "client_request_id": ("client_request_id",),
    "stop_reason": ("anthropic.message.stop_reason", "stop_reason"),
    "finish_reasons": ("gen_ai.response.finish_reasons", "gen_ai.response.stop_reason", "llm.finish_reason"),
    "max_tokens": ("gen_ai.request.max_tokens",),
    "stream": ("gen_ai.request.stream", "gen_ai.is_streaming", "gen_ai.request.is_stream", "llm.is_streaming"),
    "tier": ("anthropic.response.service_tier",),
    "speed": ("speed",),
    "status": ("http.response.status_code", "http.status_code", "status_code"),
    "error_type": ("error.type",),
    "error": ("error",),
    "success": ("success",),
    "duration_ms": ("duration_ms",),
    "first_token_s": ("gen_ai.response.time_to_first_chunk", "gen_ai.server.ttft"),
    "first_token_ms": ("ttft_ms", "ai.response.msToFirstChunk"),
    "cost": ("operation.cost", "gen_ai.usage.cost", "llm.cost.total", "cost_usd"),
    "cost_micros": ("cost_usd_micros",),
    "server": ("server.address", "net.peer.name"),
    "cloud_region": ("cloud.region", "aws.region"),
    # ── who asked, and what for
    "feature": (
        "spendglass.feature",
        "feature",
        "feature.name",
        "app.feature",
        "traceloop.association.properties.feature",
        "ai.telemetry.functionId",
        "traceloop.workflow.name",
        "gen_ai.workflow.name",
        "project",
        "project.name",
    ),
    "service": ("service.name",),
    "user": (
        "spendglass.user",
        "user.id",
        "enduser.id",
        "traceloop.association.properties.user_id",
        "langfuse.user.id",
    ),
    "email": ("user.email",),
    "session": (
        "gen_ai.conversation.id",
        "session.id",
        "anthropic.session.id",
        "traceloop.association.properties.session_id",
        "langfuse.session.id",
    ),
    "tag:query_source": ("query_source", "query_source_safe"),
    "tag:agent": ("gen_ai.agent.name", "agent.name"),
    "tag:skill": ("skill.name",),
    "tag:effort": ("effort", "gen_ai.request.reasoning.level"),
    "tag:environment": ("deployment.environment.name", "deployment.environment"),
    "tag:version": ("app.version",),
    # ── the event
    "event": ("event.name",),
    "event_time": ("event.timestamp",),
    "event_number": ("event.sequence",),
}
TAGS = tuple(ours for ours in NAMES if ours.startswith("tag:"))

# their name -> our field, and its rank among the names for it
INDEX = {name: (ours, rank) for ours, names in NAMES.items() for rank, name in enumerate(names)}


def take(found: Found, name: str, value: Any) -> None:
    """Keeps the value of an attribute we look for, unless a better name for the same was found."""
    ours, rank = INDEX[name]
    held = found.get(ours)
    if value is not None and value != "" and (held is None or rank < INDEX[held[0]][1]):
        found[ours] = name, value


def named(found: Found, ours: str) -> tuple[str, Any]:
    """The name a field was found by and its value; its newest name and ``None`` if it was not."""
    return found.get(ours) or (NAMES[ours][0], None)


def value_of(found: Found, ours: str) -> Any:
    """A field's value, ``None`` if it was not found."""
    held = found.get(ours)
    return None if held is None else held[1]
