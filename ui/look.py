"""What the theme cannot say: one static stylesheet and the name in the corner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from ui import names

_ASSETS = Path(__file__).with_name("assets")


def apply() -> None:
    """Once a run, in the frame around every page."""
    st.html(_ASSETS / "look.css")
    dark = st.context.theme.type == "dark"
    st.logo(str(_ASSETS / ("wordmark-dark.svg" if dark else "wordmark.svg")), size="medium")


@contextmanager
def heading(title: str, *, key: str) -> Iterator[None]:
    """A section's title under a hairline; what the block draws stands to its right."""
    with st.container(
        key=f"head-{key}", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"
    ):
        st.subheader(names.markdown(title), anchor=False)
        yield
