"""One page for features, models and users: the ranked list, one entity of it, one request of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from spend.breakdown import Spend, amounts, breakdown, period, total
from spend.filters import Filters
from spend.request import request
from ui import drill, empty, names, numbers, tables
from ui.by_time import grain_of
from ui.cached import ask, ask_once
from ui.entity import entity_view
from ui.filters import Asked, filter_bar
from ui.headline import spend_figure
from ui.kinds import Kind
from ui.ranked import Ranked, dearest, only
from ui.request_view import request_view

LISTED = 100


def ranking_page(kind: Kind) -> None:
    """The page of one dimension, as deep as the URL names: list, entity or request."""
    if empty.store_is_empty():
        return
    asked = filter_bar()
    entity, request_key = drill.focus(kind.dimension), drill.request_in_focus()
    if request_key is not None:
        drill.crumbs(kind.dimension, kind.title, entity, request_key)
        detail = ask(request, request_key, at=drill.time_in_focus())
        if detail is None:
            st.text("No request has this key in the store any more.")
        else:
            request_view(detail, asked.filters.timezone)
    elif entity is not None:
        drill.crumbs(kind.dimension, kind.title, entity, None)
        entity_view(kind, asked, entity)
    else:
        _list(kind, asked)


def _list(kind: Kind, asked: Asked) -> None:
    whole = ask(total, asked.filters)
    if empty.nothing_in(asked, whole):
        return
    rows = dearest(asked.filters, asked.before, kind.dimension, LISTED)
    with st.container(key="answer", gap="xsmall"):
        spend_figure(asked, asked.filters, asked.before, whole)
    frame = _frame(rows, whole, _trends(asked.filters, kind, rows))
    tables.choose(
        frame,
        {name: said for name, said in _texts(rows).items() if name in frame},
        key=f"{kind.dimension}-list",
        columns=_columns(kind),
        opener="name",
        then=lambda row: drill.set_focus(kind.dimension, rows[row].name),
        alt=f"{kind.title}, dearest first",
    )
    rest = whole.cost - sum(row.spend.cost for row in rows)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        cut = f" The dearest {LISTED} are listed; all others cost {numbers.usd(rest)} together." if rest else ""
        st.caption(names.markdown(f"Click a name to open it, or mark its row: Shift+Space.{cut}"))
        tables.export(
            kind.title.lower(),
            lambda: export_columns(kind, ask_once(breakdown, asked.filters, (kind.dimension,))),
            key=kind.dimension,
        )


def _frame(rows: Sequence[Ranked], whole: Spend, trends: Sequence[Sequence[float]]) -> pd.DataFrame:
    """The values the table sorts by; what it says is in `_texts`."""
    frame = pd.DataFrame(
        {
            "name": [names.button(names.short(row.name)) for row in rows],
            "spend": [row.spend.cost / numbers.PICO for row in rows],
            "share": [100 * row.spend.cost / (whole.cost or 1) for row in rows],
            "change": [_moved(row) for row in rows],
            "trend": list(trends),
            "requests": [row.spend.requests for row in rows],
            "each": [(row.each or 0) / numbers.PICO for row in rows],
            "cached": [row.spend.cache_read_tokens / (row.spend.prompt_tokens or 1) for row in rows],
            "output": [row.spend.output_cost / (row.spend.cost or 1) for row in rows],
            "unpriced": [row.spend.unpriced_requests for row in rows],
        }
    )
    return frame if whole.unpriced_requests else frame.drop(columns="unpriced")


def _texts(rows: Sequence[Ranked]) -> dict[str, list[str]]:
    return {
        "spend": [numbers.usd(row.cost) for row in rows],
        "change": [row.change for row in rows],
        "requests": [numbers.count(row.spend.requests) for row in rows],
        "each": [numbers.unit(row.each) for row in rows],
        "cached": [numbers.percent(row.spend.cache_read_tokens, row.spend.prompt_tokens) for row in rows],
        "output": [numbers.percent(row.spend.output_cost, row.spend.cost) for row in rows],
        "unpriced": [numbers.count(row.spend.unpriced_requests or None) for row in rows],
    }


def _columns(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.one.capitalize(),
        "spend": tables.figures("Spend"),
        "share": st.column_config.ProgressColumn(
            "Share", min_value=0, max_value=100, format="%.1f %%", width=120, help="Of the spend of the period"
        ),
        "change": tables.figures("Change", said="Against the equal period before"),
        "trend": st.column_config.BarChartColumn("Trend", y_min=0, width=130, help="Spend over the period"),
        "requests": tables.figures("Requests"),
        "each": tables.figures("Each", said="Spend per request"),
        "cached": tables.figures("From cache", said="Prompt tokens read from the cache, of all prompt tokens"),
        "unpriced": tables.figures("Unpriced", said="Requests without a price, in no sum"),
        "output": tables.figures("Output", said="Share of the spend that pays for output tokens"),
    }


def _trends(filters: Filters, kind: Kind, rows: Sequence[Ranked]) -> list[list[float]]:
    """Spend over time of each row, in the same buckets for all."""
    since, until = ask(period, filters)
    grain = grain_of((until - since).days)
    found = ask(amounts, only(filters, kind.dimension, [row.name for row in rows]), (kind.dimension, grain))
    buckets = sorted({key[1] for key in found if key[1] is not None})
    return [[found.get((row.name, bucket), 0) / numbers.PICO for bucket in buckets] for row in rows]


def _moved(row: Ranked) -> float:
    if not row.before:
        return float("inf") if row.spend.cost and row.before is not None else 0.0
    return row.spend.cost / row.before - 1


def export_columns(kind: Kind, rows: Sequence[Any]) -> tables.Columns:
    """Every name of the dimension with its spend, exact."""
    return {
        kind.one: [row.key[0] for row in rows],
        "ListCost": tables.money([row.spend.cost if row.spend.cost_known else None for row in rows]),
        "PricingCurrency": ["USD"] * len(rows),
        **{
            name: [getattr(row.spend, name) for row in rows]
            for name in Spend.__dataclass_fields__
            if not name.endswith("cost")
        },
    }
