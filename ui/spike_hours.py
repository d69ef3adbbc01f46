"""A night hour by hour: what each cost, over what 8 of 10 such hours cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from spend.spikes.hours import HourOfNight
from ui import numbers
from ui.charts import STILL, money_axis, plain_figure
from ui.colours import COST_UP, GREY, PALETTE

BAND = "rgba(123,135,148,0.30)"
Spans = tuple[tuple[int, int], ...]


def night_hours(hours: Sequence[HourOfNight], spans: Spans = (), *, height: int = 230) -> go.Figure:
    """Bars by the hour, those inside ``spans`` red, over the band of the usual; an hour not over is hatched."""
    inside = [any(first <= hour.start < past for first, past in spans) for hour in hours]
    places = list(range(len(hours)))
    known = [place for place in places if hours[place].high is not None]
    bars = {
        "type": "bar",
        "x": places,
        "y": [hour.actual / numbers.PICO for hour in hours],
        "name": "Cost",
        "hovertext": [_said(hour) for hour in hours],
        "hoverinfo": "text",
        "marker": {
            "color": [COST_UP if red else PALETTE[0] for red in inside],
            "line": {"width": 0},
            "pattern": {
                "shape": ["" if hour.ended else "/" for hour in hours],
                "fillmode": "replace",
                "size": 6,
                "solidity": 0.45,
            },
        },
    }
    every = max(1, round(len(hours) / 8))
    return plain_figure(
        [bars],
        height=height,
        hovermode="x",
        bargap=0.35,
        shapes=[shape for place in known for shape in _usual(hours[place], place)],
        xaxis={
            **STILL,
            "showgrid": False,
            "ticklabelstandoff": 4,
            "tickvals": places[::every],
            "ticktext": [f"{hours[place].hour:02d}:00" for place in places[::every]],
            "range": [-0.6, len(hours) - 0.4],
        },
        yaxis={
            **STILL,
            "showgrid": True,
            **money_axis(max([*(hour.actual for hour in hours), *(hour.high or 0 for hour in hours)], default=0)),
        },
    )


def _usual(hour: HourOfNight, place: int) -> list[dict[str, Any]]:
    """The band of an hour and the line in it, wider than its bar; over it, so that a tall bar does not hide them."""
    sides = {"type": "rect", "x0": place - 0.46, "x1": place + 0.46, "line": {"width": 0}, "fillcolor": BAND}
    low, high = (hour.low or 0) / numbers.PICO, (hour.high or 0) / numbers.PICO
    middle = (hour.expected or 0) / numbers.PICO
    line = {"type": "line", "x0": place - 0.46, "x1": place + 0.46, "y0": middle, "y1": middle}
    return [{**sides, "y0": low, "y1": high}, {**line, "line": {"width": 1.5, "color": GREY}}]


def _said(hour: HourOfNight) -> str:
    so_far = "" if hour.ended else " so far"
    said = f"{hour.hour:02d}:00 to {(hour.hour + 1) % 24:02d}:00<br><b>{numbers.usd(hour.actual)}</b>{so_far}"
    if hour.expected is None:
        return f"{said}<br>not enough history to say what is usual"
    band = f"{numbers.usd(hour.low)} to {numbers.usd(hour.high)}"
    return f"{said}<br>usually {numbers.usd(hour.expected)}; 8 of 10 such hours {band}"
