"""The token counts of a home-made row, made disjoint: what is cached is taken out of the input it is counted in."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ingest import fields
from ingest.formats.beside import Beside
from ingest.formats.counters import Survey
from ingest.formats.names import Path, Row, normal, value_at
from ingest.formats.reading import Counted
from ingest.record import MAX_TOKENS, Part, Rejected

COUNTS = ("uncached_input_tokens", "prompt_tokens", "input_tokens", "output_tokens")
API_KEYS = frozenset(
    {
        "cache_creation",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "iterations",
        "server_tool_use",
        "service_tier",
    }
)
INSIDE = "prompt tokens were taken to include the cached ones beside them"
OUTSIDE = "prompt tokens were taken to exclude the cached ones beside them, which are more in many rows"
REASONING = "more reasoning tokens than output tokens; the reasoning tokens were left out"
ADVICE = "Log the counts of the API's usage object, or say where they are with --map output_tokens=NAME."


class Logged(NamedTuple):
    """Counts as logged: the input with or without what is cached, and ``None`` for what is not there."""

    given: int | None
    output: int | None
    read: int
    write_5m: int
    write_1h: int

    @property
    def cached(self) -> int:
        """Cache reads and writes together."""
        return self.read + self.write_5m + self.write_1h


def has_counts(row: Beside) -> bool:
    """Is an input or output count among the row's fields?"""
    return not row.places.keys().isdisjoint(COUNTS)


def logged(row: Beside) -> Logged:
    """The row's counts. Raises ``Rejected`` for one that cannot be."""
    places = row.places
    given = next((count(row, ours) for ours in COUNTS[:3] if ours in places), None)
    read = count(row, "cache_read_tokens") or 0
    return Logged(given, count(row, "output_tokens"), read, *_writes(row))


def count(row: Beside, ours: str, *, of: str = "token") -> int | None:
    """One count, as a number or digits; ``None`` if it is not there."""
    value = row.values.get(ours)
    if type(value) is int and 0 <= value <= MAX_TOKENS:
        return value
    return None if value is None or value == "" else fields.tokens(value, row.field(ours), digits=True, of=of)


def api_usage(row: Beside) -> tuple[Row, str] | None:
    """The API's own usage object and its place, if that is where the counts stand."""
    path = row.places.get("input_tokens")
    if path is None or len(path) < 2 or path[-1] != "input_tokens":
        return None
    usage = value_at(row.row, path[:-1])
    if API_KEYS.isdisjoint(usage) or "input_tokens_details" in usage or usage["input_tokens"] is None:
        return None
    return usage, ".".join(path[:-1])


def part_of_row(row: Beside, model: str, *, failed: bool, survey: Survey, findings: Counted) -> Part:
    """The row's part. A failed request without counts has none; a stream's missing ones are unknown."""
    counts = logged(row)
    if counts.given is None and counts.output is None:
        return _part_without_counts(row, model, failed)
    if counts.given is None:
        raise Rejected(field=row.field("input_tokens"), found=None, reason="no input token count", advice=ADVICE)
    output = counts.output
    if output is None and failed:
        output = 0
    elif output is None and row.get("stream") is not True:
        raise Rejected(field=row.field("output_tokens"), found=None, reason="no output token count", advice=ADVICE)
    uncached = counts.given
    if counts.cached and _includes_cache(row, counts, survey, findings):
        uncached -= counts.cached
    if uncached < 0:
        reason, found = "cache parts larger than their whole, the prompt", f"{counts.cached} of {counts.given}"
        raise Rejected(field=row.field("cache_read_tokens"), found=found, reason=reason, advice=ADVICE)
    reasoning = count(row, "reasoning_tokens")
    if reasoning is not None and output is not None and reasoning > output:
        findings.add(REASONING)
        reasoning = None
    searches = count(row, "web_search_requests", of="web search") or 0
    return Part(model, uncached, output, counts.read, counts.write_5m, counts.write_1h, reasoning, searches)


def _includes_cache(row: Beside, counts: Logged, survey: Survey, findings: Counted) -> bool:
    """Are the cached tokens inside the input count?"""
    places = row.places
    if "uncached_input_tokens" in places or "prompt_tokens" in places:
        return "prompt_tokens" in places
    cached = places.get("cache_read_tokens") or places.get("cache_write_tokens")
    meaning = meaning_of(places["input_tokens"], cached)
    if meaning == "outside":
        return False
    if meaning == "inside":
        if survey.more_cached_than_input * 2 > survey.cached_rows:
            findings.add(OUTSIDE)
            return False
        return True
    together = (counts.given or 0) + (counts.output or 0) + counts.cached
    if survey.more_cached_than_input or counts.cached > (counts.given or 0) or count(row, "total_tokens") == together:
        return False
    findings.add(INSIDE)
    return True


@lru_cache(maxsize=256)
def meaning_of(given: Path, cached: Path | None) -> str:
    """Are cached tokens "inside" or "outside" the input count, by the names of the two? Else "unclear"."""
    if cached is None:
        return "outside"
    if any(normal(key) in ("prompttokensdetails", "inputtokensdetails") for key in cached[:-1]):
        return "inside"
    if "prompt" not in normal(given[-1]):
        return "outside"
    return "inside" if normal(cached[-1]) in ("cachedtokens", "cachedinputtokens", "tokenscached") else "unclear"


WRITES = ("cache_write_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")


def _writes(row: Beside) -> tuple[int, int]:
    """Tokens written for 5 minutes and for 1 hour; what neither says is a 5-minute write."""
    if row.places.keys().isdisjoint(WRITES):
        return 0, 0
    whole = count(row, "cache_write_tokens")
    write_5m, write_1h = count(row, "cache_write_5m_tokens") or 0, count(row, "cache_write_1h_tokens") or 0
    parts = write_5m + write_1h
    if whole and parts > whole:
        reason = "cache parts larger than their whole"
        raise Rejected(field=row.field("cache_write_tokens"), found=f"{parts} of {whole}", reason=reason, advice=ADVICE)
    return write_5m + max((whole or 0) - parts, 0), write_1h


def _part_without_counts(row: Beside, model: str, failed: bool) -> Part:
    if failed:
        return Part(model, 0, 0)
    stream = row.get("stream")
    if stream is True or (stream is None and any(row.row.get(name, "") is None for name in ("usage", "token_usage"))):
        return Part(model, None, None)
    raise Rejected(field="usage", found=None, reason="no token counts, and no error either", advice=ADVICE)
