"""The uploader as its user works it: files chosen, their rows, and the requests it sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.e2e.screen import settled
from tests.factories import usage_record

SLICE = 8 * 1024 * 1024
UPLOAD = "**/api/upload/*"


def as_file(name: str, content: bytes) -> Any:
    """A file of this name, which need not be one a disk can have."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def large_log(path: Path, slices: float, feature: str) -> Path:
    """A log of that many slices, of few and long lines."""
    lines = round(slices * 8)
    with path.open("w") as log:
        for _ in range(lines):
            log.write(json.dumps(usage_record(feature=feature, note="x" * (1024 * 1024 - 300))) + "\n")
    return path


def choose(page: Page, *files: Any) -> None:
    """Chooses files, whatever becomes of them."""
    expect(page.get_by_role("button", name="Choose files")).to_be_enabled()
    page.locator("input[type=file]").set_input_files(list(files))


def send(page: Page, *files: Any) -> None:
    """Chooses files and waits until they have arrived and the page has heard of it."""
    before = page.locator(".file[data-state=done]").count()
    choose(page, *files)
    expect(page.locator(".file[data-state=done]")).to_have_count(before + len(files))
    settled(page)


def row(page: Page, name: str) -> Locator:
    """The row of a file."""
    return page.locator(".file").filter(has=page.locator(".name").get_by_text(name, exact=True))


def press(page: Page, name: str, what: str) -> None:
    """Clicks one of the buttons beside a file."""
    row(page, name).get_by_role("button", name=f"{what}: {name}").click()


def first_of(page: Page, held: list[Route]) -> Route:
    """The first request that is held back, once there is one."""
    while not held:
        page.wait_for_timeout(20)
    return held[0]


def offset_of(request: Request) -> int:
    return int(request.headers["upload-offset"])


def on_slices(page: Page, do: Callable[[Route, int], None]) -> None:
    """Lets ``do`` answer for each slice, by the offset it begins at."""

    def handle(route: Route) -> None:
        if route.request.method == "PUT":
            do(route, offset_of(route.request))
        else:
            route.continue_()

    page.route(UPLOAD, handle)
