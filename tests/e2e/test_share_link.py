"""A link shows the same screen to whoever opens it."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.command_line import Question, picos, whole
from tests.e2e.conftest import Opened
from tests.e2e.screen import answer, choose, main_text, text_of, type_dates, url
from ui import numbers

pytestmark = pytest.mark.browser


def test_a_link_to_filters_set_by_hand_shows_the_same_figures(sample: str, sample_copy: Path, opened: Opened) -> None:
    page = opened(url(sample, ""))
    choose(page, page.locator(".st-key-timezone"), "Asia/Kolkata")
    choose(page, page.locator(".st-key-period"), "Custom range")
    type_dates(page, "2026-11-02", "2026-11-08")
    choose(page, page.locator(".st-key-feature"), "ticket-triage")
    choose(page, page.locator(".st-key-feature"), "(not logged)")
    question = Question(
        "Asia/Kolkata", date(2026, 11, 2), date(2026, 11, 9), (("feature", "ticket-triage"), ("feature", ""))
    )
    expected = numbers.usd(picos(whole(sample_copy, question)["cost_usd"]))
    assert answer(page) == expected

    other = opened(_shared(page), timezone_id="America/New_York", locale="fr-FR")

    assert answer(other) == expected
    assert main_text(other) == main_text(page)
    expect(other.locator(".st-key-feature")).to_contain_text("ticket-triage")


def test_a_link_keeps_a_preset_on_its_days_and_the_way_down(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "users", {"user_focus": "u_df7b", "timezone": "Europe/Paris"}))
    choose(page, page.locator(".st-key-period"), "Last 7 days")
    shared = _shared(page)
    assert "period=Custom+range" in shared
    assert "Last" not in shared

    other = opened(shared, timezone_id="Pacific/Auckland")

    assert answer(other) == answer(page)
    assert text_of(other.locator(".st-key-crumbs")) == "Users › u_df7b"


def test_words_in_a_link_that_mean_nothing_are_left_out(sample: str, opened: Opened) -> None:
    page = opened(
        url(sample, "", {"period": "Since forever", "timezone": "Mars/Olympus", "dates": "yesterday", "stack": "x"})
    )

    assert answer(page).startswith("$")
    assert "error" not in main_text(page).lower()


def _shared(page: Page) -> str:
    """The link the page offers."""
    page.locator(".st-key-share button").first.click()
    code = page.get_by_test_id("stCode").filter(has_text="http")
    expect(code).to_be_visible()
    shared = re.sub(r"\s", "", code.locator("code").inner_text())
    page.keyboard.press("Escape")
    return shared
