"""Conversations whose prompt keeps growing."""

from __future__ import annotations

from spend.levers.lever import Pulled
from spend.opportunities.facts import Facts, named, of
from spend.opportunities.finding import LOW, Candidate

KIND = "growing_conversations"
_LEAST_SESSIONS = 10


def found(facts: Facts) -> list[Candidate]:
    """Features where most long sessions send ever more with each request: trimmed to twice what they begin with."""
    return [
        Candidate(
            KIND,
            one.feature,
            one.model,
            f"{named(one.feature)} sends longer prompts with each turn",
            f"In {of(one.growing, one.long_sessions)} of its conversations of four turns and more; they begin with"
            f" {one.first_usual:,} tokens and end with {one.last_usual or 0:,}. Summarize or drop old turns.",
            LOW,
            (
                (
                    Pulled(
                        "trim",
                        (("max_prompt_tokens", 2 * one.first_usual),),
                        (("feature", one.feature), ("model", one.model)),
                    ),
                ),
            ),
        )
        for one in facts.sessions
        if one.growing >= _LEAST_SESSIONS and 2 * one.growing >= one.long_sessions and one.first_usual > 0
    ]
