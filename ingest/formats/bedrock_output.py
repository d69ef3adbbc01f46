"""The response in a record of Bedrock, of whichever operation, in the words of the Messages API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingest import fields
from ingest.formats.names import Row
from ingest.formats.streamed import error_in, message_of
from ingest.record import Rejected

BODY = "output.outputBodyJson"
METRICS = "amazon-bedrock-invocationMetrics"
NATIVE = frozenset(("input_tokens", "output_tokens"))
ADVICE = "Load the log as Bedrock wrote it."

# ours -> theirs
COUNTS = {
    "input_tokens": ("inputTokenCount",),
    "output_tokens": ("outputTokenCount",),
    "cache_read_input_tokens": ("cacheReadInputTokenCount",),
    "cache_creation_input_tokens": ("cacheWriteInputTokenCount",),
}
CONVERSE = {
    "input_tokens": ("inputTokens",),
    "output_tokens": ("outputTokens",),
    "cache_read_input_tokens": ("cacheReadInputTokens", "cacheReadInputTokenCount"),
    "cache_creation_input_tokens": ("cacheWriteInputTokens", "cacheWriteInputTokenCount"),
}
EXCEPTION = re.compile("[A-Za-z]{1,50}Exception")
TTLS = {"5m": "ephemeral_5m_input_tokens", "1h": "ephemeral_1h_input_tokens"}


@dataclass(frozen=True)
class Output:
    """What a response says: ``message`` as the Messages API would, ``usage`` in it as far as the response tells it."""

    message: Row
    latency_ms: int | None = None
    time_to_first_token_ms: int | None = None
    optimized: bool = False
    begun: bool = False  # a stream that told at least its start
    error: str | None = None


def output_of(body: object) -> Output:
    """What a body says, whole or as the list of its chunks; nothing if it is not there. Raises ``Rejected``."""
    if isinstance(body, list):
        chunks = [chunk for chunk in body if isinstance(chunk, dict)]
        message = message_of(chunks)
        whole = _output({**(message or _conversed(chunks)), METRICS: _last(chunks, METRICS)})
        begun = message is not None or any("messageStart" in chunk for chunk in chunks)
        return replace(whole, begun=begun, error=error_in(chunks) or _exception_in(chunks))
    return _output(body if isinstance(body, dict) else {})


def counts_of(row: Row, names: Mapping[str, Sequence[str]], path: str) -> Row:
    """The token counts of a row under our names, without those it lacks. Raises ``Rejected``."""
    found: Row = {}
    for ours, theirs in names.items():
        name = next((name for name in theirs if row.get(name) is not None), None)
        if name is not None:
            found[ours] = fields.tokens(row[name], f"{path}.{name}")
    return found


def filled(usage: Row, counts: Row) -> Row:
    """Usage, with what it leaves out from counts told elsewhere."""
    if usage.get("cache_creation") is not None:
        counts = {name: count for name, count in counts.items() if name != "cache_creation_input_tokens"}
    return {**counts, **{name: count for name, count in usage.items() if count is not None}}


def uncached(usage: Row) -> Row:
    """Usage whose input includes what was cached, without that."""
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    whole, *cached = (usage.get(name) or 0 for name in names)
    if any(type(count) is not int for count in (whole, *cached)) or not 0 < sum(cached) <= whole:
        return usage
    return {**usage, "input_tokens": whole - sum(cached)}


def is_optimized(row: Row) -> bool:
    """Was it served with optimized latency, which has a price of its own?"""
    return bool(_object(row.get("performanceConfig")).get("latency") == "optimized")


def _output(body: Row) -> Output:
    metrics, at = _object(body.get(METRICS)), f"{BODY}.{METRICS}"
    invoked = fields.integer(metrics.get("invocationLatency"), f"{at}.invocationLatency")
    conversed = fields.integer(_object(body.get("metrics")).get("latencyMs"), f"{BODY}.metrics.latencyMs")
    router = _object(_object(body.get("trace")).get("promptRouter"))
    message = {
        "id": body.get("id"),
        "model": body.get("model") or router.get("invokedModelId"),
        "stop_reason": body.get("stop_reason") or body.get("stopReason"),
        "stop_details": body.get("stop_details"),
        "usage": _usage(body, metrics),
    }
    return Output(
        message,
        latency_ms=conversed if invoked is None else invoked,
        time_to_first_token_ms=fields.integer(metrics.get("firstByteLatency"), f"{at}.firstByteLatency"),
        optimized=is_optimized(body),
    )


def _usage(body: Row, metrics: Row) -> Row:
    usage = _object(body.get("usage"))
    if NATIVE.isdisjoint(usage):
        usage = _of_converse(usage, f"{BODY}.usage")
    usage = filled(usage, counts_of(metrics, COUNTS, f"{BODY}.{METRICS}"))
    tier = usage.get("service_tier") or _object(body.get("serviceTier")).get("type")
    return {**usage, "service_tier": "standard" if tier == "default" else tier}


def _of_converse(usage: Row, path: str) -> Row:
    found = counts_of(usage, CONVERSE, path)
    if usage.get("cacheDetails"):
        found["cache_creation"] = _written(
            usage["cacheDetails"], found.get("cache_creation_input_tokens"), f"{path}.cacheDetails"
        )
    return found


def _written(details: Any, whole: int | None, path: str) -> Row:
    """Tokens written to the cache by how long they are kept there."""
    if not isinstance(details, list):
        raise Rejected(field=path, found=details, reason="not a list", advice=ADVICE)
    written: dict[str, int] = {}
    for number, detail in enumerate(details):
        ttl, at = _object(detail).get("ttl"), f"{path}[{number}]"
        name = TTLS.get(ttl) if isinstance(ttl, str) else None
        if name is None:
            raise Rejected(field=f"{at}.ttl", found=ttl, reason="neither 5m nor 1h", advice=ADVICE)
        written[name] = written.get(name, 0) + fields.tokens(detail.get("inputTokens"), f"{at}.inputTokens")
    total = sum(written.values())
    if whole is not None and (total > whole or (total < whole and len(written) == len(TTLS))):
        size = "larger" if total > whole else "smaller"
        reason = f"cache parts {size} than their whole, cacheWriteInputTokens"
        raise Rejected(field=path, found=f"{total} of {whole}", reason=reason, advice=ADVICE)
    return {**written}


def _conversed(chunks: Sequence[Row]) -> Row:
    """The chunks of ConverseStream as the body of Converse."""
    return {**_last(chunks, "metadata"), "stopReason": _last(chunks, "messageStop").get("stopReason")}


def _last(chunks: Sequence[Row], name: str) -> Row:
    return next((chunk[name] for chunk in reversed(chunks) if isinstance(chunk.get(name), dict)), {})


def _exception_in(chunks: Sequence[Row]) -> str | None:
    """The name of the first exception among the chunks, with a capital as everywhere else."""
    names = (name for chunk in chunks for name in chunk if EXCEPTION.fullmatch(name))
    return next((name[:1].upper() + name[1:] for name in names), None)


def _object(value: object) -> Row:
    return value if isinstance(value, dict) else {}
