"""The filter bar: period, time zone, feature, model and user, the same for every page and all in the URL."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

import streamlit as st

from spend.breakdown import amounts, covers
from spend.filters import Filters, WrongQuestion, zone_of
from ui import names
from ui.cached import ask
from ui.periods import CUSTOM, EVERYTHING, PERIODS, day_words, period_of
from ui.share import share_link

DIMENSIONS = {"feature": "All features", "model": "All models", "user": "All users"}
Seen = Literal["all", "timezone", "none"]  # of the bar, on a page
_DRAWN = "_asked"
_SHOWN = "_period-shown"
_ISO = "YYYY-MM-DD"
_NO_DATES: list[date | datetime | str | Literal["today"] | None] = []
_OFFERED = 200  # of each dimension, dearest first; any other name can be typed
_LIVE = timedelta(days=7)  # logs that end longer ago are looked at from their own last day


@dataclass(frozen=True)
class Asked:
    """What the filter bar asks: the question, the day it is asked on, and the local day that is not over."""

    filters: Filters
    today: date
    unfinished_day: date | None
    first_day: date

    @property
    def before(self) -> Filters | None:
        """The equal period before, where the period has two ends and the logs reach back to its beginning."""
        return self.reaching_back(self.filters)

    @property
    def last_week(self) -> Asked:
        """The same question of the last seven days of the period."""
        until = self.filters.until or self.today + timedelta(days=1)
        return replace(self, filters=replace(self.filters, since=until - timedelta(days=7), until=until))

    def reaching_back(self, filters: Filters) -> Filters | None:
        if filters.since is None or filters.until is None:
            return None
        before = filters.previous()
        return before if before.since and before.since >= self.first_day else None

    @property
    def words(self) -> str:
        """The period as a reader says it."""
        since, until = self.filters.since, self.filters.until
        if since is None or until is None:
            return "all time"
        last = until - timedelta(days=1)
        return day_words(last) if since == last else f"{day_words(since, last)} to {day_words(last)}"


def filter_bar() -> Asked:
    """What the bar asks; the frame draws it, since Streamlit drops a page's own widgets from the URL between pages."""
    drawn: Asked | None = st.session_state.pop(_DRAWN, None)
    return drawn or _draw()


def draw_in_frame(seen: Seen = "all") -> None:
    """Draws the bar above the page, or what the page answers to of it; the store must hold data.

    The rest is out of sight and keeps what was chosen: Streamlit forgets what is not drawn.
    """
    st.session_state[_DRAWN] = _draw(seen)


def _draw(seen: Seen = "all") -> Asked:
    with st.container(key=f"filters-{seen}", horizontal=True, vertical_alignment="bottom", gap="small"):
        label = st.selectbox(
            "Period",
            PERIODS,
            index=1,
            key="period",
            on_change=_begin_custom,
            bind="query-params",
            label_visibility="collapsed",
            width=145,
        )
        timezone = timezone_box()
        now = datetime.now(UTC).astimezone(ZoneInfo(timezone)).date()
        today = _looked_at_from(now, timezone)
        dates = _dates(today, shown=label == CUSTOM)
        since, until = dates if label == CUSTOM else period_of(label, today)
        st.session_state[_SHOWN] = (since, until)
        where = tuple(pair for dimension in DIMENSIONS for pair in _chosen(dimension))
        filters = Filters(since, until, timezone, where)
        with st.container(key="filter-actions", horizontal=True, width="content", gap="small"):
            if where:
                st.button("Clear filters", key="filter-clear", type="tertiary", on_click=clear_names)
            share_link(filters, bar=("period", "dates", "timezone", *DIMENSIONS))
    running = (since or now) <= now and (until is None or until > now)
    return Asked(filters, today, now if running else None, _first_day(timezone) or now)


def _begin_custom() -> None:
    """A custom range begins as the period that was shown before it."""
    since, until = st.session_state.get(_SHOWN, (None, None))
    if st.session_state["period"] == CUSTOM and since and until and not st.session_state.get("dates"):
        st.session_state["dates"] = (since, until - timedelta(days=1))


def show_everything() -> None:
    """Sets the bar to all time and all names; for a button's callback."""
    st.session_state["period"] = EVERYTHING
    clear_names()


def show_from(day: date, grain: str) -> None:
    """Sets the bar to the day, week or month that begins on ``day``; for a callback."""
    length = {"day": 1, "week": 7, "month": monthrange(day.year, day.month)[1] - day.day + 1}[grain]
    st.session_state["period"] = CUSTOM
    st.session_state["dates"] = (day, day + timedelta(days=length - 1))


def clear_names() -> None:
    for dimension in DIMENSIONS:
        st.session_state[dimension] = []


def timezone_box() -> str:
    """The time zone to tell times in; the browser's own until another is chosen."""
    zones = _zones()
    own = st.context.timezone or "UTC"
    try:
        zone_of(own)
    except WrongQuestion:
        own = "UTC"
    index = zones.index(own) if own in zones else zones.index("UTC")
    return st.selectbox(
        "Time zone", zones, index=index, key="timezone", bind="query-params", label_visibility="collapsed", width=170
    )


@cache
def _zones() -> list[str]:
    return sorted(available_timezones() | {"UTC"})


def _looked_at_from(now: date, timezone: str) -> date:
    """Today, unless the logs ended long ago (a sample, an archive): then their last day."""
    span = ask(covers, timezone)
    last = span[1] - timedelta(days=1) if span else now
    return last if last < now - _LIVE else now


def _first_day(timezone: str) -> date | None:
    span = ask(covers, timezone)
    return span[0] if span else None


def _dates(today: date, *, shown: bool) -> tuple[date, date]:
    """The custom range. Out of sight it is drawn all the same: only a drawn widget keeps its place in the URL."""
    with st.container(key="dates-shown" if shown else "dates-hidden", width="content"):
        chosen = st.date_input(
            "Dates", _NO_DATES, key="dates", bind="query-params", label_visibility="collapsed", format=_ISO, width=245
        )
    first, last = (min(chosen), max(chosen)) if chosen else (today - timedelta(days=29), today)
    return first, last + timedelta(days=1)


def offered(dimension: str) -> list[str]:
    """The names to choose from, dearest first, as the URL has them."""
    return [names.to_url(name) for (name,) in ask(amounts, Filters(), (dimension,), limit=_OFFERED)]


def _chosen(dimension: str) -> list[tuple[str, str | None]]:
    chosen = st.multiselect(
        dimension.capitalize(),
        offered(dimension),
        key=dimension,
        bind="query-params",
        placeholder=DIMENSIONS[dimension],
        label_visibility="collapsed",
        accept_new_options=True,
        select_all=False,
        wrap=False,
        width=170,
    )
    return [(dimension, names.from_url(value)) for value in chosen]
