from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anthropic
import pytest

from store.access import access_of
from store.process import process_path, process_store
from tests.conftest import ROOT
from tests.factories import rows
from tests.ingest.routes.asked import Asked
from tests.ingest.routes.asked import server as dashboard
from tests.usage_recorder.messages_server import MessagesServer
from tests.usage_recorder.recording import PLAIN, records
from usage_recorder import counters, flush, record, tagged
from usage_recorder.counters import Counters
from usage_recorder.folder import Folder
from usage_recorder.posting import Posting, Terms

QUICK = Terms(every=0.01, waits=(0.01,))


class Taker(ThreadingHTTPServer):
    """Takes posts, and answers with the statuses it is given before it takes any."""

    daemon_threads = True

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Takes)
        self.statuses = list(statuses)
        self.taken: list[bytes] = []
        self.tokens: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def numbers(self) -> list[int]:
        return [json.loads(line)["number"] for body in self.taken for line in body.splitlines()]


class _Takes(BaseHTTPRequestHandler):
    server: Taker

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            self.server.taken.append(body)
            self.server.tokens.append(self.headers["authorization"])
        self.send_response(status)
        self.send_header("Location", f"{self.server.url}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def taking(*statuses: int) -> Iterator[Taker]:
    with Taker(*statuses) as taker:
        thread = threading.Thread(target=taker.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield taker
        finally:
            taker.shutdown()
            thread.join()


@pytest.fixture
def spill(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "unsent", counted="spilled")


def line(number: int) -> bytes:
    return b'{"number":%d}\n' % number


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SPENDGLASS_DB", str(tmp_path_factory.mktemp("posted") / "usage.duckdb"))
        with dashboard() as running:
            yield running


def test_records_arrive_in_the_dashboards_store(ask: Asked, server: MessagesServer, tmp_path: Path) -> None:
    token = access_of(process_path()).ingest
    plain = anthropic.Anthropic(base_url=server.url, api_key="k")
    url = f"http://127.0.0.1:{ask.port}/api/ingest?name=app"
    with record(plain, to=url, token=token, state=tmp_path) as client, tagged(feature="posted"):
        for _ in range(5):
            client.messages.create(**PLAIN)
    flush(20)
    assert counters() == Counters(written=5)
    query = "SELECT sum(output_tokens)::BIGINT, count(*) FROM usage WHERE feature = 'posted'"
    assert rows(process_store(), query) == [(sum(one.usage["output_tokens"] for one in server.ledger.billed), 5)]


def test_an_address_without_a_path_is_that_of_the_dashboard(spill: Folder) -> None:
    with taking() as taker:
        posting = Posting(taker.url, "t", spill, QUICK)
        posting.write(line(1))
        posting.flush()
        assert (taker.numbers(), taker.tokens) == ([1], ["Bearer t"])


def test_what_waits_is_weighed_anew_once_nothing_does() -> None:
    with taking() as taker:
        posting = Posting(taker.url, None, None, Terms(every=60))
        posting.write(line(1))
        posting._bytes += 10**9  # what threads that write at once can come to miscount
        posting.flush()
        posting.write(line(2))
        posting.flush()
        assert taker.numbers() == [1, 2]


def test_many_lines_are_one_post_and_too_many_are_halved(spill: Folder) -> None:
    with taking(413) as taker:
        posting = Posting(taker.url, "t", spill, Terms(every=0.2))
        for number in range(100):
            posting.write(line(number))
        posting.flush()
        assert taker.numbers() == list(range(100))
        assert len(taker.taken) == 2
    assert counters() == Counters(written=100)


@pytest.mark.parametrize("status", [429, 500, 503, 507])
def test_what_passes_is_tried_again(status: int, spill: Folder) -> None:
    with taking(status, status) as taker:
        posting = Posting(taker.url, "t", spill, QUICK)
        posting.write(line(1))
        posting.flush()
        assert taker.numbers() == [1]
    assert counters() == Counters(written=1)


@pytest.mark.parametrize("status", [302, 401, 403, 415, 422])
def test_what_does_not_pass_goes_into_a_folder_and_no_redirect_is_followed(
    status: int, spill: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    with taking(status, status) as taker:
        posting = Posting(taker.url, "a-token", spill, QUICK)
        for number in range(2):
            posting.write(line(number))
            posting.flush()
        assert taker.taken == []
    assert [one["number"] for one in records(spill.path)] == [0, 1]
    assert counters() == Counters(spilled=2)
    assert len(caplog.records) == 1
    assert "a-token" not in caplog.text


def test_a_dashboard_that_stays_away_gets_nothing_and_the_lines_are_kept(spill: Folder) -> None:
    posting = Posting("http://127.0.0.1:9", "t", spill, Terms(every=0.01, waits=(0.01,), patience=0.05))
    posting.write(line(1))
    posting.flush()
    assert [one["number"] for one in records(spill.path)] == [1]


def test_a_dashboard_that_comes_back_gets_what_waited(spill: Folder) -> None:
    with taking() as taker:
        at = taker.server_address[1]
    posting = Posting(f"http://127.0.0.1:{at}", "t", spill, QUICK)
    for number in range(3):
        posting.write(line(number))
    time.sleep(0.1)
    returned = Taker.__new__(Taker)
    ThreadingHTTPServer.__init__(returned, ("127.0.0.1", at), _Takes)
    returned.statuses, returned.taken, returned.tokens = [], [], []
    with returned:
        threading.Thread(target=returned.serve_forever, args=(0.01,), daemon=True).start()
        posting.flush()
        returned.shutdown()
    assert sorted(returned.numbers()) == [0, 1, 2]


def test_a_full_buffer_spills_and_never_waits(spill: Folder) -> None:
    posting = Posting("http://127.0.0.1:9", "t", spill, Terms(every=0.3, most_lines=10, patience=0, waits=(0,)))
    for number in range(15):
        posting.write(line(number))
    assert len(records(spill.path)) == 5
    posting.flush()
    assert sorted(one["number"] for one in records(spill.path)) == list(range(15))


def test_without_a_folder_what_cannot_be_sent_is_counted_as_lost() -> None:
    posting = Posting("http://127.0.0.1:9", "t", None, Terms(every=0, patience=0, waits=(0,)))
    posting.write(line(1))
    posting.flush()
    assert counters() == Counters(lost=1)


EXITS = """
import os, sys
from pathlib import Path
from usage_recorder.folder import Folder
from usage_recorder.posting import Posting, Terms
posting = Posting(sys.argv[1], "t", Folder(Path(sys.argv[2]), counted="spilled"), Terms(at_exit=0.2))
posting.write(b'{"number":1}\\n')
if os.fork() == 0:
    posting.write(b'{"number":2}\\n')
else:
    os.wait()
"""


@pytest.mark.parametrize("there", [True, False])
def test_what_waits_is_sent_at_exit_by_parent_and_child_or_kept(there: bool, tmp_path: Path) -> None:
    with taking() as taker:
        url = taker.url if there else "http://127.0.0.1:9"
        command = [sys.executable, "-W", "ignore", "-c", EXITS, url, str(tmp_path)]
        subprocess.run(command, cwd=ROOT, timeout=60, check=True)
    kept = [one["number"] for one in records(tmp_path)]
    assert (sorted(taker.numbers()), sorted(kept)) == (([1, 2], []) if there else ([], [1, 2]))
