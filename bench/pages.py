"""From a click to the page in the DOM, in a real browser over a store of 1,000,000 requests.

    python bench/pages.py [--db FILE] [--rounds 15] [--period "Last 30 days"]

Without --db a store of 1,000,000 generated usage records is made first, in bench/out. Each page is opened from another
one by a click on its name in the navigation; the figure is the time until its content is complete in the DOM and the
script has ended, so with everything drawn but the last frame of a chart.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from bench.load import million  # noqa: E402
from tests.e2e.conftest import FLAGS, chromium  # noqa: E402
from tests.e2e.served import ingest, served  # noqa: E402

# each page, and the last thing it draws
PAGES = {
    "Features": ".st-key-feature-list [data-testid='stDataFrame']",
    "Models": ".st-key-model-list [data-testid='stDataFrame']",
    "Users": ".st-key-user-list [data-testid='stDataFrame']",
    "Data": ".st-key-loads [data-testid='stDataFrame']",
    "Overview": ".st-key-classes .js-plotly-plot",
}
# Resolves with the milliseconds from the click until the script has ended and the page's last thing is in the DOM.
_CLICK = """
([name, last]) => new Promise(resolve => {
    const app = document.querySelector('[data-testid="stApp"]');
    const state = () => app.getAttribute('data-test-script-state');
    const link = [...document.querySelectorAll('[data-testid="stTopNavLink"]')].find(a => a.innerText.trim() === name);
    const began = performance.now();
    let ran = false;
    const seen = new MutationObserver(all => { ran = ran || all.some(one => one.oldValue === 'running'); });
    seen.observe(app, {attributes: true, attributeOldValue: true, attributeFilter: ['data-test-script-state']});
    const look = () => {
        const taken = performance.now() - began;
        const there = ran && state() === 'notRunning' && document.querySelector(last);
        if (!there && taken < 20000) return setTimeout(look, 4);
        seen.disconnect();
        resolve(there ? taken : NaN);
    };
    link.click();
    look();
})
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--period", default="Everything")
    args = parser.parse_args()
    db = args.db or _million()
    with served(db) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}/?{urlencode({'period': args.period})}")
        page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
        page.wait_for_timeout(3000)
        times = _measure(page, args.rounds)
        browser.close()
    for name, found in times.items():
        print(f"{name:<9} median {statistics.median(found):4.0f} ms  ({min(found):.0f} to {max(found):.0f})")


def _measure(page: Page, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in PAGES}
    for number in range(rounds + 1):
        for name, last in PAGES.items():
            taken = float(page.evaluate(_CLICK, [name, last]))
            page.wait_for_timeout(300)
            if number:  # the first time fills the caches
                times[name].append(taken)
    return times


def _million() -> Path:
    db = ROOT / "bench" / "out" / "million.duckdb"
    if not db.exists():
        ingest(db, million())
    return db


if __name__ == "__main__":
    main()
