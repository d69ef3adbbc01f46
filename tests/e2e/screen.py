"""What a reader sees and does: figures, tables as they are painted, marks of charts, and ways down by mouse and key."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, expect

LOOKS: dict[str, dict[str, Any]] = {
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
JOINER = "\N{WORD JOINER}"

# Tables are painted on a canvas: what is written there is kept on the canvas itself, as [x, y, text].
RECORD_PAINT = """
(() => {
    const fillText = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
        const at = this.getTransform().transformPoint(new DOMPoint(x, y));
        (this.canvas.painted ??= []).push([at.x / devicePixelRatio, at.y / devicePixelRatio, String(text)]);
        return fillText.call(this, text, x, y, ...rest);
    };
})();
"""
_CALM = """
calm => {
    const app = document.querySelector('[data-testid="stApp"]');
    const still = app && app.getAttribute('data-test-script-state') === 'notRunning'
        && !document.querySelector('[data-testid*="Skeleton"], [data-stale="true"], [style*="none !important"]');
    const now = performance.now();
    if (!still) window.calmSince = now;
    return now - (window.calmSince ??= now) >= calm;
}
"""
_TO_THE_MIDDLE = """
(grid, y) => {
    const main = document.querySelector('[data-testid="stMain"]');
    main.scrollBy({top: grid.getBoundingClientRect().top + y - innerHeight / 2, behavior: "instant"});
}
"""
_WIDER = """
() => [document.documentElement, document.querySelector('[data-testid="stMain"]')]
    .map(e => e.scrollWidth - e.clientWidth)
"""
_FOCUSED = """
() => {
    const e = document.activeElement;
    return [e.getAttribute('data-testid'), e.closest('[role=region]')?.getAttribute('aria-label') ?? e.innerText]
}
"""

_ROW = """
() => {
    const cell = document.querySelector('table[role=grid] td[aria-selected=true]');
    return cell ? Number(cell.id.split('-').pop()) : -1;
}
"""
_AT_ANOTHER_ROW = f"row => ({_ROW.strip()})() !== row"


def url(address: str, path: str = "", query: dict[str, Any] | None = None) -> str:
    return f"{address}/{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")


def settled(page: Page, *, calm: int = 250) -> None:
    """Waits until the script has ended, all parts of the frame have arrived, and both for ``calm`` milliseconds.

    React hides, importantly, what stands beside a part that is still on its way.
    """
    page.evaluate("() => { window.calmSince = performance.now(); }")
    page.wait_for_function(_CALM, arg=calm, polling=50)


def visit(page: Page, address: str) -> None:
    page.goto(address)
    settled(page)


def turn_to(page: Page, title: str) -> None:
    """Clicks a page's name in the navigation."""
    page.get_by_test_id("stTopNavLink").filter(has_text=title).click()
    expect(page.locator('[data-testid="stTopNavLink"][aria-current="page"]')).to_have_text(title)
    settled(page)


def plain(text: str) -> str:
    """Text without the invisible letters that keep addresses from becoming links, its white space made one space."""
    return " ".join(text.replace(JOINER, "").split())


def text_of(found: Locator) -> str:
    return plain(found.inner_text())


def main_text(page: Page) -> str:
    return text_of(page.get_by_test_id("stMain"))


def wider(page: Page) -> int:
    """Pixels by which the page, or what scrolls in it, is wider than the window."""
    found: list[int] = page.evaluate(_WIDER)
    return max(found)


def answer(page: Page) -> str:
    """The large figure of the page."""
    return text_of(page.locator(".st-key-answer").get_by_test_id("stMetricValue").first)


def grid(page: Page, name: str) -> Locator:
    """The table whose description begins so."""
    return page.get_by_role("region", name=re.compile(f"^{name}"))


def painted(table: Locator) -> list[list[str]]:
    """The rows below the head as painted, top to bottom, each text once from left to right."""
    expect(table.locator("canvas").first).to_be_attached()
    rows: dict[int, list[str]] = {}
    for _, y, text in sorted(_paint(table)):
        if y > 34 and text.strip() and text not in rows.setdefault(round(y), []):
            rows[round(y)].append(plain(text))
    return [rows[y] for y in sorted(rows)]


def _paint(table: Locator) -> list[tuple[float, float, str]]:
    """Waits until nothing more is painted."""
    count = "grid => [...grid.querySelectorAll('canvas')].flatMap(canvas => canvas.painted ?? [])"
    before = -1
    while True:
        found = table.evaluate(count)
        if found and len(found) == before:
            return [(x, y, text) for x, y, text in found]
        before = len(found)
        table.page.wait_for_timeout(150)


def cells(table: Locator) -> list[list[str]]:
    """The rows below the head as a screen reader gets them."""
    expect(table.locator("table[role=grid] td").first).to_be_attached()
    read = "t => [...t.querySelectorAll('tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
    return [[plain(cell) for cell in row] for row in table.locator("table[role=grid]").evaluate(read)]


def click_cell(table: Locator, text: str) -> None:
    """Clicks where ``text`` is painted."""
    page = table.page
    x, y = next((x, y) for x, y, found in _paint(table) if plain(found) == text)
    table.evaluate(_TO_THE_MIDDLE, y)
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x + 2, box["y"] + y)
    settled(page)


def tab_to(page: Page, what: str, *, back: bool = False, most: int = 60) -> None:
    """Presses Tab, or Shift+Tab, until the thing with this test id, label or text has the focus."""
    met = []
    for _ in range(most):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        focused = [plain(word or "") for word in page.evaluate(_FOCUSED)]
        if any(word.startswith(what) for word in focused):
            return
        met.append(focused)
    raise AssertionError(f"{most} times Tab did not reach {what!r}: {met}")


def mark_row(page: Page, table: str, row: int) -> None:
    """By keyboard alone: into the table, down to the row, Shift+Space."""
    tab_to(page, table)
    here = -1
    for _ in range(100):
        page.keyboard.press("ArrowDown" if here < row else "ArrowUp")
        expect(page.locator(":focus")).to_have_attribute("role", "gridcell")
        page.wait_for_function(_AT_ANOTHER_ROW, arg=here)
        here = page.evaluate(_ROW)
        if here == row:
            break
    page.keyboard.press("Shift+Space")
    settled(page)


def chart(page: Page, key: str) -> Locator:
    found = page.locator(f".st-key-{key} .js-plotly-plot")
    expect(found.locator("svg.main-svg").first).to_be_attached()
    return found


def chart_texts(page: Page, key: str) -> list[str]:
    """All that is written in a chart, in the order it stands there."""
    read = "c => [...c.querySelectorAll('svg text')].map(t => t.textContent)"
    return [plain(text) for text in chart(page, key).evaluate(read)]


def chart_data(page: Page, key: str) -> list[dict[str, Any]]:
    """The traces of a chart as drawn."""
    read = "c => c.data.map(t => ({x: t.x, customdata: t.customdata, text: t.text, y: t.y, name: t.name}))"
    found: list[dict[str, Any]] = chart(page, key).evaluate(read)
    return found


def click_bar(page: Page, key: str, place: int) -> None:
    """Clicks into the ``place``-th bar of a chart's first trace."""
    bar = chart(page, key).locator(".barlayer .trace").first.locator(".point path").nth(place)
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    settled(page)


def type_dates(page: Page, first: str, last: str) -> None:
    """Types a range of days, as 2026-11-02, into the filter bar."""
    for end, day in (("start", first), ("end", last)):
        page.get_by_role("spinbutton", name=f"year, Dates {end} date").click()
        page.keyboard.type(day.replace("-", ""), delay=20)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    settled(page)


def choose(page: Page, box: Locator, option: str) -> None:
    """Types into a select box and takes the option."""
    box.locator("input").click()
    box.locator("input").fill(option)
    page.get_by_role("option", name=option, exact=True).first.click()
    settled(page)
