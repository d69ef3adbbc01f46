"""Requests that nobody waits for, at full price."""

from __future__ import annotations

from spend.levers.lever import Pulled
from spend.opportunities.facts import LEAST_REQUESTS, Facts, Shape, named, of
from spend.opportunities.finding import LOW, MEDIUM, Candidate

KIND = "batchable"


def found(facts: Facts) -> list[Candidate]:
    """Features that run at night, or whose answers are never streamed to anyone."""
    return [one for shape in facts.shapes if (one := _candidate(shape))]


def _candidate(shape: Shape) -> Candidate | None:
    if shape.requests < LEAST_REQUESTS or shape.no_batch * 20 > shape.requests:
        return None
    at_night = 10 * shape.at_night >= 9 * shape.requests
    unwatched = shape.stream_known >= shape.requests * 9 // 10 and not shape.streamed
    if not at_night and not unwatched:
        return None
    why = (
        f"{of(shape.at_night, shape.requests)} of it happens between 22:00 and 06:00."
        if at_night
        else "None of its answers is streamed, so perhaps nobody waits. A batch may take a day."
    )
    return Candidate(
        KIND,
        shape.feature,
        shape.model,
        f"{named(shape.feature)} could run in batches",
        why,
        MEDIUM if at_night else LOW,
        ((Pulled("batch", (), shape.where),),),
    )
