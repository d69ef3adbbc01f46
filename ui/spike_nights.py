"""The nights before: one bar each, those that were unusual marked, and the way from one to another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from spend.spikes.incidents import FLAG
from spend.spikes.verdict import NightSummary, calendar
from ui import drill, names, numbers
from ui.cached import ask
from ui.charts import STILL, money_axis, plain_figure
from ui.colours import COST_UP, GREY, PALETTE
from ui.periods import day_words
from ui.plot import draw
from ui.spike_frame import share_night
from ui.spike_question import Looked, show_night

NIGHTS = 30
_FAINT = "rgba(45,108,223,0.42)"
_WATCH = PALETTE[1]


def turn_nights(looked: Looked) -> None:
    """The night before, any night, the night after: by mouse and keyboard."""
    night, day = looked.night, timedelta(days=1)
    with st.container(key="spike-turn", horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "‹ Night before",
            key="night-before",
            type="tertiary",
            disabled=night <= looked.first,
            on_click=show_night,
            args=(night - day,),
        )
        key = f"night-{night}-{looked.filters.timezone}"  # another night is another box: it cannot keep an old date

        def picked() -> None:
            show_night(st.session_state[key])

        st.date_input(
            "Night of",
            night,
            looked.first,
            looked.begun,
            key=key,
            on_change=picked,
            format="YYYY-MM-DD",
            label_visibility="collapsed",
            width=150,
        )
        st.button(
            "Night after ›",
            key="night-after",
            type="tertiary",
            disabled=night >= looked.begun,
            on_click=show_night,
            args=(night + day,),
        )
        if night != looked.ended:
            st.button("Latest night", key="night-last", type="tertiary", on_click=show_night, args=(looked.ended,))
        share_night(looked)


def nights_strip(looked: Looked) -> None:
    """The last 30 nights; a click shows a night, and so does a button for each that was unusual."""
    nights = ask(calendar, looked.filters, looked.settings, nights=NIGHTS)
    told = [one for one in nights if one.actual or one.expected is not None]
    if not told:
        return
    figure = _strip(told, looked.night.isoformat())
    unusual = [one for one in told if one.incidents]
    alt = f"The last {len(told)} nights; unusual: {', '.join(day_words(one.night) for one in unusual) or 'none'}"
    draw(figure, key="nights", alt=alt, on_select=drill.time_picked("nights", show_night))
    with st.container(key="spike-told-nights", horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(names.markdown(_legend(told)))
        for one in unusual[-8:]:
            st.button(
                names.markdown(f"{day_words(one.night)}: {_found(one)}"),
                key=f"go-{one.night}",
                type="tertiary",
                on_click=show_night,
                args=(one.night,),
            )


def _legend(nights: Sequence[NightSummary]) -> str:
    said = "Each bar is a night, the line what it usually costs; click one to see it."
    if nights[-1].running:
        said += " The hatched one is not over."
    return said + ("" if any(one.incidents for one in nights) else " None of them was unusual.")


def _strip(nights: Sequence[NightSummary], shown: str) -> go.Figure:
    days = [one.night.isoformat() for one in nights]
    bars: dict[str, Any] = {
        "type": "bar",
        "x": days,
        "y": [one.actual / numbers.PICO for one in nights],
        "hovertext": [_said(one) for one in nights],
        "hoverinfo": "text",
        "marker": {
            "color": [_colour(one, day == shown) for one, day in zip(nights, days, strict=True)],
            "line": {"width": 0},
            "pattern": {
                "shape": ["/" if one.running else "." if one.planned else "" for one in nights],
                "fillmode": "replace",
                "size": 6,
                "solidity": 0.5,
            },
        },
    }
    known = [one for one in nights if one.expected is not None]
    usual = {
        "type": "scatter",
        "mode": "lines",
        "x": [one.night.isoformat() for one in known],
        "y": [(one.expected or 0) / numbers.PICO for one in known],
        "line": {"width": 1.5, "color": GREY, "shape": "hvh"},
        "hoverinfo": "skip",
    }
    x: dict[str, Any] = {"type": "date", "tickformat": "%-d %b", "nticks": 8}
    if len(days) <= 8:
        x["tickvals"] = days
    return plain_figure(
        [bars, usual],
        height=130,
        bargap=max(0.25, 1 - len(days) / 8),
        hovermode="closest",
        shapes=[_here(shown)] if shown in days else [],
        xaxis={**STILL, "showgrid": False, "ticklabelstandoff": 4, **x},
        yaxis={**STILL, "showgrid": True, **money_axis(max(one.actual for one in nights))},
    )


def _here(day: str) -> dict[str, Any]:
    """What shows which night the page is about."""
    middle = datetime.fromisoformat(day)
    sides = [(middle + timedelta(hours=hours)).isoformat() for hours in (-12, 12)]
    return {
        "type": "rect",
        "x0": sides[0],
        "x1": sides[1],
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": "rgba(123,135,148,0.2)",
    }


def _colour(one: NightSummary, shown: bool) -> str:
    if one.level:
        return COST_UP if one.level == FLAG else _WATCH
    return PALETTE[0] if shown else _FAINT


def _said(one: NightSummary) -> str:
    so_far = " so far" if one.running else ""
    said = f"Night of {day_words(one.night)}<br><b>{numbers.usd(one.actual)}</b>{so_far}"
    said += "<br>not enough history" if one.expected is None else f", usually {numbers.usd(one.expected)}"
    if one.level:
        said += f"<br>{'unusual' if one.level == FLAG else 'to watch'}: {_found(one)}"
    return said + ("<br>planned" if one.planned else "")


def _found(one: NightSummary) -> str:
    """How much more one incident cost, or how many there are: what they cost may overlap."""
    if not one.level:
        return "planned"
    return numbers.usd(one.excess, signed=True) if one.incidents == 1 else f"{one.incidents} incidents"
