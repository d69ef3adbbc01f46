"""Figures: hairlines only, money on the axis, every name escaped, and who a mark stands for in its customdata.

A figure is made from one layout in one go: piecemeal updates cost ten times as long.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from spend.breakdown import Cost
from ui import names, numbers
from ui.colours import GREY, OTHER, Fill

_EMPTY = go.layout.Template()  # the default one is 7 kB a figure
_CLEAR = "rgba(0,0,0,0)"
_ACCENT = "rgba(45,108,223,{})"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SOLIDITY = {".": 0.78, "x": 0.7}  # of a second and third lap of colours: nearly full bars
STILL = {"fixedrange": True, "zeroline": False, "automargin": True, "ticks": ""}


@dataclass(frozen=True, slots=True)
class Series:
    """One entity's cost by day; ``name`` None is what was not logged, ``is_other`` the rest of a cut list."""

    name: str | None
    costs: Mapping[str, int]
    fill: Fill
    is_other: bool = False

    @property
    def label(self) -> str:
        return OTHER if self.is_other else names.plotly(names.short(self.name, 24))


@dataclass(frozen=True, slots=True)
class Bar:
    """One ranked bar: who, how much, and what is said at its end."""

    name: str | None
    label: str
    cost: int
    said: str
    fill: Fill
    is_other: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to know about a place on the time axis: a word on it, and the sentence it opens when pointed at."""

    label: str
    word: str
    sentence: str


def stacked_bars(
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    running: str | None,
    height: int = 300,
    marks: Sequence[Mark] = (),
) -> go.Figure:
    """Cost by day, week or month, dearest series at the bottom; the ``running`` one, not over yet, is hatched."""
    several = len(series) > 1
    totals = [sum(one.costs.get(label, 0) for one in series) for label in labels]
    data = [_stack(labels, one, running, several) for one in series]
    if several:
        data.append(_totals(labels, totals))
    x: dict[str, Any] = {"type": "date", "tickformat": "%-d %b", "hoverformat": "%a %-d %b %Y", "nticks": 8}
    if len(labels) <= 8:
        x["tickvals"] = list(labels)
    return plain_figure(
        data,
        height=height,
        showlegend=several,
        barmode="stack",
        bargap=max(0.22, 1 - len(labels) / 8),  # a single day is a bar, not a wall
        hovermode="x unified",
        xaxis={**STILL, "showgrid": False, "ticklabelstandoff": 4, **x},
        yaxis={**STILL, "showgrid": True, **money_axis(max(totals, default=0))},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        annotations=[_annotation(mark) for mark in marks],
    )


def ranked_bars(bars: Sequence[Bar]) -> go.Figure:
    """Who costs how much, dearest first: the name and its figures over its bar. "Other" is said, not drawn."""
    dearest = max((bar.cost for bar in bars if not bar.is_other), default=0) or 1
    data = {
        "type": "bar",
        "orientation": "h",
        "x": [0 if bar.is_other else bar.cost / dearest for bar in bars],
        "y": list(range(len(bars))),
        "width": 0.24,
        "customdata": [[names.to_url(bar.name), bar.is_other] for bar in bars],
        "hovertext": [f"{bar.label}<br>{bar.said}" for bar in bars],
        "hoverinfo": "text",
        "marker": {
            "color": [bar.fill.colour for bar in bars],
            "line": {"width": 0},
            **_patterned([bar.fill.pattern for bar in bars]),
        },
    }
    said = [
        {"x": x, "y": place - 0.36, "xref": "paper", "xanchor": anchor, "text": text}
        for place, bar in enumerate(bars)
        for x, anchor, text in ((0, "left", bar.label), (1, "right", bar.said))
    ]
    return plain_figure(
        [data],
        height=len(bars) * 40 + 6,
        hovermode="closest",
        annotations=[{"showarrow": False, "yanchor": "middle", "borderpad": 0, **one} for one in said],
        xaxis={"visible": False, "range": [0, 1], "fixedrange": True},
        yaxis={"visible": False, "range": [len(bars) - 0.5, -0.62], "fixedrange": True},
    )


def weekday_hours(spend_in: Mapping[tuple[int, int], Cost]) -> go.Figure:
    """Cost by weekday and local hour, shaded by its square root so that one dear hour does not bleach the others.

    A cell without requests stays empty.
    """
    cells = [[spend_in.get((day, hour)) for hour in range(24)] for day in range(7)]
    data = {
        "type": "heatmap",
        "z": [[None if spend is None else math.sqrt(_height(spend.cost or 0)) for spend in row] for row in cells],
        "x": list(range(24)),
        "y": list(_WEEKDAYS),
        "text": [[_cell_said(day, hour, spend) for hour, spend in enumerate(row)] for day, row in enumerate(cells)],
        "hovertemplate": "%{text}<extra></extra>",
        "colorscale": [[0, _ACCENT.format(0.07)], [1, _ACCENT.format(1)]],
        "zmin": 0,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }
    hours = list(range(0, 24, 3))
    return plain_figure(
        [data],
        height=212,
        xaxis={**STILL, "showgrid": False, "tickvals": hours, "ticktext": [f"{hour:02d}" for hour in hours]},
        yaxis={**STILL, "showgrid": False, "autorange": "reversed"},
    )


def _stack(labels: Sequence[str], one: Series, running: str | None, several: bool) -> dict[str, Any]:
    costs = [one.costs.get(label, 0) for label in labels]
    return {
        "type": "bar",
        "x": list(labels),
        "y": [_height(cost) for cost in costs],
        "name": one.label,
        "customdata": [[names.to_url(one.name), one.is_other, numbers.usd(cost)] for cost in costs],
        "hovertemplate": "%{customdata[2]}" if several else "%{customdata[2]}<extra></extra>",
        "marker": {
            "color": one.fill.colour,
            "line": {"width": 0},
            **_patterned(["/" if label == running else one.fill.pattern for label in labels]),
        },
    }


def _totals(labels: Sequence[str], totals: Sequence[int]) -> dict[str, Any]:
    """Nothing to see: only the last line of the hover text."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(labels),
        "y": [_height(total) for total in totals],
        "name": "<b>Total</b>",
        "customdata": [["", True, numbers.usd(total)] for total in totals],
        "hovertemplate": "<b>%{customdata[2]}</b>",
        "marker": {"size": 0.1, "opacity": 0, "color": GREY},
        "showlegend": False,
    }


def _annotation(mark: Mark) -> dict[str, Any]:
    return {
        "x": mark.label,
        "y": 1,
        "yref": "paper",
        "yanchor": "top",
        "text": names.plotly(mark.word),
        "hovertext": names.plotly(mark.sentence),
        "showarrow": False,
        "font": {"size": 11, "color": GREY},
        "borderpad": 2,
    }


def _cell_said(day: int, hour: int, spend: Cost | None) -> str:
    when = f"{_WEEKDAYS[day]}, {hour:02d}:00 to {hour + 1:02d}:00"
    if spend is None:
        return f"{when}<br>no requests"
    return f"{when}<br><b>{numbers.usd(spend.cost)}</b>, {numbers.count(spend.requests)} requests"


def plain_figure(data: list[dict[str, Any]], **layout: Any) -> go.Figure:
    """A figure without frame, legend or drag, for traces as plotly.js has them."""
    shared = {
        "template": _EMPTY,
        "margin": {"l": 0, "r": 0, "t": 6, "b": 4, "pad": 0},
        "hoverlabel": {"align": "left", "namelength": 24},
        "dragmode": False,
        "clickmode": "event+select",
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "separators": ".,",
        "showlegend": False,
    }
    return go.Figure(data=data, layout={**shared, **layout})


def money_axis(highest: int) -> dict[str, Any]:
    """Three to five round amounts, spelled as everywhere else."""
    step = _round_step(highest)
    values = [n * step for n in range(highest // step + 1)]
    return {
        "tickvals": [_height(value) for value in values],
        "ticktext": [numbers.usd_axis(value, step) for value in values],
        "range": [0, _height(max(highest, 1)) * 1.06],
    }


def _round_step(highest: int) -> int:
    """1, 2 or 5 times a power of ten, at most four of them up to ``highest``."""
    size = 1
    while highest // (size * 10) > 4:
        size *= 10
    return next(size * factor for factor in (1, 2, 5, 10) if highest // (size * factor) <= 4)


def _patterned(shapes: Sequence[str]) -> dict[str, Any]:
    if not any(shapes):
        return {}
    solid = [_SOLIDITY.get(shape, 0.45) for shape in shapes]
    return {"pattern": {"shape": list(shapes), "fillmode": "replace", "size": 6, "solidity": solid}}


def _height(picos: int) -> float:
    """Where a mark is drawn, in dollars; what is written beside it never comes from here."""
    return picos / numbers.PICO
