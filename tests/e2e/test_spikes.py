"""The Spikes page in a browser: the sample's night is found, explained, and adds up to what the command line says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.command_line import picos
from tests.e2e.conftest import Opened
from tests.e2e.screen import (
    LOOKS,
    cells,
    chart,
    chart_data,
    chart_texts,
    choose,
    click_bar,
    grid,
    main_text,
    settled,
    tab_to,
    text_of,
    url,
    wider,
)
from tests.e2e.served import ROOT, served
from ui import numbers

pytestmark = pytest.mark.browser

PARIS = {"timezone": "Europe/Paris"}
NIGHT = {**PARIS, "night": "2026-11-12"}
_CUT = """
() => [...document.querySelectorAll('.st-key-headline p, .st-key-answer p, [data-testid="stMetricValue"]')]
    .filter(e => e.getBoundingClientRect().width && e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)
"""


@pytest.fixture(scope="module")
def incident(sample_copy: Path) -> dict[str, Any]:
    """What `python -m spend spikes --format json` says of the night."""
    command = [sys.executable, "-m", "spend", "spikes", "--db", str(sample_copy), "--format", "json"]
    command += ["--timezone", "Europe/Paris", "--on", NIGHT["night"]]
    environment = {name: value for name, value in os.environ.items() if name != "SPENDGLASS_DB"}
    found = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    [one] = json.loads(found.stdout)
    return dict(one)


@pytest.fixture
def own(sample_copy: Path, tmp_path: Path) -> Iterator[str]:
    """The dashboard over a store that the test may change."""
    with served(Path(shutil.copy(sample_copy, tmp_path / "usage.duckdb"))) as address:
        yield address


def key_of(page: Page, prefix: str) -> str:
    """The key of the chart of the open incident."""
    found = page.locator(f'[class*="st-key-{prefix}-"]').first.get_attribute("class") or ""
    [key] = re.findall(rf"st-key-({prefix}-[0-9a-f]+)", found)
    return str(key)


def test_the_samples_night_is_found_among_the_nights_and_its_card_is_open(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "spikes", PARIS))
    expect(page.locator(".st-key-answer")).to_contain_text("Nothing unusual")
    nights = [str(day)[:10] for day in chart_data(page, "nights")[0]["x"]]
    click_bar(page, "nights", nights.index("2026-11-12"))
    expect(page.locator(".st-key-answer")).to_contain_text("document-search")
    assert "night=2026-11-12" in page.url
    said = main_text(page)
    assert "In the night of 12 November, 01:00 to 04:00, feature document-search cost $31.27" in said
    assert "A retry loop: user u_4630" in said
    page.go_back()
    expect(page.locator(".st-key-answer")).to_contain_text("Nothing unusual")


def test_the_sums_on_screen_are_the_command_lines(sample: str, opened: Opened, incident: dict[str, Any]) -> None:
    page = opened(url(sample, "spikes", NIGHT))
    written = chart_texts(page, key_of(page, "why"))
    amounts = [text for text in written if "$" in text]
    drivers = [picos(bar["change_usd"]) or 0 for bar in incident["drivers"]]
    usual, actual = picos(incident["expected_usd"]) or 0, picos(incident["actual_usd"]) or 0
    assert usual + sum(drivers) == actual
    expected = [numbers.usd(usual), *(numbers.usd(change, signed=True) for change in drivers), numbers.usd(actual)]
    assert amounts == expected
    words = [text for text in written if "$" not in text]
    assert words == ["Usual", *(bar["driver"].capitalize() for bar in incident["drivers"]), "What it cost"]
    assert numbers.usd(picos(incident["excess_usd"]), signed=True) in text_of(page.locator(".st-key-answer"))
    said = main_text(page)
    assert incident["sentence"] in said
    assert all(change in said for change in incident["changed"])
    for inner in incident["inside"]:
        name = next(iter(inner["scope"].values()), "everything together")
        assert f"{name} {numbers.usd(picos(inner['excess_usd']), signed=True)}" in said


def test_a_bar_of_the_waterfall_opens_the_requests_behind_it_and_a_link_shows_them_again(
    sample: str, opened: Opened
) -> None:
    page = opened(url(sample, "spikes", NIGHT))
    dearest = cells(grid(page, "Requests behind it, dearest first"))
    assert len(dearest) == 10
    assert "01:44:21" in dearest[0][0]
    click_bar(page, key_of(page, "why"), 2)
    longest = grid(page, "Requests behind it, longest prompt first")
    expect(longest.locator("tbody tr").first).not_to_contain_text(dearest[0][0])
    rows = cells(longest)
    assert len(rows) == 10
    assert all("document-search" in row for row in rows)
    expect(page.get_by_role("combobox", name="Requests behind")).to_have_value("Prompt length, +$8.69")
    page.locator(".st-key-share-night button").first.click()
    code = page.get_by_test_id("stCode").filter(has_text="behind=2")
    expect(code).to_be_visible()
    shared = re.sub(r"\s", "", code.locator("code").inner_text())
    page.keyboard.press("Escape")

    other = opened(shared, timezone_id="America/New_York")

    expect(other.get_by_role("combobox", name="Requests behind")).to_have_value("Prompt length, +$8.69")
    assert cells(grid(other, "Requests behind it")) == rows
    assert main_text(other) == main_text(page)
    page.go_back()
    expect(page.get_by_role("combobox", name="Requests behind")).to_have_value("All of this incident, +$31.23")


def test_from_the_keyboard_a_night_an_incident_and_its_requests(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "spikes", PARIS))
    tab_to(page, "12 Nov 2026")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-answer")).to_contain_text("document-search")
    settled(page)
    choose(page, page.locator('[class*="st-key-behind-"]').first, "Output length, +$0.15")
    expect(grid(page, "Requests behind it, longest answer first")).to_be_visible()
    assert "behind=4" in page.url


def test_planned_and_settings_are_kept_over_a_reload_and_undone_while_a_backtest_runs(own: str, opened: Opened) -> None:
    page = opened(url(own, "spikes", NIGHT))
    page.get_by_role("button", name="Mark as planned").click()
    expect(page.locator(".st-key-answer")).to_contain_text("Nothing unusual")
    settled(page)
    page.locator(".st-key-spike-settings-box button").first.click()
    page.get_by_label("Least excess to flag, in dollars").fill("2.50")
    page.get_by_role("button", name="Keep").last.click()
    expect(page.locator(".st-key-spike-settings")).to_contain_text("flags begin at $2.50")
    page.reload()
    settled(page)
    expect(page.locator(".st-key-answer")).to_contain_text("Nothing unusual")
    expect(page.locator(".st-key-spike-settings")).to_contain_text("flags begin at $2.50")
    page.get_by_role("button", name="Try it on these data").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".st-key-answer")).to_contain_text("+$31.23")
    expect(page.get_by_test_id("stTable")).to_contain_text("200 % of a day", timeout=60_000)


@pytest.mark.parametrize("look", LOOKS)
def test_everything_fits(look: str, sample: str, opened: Opened) -> None:
    page = opened(url(sample, "spikes", NIGHT), **LOOKS[look])
    for key in ("nights", key_of(page, "why"), key_of(page, "hours")):
        expect(chart(page, key).locator(".point path").first).to_be_attached()
    assert wider(page) <= 0
    assert page.evaluate(_CUT) == []


def test_overview_leads_to_the_night(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "", PARIS))
    link = page.locator(".st-key-last-night a")
    expect(link).to_contain_text("Nothing unusual in the night of 18 Nov 2026")
    link.click()
    expect(page.locator(".st-key-answer")).to_contain_text("Night of 18 Nov 2026")
