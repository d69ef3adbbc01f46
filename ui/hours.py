"""When money is spent: weekday by local hour."""

from __future__ import annotations

from spend.filters import Filters
from spend.trends import weekday_hours
from ui import charts
from ui.cached import ask
from ui.plot import draw


def weekday_by_hour(filters: Filters, *, key: str) -> None:
    """The heatmap of one question."""
    cells = ask(weekday_hours, filters)
    figure = charts.weekday_hours(cells)
    draw(figure, key=key, alt=f"Spend by weekday and hour, {filters.timezone}")
