from __future__ import annotations

import pickle
from datetime import date, timedelta
from pathlib import Path

import pytest

from spend.filters import Filters
from spend.spikes.hours import hours_of
from spend.spikes.settings import SpikeSettings
from spend.spikes.skill import backtest
from spend.spikes.skill_report import as_table
from spend.spikes.verdict import calendar, enough_on, verdict
from tests.spend.spikes.made import Dollars, spending, unrest
from tests.spend.spikes.test_found import FIRST, ON, UTC, calm, spike

NORMAL = SpikeSettings(minimum=10**12)


def test_a_quiet_night_says_what_would_have_been_caught(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": calm(1), "chat": calm(2, 3)}) as store:
        told = verdict(store.cursor(), UTC, NORMAL)
    assert told is not None
    assert not told.unusual
    assert told.enough_history
    assert told.night == FIRST + timedelta(days=28)
    assert told.incidents == ()
    assert told.series == 6  # everything, a model, two features and their users
    assert told.expected_false_flags == pytest.approx(0.15)
    caught = {one.scope: one.jump for one in told.catchable}
    assert 10**12 <= caught[(("feature", "search"),)] < caught[(("feature", "chat"),)]
    assert told.caught("feature") == caught[(("feature", "chat"),)]
    assert told.caught(None) == caught[()]
    assert pickle.loads(pickle.dumps(told)) == told  # as a cache of answers keeps it


@pytest.mark.parametrize(("share", "flagged"), [(0.9, False), (1.1, True)])
def test_a_jump_as_large_as_the_one_that_would_be_caught_is_caught(tmp_path: Path, share: float, flagged: bool) -> None:
    with spending(tmp_path / "quiet", {"search": calm(1)}) as store:
        told = verdict(store.cursor(), UTC, NORMAL, night=ON)
    assert told is not None
    jump = share * (told.caught("feature") or 0) / 1e12
    worst = 0
    for hour in (0, 5):
        with spending(tmp_path / str(hour), {"search": spike(calm(1), jump, hours=range(hour, hour + 1))}) as store:
            jumped = verdict(store.cursor(), UTC, NORMAL, night=ON)
        assert jumped is not None
        worst += jumped.unusual
    assert (worst == 2) == flagged


def test_a_night_with_a_spike_is_unusual_and_its_hours_leave_the_band(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 8), "chat": calm(2)}) as store:
        told = verdict(store.cursor(), UTC, NORMAL, night=ON)
        alone = hours_of(store.cursor(), UTC, NORMAL, scope=(("feature", "search"),), night=ON)
    assert told is not None
    assert told.unusual
    assert [hour.hour for hour in told.hours] == [22, 23, 0, 1, 2, 3, 4, 5]
    above = [hour.hour for hour in told.hours if hour.high and hour.actual > 2 * hour.high]
    assert above == [1, 2, 3]
    for hour in told.hours:
        assert hour.low is not None
        assert hour.expected is not None
        assert hour.high is not None
        assert hour.low <= hour.expected <= hour.high
    assert told.actual == sum(hour.actual for hour in told.hours)
    assert [hour.actual < whole.actual for hour, whole in zip(alone, told.hours, strict=True)] == [True] * 8


def test_without_a_week_of_history_there_is_no_verdict_but_the_cost(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": calm(1)}, days=5) as store:
        told = verdict(store.cursor(), UTC, NORMAL)
        assert enough_on(store.cursor(), UTC, NORMAL) == FIRST + timedelta(days=8)
    assert told is not None
    assert not told.enough_history
    assert told.actual > 0
    assert (told.series, told.catchable, told.unusual) == (0, (), False)


def test_a_running_night_says_so(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": calm(1)}, days=30, hours=2) as store:
        told = verdict(store.cursor(), UTC, NORMAL, night=FIRST + timedelta(days=29))
    assert told is not None
    assert told.running
    assert len(told.hours) == 3
    assert told.series == 4


def test_a_store_without_requests_has_no_verdict(tmp_path: Path) -> None:
    with spending(tmp_path, {}) as store:
        assert verdict(store.cursor(), UTC, NORMAL) is None
        assert calendar(store.cursor(), UTC, NORMAL) == ()
        assert hours_of(store.cursor(), UTC, NORMAL, scope=(), night=date(2026, 9, 1)) == ()
        assert enough_on(store.cursor(), UTC, NORMAL) is None


def test_the_calendar_has_every_night_with_what_was_found_in_it(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 8)}, days=30, hours=2) as store:
        told = calendar(store.cursor(), UTC, NORMAL, nights=20)
    assert [night.night for night in told] == [FIRST + timedelta(days=n) for n in range(10, 30)]
    assert {night.night for night in told if night.level} == {ON}
    assert [night.running for night in told] == [False] * 19 + [True]
    [spiked] = [night for night in told if night.level]
    assert spiked.excess == pytest.approx(24e12, rel=0.1)
    assert all(night.expected for night in told)


def test_questions_have_arguments_that_a_cache_can_tell_apart() -> None:
    assert repr(SpikeSettings()) == repr(SpikeSettings())
    assert repr(SpikeSettings()) != repr(SpikeSettings(sensitivity="high"))
    assert " at 0x" not in repr((SpikeSettings(), Filters()))


def test_skill_is_measured_by_spikes_put_into_this_history(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": calm(1), "chat": lambda d, h: 2 * unrest_of_chat(d, h)}) as store:
        version = store.data_version
        skill = backtest(store.cursor(), UTC, NORMAL, seed=3, draws=30)
        assert skill == backtest(store.cursor(), UTC, NORMAL, seed=3, draws=30)
        assert skill != backtest(store.cursor(), UTC, NORMAL, seed=4, draws=30)
        assert store.data_version == version
    recall = [size.recall or 0 for size in skill.sizes]
    assert recall == sorted(recall)
    assert recall[-1] == 1
    assert recall[0] > 0.5
    assert skill.flags == 0
    assert skill.series == 6
    largest = skill.sizes[-1]
    assert largest.hours == 1
    assert largest.burnt
    assert "200 % of a day" in as_table(skill)


unrest_of_chat = unrest(9, 0.3)


def test_a_young_store_has_no_skill_to_measure(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": calm(1)}, days=5) as store:
        skill = backtest(store.cursor(), UTC, NORMAL)
    assert (skill.tested, skill.false_flag_rate) == (0, None)
    assert {size.recall for size in skill.sizes} == {None}
    assert as_table(skill).startswith("Not enough history")


def test_a_new_level_is_unusual_once_and_then_goes_on(tmp_path: Path) -> None:
    plain = calm(1)
    with spending(tmp_path, {"search": lambda d, h: plain(d, h) * (4 if (d, h) >= (20, 23) else 1)}) as store:
        first, second, third = (
            verdict(store.cursor(), UTC, NORMAL, night=ON + timedelta(days=later)) for later in (0, 1, 2)
        )
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.unusual, second.unusual, third.unusual) == (True, False, False)
    assert (len(first.ongoing), len(second.ongoing), len(third.ongoing)) == (0, 1, 1)
    assert second.ongoing[0].finding.night == ON


@pytest.mark.parametrize(
    "more",
    [
        lambda d, h: 3 * ((d, h) >= (20, 23)),
        lambda d, h: 3 * ((20, 23) <= (d, h) < (22, 5)),
        lambda d, h: 8 * (d in (21, 22, 23) and 1 <= h < 4),
        lambda d, h: 8 * (d in (21, 22) and 1 <= h < 4),
    ],
    ids=["from one hour on", "for thirty hours", "three nights in a row", "two nights"],
)
def test_a_night_by_itself_and_in_the_calendar_says_the_same(tmp_path: Path, more: Dollars) -> None:
    plain = calm(1)
    with spending(tmp_path, {"search": lambda d, h: plain(d, h) * (1 + more(d, h))}) as store:
        con = store.cursor()
        nights = calendar(con, UTC, NORMAL, nights=20)
        told = [verdict(con, UTC, NORMAL, night=one.night) for one in nights]
    cards = [one.incidents for one in told if one]
    assert [(one.incidents, one.excess) for one in nights] == [
        (len(found), sum(one.finding.excess for one in found)) for found in cards
    ]
    assert sum(one.incidents for one in nights) in (1, 2)


def test_a_calendar_that_begins_inside_a_new_level_does_not_tell_it_again(tmp_path: Path) -> None:
    plain = calm(1)
    with spending(tmp_path, {"search": lambda d, h: plain(d, h) * (4 if (d, h) >= (20, 23) else 1)}) as store:
        told = calendar(store.cursor(), UTC, NORMAL, nights=8)
    assert told[0].night == ON + timedelta(days=2)
    assert {one.level for one in told} == {None}


def test_a_day_does_not_tell_again_what_its_night_has_told(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 8), "chat": calm(2)}) as store:
        night, day = (verdict(store.cursor(), UTC, NORMAL, night=ON, kind=kind) for kind in ("overnight", "morning"))
    assert night is not None
    assert day is not None
    assert night.unusual
    assert day.kind == "morning"
    assert day.incidents == ()
    assert day.actual > night.actual


def test_a_backtest_says_how_far_it_is_and_can_be_ended(tmp_path: Path) -> None:
    heard: list[float] = []

    def enough(share: float) -> None:
        if share > 0.3:
            raise InterruptedError

    with spending(tmp_path, {"search": calm(1)}) as store:
        backtest(store.cursor(), UTC, NORMAL, draws=20, progress=heard.append)
        with pytest.raises(InterruptedError):
            backtest(store.cursor(), UTC, NORMAL, draws=20, progress=enough)
    assert heard == sorted(heard)
    assert heard[0] == 0
    assert 0.9 < heard[-1] < 1
