"""Prefixes that are marked for caching and too short to be cached."""

from __future__ import annotations

from spend.opportunities.facts import LEAST_REQUESTS, Facts, named
from spend.opportunities.finding import HIGH, Candidate

KIND = "under_minimum"


def found(facts: Facts) -> list[Candidate]:
    """Notes: the marks do nothing until the prefix is longer or the model another."""
    return [
        Candidate(
            KIND,
            one.feature,
            one.model,
            f"{named(one.feature)} marks prefixes that {facts.called(one.model)} does not cache",
            f"In {one.requests:,} requests the prefix has at most {one.longest:,} tokens; the model caches from"
            f" {one.minimum:,} on. The marks do nothing.",
            HIGH,
        )
        for one in facts.short_marks
        if one.requests >= LEAST_REQUESTS
    ]
