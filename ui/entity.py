"""One feature, model or user: its line, its days and hours, what is inside it, and its requests."""

from __future__ import annotations

import streamlit as st

from spend.breakdown import Spend, total
from spend.filters import Filters
from spend.requests import cost_spread
from ui import drill, empty, names, numbers
from ui.by_time import grain_of_period, spend_by_time
from ui.cached import ask
from ui.colours import colours_for
from ui.filters import Asked
from ui.headline import figure, month_figure, spend_figure
from ui.hours import weekday_by_hour
from ui.kinds import KINDS, Kind
from ui.look import heading
from ui.ranked import ranked_list, token_classes
from ui.requests_table import requests_table


def entity_view(kind: Kind, asked: Asked, entity: drill.Focus) -> None:
    """Everything about one entity under the filter bar's other conditions."""
    filters = asked.filters.narrowed(kind.dimension, entity.name)
    before = asked.before.narrowed(kind.dimension, entity.name) if asked.before else None
    spend = ask(total, filters)
    if empty.nothing_in(asked, spend):
        return
    _headline(asked, filters, before, spend)
    with heading(f"Spend by {grain_of_period(filters)}", key="time"):
        pass
    fill = colours_for(kind.dimension).of(entity.name)
    spend_by_time(asked, filters, None, key="entity-time", fill=fill, height=220)
    left, right = st.columns(2, gap="large")
    with left:
        _inside(kind.inside[0], filters, before)
        with heading("When", key="when"):
            pass
        weekday_by_hour(filters, key="entity-hours")
    with right:
        _inside(kind.inside[1], filters, before)
        with heading("What is paid for", key="classes"):
            pass
        token_classes(spend, key="entity-classes")
    requests_table(filters, without=kind.one)


def _inside(dimension: str, filters: Filters, before: Filters | None) -> None:
    with heading(KINDS[dimension].title, key=dimension):
        pass
    ranked_list(filters, before, dimension, key=f"entity-{dimension}", limit=5)


def _headline(asked: Asked, filters: Filters, before: Filters | None, spend: Spend) -> None:
    with st.container(key="headline"):
        answer, month, requests, each, cache = st.columns([1.2, 1.2, 0.8, 1.2, 1.2], gap="small")
    with answer, st.container(key="answer", gap="xsmall"):
        spend_figure(asked, filters, before, spend)
    with month, st.container(key="month", gap="xsmall"):
        month_figure(asked, filters)
    with requests:
        share = numbers.percent(spend.cost, ask(total, asked.filters).cost)
        figure("Share of all spend", share, f"{numbers.count(spend.requests)} requests")
    with each:
        spread = ask(cost_spread, filters)
        said = f"half cost up to {numbers.unit(spread.p50)}" if spread else None
        figure(
            "One request, on average",
            numbers.unit(numbers.each(spend.cost, spend.requests - spend.unpriced_requests)),
            said,
        )
        if spread:
            st.caption(names.markdown(f"95 % up to {numbers.unit(spread.p95)}, the dearest {numbers.unit(spread.max)}"))
    with cache:
        figure("Prompt tokens from cache", numbers.percent(spend.cache_read_tokens, spend.prompt_tokens))
        if spend.unpriced_requests:
            st.caption(f"{numbers.count(spend.unpriced_requests)} requests unpriced, in no sum")
