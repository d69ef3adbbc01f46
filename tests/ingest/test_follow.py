from __future__ import annotations

import gzip
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ingest import follow
from ingest.__main__ import main
from ingest.follow import Follower
from ingest.news import News
from ingest.options import LoadOptions
from ingest.stopping import stopping
from store.connection import StoreBusy, open_store
from store.dashboard import running as served_at
from store.database import held
from tests.conftest import ROOT
from tests.e2e.served import served
from tests.factories import rows, usage_record
from tests.ingest.followed import SECONDS, Following, Written, following, opened, records
from tests.ingest.routes.asked import until
from tests.ingest.small_disk import disk_that_takes


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("logs"))


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store") / "usage.duckdb"


@pytest.fixture(scope="module")
def follower(written: Written, db: Path) -> Iterator[Following]:
    """One that follows a folder, a log beside it by its name, and logs of a pattern; ended as its user ends it.

    In the end the store must hold whatever these tests wrote, once, and know of no load that read nothing.
    """
    folder = written.folder
    (folder / "all").mkdir()
    with following(db, folder / "all", folder / "named" / "app.log", folder / "by*" / "*.log") as running:
        yield running
        assert running.stop() == 0
        total = json.loads(running.out[-1])["total"]
        assert (total["loads"], total["requests"]) == (len(running.loads), running.counted("requests"))
        missing = sorted(line for line in running.err if "is not there yet: waiting for it." in line)
        assert missing == running.err
    written.is_all_in(db)
    with opened(db) as store:
        query = "SELECT count(*), min(origin), max(origin) FROM load"
        assert rows(store, query) == [(total["loads"], "follow", "follow")]
        assert rows(store, "SELECT count(*) FROM load_file WHERE lines = 0") == [(0,)]


class Log:
    """A log that is followed, and what the loads since its beginning brought."""

    def __init__(self, follower: Following, written: Written, name: str) -> None:
        self.name, self.path = name, written.folder / name
        self._follower, self._written = follower, written
        self._before = len(follower.loads)

    def write(self, *what: dict[str, Any] | str, to: str = "") -> Path:
        """Appends to it, or to a file whose name begins as its own does."""
        return self._written.write(f"{self.name}{to}", *what)

    def moved(self, to: str = ".1") -> Path:
        return self.path.with_name(f"{self.path.name}{to}")

    def _so_far(self) -> tuple[int, ...]:
        loads = self._follower.loads[self._before :]
        return tuple(sum(load[count] for load in loads) for count in ("requests", "duplicates", "rejected"))

    def assert_brought(self, requests: int, duplicates: int | None = 0) -> None:
        """Waits until so many requests have come in all; None: some duplicates there may be."""
        self._follower.waits_for(lambda: self._so_far() >= (requests, duplicates or 0))
        assert self._so_far() == (requests, self._so_far()[1] if duplicates is None else duplicates, 0)


@pytest.fixture
def log(follower: Following, written: Written, request: pytest.FixtureRequest) -> Log:
    return Log(follower, written, f"all/{request.node.name}/app.log")


def test_lines_come_as_they_are_written_and_from_new_files(log: Log) -> None:
    log.write(*records(3))
    log.assert_brought(3)
    log.write(*records(2))
    log.assert_brought(5)
    log.write(*records(2), to=".other")
    log.assert_brought(7)


def test_what_matches_a_pattern_comes_when_it_is_there(follower: Following, written: Written) -> None:
    log = Log(follower, written, "by-name/app.log")
    (written.folder / "by-name").mkdir()
    (written.folder / "by-name" / "app.txt").write_text(json.dumps(usage_record()) + "\n")
    log.write(*records(2))
    log.assert_brought(2)
    written.write("by-and-by/late.log", usage_record())
    log.assert_brought(3)


def test_what_is_no_log_is_left_alone(log: Log, follower: Following, written: Written) -> None:
    log.write(*records(1))
    log.moved(".txt").write_text("notes\n")
    log.moved(".bin").write_bytes(bytes(range(256)) * 100)
    log.assert_brought(1)
    log.moved(".txt").write_text("notes\nmore notes\n")
    log.write(*records(1))
    log.assert_brought(2)


def test_a_log_that_is_renamed_and_begun_anew_goes_on_in_both(log: Log, written: Written) -> None:
    log.write(*records(3))
    log.assert_brought(3)
    log.write(*records(1))
    log.path.rename(log.moved())
    log.write(*records(2))
    log.assert_brought(6)
    log.write(usage_record(), to=".1")
    log.assert_brought(7)


def test_a_log_that_is_copied_and_cut_to_nothing_brings_duplicates_alone(log: Log) -> None:
    log.write(*records(5))
    log.assert_brought(5)
    shutil.copy(log.path, log.moved())
    log.path.write_text("")
    log.assert_brought(5, duplicates=5)
    log.write(*records(2))
    log.assert_brought(7, duplicates=5)


def test_a_log_that_is_deleted_and_begun_anew_is_read_from_its_beginning(log: Log) -> None:
    log.write(*records(4))
    log.assert_brought(4)
    log.path.unlink()
    log.write(*records(4))
    log.assert_brought(8)


def test_a_rotated_log_that_is_packed_brings_duplicates_alone(log: Log) -> None:
    log.write(*records(4))
    log.assert_brought(4)
    log.moved(".1.gz").write_bytes(gzip.compress(log.path.read_bytes()))
    log.path.unlink()
    log.assert_brought(4, duplicates=4)
    log.write(*records(1))
    log.assert_brought(5, duplicates=4)


def test_a_log_that_an_editor_replaced_brings_what_was_added(log: Log) -> None:
    log.write(*records(4))
    log.assert_brought(4)
    before = log.path.read_text()
    log.path.unlink()
    new = log.moved("~")
    new.write_text(before)
    new.rename(log.path)
    log.write(usage_record())
    log.assert_brought(5, duplicates=None)


@pytest.fixture
def named(follower: Following, written: Written) -> Iterator[Log]:
    """The log that is followed by its name, alone in its folder, with three lines that have come."""
    log = Log(follower, written, "named/app.log")
    log.write(*records(3))
    log.assert_brought(3)
    yield log
    shutil.rmtree(log.path.parent)


def test_the_last_lines_of_a_named_log_come_though_it_was_renamed(named: Log, written: Written) -> None:
    named.write(usage_record())
    named.path.rename(named.moved())
    named.write(*records(2))
    named.assert_brought(6)
    named.write(usage_record(), to=".1")
    named.assert_brought(7)


def test_and_though_it_was_copied_and_cut_to_nothing(named: Log) -> None:
    named.write(usage_record())
    shutil.copy(named.path, named.moved("-20261110"))
    named.path.write_text("")
    named.assert_brought(4, duplicates=None)
    named.write(usage_record())
    named.assert_brought(5, duplicates=None)


def test_and_though_it_was_packed_at_once(named: Log) -> None:
    named.write(usage_record())
    named.moved(".1.gz").write_bytes(gzip.compress(named.path.read_bytes()))
    named.path.unlink()
    named.assert_brought(4, duplicates=None)


def test_what_else_is_beside_a_named_log_is_left_alone(named: Log) -> None:
    named.path.with_name("app.other.log").write_text(json.dumps(usage_record()) + "\n" * 200)
    named.path.rename(named.moved())
    named.write(*records(2))
    named.assert_brought(5)


def test_a_line_without_its_end_waits_for_it_and_is_no_load(log: Log) -> None:
    log.write(usage_record())
    log.assert_brought(1)
    half = json.dumps(usage_record())
    log.write(half[:40])
    log.write(usage_record(), to=".other")
    log.assert_brought(2)
    log.write(half[40:90])
    log.write(usage_record(), to=".other")
    log.assert_brought(3)
    log.write(f"{half[90:]}\n")
    log.assert_brought(4)


def test_a_last_line_that_is_whole_comes_without_its_end(log: Log) -> None:
    log.write(json.dumps(usage_record()))
    log.assert_brought(1)
    log.write("\n")
    log.write(f"\n{json.dumps(usage_record())}")
    log.assert_brought(2, duplicates=None)


def test_a_document_of_many_lines_comes_when_it_is_whole(log: Log) -> None:
    text = json.dumps(records(2), indent=1)
    for start in range(0, len(text), 50):
        log.write(text[start : start + 50])
    log.assert_brought(2)


def test_of_a_format_that_is_read_whole_again_the_earlier_lines_are_duplicates(log: Log) -> None:
    def row(minute: int) -> dict[str, Any]:
        time = f"2026-11-10T12:{minute:02}:00Z"
        return {"ts": time, "model": "claude-haiku-4-5", "tokens_in": 100 - minute, "tokens_out": 100 - minute}

    log.write(row(1), row(2))
    log.assert_brought(2)
    log.write(row(3))
    log.assert_brought(3, duplicates=2)


def is_held(db: Path) -> bool:
    """Has another process the store at this moment?"""
    try:
        if db.exists():
            held(str(db)).let_go()
    except StoreBusy:
        return True
    return False


def requests_in(db: Path) -> int:
    with opened(db) as store:
        [(requests,)] = rows(store, "SELECT count(*) FROM usage")
    time.sleep(0.2)  # it is the follower's turn
    return int(requests)


def test_killed_in_the_middle_of_loads_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    written, db = Written(tmp_path / "logs"), tmp_path / "usage.duckdb"
    over = threading.Event()

    def write() -> None:
        for number in count():
            written.write("app.log" if number % 3 else "other.log", *records(20))
            if number % 20 == 19:
                (written.folder / "app.log").rename(written.folder / f"app.log.{number}")
            if over.wait(0.02):
                return

    open_store(db).close()
    written.write("app.log", *records(3000))
    writer = threading.Thread(target=write)
    writer.start()
    for pause in (0.0, 0.05, 0.1, 0.2):
        with following(db, written.folder) as running:
            running.waits_for(lambda: is_held(db))
            time.sleep(pause)
            assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    over.set()
    writer.join()
    with following(db, written.folder) as running:
        running.waits_for(lambda: requests_in(db) == written.count)
        assert running.stop() == 0
    written.is_all_in(db)
    with opened(db) as store:
        assert rows(store, "SELECT sum(rejected) FROM load_file") == [(0,)]
    assert not list(tmp_path.glob("usage.duckdb.*"))


def test_what_it_says_to_a_reader(tmp_path: Path) -> None:
    folder, db = tmp_path / "logs", tmp_path / "usage.duckdb"
    written = Written(folder)
    written.write("app.log", usage_record(), usage_record(model="claude-haiku-9"), *["no\n"] * 14)
    with following(db, folder, tmp_path / "typo.log", flags=()) as running:
        running.waits_for(lambda: len(running.out) >= 12)
        written.write("app.log", usage_record(), "nor this\n")
        running.waits_for(lambda: len(running.out) >= 14)
        assert running.stop(signal.SIGINT) == 0
    time_ = re.compile(r"^\d\d:\d\d:\d\d  ")
    said = [time_.sub("12:00:03  ", line) for line in running.out]
    assert said[0] == "12:00:03  app.log  +2 requests  $0.0015  14 rejected  1 unpriced\n"
    assert [line.partition("line: ")[0] for line in said[1:11]] == [
        f"rejected: {folder}/app.log:{line}: " for line in range(3, 13)
    ]
    assert said[11] == "and 4 more rejected lines; the Data page lists them\n"
    assert said[12] == "12:00:03  app.log  +1 request  $0.0015  1 rejected\n"
    assert said[13].startswith(f"rejected: {folder}/app.log:18: line: not JSON")
    assert said[14:] == ["total  2 loads  +3 requests  $0.003  15 rejected  1 unpriced\n"]
    assert running.err == [f"ingest: {tmp_path}/typo.log is not there yet: waiting for it.\n"]


def test_what_was_loaded_before_is_not_said_again_and_no_load(tmp_path: Path) -> None:
    written, db = Written(tmp_path / "logs"), tmp_path / "usage.duckdb"
    written.write("app.log", *records(2), "no\n")
    written.write("other.log", *records(2), "no\n")
    assert main([str(written.folder), "--db", str(db)]) == 0
    written.write("app.log", usage_record())
    with following(db, written.folder, flags=("--json", "--strict")) as running:
        running.waits_for(lambda: running.loads)
        assert running.stop() == 0
    [load] = running.loads
    found = [load[name] for name in ("files", "lines", "requests", "duplicates", "rejected")]
    assert (found, load["rejected_lines"]) == ([1, 1, 1, 0, 0], [])
    with opened(db) as store:
        assert rows(store, "SELECT count(*) FROM load") == [(2,)]


def test_strict_is_1_at_its_end_where_a_line_was_rejected(tmp_path: Path) -> None:
    Written(tmp_path / "logs").write("app.log", usage_record(), "no\n")
    with following(tmp_path / "usage.duckdb", tmp_path / "logs", flags=("--json", "--strict")) as running:
        running.waits_for(lambda: running.loads)
        assert running.stop() == 1


def test_it_ends_without_a_word_when_nobody_reads_what_it_says(tmp_path: Path) -> None:
    written = Written(tmp_path / "logs")
    written.write("app.log", usage_record())
    command = [sys.executable, "-W", "error", "-m", "ingest", "--follow", str(written.folder)]
    command += ["--db", str(tmp_path / "usage.duckdb")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"+1 request " in process.stdout.readline()
        process.stdout.close()
        written.write("app.log", usage_record())
        assert process.wait(SECONDS) == 0
        assert process.stderr.read() == b""


HOLD = """
import sys
from store.connection import open_store
store = open_store(sys.argv[1])
print("open", flush=True)
input()
"""


def test_a_store_that_another_process_holds_is_waited_for_and_that_is_said_once(tmp_path: Path) -> None:
    written, db = Written(tmp_path / "logs"), tmp_path / "usage.duckdb"
    written.write("app.log", usage_record())
    command = [sys.executable, "-c", HOLD, str(db)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with following(db, written.folder) as running:
            running.waits_for(lambda: running.err)
            written.write("app.log", usage_record())
            time.sleep(1)
            holder.communicate("\n")
            running.has_read(2)
            assert running.stop() == 0
    assert running.err == [f"ingest: {db} is open in another process. What is new is loaded when that lets go.\n"]


def test_the_store_is_free_between_loads(tmp_path: Path) -> None:
    written, db = Written(tmp_path / "logs"), tmp_path / "usage.duckdb"
    written.write("app.log", usage_record())
    with following(db, written.folder) as running:
        running.has_read(1)
        for _ in range(3):
            with opened(db) as store:
                assert rows(store, "SELECT count(*) FROM usage") == [(1,)]
        assert running.stop() == 0


def test_while_the_dashboard_runs_it_loads_and_afterwards_the_follower_does(tmp_path: Path) -> None:
    written, db = Written(tmp_path / "logs"), tmp_path / "usage.duckdb"
    written.write("app.log", *records(3), "no\n")
    with ExitStack() as dashboard:
        dashboard.enter_context(served(db))
        until(lambda: served_at(db) and is_held(db), SECONDS)
        with following(db, written.folder) as running:
            running.has_read(3)
            written.write("app.log", *records(2), json.dumps(usage_record())[:30])
            running.has_read(5)
            written.write("other.log", *records(2))
            running.has_read(7)
            assert is_held(db)
            dashboard.close()
            written.write("other.log", usage_record())
            running.has_read(8)
            assert running.stop() == 0
    assert (running.counted("duplicates"), running.counted("rejected")) == (0, 1)
    with opened(db) as store:
        query = "SELECT path, lines, requests FROM load_file ORDER BY file_id"
        app, other = str(written.folder / "app.log"), str(written.folder / "other.log")
        assert rows(store, query) == [(app, 4, 3), (app, 2, 2), (other, 2, 2), (other, 1, 1)]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["app.log", "--format", "usage-recrd"], "did you mean 'usage_record'?"),
        (["app.log", "--map", "featur=x"], "did you mean 'feature'?"),
        (["app.log", "-"], "standard input cannot be followed"),
        (["app.log", "--db", ":memory:"], "needs a store that is kept"),
        (["app.log", "--db", "app.log"], "as a store"),
    ],
)
def test_what_cannot_be_followed_is_said_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, args: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Written(tmp_path).write("app.log", usage_record())
    assert main(["--follow", *args, *([] if "--db" in args else ["--db", "db"])]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err


@pytest.fixture
def rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Follower, News]]:
    """A follower of a folder that does a round when it is asked to."""
    monkeypatch.setattr(follow, "QUIET", 0)
    (tmp_path / "logs").mkdir()
    news = News(as_json=True)
    with stopping() as stop:
        yield Follower(tmp_path / "usage.duckdb", [tmp_path / "logs"], LoadOptions(), news, stop), news


def test_a_file_is_not_looked_into_until_it_changes(
    tmp_path: Path, rounds: tuple[Follower, News], monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, news = rounds
    written = Written(tmp_path / "logs")
    written.write("app.log", usage_record(), '{"half')
    written.write("notes.txt", "notes\n")
    written.write("half.log", '{"half')
    follower.round()
    assert (news.total.loads, news.total.counts["lines"]) == (1, 1)
    monkeypatch.setattr(follow, "judged", lambda *_: pytest.fail("it was looked into"))
    monkeypatch.setattr(follow, "loaded", lambda *_: pytest.fail("it was loaded"))
    assert follower.round() >= follow.EVERY
    assert follower.round() >= follow.EVERY


def test_the_store_and_what_lies_beside_it_under_its_name_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Written(tmp_path)
    for name in ("usage.log", "usage.input-x/standard input", "sub/usage.log", "usages.log", "usage.d/app.log"):
        written.write(name, usage_record())
    news = News(as_json=True)
    monkeypatch.chdir(tmp_path)
    with stopping() as stop:
        follower = Follower(tmp_path / "usage", [Path()], LoadOptions(), news, stop)
        follower.round()
    with opened(tmp_path / "usage") as store:
        kept = rows(store, "SELECT path FROM load_file ORDER BY path")
    assert kept == [(f"{tmp_path}/sub/usage.log",), (f"{tmp_path}/usages.log",)]


def test_a_file_with_two_names_is_loaded_once(
    tmp_path: Path, rounds: tuple[Follower, News], capsys: pytest.CaptureFixture[str]
) -> None:
    follower, news = rounds
    log = Written(tmp_path / "logs").write("a/app.log", usage_record())
    (tmp_path / "logs" / "current.log").symlink_to(log)
    (tmp_path / "logs" / "hard.log").hardlink_to(log)
    (tmp_path / "logs" / "a" / "again").symlink_to(tmp_path / "logs")
    (tmp_path / "logs" / "nowhere").symlink_to(tmp_path / "nothing")
    loop = tmp_path / "logs" / "loop"
    loop.symlink_to(loop)
    for _ in range(3):
        follower.round()
    assert news.total.counts["lines"] == 1
    assert capsys.readouterr().err == f"ingest: {loop} cannot be looked at: too many levels of symbolic links.\n"


def test_a_full_disk_is_said_and_what_is_new_is_loaded_later(
    tmp_path: Path, rounds: tuple[Follower, News], capsys: pytest.CaptureFixture[str]
) -> None:
    follower, news = rounds
    log = Written(tmp_path / "logs").write("app.log", *records(20_000))
    with disk_that_takes(1 << 20):
        pauses = [follower.round() for _ in range(4)]
    assert pauses == sorted(set(pauses))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "the disk is full" in said[0]
    assert log.exists()
    follower.round()
    assert news.total.counts["requests"] == 20_000


def test_a_file_that_may_not_be_read_is_said_once_and_read_when_it_may(
    tmp_path: Path, rounds: tuple[Follower, News], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    follower, news = rounds
    log = Written(tmp_path / "logs").write("app.log", usage_record())
    with monkeypatch.context() as patched:  # a mode of 0 stops no root

        def judged(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        patched.setattr(follow, "judged", judged)
        follower.round()
        follower.round()
    assert capsys.readouterr().err == f"ingest: {log} cannot be read: permission denied.\n"
    follower.round()
    assert news.total.counts["requests"] == 1


STOP = """
import time
from ingest.stopping import stopping
with stopping() as stop:
    stop.working = True
    print("ready", flush=True)
    while not stop.asked:
        time.sleep(0.01)
    print("asked", flush=True)
    time.sleep(3600)
"""


def test_a_signal_ends_the_waiting() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stopping() as stop:
        assert not stop.wait(0)
        signal.raise_signal(signal.SIGTERM)
        assert stop.wait(3600)
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_first_signal_lets_a_load_end_and_a_second_one_does_not() -> None:
    command, pipe = [sys.executable, "-W", "error", "-c", STOP], subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 128 + signal.SIGINT
        assert process.stderr is not None
        assert process.stderr.read() == "ingest: ends after this load; once more, and at once.\n"
