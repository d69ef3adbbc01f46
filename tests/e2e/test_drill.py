"""From a name to one request and to its line in the log, by mouse and by keyboard, and back."""

from __future__ import annotations

import gzip
import json
import re
import time
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.command_line import Question, picos, report, whole
from tests.e2e.conftest import Opened
from tests.e2e.screen import (
    answer,
    cells,
    chart_data,
    click_bar,
    click_cell,
    grid,
    main_text,
    mark_row,
    plain,
    settled,
    tab_to,
    text_of,
    url,
)
from ui import numbers

pytestmark = pytest.mark.browser

PARIS = {"period": "Everything", "timezone": "Europe/Paris"}
PER = {"million": 1_000_000, "thousand": 1_000}


@dataclass(frozen=True)
class Line:
    """One line of a request's arithmetic as written on the page."""

    count: int
    label: str
    price: Decimal
    per: str
    factors: list[Decimal]
    cost: Decimal

    @property
    def product(self) -> Decimal:
        cost = self.count * self.price / PER[self.per]
        for factor in self.factors:
            cost *= factor
        return cost


def test_a_click_leads_from_a_feature_to_a_request_and_the_crumbs_lead_back(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "features", PARIS))
    click_cell(grid(page, "Features"), "market-research")

    assert _place(page) == ["Features", "market-research"]
    assert answer(page) == "$15.11"
    requests = grid(page, "Requests")
    first = cells(requests)[0]
    click_cell(requests, first[0])

    assert _place(page) == ["Features", "market-research", "Request"]
    assert first[0] in main_text(page)
    _check_request(page, "market-research")

    page.locator(".st-key-crumb-entity button").click()
    settled(page)
    assert _place(page) == ["Features", "market-research"]
    page.locator(".st-key-crumb-list button").click()
    settled(page)
    assert "focus" not in page.url
    assert "request" not in page.url
    assert answer(page) == "$1,264.69"


def test_the_keyboard_alone_leads_to_a_request_and_back(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "features", PARIS))
    names = [row[0] for row in cells(grid(page, "Features"))]
    mark_row(page, "Features, dearest first", names.index("nightly-digest"))

    assert _place(page) == ["Features", "nightly-digest"]
    third = cells(grid(page, "Requests"))[2]
    mark_row(page, "Requests, dearest first", 2)

    assert _place(page) == ["Features", "nightly-digest", "Request"]
    assert third[0] in main_text(page)
    _check_request(page, "nightly-digest")

    tab_to(page, "nightly-digest")
    page.keyboard.press("Enter")
    settled(page)
    assert _place(page) == ["Features", "nightly-digest"]
    tab_to(page, "Features", back=True)
    page.keyboard.press("Enter")
    settled(page)
    expect(grid(page, "Features")).to_be_visible()


@pytest.mark.parametrize(
    ("feature", "order"), [("customer-chat", "Longest prompt first"), ("prompt-lab", "Newest first")]
)
def test_other_requests_add_up_too_or_say_why_not(feature: str, order: str, sample: str, opened: Opened) -> None:
    page = opened(url(sample, "features", {**PARIS, "feature_focus": feature, "order": order}))
    row = cells(grid(page, "Requests"))[0]
    click_cell(grid(page, "Requests"), row[0])

    if feature == "prompt-lab":
        assert answer(page) == "—"
        assert "No price: its model is not in the price list" in main_text(page)
        _check_origin(page, feature)
    else:
        _check_request(page, feature)


def test_back_and_forward_go_where_one_was(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "features", PARIS))
    click_cell(grid(page, "Features"), "translation")
    click_cell(grid(page, "Requests"), cells(grid(page, "Requests"))[0][0])
    cost = answer(page)

    page.go_back()
    _arrive(page, "Features", "translation")
    assert answer(page) == "$4.30"
    page.go_back()
    expect(grid(page, "Features")).to_be_visible()
    settled(page)
    assert answer(page) == "$1,264.69"
    page.go_forward()
    _arrive(page, "Features", "translation")
    page.go_forward()
    _arrive(page, "Features", "translation", "Request")
    assert answer(page) == cost


def test_a_bar_of_the_overview_opens_its_page_under_the_same_filters(
    sample: str, sample_copy: Path, opened: Opened
) -> None:
    question = Question("Europe/Paris", where=(("model", "claude-sonnet-4-6"),))
    page = opened(url(sample, "", question.query))
    click_bar(page, "top-feature", 1)

    second = report(sample_copy, question, ["feature"])[1]
    assert _place(page) == ["Features", second["feature"]]
    assert answer(page) == numbers.usd(picos(second["cost_usd"]))
    assert "model=claude-sonnet-4-6" in page.url


def test_a_day_of_the_chart_shows_that_day(sample: str, sample_copy: Path, opened: Opened) -> None:
    page = opened(url(sample, "", {**PARIS, "feature": "document-search"}))
    days = chart_data(page, "time")[0]["x"]
    click_bar(page, "time", days.index("2026-11-13"))

    night = Question("Europe/Paris", date(2026, 11, 13), date(2026, 11, 14), (("feature", "document-search"),))
    assert "Spend, 13 Nov 2026" in main_text(page)
    assert answer(page) == numbers.usd(picos(whole(sample_copy, night)["cost_usd"]))


def _place(page: Page) -> list[str]:
    return text_of(page.locator(".st-key-crumbs")).split(" › ")


def _arrive(page: Page, *crumbs: str) -> None:
    """Waits until the reader is where the crumbs say."""
    until = time.monotonic() + 30
    while _place(page) != [*crumbs] and time.monotonic() < until:
        page.wait_for_timeout(50)
    settled(page)
    assert _place(page) == [*crumbs]


def _check_request(page: Page, feature: str) -> None:
    """The arithmetic multiplies and adds up, and the log says the same."""
    lines: list[Line] = []
    for table in page.locator(".st-key-request").get_by_test_id("stTable").all():
        *body, total = [
            [plain(cell) for cell in row.locator("td").all_inner_texts()] for row in table.locator("tbody tr").all()
        ]
        part = [_line(row) for row in body]
        assert all(line.cost == line.product for line in part)
        assert total[2] == "Total"
        assert Decimal(total[3].replace("$", "").replace(",", "")) == sum(line.cost for line in part)
        lines += part
    assert lines
    assert Decimal(answer(page).replace("$", "").replace(",", "")) == sum(line.cost for line in lines)
    record = _check_origin(page, feature)
    if "iterations" not in record["usage"]:
        usage = record["usage"]
        logged = [usage["input_tokens"], usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]]
        prompt = sum(line.count for line in lines if line.per == "million" and line.label != "output")
        assert prompt == sum(logged)
        assert sum(line.count for line in lines if line.label == "output") == usage["output_tokens"]


def _line(row: list[str]) -> Line:
    count, label, price, cost = row
    rate, per, factors = re.fullmatch(r"× \$([\d.,]+) per (million|thousand)(.*)", price).groups()  # type: ignore[union-attr]
    return Line(
        int(count.replace(",", "")),
        label,
        Decimal(rate.replace(",", "")),
        per,
        [Decimal(factor) for factor in re.findall(r"× ([\d.]+)", factors)],
        Decimal(cost.removeprefix("= $").replace(",", "")),
    )


def _check_origin(page: Page, feature: str) -> dict[str, Any]:
    """The line of the log that the page names, which holds this request."""
    named = re.search(r"(\S+\.jsonl\.gz), line ([\d,]+)", main_text(page))
    assert named
    with gzip.open(Path(named[1]), "rt") as log:
        line = next(text for number, text in enumerate(log, 1) if number == int(named[2].replace(",", "")))
    record: dict[str, Any] = json.loads(line)
    assert f"request={record.get('message_id') or record['request_id']}" in page.url
    assert record["feature"] == feature
    moment = datetime.fromisoformat(record["time"]).astimezone(ZoneInfo("Europe/Paris"))
    assert f"{moment.day} {moment:%b %Y, %H:%M:%S}" in main_text(page)
    return record
