"""Spikes: was last night unusual, how sure is that, and why."""

from __future__ import annotations

import streamlit as st

from spend.request import request
from spend.spikes.judged import MORNING
from spend.spikes.verdict import verdict
from ui import drill, empty, names
from ui.cached import ask
from ui.filters import Asked, filter_bar
from ui.look import heading
from ui.periods import day_words
from ui.request_view import request_view
from ui.spike_backtest import backtest_shown
from ui.spike_card import cards
from ui.spike_frame import frame
from ui.spike_nights import nights_strip, turn_nights
from ui.spike_question import Looked, looked_at
from ui.spike_settings import settings_line
from ui.spike_verdict import day_after, ongoing_shown, quiet_hours, verdict_shown


def page() -> None:
    """The verdict, the nights before, the incidents, how to look."""
    if empty.store_is_empty():
        return
    asked = filter_bar()
    frame()
    looked = looked_at(asked)
    if looked is None:
        st.text("No request has a time, so there are no nights to compare.")
    elif drill.request_in_focus() is not None:
        _request(asked, looked)
    else:
        _night(asked, looked)


def _night(asked: Asked, looked: Looked) -> None:
    turn_nights(looked)
    told = ask(verdict, looked.filters, looked.settings, night=looked.night)
    if told is None:
        st.text("This night has not begun.")
        return
    verdict_shown(looked, told)
    nights = st.container(key="spike-nights")  # filled last: thirty nights take longer than one
    day = ask(verdict, looked.filters, looked.settings, night=looked.night, kind=MORNING)
    if not told.incidents:
        quiet_hours(told)
    cards(looked, [told, *([day] if day else [])])
    for one in (told, day):
        if one:
            ongoing_shown(one)
    if day:
        day_after(day, told)
    with heading("How it is looked at", key="how"):
        pass
    settings_line(looked, told.minimum)
    if asked.filters.where:
        st.caption("Names chosen in the filter bar play no part here: every feature, model and user is looked at.")
    backtest_shown(looked)
    with nights:
        nights_strip(looked)


def _request(asked: Asked, looked: Looked) -> None:
    """One request behind an incident, and the way back."""
    with st.container(key="crumbs", horizontal=True, vertical_alignment="center", gap="xsmall"):
        label = names.markdown(f"Night of {day_words(looked.night)}")
        st.button(label, key="crumb-night", type="tertiary", on_click=drill.leave, args=(drill.REQUEST, drill.AT))
        st.text("›")
        st.text("Request")
    detail = ask(request, drill.request_in_focus() or "", at=drill.time_in_focus())
    if detail is None:
        st.text("No request has this key in the store any more.")
    else:
        request_view(detail, asked.filters.timezone)
