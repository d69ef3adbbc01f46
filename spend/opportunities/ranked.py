"""The findings in order of size, each with what it saves alone and what it adds to those before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from duckdb import DuckDBPyConnection

from spend.filters import Filters
from spend.levers import LEVERS
from spend.levers.lever import complete
from spend.opportunities import KINDS
from spend.opportunities.facts import Facts
from spend.opportunities.finding import Candidate, Levers, Opportunity
from spend.what_if import Scene, savings_of_groups

MONTH = 30  # days
_MOST_FEATURES = 20  # that are weighed, the dearest ones
_LEAST = 10_000  # what saves a smaller part of the spend than that is not worth a line

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Priced:
    candidate: Candidate
    levers: Levers
    saving: int
    tried: str


def opportunities(con: DuckDBPyConnection, filters: Filters) -> list[Opportunity]:
    """What would save, most first; then what no replay can price, and notes.

    Each saving is the core's own answer for its levers. Together they save what the ``adds`` add up to.
    """
    with Scene(con, filters) as scene:
        facts = Facts(con, filters, scene)
        candidates = [one for found in KINDS for one in found(facts)]
        dearest = _dearest(facts)
        candidates = [one for one in candidates if one.feature in dearest]
        tried = [one for one in candidates if one.ways]
        scene.prepare([lever for one in tried for way in one.ways for lever in way])  # the rows are read once
        least = sum(shape.cost for shape in facts.shapes) // _LEAST
        by_feature = _by_feature([(one, one.feature) for one in tried])
        priced = [one for group in by_feature for one in _priced(scene, group) if one.saving > least]
        priced.sort(key=lambda one: (-one.saving, one.candidate.kind, repr(one.candidate.feature)))
        adds = _adds(scene, priced)
    found = [_told(one, adds[one], facts.days) for one in priced]
    notes = [_note(one, facts.days) for one in candidates if not one.ways]
    return found + sorted(notes, key=lambda one: (-(one.at_most_month or 0), one.kind, repr(one.feature)))


def _dearest(facts: Facts) -> set[str | None]:
    spent: dict[str | None, int] = defaultdict(int)
    for shape in facts.shapes:
        spent[shape.feature] += shape.cost
    return {feature for feature, _ in sorted(spent.items(), key=lambda item: -item[1])[:_MOST_FEATURES]}


def _by_feature(found: Sequence[tuple[T, str | None]]) -> list[list[T]]:
    """Each lever of a finding is for its feature alone, so findings of two features have no request in common."""
    groups: dict[str | None, list[T]] = defaultdict(list)
    for one, feature in found:
        groups[feature].append(one)
    return list(groups.values())


def _priced(scene: Scene, candidates: Sequence[Candidate]) -> list[_Priced]:
    """Each of a feature with the way that saves most."""
    ways = [
        (one, tuple(complete(lever, LEVERS) for lever in way), tried)
        for one in candidates
        for way, tried in zip(one.ways, one.tried or ("",) * len(one.ways), strict=True)
    ]
    savings = savings_of_groups(scene, [way for _, way, _ in ways], [(place,) for place in range(len(ways))])
    best: dict[Candidate, _Priced] = {}
    for (one, way, tried), saving in zip(ways, savings, strict=True):
        if one not in best or saving > best[one].saving:
            best[one] = _Priced(one, way, saving, tried)
    return list(best.values())


def _adds(scene: Scene, priced: Sequence[_Priced]) -> dict[_Priced, int]:
    """What each saves on top of all larger ones."""
    adds: dict[_Priced, int] = {}
    for group in _by_feature([(one, one.candidate.feature) for one in priced]):
        turns = [tuple(range(count + 1)) for count in range(len(group))]
        together = [0, *savings_of_groups(scene, [one.levers for one in group], turns)]
        adds |= {one: after - before for one, before, after in zip(group, together, together[1:], strict=False)}
    return adds


def _told(one: _Priced, adds: int, days: int) -> Opportunity:
    found = one.candidate
    return Opportunity(
        found.kind,
        found.feature,
        found.model,
        found.title,
        f"{found.why} {one.tried}".rstrip(),
        found.confidence,
        one.levers,
        one.saving,
        one.saving * MONTH // days,
        adds,
        adds * MONTH // days,
    )


def _note(one: Candidate, days: int) -> Opportunity:
    at_most = None if one.at_most is None else one.at_most * MONTH // days
    return Opportunity(one.kind, one.feature, one.model, one.title, one.why, one.confidence, (), 0, 0, 0, 0, at_most)
