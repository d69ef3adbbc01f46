from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from spend.filters import WrongQuestion
from spend.spikes.night import Clock, NightHours, night_hours
from spend.spikes.series import EVERYTHING, Series

PARIS = "Europe/Paris"


@pytest.mark.parametrize(
    ("text", "length"), [("22-6", 8), ("0-6", 6), ("22-0", 2), ("22-24", 2), ("9-17", 8), ("0-0", 24), ("6-5", 23)]
)
def test_a_night_is_read_from_its_first_hour_and_the_one_it_ends_at(text: str, length: int) -> None:
    assert night_hours(text).length == length


@pytest.mark.parametrize("text", ["", "22", "24-6", "22-25", "a-b", "22-", "-6", "22:00-06:00"])
def test_what_is_no_night_is_refused_in_words(text: str) -> None:
    with pytest.raises(WrongQuestion):
        night_hours(text)


def test_settings_of_a_night_say_what_it_reads() -> None:
    assert str(NightHours(22, 6)) == "22-6"
    assert night_hours(str(NightHours(1, 5))) == NightHours(1, 5)


def test_a_day_has_24_hours_by_the_clock_though_one_was_left_out_in_spring() -> None:
    clock = Clock(PARIS, date(2026, 3, 28), 3)  # clocks go forward on the 29th, from 02:00 to 03:00
    real = clock.real.reshape(3, 24)
    assert real[1].tolist() == [1, 1, 0, *[1] * 21]
    night = slice(22, 22 + 8)
    assert clock.real[night].sum() == 7
    assert clock.starts[26] == clock.starts[27]


def test_the_hour_that_autumn_repeats_is_one_hour_of_the_clock_with_two_real_ones() -> None:
    clock = Clock(PARIS, date(2026, 10, 24), 3)
    assert clock.real.reshape(3, 24)[1].tolist() == [1, 1, 2, *[1] * 21]
    assert clock.real[22:30].sum() == 9


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("UTC", date(2026, 10, 24)),
        (PARIS, date(2026, 3, 28)),
        (PARIS, date(2026, 10, 24)),
        ("America/New_York", date(2026, 10, 31)),
        ("Asia/Kathmandu", date(2026, 10, 24)),  # 5:45 ahead
        ("Australia/Lord_Howe", date(2026, 4, 4)),  # half an hour back
        ("Australia/Lord_Howe", date(2026, 10, 3)),
    ],
)
def test_every_quarter_is_in_the_hour_that_the_query_says(zone: str, first: date) -> None:
    import duckdb

    clock = Clock(zone, first, 3)
    quarters = np.arange(clock.starts[0], clock.starts[-1])
    with duckdb.connect() as con:
        rows = con.execute(
            f"SELECT quarter, {clock.sql()} FROM (SELECT unnest(range({quarters[0]}, {quarters[-1] + 1})) AS quarter)"
        ).fetchall()
    assert [hour for _, hour in sorted(rows)] == [clock.hour_of(int(quarter)) for quarter in quarters]
    assert np.bincount([hour for _, hour in rows], minlength=72).tolist() == (4 * clock.real).tolist()


def test_spend_is_by_the_real_hour_and_an_hour_left_out_is_like_those_beside_it() -> None:
    spring, autumn = (Clock(PARIS, day, 2) for day in (date(2026, 3, 28), date(2026, 10, 24)))
    begin = np.array([0])
    picos = (1e12 * spring.real[None]).astype(np.int64)
    assert Series(spring, (EVERYTHING,), picos, begin, 48).rates().tolist() == [[1.0] * 48]
    picos = (1e12 * autumn.real[None]).astype(np.int64)
    assert Series(autumn, (EVERYTHING,), picos, begin, 48).rates().tolist() == [[1.0] * 48]
