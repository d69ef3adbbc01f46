"""From a click to the page in the DOM, in a real browser over a store of 1,000,000 requests.

    python bench/pages.py [--db FILE] [--rounds 15]

Without --db a store of 1,000,000 generated usage records is made first, in bench/out. Each page is opened from another
one by a click on its name in the navigation; the figure is the time until its content is complete in the DOM and the
script has ended, so with everything drawn but the last frame of a chart.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from bench.load import million  # noqa: E402
from tests.e2e.conftest import FLAGS, chromium  # noqa: E402
from tests.e2e.served import ingest, served  # noqa: E402

PAGES = ("Features", "Models", "Users", "Data", "Overview")
# Resolves with the milliseconds from the click to the last change of the DOM before the script ended.
_CLICK = """
([name]) => new Promise(resolve => {
    const app = document.querySelector('[data-testid="stApp"]');
    const link = [...document.querySelectorAll('[data-testid="stTopNavLink"], [data-testid="stSidebarNavLink"]')]
        .find(a => a.innerText.trim() === name);
    const began = performance.now();
    let changed = began, ran = false;
    const seen = new MutationObserver(() => { changed = performance.now(); });
    seen.observe(app, {subtree: true, childList: true, characterData: true});
    const look = () => {
        const state = app.getAttribute('data-test-script-state');
        if (state === 'running') ran = true;
        if (ran && state === 'notRunning') {
            requestAnimationFrame(() => { seen.disconnect(); resolve(performance.now() - began); });
        } else if (performance.now() - began > 20000) {
            seen.disconnect(); resolve(NaN);
        } else {
            setTimeout(look, 2);
        }
    };
    link.click();
    look();
})
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    db = args.db or _million()
    with served(db) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}/?period=Everything")
        page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
        page.wait_for_timeout(3000)
        times = _measure(page, args.rounds)
        browser.close()
    for name, found in times.items():
        print(f"{name:<9} median {statistics.median(found):4.0f} ms  ({min(found):.0f} to {max(found):.0f})")


def _measure(page: Page, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in PAGES}
    for number in range(rounds + 1):
        for name in PAGES:
            taken = float(page.evaluate(_CLICK, [name]))
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
