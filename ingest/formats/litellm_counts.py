"""The token counts of a LiteLLM row, made disjoint: cache reads and writes are taken out of the prompt they are in."""

from __future__ import annotations

from dataclasses import replace

from ingest import fields
from ingest.api_counts import part_of
from ingest.api_usage import KINDS, MAX_ITERATIONS
from ingest.formats.litellm_fields import object_in
from ingest.formats.names import Row
from ingest.formats.reading import Counted
from ingest.formats.row_counts import REASONING
from ingest.record import Part

NO_COUNTS = "the log counts no prompt tokens for a call that went well; they are unknown"
NO_CACHE = "the log does not say how much of the prompt was cached; all of it was taken as uncached"
NOT_INSIDE = (
    "the cached tokens do not fit into the prompt tokens that should hold them; the input is unknown and unpriced"
)
NOT_SPLIT = "5-minute and 1-hour cache writes do not add up to all cache writes; the input is unknown and unpriced"


def parts_of_call(
    row: Row, usage: Row, *, model: str | None, path: str, failed: bool, findings: Counted
) -> tuple[Part, ...]:
    """The billed parts of a call: one, or one for each of the API's iterations, which LiteLLM adds up.

    ``usage`` is LiteLLM's usage object and ``path`` its place. No call that went well has a prompt of zero tokens: that
    is unknown. Raises ``Rejected`` for counts that cannot be.
    """
    prompt, output = _count(row, "prompt_tokens", ""), _count(row, "completion_tokens", "")
    if not prompt and not failed:
        findings.add(NO_COUNTS)
        return (Part(model, None, output or None),)
    if not prompt and not output:
        return (Part(model, 0, 0),)
    iterated = _iterated(usage, model, f"{path}.iterations", (prompt, output)) if model else None
    return iterated or (_part(row, usage, model, path, (prompt or 0, output), findings),)


def _part(
    row: Row, usage: Row, model: str | None, path: str, totals: tuple[int, int | None], findings: Counted
) -> Part:
    prompt, output = totals
    read, write = _cached(usage, path)
    if read is None and write is None:
        findings.add(NO_CACHE)
    read, write = read or 0, write or 0
    uncached: int | None = prompt - read - write
    if read + write and _contradicted(row, usage, prompt, output, uncached=prompt - read - write):
        findings.add(NOT_INSIDE)
        uncached = None
    split = _split(usage, path, write)
    if split is None:
        findings.add(NOT_SPLIT)
        uncached, split = None, (write, 0)
    said = object_in(usage, "completion_tokens_details")
    reasoning = _count(said, "reasoning_tokens", f"{path}.completion_tokens_details.")
    if reasoning is not None and output is not None and reasoning > output:
        findings.add(REASONING)
        reasoning = None
    return Part(model, uncached, output, read, *split, reasoning, _searches(usage, path))


def _cached(usage: Row, path: str) -> tuple[int | None, int | None]:
    """Tokens read from the cache and written to it; ``None`` is not logged."""
    details, at = object_in(usage, "prompt_tokens_details"), f"{path}.prompt_tokens_details"
    read = _first((usage, path, "cache_read_input_tokens"), (details, at, "cached_tokens"))
    write = _first(
        (usage, path, "cache_creation_input_tokens"),
        (details, at, "cache_creation_tokens"),
        (details, at, "cache_write_tokens"),
    )
    return read, write


def _contradicted(row: Row, usage: Row, prompt: int, output: int | None, *, uncached: int) -> bool:
    """Does another count of the row say that what is cached is not, or not all, inside the prompt?"""
    text, total = object_in(usage, "prompt_tokens_details").get("text_tokens"), _count(row, "total_tokens", "")
    more_text = type(text) is int and text > uncached
    return uncached < 0 or more_text or bool(total and output is not None and total != prompt + output)


def _split(usage: Row, path: str, write: int) -> tuple[int, int] | None:
    """Tokens written for 5 minutes and for 1 hour, without a split all for 5 minutes; ``None``: it does not add up."""
    at = f"{path}.prompt_tokens_details.cache_creation_token_details."
    said = object_in(object_in(usage, "prompt_tokens_details"), "cache_creation_token_details")
    if not said:
        said, at = object_in(usage, "cache_creation"), f"{path}.cache_creation."
    write_5m = _count(said, "ephemeral_5m_input_tokens", at)
    write_1h = _count(said, "ephemeral_1h_input_tokens", at)
    if write_5m is None:
        write_5m = write - (write_1h or 0)
    if write_1h is None:
        write_1h = write - write_5m
    return (write_5m, write_1h) if write_5m + write_1h == write and min(write_5m, write_1h) >= 0 else None


def _iterated(usage: Row, model: str, path: str, totals: tuple[int | None, int | None]) -> tuple[Part, ...] | None:
    """The API's iterations, each billed at its own model; ``None`` where they are not what LiteLLM added up."""
    entries = usage.get("iterations")
    if not isinstance(entries, list) or not 2 <= len(entries) <= MAX_ITERATIONS:
        return None
    own = model.rpartition("/")[2]
    parts = []
    for number, entry in enumerate(entries):
        kind = KINDS.get(str(entry.get("type"))) if isinstance(entry, dict) else None
        if kind is None:
            return None
        name = fields.text(entry.get("model"), f"{path}[{number}].model") or own
        parts.append(part_of(entry, model=name, path=f"{path}[{number}]", kind=kind))
    if (sum(map(_prompt, parts)), sum(part.output_tokens or 0 for part in parts)) != totals:
        return None
    served = next((part.model for part in reversed(parts) if part.kind == "fallback_message"), own)
    serving = [p for p in parts if p.model == served and p.kind in ("message", "fallback_message")]
    others = [_attempt(part) for part in parts if part not in serving]
    named = [replace(p, kind="message", model=model if p.model == own else p.model) for p in serving]
    if not named:
        return None
    return (replace(named[0], web_search_requests=_searches(usage, path)), *named[1:], *others)


def _attempt(part: Part) -> Part:
    """A message of another model is an attempt before the fallback; advisors and compactions are what they are."""
    if part.kind in ("advisor", "compaction"):
        return part
    return replace(part, kind="fallback" if part.output_tokens else "declined")


def _prompt(part: Part) -> int:
    written = part.cache_write_5m_tokens + part.cache_write_1h_tokens
    return (part.uncached_input_tokens or 0) + part.cache_read_tokens + written


def _searches(usage: Row, path: str) -> int:
    tools, details = object_in(usage, "server_tool_use"), object_in(usage, "prompt_tokens_details")
    name = "web_search_requests"
    return _first((tools, f"{path}.server_tool_use", name), (details, f"{path}.prompt_tokens_details", name)) or 0


def _first(*places: tuple[Row, str, str]) -> int | None:
    """The first count that is there."""
    return next((n for row, at, name in places if (n := _count(row, name, f"{at}.")) is not None), None)


def _count(row: Row, name: str, at: str) -> int | None:
    value = row.get(name)
    return None if value is None or value == "" else fields.tokens(value, f"{at}{name}", digits=True)
