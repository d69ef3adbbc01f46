"""The columns of a fact: what was metered, as it was. The others of `usage` are derived from these and from prices."""

from __future__ import annotations

# fmt: off
FACTS = (
    "request_key", "key_kind", "part", "part_kind", "parts", "file_id", "line", "started_at", "request_id", "provider",
    "region", "model_logged", "feature", "user_id", "session_id", "tags", "service_tier", "speed", "inference_geo",
    "uncached_input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens", "web_search_requests", "stop_reason", "stop_category", "max_tokens", "stream", "latency_ms",
    "time_to_first_token_ms", "status", "error", "recorded_cost_picos", "prefixes",
)
# fmt: on


def facts(where: str = "true", *, source: str = "usage") -> str:
    """The facts of rows of ``source`` that meet a condition, as a relation: what the cost formula takes."""
    return f"(SELECT {', '.join(FACTS)} FROM {source} WHERE {where})"
