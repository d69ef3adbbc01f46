"""Prompts just over the length from which a model costs more."""

from __future__ import annotations

from spend.levers.lever import Pulled
from spend.opportunities.facts import Facts, named
from spend.opportunities.finding import MEDIUM, Candidate

KIND = "band_edge"


def found(facts: Facts) -> list[Candidate]:
    """Features none of whose prompts is more than a tenth over the edge: trimmed to it."""
    return [
        Candidate(
            KIND,
            shape.feature,
            shape.model,
            f"{named(shape.feature)} sends {shape.over_edge:,} prompts just over {shape.edge:,} tokens",
            f"From there on {facts.called(shape.model)} costs more, for the whole prompt. The longest has"
            f" {shape.prompt_longest:,}.",
            MEDIUM,
            ((Pulled("trim", (("max_prompt_tokens", shape.edge),), shape.where),),),
        )
        for shape in facts.shapes
        if shape.edge and shape.over_edge and 10 * shape.prompt_longest <= 11 * shape.edge
    ]
