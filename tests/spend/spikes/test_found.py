from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from spend.filters import Filters
from spend.spikes.found import incidents
from spend.spikes.incidents import Incident
from spend.spikes.judged import last_night
from spend.spikes.night import NightHours
from spend.spikes.settings import Mark, SpikeSettings, keep_mark, keep_settings, marks_of, settings_of, undo_mark
from spend.spikes.words import sentence
from store.connection import Store
from tests.spend.spikes.made import Dollars, spending, unrest

FIRST = date(2026, 9, 1)
UTC = Filters()
NORMAL = SpikeSettings(minimum=10**12)
DAYS = 30
ON = FIRST + timedelta(days=20)  # a Monday


def calm(seed: int, size: float = 1.0) -> Dollars:
    factor = unrest(seed, 0.1)
    return lambda day, hour: size * factor(day, hour)


def spike(plain: Dollars, dollars: float, day: int = 21, hours: range = range(1, 4)) -> Dollars:
    """So many dollars more in each of these hours, by default in the night that begins on day 20."""
    return lambda d, h: plain(d, h) + (dollars if d == day and h in hours else 0)


def asked(store: Store, settings: SpikeSettings = NORMAL, filters: Filters = UTC, nights: int = DAYS) -> list[Incident]:
    first = FIRST + timedelta(days=DAYS - nights)
    return incidents(store.cursor(), filters, settings, first, FIRST + timedelta(days=DAYS - 1))


def test_months_without_a_spike_have_no_incident(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": calm(1), "chat": calm(2)}) as store:
        assert asked(store) == []


def test_everything_and_its_feature_model_and_user_are_one_incident(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 8), "chat": calm(2)}) as store:
        [found] = asked(store)
    assert found.finding.scope == (("feature", "search"),)
    assert found.level == "flag"
    assert (found.finding.kind, found.finding.night) == ("overnight", ON)
    assert [found.finding.from_.hour, found.finding.until.hour] == [1, 4]
    assert {one.scope for one in found.inside} == {(), (("user", "u_search"),), (("model", "claude-haiku-4-5"),)}


def test_when_two_features_rise_together_everything_heads_the_incident(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 8), "chat": spike(calm(2), 7)}) as store:
        [found] = asked(store)
    assert found.finding.scope == ()
    assert {(("feature", "search"),), (("feature", "chat"),)} <= {one.scope for one in found.inside}


def test_two_features_at_different_hours_are_two_incidents(tmp_path: Path) -> None:
    chat = spike(calm(2), 6, day=25)
    with spending(tmp_path, {"search": spike(calm(1), 8), "chat": chat}) as store:
        found = asked(store)
    assert [one.finding.scope for one in found] == [(("feature", "search"),), (("feature", "chat"),)]
    assert [one.finding.night.day for one in found] == [21, 25]


def test_what_an_incident_cost_is_the_exact_cost_of_its_hours(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 8)}) as store:
        [found] = asked(store)
        spent = store.cursor().execute(
            "SELECT sum(cost) FROM usage WHERE started_at >= '2026-09-22 01:00' AND started_at < '2026-09-22 04:00'"
        )
        assert found.finding.actual == spent.fetchall()[0][0]
    assert found.finding.expected == pytest.approx(3e12, rel=0.2)


def test_a_pause_of_up_to_six_hours_is_inside_one_incident(tmp_path: Path) -> None:
    twice = spike(spike(calm(1), 8, day=20, hours=range(22, 24)), 8, hours=range(4, 6))
    with spending(tmp_path, {"search": twice}) as store:
        [found] = asked(store)
    assert len(found.finding.spans) in (1, 2)
    assert [found.finding.from_.hour, found.finding.until.hour] == [22, 6]


def test_a_morning_jump_is_another_kind_and_no_overnight_spike(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 5, hours=range(9, 15))}) as store:
        [found] = asked(store)
    assert found.finding.kind == "morning"
    assert found.finding.night.isoformat() == "2026-09-22"
    assert [found.finding.from_.hour, found.finding.until.hour] == [9, 15]


def test_what_the_night_told_is_not_told_again_in_the_morning(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 8)}) as store:
        assert [one.finding.kind for one in asked(store)] == ["overnight"]


def test_longer_than_two_days_is_a_new_level_and_told_once(tmp_path: Path) -> None:
    plain = calm(1)
    with spending(tmp_path, {"search": lambda d, h: plain(d, h) * (4 if (d, h) >= (20, 23) else 1)}) as store:
        [found] = asked(store)
    assert found.finding.new_level
    assert found.finding.from_.isoformat() == "2026-09-21T23:00:00+00:00"
    assert sentence(found).startswith("A new level since 21 September, 23:00: feature search cost")


def test_a_new_job_of_every_night_is_told_once_too(tmp_path: Path) -> None:
    plain = calm(1)
    with spending(tmp_path, {"search": lambda d, h: plain(d, h) + (9 if d > 20 and h == 2 else 0)}) as store:
        found = [one for one in asked(store) if one.finding.kind == "overnight"]
    assert [one.finding.night for one in found] == [ON]
    assert found[0].finding.new_level


def test_small_money_is_never_flagged(tmp_path: Path) -> None:
    cents = {"search": spike(calm(1, 0.01), 0.08)}
    with spending(tmp_path, cents) as store:
        assert asked(store, SpikeSettings()) == []  # the default: at least a dollar
        assert len(asked(store, SpikeSettings(minimum=10**11))) == 1


def test_sensitivity_moves_the_limit(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(unrest(1, 0.22), 1.1)}) as store:  # a z of 6.1
        levels = {
            name: {one.level for one in asked(store, SpikeSettings(minimum=10**12, sensitivity=name))}
            for name in ("low", "normal", "high")
        }
    assert levels == {"low": {"watch"}, "normal": {"flag"}, "high": {"flag"}}


def test_a_store_of_a_week_says_nothing(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 50, day=5)}, days=7) as store:
        assert asked(store) == []


def test_an_empty_store_says_nothing(tmp_path: Path) -> None:
    with spending(tmp_path, {}) as store:
        assert asked(store) == []
        assert last_night(store.cursor(), UTC, NORMAL) is None


def test_what_is_new_or_seldom_active_is_told_by_dollars_alone(tmp_path: Path) -> None:
    def seldom(day: int, hour: int) -> float:
        return {22: 1.0 + 0.2 * (day % 3)}.get(hour, 0.0) * (9 if day == 20 else 1)

    features = {"search": calm(1, 20), "digest": seldom, "new": lambda d, h: 6.0 * ((d, h) == (25, 3))}
    with spending(tmp_path, features) as store:
        found = {one.finding.scope: one for one in asked(store) if one.finding.scope[0][0] == "feature"}
    assert set(found) == {(("feature", "digest"),), (("feature", "new"),)}
    assert {one.level for one in found.values()} == {"watch"}
    assert {one.finding.z for one in found.values()} == {None}
    said = sentence(found[(("feature", "new"),)])
    assert said == (
        "In the night of 25 September, 03:00 to 04:00, feature new cost $6.00, where these hours usually cost nothing;"
        " the dearest of the 23 nights before cost nothing."
    )


def test_a_running_night_is_compared_with_the_same_hours_of_others(tmp_path: Path) -> None:
    evening = spike(calm(1), 8, day=30, hours=range(1))
    with spending(tmp_path, {"search": evening}, days=30, hours=2) as store:
        assert last_night(store.cursor(), UTC, NORMAL) == (FIRST + timedelta(days=28), FIRST + timedelta(days=29))
        [found] = asked(store)
    assert found.finding.running
    assert found.finding.clock_hours == 3
    assert "so far" in sentence(found)


def test_a_running_night_without_a_spike_is_nothing(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": lambda _, hour: 1.0 + 9 * (hour == 3)}, days=30, hours=4) as store:
        assert asked(store) == []


def test_a_night_of_ones_own_is_the_one_that_is_looked_at(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 8, hours=range(7, 9))}) as store:
        by_night = SpikeSettings(night=NightHours(4, 10), minimum=10**12)
        assert [one.finding.kind for one in asked(store, by_night)] == ["overnight"]
        assert [one.finding.kind for one in asked(store)] == ["morning"]


def test_a_night_is_that_of_the_users_zone(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 8)}) as store:  # 01:00 to 04:00 in UTC
        [found] = asked(store, filters=Filters(timezone="America/Los_Angeles"))
        assert found.finding.kind == "morning"  # 18:00 to 21:00 the day before
        assert found.finding.from_.isoformat() == "2026-09-21T18:00:00-07:00"
        settings = SpikeSettings(minimum=10**12, timezone="Asia/Kathmandu")
        [found] = asked(store, settings)
        assert found.finding.from_.isoformat() in ("2026-09-22T06:00:00+05:45", "2026-09-22T07:00:00+05:45")


@pytest.mark.parametrize(("changes", "hours"), [("2026-10-25", 9), ("2026-03-29", 7)])
def test_a_night_when_clocks_change_is_no_incident_and_a_spike_in_it_is(
    tmp_path: Path, changes: str, hours: int
) -> None:
    sunday = date.fromisoformat(changes)
    first = sunday - timedelta(days=20)
    night = sunday - timedelta(days=1)
    paris = Filters(timezone="Europe/Paris")
    for name, dollars in (("calm", calm(1)), ("loop", spike(calm(1), 8, day=20, hours=range(2, 5)))):
        with spending(tmp_path / name, {"search": dollars}, first=first, days=24) as store:
            found = incidents(store.cursor(), paris, NORMAL, night - timedelta(days=2), night + timedelta(days=1))
        assert [one.finding.night for one in found] == ([night] if name == "loop" else [])
        if found:
            assert found[0].finding.real_hours == hours
            assert f"had {hours} real hours" in sentence(found[0])
            assert found[0].finding.actual == pytest.approx(27e12, rel=0.1)


def test_a_planned_incident_leaves_the_baseline_alone_until_that_is_undone(tmp_path: Path) -> None:
    twice = spike(spike(calm(1), 4), 6, day=23)
    with spending(tmp_path, {"search": twice}) as store:
        found = {one.finding.night: one for one in asked(store)}
        before = found[ON + timedelta(days=2)].finding.z
        first = found[ON]
        keep_mark(store, Mark(first.key, first.finding.spans, planned=True, note="the migration"))
        marked = {one.finding.night: one for one in asked(store)}
        assert (marked[ON].planned, marked[ON].note) == (True, "the migration")
        after = marked[ON + timedelta(days=2)].finding.z
        assert before is not None
        assert after is not None
        assert after > 1.2 * before
        undo_mark(store, first.key)
        assert marks_of(store.cursor()) == {}
        again = {one.finding.night: one for one in asked(store)}
        assert again == found


def test_a_note_alone_is_kept_and_changes_no_baseline(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 8)}) as store:
        [found] = asked(store)
        keep_mark(store, Mark(found.key, found.finding.spans, note="asked Ops"))
        [noted] = asked(store)
        assert (noted.note, noted.planned, noted.finding) == ("asked Ops", False, found.finding)


def test_settings_come_back_from_the_store_as_they_were_kept(tmp_path: Path) -> None:
    with spending(tmp_path, {}) as store:
        assert settings_of(store.cursor()) == SpikeSettings()
        kept = SpikeSettings(NightHours(23, 5), "Europe/Paris", 25 * 10**11, "high")
        keep_settings(store, kept)
        assert settings_of(store.cursor()) == kept


def test_filters_narrow_what_everything_is(tmp_path: Path) -> None:
    with spending(tmp_path, {"search": spike(calm(1), 8), "chat": calm(2)}) as store:
        assert asked(store, filters=Filters(where=(("feature", "chat"),))) == []
        [found] = asked(store, filters=Filters(where=(("user", "u_search"),)))
        assert found.finding.excess > 0
