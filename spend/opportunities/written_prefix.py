"""Caches that cost more than they save: written and never read, or written for an hour that never pays back."""

from __future__ import annotations

from collections import defaultdict

from spend.levers.lever import Pulled
from spend.opportunities.facts import Facts, Shape, named
from spend.opportunities.finding import HIGH, Candidate

KIND_UNREAD, KIND_HOUR, KIND_LOSS = "unread_writes", "hour_writes", "cache_lifetime"


def found(facts: Facts) -> list[Candidate]:
    """Every feature that writes to a cache; the replay tells whether it would be cheaper otherwise."""
    by_feature: dict[str | None, list[Shape]] = defaultdict(list)
    for shape in facts.shapes:
        if shape.written_5m or shape.written_1h:
            by_feature[shape.feature].append(shape)
    return [_candidate(feature, shapes) for feature, shapes in by_feature.items()]


def _candidate(feature: str | None, shapes: list[Shape]) -> Candidate:
    where = (("feature", feature),)
    stop = Pulled("uncache", (), where)
    read, five, hour = (sum(getattr(one, name) for one in shapes) for name in ("read", "written_5m", "written_1h"))
    again = (stop, Pulled("cache", (("ttl", "best"),), where))
    ways = ((stop,), again) if any(one.prefixes for one in shapes) else ((stop,),)
    kind, said = _kind(read, five, hour)
    return Candidate(
        kind,
        feature,
        None,
        f"{named(feature)} {said}",
        f"{five + hour:,} tokens written ({hour:,} of them for an hour), {read:,} read.",
        HIGH,
        ways,
        tried=("Tried: no caching.", "Tried: the cheapest lifetime, or none.")[: len(ways)],
    )


def _kind(read: int, five: int, hour: int) -> tuple[str, str]:
    if not read:
        return KIND_UNREAD, "writes prefixes to the cache that nobody reads"
    if hour > five:
        return KIND_HOUR, "keeps prefixes for an hour, and that does not pay back"
    return KIND_LOSS, "would cost less with its prefixes cached for another time, or not at all"
