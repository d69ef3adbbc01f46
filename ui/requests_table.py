"""The requests behind a number: one page at a time, sorted by the store, so ten million rows are as quick as ten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import pandas as pd
import streamlit as st

from spend.filters import Filters
from spend.requests import RequestRow, count_of_requests, page_of_requests
from ui import drill, names, numbers, tables
from ui.cached import ask, ask_once
from ui.look import heading
from ui.reasons import why_unpriced
from ui.request_view import when

PAGE = 25
_EXPORTED = 100_000
_ORDERS = {
    "Dearest first": ("cost", True),
    "Newest first": ("time", True),
    "Oldest first": ("time", False),
    "Longest prompt first": ("prompt", True),
    "Longest output first": ("output", True),
    "Slowest first": ("latency", True),
    "Cheapest first": ("cost", False),
}


def requests_table(filters: Filters, *, without: str) -> None:
    """Order, page and rows, the column ``without`` left out; choosing a row shows the request."""
    found = ask(count_of_requests, filters)
    with heading(f"{numbers.count(found)} requests", key="requests"):
        order = st.selectbox(
            "Order", list(_ORDERS), key="order", bind="query-params", label_visibility="collapsed", width=190
        )
    pages = max(1, -(-found // PAGE))
    page_key = f"requests-page-{crc32(f'{filters} {order}'.encode())}"  # another question begins at its first page
    page = st.session_state.get(page_key, 1)
    by, descending = _ORDERS[order]
    rows = ask(page_of_requests, filters, order=by, descending=descending, limit=PAGE, offset=(page - 1) * PAGE)
    tables.choose(
        request_rows(rows, filters.timezone).drop(columns=without.capitalize()),
        {},
        key="requests-rows",
        columns=COLUMNS,
        opener="Time",
        then=lambda row: drill.set_request(rows[row].request_key, rows[row].started_at),
        alt=f"Requests, {order.lower()}",
        sortable=False,
    )
    with st.container(key="requests-foot", horizontal=True, vertical_alignment="center"):
        if pages > 1:
            st.pagination(pages, key=page_key, max_visible_pages=5)
        tables.export(
            "requests",
            lambda: export_columns(
                ask_once(page_of_requests, filters, order=by, descending=descending, limit=_EXPORTED)
            ),
            key="requests",
            said=f"The first {numbers.count(_EXPORTED)}" if found > _EXPORTED else None,
        )


COLUMNS: dict[str, Any] = {
    name: st.column_config.Column(name, alignment="right") for name in ("Prompt", "Cached", "Output", "Cost")
}


def request_rows(rows: Sequence[RequestRow], timezone: str) -> pd.DataFrame:
    """Requests as a table shows them: texts, times in a zone."""
    return pd.DataFrame(
        {
            "Time": [when(row.started_at, timezone) for row in rows],
            "Feature": [names.shown(row.feature) for row in rows],
            "User": [names.shown(row.user) for row in rows],
            "Model": [names.shown(row.model) for row in rows],
            "Prompt": [numbers.count(row.prompt_tokens) for row in rows],
            "Cached": [numbers.count(row.cache_read_tokens) for row in rows],
            "Output": [numbers.count(row.output_tokens) for row in rows],
            "Stop": [_ended(row) for row in rows],
            "Cost": [numbers.unit(row.cost) for row in rows],
        }
    )


def _ended(row: RequestRow) -> str:
    if row.status is not None and row.status >= 400:
        return f"error {row.status}"
    return names.shown(row.stop_reason) if row.stop_reason else numbers.UNKNOWN


def export_columns(rows: Sequence[RequestRow]) -> tables.Columns:
    """Requests under FOCUS names: our computed figure is ListCost."""
    return {
        "ChargePeriodStart": [row.started_at.isoformat() + "Z" if row.started_at else None for row in rows],
        "ChargeCategory": ["Usage"] * len(rows),
        "x_RequestId": [row.request_key for row in rows],
        "x_Feature": [row.feature for row in rows],
        "x_ModelId": [row.model for row in rows],
        "x_PrincipalId": [row.user for row in rows],
        "x_SessionId": [row.session for row in rows],
        "x_ServiceTier": [row.tier for row in rows],
        "x_PromptTokens": [row.prompt_tokens for row in rows],
        "x_CacheReadTokens": [row.cache_read_tokens for row in rows],
        "x_OutputTokens": [row.output_tokens for row in rows],
        "x_StopReason": [row.stop_reason for row in rows],
        "x_HttpStatus": [row.status for row in rows],
        "x_LatencyMs": [row.latency_ms for row in rows],
        "ListCost": tables.money([row.cost for row in rows]),
        "PricingCurrency": ["USD"] * len(rows),
        "x_UnpricedBecause": [why_unpriced(row.unpriced_because) if row.unpriced_because else None for row in rows],
    }
