"""A budget is set, seen and followed to what it is for, as a user does it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Opened
from tests.e2e.screen import answer, click_cell, grid, painted, settled, url
from tests.e2e.served import ROOT, served

pytestmark = pytest.mark.browser

ALL_TIME = {"period": "Everything", "timezone": "Europe/Paris"}


def test_a_budget_set_in_its_box_is_listed_and_leads_to_what_it_is_for(
    sample_copy: Path, tmp_path: Path, opened: Opened
) -> None:
    db = Path(shutil.copy(sample_copy, tmp_path / "usage.duckdb"))
    with served(db) as address:
        page = opened(url(address, "", ALL_TIME))
        page.get_by_role("button", name="Set a budget").click()
        settled(page)
        page.get_by_role("radio", name="A feature").click()
        settled(page)
        page.get_by_label("Dollars").fill("100")
        page.get_by_label("Dollars").press("Tab")
        page.get_by_role("button", name="Keep", exact=True).click()
        settled(page)
        page.keyboard.press("Escape")
        settled(page)
        table = grid(page, "Budgets")
        [row] = painted(table)[-1:]
        question = [sys.executable, "-m", "spend", "budget", "--format", "json", "--db", str(db)]
        told = subprocess.run([*question, "--timezone", "Europe/Paris"], cwd=ROOT, capture_output=True, check=True)
        [state] = json.loads(told.stdout)
        assert state["scope"] == {"feature": "report-writer"}
        assert "feature report-writer, by month" in row
        assert f"${round(float(state['spent_usd']), 2):,.2f}" in row
        assert "crossed on 7 Nov 2026" in row

        click_cell(table, "feature report-writer, by month")
        expect(page.locator('[data-testid="stTopNavLink"][aria-current="page"]')).to_have_text("Features")
        assert "feature_focus=report-writer" in page.url
        assert answer(page).startswith("$")
