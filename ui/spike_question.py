"""What the Spikes page is asked: which night, which incident, and what the store keeps of how to look; by the URL."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date

import streamlit as st

from spend.filters import Filters
from spend.spikes.judged import last_night
from spend.spikes.settings import SpikeSettings, settings_of
from ui import drill
from ui.cached import ask
from ui.filters import Asked

NIGHT, INCIDENT, BEHIND, ALL = "night", "incident", "behind", "all"


@dataclass(frozen=True)
class Looked:
    """A night and how it is looked at; ``ended`` and ``begun`` are the last nights that have."""

    filters: Filters
    settings: SpikeSettings
    kept: SpikeSettings
    night: date
    first: date
    ended: date
    begun: date


def looked_at(asked: Asked) -> Looked | None:
    """The night in the URL, by default the last that has ended; None where no request has a time.

    Everything counts, whatever names the filter bar holds, in the bar's own zone.
    """
    filters, kept = Filters(timezone=asked.filters.timezone), ask(settings_of)
    settings = in_zone_of_bar(kept)
    lasts = ask(last_night, filters, settings)
    if lasts is None:
        return None
    ended, begun = lasts
    first = min(asked.first_day, ended)
    night = min(max(_night_in_focus() or ended, first), begun)
    return Looked(filters, settings, kept, night, first, ended, begun)


def in_zone_of_bar(kept: SpikeSettings) -> SpikeSettings:
    """What is kept, but for the zone: on screen that is the filter bar's."""
    return replace(kept, timezone=None)


def _night_in_focus() -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(st.query_params.get(NIGHT, ""))
    return None


def show_night(night: date) -> None:
    """For a callback: turns to another night."""
    drill.leave(INCIDENT, BEHIND, ALL, drill.REQUEST, drill.AT)
    st.query_params[NIGHT] = night.isoformat()


def show_incident(key: str, night: date) -> None:
    """For a callback: opens one incident of the night."""
    drill.leave(BEHIND)
    st.query_params.update(incident_query(key, night))


def incident_query(key: str, night: date) -> dict[str, str]:
    """The query of an incident's own card."""
    return {NIGHT: night.isoformat(), INCIDENT: short_key(key)}


def short_key(key: str) -> str:
    """An incident's key as a link has it: a name may be long, and is nobody else's business."""
    return hashlib.sha256(key.encode()).hexdigest()[:10]
