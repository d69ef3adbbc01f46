"""What was found: something that costs more than it might, and the levers that would change it."""

from __future__ import annotations

from dataclasses import dataclass

from spend.levers.lever import Pulled

Levers = tuple[Pulled, ...]
HIGH, MEDIUM, LOW = "high", "medium", "low"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to look at, before it is priced.

    Each of ``ways`` is a scenario of levers, ``tried`` says each in words where there are several; the one that saves
    most is taken. Without any it is a note that saves nothing by itself. ``at_most`` is what it might save, in
    pico-dollars, where no replay can tell.
    """

    kind: str
    feature: str | None
    model: str | None
    title: str
    why: str
    confidence: str
    ways: tuple[Levers, ...] = ()
    at_most: int | None = None
    tried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A finding with its price, in pico-dollars.

    ``saving`` is what its levers alone save in the period, ``month`` the same for thirty days; ``adds`` is what they
    save on top of all larger findings together: dollars that another finding has claimed are not in it.
    """

    kind: str
    feature: str | None
    model: str | None
    title: str
    why: str
    confidence: str
    levers: Levers
    saving: int
    month: int
    adds: int
    adds_month: int
    at_most_month: int | None = None
