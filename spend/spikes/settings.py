"""What the user has set: the night, its zone, the least that matters, how sensitive; and marks on incidents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from duckdb import DuckDBPyConnection

from spend.filters import WrongQuestion, zone_of
from spend.spikes.night import NightHours, night_hours
from store import settings
from store.connection import Store
from store.money import PICOS_PER_USD

SENSITIVITIES = {"low": 7.0, "normal": 5.0, "high": 4.0}  # the z from which a night is flagged
LEAST_MINIMUM = PICOS_PER_USD
_KEPT, _MARKS = "spikes", "spikes.marks"


@dataclass(frozen=True)
class SpikeSettings:
    """How spikes are looked for. ``timezone`` None: the zone of whoever asks. ``minimum`` (pico-dollars): smaller
    excesses are never flagged; None: 1 % of the account's mean day, at least $1."""

    night: NightHours = field(default_factory=NightHours)
    timezone: str | None = None
    minimum: int | None = None
    sensitivity: str = "normal"

    def __post_init__(self) -> None:
        if self.sensitivity not in SENSITIVITIES:
            raise WrongQuestion(f"no sensitivity {self.sensitivity!r}; there are {', '.join(SENSITIVITIES)}")
        if self.minimum is not None and self.minimum < 0:
            raise WrongQuestion("the least excess to flag cannot be negative")
        if self.timezone is not None:
            zone_of(self.timezone)

    @property
    def flag_z(self) -> float:
        """A night beyond this is flagged."""
        return SENSITIVITIES[self.sensitivity]

    @property
    def watch_z(self) -> float:
        """A night beyond this, but not flagged, is one to watch."""
        return self.flag_z - 1


@dataclass(frozen=True)
class Mark:
    """What the user said of an incident: that it was ``planned``, or a note; its hours are quarters since 1970."""

    key: str
    spans: tuple[tuple[int, int], ...]
    planned: bool = False
    note: str = ""


def settings_of(con: DuckDBPyConnection) -> SpikeSettings:
    """The settings kept in the store, defaults where nothing was set."""
    kept = settings.read(con, _KEPT) or {}
    minimum = kept.get("minimum_picos")
    return SpikeSettings(
        night=night_hours(kept["night"]) if "night" in kept else NightHours(),
        timezone=kept.get("timezone"),
        minimum=None if minimum is None else int(minimum),
        sensitivity=kept.get("sensitivity", "normal"),
    )


def keep_settings(store: Store, kept: SpikeSettings) -> None:
    """Keeps settings in the store."""
    minimum = None if kept.minimum is None else str(kept.minimum)
    value = {"night": str(kept.night), "timezone": kept.timezone, "minimum_picos": minimum}
    settings.write(store, _KEPT, value | {"sensitivity": kept.sensitivity})


def marks_of(con: DuckDBPyConnection) -> dict[str, Mark]:
    """The marks kept in the store, by the key of their incident."""
    kept: dict[str, Any] = settings.read(con, _MARKS) or {}
    return {
        key: Mark(key, tuple((int(a), int(b)) for a, b in mark["spans"]), mark["planned"], mark["note"])
        for key, mark in kept.items()
    }


def keep_mark(store: Store, mark: Mark) -> None:
    """Keeps a mark in place of what was said of its incident before; one that says nothing is taken away."""
    with store.writing() as con:
        marks = marks_of(con)
        marks.pop(mark.key, None)
        if mark.planned or mark.note:
            marks[mark.key] = mark
        _keep(con, marks)


def undo_mark(store: Store, key: str) -> None:
    """Takes back whatever was said of an incident."""
    with store.writing() as con:
        marks = marks_of(con)
        marks.pop(key, None)
        _keep(con, marks)


def planned_spans(marks: dict[str, Mark]) -> tuple[tuple[int, int], ...]:
    """The quarters that are to leave every baseline alone."""
    return tuple(sorted({span for mark in marks.values() if mark.planned for span in mark.spans}))


def _keep(con: DuckDBPyConnection, marks: dict[str, Mark]) -> None:
    value = {key: {"spans": mark.spans, "planned": mark.planned, "note": mark.note} for key, mark in marks.items()}
    settings.put(con, _MARKS, value or None)
