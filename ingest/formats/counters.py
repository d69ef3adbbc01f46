"""A first look at a whole file: are its counters cumulative, and do prompt tokens hold the cached ones?"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import factorial

MAX_SESSIONS = 200_000
LONG = 5  # rows of a session before its counters are judged

Counts = tuple[int, ...]


@dataclass(slots=True)
class _Session:
    last: Counts
    first_output: int
    rows: int = 1
    rises: int = 0
    falls: int = 0

    def add(self, counts: Counts) -> None:
        self.rows += 1
        self.falls += any(new < old for new, old in zip(counts, self.last, strict=True))
        self.rises += counts[1] > self.last[1]
        self.last = counts

    @property
    def grows(self) -> bool:
        """No counter ever fell, the output rose with four rows in five, and by as much as a sum would have risen."""
        rose = self.rises >= LONG - 1 and self.rises * 5 >= (self.rows - 1) * 4
        return rose and not self.falls and self.last[1] >= 2 * self.first_output

    @property
    def may_grow(self) -> bool:
        """A session too short to judge by itself, but one that would fit."""
        return self.rows < LONG and not self.falls and self.rises == self.rows - 1


@dataclass
class Survey:
    """What a first pass over a file's counts tells: (session, input, output, read, write) of each row."""

    sessions: dict[str, _Session] = field(default_factory=dict)
    cached_rows: int = 0
    more_cached_than_input: int = 0

    def add(self, session: str | None, *, given: int, output: int, read: int, write: int) -> None:
        """One row's counts as logged."""
        if read or write:
            self.cached_rows += 1
            self.more_cached_than_input += read + write > given
        if session is None:
            return
        counts = (given, output, read, write)
        known = self.sessions.get(session)
        if known is not None:
            known.add(counts)
        elif len(self.sessions) < MAX_SESSIONS:
            self.sessions[session] = _Session(counts, output)

    def cumulative(self) -> frozenset[str]:
        """The sessions whose counters add up as they go, instead of counting each request.

        A session of n ordinary requests whose outputs happen to rise has a chance of 1/n!; it is taken for cumulative
        only if most long sessions look so, or if chance cannot explain it among so many sessions.
        """
        long = [session for session in self.sessions.values() if session.rows >= LONG]
        growing = sum(session.grows for session in long)
        if growing * 2 > len(long):
            return frozenset(name for name, session in self.sessions.items() if session.grows or session.may_grow)
        enough = 100 * len(long)
        names = (name for name, s in self.sessions.items() if s.grows and factorial(min(s.rows, 20)) >= enough)
        return frozenset(names)


def increment(counts: Counts, last: Counts | None) -> Counts:
    """What a row adds to the row before it."""
    if last is None or any(new < old for new, old in zip(counts, last, strict=True)):
        return counts
    return tuple(new - old for new, old in zip(counts, last, strict=True))
