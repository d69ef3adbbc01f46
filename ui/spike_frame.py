"""What stands around a night: the page's own styles, and a link that shows this very night later too."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.share import link_to
from ui.spike_question import BEHIND, INCIDENT, NIGHT, Looked

_STYLES = Path(__file__).with_name("assets") / "spikes.css"


def frame() -> None:
    """Puts the zone at the end of the row of nights."""
    st.html(_STYLES)


def share_night(looked: Looked) -> None:
    """A link with the night and the zone spelled out."""
    with st.popover("Share link", key="share-night", type="tertiary"):
        st.caption("Shows exactly this night, in this time zone, to whoever opens it on this dashboard.")
        kept = {name: value for name in (INCIDENT, BEHIND) if (value := st.query_params.get(name))}
        kept[NIGHT] = looked.night.isoformat()
        st.code(link_to(looked.filters, st.context.url or "", kept), language=None, wrap_lines=True)
