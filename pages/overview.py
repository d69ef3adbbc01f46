"""Overview: what was spent, where it goes, who makes it."""

from __future__ import annotations

import streamlit as st

from spend.breakdown import Spend, total
from ui import drill, empty
from ui.budgets import budgets
from ui.by_time import grain_of_period, spend_by_time
from ui.cached import ask
from ui.filters import Asked, filter_bar
from ui.headline import headline
from ui.kinds import FEATURES, MODELS, USERS
from ui.last_night import last_night_line
from ui.look import heading
from ui.ranked import ranked_list, token_classes
from ui.worth_a_look import worth_a_look

_STACKS = {"Feature": "feature", "Model": "model"}


def page() -> None:
    """The answer, the picture, the names."""
    if empty.store_is_empty():
        return
    asked = filter_bar()
    spend = ask(total, asked.filters)
    if empty.nothing_in(asked, spend):
        return
    headline(asked, spend)
    night = st.container(key="night")  # filled last: it takes longer than all the rest
    _time(asked)
    _names(asked, spend)
    budgets(asked)
    with night:
        last_night_line(asked)
    worth_a_look(asked, spend)


def _time(asked: Asked) -> None:
    with heading(f"Spend by {grain_of_period(asked.filters)}", key="time"):
        stack = st.segmented_control(
            "Stacked by",
            list(_STACKS),
            default="Feature",
            required=True,
            key="stack",
            bind="query-params",
            label_visibility="collapsed",
        )
    dimension = _STACKS[stack or "Feature"]
    spend_by_time(asked, asked.filters, dimension, key="time")


def _names(asked: Asked, spend: Spend) -> None:
    """Two by two on a desktop, one below the other on a phone."""
    kinds = (FEATURES, MODELS, USERS)
    for pair in (kinds[:2], kinds[2:]):
        columns = st.columns(2, gap="large")
        for column, kind in zip(columns, pair, strict=False):
            with column:
                with heading(kind.title, key=kind.dimension):
                    drill.link(drill.PAGE_OF[kind.dimension], f"All {kind.title.lower()} →")
                ranked_list(asked.filters, asked.before, kind.dimension, key=f"top-{kind.dimension}")
    with columns[1]:
        with heading("What is paid for", key="classes"):
            pass
        token_classes(spend, key="classes")
