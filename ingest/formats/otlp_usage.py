"""The token counts of a span, made disjoint: what is cached is taken out of the input where the input holds it."""

from __future__ import annotations

import json
from typing import NamedTuple

from ingest.api_usage import parts_of
from ingest.formats.otlp_emitters import BY_TOTAL, INSIDE, OUTSIDE, UNCLEAR
from ingest.formats.otlp_names import NAMES, value_of
from ingest.formats.otlp_span import Span
from ingest.formats.otlp_values import Row
from ingest.formats.reading import Counted
from ingest.formats.row_counts import REASONING
from ingest.json_values import without_halves
from ingest.record import Part, Rejected

CONTRADICTION = (
    "written by {scope}, whose input does not hold the cached tokens as it should: how much was uncached is unknown,"
    " which leaves it unpriced"
)
NOT_TOLD = (
    "written by {scope}, which does not tell whether its input holds the cached tokens: how much was uncached is"
    " unknown, which leaves it unpriced"
)
SPLIT = "only some of the cache writes tell how long they last; the others were taken for 5-minute writes"
COMPACTION = "the input of a compaction is logged in one sum; it was taken as uncached, so its cost may be off"
ADVICE = "Load the spans as their instrumentation wrote them."
RAW_USAGE: dict[str, tuple[str, ...]] = {"raw_usage": (), "provider_metadata": ("anthropic", "usage")}
OF_OTHERS = frozenset(("input_tokens_details", "prompt_tokens"))


class Counts(NamedTuple):
    """Counts as logged: the input with or without what is cached, and ``None`` for what is not there."""

    given: int | None
    output: int | None
    read: int
    write_5m: int
    write_1h: int
    total: int | None

    @property
    def cached(self) -> int:
        """Cache reads and writes together."""
        return self.read + self.write_5m + self.write_1h


def counts_of(span: Span, findings: Counted | None = None) -> Counts:
    """A span's counts. Raises ``Rejected`` for one that cannot be."""
    write_5m, write_1h = _writes(span, findings)
    return Counts(
        span.count("input"),
        span.count("output"),
        span.count("cache_read") or 0,
        write_5m,
        write_1h,
        span.count("total"),
    )


def contradicts(counts: Counts, cached: str) -> bool:
    """Can the counts not be what they should be, with the cached tokens inside the input, if that is how it is?"""
    if cached != INSIDE or not counts.cached or counts.given is None:
        return False
    return counts.cached > counts.given or _adds_up(counts, counts.cached)


def _adds_up(counts: Counts, cached: int) -> bool:
    """Is the total that of input, output and so many cached tokens beside them?"""
    if counts.total is None or counts.given is None or counts.output is None:
        return False
    return counts.total == counts.given + counts.output + cached


def parts(span: Span, model: str, findings: Counted, *, doubted: bool) -> tuple[Part, ...]:
    """The billed parts of a span with counts; ``doubted`` if its scope's are known to contradict each other."""
    raw = _raw_usage(span)
    if raw is not None:
        return _parts_of_api(span, *raw, model, findings)
    counts = counts_of(span, findings)
    uncached = _uncached(span, counts, findings, doubted=doubted)
    reasoning = _reasoning(span, counts.output, findings)
    own = Part(model, uncached, counts.output, counts.read, counts.write_5m, counts.write_1h, reasoning)
    return (own, *_compaction(span, model, findings))


def _parts_of_api(span: Span, usage: Row, path: str, model: str, findings: Counted) -> tuple[Part, ...]:
    """The parts of the API's own usage object; its output may be that of a stream's start, the span's is the last."""
    output = span.count("output")
    found, finding = parts_of(usage if output is None else {**usage, "output_tokens": output}, model=model, path=path)
    if finding is not None:
        findings.add(finding)
    return found


def _uncached(span: Span, counts: Counts, findings: Counted, *, doubted: bool) -> int | None:
    """The uncached input; ``None`` where it is not known."""
    told = span.count("uncached")
    if told is not None or counts.given is None or not counts.cached:
        return counts.given if told is None else told
    cached = span.emitter.cached
    if cached == BY_TOTAL:
        cached = _by_total(counts)
    if cached == UNCLEAR:
        findings.add(NOT_TOLD.format(scope=_scope(span)))
        return None
    if cached == OUTSIDE:
        return counts.given
    if doubted or contradicts(counts, cached):
        findings.add(CONTRADICTION.format(scope=_scope(span)))
        return None
    return counts.given - counts.cached


def _by_total(counts: Counts) -> str:
    if counts.total is None or _adds_up(counts, 0):
        return INSIDE
    return OUTSIDE if _adds_up(counts, counts.cached) else UNCLEAR


def _scope(span: Span) -> str:
    return f"{(span.scope or 'an unnamed scope')[:120]} {span.version[:40]}".rstrip()


def _writes(span: Span, findings: Counted | None) -> tuple[int, int]:
    """Tokens written for 5 minutes and for 1 hour; what neither says is a 5-minute write."""
    whole = span.count("cache_write")
    write_5m, write_1h = span.count("cache_write_5m"), span.count("cache_write_1h")
    split = (write_5m or 0) + (write_1h or 0)
    if whole is None or (write_5m is None and write_1h is None):
        return (whole or write_5m or 0), write_1h or 0
    if split > whole:
        reason, found = "cache parts larger than their whole", f"{split} of {whole}"
        raise Rejected(field=NAMES["cache_write_5m"][0], found=found, reason=reason, advice=ADVICE)
    if write_1h is None:
        return write_5m or 0, whole - (write_5m or 0)
    if write_5m is not None and split < whole and findings is not None:
        findings.add(SPLIT)
    return whole - write_1h, write_1h


def _reasoning(span: Span, output: int | None, findings: Counted) -> int | None:
    reasoning = span.count("reasoning")
    if reasoning is not None and output is not None and reasoning > output:
        findings.add(REASONING)
        return None
    return reasoning


def _compaction(span: Span, model: str, findings: Counted) -> tuple[Part, ...]:
    """What compacting the context cost, which no other count holds."""
    given, output = span.count("compaction_input"), span.count("compaction_output")
    if not given and not output:
        return ()
    findings.add(COMPACTION)
    return (Part(model, given, output, kind="compaction"),)


def _raw_usage(span: Span) -> tuple[Row, str] | None:
    """The API's own usage object, where it is told beside the counts, and its place."""
    for ours, inside in RAW_USAGE.items():
        found = value_of(span.attributes, ours)
        usage = _parsed(found) if isinstance(found, str) else found
        for key in inside:
            usage = usage.get(key) if isinstance(usage, dict) else None
        if isinstance(usage, dict) and "input_tokens" in usage and OF_OTHERS.isdisjoint(usage):
            return usage, ".".join((NAMES[ours][0], *inside))
    return None


def _parsed(text: str) -> object:
    try:
        return json.loads(without_halves(text))
    except (ValueError, RecursionError):
        return None
