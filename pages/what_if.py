"""What if: what would save money, what a scenario of levers comes to, and caching as it was."""

from __future__ import annotations

import streamlit as st

from spend.breakdown import total
from ui import empty
from ui.cached import ask
from ui.filters import filter_bar
from ui.what_if_build import scenario
from ui.what_if_found import found_unasked
from ui.what_if_more import caching_as_it_was, three_prices


def page() -> None:
    """Findings first, then the scenario, then what stands around it."""
    if empty.store_is_empty():
        return
    asked = filter_bar()
    spend = ask(total, asked.filters)
    if empty.nothing_in(asked, spend):
        return
    if not spend.cost:
        st.text("None of these requests has a price, so no lever can save anything. See Unpriced on the Data page.")
        return
    scenario(asked)
    found_unasked(asked)
    caching_as_it_was(asked.filters)
    three_prices(asked.filters)
