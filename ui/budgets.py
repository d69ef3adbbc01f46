"""Budgets on Overview: where each stands, and the box that sets them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import streamlit as st

from spend.budgets import Budget, BudgetState, budgets_of, keep_budget, remove_budget, standing
from spend.filters import WrongQuestion
from ui import drill, names, numbers, tables
from ui.cached import StoreError, ask, the_store
from ui.filters import Asked, offered
from ui.look import heading
from ui.periods import day_words
from ui.spike_words import scope_said

LISTED = 20
BOX = "budget-box"
_SCOPES = {"account": "Everything", "feature": "A feature", "user": "A user"}
_PERIODS = {"month": "Month", "day": "Day"}
_SCOPE, _NAME, _PERIOD, _DOLLARS = (f"budget-{name}" for name in ("scope", "name", "period", "dollars"))
_PROBLEM = "_budget-problem"


@st.fragment
def budgets(asked: Asked) -> None:
    """What may be spent beside what is, those in danger first; whatever names are chosen in the filter bar."""
    kept = ask(budgets_of)
    with heading("Budgets", key="budgets"):
        box = st.popover("Set a budget", key=BOX, type="tertiary", on_change="rerun")
    if box.open:
        with box:
            _form()
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        st.error(names.markdown(problem))
    if not kept:
        st.caption("None is set: for everything, a feature or a user, by calendar month or day.")
        return
    states = ask(standing, kept[:LISTED], asked.filters.timezone, asked.today)
    _table(sorted(states, key=_safety))
    if len(kept) > LISTED:
        st.caption(f"{LISTED} of {len(kept)} budgets. All of them, from a shell: python -m spend budget")


def _table(states: list[BudgetState]) -> None:
    figures = {
        "spent": [numbers.usd(state.spent) for state in states],
        "of": [numbers.usd(state.budget.amount) for state in states],
        "projected": [numbers.about(state.projected) for state in states],
    }
    picos = {
        "spent": [state.spent for state in states],
        "of": [state.budget.amount for state in states],
        "projected": [state.projected for state in states],
    }

    def opened(row: int) -> None:
        budget = states[row].budget
        if budget.scope != "account":
            drill.open_entity(budget.scope, budget.name)

    tables.choose(
        pd.DataFrame(
            {
                "budget": [f"{scope_said(state.budget.where)}, by {state.budget.period}" for state in states],
                "used": [100 * state.spent // state.budget.amount for state in states],
                **{name: [value / numbers.PICO for value in values] for name, values in picos.items()},
                "outlook": [_outlook(state) for state in states],
            }
        ),
        figures,
        key="budget-list",
        columns=_COLUMNS,
        opener="budget",
        then=opened,
        alt="Budgets, those in danger first",
    )


_COLUMNS: dict[str, Any] = {
    "budget": "Budget",
    "used": st.column_config.ProgressColumn("Used", min_value=0, max_value=100, format="%d %%", width=120),
    "spent": tables.figures("Spent", width=90),
    "of": tables.figures("Of", width=90),
    "projected": tables.figures("By its end", said="About what the month or day will have cost", width=90),
    "outlook": st.column_config.TextColumn("Outlook"),
}


def _safety(state: BudgetState) -> tuple[bool, bool, float]:
    return not state.crossed, not state.will_be_crossed, -state.spent / state.budget.amount


def _outlook(state: BudgetState) -> str:
    if state.passed_on:
        return f"crossed on {day_words(state.passed_on)}"
    chance = None if state.probability is None else numbers.percent(round(state.probability * 1000), 1000)
    if not state.will_be_crossed:
        return "too little history to tell" if chance is None else f"{chance} likely to be crossed"
    said = "about to be crossed" if chance is None else f"{chance} likely to be crossed"
    last_day = state.until - timedelta(days=1)
    on = state.breach_on if state.breach_on and state.since < last_day else None
    return f"{said}, on {day_words(on)}" if on else said


def _form() -> None:
    scope = st.segmented_control(
        "For", list(_SCOPES), default="account", required=True, key=_SCOPE, format_func=_SCOPES.__getitem__
    )
    if scope in ("feature", "user"):
        st.selectbox("Name", offered(scope), key=f"{_NAME}-{scope}", accept_new_options=True)
    st.segmented_control(
        "By", list(_PERIODS), default="month", required=True, key=_PERIOD, format_func=_PERIODS.__getitem__
    )
    st.text_input("Dollars", key=_DOLLARS, placeholder="500.00; nothing takes the budget away")
    st.button("Keep", key="budget-keep", type="primary", on_click=_keep)
    st.caption("Kept in the store, for this page, the command line and messages.")


def _keep() -> None:
    state = st.session_state
    scope, period = state[_SCOPE], state[_PERIOD]
    name = None if scope == "account" else names.from_url(state[f"{_NAME}-{scope}"])
    try:
        amount = numbers.picos_of(state[_DOLLARS])
        if amount is None:
            remove_budget(the_store(), Budget(scope, name, period, 1).of)
        else:
            keep_budget(the_store(), Budget(scope, name, period, amount))
        state[_DOLLARS] = ""
    except (StoreError, WrongQuestion) as error:
        state[_PROBLEM] = str(error)
