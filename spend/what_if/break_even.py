"""When caching pays: how often a prefix has to be found again, and how often it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from spend.levers.cache import TTL_MS
from spend.levers.lever import Pulled
from spend.what_if.answer import both_sides
from spend.what_if.limits import WRITE, Limits
from spend.what_if.replay import replay
from spend.what_if.scene import Scene

_BREAK_EVEN = (Path(__file__).parents[1] / "sql" / "break_even.sql").read_text()
_Key = tuple[str | None, str | None, str]


@dataclass(frozen=True, slots=True)
class BreakEven:
    """A prefix kept for ``ttl``, or all of a feature's (prefix None), on the models as they are.

    ``needed`` is the hit rate from which marking it pays and ``reached`` the one that the arrivals have, by tokens;
    ``reuse`` is how many reads pay for a write. ``saving`` is pico-dollars, below zero where marking costs more.
    """

    feature: str | None
    prefix: str | None
    ttl: str
    requests: int
    needed: Fraction
    reached: Fraction
    reuse: Fraction
    saving: int

    @property
    def pays(self) -> bool:
        return self.saving > 0


@dataclass(slots=True)
class _Sum:
    requests: int = 0
    tokens: int = 0
    read: int = 0
    plain_cost: int = 0
    read_cost: int = 0
    write_cost: int = 0
    cost: int = 0


def break_even(scene: Scene) -> tuple[list[BreakEven], list[BreakEven]]:
    """By feature and by prefix (the first letters of its fingerprint), for both lifetimes, most tokens first.

    Of requests that are not cached yet, record a fingerprint and are long enough for their model's cache.
    """
    scene.prepare([Pulled("cache", (("ttl", "5m"),))])
    limits, plan, (seen, _) = both_sides(scene, [])
    eligible = "arrives AND NOT cached AND least(prefix_tokens, uncached + read + write_5m + write_1h) >= min_prefix_0"
    relation = plan.relation(seen.band)
    by_feature: dict[_Key, _Sum] = defaultdict(_Sum)
    by_prefix: dict[_Key, _Sum] = defaultdict(_Sum)
    for ttl in TTL_MS:
        arrivals = f"SELECT n, prefix * 32768 + place_0 AS chain, began, wait FROM ({relation}) WHERE {eligible}"
        scene.con.execute(replay("what_if_even", arrivals, ttl))
        found = scene.con.execute(_BREAK_EVEN.format(relation=relation, band=seen.band)).fetchall()
        for feature, prefix, kind, band, hit, requests, tokens in found:
            rates = _rates(limits, kind, band, ttl)
            _add(by_feature[feature, None, ttl], rates, hit, requests, tokens)
            _add(by_prefix[feature, prefix, ttl], rates, hit, requests, tokens)
    return _in_order(by_feature), _in_order(by_prefix)


def _in_order(sums: Mapping[_Key, _Sum]) -> list[BreakEven]:
    return [_told(*key, one) for key, one in sorted(sums.items(), key=lambda item: (-item[1].tokens, repr(item[0])))]


def _rates(limits: Limits, kind: int, band: int, ttl: str) -> tuple[int, int, int]:
    rates = limits.own_rates(kind, band)
    return rates[0], rates[1], rates[WRITE[ttl]]


def _add(one: _Sum, rates: tuple[int, int, int], hit: int, requests: int, tokens: int) -> None:
    plain, read, write = (tokens * rate for rate in rates)
    one.requests += requests
    one.tokens += tokens
    one.plain_cost += plain
    one.read_cost += read
    one.write_cost += write
    one.read += tokens if hit else 0
    one.cost += read if hit else write


def _told(feature: str | None, prefix: str | None, ttl: str, one: _Sum) -> BreakEven:
    extra, off = one.write_cost - one.plain_cost, one.plain_cost - one.read_cost
    return BreakEven(
        feature,
        prefix,
        ttl,
        one.requests,
        needed=Fraction(extra, extra + off or 1),
        reached=Fraction(one.read, one.tokens or 1),
        reuse=Fraction(extra, off or 1),
        saving=one.plain_cost - one.cost,
    )
