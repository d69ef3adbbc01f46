"""What would save money, found unasked: a kind of finding a file, and the list of them."""

from __future__ import annotations

from collections.abc import Callable

from spend.opportunities import (
    answers,
    band_edge,
    batchable,
    conversations,
    short_mark,
    smaller_model,
    uncached_prefix,
    written_prefix,
)
from spend.opportunities.facts import Facts
from spend.opportunities.finding import Candidate, Opportunity

__all__ = ["KINDS", "NOTES", "Opportunity"]

KINDS: tuple[Callable[[Facts], list[Candidate]], ...] = (
    smaller_model.found,
    uncached_prefix.found,
    written_prefix.found,
    answers.found,
    conversations.found,
    batchable.found,
    band_edge.found,
)
# what no replay can price, or what saves nothing by itself
NOTES: tuple[Callable[[Facts], list[Candidate]], ...] = (
    uncached_prefix.found_bounded,
    short_mark.found,
    answers.found_limits,
)
