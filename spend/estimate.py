"""What requests not yet sent would cost on every current model, side by side: cost, worst case, cached and batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from spend.estimate_counts import TOLD, Sized, tokenizer_of
from spend.pricing import picos
from store.money import PICOS_PER_USD
from usage_recorder.bound import Conditions, bound, cache_ttls, given, misfit
from usage_recorder.catalogue import REASONS, Catalogue, Cost, Model, Terms
from usage_recorder.pricing import EXACT, Tokens

NOT_COUNTED = "its tokenizer counts otherwise, and the API did not count for it"
TOO_SHORT = "shorter than the model caches"
# the amounts of a ModelCost, and what JSON and exports call them in dollars
AMOUNTS = {
    "cost": "cost_usd",
    "worst": "max_usd",
    "write": "cache_write_usd",
    "read": "cache_read_usd",
    "batch": "batch_usd",
}


@dataclass(frozen=True, slots=True)
class ModelCost:
    """Requests together on one model, in pico-dollars; None where unknown, with ``unknown_because``.

    cost: prompts uncached, answers as long as expected. worst: what they cannot exceed, see ``usage_recorder.bound``.
    write, read: with the cached part written, and read again; None with ``uncached_because`` where it cannot be.
    batch: cost in a batch. runs: how many times all of it for one dollar. share: of the context window, the longest.
    """

    model: str | None  # None: each request on its own
    display: str
    asked: bool
    requests: int
    input_tokens: int | None
    output_tokens: int
    max_output_tokens: int
    cost: int | None = None
    worst: int | None = None
    write: int | None = None
    read: int | None = None
    batch: int | None = None
    runs: int | None = None
    share: Decimal | None = None
    context_window: int | None = None
    retired: bool = False
    same_tokenizer: bool = True
    misfits: int = 0
    does_not_fit: str | None = None
    unknown_because: str | None = None
    uncached_because: str | None = None
    not_covered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What is told beside the requests: when they are sent (UTC), how much of each prompt is cached, the answers."""

    when: datetime
    cached_tokens: int | None = None  # None: all of it
    output_tokens: int | None = None  # None: max_tokens


def side_by_side(sized: Sequence[Sized], held: Catalogue, expected: Expected) -> list[ModelCost]:
    """The requests as asked, then on every other current model, cheapest first and the unknown last."""
    names = {str(one.request["model"]) for one in sized}
    resolved = {name: held.resolved(name)[0] for name in names}
    own = next(iter(resolved.values())) if len(names) == 1 else None
    first = _together(sized, held, expected, own, asked=True)
    day = expected.when.date()
    others = [
        _together(sized, held, expected, model)
        for model in held.models.values()
        if model.is_current(day) and (own is None or model.model != own.model)
    ]
    return [first, *sorted(others, key=lambda one: (one.cost is None, one.cost or 0, one.display))]


def _together(
    sized: Sequence[Sized], held: Catalogue, expected: Expected, model: Model | None, *, asked: bool = False
) -> ModelCost:
    keys = [(id(one.request), *one.tokens.items()) for one in sized]  # copies of one request are priced once
    kinds = dict(zip(keys, sized, strict=True))
    priced = {key: _Priced.of(one, held, expected, model if not asked else None) for key, one in kinds.items()}
    each = [priced[key] for key in keys]
    counts = [one.input_tokens for one in each]
    unknown = [one.unknown for one in each if one.unknown]
    said = f"{len(unknown)} of {len(each)} requests: {unknown[0]}" if unknown and len(each) > 1 else None
    cost = _sum(one.cost for one in each)
    misfits = [one.misfit for one in each if one.misfit]
    shares = [one.share for one in each if one.share is not None]
    name = model.model if model else str(sized[0].request["model"]) if len({_name(one) for one in sized}) == 1 else None
    return ModelCost(
        model=name,
        display=model.display if model else name or "As asked",
        asked=asked,
        requests=len(each),
        input_tokens=_sum(counts),
        output_tokens=sum(one.output_tokens for one in each),
        max_output_tokens=sum(int(one.request["max_tokens"]) for one in sized),
        cost=cost,
        worst=_sum(one.worst for one in each),
        write=_sum(one.write for one in each),
        read=_sum(one.read for one in each),
        batch=_sum(one.batch for one in each),
        runs=PICOS_PER_USD // cost if cost else None,
        share=max(shares) if len(shares) == len(each) else None,
        context_window=model.context_window if model else None,
        retired=model is not None and not model.is_current(expected.when.date()),
        same_tokenizer=asked or all(TOLD not in one.tokens or _alike(one, held, model) for one in sized),
        misfits=len(misfits),
        does_not_fit=misfits[0] if misfits else None,
        unknown_because=said or (unknown[0] if unknown else None),
        uncached_because=next((one.uncached for one in each if one.uncached), None),
        not_covered=tuple(dict.fromkeys(said for one in each for said in one.not_covered)),
    )


@dataclass(frozen=True, slots=True)
class _Priced:
    """One request on one model."""

    input_tokens: int | None
    output_tokens: int
    cost: int | None = None
    worst: int | None = None
    write: int | None = None
    read: int | None = None
    batch: int | None = None
    share: Decimal | None = None
    misfit: str | None = None
    unknown: str | None = None
    uncached: str | None = None
    not_covered: tuple[str, ...] = ()

    @classmethod
    def of(cls, one: Sized, held: Catalogue, expected: Expected, on: Model | None) -> _Priced:
        """``on`` None: on the model the request asks for."""
        name = on.model if on else _name(one)
        model, regional = held.resolved(name)
        most = int(one.request["max_tokens"])
        output = most if expected.output_tokens is None else min(expected.output_tokens, most)
        prompt = one.tokens_of(model)
        if prompt is None:
            return cls(None, output, unknown=NOT_COUNTED)
        cached = prompt if expected.cached_tokens is None else min(expected.cached_tokens, prompt)
        ttls = cache_ttls(one.request)
        marked = {"cache_control": {"type": "ephemeral"}} if expected.cached_tokens and not ttls else {}
        found = bound({**one.request, **marked, "model": name}, prompt, Conditions(expected.when, prices=held))
        speed, geo = given(one.request, "speed"), given(one.request, "inference_geo")

        def cost(tokens: Tokens, tier: str | None = None) -> Cost:
            terms = Terms(expected.when, speed, tier, geo, regional)
            return held.cost(model.model if model else None, tokens, terms)

        plain = cost(Tokens(prompt, output=output))
        because = REASONS[plain.because] if plain.because else found.unknown_because
        caches = model is None or model.min_cacheable_tokens is None or cached >= model.min_cacheable_tokens
        rest = prompt - cached
        written = Tokens(rest, output=output, **{f"cache_write_{ttls[-1] if ttls else '5m'}": cached})
        read = Tokens(rest, cache_read=cached, output=output)
        window = model.context_window if model else None
        return cls(
            input_tokens=prompt,
            output_tokens=output,
            cost=picos(plain.usd),
            worst=picos(found.max_usd),
            write=picos(cost(written).usd) if caches and cached else None,
            read=picos(cost(read).usd) if caches and cached else None,
            batch=picos(cost(Tokens(prompt, output=output), "batch").usd),
            share=EXACT.divide(Decimal(prompt + most), Decimal(window)) if window else None,
            misfit=misfit(model, prompt, most),
            unknown=because,
            uncached=None if caches else TOO_SHORT,
            not_covered=found.not_covered,
        )


def _alike(one: Sized, held: Catalogue, model: Model | None) -> bool:
    own, _ = held.resolved(_name(one))
    return tokenizer_of(own, _name(one)) == tokenizer_of(model, "")


def _name(one: Sized) -> str:
    return str(one.request["model"])


def _sum(values: Any) -> int | None:
    """The sum, unknown as soon as one of it is."""
    held = list(values)
    return None if None in held else sum(held)
