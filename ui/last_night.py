"""What Overview says of last night: anything unusual, and the way to its card."""

from __future__ import annotations

from datetime import date, timedelta

import streamlit as st

from spend.filters import Filters
from spend.spikes.found import incidents
from spend.spikes.incidents import FLAG, Incident
from spend.spikes.judged import MORNING, last_night
from spend.spikes.settings import settings_of
from spend.spikes.verdict import enough_on
from ui import drill, numbers
from ui.cached import ask
from ui.filters import Asked
from ui.periods import day_words
from ui.spike_question import NIGHT, in_zone_of_bar, incident_query
from ui.spike_words import scope_short

_DAY = timedelta(days=1)


def last_night_line(asked: Asked) -> None:
    """One line, a link: of the last night that has ended and the days around it, whatever names are chosen."""
    filters, settings = Filters(timezone=asked.filters.timezone), in_zone_of_bar(ask(settings_of))
    lasts, enough = ask(last_night, filters, settings), ask(enough_on, filters, settings)
    if lasts is None or enough is None:
        return
    night = lasts[0]
    with st.container(key="last-night"):
        if night < enough:
            drill.link("spikes", f"Nights are judged from that of {day_words(enough)} on →")
            return
        found = ask(incidents, filters, settings, night - _DAY, night)
        told = [one for one in found if one.level == FLAG and not one.planned and _is_of(one, night)]
        if not told:
            drill.link("spikes", f"Nothing unusual {_when(night, asked)} →", query={NIGHT: night.isoformat()})
            return
        one = told[0]
        more = f" and {len(told) - 1} more" if told[1:] else ""
        excess = numbers.usd(one.finding.excess, signed=True)
        label = f"Unusual {_of(one, asked)}: {scope_short(one.finding.scope)}, {excess}{more} →"
        drill.link("spikes", label, query=incident_query(one.key, _night_of(one)))


def _is_of(one: Incident, night: date) -> bool:
    """Did it begin in that night, on the day before it or on the day after it?"""
    return one.finding.kind == MORNING or one.finding.night == night


def _night_of(one: Incident) -> date:
    """The night on whose screen it is: a day is shown with the night before it."""
    return one.finding.night - _DAY if one.finding.kind == MORNING else one.finding.night


def _of(one: Incident, asked: Asked) -> str:
    return f"on {day_words(one.finding.night)}" if one.finding.kind == MORNING else _when(one.finding.night, asked)


def _when(night: date, asked: Asked) -> str:
    return "last night" if night == asked.today - _DAY else f"in the night of {day_words(night)}"
