"""The columns of a fact: what was metered, as it was. The others of `usage` are derived from these and from prices."""

from __future__ import annotations

# column -> its type
FACTS = {
    "request_key": "VARCHAR",
    "key_kind": "ENUM('message', 'request', 'log', 'line')",
    "part": "SMALLINT",
    "part_kind": "ENUM('message', 'advisor', 'compaction', 'fallback', 'declined')",
    "parts": "SMALLINT",
    "file_id": "INTEGER",
    "line": "BIGINT",
    "started_at": "TIMESTAMP",
    **dict.fromkeys(
        ("request_id", "provider", "region", "model_logged", "feature", "user_id", "session_id"), "VARCHAR"
    ),
    **dict.fromkeys(("tags", "service_tier", "speed", "inference_geo"), "VARCHAR"),
    **dict.fromkeys(("uncached_input_tokens", "cache_read_tokens"), "BIGINT"),
    **dict.fromkeys(("cache_write_5m_tokens", "cache_write_1h_tokens"), "BIGINT"),
    **dict.fromkeys(("output_tokens", "reasoning_tokens", "web_search_requests"), "BIGINT"),
    **dict.fromkeys(("stop_reason", "stop_category"), "VARCHAR"),
    "max_tokens": "BIGINT",
    "stream": "BOOLEAN",
    **dict.fromkeys(("latency_ms", "time_to_first_token_ms"), "BIGINT"),
    "status": "SMALLINT",
    "error": "VARCHAR",
    "recorded_cost_picos": "BIGINT",
    "prefixes": "VARCHAR",
}


def facts(where: str = "true", *, source: str = "usage") -> str:
    """The facts of rows of ``source`` that meet a condition, as a relation: what the cost formula takes."""
    return f"(SELECT {', '.join(FACTS)} FROM {source} WHERE {where})"
