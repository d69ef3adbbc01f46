"""Spikes as the screen says them: scopes with short names, nights, hours of the clock."""

from __future__ import annotations

from spend.spikes.incidents import Incident
from spend.spikes.series import Scope
from spend.spikes.settings import SpikeSettings
from spend.spikes.words import scope_words
from ui import names, numbers


def scope_short(scope: Scope, length: int = 28) -> str:
    """A scope in few letters: its name, or what it is."""
    if scope and scope[0][1] is not None:
        return names.short(scope[0][1], length)
    return scope_words(scope)


def scope_said(scope: Scope, length: int = 40) -> str:
    """A scope with its dimension, names cut to so many letters."""
    return " and ".join(
        f"{dimension} {names.short(name, length)}" if name is not None else scope_words(((dimension, name),))
        for dimension, name in scope
    ) or scope_words(())


def safe(text: str) -> str:
    """A sentence with names in it, for Markdown."""
    return names.markdown(names.shown(text))


def hours_said(settings: SpikeSettings) -> str:
    """The night by the clock."""
    return f"{settings.night.start:02d}:00 to {settings.night.end:02d}:00"


def times_said(actual: int, expected: int | None) -> str:
    """What it cost beside what it usually costs."""
    return numbers.usd(actual) if expected is None else f"{numbers.usd(actual)}, usually {numbers.usd(expected)}"


def level_said(incident: Incident) -> str:
    """What an incident is, in a word or two."""
    if incident.planned:
        return "Planned"
    if incident.finding.new_level:
        return "New level"
    return {"flag": "Unusual", "watch": "To watch"}[incident.level]
