"""The What-if page in a browser: built by hand, linked to, taken away, and the same to the cent each time."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.command_line import picos
from tests.e2e.conftest import Opened
from tests.e2e.screen import answer, cells, choose, click_cell, grid, main_text, settled, text_of, turn_to, url, wider
from tests.e2e.served import ROOT
from ui import numbers

pytestmark = pytest.mark.browser

ALL_TIME = {"timezone": "UTC", "period": "Everything"}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
THREE = (
    "swap:from=claude-opus-4-8,to=claude-haiku-5-5,feature=ticket-triage;cache:ttl=best,feature=policy-answers;"
    "cap:max_output_tokens=600,feature=meeting-summary"
)


def what_if(db: Path, *args: str) -> dict[str, Any]:
    """What the command line says of a scenario; the store must not be served."""
    command = [sys.executable, "-m", "spend", "what-if", "--db", str(db), "--format", "json", *args]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def shown(page: Page) -> tuple[str, str, str]:
    """Saving a month, as it was, in the scenario."""
    before, after = (
        text_of(page.locator(f".st-key-{key}").get_by_test_id("stMetricValue").first)
        for key in ("as-it-was", "in-the-scenario")
    )
    return answer(page), before, after


def as_shown(found: dict[str, Any]) -> tuple[str, str, str]:
    """The sample has thirty days, so a month is the whole of it."""
    saving, before, after = (numbers.usd(picos(found[name])) for name in ("saving_usd", "baseline_usd", "scenario_usd"))
    return saving, before, after


def scenario(page: Page) -> str:
    return parse_qs(urlsplit(page.url).query).get("scenario", [""])[0]


def test_a_scenario_built_by_hand_is_the_command_lines_to_the_cent_and_its_link_shows_it(
    sample: str, sample_copy: Path, opened: Opened
) -> None:
    page = opened(url(sample, "what-if", ALL_TIME))
    expect(page.get_by_text("Nothing is changed yet")).to_be_visible()
    page.locator(".st-key-levers-add-swap button").click()
    settled(page)
    lever = page.locator('[class*="st-key-lever-"]').first
    boxes = lever.get_by_test_id("stSelectbox")
    choose(page, boxes.nth(0), "claude-opus-4-8")
    choose(page, boxes.nth(1), "claude-haiku-4-5")
    choose(page, lever.get_by_test_id("stMultiSelect"), "ticket-triage")
    page.keyboard.press("Escape")
    page.locator(".st-key-levers-add-cap button").click()
    settled(page)
    thumb = page.get_by_role("slider", name="Longest answer")
    before = shown(page)
    thumb.focus()
    page.keyboard.press("ArrowRight")
    settled(page)
    assert shown(page) != before

    text = scenario(page)
    assert text == ("swap:from=claude-opus-4-8,to=claude-haiku-4-5,feature=ticket-triage;cap:max_output_tokens=550")
    found = what_if(sample_copy, *(word for one in text.split(";") for word in ("--lever", one)))
    assert shown(page) == as_shown(found)

    page.locator(".st-key-what-if-link button").first.click()
    code = page.get_by_test_id("stCode").filter(has_text="http").last
    expect(code).to_be_visible()
    link = re.sub(r"\s", "", code.locator("code").inner_text())
    other = opened(link, timezone_id="America/New_York")
    assert shown(other) == shown(page)
    assert text_of(other.locator(".st-key-gains-rows, .st-key-left").first) == text_of(
        page.locator(".st-key-gains-rows, .st-key-left").first
    )


def test_reports_download_and_their_command_computes_the_same_figures(
    sample: str, sample_copy: Path, opened: Opened, tmp_path: Path
) -> None:
    page = opened(url(sample, "what-if", ALL_TIME | {"scenario": THREE}))
    for kind, name in (("html", "what-if.html"), ("markdown", "what-if.md")):
        with page.expect_download() as started:
            page.locator(f".st-key-what-if-report-{kind} button").click()
        assert started.value.suggested_filename == name
        started.value.save_as(tmp_path / name)
    page.goto("about:blank")
    page.set_content((tmp_path / "what-if.html").read_text())
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    command, text = page.locator("pre").inner_text(), (tmp_path / "what-if.md").read_text()
    assert command in text
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "spend", "what-if"]
    words[words.index("--db") + 1] = str(sample_copy)  # the served one belongs to its server
    figures = as_shown(what_if(sample_copy, *words[4:]))
    for said in (text_of(page.locator("main")), re.sub(r"\\(.)", r"\1", text)):
        assert all(figure in said for figure in figures)


def test_findings_open_from_the_overview_and_from_the_page(sample: str, sample_copy: Path, opened: Opened) -> None:
    page = opened(url(sample, "", ALL_TIME))
    line = page.locator(".st-key-worth-a-look")
    expect(line).to_contain_text("ticket-triage runs on Opus 4.8 for 4-token answers")
    line.get_by_role("link").click()
    expect(page.locator(".st-key-in-the-scenario")).to_be_visible()
    settled(page)
    text = scenario(page)
    assert text.startswith("swap:from=claude-opus-4-8,to=claude-haiku-5-5,feature=ticket-triage")
    assert shown(page) == as_shown(what_if(sample_copy, "--lever", text))
    page.locator(".st-key-found-1-add button").click()
    settled(page)
    both = scenario(page).split(";")
    assert both == [text, "cache:ttl=best,feature=policy-answers"]
    assert shown(page) == as_shown(what_if(sample_copy, "--lever", both[0], "--lever", both[1]))


def test_the_requests_behind_a_saving_open_and_the_levers_are_there_after_it(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "what-if", ALL_TIME | {"scenario": THREE}))
    before = shown(page)
    page.locator(".st-key-evidence-shown label").first.click()
    table = grid(page, "Requests that change most")
    expect(table).to_be_visible()
    settled(page)
    click_cell(table, next(cell for cell in cells(table)[0] if cell.startswith("2026-")))
    page.get_by_role("link", name="Open the request of").click()
    expect(page.locator(".st-key-request")).to_be_visible()
    assert "ticket-triage" in text_of(page.locator(".st-key-crumbs"))
    turn_to(page, "What if")
    expect(page.locator(".st-key-in-the-scenario")).to_be_visible()
    settled(page)
    assert scenario(page) == THREE
    assert shown(page) == before


def test_it_fits_on_a_phone_and_hostile_words_in_the_address_are_text(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "what-if", ALL_TIME | {"scenario": THREE}), **PHONE)
    assert wider(page) <= 0
    assert shown(page)[1] == "$1,264.69"
    bad = opened(url(sample, "what-if", ALL_TIME | {"scenario": "<b>x</b>[x](http://x.example):y=1"}), **PHONE)
    assert "The scenario in this address is not one: no lever '<b>x</b>[x](http'" in main_text(bad)
    assert bad.get_by_test_id("stAlert").locator("a, b, strong").count() == 0
