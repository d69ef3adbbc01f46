"""Estimate: what a prompt, a request or a job would cost before it is sent, on every current model."""

from __future__ import annotations

import streamlit as st

from spend.estimate import side_by_side
from spend.pricing import catalogue_of
from ui.cached import the_store
from ui.estimate_input import by_hand, wanted
from ui.estimate_table import answer, comparison
from ui.estimate_try import try_it


def page() -> None:
    """What is to be sent, what it costs, where it would cost less, and what it did cost."""
    held = catalogue_of(the_store().prices)
    asked = wanted(held)
    if asked is None:
        return
    rows = side_by_side(asked.sized, held, asked.expected)
    answer(rows[0], by_hand=by_hand(asked))

    def choose(model: str) -> None:
        st.session_state[asked.chooser] = model

    comparison(rows, choose)
    try_it(asked.asked, rows[0], held)
