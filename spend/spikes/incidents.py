"""What a flagged night comes to: whose hours, what they cost and usually cost, as one incident for one event."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, datetime

from spend.filters import Filters
from spend.spikes.night import DAY, local_time
from spend.spikes.series import Scope

FLAG, WATCH = "flag", "watch"
SAME_ONSET = 4  # quarters
LONG = 48 * 4  # quarters: longer than that is a new level
MERGED = 6 * 4  # quarters between two stretches of one incident
ROW = 3  # nights with the same
MOST_OF = 0.8


@dataclass(frozen=True)
class Finding:
    """One scope's spend above its usual. Quarters are quarter-hours since 1970 UTC, money is pico-dollars.

    ``z`` None: by dollars alone, since the scope is new or seldom active. ``worst_before``: what the worst of the
    ``nights_before`` was above its usual, or for findings by dollars what the dearest cost.
    """

    kind: str
    level: str
    scope: Scope
    night: date
    timezone: str
    spans: tuple[tuple[int, int], ...]
    actual: int
    expected: int
    z: float | None
    worst_before: int
    nights_before: int
    running: bool = False
    real_hours: float = 0
    clock_hours: int = 0

    @property
    def excess(self) -> int:
        """What it cost above the usual."""
        return self.actual - self.expected

    @property
    def start(self) -> int:
        """The quarter it begins with."""
        return self.spans[0][0]

    @property
    def past(self) -> int:
        """The quarter after its last."""
        return self.spans[-1][1]

    @property
    def from_(self) -> datetime:
        """When it begins, by its own clock."""
        return local_time(self.start, self.timezone)

    @property
    def until(self) -> datetime:
        """When it ends, or as far as is known."""
        return local_time(self.past, self.timezone)

    @property
    def new_level(self) -> bool:
        """Longer than 48 hours: no spike, but what is now usual."""
        return self.past - self.start > LONG

    @property
    def key(self) -> str:
        """The same for the same finding whenever it is looked for: what marks are kept under."""
        return json.dumps([self.kind, self.night.isoformat(), *map(list, self.scope)], ensure_ascii=False)

    def filters(self) -> Filters:
        """Its requests, of any time."""
        return Filters(timezone=self.timezone, where=self.scope)


@dataclass(frozen=True)
class Incident:
    """One event: the finding that tells it best, and ``inside`` the others of the same onset, in and around it."""

    finding: Finding
    inside: tuple[Finding, ...] = ()
    planned: bool = False
    note: str = ""

    @property
    def level(self) -> str:
        """The highest of its findings."""
        return FLAG if FLAG in (self.finding.level, *(one.level for one in self.inside)) else WATCH

    @property
    def key(self) -> str:
        """That of its finding."""
        return self.finding.key


def merged(findings: list[Finding]) -> list[Finding]:
    """Findings of one kind with those of one scope that are at most 6 hours apart as one, and so with three or more
    nights in a row at the same hours: a new level is told once."""
    by_scope: dict[Scope, list[Finding]] = {}
    for finding in sorted(findings, key=lambda one: (one.start, one.night)):
        found = by_scope.setdefault(finding.scope, [])
        if found and finding.start - found[-1].past <= MERGED:
            found[-1] = _joined(found[-1], finding)
        else:
            found.append(finding)
    return [one for found in by_scope.values() for one in _in_a_row(found)]


def _in_a_row(found: list[Finding]) -> list[Finding]:
    runs: list[list[Finding]] = []
    for finding in found:
        last = runs[-1][-1] if runs else None
        if last and _again(finding, last):
            runs[-1].append(finding)
        else:
            runs.append([finding])
    told: list[Finding] = []
    for run in runs:
        one = run[0]
        for following in run[1:]:
            one = _joined(one, following)
        told += [one] if len(run) >= ROW else run
    return told


def _again(one: Finding, last: Finding) -> bool:
    """Is it the same within a week: at about the same hour, of about the same size?"""
    days = (one.night - last.night).days
    at_once = abs(one.start - last.start - 4 * DAY * days) <= 8
    return days <= 7 and at_once and last.excess <= 2 * one.excess <= 4 * last.excess


def _joined(one: Finding, other: Finding) -> Finding:
    """Both as one, under the night of the first; hours in both count once."""
    if other.past <= one.past:
        inner = [span for span in other.spans if all(span[1] <= a or span[0] >= b for a, b in one.spans)]
        if not inner:
            return replace(one, level=_higher(one, other), z=_highest(one, other))
    spans = (*one.spans, *other.spans)
    return replace(
        one,
        level=_higher(one, other),
        z=_highest(one, other),
        spans=tuple(sorted(set(spans))),
        actual=one.actual + other.actual,
        expected=one.expected + other.expected,
        running=one.running or other.running,
    )


def _higher(one: Finding, other: Finding) -> str:
    return FLAG if FLAG in (one.level, other.level) else WATCH


def _highest(one: Finding, other: Finding) -> float | None:
    return max((z for z in (one.z, other.z) if z is not None), default=None)


def grouped(findings: list[Finding]) -> list[Incident]:
    """Findings as incidents, dearest first: those of one kind that began together are one event.

    Everything is the parent of all, a feature that of models and users. The feature heads the incident when it has
    most of the excess, since it says more than everything does.
    """
    order = {"": 0, "feature": 1, "model": 2, "user": 3}
    rank = {one.key: order[one.scope[0][0] if one.scope else ""] for one in findings}
    groups: list[list[Finding]] = []
    for finding in sorted(findings, key=lambda one: (rank[one.key], -one.excess)):
        home = next((group for group in groups if _belongs(finding, group[0], rank)), None)
        if home:
            home.append(finding)
        else:
            groups.append([finding])
    return sorted((_incident(group) for group in groups), key=lambda one: -one.finding.excess)


def _belongs(finding: Finding, parent: Finding, rank: dict[str, int]) -> bool:
    together = finding.kind == parent.kind and abs(finding.start - parent.start) <= SAME_ONSET
    below = rank[parent.key] < rank[finding.key]
    return together and below and (not parent.scope or 2 * finding.excess >= parent.excess)


def _incident(group: list[Finding]) -> Incident:
    head = group[0]
    if not head.scope:
        features = [one for one in group if one.scope and one.scope[0][0] == "feature"]
        largest = max(features, key=lambda one: one.excess, default=head)
        head = largest if largest.excess >= MOST_OF * head.excess else head
    rest = sorted((one for one in group if one is not head), key=lambda one: -one.excess)
    return Incident(head, tuple(rest))
