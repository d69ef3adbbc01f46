"""Rejected lines of every load or of one, and their export."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from ui import names, numbers, tables
from ui.data_loads import REJECTED_LOAD, title_of
from ui.data_preview import rejects_table
from ui.data_shapes import BadLineOfFile, Load

SHOWN = 500
ALL = 0  # no load has this id
_EXPORTED = 100_000
Lines = Callable[[int | None, int], Sequence[BadLineOfFile]]


def rejected(loads: Sequence[Load], lines: Lines, timezone: str) -> None:
    """The lines that could not be loaded; ``lines`` finds them by load (None: all) and how many at most."""
    bad = [load for load in loads if load.rejected]
    if not bad:
        st.text("No line was rejected: every line of every load could be read.")
        return
    labels = {ALL: "All loads", **{load.load_id: _label(load, timezone) for load in bad}}
    chosen = st.selectbox(
        "Of which load",
        list(labels),
        format_func=labels.__getitem__,
        key=REJECTED_LOAD,
        label_visibility="collapsed",
        width=380,
    )
    load_id = None if chosen == ALL else chosen
    found = lines(load_id, SHOWN)
    whole = sum(load.rejected for load in bad if load_id in (None, load.load_id))
    rejects_table(found, key="rejected", files=[line.path for line in found])
    tables.export("rejected-lines", lambda: export_columns(lines(load_id, _EXPORTED)), key="rejected")
    cut = f"The first {numbers.count(len(found))} of {numbers.count(whole)} are shown. " if len(found) < whole else ""
    st.caption(
        f"{cut}Of a file, the first 1,000 rejected lines are kept with their reasons; all are counted. Mend the file "
        "and load it again: what is in the store already stays as it is."
    )


def export_columns(found: Sequence[BadLineOfFile]) -> tables.Columns:
    """The lines as columns of a file."""
    return {
        "load": [line.load_id for line in found],
        "file": [line.path for line in found],
        "line": [line.line for line in found],
        "field": [line.field for line in found],
        "found": [line.found for line in found],
        "reason": [line.reason for line in found],
        "advice": [line.advice for line in found],
    }


def _label(load: Load, timezone: str) -> str:
    return f"{title_of(load, timezone)}: {names.short(load.first_file.rsplit('/', 1)[-1])}"
