"""Draws a figure in the ink of the theme the reader has on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st

CONFIG = {"displayModeBar": False, "responsive": True, "doubleClick": False}
_INKS = {"light": ("#1A1F26", "#5B6672", "#FFFFFF", "#E3E7EC"), "dark": ("#E8EBEF", "#98A3B0", "#181E26", "#262D36")}


def draw(figure: go.Figure, *, key: str, alt: str, on_select: Callable[[], None] | None = None) -> None:
    """The figure under ``key``; with ``on_select`` its marks can be clicked."""
    ink, quiet, paper, hairline = _INKS[st.context.theme.type or "light"]
    figure.update_layout(
        font={"color": ink, "family": "Source Sans, sans-serif", "size": 13},
        hoverlabel={"bgcolor": paper, "bordercolor": hairline, "font": {"color": ink, "size": 13}},
        xaxis={"tickfont": {"color": quiet}},
        yaxis={"tickfont": {"color": quiet}, "gridcolor": hairline},
    )
    selecting: dict[str, Any] = {"on_select": on_select, "selection_mode": "points"} if on_select else {}
    st.plotly_chart(figure, theme=None, key=key, config=CONFIG, alt=alt, **selecting)
