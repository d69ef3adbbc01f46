"""The first thing a fresh server is asked for is a page deep inside."""

from __future__ import annotations

import http.client
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Opened
from tests.e2e.screen import answer, main_text, settled, turn_to, url, visit
from tests.e2e.served import served

pytestmark = pytest.mark.browser

PAGES = ["Overview", "Features", "Models", "Users", "Spikes", "What if", "Estimate", "Data"]
FILTERS = ["period", "timezone", "feature", "model", "user", "filter-actions"]
PAPER = "rgb(255, 255, 255)"
ALL_TIME = {"period": "Everything", "timezone": "Europe/Paris"}


@pytest.mark.parametrize("path", ["features", "data"])
def test_a_deep_link_to_a_fresh_server_comes_through_the_dashboard(
    path: str, sample_copy: Path, tmp_path: Path, opened: Opened
) -> None:
    with served(Path(shutil.copy(sample_copy, tmp_path / "usage.duckdb"))) as address:
        page = opened(url(address, path, ALL_TIME))

        assert _navigation(page) == PAGES
        expect(page.locator('[aria-current="page"]')).to_have_text(path.capitalize())
        expect(page).to_have_title("Spendglass")
        expect(page.get_by_test_id("stHeaderLogo")).to_be_visible()
        assert _paper(page) == PAPER
        assert "$1,264.69" in main_text(page) if path == "features" else "20,544" in main_text(page)


def test_an_address_that_is_no_page_shows_the_overview_and_says_so(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "", ALL_TIME))
    for path in ("secret", "__init__", "ranking"):
        visit(page, url(sample, path, ALL_TIME))

        assert _navigation(page) == PAGES
        expect(page.get_by_role("dialog")).to_contain_text("Page not found")
        expect(page.locator('[aria-current="page"]')).to_have_text("Overview")


FILES = (
    "pages/features.py",
    "pages/features",
    "dashboard.py",
    "ui/filters.py",
    "data/prices/anthropic.toml",
    "README.md",
    ".streamlit/config.toml",
    "static/../dashboard.py",
    "static/%2e%2e/%2e%2e/dashboard.py",
    "app/static/dashboard.py",
)


@pytest.mark.parametrize("path", FILES)
def test_no_file_of_the_project_is_served(path: str, sample: str) -> None:
    server = http.client.HTTPConnection(sample.removeprefix("http://"), timeout=10)
    server.request("GET", f"/{path}")
    answer = server.getresponse()
    body = answer.read().decode()
    server.close()

    assert answer.status in (400, 404) or "<title>Streamlit</title>" in body
    assert not any(word in body for word in ("import annotations", "Spendglass", "[theme]", "[models"))


def test_every_page_has_an_address_that_can_be_opened_again(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "", ALL_TIME))
    for title in PAGES:
        turn_to(page, title)
        page.reload()
        settled(page)

        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.locator('[aria-current="page"]')).to_have_text(title)
        if title != "Estimate":  # which answers once it is asked
            assert answer(page)


def test_what_is_filtered_by_outlasts_pages_that_do_not_answer_to_it(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "", {**ALL_TIME, "feature": "ticket-triage"}))
    before = answer(page)
    for title, seen in (("Data", ["timezone"]), ("Spikes", ["timezone"]), ("Estimate", []), ("Overview", FILTERS)):
        turn_to(page, title)
        assert [name for name in FILTERS if page.locator(f".st-key-{name}").is_visible()] == seen
    assert answer(page) == before
    expect(page.locator(".st-key-feature")).to_contain_text("ticket-triage")


def _navigation(page: Page) -> list[str]:
    links = page.locator('[data-testid="stTopNavLink"], [data-testid="stSidebarNavLink"]')
    return [text.strip() for text in links.all_inner_texts()]


def _paper(page: Page) -> str:
    return str(page.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).backgroundColor"))


def test_the_overview_answers_under_its_name_too(sample: str, opened: Opened) -> None:
    page = opened(f"{sample}/overview?period=Everything&feature=ticket-triage")
    assert answer(page) == "$173.81"
    assert "/overview" not in page.url
    assert page.get_by_text("Page not found").count() == 0
