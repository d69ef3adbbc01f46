"""Records posted to a running dashboard, many at once, by a thread that comes when there are some."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from usage_recorder.counters import TALLY
from usage_recorder.folder import Folder
from usage_recorder.forks import follow_forks

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

LATER = frozenset((408, 425, 429, 500, 502, 503, 504, 507))
LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How it posts: seconds to collect lines for, the most lines and bytes that wait, and how long it keeps trying."""

    every: float = 1.0
    most_lines: int = 10_000
    most_bytes: int = 16 * 1024 * 1024
    at_once: int = 500
    timeout: float = 10.0
    patience: float = 300.0
    at_exit: float = 5.0
    waits: tuple[float, ...] = field(default=(0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0))


class Posting:
    """Sends lines to ``POST /api/ingest``. What cannot be sent in time goes into a folder, whose files load as any."""

    def __init__(self, url: str, token: str | None, spill: Folder | None, terms: Terms | None = None) -> None:
        parts = urlsplit(url)
        self._url = url if parts.path not in ("", "/") else f"{parts.scheme}://{parts.netloc}/api/ingest"
        self._local = parts.hostname in LOCAL
        self._headers = {
            "Content-Type": "application/x-ndjson",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        self._spill = spill
        self.terms = terms or Terms()
        self._opener: OpenerDirector | None = None
        self.after_fork()
        follow_forks(self)

    def before_fork(self) -> None:
        """The lines that wait stay the parent's."""

    def after_fork(self) -> None:
        """A child has no lines yet, nor the thread."""
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._sending: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Takes a line to send; never waits for the network."""
        if len(self._lines) >= self.terms.most_lines or self._bytes + len(line) > self.terms.most_bytes:
            self._give_up([line], "the dashboard takes none and the buffer is full")
            return
        self._lines.append(line)
        self._bytes += len(line)
        if self._thread is None and self._lock.acquire(timeout=0.01):
            try:
                self._start()
            finally:
                self._lock.release()

    def flush(self, seconds: float = 5) -> None:
        """Sends now, and waits until it is sent."""
        until = time.monotonic() + seconds
        while (self._lines or self._sending) and time.monotonic() < until:
            with self._lock:
                self._start()
            self._hurry.set()
            time.sleep(0.005)

    def _start(self) -> None:
        if self._thread is None and self._lines:
            thread = threading.Thread(target=self._work, name="usage_recorder post", daemon=False)
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:  # the interpreter is ending
                self._thread = None
                self._give_up(self._taken(len(self._lines)), "the app is ending")

    def _work(self) -> None:
        while True:
            try:
                pause(self.terms.every, self._hurry)
                self._hurry.clear()
                while lines := self._taken(self.terms.at_once):
                    self._sending = lines
                    self._send(lines)
                    self._sending = []
            except Exception as error:  # noqa: BLE001  this thread must not die with lines left
                TALLY.failed(error)
                self._give_up(self._sending, "the recorder failed")
                self._sending = []
            with self._lock:
                mine, self._thread = self._thread, None  # from here on a writer starts another
                if not self._lines:
                    return
                self._thread = mine

    def _taken(self, most: int) -> list[bytes]:
        lines: list[bytes] = []
        with suppress(IndexError):
            while len(lines) < most:
                lines.append(self._lines.popleft())
        # writers add without a lock, so that the sum can drift: it is right again whenever nothing waits
        self._bytes = self._bytes - sum(map(len, lines)) if self._lines else 0
        return lines

    def _send(self, lines: list[bytes]) -> None:
        """Posts lines until they are taken, refused, or too late."""
        began, tries = time.monotonic(), 0
        while True:
            status, wait = self._post(b"".join(lines))
            if status == 200:
                TALLY.add("written", len(lines))
                return
            if status == 413 and len(lines) > 1:
                half = len(lines) // 2
                self._send(lines[:half])
                self._send(lines[half:])
                return
            if status is not None and status not in LATER:
                self._give_up(lines, f"the dashboard answers {status}")
                return
            ending = not threading.main_thread().is_alive()
            if time.monotonic() - began > (self.terms.at_exit if ending else self.terms.patience):
                self._give_up(lines, "the dashboard cannot be reached" if status is None else f"it answers {status}")
                return
            waits = self.terms.waits
            wait = min(max(wait, waits[min(tries, len(waits) - 1)]), 60)
            tries += 1
            pause(wait, self._hurry) if not ending else time.sleep(min(wait, 0.25))
            self._hurry.clear()

    def _post(self, body: bytes) -> tuple[int | None, float]:
        """The status, ``None`` if there was no answer, and how long it asks to wait."""
        from urllib.error import HTTPError, URLError
        from urllib.request import Request

        request = Request(self._url, body, self._headers, method="POST")
        try:
            with self._open().open(request, timeout=self.terms.timeout) as answer:
                answer.read()
                return int(answer.status), 0.0
        except HTTPError as refused:
            with refused:
                after = refused.headers.get("Retry-After") or ""
                return refused.code, float(after) if after.isdigit() else 0.0
        except (URLError, OSError, HTTPException):
            return None, 0.0

    def _open(self) -> OpenerDirector:
        """No proxy on the way to this machine, and no redirect, which would take the token along."""
        from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

        class Straight(HTTPRedirectHandler):
            def redirect_request(self, *_: Any) -> None:
                return None

        if self._opener is None:
            self._opener = build_opener(Straight, *([ProxyHandler({})] if self._local else []))
        return self._opener

    def _give_up(self, lines: list[bytes], why: str) -> None:
        if self._spill is None:
            TALLY.lost(len(lines), why)
            return
        TALLY.warn(f"records of API usage are kept in {self._spill.path}, since {why}")
        for line in lines:
            self._spill.write(line)


def pause(seconds: float, woken: threading.Event) -> None:
    """Waits, but not on when the interpreter ends."""
    until = time.monotonic() + seconds
    while threading.main_thread().is_alive() and not woken.is_set() and (left := until - time.monotonic()) > 0:
        woken.wait(min(left, 0.05))
