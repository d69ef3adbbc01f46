"""Answers that are long, cut off, or nowhere near what they may be."""

from __future__ import annotations

from spend.levers.lever import Pulled
from spend.opportunities.facts import LEAST_REQUESTS, Facts, Shape, named, of
from spend.opportunities.finding import HIGH, LOW, Candidate

KIND_LONG, KIND_CUT, KIND_ROOM = "long_answers", "cut_answers", "spare_max_tokens"
_LONG = 500  # tokens; shorter ones are not worth a word
_ROOM = 4


def found(facts: Facts) -> list[Candidate]:
    """Essays where output is most of the spend, and little of it thinking: half as long is tried."""
    return [
        _halved(shape)
        for shape in facts.shapes
        if shape.requests >= LEAST_REQUESTS
        and 2 * shape.output_cost >= shape.cost
        and 5 * shape.reasoning < shape.output
        and shape.output_usual >= _LONG
        and 2 * shape.output_usual <= shape.prompt_usual
    ]


def found_limits(facts: Facts) -> list[Candidate]:
    """Notes: answers that hit max_tokens, and limits that no answer comes near. A limit is not billed."""
    notes = []
    for shape in facts.shapes:
        if shape.requests < LEAST_REQUESTS or not shape.max_tokens:
            continue
        if shape.cut_off >= 10 and 100 * shape.cut_off >= shape.requests:
            notes.append(_cut(shape))
        elif shape.max_tokens >= 1000 and shape.output_nearly_all * _ROOM <= shape.max_tokens:
            notes.append(_room(shape))
    return notes


def _halved(shape: Shape) -> Candidate:
    cap = max(shape.output_usual // 200 * 100, 100)
    return Candidate(
        KIND_LONG,
        shape.feature,
        shape.model,
        f"{named(shape.feature)} writes {shape.output_usual:,} tokens where {cap:,} might do",
        f"{of(shape.output_cost, shape.cost)} of its spend is output. Ask for shorter ones: a limit alone cuts them.",
        LOW,
        ((Pulled("cap", (("max_output_tokens", cap),), shape.where),),),
    )


def _cut(shape: Shape) -> Candidate:
    return Candidate(
        KIND_CUT,
        shape.feature,
        shape.model,
        f"{named(shape.feature)}: {shape.cut_off:,} answers end at max_tokens",
        f"{of(shape.cut_off, shape.requests)} of its answers were cut off, and paid for in full.",
        HIGH,
        at_most=shape.cut_off_cost,
    )


def _room(shape: Shape) -> Candidate:
    return Candidate(
        KIND_ROOM,
        shape.feature,
        shape.model,
        f"{named(shape.feature)} may answer with {shape.max_tokens:,} tokens and uses {shape.output_nearly_all:,}",
        "99 answers in a hundred stay under that. A limit is not billed; a lower one bounds an answer that runs away.",
        HIGH,
    )
