"""What was loaded: every load, the files and findings of one, and the way to take it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from ui import names, numbers, tables
from ui.data_coverage import REJECTED, of, show
from ui.data_preview import counts_said
from ui.data_shapes import File, Load
from ui.look import heading

LOAD = "load"  # the load in focus, in the URL
REJECTED_LOAD = "rejected-load"
UNDOING = "undoing-load"


def loads_table(loads: Sequence[Load], timezone: str) -> None:
    """Newest first; choosing a row shows the load."""
    tables.choose(
        pd.DataFrame(
            {
                "when": [moment(load.loaded_at, timezone) for load in loads],
                "origin": [names.shown(load.origin) for load in loads],
                "files": [files_said(load) for load in loads],
                "lines": [load.lines for load in loads],
                "requests": [load.requests for load in loads],
                "duplicates": [load.duplicates for load in loads],
                "ignored": [load.ignored for load in loads],
                "rejected": [load.rejected for load in loads],
                "cost": [(load.cost or 0) / numbers.PICO for load in loads],
            }
        ),
        {
            **{
                name: [numbers.count(getattr(load, name)) for load in loads]
                for name in ("lines", "requests", "duplicates", "ignored", "rejected")
            },
            "cost": [numbers.usd(load.cost) for load in loads],
        },
        key="loads",
        columns=_COLUMNS,
        opener="when",
        then=lambda row: focus_on(loads[row].load_id),
        alt="Loads, newest first",
    )
    tables.export("loads", lambda: export_columns(loads), key="loads")
    st.caption(
        names.markdown(
            f"Times in {timezone}. Lines = requests + duplicates + not usage records + rejected, as counted when they "
            "were read. The cost is that of the requests a load holds today. Choose a row for its files."
        )
    )


def export_columns(loads: Sequence[Load]) -> tables.Columns:
    """The loads as columns of a file; times in UTC."""
    return {
        "load": [load.load_id for load in loads],
        "loaded_at": [load.loaded_at for load in loads],
        "origin": [load.origin for load in loads],
        "files": [load.files for load in loads],
        "first_file": [load.first_file for load in loads],
        **{
            name: [getattr(load, name) for load in loads]
            for name in ("lines", "requests", "duplicates", "ignored", "rejected")
        },
        "ListCost": tables.money([load.cost for load in loads]),
    }


_COLUMNS: dict[str, Any] = {
    "when": "Loaded",
    "origin": st.column_config.TextColumn("From", width=100),
    "files": st.column_config.TextColumn("Files", width="medium"),
    "lines": tables.figures("Lines"),
    "requests": tables.figures("Requests"),
    "duplicates": tables.figures("Duplicates", said="Already in the store, or more than once in the file"),
    "ignored": tables.figures("Not usage", said="Lines that are no usage records, such as a transcript's user turns"),
    "rejected": tables.figures("Rejected"),
    "cost": tables.figures("Cost"),
}


def load_in_focus(loads: Sequence[Load]) -> Load | None:
    """The load the URL names, if it is there."""
    named = st.query_params.get(LOAD, "")
    return next((load for load in loads if str(load.load_id) == named), None)


def focus_on(load_id: int) -> None:
    st.query_params[LOAD] = str(load_id)


def leave() -> None:
    st.query_params.pop(LOAD, None)


def load_view(load: Load, files: Sequence[File], timezone: str) -> None:
    """One load: the counts that add up, what it costs, its files and what the loader noticed in them."""
    with heading(title_of(load, timezone), key="load"), st.container(horizontal=True, width="content", gap="medium"):
        st.button("Undo this load", key="undo", on_click=ask_to_undo, args=(load.load_id,))
        st.button("Close", key="close-load", type="tertiary", on_click=leave)
    st.text(f"{counts_said(load)}. {cost_said(load)}")
    st.dataframe(
        pd.DataFrame(
            {
                "File": [names.shown(file.path) for file in files],
                "Format": [
                    names.shown(file.format).replace("_", " ") if file.format else "not recognised" for file in files
                ],
                "Size": [size(file.bytes) for file in files],
                "Lines": [file.lines for file in files],
                "Requests": [file.requests for file in files],
                "Duplicates": [file.duplicates for file in files],
                "Not usage": [file.ignored for file in files],
                "Rejected": [file.rejected for file in files],
            }
        ),
        key="load-files",
        hide_index=True,
        height="content" if len(files) <= 10 else 410,
        row_height=34,
        column_config={
            "File": st.column_config.TextColumn("File", width=260),
            "Size": st.column_config.TextColumn("Size", alignment="right"),
            **{
                name: st.column_config.NumberColumn(name, format="localized")
                for name in ("Lines", "Requests", "Duplicates", "Not usage", "Rejected")
            },
        },
        alt="Files of this load",
    )
    for file in files:
        for finding in file.findings:
            st.caption(names.markdown(f"{names.short(file.path, 60)}: {finding}"))
    if load.rejected:
        label = f":blue[See its {of(load.rejected, 'rejected line')} →]"
        st.button(label, key="see-its-rejected", type="tertiary", on_click=show_rejected, args=(load.load_id,))


def show_rejected(load_id: int) -> None:
    """Shows the rejected lines of one load; for a callback."""
    st.session_state[REJECTED_LOAD] = load_id
    show(REJECTED)


def title_of(load: Load, timezone: str) -> str:
    """A load in a few words."""
    return f"Load {load.load_id}, {moment(load.loaded_at, timezone)}"


def moment(utc: datetime, timezone: str) -> str:
    """A UTC time to the minute, as local time."""
    local = utc.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))
    return f"{local.day} {local:%b %Y, %H:%M}"


def size(number: int) -> str:
    """Bytes to read at a glance."""
    for unit, whole in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= whole:
            tenths = number * 10 // whole
            return f"{tenths // 10}.{tenths % 10} {unit}"
    return f"{number} B"


def files_said(load: Load) -> str:
    """The files of a load in a few words."""
    first = names.short(load.first_file.rstrip("/").rsplit("/", 1)[-1], 40)
    return first if load.files == 1 else f"{first} and {numbers.count(load.files - 1)} more"


def cost_said(load: Load) -> str:
    """What a load costs and what of it is not in that."""
    held = "" if load.holds == load.requests else f" It holds {numbers.count(load.holds)} of its requests today."
    unpriced = f", {of(load.unpriced, 'request')} unpriced and in no sum" if load.unpriced else ""
    return f"They cost {numbers.usd(load.cost)}{unpriced}.{held}"


def ask_to_undo(load_id: int) -> None:
    """Opens the dialog that asks; for a callback."""
    st.session_state[UNDOING] = load_id
