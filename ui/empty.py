"""What is said when there is nothing to show, and what to do next."""

from __future__ import annotations

import streamlit as st

from spend.breakdown import Spend, total
from spend.filters import Filters
from ui import drill
from ui.cached import ask
from ui.filters import Asked, show_everything


def holds_data() -> bool:
    return ask(total, Filters()).requests > 0


def store_is_empty() -> bool:
    """True when nothing is loaded yet; says then how to load."""
    if holds_data():
        return False
    with st.container(key="empty-store"):
        st.header("No usage loaded yet")
        st.text(
            "Spendglass reads the logs your apps or Claude Code already write and shows what each feature, model, "
            "user and day costs. No prompt or answer text is stored."
        )
        drill.link("data", "Load logs on the Data page →")
        st.text("Or from a shell, while the dashboard runs or not:")
        st.code("python -m ingest path/to/logs/\npython -m ingest ~/.claude/projects/", language="bash")
        st.text("Or look around with the sample first:")
        st.code("python -m ingest data/sample/*.jsonl.gz", language="bash")
    return True


def nothing_in(asked: Asked, spend: Spend) -> bool:
    """True when the filters hold no request; offers to show everything then."""
    if spend.requests:
        return False
    with st.container(key="empty-period"):
        st.header("No requests here")
        chosen = " with these names" if asked.filters.where else ""
        st.text(f"Nothing was logged{chosen} in {asked.words} ({asked.filters.timezone}).")
        st.button("Show everything", key="show-everything", on_click=show_everything)
    return True
