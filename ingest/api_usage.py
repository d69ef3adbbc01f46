"""The API's usage object to billed parts: the request itself, and what its iterations bill beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from ingest import fields
from ingest.api_counts import VERBATIM, JsonObject, part_of
from ingest.record import Part, Rejected

MAX_ITERATIONS = 1000
CONTRADICTION = "usage.iterations contradicts the totals beside it; the totals were taken"
UNKNOWN_ITERATION = "usage.iterations holds a kind of iteration this version does not know; it was left out"


class Parts(NamedTuple):
    """Part 0 is the request as served; ``finding`` says what was noticed, ``None`` when nothing was."""

    parts: tuple[Part, ...]
    finding: str | None = None


class BillingFields(NamedTuple):
    """What moves the price of the whole request; ``None`` is not logged."""

    service_tier: str | None
    speed: str | None
    inference_geo: str | None


def parts_of(usage: JsonObject, *, model: str, path: str = "usage") -> Parts:
    """Billed parts of a usage object as the Messages API returns it; a missing output count is unknown (``None``).

    ``path`` is where the object stands in the log. Raises ``Rejected`` for counts that cannot be.
    """
    top = part_of(usage, model=model, path=path)
    iterations = usage.get("iterations")
    if not iterations:
        return Parts((top,))
    return _with_iterations(top, iterations, f"{path}.iterations")


def billing_fields(usage: JsonObject, path: str = "usage") -> BillingFields:
    """Service tier, speed and inference geography; "" and "not_available" are not logged."""
    get = usage.get
    tier, speed, geo = get("service_tier"), get("speed"), get("inference_geo")
    return BillingFields(
        fields.text(tier, f"{path}.service_tier"),
        fields.text(speed, f"{path}.speed"),
        None if geo is None or geo == "not_available" else fields.text(geo, f"{path}.inference_geo"),
    )


def _with_iterations(top: Part, iterations: object, path: str) -> Parts:
    """The parts of a request whose usage lists its iterations.

    Advisor and compaction iterations are billed beside the totals. Message iterations sum to the totals, and are then
    parts of their own because each is priced by its own prompt; those of another model are attempts before a fallback,
    billed beside the totals, which show the serving attempt alone.
    """
    entries = _entries(top, iterations, path)
    extras = [part for part in entries if part.kind in ("advisor", "compaction")]
    served_by = next((part.model for part in reversed(entries) if part.kind == "fallback_message"), top.model)
    serving = [p for p in entries if p.kind in ("message", "fallback_message") and p.model == served_by]
    attempts = [p for p in entries if p.kind == "message" and p.model != served_by]
    finding = UNKNOWN_ITERATION if any(part.kind == "unknown" for part in entries) else None
    if top.output_tokens is None:
        return Parts((top, *extras), finding)
    if (serving and not _adds_up(top, serving)) or (attempts and not serving):
        return Parts((top, *extras), CONTRADICTION)
    declined = [replace(p, kind="fallback" if p.output_tokens else "declined") for p in attempts]
    own = _split(top, serving) if len(serving) > 1 else (replace(top, model=served_by),)
    return Parts((*own, *declined, *extras), finding)


KINDS = {
    "message": "message",
    "fallback_message": "fallback_message",
    "advisor_message": "advisor",
    "compaction": "compaction",
}


def _entries(top: Part, iterations: object, path: str) -> list[Part]:
    if not isinstance(iterations, list) or len(iterations) > MAX_ITERATIONS:
        reason = f"more than {MAX_ITERATIONS} iterations" if isinstance(iterations, list) else "not a list"
        raise Rejected(field=path, found=iterations, reason=reason, advice=VERBATIM)
    return [_entry(top, entry, f"{path}[{number}]") for number, entry in enumerate(iterations)]


def _entry(top: Part, entry: object, path: str) -> Part:
    if not isinstance(entry, dict):
        raise Rejected(field=path, found=entry, reason="not an object", advice=VERBATIM)
    kind = entry.get("type")
    kind = KINDS.get(kind, "unknown") if isinstance(kind, str) else "unknown"
    if kind == "unknown":
        return Part(top.model, 0, 0, kind=kind)
    model = fields.text(entry.get("model"), f"{path}.model")
    if kind == "advisor" and model is None:
        reason = "an advisor iteration without its model"
        raise Rejected(field=f"{path}.model", found=None, reason=reason, advice=VERBATIM)
    return part_of(entry, model=model or top.model, path=path, kind=kind)


def _adds_up(top: Part, serving: list[Part]) -> bool:
    return _counts(top) == [sum(column) for column in zip(*map(_counts, serving), strict=True)]


def _counts(part: Part) -> list[int]:
    """The counts that add up; an unknown output never does."""
    output = -1 if part.output_tokens is None else part.output_tokens
    classes = (part.cache_read_tokens, part.cache_write_5m_tokens, part.cache_write_1h_tokens)
    return [part.uncached_input_tokens or 0, output, *classes]


def _split(top: Part, serving: list[Part]) -> tuple[Part, ...]:
    """The serving iterations as parts; what only the totals tell (thinking, web searches) stays with the first ones."""
    left = top.reasoning_tokens
    parts = []
    for part in serving:
        reasoning = None if left is None else min(left, part.output_tokens or 0)
        left = None if left is None or reasoning is None else left - reasoning
        parts.append(replace(part, kind="message", reasoning_tokens=reasoning, web_search_requests=0))
    return (replace(parts[0], web_search_requests=top.web_search_requests), *parts[1:])
