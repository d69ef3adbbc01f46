"""What the reader says of an incident: planned, a note, and both taken back."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from spend.spikes.incidents import Incident
from spend.spikes.settings import Mark, keep_mark, undo_mark
from ui import names
from ui.cached import StoreError, the_store

_PROBLEM = "_spike-mark-problem"
_LONGEST = 500


def marks_row(incident: Incident, key: str) -> None:
    """Buttons to mark and to undo, and what was noted."""
    mark = Mark(incident.key, incident.finding.spans, incident.planned, incident.note)
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        st.error(names.markdown(problem))
    if incident.note:
        st.markdown(f"Note: {names.markdown(names.shown(incident.note))}")
    if incident.planned:
        st.caption("Planned: it is held against nobody, and the nights after are not compared with it.")
    with st.container(key=f"marks-{key}", horizontal=True, vertical_alignment="center", gap="small"):
        if not incident.planned:
            st.button("Mark as planned", key=f"plan-{key}", on_click=_keep, args=(replace(mark, planned=True),))
        with st.popover("Edit note" if incident.note else "Add a note", key=f"note-of-{key}"):
            _note(mark, key)
        if incident.planned or incident.note:
            st.button("Undo", key=f"undo-{key}", type="tertiary", on_click=_undo, args=(incident.key,))


def _note(mark: Mark, key: str) -> None:
    box = f"note-{key}"

    def keep() -> None:
        _keep(replace(mark, note=" ".join(st.session_state[box].split())))

    with st.form(f"note-form-{key}", border=False):
        st.text_area("Note", mark.note, max_chars=_LONGEST, key=box, height=90)
        st.form_submit_button("Keep", on_click=keep)


def _keep(mark: Mark) -> None:
    try:
        keep_mark(the_store(), mark)
    except StoreError as error:
        st.session_state[_PROBLEM] = str(error)


def _undo(key: str) -> None:
    try:
        undo_mark(the_store(), key)
    except StoreError as error:
        st.session_state[_PROBLEM] = str(error)
