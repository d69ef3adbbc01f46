"""How spikes are looked for, kept in the store: the night, the least excess, the sensitivity."""

from __future__ import annotations

import streamlit as st

from spend.filters import WrongQuestion
from spend.spikes.night import NightHours
from spend.spikes.settings import SENSITIVITIES, SpikeSettings, keep_settings
from ui import names, numbers
from ui.cached import StoreError, the_store
from ui.spike_question import Looked
from ui.spike_words import hours_said

_PROBLEM = "_spike-settings-problem"
_START, _END, _LEAST, _SENSITIVITY = (f"spike-{name}" for name in ("start", "end", "least", "sensitivity"))


def settings_line(looked: Looked, minimum: int | None) -> None:
    """What is looked for, in one line, and the box that changes it."""
    settings, kept = looked.settings, looked.kept
    least = numbers.usd(minimum if settings.minimum is None else settings.minimum)
    own = "" if settings.minimum is not None else ", 1 % of a mean day but at least $1"
    said = (
        f"A night is {hours_said(settings)} in {looked.filters.timezone}; flags begin at {least}{own}; "
        f"sensitivity {settings.sensitivity}."
    )
    if kept.timezone and kept.timezone != looked.filters.timezone:
        said += f" The command line and messages count in {kept.timezone}, as was kept last."
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        st.error(names.markdown(problem))
    with st.container(key="spike-settings", horizontal=True, vertical_alignment="center", gap="small"):
        with st.popover("Settings", key="spike-settings-box"):
            _form(looked, minimum)
        st.caption(names.markdown(said), width="stretch")


def _form(looked: Looked, minimum: int | None) -> None:
    settings = looked.settings
    with st.form("spike-settings-form", border=False):
        first, last = st.columns(2)
        with first:
            st.selectbox("Night begins", range(24), settings.night.start, _hour, key=_START)
        with last:
            st.selectbox("and ends", range(24), settings.night.end % 24, _hour, key=_END)
        own = "" if settings.minimum is None else numbers.plain(numbers.dollars_of(settings.minimum))
        st.text_input(
            "Least excess to flag, in dollars",
            own,
            key=_LEAST,
            placeholder=f"1 % of a mean day, now {numbers.usd(minimum)}"
            if settings.minimum is None
            else "1 % of a mean day",
        )
        st.segmented_control(
            "Sensitivity", list(SENSITIVITIES), default=settings.sensitivity, required=True, key=_SENSITIVITY
        )
        zone = looked.filters.timezone
        st.form_submit_button("Keep", type="primary", on_click=_keep, args=(zone,))
        st.caption(
            names.markdown(f"Kept in the store with the zone {zone}, for this page, the command line and messages.")
        )


def _hour(hour: int) -> str:
    return f"{hour:02d}:00"


def _keep(timezone: str) -> None:
    state = st.session_state
    try:
        night = NightHours(state[_START], state[_END])
        kept = SpikeSettings(night, timezone, numbers.picos_of(state[_LEAST]), state[_SENSITIVITY])
        keep_settings(the_store(), kept)
    except (StoreError, WrongQuestion) as error:
        state[_PROBLEM] = str(error)
