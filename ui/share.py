"""A link that shows the same screen to anyone, later too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import streamlit as st

from spend.filters import Filters
from ui import names
from ui.periods import CUSTOM, EVERYTHING


def share_link(filters: Filters, *, bar: Sequence[str]) -> None:
    """A link that shows this screen to anyone at any later time: its dates and its zone are spelled out."""
    with st.popover("Share link", key="share", type="tertiary"):
        st.caption("Shows exactly these days, in this time zone, to whoever opens it on this dashboard.")
        kept = {name: value for name, value in st.query_params.items() if name not in bar}
        st.code(link_to(filters, st.context.url or "", kept), language=None, wrap_lines=True)


def link_to(filters: Filters, url: str, kept: dict[str, str]) -> str:
    """``url`` with the filters, and what else is ``kept`` of its query."""
    parts = urlsplit(url)
    query: list[tuple[str, str]] = [("timezone", filters.timezone), *kept.items()]
    if filters.since and filters.until:
        last = filters.until - timedelta(days=1)
        query += [("period", CUSTOM), ("dates", filters.since.isoformat()), ("dates", last.isoformat())]
    else:
        query.append(("period", EVERYTHING))
    query += [(dimension, names.to_url(value)) for dimension, value in filters.where]
    return parts._replace(query=urlencode(query), fragment="").geturl()
