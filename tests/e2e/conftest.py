"""A real browser on the dashboard, one for all browser tests; it finds no other machine and tells who asked for one."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, WebSocket, sync_playwright

from tests.e2e.screen import RECORD_PAINT, settled
from tests.e2e.served import ROOT, ingest, served

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
LOOPBACK = {"127.0.0.1", "localhost"}
Opened = Callable[..., Page]


def chromium() -> str:
    """The system's Chromium."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    assert found, "no Chromium on this machine: `make test` installs one"
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield running
        running.close()


class Watch:
    """What pages asked of other machines, threw, and were refused by the security policy."""

    def __init__(self) -> None:
        self.outside: list[str] = []
        self.crashed: list[str] = []
        self.refused: list[str] = []

    def over(self, page: Page) -> None:
        page.on("request", lambda request: self._note(request.url))
        page.on("websocket", self._hear_socket)
        page.on("pageerror", lambda error: self.crashed.append(str(error)))
        page.on("console", self._hear)

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"blob", "data"} and parts.hostname not in LOOPBACK:
            self.outside.append(url)

    def _hear_socket(self, socket: WebSocket) -> None:
        self._note(socket.url)

    def _hear(self, said: ConsoleMessage) -> None:
        if "Content Security Policy" in said.text:
            self.refused.append(said.text)


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """A context for each kind of reader: what it has fetched once, it need not fetch for the next test."""
    made: dict[str, BrowserContext] = {}

    def context(**kind: Any) -> BrowserContext:
        key = repr(sorted(kind.items()))
        if key not in made:
            made[key] = browser.new_context(**kind)
            made[key].add_init_script(RECORD_PAINT)
        return made[key]

    yield context
    for one in made.values():
        one.close()


@pytest.fixture
def opened(contexts: Callable[..., BrowserContext]) -> Iterator[Opened]:
    """Opens an address as a kind of reader; afterwards: nothing was asked of another machine, nothing crashed."""
    pages: list[Page] = []
    watch = Watch()
    frames: set[str] = set()

    def open_page(address: str, **kind: Any) -> Page:
        kind.setdefault("timezone_id", "Europe/Paris")
        kind.setdefault("viewport", {"width": 1280, "height": 900})
        page = contexts(**kind).new_page()
        pages.append(page)
        watch.over(page)
        page.set_default_timeout(20_000)
        page.goto(address)
        settled(page)
        frames.add(hash_of_inline_script(address))
        return page

    yield open_page
    for page in pages:
        page.close()
    assert watch.outside == []
    assert watch.crashed == []
    assert [said for said in watch.refused if not any(known in said for known in frames)] == []


def hash_of_inline_script(address: str) -> str:
    """Streamlit's frame has one small script in it, which the policy refuses; nothing depends on it."""
    parts = urlsplit(address)
    with urllib.request.urlopen(f"{parts.scheme}://{parts.netloc}/") as answer:
        scripts = re.findall(r"<script>(.*?)</script>", answer.read().decode(), re.DOTALL)
    assert len(scripts) == 1
    return base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()


@pytest.fixture(scope="session")
def sample_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    db = tmp_path_factory.mktemp("sample") / "usage.duckdb"
    ingest(db, *sorted((ROOT / "data" / "sample").glob("*.jsonl.gz")))
    return db


@pytest.fixture(scope="session")
def sample_copy(sample_db: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's store for the command line: the served one belongs to its server."""
    return Path(shutil.copy(sample_db, tmp_path_factory.mktemp("copy") / "usage.duckdb"))


@pytest.fixture(scope="session")
def sample(sample_db: Path, sample_copy: Path) -> Iterator[str]:
    """The dashboard over the tracked sample, for tests that only look."""
    with served(sample_db) as address:
        yield address
