"""A scenario worked out one request after the other, in plain Python: it shares nothing with the replay in SQL."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from store.price_list import Price, PriceList

PLACES = ("trim", "cap", "swap", "cache", "batch")
TTL = {"5m": 300_000, "1h": 3_600_000}


@dataclass
class Request:
    record: Mapping[str, Any]
    model: str
    batch: bool
    classes: dict[str, Fraction] = field(default_factory=dict)  # uncached, read, 5m, 1h, output
    factor: Fraction = Fraction(1)

    @property
    def prompt(self) -> Fraction:
        return sum((self.classes[name] for name in ("uncached", "read", "5m", "1h")), Fraction(0))

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.record["time"]).astimezone(UTC).replace(tzinfo=None)


def request_of(record: Mapping[str, Any]) -> Request:
    usage = record["usage"]
    written = usage.get("cache_creation") or {}
    classes = {
        "uncached": usage["input_tokens"],
        "read": usage.get("cache_read_input_tokens", 0),
        "5m": written.get("ephemeral_5m_input_tokens", 0),
        "1h": written.get("ephemeral_1h_input_tokens", 0),
        "output": usage["output_tokens"],
    }
    return Request(
        record,
        record["model"],
        usage.get("service_tier") == "batch",
        {name: Fraction(count) for name, count in classes.items()},
    )


def scenario(records: Sequence[Mapping[str, Any]], levers: Sequence[Mapping[str, Any]], listed: PriceList) -> Fraction:
    """Pico-dollars of all requests with the levers pulled: dicts of lever, feature, share and their own inputs."""
    requests = [one for one in map(request_of, records) if row_of(one, one.model, one.prompt, listed)]
    for name in PLACES:
        for lever in levers:
            if lever["lever"] == name:
                chosen = [request for request in requests if is_for(lever, request.record)]
                if name == "cache":
                    cached(chosen, lever["ttl"], listed)
                else:
                    for request in chosen:
                        {"trim": trimmed, "cap": capped, "swap": swapped, "batch": batched}[name](
                            request, lever, listed
                        )
    return sum((priced(request, listed) for request in requests), Fraction(0))


def is_for(lever: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    if lever.get("feature") not in (None, record.get("feature")):
        return False
    digits = hashlib.md5((lever["lever"] + record["message_id"]).encode()).hexdigest()[:6]
    return Fraction(int(digits, 16), 16**6) < Fraction(lever.get("share", 1))


def trimmed(request: Request, lever: Mapping[str, Any], _: PriceList) -> None:
    too_much = max(Fraction(0), request.prompt - lever["max_prompt_tokens"])
    for name in ("uncached", "5m", "1h", "read"):
        gone = min(too_much, request.classes[name])
        request.classes[name] -= gone
        too_much -= gone


def capped(request: Request, lever: Mapping[str, Any], _: PriceList) -> None:
    request.classes["output"] = min(request.classes["output"], Fraction(lever["max_output_tokens"]))


def swapped(request: Request, lever: Mapping[str, Any], listed: PriceList) -> None:
    if request.model == lever["to"] or lever.get("from") not in (None, request.model):
        return
    models = {model.model: model for model in listed.models}
    old, new = models[request.model], models[lever["to"]]
    factor = lever.get("tokenizer") or {
        (True, False): Fraction(10, 13),
        (False, True): Fraction(13, 10),
    }.get((old.tokenizer == "from 4.7", new.tokenizer == "from 4.7"), Fraction(1))
    after = {name: count * factor for name, count in request.classes.items()}
    after["output"] *= lever.get("verbosity", 1)
    prompt = request.prompt * factor
    assert new.context_window is not None
    assert new.max_output_tokens is not None
    assert new.min_cacheable_tokens is not None
    if not row_of(request, new.model, prompt, listed):
        return
    if prompt + after["output"] > new.context_window or after["output"] > new.max_output_tokens:
        return
    if after["read"] + after["5m"] + after["1h"] < new.min_cacheable_tokens:
        after |= {"uncached": prompt, "read": Fraction(0), "5m": Fraction(0), "1h": Fraction(0)}
    request.classes, request.model, request.factor = after, lever["to"], factor


def cached(requests: Sequence[Request], ttl: str, listed: PriceList) -> None:
    """Follows each cache through time: when it was last used, and from when its entry can be read."""
    smallest = {model.model: model.min_cacheable_tokens for model in listed.models}
    hashes = [one["hash"] for request in requests for one in request.record.get("prefixes", ())]
    caches: dict[tuple[str, str], list[tuple[int, Request, Fraction]]] = {}
    for request in requests:
        usage, fingerprints = request.record["usage"], request.record.get("prefixes", ())
        was_cached = usage.get("cache_read_input_tokens", 0) or usage.get("cache_creation_input_tokens", 0)
        if was_cached or not fingerprints or any(one.get("cached") for one in fingerprints):
            continue
        one = max(fingerprints, key=lambda one: (hashes.count(one["hash"]) > 1, one["share"]))
        original = request_of(request.record).prompt
        tokens = min(
            Fraction(int(original * Fraction(str(one["share"])) + Fraction(1, 2))) * request.factor, request.prompt
        )
        if tokens >= (smallest[request.model] or 10**9):
            at = int((request.at - datetime(1970, 1, 1)).total_seconds() * 1000 + 0.5)
            caches.setdefault((request.model, one["hash"]), []).append((at, request, tokens))
    for arrivals in caches.values():
        last_use, readable_from = -(10**15), 10**15
        for at, request, tokens in sorted(arrivals, key=lambda arrival: arrival[0]):
            wait = request.record.get("time_to_first_token_ms") or request.record.get("latency_ms") or 2000
            if at - last_use > TTL[ttl]:
                readable_from = 10**15
            name = "read" if at >= readable_from else ttl
            if name == ttl:
                readable_from = min(readable_from, at + wait)
            last_use = at
            request.classes["uncached"] -= tokens
            request.classes[name] += tokens


def batched(request: Request, _: Mapping[str, Any], __: PriceList) -> None:
    request.batch = request.batch or request.record["usage"].get("speed") != "fast"


def row_of(request: Request, model: str, prompt: Fraction, listed: PriceList) -> Price | None:
    rows = [
        row
        for row in listed.prices
        if (row.model, row.speed) == (model, request.record["usage"].get("speed", "standard"))
        and row.valid_from <= request.at < row.valid_until
        and row.prompt_over < prompt <= row.prompt_upto
    ]
    return rows[0] if rows else None


def priced(request: Request, listed: PriceList) -> Fraction:
    usage = request.record["usage"]
    row = row_of(request, request.model, request.prompt, listed)
    assert row
    rates = {
        "uncached": row.uncached_input,
        "read": row.cache_read,
        "5m": row.cache_write_5m,
        "1h": row.cache_write_1h,
        "output": row.output,
    }
    factor = Fraction(row.batch_halves if request.batch else 2, 2)
    factor *= Fraction(row.geo_us_twentieths if usage.get("inference_geo") == "us" else 20, 20)
    return factor * sum((count * (rates[name] or 0) for name, count in request.classes.items()), Fraction(0))
