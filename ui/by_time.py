"""Spend over time, stacked by the dearest names of a dimension."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import streamlit as st

from spend.breakdown import period
from spend.filters import Filters
from spend.trends import OTHER as OTHERS
from spend.trends import Trend, by_time, trend
from ui import charts, drill, names
from ui.cached import ask
from ui.colours import GREY, PALETTE, Fill, colours_for
from ui.filters import Asked, show_from
from ui.marks import marks_on
from ui.plot import draw

SERIES = len(PALETTE)


def spend_by_time(
    asked: Asked,
    filters: Filters,
    dimension: str | None,
    *,
    key: str,
    fill: Fill | None = None,
    height: int = 300,
) -> None:
    """The chart; ``dimension`` None draws one series. Every day of the period is there, spent on or not.

    A click on a bar narrows the period to its day, week or month.
    """
    grain = grain_of_period(filters)
    whole = ask(by_time, filters, grain)
    series = _series(filters, dimension, grain) if dimension else [_one(whole, fill or Fill(PALETTE[0]))]
    unfinished = _running(whole.labels, asked.unfinished_day)
    marks = marks_on(whole.labels, filters)
    figure = charts.stacked_bars(whole.labels, series, running=unfinished, height=height, marks=marks)
    alt = f"Spend by {grain}, {asked.words}" + (f", stacked by {dimension}" if dimension else "")
    narrowed = drill.time_picked(key, lambda day: show_from(day, grain))
    draw(figure, key=key, alt=alt, on_select=narrowed)
    said = [f"The hatched {grain} is not over."] if unfinished else []
    if said or marks:
        st.caption(names.markdown(" ".join([*said, *(f"{mark.sentence}." for mark in marks[:3])])))


def grain_of_period(filters: Filters) -> str:
    """Days for a season, weeks for two years, then months."""
    since, until = ask(period, filters)
    return grain_of((until - since).days)


def grain_of(length: int) -> str:
    return "day" if length <= 100 else "week" if length <= 731 else "month"


def _running(labels: Sequence[str], today: date | None) -> str | None:
    """The label of the day, week or month that is not over."""
    return max((label for label in labels if label <= today.isoformat()), default=None) if today else None


def _series(filters: Filters, dimension: str, grain: str) -> list[charts.Series]:
    """One series a name, dearest first, and all others as one."""
    colours = colours_for(dimension)
    return [
        charts.Series(None, _costs(one), Fill(GREY), is_other=True)
        if one.key == OTHERS
        else charts.Series(one.key, _costs(one), colours.of(one.key))
        for one in ask(trend, filters, dimension, grain=grain, limit=SERIES)
    ]


def _one(whole: Trend, fill: Fill) -> charts.Series:
    return charts.Series("Spend", _costs(whole), fill)


def _costs(one: Trend) -> dict[str, int]:
    return dict(zip(one.labels, one.values, strict=True))
