from __future__ import annotations

import pytest

from ui.charts import Bar, Series, _round_step, ranked_bars, stacked_bars
from ui.colours import GREY, Fill
from ui.numbers import PICO

DAYS = ("2026-11-09", "2026-11-10")


def test_hover_gives_the_breakdown_and_its_total() -> None:
    series = [Series("a", {DAYS[0]: PICO}, Fill("#2D6CDF")), Series("b", {DAYS[0]: 2 * PICO}, Fill("#D97A00"))]
    figure = stacked_bars(DAYS, series, running=None)
    assert [trace.name for trace in figure.data] == ["a", "b", "<b>Total</b>"]
    assert [trace.customdata[0][2] for trace in figure.data] == ["$1.00", "$2.00", "$3.00"]


def test_the_running_day_is_hatched_and_no_other() -> None:
    figure = stacked_bars(DAYS, [Series("a", {}, Fill("#2D6CDF"))], running=DAYS[1])
    assert list(figure.data[0].marker.pattern.shape) == ["", "/"]


def test_names_in_labels_are_escaped_and_the_identity_is_not() -> None:
    name = "<a href=x>y</a>"
    figure = stacked_bars(DAYS, [Series(name, {}, Fill(GREY)), Series(None, {}, Fill(GREY))], running=None)
    assert figure.data[0].name == "&lt;a href=x&gt;y&lt;/a&gt;"
    assert figure.data[0].customdata[0][0] == name


def test_other_is_said_and_not_drawn() -> None:
    bars = [Bar("a", "a", 10, "$1", Fill(GREY)), Bar(None, "Other", 90, "$9", Fill(GREY), is_other=True)]
    figure = ranked_bars(bars)
    assert list(figure.data[0].x) == [1, 0]
    assert [one.text for one in figure.layout.annotations] == ["a", "$1", "Other", "$9"]


@pytest.mark.parametrize("highest", [0, 1, 7, 45 * PICO, 80 * PICO, 12_345_678 * PICO])
def test_an_axis_has_at_most_five_round_amounts(highest: int) -> None:
    step = _round_step(highest)
    assert str(step).rstrip("0") in ("1", "2", "5")
    assert highest // step <= 4
