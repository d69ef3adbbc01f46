"""A log before it is loaded: what its first lines become, what is wrong with them, and which field is which."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from ui import names, numbers
from ui.data_shapes import BadLine, Counted, Preview, Request
from ui.reasons import why_unpriced
from ui.request_view import when

ABSENT = "Not in the log"
WORDS = {
    "time": "Time",
    "model": "Model",
    "input_tokens": "Input tokens",
    "output_tokens": "Output tokens",
    "cache_read_tokens": "Cache reads",
    "cache_write_tokens": "Cache writes",
    "feature": "Feature",
    "user": "User",
    "session": "Session",
    "request_id": "Request id",
    "cost": "Cost the log gives",
    "uncached_input_tokens": "Input without cached tokens",
    "cache_write_5m_tokens": "Cache writes, 5 minutes",
    "cache_write_1h_tokens": "Cache writes, 1 hour",
    "latency_ms": "Latency",
    "time_to_first_token_ms": "Time to the first token",
    "status": "HTTP status",
    "inference_geo": "Inference geography",
    "requests": "API calls in the row",
    "total_tokens": "Tokens in all",
}
_BAD_LINES = 50
_FIRST = 8  # of WORDS: always shown, the others on demand


def counts_said(counted: Counted) -> str:
    """The lines and the four counts that add up to them."""
    parts = (
        f"{numbers.count(counted.requests)} {'request' if counted.requests == 1 else 'requests'}",
        f"{numbers.count(counted.duplicates)} {'duplicate' if counted.duplicates == 1 else 'duplicates'}",
        f"{numbers.count(counted.ignored)} not usage records",
        f"{numbers.count(counted.rejected)} rejected",
    )
    return f"{numbers.count(counted.lines)} {'line' if counted.lines == 1 else 'lines'} = {' + '.join(parts)}"


def preview_view(preview: Preview, timezone: str) -> None:
    """The counts, the first requests and the lines that would be rejected."""
    looked_at = "The whole file" if preview.whole_file else "The beginning of the file"
    st.text(f"{looked_at}: {counts_said(preview)}.")
    if not preview.requests:
        st.caption("Nothing of this would be loaded as it is.")
    elif preview.held == preview.requests:
        st.caption("All of these requests are in the store already: loading them again changes nothing.")
    elif preview.held:
        st.caption(f"{numbers.count(preview.held)} of these requests are in the store already and will not be doubled.")
    for finding in preview.findings:
        st.caption(names.markdown(finding))
    if preview.rows:
        frame = _frame(preview.rows, timezone)
        st.dataframe(
            frame if any(frame["Note"]) else frame.drop(columns="Note"),
            key="preview-rows",
            hide_index=True,
            height="content" if len(preview.rows) <= 8 else 330,
            row_height=34,
            column_config={
                **{name: st.column_config.Column(name, alignment="right", width=76) for name in _FIGURES},
                "Note": st.column_config.TextColumn("Note", width=150),
            },
            alt="The first requests of the file as they would be loaded",
        )
        st.caption(names.markdown(_below(preview.rows, timezone)))
    if preview.rejects:
        st.text("These lines would be rejected:")
        rejects_table(preview.rejects[:_BAD_LINES], key="preview-rejects")


def mapping_editor(preview: Preview, *, key: str) -> dict[str, str]:
    """Which field of the log is which of ours: only what the user changed of what was recognised (ours -> theirs)."""
    known = [ours for ours in WORDS if ours in preview.recognised]
    others = [ours for ours in preview.recognised if ours not in WORDS and not ours.startswith("tag:")]
    chosen: dict[str, str | None] = {}
    st.text("Which field of the log is which. What was recognised is chosen; change what is wrong.")
    _selectors(preview, known[:_FIRST], chosen, key)
    with st.expander("More fields", key=f"{key}-more"):
        _selectors(preview, [*known[_FIRST:], *others], chosen, key)
    return {ours: theirs or "" for ours, theirs in chosen.items() if theirs != preview.recognised[ours]}


def time_picker(timezone: str, *, key: str) -> datetime:
    """The time for records that carry none, in UTC without a zone."""
    now = datetime.now(ZoneInfo(timezone)).replace(tzinfo=None, second=0, microsecond=0)
    first = st.session_state.setdefault(f"{key}-now", now)
    chosen = st.datetime_input(
        f"These records carry no time. When were they made? ({timezone})",
        first,
        key=key,
        format="YYYY-MM-DD",
        width=340,
    )
    local: datetime = chosen or first
    return local.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC).replace(tzinfo=None)


def rejects_table(lines: Sequence[BadLine], *, key: str, files: Sequence[str] | None = None) -> None:
    """Where, what stood there, why not, and what to do."""
    columns = {"File": [names.shown(path) for path in files]} if files is not None else {}
    frame = pd.DataFrame(
        {
            **columns,
            "Line": [one.line for one in lines],
            "Field": [names.shown(one.field) if one.field else numbers.UNKNOWN for one in lines],
            "Found": [names.shown(one.found) for one in lines],
            "Why it was rejected": [names.shown(one.reason) for one in lines],
            "What to do": [names.shown(one.advice) for one in lines],
        }
    )
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height="content" if len(lines) <= 10 else 410,
        row_height=34,
        column_config={
            "File": st.column_config.TextColumn("File", width=140),
            "Line": st.column_config.NumberColumn("Line", format="localized", width=64),
            "Field": st.column_config.TextColumn("Field", width=110),
            "Found": st.column_config.TextColumn("Found", width=130),
            "Why it was rejected": st.column_config.TextColumn("Why it was rejected", width=200),
            "What to do": st.column_config.TextColumn("What to do", width=440),
        },
        alt="Rejected lines",
    )


def _selectors(preview: Preview, ours: Sequence[str], chosen: dict[str, str | None], key: str) -> None:
    options = [ABSENT, *dict.fromkeys([*preview.fields, *(path for path in preview.recognised.values() if path)])]
    with st.grid(min_column_width=210, gap="small"):
        for field in ours:
            found = preview.recognised[field]
            theirs = st.selectbox(
                WORDS.get(field, field.replace("_", " ").capitalize()),
                range(len(options)),
                index=options.index(found) if found else 0,
                format_func=lambda place: names.shown(options[place]),
                key=f"{key}-{field}",
            )
            chosen[field] = options[theirs] if theirs else None


_FIGURES = ("Uncached", "Cache reads", "Writes 5 min", "Writes 1 h", "Output", "Cost")


def _frame(rows: Sequence[Request], timezone: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Time": [_moment(row.started_at, timezone) for row in rows],
            "Model": [names.shown(row.model) for row in rows],
            "Feature": [names.shown(row.feature) for row in rows],
            "User": [names.shown(row.user) for row in rows],
            "Uncached": [numbers.count(row.uncached_input_tokens) for row in rows],
            "Cache reads": [numbers.count(row.cache_read_tokens) for row in rows],
            "Writes 5 min": [numbers.count(row.cache_write_5m_tokens) for row in rows],
            "Writes 1 h": [numbers.count(row.cache_write_1h_tokens) for row in rows],
            "Output": [numbers.count(row.output_tokens) for row in rows],
            "Cost": [numbers.unit(row.cost) for row in rows],
            "Note": [_note(row) for row in rows],
        }
    )


def _moment(utc: datetime | None, timezone: str) -> str:
    return when(utc, timezone).split(" ", 1)[1] if utc else numbers.UNKNOWN


def _below(rows: Sequence[Request], timezone: str) -> str:
    reasons = dict.fromkeys(row.unpriced_because for row in rows if row.unpriced_because)
    why = f" No price where {', or '.join(why_unpriced(reason) for reason in reasons)}." if reasons else ""
    return f"Times in {timezone}, costs by the price list in force.{why}"


def _note(row: Request) -> str:
    notes = [row.unpriced_because.replace("_", " ")] if row.unpriced_because else []
    return ", ".join([*notes, "in the store"] if row.held else notes)
