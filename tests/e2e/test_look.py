"""Light, dark and on a phone: nothing sticks out, nothing is cut, everything can be read."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Opened
from tests.e2e.screen import chart, click_cell, grid, painted, settled, url, visit, wider

pytestmark = pytest.mark.browser

ALL_TIME = {"period": "Everything", "timezone": "Europe/Paris"}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
PAPER = {"light": [255, 255, 255], "phone": [255, 255, 255], "dark": [18, 22, 28]}

# Texts of the headline that do not fit where they stand, or that stand outside the window.
_CUT = """
() => [...document.querySelectorAll(
        '.st-key-headline p, .st-key-answer p, .st-key-headline [data-testid="stMetricValue"]')]
    .filter(e => {
        const box = e.getBoundingClientRect();
        const inside = e.scrollWidth <= e.clientWidth + 1 && box.left >= 0 && box.right <= innerWidth + 1;
        return box.width && !inside;
    })
    .map(e => e.textContent)
"""
# [text, contrast of its ink with the paper below it], both as they come out of all the opacities.
_CONTRASTS = """
() => {
    const parse = colour => {
        const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        c.clearRect(0, 0, 1, 1); c.fillStyle = colour; c.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = c.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = (top, below) => below.map((v, i) => top[i] * top[3] + v * (1 - top[3]));
    const paperOf = e => {
        const layers = [];
        for (; e; e = e.parentElement) layers.unshift(parse(getComputedStyle(e).backgroundColor));
        return layers.reduce((below, layer) => over(layer, below), [255, 255, 255]);
    };
    const light = rgb => {
        const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const told = '.st-key-headline p, .st-key-answer p, [class*="st-key-filters-"] p, .stMain h3, h2';
    return [...document.querySelectorAll(told)]
        .filter(e => e.textContent.trim() && e.getBoundingClientRect().width)
        .map(e => {
            const ink = parse(getComputedStyle(e).color);
            for (let up = e; up; up = up.parentElement) ink[3] *= Number(getComputedStyle(up).opacity);
            const paper = paperOf(e);
            const [a, b] = [light(over(ink, paper)), light(paper)].sort((x, y) => y - x);
            return [e.textContent, (a + 0.05) / (b + 0.05)];
        });
}
"""
_PAPER = (
    "() => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor.match(/[0-9]+/g).map(Number)"
)


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_fits_and_can_be_read(look: str, sample: str, opened: Opened) -> None:
    page = opened(url(sample, "", ALL_TIME), **LOOKS[look])
    assert page.evaluate(_PAPER)[:3] == PAPER[look]
    for key in ("time", "top-feature", "top-model", "top-user", "classes"):
        expect(chart(page, key).locator(".point path").first).to_be_attached()
    problems = _problems(page, "overview")
    for path in ("features", "models", "users"):
        visit(page, url(sample, path, ALL_TIME))
        assert len(painted(grid(page, path.capitalize()))) > 5
        problems += _problems(page, path)
    visit(page, url(sample, "features", {**ALL_TIME, "feature_focus": "document-search"}))
    for key in ("entity-time", "entity-hours", "entity-model", "entity-user", "entity-classes"):
        expect(chart(page, key).locator("svg.main-svg").first).to_be_attached()
    problems += _problems(page, "one feature")
    first = painted(grid(page, "Requests"))[0][0]
    click_cell(grid(page, "Requests"), first)
    expect(page.locator(".st-key-request")).to_be_visible()
    problems += _problems(page, "one request")
    visit(page, url(sample, "data"))
    expect(chart(page, "days-covered").locator(".point path").first).to_be_attached()
    problems += _problems(page, "data")
    for section in ("Rejected lines", "Unpriced", "Price list"):
        page.locator(".st-key-show").get_by_text(section, exact=True).click()
        settled(page)
        problems += _problems(page, section)

    assert not problems, "\n".join(problems)


def test_the_look_follows_the_reader_between_light_and_dark(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "", ALL_TIME))
    page.emulate_media(color_scheme="dark")
    page.reload()
    settled(page)
    assert page.evaluate(_PAPER)[:3] == PAPER["dark"]
    ink = chart(page, "time").evaluate("c => c.layout.font.color")
    assert ink == "#E8EBEF"


def test_a_phone_reaches_every_page_by_its_menu(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "", ALL_TIME), **LOOKS["phone"])
    for title in ("Features", "Data", "Overview"):
        turn_to_on_a_phone(page, title)
        assert wider(page) <= 0


def turn_to_on_a_phone(page: Page, title: str) -> None:
    expand = page.get_by_test_id("stExpandSidebarButton")
    expand.click()
    link = page.get_by_test_id("stSidebarNavLink").filter(has_text=title)
    link.click()
    expect(link).to_have_attribute("aria-current", "page")
    settled(page)
    if not expand.is_visible():  # the menu stays open until it is closed
        page.get_by_test_id("stSidebarHeader").hover()
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(expand).to_be_visible()


def _problems(page: Page, where: str) -> list[str]:
    """What sticks out, is cut off or too faint on the page as it is."""
    most = wider(page)
    found = [f"{where}: {most} pixels wider than the window"] if most > 0 else []
    found += [f"{where}: cut off: {text}" for text in page.evaluate(_CUT)]
    faint = [(text, contrast) for text, contrast in page.evaluate(_CONTRASTS) if contrast < 4.5]
    return found + [f"{where}: {contrast:.2f} to 1: {text}" for text, contrast in faint]
