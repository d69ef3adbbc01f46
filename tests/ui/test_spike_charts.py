from __future__ import annotations

import pytest

from spend.explain.beside import billed
from spend.explain.why import ModelUse
from spend.spikes.hours import HourOfNight
from spend.spikes.skill import SkillBySize
from ui.numbers import PICO
from ui.spike_backtest import can_see
from ui.spike_beside import billed_said
from ui.spike_hours import night_hours
from ui.waterfall import Step, waterfall

HOSTILE = '<a href="http://evil.example">x</a>'


def hour(number: int, cost: int, expected: int | None = 1, *, ended: bool = True) -> HourOfNight:
    usual = None if expected is None else expected * PICO
    return HourOfNight(100 + 4 * number, (22 + number) % 24, cost * PICO, usual, usual, usual, ended)


def test_each_bar_begins_where_the_one_before_it_ended_and_the_last_is_what_it_cost() -> None:
    steps = [Step("requests", 6 * PICO), Step("price", -2 * PICO), Step("output", PICO)]
    [bars] = waterfall(3 * PICO, steps, 8 * PICO).data
    assert list(bars.base) == [0, 3, 9, 7, 0]
    assert list(bars.x) == [3, 6, -2, 1, 8]
    assert [place for [place] in bars.customdata] == [-1, 0, 1, 2, -1]


def test_a_rise_is_red_with_a_plus_and_a_fall_green_with_a_minus() -> None:
    figure = waterfall(3 * PICO, [Step("requests", 6 * PICO), Step("price", -2 * PICO)], 7 * PICO)
    assert list(figure.data[0].marker.color[1:3]) == ["#C2372E", "#1B8A5A"]
    said = [note.text for note in figure.layout.annotations]
    assert said[2:6] == ["requests", "<b>+$6.00</b>", "price", "<b>−$2.00</b>"]


def test_a_fall_below_nothing_is_still_drawn() -> None:
    figure = waterfall(PICO, [Step("ended feature", -3 * PICO), Step("requests", 4 * PICO)], 2 * PICO)
    assert list(figure.layout.xaxis.range) == [-2, 2]


def test_what_was_billed_is_said_with_all_that_a_bar_can_be_about() -> None:
    haiku = ModelUse(12, (1200, 4800, 0, 0, 600), (1e12, 0, 0, 0, 2e12))
    opus = ModelUse(4, (2000, 0, 0, 0, 1000), (5e12, 0, 0, 0, 0))
    said = "16 billed calls, 500 prompt tokens each, 60 % of them from the cache, 100 output tokens each"
    assert billed_said(billed([{"haiku": haiku}, {"opus": opus}])) == f"{said}, haiku 75 %, opus 25 %: $8.00"
    assert billed_said(billed([{}])) == "0 billed calls: $0.00"
    assert billed_said(billed([{"haiku": ModelUse(0.25, (100, 0, 0, 0, 50), (1e12, 0, 0, 0, 0))}])).startswith("0.2 ")


def test_hostile_names_make_no_tag_in_a_waterfall() -> None:
    assert "<a" not in waterfall(PICO, [Step(HOSTILE, PICO)], 2 * PICO).to_json()


def test_the_hours_of_an_incident_are_red_and_one_that_is_not_over_is_hatched() -> None:
    hours = [hour(0, 1), hour(1, 9), hour(2, 1, ended=False)]
    [bars] = night_hours(hours, ((104, 108),)).data
    assert list(bars.marker.color) == ["#2D6CDF", "#C2372E", "#2D6CDF"]
    assert list(bars.marker.pattern.shape) == ["", "", "/"]
    assert "usually $1.00" in bars.hovertext[1]


def test_hours_without_history_have_no_band() -> None:
    figure = night_hours([hour(0, 1, None), hour(1, 2)])
    assert len(figure.layout.shapes) == 2
    assert "not enough history" in figure.data[0].hovertext[0]


@pytest.mark.parametrize(
    ("flagged", "said"),
    [
        ((180, 190, 200, 200), "spikes of 25 % of a series' usual day or more are flagged here; smaller ones may be"),
        (
            (100, 150, 198, 200),
            "spikes of 100 % of a series' usual day or more are flagged here, of those of 25 % 50 %",
        ),
        ((200, 0, 200, 10), "Even of spikes of 200 % of a series' usual day more than one in ten is missed"),
    ],
)
def test_it_says_from_which_size_on_spikes_are_seen(flagged: tuple[int, ...], said: str) -> None:
    sizes = [SkillBySize(size, 200, n, 1, PICO) for size, n in zip((25, 50, 100, 200), flagged, strict=True)]
    assert said in can_see(sizes)


def test_where_no_spike_could_be_put_in_none_is_said_to_be_seen() -> None:
    assert "none would be flagged" in can_see([SkillBySize(25, 0, 0, None, None)])
