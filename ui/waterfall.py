"""From what is usual to what it cost: one bar for each cause, and they add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from ui import names, numbers
from ui.charts import plain_figure
from ui.colours import COST_UP, GREY, PALETTE, SAVING

ROW = 38


@dataclass(frozen=True, slots=True)
class Step:
    """One bar: its words, and by how many pico-dollars it changes the sum."""

    label: str
    change: int


def waterfall(usual: int, steps: Sequence[Step], actual: int) -> go.Figure:
    """Bars from the top down: the usual, each step where the one before it ended, the actual.

    A mark's customdata is its step's place from 0 on, and -1 for the two ends.
    """
    rows = [(0, usual, "Usual", numbers.usd(usual), GREY, -1)]
    at = usual
    for place, step in enumerate(steps):
        said = f"<b>{numbers.usd(step.change, signed=True)}</b>"
        rows.append((at, step.change, step.label, said, COST_UP if step.change > 0 else SAVING, place))
        at += step.change
    rows.append((0, actual, "What it cost", f"<b>{numbers.usd(actual)}</b>", PALETTE[0], -1))
    data = {
        "type": "bar",
        "orientation": "h",
        "base": [base / numbers.PICO for base, *_ in rows],
        "x": [change / numbers.PICO for _, change, *_ in rows],
        "y": list(range(len(rows))),
        "width": 0.3,
        "customdata": [[place] for *_, place in rows],
        "hovertext": [f"{names.plotly(label)}<br>{said}" for _, _, label, said, _, _ in rows],
        "hoverinfo": "text",
        "marker": {"color": [colour for *_, colour, _ in rows], "line": {"width": 0}},
    }
    texts = [
        {"x": x, "y": place - 0.36, "xref": "paper", "xanchor": anchor, "text": text}
        for place, (_, _, label, amount, _, _) in enumerate(rows)
        for x, anchor, text in ((0, "left", names.plotly(label)), (1, "right", amount))
    ]
    ends = [end for base, change, *_ in rows for end in (base, base + change)]
    return plain_figure(
        [data],
        height=len(rows) * ROW + 8,
        hovermode="closest",
        annotations=[{"showarrow": False, "yanchor": "middle", "borderpad": 0, **one} for one in texts],
        xaxis={"visible": False, "fixedrange": True, "range": _range(min(ends), max(ends))},
        yaxis={"visible": False, "range": [len(rows) - 0.5, -0.62], "fixedrange": True},
    )


def _range(least: int, most: int) -> list[float]:
    """From the lowest end, or nothing, to the highest."""
    return [min(least, 0) / numbers.PICO, max(most, 1) / numbers.PICO]
