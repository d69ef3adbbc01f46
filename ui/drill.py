"""From a number to the rows behind it: the way down is in the URL, the way back on the page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import streamlit as st

from ui import names

REQUEST, AT = "request", "at"
PAGE_OF = {"feature": "features", "model": "models", "user": "users"}
_PLACES = "_places"


@dataclass(frozen=True)
class Focus:
    """The one entity a page is about."""

    dimension: str
    name: str | None


def announce(pages: dict[str, Any]) -> None:
    """Tells where each page is, by its URL path; the dashboard calls it before the page runs."""
    st.session_state[_PLACES] = pages


def focus(dimension: str) -> Focus | None:
    """The entity the URL names, if any."""
    value = st.query_params.get(_param(dimension))
    return None if value is None else Focus(dimension, names.from_url(value))


def request_in_focus() -> str | None:
    return st.query_params.get(REQUEST)


def time_in_focus() -> datetime | None:
    """When that request was (UTC), if the URL says so."""
    with suppress(ValueError):
        return datetime.fromisoformat(st.query_params.get(AT, "")).replace(tzinfo=None)
    return None


def set_focus(dimension: str, name: str | None) -> None:
    """On the dimension's own page: goes down into one entity."""
    st.query_params[_param(dimension)] = names.to_url(name)


def set_request(request_key: str, at: datetime | None) -> None:
    """Shows a request; its time (UTC) finds it sooner. At once, so that it is one step back in the browser."""
    if at is None:
        leave(AT)
    st.query_params.update({REQUEST: request_key} | ({AT: at.isoformat()} if at else {}))


def leave(*params: str) -> None:
    """Goes up: forgets what the URL named."""
    for param in params:
        st.query_params.pop(param, None)


def open_entity(dimension: str, name: str | None) -> None:
    """From any page: shows one entity on its own page."""
    place = _place(PAGE_OF[dimension])
    if place is not None:
        st.switch_page(place, query_params=focus_query(dimension, name))


def focus_query(dimension: str, name: str | None) -> dict[str, str]:
    """The query of one entity's own page."""
    return {_param(dimension): names.to_url(name)}


def link(url_path: str, label: str, *, query: dict[str, str] | None = None) -> None:
    """A link to a page; plain text where that page is not served."""
    place = _place(url_path)
    if place is None:
        st.caption(names.markdown(label))
    else:
        st.page_link(place, label=names.markdown(label), query_params=query)


def crumbs(dimension: str, title: str, entity: Focus | None, request_key: str | None) -> None:
    """The way back: list, entity, request."""
    with st.container(key="crumbs", horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.button(title, key="crumb-list", type="tertiary", on_click=leave, args=(_param(dimension), REQUEST, AT))
        if entity is not None:
            st.text("›")
            if request_key is None:
                st.text(names.short(entity.name, 60))
            else:
                label = names.markdown(names.short(entity.name, 40))
                st.button(label, key="crumb-entity", type="tertiary", on_click=leave, args=(REQUEST, AT))
        if request_key is not None:
            st.text("›")
            st.text("Request")


def picked(key: str, then: Callable[[int], None]) -> Callable[[], None]:
    """A selection callback: hands the selected row to ``then``."""

    def callback() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            then(rows[0])

    return callback


def bar_picked(key: str, then: Callable[[str | None], None]) -> Callable[[], None]:
    """A ranked chart's selection callback: hands the clicked bar's name to ``then``."""

    def callback() -> None:
        for point in st.session_state[key]["selection"]["points"]:
            identity, is_other, *_ = point.get("customdata") or ("", True)
            if not is_other:
                then(names.from_url(identity))

    return callback


def time_picked(key: str, then: Callable[[date], None]) -> Callable[[], None]:
    """A time chart's selection callback: hands the day the clicked bar begins on to ``then``."""

    def callback() -> None:
        for point in st.session_state[key]["selection"]["points"][:1]:
            then(date.fromisoformat(str(point["x"])[:10]))

    return callback


def _param(dimension: str) -> str:
    return f"{dimension}_focus"


def _place(url_path: str) -> Any:
    return st.session_state.get(_PLACES, {}).get(url_path)
