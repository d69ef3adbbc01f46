"""Nothing to show says what to do next, and doing that works."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Opened
from tests.e2e.screen import answer, main_text, settled, turn_to, url, visit
from tests.e2e.served import served

pytestmark = pytest.mark.browser

ALL_TIME = {"period": "Everything", "timezone": "Europe/Paris"}


def test_an_empty_store_says_what_to_do_and_loads_the_sample_from_there(tmp_path: Path, opened: Opened) -> None:
    with served(tmp_path / "usage.duckdb") as address:
        page = opened(url(address))
        for title in ("Features", "Models", "Users", "Overview"):
            turn_to(page, title)
            said = main_text(page)
            assert "No usage loaded yet" in said
            assert "python -m ingest" in said
            assert "sample" in said

        page.locator(".st-key-empty-store").get_by_test_id("stPageLink").first.click()
        settled(page)
        expect(page.locator('[aria-current="page"]')).to_have_text("Data")
        page.get_by_role("button", name="Load the sample").click()
        expect(page.get_by_test_id("stAlert")).to_contain_text("20,544 requests", timeout=60_000)
        expect(page.get_by_role("button", name="Load the sample")).to_have_count(0)

        visit(page, url(address, "", ALL_TIME))
        assert answer(page) == "$1,264.69"


@pytest.mark.parametrize("path", ["", "users"])
def test_an_empty_period_offers_everything(path: str, sample: str, opened: Opened) -> None:
    nowhere = {"timezone": "Europe/Paris", "period": "Custom range", "dates": ["2020-01-01", "2020-01-31"]}
    page = opened(url(sample, path, {**nowhere, "feature": "translation"}))
    assert "1 Jan to 31 Jan 2020" in main_text(page)

    page.get_by_role("button", name="Show everything").click()
    settled(page)

    assert answer(page) == "$1,264.69"
    assert "feature=" not in page.url


def test_a_link_to_what_is_gone_is_no_error(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "", {**ALL_TIME, "feature": "no-such-feature"}))
    assert "No requests here" in main_text(page)
    for path, query, said in (
        ("features", {"feature_focus": "no-such-feature"}, "No requests here"),
        ("users", {"user_focus": "u_df7b", "request": "msg_nowhere"}, "No request has this key"),
        ("models", {"request": ""}, ""),
        ("data", {"load": "999"}, "20,544"),
    ):
        visit(page, url(sample, path, {**ALL_TIME, **query}))
        expect(page.get_by_test_id("stException")).to_have_count(0)
        assert said in main_text(page)
