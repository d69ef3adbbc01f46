"""Names in logs are text: nothing of theirs is rendered, followed or run, on any page or in any export."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Opened
from tests.e2e.screen import cells, chart_texts, click_cell, grid, painted, plain, text_of, turn_to, url, visit
from tests.e2e.served import ingest, served
from tests.factories import usage_record, write_log
from ui import names

pytestmark = pytest.mark.browser

HOSTILE = (
    "<a href=//x.example>click</a>",
    "<img src=x onerror=\"document.title='owned'\">",
    ":red[x] :material/home: :smile:",
    "[x](http://x.example) https://x.example www.x.example a@x.example",
    "$x^2$ $$\\frac{1}{2}$$",
    '=HYPERLINK("http://x.example")',
    "n" * 600,
    "שלום \u202eevil\u202c עולם",
    "🦊 **bold** _it_ `code` # head",
    "   ",
    "javascript:alert(1)",
    "(not logged)",
    "<script>document.title='owned'</script><b>b</b><br>",
)
ALL_TIME = {"period": "Everything", "timezone": "Europe/Paris"}
DIMENSIONS = {"feature": "Features", "user": "Users"}

# What a name might have made of itself; what Streamlit and the dashboard draw themselves is left out.
_FOREIGN = """
() => {
    const found = [];
    const say = e => found.push(e.outerHTML.slice(0, 200));
    for (const a of document.querySelectorAll('a')) {
        const to = a.getAttribute('href') ?? a.getAttribute('xlink:href') ?? '';
        if (a.closest('svg') || new URL(to, location.href).origin !== location.origin) say(a);
    }
    for (const i of document.querySelectorAll('img, image, iframe, object, embed, video, audio')) {
        const from = i.getAttribute('src') ?? i.getAttribute('href') ?? '';
        if (!i.closest('[data-testid="stHeader"]') && !from.startsWith('data:')) say(i);
    }
    document.querySelectorAll('.katex, math').forEach(say);
    for (const e of document.querySelectorAll('.stMarkdownColoredText')) if (e.textContent.trim() === 'x') say(e);
    const texts = '[data-testid="stMain"] :is(strong, em, del, h1, h2, h4, li, blockquote, script, b, i)';
    for (const e of document.querySelectorAll(texts)) if (/bold|it|x|head|owned/.test(e.textContent)) say(e);
    for (const e of document.querySelectorAll('[data-testid="stMain"] [data-testid="stIconMaterial"]'))
        if (e.textContent === 'home') say(e);
    if (document.title !== 'Spendglass') found.push(document.title);
    return found;
}
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("hostile")
    records = [
        usage_record(
            feature=name,
            user=name,
            session=name,
            tags={name: name},
            output_tokens=100 * (len(HOSTILE) - number),
            stop_reason=name if number % 2 else "end_turn",
        )
        for number, name in enumerate(HOSTILE)
    ]
    records += [usage_record(model=name, feature="plain", user="plain") for name in HOSTILE]
    records += [usage_record(message_id=name, request_id=name, feature="keys") for name in HOSTILE]
    bad = [usage_record(feature=name, output_tokens=f"{name} tokens") for name in HOSTILE]
    db = folder / "usage.duckdb"
    ingest(db, write_log(folder / ":red[x] [y](http:x) $z$ <b>log.jsonl", [*records, *bad]))
    with served(db) as address:
        yield address


def test_no_page_renders_anything_of_a_name(hostile: str, opened: Opened) -> None:
    page = opened(url(hostile, "", ALL_TIME))
    assert _foreign(page) == []
    written = chart_texts(page, "top-feature") + chart_texts(page, "top-user")
    for name in HOSTILE[:5]:
        assert plain(names.short(name)) in written
    page.get_by_role("radio", name="Model").click()
    page.wait_for_timeout(500)
    assert _foreign(page) == []

    for title in ("Features", "Users", "Models"):
        turn_to(page, title)
        assert _foreign(page) == []
        shown = {row[0] for row in painted(grid(page, title))}
        assert {plain(names.short(name)) for name in HOSTILE} <= shown

    turn_to(page, "Data")
    assert _foreign(page) == []
    for section in ("Rejected lines", "Unpriced", "Price list", "Loads"):
        page.locator(".st-key-show").get_by_text(section, exact=True).click()
        page.wait_for_timeout(700)
        assert _foreign(page) == []
        if section == "Unpriced":
            shown = {cell for row in cells(grid(page, "What has no price")) for cell in row}
            assert plain(names.shown(HOSTILE[0])) in shown


@pytest.mark.parametrize("name", [HOSTILE[0], HOSTILE[3], HOSTILE[6], HOSTILE[9]])
def test_the_way_down_to_a_hostile_name_keeps_it_text(name: str, hostile: str, opened: Opened) -> None:
    page = opened(url(hostile, "features", ALL_TIME))
    click_cell(grid(page, "Features"), plain(names.short(name)))

    assert text_of(page.locator(".st-key-crumbs")) == f"Features › {plain(names.short(name, 60))}"
    assert "1 requests" in text_of(page.get_by_test_id("stMain")).replace("1 request ", "1 requests ")
    assert _foreign(page) == []
    click_cell(grid(page, "Requests"), cells(grid(page, "Requests"))[0][0])
    expect(page.locator(".st-key-request")).to_be_visible()
    assert f"feature {plain(names.short(name))}" in text_of(page.locator(".st-key-request"))
    assert _foreign(page) == []


def test_filters_offer_and_hold_hostile_names_as_text(hostile: str, opened: Opened) -> None:
    page = opened(url(hostile, "", {**ALL_TIME, "feature": [HOSTILE[0], HOSTILE[2], HOSTILE[4]]}))
    held = text_of(page.locator(".st-key-feature"))
    assert all(name[:6] in held for name in (HOSTILE[0], HOSTILE[2], HOSTILE[4]))
    assert _foreign(page) == []

    page.locator(".st-key-user input").click()
    options = page.get_by_role("option")
    expect(options.first).to_be_visible()
    offered = [plain(text) for text in options.all_inner_texts()]
    assert plain(HOSTILE[2]) in offered
    assert _foreign(page) == []


def test_exports_are_safe_for_a_spreadsheet_and_unchanged_for_programs(hostile: str, opened: Opened) -> None:
    page = opened(url(hostile, "features", ALL_TIME))
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_bytes().decode(), newline="")))
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {row["feature"] for row in rows} >= {"'" + HOSTILE[5], HOSTILE[0], HOSTILE[6]}

    with page.expect_download() as download:
        page.get_by_role("button", name="Parquet").click()
    held = pq.read_table(download.value.path()).column("feature").to_pylist()
    kept = {name for name in held if name is not None}
    assert set(HOSTILE) <= kept

    visit(page, url(hostile, "features", {**ALL_TIME, "feature_focus": "keys"}))
    with page.expect_download() as download:
        page.locator(".st-key-requests-csv").get_by_role("button").click()
    text = download.value.path().read_bytes().decode()
    cells_ = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert not [cell for cell in cells_ if cell.startswith(("=", "+", "-", "@"))]
    assert "'" + HOSTILE[5] in cells_


def _foreign(page: Page) -> Any:
    return page.evaluate(_FOREIGN)
