"""Takes the pictures of every page, light, dark and on a phone, over the sample: `python -m tests.e2e.screenshots`

python -m tests.e2e.screenshots [--out docs/screenshots] [--only overview ...]
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.conftest import FLAGS, chromium
from tests.e2e.screen import RECORD_PAINT, cells, grid, settled
from tests.e2e.served import ROOT, ingest, served

ALL_TIME = {"timezone": "Europe/Paris", "period": "Everything"}
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESKTOP, "color_scheme": "light"},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "device_scale_factor": 2, "is_mobile": True},
}
SCENARIO = (
    "swap:from=claude-opus-4-8,to=claude-haiku-5-5,feature=ticket-triage;cache:ttl=best,feature=policy-answers;"
    "cap:max_output_tokens=600,feature=meeting-summary"
)
PAGES: dict[str, tuple[str, dict[str, str]]] = {
    "overview": ("", {}),
    "features": ("features", {}),
    "feature": ("features", {"feature_focus": "document-search"}),
    "request": ("features", {"feature_focus": "market-research"}),
    "models": ("models", {}),
    "users": ("users", {}),
    "spikes": ("spikes", {"night": "2026-11-12"}),
    "spikes-quiet": ("spikes", {"night": "2026-11-18"}),
    "what-if": ("what-if", {"scenario": SCENARIO}),
    "data": ("data", {}),
}
MOST_BYTES = 150_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--only", nargs="*", choices=PAGES, default=list(PAGES))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        db = Path(folder) / "usage.duckdb"
        ingest(db, *sorted((ROOT / "data" / "sample").glob("*.jsonl.gz")))
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        with served(db) as address:
            for look in LOOKS:
                _take(browser, address, look, args.only, args.out)
        browser.close()


def _take(browser: Browser, address: str, look: str, names: list[str], out: Path) -> None:
    context = browser.new_context(timezone_id="Europe/Paris", **LOOKS[look])
    context.add_init_script(RECORD_PAINT)
    page = context.new_page()
    for name in names:
        path, query = PAGES[name]
        page.goto(f"{address}/{path}?{urlencode({**ALL_TIME, **query}, doseq=True)}")
        settled(page)
        if name == "request":
            _into_the_dearest(page)
        page.wait_for_timeout(700)  # the charts' last frame
        picture = small(page.screenshot())
        (out / f"{name}-{look}.png").write_bytes(picture)
        print(f"{name}-{look}.png  {len(picture) / 1000:.0f} kB")
    context.close()


def _into_the_dearest(page: Page) -> None:
    """Marks the first request by keyboard, which needs no place to click."""
    cells(grid(page, "Requests"))
    page.locator(".st-key-requests-rows canvas").first.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+Space")
    page.wait_for_selector(".st-key-request")
    settled(page)
    page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollTo(0, 0)")


def small(picture: bytes) -> bytes:
    """The picture in as many colours as fit into MOST_BYTES: 256, or fewer."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in (256, 128, 64, 32):
        file = io.BytesIO()
        image.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
            file, "PNG", optimize=True
        )
        if file.tell() <= MOST_BYTES:
            break
    return file.getvalue()


if __name__ == "__main__":
    main()
