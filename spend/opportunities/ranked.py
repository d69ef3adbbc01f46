"""The findings in order of size, each with what it saves alone and what it adds to those before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate

from duckdb import DuckDBPyConnection

from spend.breakdown import amounts
from spend.filters import Filters
from spend.levers import LEVERS
from spend.levers.lever import complete
from spend.opportunities import KINDS, NOTES
from spend.opportunities.facts import Facts
from spend.opportunities.finding import Candidate, Levers, Opportunity
from spend.what_if import Scene, savings_of_groups
from spend.what_if.answer import MOST_AT_ONCE
from spend.what_if.month import a_month

_MOST_FEATURES = 100  # that are weighed, the dearest ones: each takes a pass over its requests
_LEAST = 10_000  # what saves a smaller part of the spend than that is not worth a line


@dataclass(frozen=True, slots=True)
class _Priced:
    candidate: Candidate
    levers: Levers
    saving: int
    tried: str


@dataclass(frozen=True, slots=True)
class _Weighed:
    """The features that a finding may be worth a line in, dearest first, and what there is to weigh in each."""

    facts: Facts
    spent: dict[str | None, int]
    candidates: dict[str | None, list[Candidate]]
    least: int

    def priced(self, feature: str | None) -> list[_Priced]:
        """What would save in a feature, most first, as much as can be replayed together.

        No lever of it is for another feature's requests.
        """
        found = [one for one in _priced(self.facts.scene, self.candidates[feature]) if one.saving > self.least]
        found.sort(key=_order)
        levers = list(accumulate(len(one.levers) for one in found))
        return [one for one, count in zip(found, levers, strict=True) if count <= MOST_AT_ONCE]


def opportunities(con: DuckDBPyConnection, filters: Filters) -> list[Opportunity]:
    """What would save, most first; then what no replay can price, and notes.

    Each saving is the core's own answer for its levers. Together they save what the ``adds`` add up to.
    """
    with _weighing(con, filters) as weighed:
        facts, adds = weighed.facts, dict[_Priced, int]()
        for feature in weighed.candidates:
            adds |= _adds(facts.scene, weighed.priced(feature))
        noted = [one for found in NOTES for one in found(facts) if one.feature in weighed.spent]
    found = [_told(one, adds[one], facts.days) for one in sorted(adds, key=_order)]
    notes = [_note(one, facts.days) for one in noted]
    return found + sorted(notes, key=lambda one: (-(one.at_most_month or 0), one.kind, repr(one.feature)))


def largest(con: DuckDBPyConnection, filters: Filters) -> Opportunity | None:
    """The first of ``opportunities`` that has levers, sooner: what costs less than that saves need not be weighed."""
    with _weighing(con, filters) as weighed:
        best: _Priced | None = None
        for feature in weighed.candidates:
            if best and weighed.spent[feature] < best.saving:
                break
            best = min([*([best] if best else []), *weighed.priced(feature)], key=_order, default=None)
        return _told(best, best.saving, weighed.facts.days) if best else None


@contextmanager
def _weighing(con: DuckDBPyConnection, filters: Filters) -> Iterator[_Weighed]:
    with Scene(con, filters) as scene:
        facts = Facts(con, filters, scene)
        costs = {feature: cost for (feature,), cost in amounts(con, filters, ("feature",)).items()}
        least = sum(costs.values()) // _LEAST
        spent = {feature: cost for feature, cost in list(costs.items())[:_MOST_FEATURES] if cost > least}
        candidates: dict[str | None, list[Candidate]] = {feature: [] for feature in spent}
        for one in (one for found in KINDS for one in found(facts)):
            if one.feature in spent:
                candidates[one.feature].append(one)
        ready = {feature: ones for feature, ones in candidates.items() if ones}
        # the rows are read once
        scene.prepare([lever for ones in ready.values() for one in ones for way in one.ways for lever in way])
        yield _Weighed(facts, spent, ready, least)


def _order(one: _Priced) -> tuple[int, str, str]:
    return -one.saving, one.candidate.kind, repr(one.candidate.feature)


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
    """What each of a feature saves on top of all larger ones; the first of them all that it saves."""
    if not priced:
        return {}
    turns = [tuple(range(count)) for count in range(2, len(priced) + 1)]
    more = savings_of_groups(scene, [one.levers for one in priced], turns) if turns else []
    together = [0, priced[0].saving, *more]
    return {one: after - before for one, before, after in zip(priced, together, together[1:], strict=False)}


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
        a_month(one.saving, days),
        adds,
        a_month(adds, days),
    )


def _note(one: Candidate, days: int) -> Opportunity:
    at_most = None if one.at_most is None else a_month(one.at_most, days)
    return Opportunity(one.kind, one.feature, one.model, one.title, one.why, one.confidence, (), 0, 0, 0, 0, at_most)
