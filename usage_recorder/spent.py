"""What a request did cost, by the usage object the API returned for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from usage_recorder.catalogue import Catalogue, Terms, catalogue, now
from usage_recorder.pricing import EXACT, Tokens

_OWN = ("message", "fallback_message")
_BESIDE = ("compaction", "advisor_message")


def spent_usd(
    usage: Mapping[str, Any],
    *,
    model: str,
    when: datetime | None = None,
    region: str | None = None,
    batch: bool = False,
    prices: Catalogue | None = None,
) -> Decimal | None:
    """Exact dollars of a request served by ``model``; None where a price or a count is unknown.

    ``when``: UTC without a zone, now unless told. Each iteration of the usage is priced at its own model and by its own
    prompt. A refusal before any output counts as billed, though on some days it is free.
    """
    held = prices or catalogue()
    iterations = [one for one in usage.get("iterations") or () if isinstance(one, Mapping)]
    own = [one for one in iterations if one.get("type") in _OWN] or [usage]
    total = Decimal(0)
    for number, part in enumerate([*own, *(one for one in iterations if one.get("type") in _BESIDE)]):
        tokens = tokens_of(part)
        resolved, regional = held.resolved(part.get("model") or model, region)
        geo = usage.get("inference_geo")
        terms = Terms(
            when or now(),
            speed=usage.get("speed"),
            tier=usage.get("service_tier") or ("batch" if batch else None),
            geo=None if geo == "not_available" else geo,
            regional=regional,
        )
        searches = (usage.get("server_tool_use") or {}).get("web_search_requests") or 0 if number == 0 else 0
        if tokens is None:
            return None
        cost = held.cost(resolved.model if resolved else None, tokens, terms, web_searches=searches)
        if cost.usd is None:
            return None
        total = EXACT.add(total, cost.usd)
    return total


def tokens_of(usage: Mapping[str, Any]) -> Tokens | None:
    """The counts of a usage object by disjoint class; None without its input or output."""
    fresh, output = usage.get("input_tokens"), usage.get("output_tokens")
    if fresh is None or output is None:
        return None
    written = usage.get("cache_creation_input_tokens") or 0
    hour = (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0
    return Tokens(fresh, usage.get("cache_read_input_tokens") or 0, max(written - hour, 0), hour, output)
