"""What a request can cost: its parameters and its counted input tokens in, an estimate with its worst case out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from usage_recorder.catalogue import REASONS, Catalogue, Cost, Model, Terms, catalogue, now
from usage_recorder.pricing import EXACT, Tokens

_UNGIVEN = ("NotGiven", "Omit")  # what the SDK has for a parameter that is left out
_READ_BACK = {
    "web_search": "what web searches find is read as input",
    "web_fetch": "what web fetches return is read as input",
    "code_execution": "what code execution prints is read as input, and its container can cost by the hour",
    "mcp_toolset": "what MCP servers return is read as input",
    "advisor": "an advisor's tokens are billed at its own model",
}
_BESIDE = {
    "mcp_servers": _READ_BACK["mcp_toolset"],
    "fallbacks": "each attempt of a fallback is billed at its own model",
    "context_management": "a compaction is billed beside the answer",
    "compaction": "a compaction is billed beside the answer",
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a request costs, before it is sent. Dollars are exact, and None with ``unknown_because`` where unknown.

    max_usd: the worst case: the prompt at the dearest price it can have (written to the cache, all of it, where
    cache_control marks any), an answer of max_tokens, every web search the tools allow.
    likely_usd: the prompt neither written nor read, an answer of ``likely_output_tokens``; None unless those are told.
    answer_usd: the part of max_usd the answer is.
    min_usd: the least: the prompt read from the cache where cache_control marks any, and no answer.
    does_not_fit: why the model cannot take the request; None when it can, or its limits are not known.
    not_covered: what the request can be billed beside ``max_usd``.
    """

    model: str
    input_tokens: int
    max_output_tokens: int
    max_usd: Decimal | None
    min_usd: Decimal | None
    answer_usd: Decimal | None = None
    likely_usd: Decimal | None = None
    max_web_searches: int | None = 0
    cache_ttl: str | None = None
    unknown_because: str | None = None
    does_not_fit: str | None = None
    not_covered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an estimate is made under beside the request itself; ``when`` is UTC without a zone, None: now."""

    when: datetime | None = None
    batch: bool = False
    region: str | None = None
    likely_output_tokens: int | None = None
    prices: Catalogue | None = None


def bound(request: Mapping[str, Any], input_tokens: int, under: Conditions | None = None) -> Estimate:
    """The estimate of a request of the Messages API whose prompt has ``input_tokens``.

    Raises ValueError for a request without model or max_tokens, or with a count below zero.
    """
    under = under or Conditions()
    model_asked, max_tokens = _model(request), _max_tokens(request)
    for name, count in (("input_tokens", input_tokens), ("likely_output_tokens", under.likely_output_tokens or 0)):
        if count < 0:
            raise ValueError(f"{name} is {count}: a count is zero or more")
    held = under.prices or catalogue()
    model, regional = held.resolved(model_asked, under.region)
    canonical = model.model if model else None
    terms = Terms(
        under.when or now(),
        speed=given(request, "speed"),
        tier="batch" if under.batch else None,
        geo=given(request, "inference_geo"),
        regional=regional,
    )
    ttls = cache_ttls(request)
    searches = web_searches(request)
    classes = ["uncached_input", *(f"cache_write_{ttl}" for ttl in ttls)]
    dearest, mute = (
        worst(
            held.cost(canonical, Tokens(**{kind: input_tokens}, output=output), terms, web_searches=searches or 0)
            for kind in classes
        )
        for output in (max_tokens, 0)
    )
    if searches is None and dearest.usd is not None:
        dearest = Cost(None, "no_max_uses")
    least = "cache_read" if ttls else "uncached_input"
    likely = under.likely_output_tokens
    plain = None if likely is None else Tokens(uncached_input=input_tokens, output=likely)
    return Estimate(
        model=model_asked,
        input_tokens=input_tokens,
        max_output_tokens=max_tokens,
        max_usd=dearest.usd,
        min_usd=held.cost(canonical, Tokens(**{least: input_tokens}), terms).usd,
        answer_usd=None if dearest.usd is None or mute.usd is None else EXACT.subtract(dearest.usd, mute.usd),
        likely_usd=held.cost(canonical, plain, terms).usd if plain else None,
        max_web_searches=searches,
        cache_ttl=ttls[-1] if ttls else None,
        unknown_because=REASONS[dearest.because] if dearest.because else None,
        does_not_fit=misfit(model, input_tokens, max_tokens),
        not_covered=tuple(dict.fromkeys(_not_covered(request))),
    )


def dollars(amount: Decimal | str | int | float) -> Decimal:
    """An amount a caller wrote, with the digits written: 0.1 is a tenth. Raises ValueError for what is no amount."""
    try:
        usd = Decimal(str(amount))
    except ArithmeticError:
        usd = Decimal("NaN")
    if not usd.is_finite() or usd < 0:
        raise ValueError(f"{amount!r} is no amount of dollars: write zero or more, such as 0.50")
    return usd


def worst(costs: Iterator[Cost]) -> Cost:
    """The dearest of several; unknown as soon as one is."""
    dearest = Cost(Decimal(0))
    for cost in costs:
        if cost.usd is None:
            return cost
        if dearest.usd is None or cost.usd > dearest.usd:
            dearest = cost
    return dearest


def misfit(model: Model | None, input_tokens: int, max_tokens: int) -> str | None:
    """Why a model cannot take a prompt and an answer of these lengths."""
    if model is None:
        return None
    window, longest = model.context_window, model.max_output_tokens
    if longest is not None and max_tokens > longest:
        return f"{max_tokens:,} output tokens; {model.model} writes at most {longest:,}"
    if window is not None and input_tokens + max_tokens > window:
        return (
            f"{input_tokens:,} input and {max_tokens:,} output tokens; "
            f"the context window of {model.model} holds {window:,}"
        )
    return None


def given(request: Mapping[str, Any], name: str) -> Any:
    """A parameter of the request; None where it is left out."""
    value = request.get(name)
    return None if type(value).__name__ in _UNGIVEN else value


def web_searches(request: Mapping[str, Any]) -> int | None:
    """How many web searches the request can make; None: without end."""
    uses = [_field(tool, "max_uses") for tool in _tools(request, "web_search")]
    counts = [one for one in uses if isinstance(one, int) and one >= 0]
    return sum(counts) if len(counts) == len(uses) else None


def cache_ttls(request: Mapping[str, Any]) -> list[str]:
    """For how long marked parts of the prompt are kept, each once: "5m", "1h"."""
    blocks = [request, *_listed(request, "tools"), *_listed(request, "system")]
    for message in _listed(request, "messages"):
        blocks += _blocks(message)
    marks = [mark for block in blocks if (mark := _field(block, "cache_control")) is not None]
    kept = {"1h" if _field(mark, "ttl") == "1h" else "5m" for mark in marks}
    return sorted(kept, reverse=True)


def _blocks(holder: Any) -> Iterator[Any]:
    """The content blocks of a message, and those inside them."""
    content = _field(holder, "content")
    if isinstance(content, (list, tuple)):
        for block in content:
            yield block
            yield from _blocks(block)


def _not_covered(request: Mapping[str, Any]) -> Iterator[str]:
    yield from (said for kind, said in _READ_BACK.items() if _tools(request, kind))
    yield from (said for name, said in _BESIDE.items() if given(request, name))


def _tools(request: Mapping[str, Any], kind: str) -> list[Any]:
    """The server's tools of a kind: "web_search_20260209" is a web_search."""
    return [tool for tool in _listed(request, "tools") if str(_field(tool, "type") or "").startswith(kind)]


def _listed(request: Mapping[str, Any], name: str) -> list[Any]:
    value = given(request, name)
    return list(value) if isinstance(value, (list, tuple)) else []


def _field(thing: Any, name: str) -> Any:
    value = thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
    return None if type(value).__name__ in _UNGIVEN else value


def _model(request: Mapping[str, Any]) -> str:
    model = given(request, "model")
    if not isinstance(model, str) or not model:
        raise ValueError("the request names no model")
    return model


def _max_tokens(request: Mapping[str, Any]) -> int:
    tokens = given(request, "max_tokens")
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 0:
        raise ValueError("the request has no max_tokens, so nothing bounds its answer")
    return tokens
