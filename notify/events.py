"""What can be told of: a spike as it opens, grows and closes, and a budget as it is to be crossed and is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, timedelta

from spend.budgets import BudgetState
from spend.filters import midnight, quarter_of
from spend.spikes.incidents import WATCH, Incident
from spend.spikes.judged import MORNING

SPIKE, BUDGET = "spike", "budget"
OPENED, GROWN, CLOSED = "opened", "grown", "closed"
EXPECTED, CROSSED = "projected", "crossed"
GROWTH = 2  # times what it was when it was last told


@dataclass(frozen=True)
class Event:
    """One thing to tell of. Quarters are quarter-hours since 1970 UTC; ``size`` is pico-dollars above the usual.

    ``key`` is the same for the same event, ``scopes`` (JSON) are what it is about. ``going_on``: it has not ended.
    ``wanted``: it is one to begin telling of. ``state`` is a budget's.
    """

    kind: str
    key: str
    scopes: tuple[str, ...]
    night: str
    start: int
    past: int
    size: int
    going_on: bool
    wanted: bool
    timezone: str
    state: str | None = None

    @property
    def evening(self) -> date:
        """The date of the night it is told with: a day's is that of the night before it."""
        return date.fromisoformat(self.night) - timedelta(days=self.kind == f"{SPIKE} {MORNING}")

    def overlaps(self, other: Event) -> bool:
        """Is it of the same kind, at a common time, and about something in common?"""
        together = self.start < other.past and other.start < self.past
        return self.kind == other.kind and together and bool(set(self.scopes) & set(other.scopes))

    def joined(self, other: Event) -> Event:
        """This one, as it is now told under another key."""
        scopes = tuple(sorted({*self.scopes, *other.scopes}))
        return replace(other, key=self.key, night=self.night, scopes=scopes)

    def first(self) -> str | None:
        """What is told of it first."""
        if not self.wanted:
            return None
        return OPENED if self.state is None else self.state

    def next(self, state: str, size: int, *, open_: bool) -> str | None:
        """What is told of it after a message of that state and size, by which it was still going on or not."""
        if self.state is not None or self.kind.startswith(BUDGET):
            return CROSSED if self.state == CROSSED and state != CROSSED else None
        if open_ and not self.going_on:
            return CLOSED
        return GROWN if self.wanted and self.size >= GROWTH * max(size, 1) else None

    def ended(self) -> Event:
        """The same, over."""
        return replace(self, going_on=False, wanted=False)


def of_incident(incident: Incident, level: str) -> Event:
    """An incident; one that is planned, or below ``level``, is not begun to be told of."""
    one = incident.finding
    scopes = {json.dumps(found.scope) for found in (one, *incident.inside)}
    return Event(
        kind=f"{SPIKE} {one.kind}",
        key=incident.key,
        scopes=tuple(sorted(scopes)),
        night=one.night.isoformat(),
        start=one.start,
        past=one.past,
        size=max(one.excess, 0),
        going_on=one.running and not incident.planned,
        wanted=not incident.planned and level in (incident.level, WATCH),
        timezone=one.timezone,
    )


def of_budget(state: BudgetState, timezone: str) -> Event:
    """A budget in its period; wanted once it is crossed, or is more likely than not to be."""
    told = CROSSED if state.crossed else EXPECTED if state.will_be_crossed else None
    return Event(
        kind=f"{BUDGET} {state.budget.of}",
        key=json.dumps([BUDGET, state.budget.of, state.since.isoformat(), str(state.budget.amount)]),
        scopes=(),
        night=state.since.isoformat(),
        start=quarter_of(midnight(state.since, timezone)),
        past=quarter_of(midnight(state.until, timezone)),
        size=max(state.spent - state.budget.amount, 0),
        going_on=False,
        wanted=told is not None,
        timezone=timezone,
        state=told,
    )
