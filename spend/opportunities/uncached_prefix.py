"""Prompts that begin alike and are paid in full each time."""

from __future__ import annotations

from collections import defaultdict

from spend.levers.lever import Pulled
from spend.opportunities.facts import LEAST_REQUESTS, Facts, named
from spend.opportunities.finding import HIGH, LOW, Candidate

KIND = "cacheable_prefix"
KIND_BOUNDED = "perhaps_cacheable"


def found(facts: Facts) -> list[Candidate]:
    """Features with fingerprints of prompts that are not cached: what caching saves is known to the cent."""
    counts: dict[str | None, int] = defaultdict(int)
    for shape in facts.shapes:
        counts[shape.feature] += shape.open_prefixes
    return [
        Candidate(
            KIND,
            feature,
            None,
            f"{named(feature)} sends the same beginning of its prompts again and again, uncached",
            f"{count:,} requests have a fingerprint of it; replayed as they arrived.",
            HIGH,
            ((Pulled("cache", (("ttl", "best"),), (("feature", feature),)),),),
        )
        for feature, count in counts.items()
        if count >= LEAST_REQUESTS
    ]


def found_bounded(facts: Facts) -> list[Candidate]:
    """Features without fingerprints: no more than a bound can be told, and no replay makes dollars of it."""
    most: dict[str | None, int] = defaultdict(int)
    models: dict[str | None, int] = defaultdict(int)
    for one in facts.bounds:
        if one.ttl == "5m":
            most[one.feature] += one.upper
            models[one.feature] += one.requests
    return [
        Candidate(
            KIND_BOUNDED,
            feature,
            None,
            f"{named(feature)} may send the same beginning of its prompts again and again",
            f"{models[feature]:,} requests record no fingerprint of their prompt, so nobody can tell. This is the most"
            " it could be: three quarters of each prompt the same, and always found. Log fingerprints to know.",
            LOW,
            at_most=upper,
        )
        for feature, upper in most.items()
        if upper > 0 and models[feature] >= LEAST_REQUESTS
    ]
