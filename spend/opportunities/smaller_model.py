"""A large model for small answers."""

from __future__ import annotations

from spend.levers.lever import Pulled
from spend.opportunities.facts import LEAST_REQUESTS, Facts, Listed, Shape, named
from spend.opportunities.finding import LOW, MEDIUM, Candidate

KIND = "smaller_model"
A_WORD, SHORT = 16, 600  # tokens of nineteen answers in twenty
_TRIED = 2  # of the cheapest models


def found(facts: Facts) -> list[Candidate]:
    """Features whose answers are a word, or a few sentences without thinking, at twice a small model's price."""
    return [one for shape in facts.shapes if (one := _candidate(facts, shape))]


def _candidate(facts: Facts, shape: Shape) -> Candidate | None:
    if shape.requests < LEAST_REQUESTS or shape.output_most > SHORT or shape.reasoning:
        return None
    own = next((one for one in facts.sold if one.model == shape.model), None)
    cheaper = [one for one in facts.sold if own is None or 2 * _price(one, shape) <= _price(own, shape)]
    smaller = sorted(cheaper, key=lambda one: _price(one, shape))[:_TRIED]
    if not smaller:
        return None
    word = shape.output_most <= A_WORD
    length = f"{shape.output_usual}-token answers" if word else "short answers"
    return Candidate(
        KIND,
        shape.feature,
        shape.model,
        f"{named(shape.feature)} runs on {facts.called(shape.model)} for {length}",
        f"Nineteen answers in twenty have at most {shape.output_most:,} tokens"
        + (", the shape of a classification." if word else " and no thinking."),
        MEDIUM if word else LOW,
        tuple((Pulled("swap", (("from", shape.model), ("to", one.model)), shape.where),) for one in smaller),
        tried=tuple(f"Tried: {facts.called(one.model)}." for one in smaller),
    )


def _price(model: Listed, shape: Shape) -> int:
    return model.uncached_input * shape.prompt_usual + model.output * max(shape.output_usual, 1)
