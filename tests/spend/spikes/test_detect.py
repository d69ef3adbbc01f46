from __future__ import annotations

import numpy as np
import pytest

from spend.spikes.detect import BACK, IRREGULAR, NOT_ENOUGH, TESTED, windows_of
from spend.spikes.night import DAY, NightHours
from spend.spikes.usual import levels, median, ratio, weighted, weights
from tests.spend.spikes.made import Dollars, judged_on, past, unrest

ON = BACK + 3


def steady(day: int, hour: int) -> float:
    return 1.0


def with_spike(plain: Dollars, extra: float, *, day: int = ON + 1, hours: range = range(1, 4)) -> Dollars:
    """So many dollars more an hour."""
    return lambda d, h: plain(d, h) + (extra if d == day and h in hours else 0)


def z_of(dollars: Dollars, day: int = ON) -> float:
    return float(judged_on(past(dollars), day).z[0, 0])


def test_a_night_like_all_others_is_nothing() -> None:
    told = judged_on(past(steady), ON)
    assert told.status[0, 0] == TESTED
    assert told.z[0, 0] == 0
    assert told.net[0, 0] == pytest.approx(0, abs=1e-9)


def test_a_spike_is_told_by_its_hours_and_dollars() -> None:
    told = judged_on(past(with_spike(steady, 5)), ON)
    assert told.z[0, 0] > 5
    assert told.net[0, 0] == pytest.approx(15, abs=1e-6)
    best = told.windows.index(3)
    assert (told.excess[0, 0, best], told.at[0, 0, best]) == (pytest.approx(15, abs=1e-6), 3)  # 22 + 3 is 01:00


def test_what_a_steady_series_scores_is_known_by_hand() -> None:
    # nothing but the floor: 10 % of the expected 1, 3 and 8 dollars; excess 5, 15 and 15 over them
    assert z_of(with_spike(steady, 5)) == pytest.approx(max(5 / 0.1, 15 / 0.3, 15 / 0.8), rel=1e-6)


def test_growth_of_three_percent_a_day_is_never_flagged() -> None:
    calm = unrest(3, 0.05)
    growing = past(lambda day, hour: 1.03**day * (1 + 0.5 * (hour in range(8, 20))) * calm(day, hour), days=120)
    told = judged_on(growing, *range(BACK, 118))
    assert (told.status == TESTED).all()
    assert np.nanmax(told.z) < 5


def test_growth_does_not_hide_a_spike() -> None:
    assert z_of(with_spike(lambda day, _: 1.03**day, 1.03**ON * 4)) > 5


def test_nights_of_a_weekend_are_not_compared_with_those_of_the_week() -> None:
    calm = unrest(5, 0.1)

    def office(day: int, hour: int) -> float:
        return (1.0 if day % 7 < 5 else 0.1) * calm(day, hour)

    week = judged_on(past(office, days=BACK + 16), *range(BACK, BACK + 14))
    assert np.nanmax(week.z) < 5
    saturday = next(day for day in range(BACK, BACK + 7) if day % 7 == 5)
    weekday_cost = with_spike(office, 0.9, day=saturday + 1, hours=range(6))  # a Sunday that costs what a Monday does
    assert z_of(weekday_cost, saturday) > 5


def test_unrest_of_the_night_itself_raises_what_it_takes() -> None:
    calm, wild = (with_spike(unrest(8, size), 1.5) for size in (0.1, 1.0))
    assert z_of(calm) > 5 > z_of(wild)


def test_a_spike_a_week_ago_does_not_hide_this_one() -> None:
    twice = with_spike(with_spike(unrest(8, 0.1), 5), 5, day=ON - 6)
    assert z_of(twice) > 4


def test_morning_is_the_whole_day_and_looks_at_stretches_of_3_8_and_24_hours() -> None:
    told = judged_on(past(with_spike(steady, 2, hours=range(9, 14))), ON + 1, night=NightHours(0, 0), whole_day=True)
    assert told.windows == (3, 8, 24)
    assert told.z[0, 0] > 5
    assert told.net[0, 0] == pytest.approx(10, abs=1e-6)


@pytest.mark.parametrize(
    ("hours", "whole_day", "answer"),
    [(8, False, (1, 3, 8)), (24, True, (3, 8, 24)), (2, False, (1, 2)), (1, False, (1,)), (3, False, (1, 3))],
)
def test_a_short_night_has_short_stretches(hours: int, whole_day: bool, answer: tuple[int, ...]) -> None:
    assert windows_of(hours, whole_day) == answer


def test_a_cold_start_has_no_verdict_for_seven_days() -> None:
    first = 40
    young = past(lambda day, _: float(day >= first), begin=first, days=60)
    status = judged_on(young, *range(first, first + 10)).status[0].tolist()
    assert status == [NOT_ENOUGH] * 7 + [TESTED] * 3
    assert np.isnan(judged_on(young, first + 6).z[0, 0])


def test_a_series_that_is_idle_in_over_half_its_hours_has_no_z() -> None:
    at_noon = judged_on(past(lambda _, hour: float(hour < 11)), ON)
    assert at_noon.status[0, 0] == IRREGULAR
    assert np.isnan(at_noon.z[0, 0])
    assert judged_on(past(lambda _, hour: float(hour < 12)), ON).status[0, 0] == TESTED


def test_what_comes_after_a_night_changes_nothing_about_it() -> None:
    plain = unrest(11)
    later = with_spike(plain, 50, day=ON + 2, hours=range(24))
    assert z_of(plain) == z_of(later)


def test_series_are_judged_the_same_alone_and_together() -> None:
    from spend.spikes.detect import history, judge

    rows = np.random.default_rng(4).lognormal(0, 0.3, (40, (BACK + 8) * DAY))
    begin = np.arange(40) % 9
    together = history(rows, rows, begin, 2)
    days = np.array([ON, ON + 2])
    z = judge(together, days, NightHours()).z
    for row in (0, 17, 39):
        alone = history(rows[[row]], rows[[row]], begin[[row]], 2)
        assert judge(alone, days, NightHours()).z[0] == pytest.approx(z[row], rel=1e-12)


def test_a_level_is_the_middle_one_of_seven_trailing_days() -> None:
    by_day = [1.0, 1, 1, 9, 1, 2, 2, 5]
    spend = np.repeat(by_day, DAY)[None] / DAY
    level = levels(spend, np.array([0]))
    assert np.isnan(level[0, 23])
    assert level[0, 24] == pytest.approx(1)
    assert level[0, 7 * DAY] == pytest.approx(1)  # of 1 1 1 9 1 2 2
    assert level[0, 5 * DAY] == pytest.approx(1)  # of 1 1 1 9 1


def test_a_ratio_stays_between_a_half_and_twice() -> None:
    now, then = np.array([3.0, 1, 1, 0, 2, np.nan]), np.array([1.0, 4, 1, 0, 0, 1])
    assert ratio(now, then).tolist() == [2, 0.5, 1, 1, 2, 1]


def test_days_weigh_by_age_weekday_and_kind() -> None:
    [weight] = weights(np.array([30]), np.array([0]), 0)[0]  # day 30 is a Wednesday
    assert weight[0] == pytest.approx(2 ** (-1 / 14))  # Tuesday
    assert weight[6] == pytest.approx(2 * 2 ** (-7 / 14))  # last Wednesday
    assert weight[2] == 0  # a Sunday, where there are 20 weekdays
    [young] = weights(np.array([5]), np.array([0]), 0)[0]  # a Saturday after five weekdays
    assert young[0] == pytest.approx(0.35 * 2 ** (-1 / 14))
    assert young[5:].tolist() == [0] * 23


def test_a_weighted_median_is_the_value_that_half_the_weight_reaches() -> None:
    values = np.array([[5.0, 1, 3, 100]])
    assert weighted(values, np.array([[1.0, 1, 1, 0]]), (0.5,), axis=1)[0].tolist() == [3]
    assert weighted(values, np.array([[9.0, 1, 1, 0]]), (0.5,), axis=1)[0].tolist() == [5]
    assert np.isnan(weighted(values, np.zeros((1, 4)), (0.5,), axis=1)[0]).all()


def test_a_median_leaves_out_what_is_unknown() -> None:
    found = median(np.array([[1, 5, np.nan, 2], [np.nan] * 4, [4, np.nan, np.nan, 2]]))
    assert found[0] == 2
    assert np.isnan(found[1])
    assert found[2] == 3


@pytest.mark.parametrize("times", [1e-6, 1e6])
def test_a_score_does_not_depend_on_the_size_of_the_series(times: float) -> None:
    plain = with_spike(unrest(12), 2)
    assert z_of(lambda day, hour: times * plain(day, hour)) == pytest.approx(z_of(plain), rel=1e-6)
