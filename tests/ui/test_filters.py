from __future__ import annotations

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from spend.filters import Filters
from ui.filters import Asked
from ui.periods import day_words, period_of
from ui.share import link_to


@pytest.mark.parametrize(
    ("label", "since", "until"),
    [
        ("Last 7 days", date(2026, 2, 22), date(2026, 3, 1)),
        ("Last 30 days", date(2026, 1, 30), date(2026, 3, 1)),
        ("Month to date", date(2026, 2, 1), date(2026, 3, 1)),
        ("Last month", date(2026, 1, 1), date(2026, 2, 1)),
        ("Everything", None, None),
    ],
)
def test_presets_end_with_today(label: str, since: date | None, until: date | None) -> None:
    assert period_of(label, date(2026, 2, 28)) == (since, until)


def test_a_link_spells_out_days_zone_names_and_the_way_down() -> None:
    filters = Filters(date(2026, 11, 1), date(2026, 11, 8), "Europe/Paris", (("feature", "a&b=c"), ("feature", None)))
    link = link_to(filters, "http://127.0.0.1:8501/features?period=Last+7+days", {"feature_focus": "<x>"})
    assert urlsplit(link).path == "/features"
    assert parse_qs(urlsplit(link).query) == {
        "timezone": ["Europe/Paris"],
        "feature_focus": ["<x>"],
        "period": ["Custom range"],
        "dates": ["2026-11-01", "2026-11-07"],
        "feature": ["a&b=c", "(not logged)"],
    }


def test_a_period_is_compared_only_where_the_logs_reach_back_to_its_beginning() -> None:
    asked = Asked(Filters(date(2026, 11, 8), date(2026, 11, 15)), date(2026, 11, 14), None, date(2026, 11, 1))
    assert asked.before == Filters(date(2026, 11, 1), date(2026, 11, 8))
    assert Asked(asked.filters, asked.today, None, date(2026, 11, 2)).before is None


def test_periods_read_as_said() -> None:
    def words(since: date, until: date) -> str:
        return Asked(Filters(since, until), until, None, since).words

    assert words(date(2026, 11, 1), date(2026, 11, 2)) == "1 Nov 2026"
    assert words(date(2026, 11, 1), date(2026, 11, 8)) == "1 Nov to 7 Nov 2026"
    assert words(date(2025, 12, 30), date(2026, 1, 3)) == "30 Dec 2025 to 2 Jan 2026"
    assert day_words(date(2026, 11, 9)) == "9 Nov 2026"
