"""Between what bounds caching would save where no fingerprint tells which prompts begin alike."""

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
from spend.what_if.plan import Plan, Seen
from spend.what_if.replay import replay
from spend.what_if.scene import Scene

_ARRIVALS = (Path(__file__).parents[1] / "sql" / "cache_bounds.sql").read_text()
PREFIX_SHARE = (
    Fraction(1, 4),
    Fraction(1, 2),
    Fraction(3, 4),
)  # of a prompt that begins like others: low, middle, high
Group = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What marking an assumed prefix of a feature's requests to a model would save, in pico-dollars.

    ``lower``: a prefix for each user alone, marked only if it pays; ``upper``: one prefix for all, readable at once;
    ``loss``: marked everywhere and never read (not above zero).
    """

    feature: str | None
    model: str
    ttl: str
    requests: int
    lower: int
    upper: int
    loss: int


def bounds(scene: Scene, *, share: Fraction | None = None) -> list[Bounds]:
    """For both lifetimes, largest upper bound first; ``share`` of each prompt is its prefix, else PREFIX_SHARE."""
    low, high = (share, share) if share else (PREFIX_SHARE[0], PREFIX_SHARE[2])
    scene.prepare([Pulled("cache", (("ttl", "5m"),))])
    limits, plan, (seen, _) = both_sides(scene, [])
    found = []
    for ttl in TTL_MS:
        lower, _, _ = _savings(limits, plan, seen, ttl, low, by_user=True)
        upper, loss, requests = _savings(limits, plan, seen, ttl, high, by_user=False)
        found += [
            Bounds(*group, ttl, requests[group], max(0, lower[group]), max(0, lower[group], upper[group]), loss[group])
            for group in list(upper)
        ]
    return sorted(found, key=lambda one: (-one.upper, repr(one)))


def _savings(
    limits: Limits, plan: Plan, seen: Seen, ttl: str, share: Fraction, *, by_user: bool
) -> tuple[Mapping[Group, int], Mapping[Group, int], Mapping[Group, int]]:
    """What is saved, what is lost if nothing is ever read, and how many requests: by feature and model."""
    con = limits.scene.con
    arrivals = _ARRIVALS.format(
        sharing=", u.user_id" if by_user else "",
        waits="r.wait" if by_user else "1",
        relation=plan.relation(seen.band),
        band=seen.band,
        numerator=share.numerator,
        denominator=share.denominator,
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE what_if_arrival AS {arrivals}")
    con.execute(replay("what_if_bound", "SELECT n, chain, began, wait FROM what_if_arrival", ttl))
    found = con.execute(
        "SELECT feature, model, kind, band, hit, count(*), sum(tokens)::BIGINT FROM what_if_arrival"
        " JOIN what_if_bound USING (n) GROUP BY ALL"
    ).fetchall()
    saved, lost, requests = (defaultdict[Group, int](int) for _ in range(3))
    for feature, model, kind, band, hit, count, tokens in found:
        rates = limits.own_rates(kind, band)
        write = rates[WRITE[ttl]]
        saved[feature, model] += tokens * (rates[0] - (rates[1] if hit else write))
        lost[feature, model] += tokens * (rates[0] - write)
        requests[feature, model] += count
    return saved, lost, requests
