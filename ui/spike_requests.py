"""The requests behind an incident, or behind one bar of its waterfall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import streamlit as st

from spend.explain.behind import failed_behind, requests_behind, spent_behind
from spend.filters import Filters
from spend.requests import RequestRow
from ui import drill, names, numbers, tables
from ui.cached import ask, ask_once
from ui.requests_table import COLUMNS, export_columns, request_rows
from ui.spike_hours import Spans

PAGE = 10
_EXPORTED = 100_000
ORDERS = {"prompt length": "prompt", "cache mix": "prompt", "output length": "output", "requests": "time"}
_WORDS = {
    "cost": "dearest first",
    "time": "in the order of time",
    "prompt": "longest prompt first",
    "output": "longest answer first",
}


@dataclass(frozen=True)
class Behind:
    """Which requests, and what they are asked for: a bar's driver, or None for all of an incident."""

    filters: Filters
    spans: Spans
    driver: str | None = None

    @property
    def order(self) -> str:
        """What tells most about the driver comes first."""
        return ORDERS.get(self.driver or "", "cost")


def requests_shown(asked: Behind) -> None:
    """Ten requests a page; a chosen one is shown."""
    spent = ask(spent_behind, asked.filters, asked.spans)
    if not spent.requests:
        st.caption("No request in these hours: what was usual here did not happen.")
        return
    failed = ask(failed_behind, asked.filters, asked.spans)
    free = f", {numbers.count(failed)} of them failed and were not billed" if failed else ""
    in_all = f"{numbers.count(spent.requests)} requests{free}; {numbers.usd(spent.cost)} in all"
    st.caption(names.markdown(f"{in_all}, {_WORDS[asked.order]}."))
    page_key = f"spike-page-{crc32(repr(asked).encode())}"
    page = st.session_state.get(page_key, 1)
    args: dict[str, Any] = {"order": asked.order, "limit": PAGE, "offset": (page - 1) * PAGE}
    rows = ask(requests_behind, asked.filters, asked.spans, **args)
    tables.choose(
        request_rows(rows, asked.filters.timezone),
        {},
        key="spike-requests",
        columns=COLUMNS,
        opener="Time",
        then=lambda row: drill.set_request(rows[row].request_key, rows[row].started_at),
        alt=f"Requests behind it, {_WORDS[asked.order]}",
        sortable=False,
    )
    pages = -(-spent.requests // PAGE)
    with st.container(key="spike-requests-foot", horizontal=True, vertical_alignment="center"):
        if pages > 1:
            st.pagination(pages, key=page_key, max_visible_pages=5)
        tables.export("incident", lambda: export_columns(_all(asked)), key="spike-requests", said=_cut(spent.requests))


def _all(asked: Behind) -> list[RequestRow]:
    return ask_once(requests_behind, asked.filters, asked.spans, order=asked.order, limit=_EXPORTED)


def _cut(requests: int) -> str | None:
    return f"The first {numbers.count(_EXPORTED)}" if requests > _EXPORTED else None
