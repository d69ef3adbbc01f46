from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from spend.filters import Filters
from tests.factories import store_with, usage_record
from ui import charts, marks
from ui.charts import Mark

DAYS = ("2026-10-05", "2026-10-06", "2026-10-07", "2026-10-08", "2026-10-09")


def test_price_changes_and_silent_days_stand_on_the_axis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = [f"2026-09-{day:02d}" for day in range(14, 31)] + ["2026-10-05", "2026-10-09"]
    records = [usage_record(time=f"{day}T12:00:00Z", model="claude-sonnet-5-5") for day in busy]
    cursor = store_with(tmp_path, records).cursor()
    monkeypatch.setattr(marks, "ask", lambda question, *args: question(cursor, *args))
    week = Filters(date(2026, 10, 5), date(2026, 10, 10))
    assert marks.marks_on(DAYS, week) == [
        Mark("2026-10-06", "no log?", "No requests at all on 6 Oct 2026 to 8 Oct 2026"),
        Mark("2026-10-07", "price", "claude-sonnet-5-5, cache reads: $0.20 to $0.10 a million since 7 Oct 2026"),
    ]
    assert marks.marks_on(DAYS[:1], Filters(date(2026, 10, 5), date(2026, 10, 6))) == []
    weekly = marks.marks_on(("2026-09-28", "2026-10-05"), Filters(date(2026, 9, 28), date(2026, 10, 12)))
    assert [(mark.label, mark.word) for mark in weekly][-1] == ("2026-10-05", "price")


def test_a_mark_is_drawn_with_its_sentence_and_no_markup_of_a_name() -> None:
    figure: Any = charts.stacked_bars(
        DAYS, [], running=None, marks=[Mark(DAYS[1], "price", "<a href='//x'>model</a> got cheaper")]
    )
    (note,) = figure.layout.annotations
    assert (note.x, note.text) == (DAYS[1], "price")
    assert "<a" not in note.hovertext
