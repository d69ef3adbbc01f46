"""The Estimate page in a browser: counted, compared, sent, and answered as plain text that streams in."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Opened
from tests.e2e.screen import LOOKS, cells, click_cell, grid, settled, text_of, url, wider
from tests.e2e.served import ingest, served
from tests.factories import usage_record, write_log
from tests.usage_recorder.counting_server import Api, messages_api

pytestmark = pytest.mark.browser

KEY = "sk-ant-never-shown"
TABLE = "Cost on every current model, cheapest first"
HOSTILE = (
    "# head [x](http://x.example) ![x](http://x.example/x.png) www.x.example <img src=x onerror=alert(1)>\n"
    "1. <script>document.title='owned'</script> $x^2$ :red[x] :smile: **bold** `code`\n\n"
    "```\nfence\n```\n| a | b |\n|---|---|\nhttps://x.example a@x.example &amp; over"
)
_MADE_OF_IT = "a, img, h1, h2, h3, h4, li, ol, ul, code, pre, table, strong, em, script, .katex, [class*=Colored]"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with messages_api() as running:
        yield running


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("estimate")
    db = folder / "usage.duckdb"
    ingest(db, write_log(folder / "app.jsonl", [usage_record()]))
    return db


@pytest.fixture(scope="module")
def dashboard(api: Api, db: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_BASE_URL", api.address)
        patch.setenv("ANTHROPIC_API_KEY", KEY)
        with served(db) as address:
            yield address


def paste(page: Page, text: str) -> None:
    page.get_by_label("Prompt, request or job").fill(text)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".st-key-headline")).to_be_visible()
    settled(page)


@pytest.mark.parametrize("look", LOOKS)
def test_a_prompt_is_counted_and_compared_and_everything_fits(look: str, dashboard: str, opened: Opened) -> None:
    page = opened(url(dashboard, "estimate"), **LOOKS[look])
    expect(page.locator(".st-key-estimate-empty")).to_contain_text("Paste a prompt")
    assert wider(page) <= 0
    paste(page, "word " * 15)
    assert "$0.00502" in text_of(page.locator(".st-key-answer"))  # 15 in, 1,000 out on Haiku 4.5
    expect(page.locator(".st-key-headline")).to_contain_text("15 in, 1,000 out")
    assert len(cells(grid(page, TABLE))) > 10
    assert wider(page) <= 0
    assert KEY not in page.content()


def test_a_model_is_chosen_and_its_answer_streams_in_as_plain_text_and_ends_with_its_cost(
    dashboard: str, opened: Opened, api: Api, db: Path
) -> None:
    page = opened(url(dashboard, "estimate"))
    paste(page, "word " * 15)
    click_cell(grid(page, TABLE), "Claude Haiku 4.5")  # the one asked for already
    settled(page)
    expect(page.locator(".st-key-answer")).to_contain_text("Claude Haiku 4.5")
    click_cell(grid(page, TABLE), "Claude Opus 5")
    expect(page.locator(".st-key-answer")).to_contain_text("Claude Opus 5")
    settled(page)
    assert "$0.0251" in text_of(page.locator(".st-key-answer"))  # 15 in, 1,000 out
    api.answer, api.pauses_after, api.held_back = HOSTILE, 2, threading.Event()
    page.get_by_role("button", name="Send it").click()
    answer = page.locator(".st-key-estimate-answer-text")
    try:
        expect(answer).to_have_text("# head")
        expect(page.locator(".st-key-estimate-billed")).to_have_count(0)
    finally:
        api.held_back.set()
    billed = page.locator(".st-key-estimate-billed")
    expect(billed).to_be_visible()
    settled(page)
    shown = " ".join(text_of(answer).replace("\N{WORD JOINER}", "").split())
    assert shown == " ".join(HOSTILE.split())
    assert answer.locator(_MADE_OF_IT).count() == 0
    assert page.title() == "Spendglass"
    tokens = len(HOSTILE.split())
    assert f"${(15 * 5 + tokens * 25) / Decimal(10**6)}" in text_of(billed)
    assert f"15 in, {tokens} out" in text_of(billed)
    [log] = (db.parent / "logs").glob("*.jsonl")
    record = json.loads(log.read_text())
    assert (record["feature"], record["usage"]["output_tokens"]) == ("spendglass", tokens)
    assert "head" not in log.read_text()
    kept = [path.read_bytes() for path in db.parent.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in content or b"word word" in content for content in kept)
