"""Days are those of the chosen time zone, wherever the browser is, and the long day of autumn has 25 hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.command_line import Question, picos, report, whole
from tests.e2e.conftest import Opened
from tests.e2e.screen import answer, chart, chart_data, chart_texts, main_text, plain, url
from tests.e2e.served import ingest, served
from tests.factories import usage_record, write_log
from ui import numbers

pytestmark = pytest.mark.browser

LONG_DAY = Question("Europe/Paris", date(2026, 10, 25), date(2026, 10, 26))


@pytest.fixture(scope="module")
def autumn_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A request every half hour around the night in which Paris sets its clocks back."""
    folder = tmp_path_factory.mktemp("autumn")
    begin = datetime(2026, 10, 24, 12, 10, tzinfo=UTC)
    moments = [begin + timedelta(minutes=30 * n) for n in range(96)]
    records = [
        usage_record(time=moment.isoformat(), feature="clock", input_tokens=1000 + n)
        for n, moment in enumerate(moments)
    ]
    db = folder / "usage.duckdb"
    ingest(db, write_log(folder / "autumn.jsonl", records))
    return db


@pytest.fixture(scope="module")
def autumn_reports(autumn_db: Path) -> dict[str, list[dict[str, object]]]:
    """What the command line says of the long day, asked before the store is served."""
    return {by: report(autumn_db, LONG_DAY, [by]) for by in ("hour", "day")}


@pytest.fixture(scope="module")
def autumn(autumn_db: Path, autumn_reports: object) -> Iterator[str]:
    with served(autumn_db) as address:
        yield address


def test_a_browser_in_new_york_shows_the_days_of_paris(sample: str, sample_copy: Path, opened: Opened) -> None:
    question = Question("Europe/Paris", date(2026, 11, 10), date(2026, 11, 17))
    days = {row["day"]: picos(row["cost_usd"]) or 0 for row in report(sample_copy, question, ["day"])}

    page = opened(url(sample, "", question.query), timezone_id="America/New_York")

    assert answer(page) == numbers.usd(sum(days.values()))
    traces = [trace for trace in chart_data(page, "time") if trace["name"] and "Total" not in trace["name"]]
    assert traces[0]["x"] == list(days)
    written = chart_texts(page, "time")
    assert [text for text in written if text.endswith(" Nov")] == [f"{date.fromisoformat(day).day} Nov" for day in days]
    drawn = chart(page, "time")
    drawn.scroll_into_view_if_needed()
    bar = drawn.locator(".barlayer .trace").first.locator(".point path").nth(list(days).index("2026-11-13"))
    box = bar.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    hover = drawn.locator(".hoverlayer")
    expect(hover).to_contain_text("Fri 13 Nov 2026")
    assert numbers.usd(days["2026-11-13"]) in plain(hover.text_content() or "")


def test_a_browser_that_chooses_no_zone_gets_its_own(sample: str, sample_copy: Path, opened: Opened) -> None:
    question = Question("Pacific/Auckland", date(2026, 11, 13), date(2026, 11, 14))
    query = {**question.query}
    del query["timezone"]

    page = opened(url(sample, "", query), timezone_id="Pacific/Auckland")

    assert answer(page) == numbers.usd(picos(whole(sample_copy, question)["cost_usd"]))
    expect(page.get_by_role("combobox", name="Time zone")).to_have_value("Pacific/Auckland")


def test_the_long_day_of_autumn_has_all_its_hours(
    autumn: str, autumn_reports: dict[str, list[dict[str, object]]], opened: Opened
) -> None:
    hours = autumn_reports["hour"]
    (day,) = autumn_reports["day"]
    assert sum(int(str(row["requests"])) for row in hours) == day["requests"] == 50

    page = opened(url(autumn, "features", {**LONG_DAY.query, "feature_focus": "clock"}), timezone_id="America/New_York")

    assert answer(page) == numbers.usd(picos(str(day["cost_usd"])))
    assert "50 requests" in main_text(page)
    (heat,) = chart_data(page, "entity-hours")
    sunday = [cell for row in heat["text"] for cell in row if cell.startswith("Sun") and "no requests" not in cell]
    counted = [int(cell.rsplit(", ", 1)[1].split()[0]) for cell in sunday]
    assert counted == [2, 2, 4, *[2] * 21]  # two o'clock comes twice
    elsewhere = [
        cell for row in heat["text"] for cell in row if not cell.startswith("Sun") and "no requests" not in cell
    ]
    assert elsewhere == []


def test_the_days_around_the_change_add_up_to_all(autumn: str, opened: Opened) -> None:
    page = opened(url(autumn, "", {"period": "Everything", "timezone": "Europe/Paris"}))

    requests = {}
    for day in ("2026-10-24", "2026-10-25", "2026-10-26"):
        page.goto(url(autumn, "", {"timezone": "Europe/Paris", "period": "Custom range", "dates": [day, day]}))
        expect(page.locator(".st-key-answer")).to_contain_text(f"{date.fromisoformat(day).day} Oct 2026")
        said = page.locator(".st-key-answer").get_by_text(" requests · ").inner_text()
        requests[day] = int(said.split()[0])
    assert requests == {"2026-10-24": 20, "2026-10-25": 50, "2026-10-26": 26}
