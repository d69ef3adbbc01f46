"""Price changes are shown where they happened, for models in use."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from spend.filters import Filters
from spend.price_changes import PriceChange, price_changes
from tests.factories import store_with, usage_record


def test_a_cut_of_a_model_in_use_is_a_change_and_a_launch_is_not(tmp_path: Path) -> None:
    records = [
        usage_record(time="2026-10-05T12:00:00Z", model="claude-sonnet-5-5"),
        usage_record(time="2026-10-20T12:00:00Z", model="claude-haiku-5-5"),  # launched 2026-10-07
    ]
    con = store_with(tmp_path, records).cursor()
    cut = PriceChange(date(2026, 10, 7), "claude-sonnet-5-5", "cache reads", 200_000, 100_000)
    assert price_changes(con, Filters()) == [cut]
    assert price_changes(con, Filters(until=date(2026, 10, 7))) == []
    assert price_changes(con, Filters(where=(("model", "claude-haiku-5-5"),))) == []


def test_no_requests_no_changes(tmp_path: Path) -> None:
    assert price_changes(store_with(tmp_path, []).cursor(), Filters()) == []
