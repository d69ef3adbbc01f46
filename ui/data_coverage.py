"""What the store covers: its figures, and a strip of requests by day in which a missing day is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import plotly.graph_objects as go
import streamlit as st

from spend.coverage import Coverage, covered, gaps, requests_by_day
from ui import names, numbers
from ui.cached import ask
from ui.colours import GREY, PALETTE
from ui.headline import figure
from ui.periods import day_words
from ui.plot import draw

_SAID_GAPS = 4
LOADS, REJECTED, UNPRICED, PRICES = SECTIONS = ("Loads", "Rejected lines", "Unpriced", "Price list")


def coverage(timezone: str, *, loads: int, files: int, rejected: int) -> None:
    """The headline of a store that holds something, and the strip below it."""
    found = ask(covered)
    requests = ask(requests_by_day, timezone)
    missing = gaps(requests)
    _headline(found, requests, timezone, loads=loads, files=files, rejected=rejected)
    if len(requests) > 1:
        draw(days_figure(requests, missing), key="days-covered", alt=f"Requests by day, {len(requests)} days")
    said = gaps_said(missing)
    if said:
        st.caption(names.markdown(said))
    if found.undated:
        st.caption(f"{numbers.count(found.undated)} requests bear no time: they count in all time only, unpriced.")


def _headline(
    found: Coverage, requests: Mapping[date, int], timezone: str, *, loads: int, files: int, rejected: int
) -> None:
    with st.container(key="headline"):
        time, held, bad, unpriced = st.columns([1.7, 1.1, 1, 1], gap="medium")
    with time, st.container(key="answer", gap="xsmall"):
        figure(f"Time covered, {timezone}", _span(requests))
        st.caption(names.markdown(_first_and_last(found, timezone)))
    with held, st.container(gap="xsmall"):
        figure("Requests held", numbers.count(found.requests))
        st.caption(f"{of(loads, 'load')}, {of(files, 'file')}")
    with bad, st.container(gap=None if rejected else "xsmall"):
        figure("Rejected lines", numbers.count(rejected) if rejected else "None")
        if rejected:
            st.button(":blue[See why →]", key="see-rejected", type="tertiary", on_click=show, args=(REJECTED,))
        else:
            st.caption("every line could be read")
    with unpriced, st.container(gap=None if found.unpriced else "xsmall"):
        figure("Unpriced requests", numbers.count(found.unpriced) if found.unpriced else "None")
        if found.unpriced:
            share = names.markdown(numbers.percent(found.unpriced, found.requests))
            st.button(
                f":blue[{share} of all, see why →]",
                key="see-unpriced",
                type="tertiary",
                on_click=show,
                args=(UNPRICED,),
            )
        else:
            st.caption("every request has a price")


def sections() -> str:
    """Which of the lists is shown; in the URL."""
    chosen: str = st.segmented_control(
        "Show",
        SECTIONS,
        default=LOADS,
        required=True,
        key="show",
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen


def show(section: str) -> None:
    """Shows one of the lists; for a callback."""
    st.session_state["show"] = section


def days_figure(requests: Mapping[date, int], missing: Sequence[tuple[date, date]]) -> go.Figure:
    """A thin bar a day; days that are missing are hatched from top to bottom."""
    top = max(requests.values(), default=0) or 1
    absent = [day for day in requests if any(first <= day <= last for first, last in missing)]
    figure = go.Figure(layout_template=go.layout.Template())
    figure.add_bar(
        x=[day.isoformat() for day in requests],
        y=[max(number, top / 25) if number else 0 for number in requests.values()],
        customdata=[f"{numbers.count(number)} requests" for number in requests.values()],
        hovertemplate="%{customdata}<extra></extra>",
        marker={"color": PALETTE[0], "line": {"width": 0}},
    )
    figure.add_bar(
        x=[day.isoformat() for day in absent],
        y=[top] * len(absent),
        hovertemplate="no requests<extra></extra>",
        marker={
            "color": GREY,
            "opacity": 0.45,
            "line": {"width": 0},
            "pattern": {"shape": "/", "fillmode": "replace", "size": 5, "solidity": 0.35},
        },
    )
    figure.update_layout(
        height=104,
        margin={"l": 0, "r": 0, "t": 4, "b": 0, "pad": 0},
        showlegend=False,
        barmode="overlay",
        bargap=0.22 if len(requests) < 120 else 0.0,
        hovermode="x unified",
        dragmode=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        separators=".,",
    )
    figure.update_xaxes(
        type="date",
        tickformat="%-d %b" if len(requests) <= 300 else "%b %Y",
        hoverformat="%a %-d %b %Y",
        nticks=8,
        showgrid=False,
        zeroline=False,
        fixedrange=True,
        ticks="",
        ticklabelstandoff=4,
        automargin=True,
    )
    figure.update_yaxes(visible=False, fixedrange=True, range=[0, top * 1.02])
    return figure


def gaps_said(missing: Sequence[tuple[date, date]]) -> str:
    """The missing days in words; "" when there are none."""
    if not missing:
        return ""
    longest = sorted(missing, key=lambda gap: gap[0] - gap[1])[:_SAID_GAPS]
    said = [day_words(a) if a == b else f"{day_words(a, b)} to {day_words(b)}" for a, b in sorted(longest)]
    more = f" and {len(missing) - len(longest)} shorter gaps" if len(missing) > len(longest) else ""
    return f"No requests on {', '.join(said)}{more}: was a log not loaded?"


def _span(requests: Mapping[date, int]) -> str:
    if not requests:
        return "No time"
    first, last = min(requests), max(requests)
    if first == last:
        return day_words(first)
    if first.year == last.year:
        return f"{day_words(first, last)} to {day_words(last)}"
    return f"{first:%b %Y} to {last:%b %Y}"


def _first_and_last(found: Coverage, timezone: str) -> str:
    if found.first is None or found.last is None:
        return "No request in the store bears a time."
    return f"First {_moment(found.first, timezone)}, last {_moment(found.last, timezone)}"


def _moment(moment: datetime, timezone: str) -> str:
    local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))
    return f"{local.day} {local:%b %Y, %H:%M:%S}"


def of(number: int, one: str) -> str:
    """A number of things: "1 load", "2 loads"."""
    return f"{numbers.count(number)} {one}{'' if number == 1 else 's'}"
