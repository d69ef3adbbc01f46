"""One set of the API's token counts, of a usage object or of one of its iterations, to one billed part."""

from __future__ import annotations

from collections.abc import Mapping

from ingest import fields
from ingest.record import MAX_TOKENS, Part, Rejected

JsonObject = Mapping[str, object]

VERBATIM = "Log the API's usage object unchanged."


def part_of(usage: JsonObject, *, model: str | None, path: str, kind: str = "message") -> Part:
    """One part from one set of counts; ``path`` is where they stand in the log. A missing output is unknown."""
    get = usage.get
    uncached = get("input_tokens")
    if type(uncached) is not int or not 0 <= uncached <= MAX_TOKENS:
        uncached = fields.tokens(uncached, f"{path}.input_tokens")
    output = get("output_tokens")
    if output is not None and (type(output) is not int or not 0 <= output <= MAX_TOKENS):
        output = fields.tokens(output, f"{path}.output_tokens")
    read = get("cache_read_input_tokens")
    if read is None:
        read = 0
    elif type(read) is not int or not 0 <= read <= MAX_TOKENS:
        read = fields.tokens(read, f"{path}.cache_read_input_tokens")
    write_5m, write_1h = _cache_writes(usage, path)
    return Part(
        model,
        uncached,
        output,
        read,
        write_5m,
        write_1h,
        _thinking(get("output_tokens_details"), output, path),
        _web_searches(get("server_tool_use"), path),
        kind,
    )


def _cache_writes(usage: JsonObject, path: str) -> tuple[int, int]:
    """Tokens written for 5 minutes and for 1 hour; without a split all are 5-minute writes."""
    whole = usage.get("cache_creation_input_tokens")
    if whole is not None and (type(whole) is not int or not 0 <= whole <= MAX_TOKENS):
        whole = fields.tokens(whole, f"{path}.cache_creation_input_tokens")
    split = usage.get("cache_creation")
    if split is None:
        return whole or 0, 0
    at = f"{path}.cache_creation"
    if not isinstance(split, dict):
        raise Rejected(field=at, found=split, reason="not an object", advice=VERBATIM)
    write_5m = _optional(split.get("ephemeral_5m_input_tokens"), f"{at}.ephemeral_5m_input_tokens")
    write_1h = _optional(split.get("ephemeral_1h_input_tokens"), f"{at}.ephemeral_1h_input_tokens")
    if whole is None:
        return write_5m or 0, write_1h or 0
    if write_5m is None:
        write_5m = whole - (write_1h or 0)
    if write_1h is None:
        write_1h = whole - write_5m
    if write_5m < 0 or write_1h < 0 or write_5m + write_1h != whole:
        larger = write_5m < 0 or write_1h < 0 or write_5m + write_1h > whole
        raise Rejected(
            field=at,
            found=f"{_shown(split)} of {whole}",
            reason=f"cache parts {'larger' if larger else 'smaller'} than their whole, cache_creation_input_tokens",
            advice=VERBATIM,
        )
    return write_5m, write_1h


def _shown(split: JsonObject) -> str:
    parts = (split.get("ephemeral_5m_input_tokens"), split.get("ephemeral_1h_input_tokens"))
    return " + ".join("nothing" if part is None else f"{part}" for part in parts)


def _optional(value: object, field: str) -> int | None:
    return None if value is None else fields.tokens(value, field)


def _thinking(details: object, output: int | None, path: str) -> int | None:
    if details is None:
        return None
    if not isinstance(details, dict):
        raise Rejected(field=f"{path}.output_tokens_details", found=details, reason="not an object", advice=VERBATIM)
    field = f"{path}.output_tokens_details.thinking_tokens"
    thinking = _optional(details.get("thinking_tokens"), field)
    if thinking is not None and output is not None and thinking > output:
        reason = "more thinking tokens than output tokens, of which they are a part"
        raise Rejected(field=field, found=f"{thinking} of {output}", reason=reason, advice=VERBATIM)
    return thinking


def _web_searches(tools: object, path: str) -> int:
    if tools is None:
        return 0
    if not isinstance(tools, dict):
        raise Rejected(field=f"{path}.server_tool_use", found=tools, reason="not an object", advice=VERBATIM)
    searches = tools.get("web_search_requests")
    field = f"{path}.server_tool_use.web_search_requests"
    return 0 if searches is None else fields.tokens(searches, field, of="web search")
