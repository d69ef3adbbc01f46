"""Scenarios that were given a name, kept beside the data."""

from __future__ import annotations

from collections.abc import Sequence

from duckdb import DuckDBPyConnection

from spend.filters import DIMENSIONS, WrongQuestion
from spend.levers import LEVERS
from spend.levers.lever import Pulled, pulled_from, told
from store import settings
from store.connection import Store

_KEPT = "scenarios"
MOST_NAMED, LONGEST_NAME = 50, 80
BETWEEN = ";"


def as_text(levers: Sequence[Pulled]) -> str:
    """A scenario on one line, as ``from_text`` and an address take it."""
    return BETWEEN.join(told(one) for one in levers)


def from_text(text: str) -> list[Pulled]:
    """The scenario that ``as_text`` wrote. Raises WrongQuestion."""
    return [pulled_from(one, LEVERS, tuple(DIMENSIONS)) for one in text.split(BETWEEN) if one]


def saved(con: DuckDBPyConnection) -> dict[str, str]:
    """The named scenarios as text, by name."""
    kept = settings.read(con, _KEPT)
    return dict(sorted(kept.items())) if isinstance(kept, dict) else {}


def save(store: Store, name: str, levers: Sequence[Pulled]) -> None:
    """Gives a scenario a name, in place of what was called so. Raises WrongQuestion and StoreFull."""
    title = " ".join(name.split())
    if not title or len(title) > LONGEST_NAME:
        raise WrongQuestion(f"a name has 1 to {LONGEST_NAME} letters")
    if not levers:
        raise WrongQuestion("a scenario without levers is what was; pull one first")
    with store.writing() as con:
        kept = saved(con)
        if title not in kept and len(kept) >= MOST_NAMED:
            raise WrongQuestion(f"{MOST_NAMED} scenarios are saved already; forget one first")
        settings.put(con, _KEPT, {**kept, title: as_text(levers)})


def forget(store: Store, name: str) -> None:
    """Takes a name away; nothing happens where there is none."""
    with store.writing() as con:
        kept = saved(con)
        kept.pop(name, None)
        settings.put(con, _KEPT, kept or None)
