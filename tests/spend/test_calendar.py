from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from spend.calendar import buckets


@pytest.mark.parametrize(
    ("day", "zone", "quarters", "hours"),
    [
        (date(2026, 3, 29), "Europe/Paris", 23 * 4, 23),
        (date(2026, 10, 25), "Europe/Paris", 25 * 4, 25),
        (date(2026, 11, 1), "America/New_York", 25 * 4, 25),
        (date(2026, 11, 1), "America/Havana", 25 * 4, 25),
        (date(2026, 4, 24), "Africa/Cairo", 23 * 4, 23),
        (date(2026, 10, 4), "Australia/Lord_Howe", 94, 24),
        (date(2026, 4, 5), "Australia/Lord_Howe", 98, 25),
        (date(2026, 4, 5), "Pacific/Chatham", 100, 26),
        (date(2026, 3, 29), "Asia/Kathmandu", 96, 24),
        (date(2026, 3, 29), "America/Sao_Paulo", 96, 24),
    ],
)
def test_a_day_has_the_quarters_and_hours_its_clock_shows(day: date, zone: str, quarters: int, hours: int) -> None:
    until = day + timedelta(days=1)
    [(label, first, past)] = buckets("day", day, until, zone)
    assert (label, past - first) == (day.isoformat(), quarters)
    found = buckets("hour", day, until, zone)
    assert len(found) == len({label for label, _, _ in found}) == hours
    assert (found[0][1], found[-1][2]) == (first, past)
    assert all(past == following for (_, _, past), (_, following, _) in pairwise(found))


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    labels = [label for label, _, _ in buckets("hour", date(2026, 10, 25), date(2026, 10, 26), "Europe/Paris")]
    assert labels[1:5] == [
        "2026-10-25T01:00:00+02:00",
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T03:00:00+01:00",
    ]


def test_the_half_hour_that_comes_twice_is_half_an_hour() -> None:
    found = buckets("hour", date(2026, 4, 5), date(2026, 4, 6), "Australia/Lord_Howe")
    assert [(label[11:], past - first) for label, first, past in found[:4]] == [
        ("00:00:00+11:00", 4),
        ("01:00:00+11:00", 4),
        ("01:00:00+10:30", 2),
        ("02:00:00+10:30", 4),
    ]


def test_the_hour_that_is_left_out_is_left_out() -> None:
    labels = [label[11:13] for label, _, _ in buckets("hour", date(2026, 3, 29), date(2026, 3, 30), "Europe/Paris")]
    assert labels[:4] == ["00", "01", "03", "04"]


def test_weeks_begin_on_monday_and_months_on_the_first_even_where_the_period_cuts_them() -> None:
    since, until = date(2026, 10, 29), date(2026, 11, 4)  # a Thursday to a Tuesday
    weeks, months = (buckets(grain, since, until, "UTC") for grain in ("week", "month"))
    assert [(label, (past - first) // 96) for label, first, past in weeks] == [("2026-10-26", 4), ("2026-11-02", 2)]
    assert [(label, (past - first) // 96) for label, first, past in months] == [("2026-10-01", 3), ("2026-11-01", 3)]
