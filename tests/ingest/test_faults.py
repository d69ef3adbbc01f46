from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import count, takewhile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench.kills import kills
from ingest import bulk, bulk_lines, documents
from ingest import file as reading
from ingest.__main__ import main
from ingest.load import LoadSummary, load
from ingest.options import LoadOptions
from ingest.undo import undo
from store.check import check
from store.connection import Store, StoreFull, open_store
from tests.factories import emptied, rows, usage_record, write_log
from tests.ingest.small_disk import disk_that_takes

pytestmark = pytest.mark.soak

Captured = pytest.CaptureFixture[str]


def adds_up(summary: LoadSummary) -> bool:
    return summary.lines == summary.requests + summary.duplicates + summary.ignored + summary.rejected


def is_whole(store: Store) -> bool:
    with closing(store.cursor()) as con:
        return not any(one.wrong for one in check(con, store.prices))


def keys(store: Store) -> set[str]:
    return {key for (key,) in rows(store, "SELECT request_key FROM usage")}


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("load", "load_file", "rejected_line", "usage", "superseded", "overlap", "rollup", "place", "model_name")
    return {table: rows(store, f"FROM {table} ORDER BY ALL") for table in tables}


# ── a full disk ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    with open_store(folder / "usage.duckdb") as store:
        load(store, [write_log(folder / "log.jsonl", (usage_record(message_id=f"m{n}") for n in range(3000)))])
    return folder / "usage.duckdb"


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(filled, tmp_path / "usage.duckdb"))


def long_log(path: Path, count: int = 40_000) -> Path:
    """New requests, and fuller records of those that are held; each takes some 64 bytes of the disk."""
    sessions = (hashlib.sha256(b"%d" % number).hexdigest() for number in range(count))
    return write_log(
        path,
        (
            usage_record(message_id=f"m{number}", request_id=None, session=session, output_tokens=200)
            for number, session in enumerate(sessions)
        ),
    )


@pytest.mark.parametrize("room", [0, 500_000, 1_000_000, 1_600_000])
@pytest.mark.parametrize("how", ["in bulk", "one by one", "numbered", "in pieces"])
def test_a_load_without_room_leaves_the_store_as_it_was(path: Path, tmp_path: Path, how: str, room: int) -> None:
    log = long_log(tmp_path / ("log.jsonl.gz" if how == "in pieces" else "log.jsonl"))
    options = {
        "one by one": LoadOptions(field_map={"feature": "app"}),
        "numbered": LoadOptions(number_lines=True),
    }.get(how)
    with open_store(path) as store:
        before = contents(store)
        with disk_that_takes(path.stat().st_size + room), pytest.raises(StoreFull, match="Nothing was loaded"):
            load(store, [log], options=options)
        assert contents(store) == before
        assert load(store, [log], options=options).requests == 40_000
        assert is_whole(store)
    assert list(tmp_path.glob("usage.duckdb*")) == [path]


def test_undoing_without_room_leaves_the_load(path: Path, tmp_path: Path) -> None:
    with open_store(path) as store:
        loaded = load(store, [long_log(tmp_path / "log.jsonl", 100_000)])
        before = contents(store)
        with disk_that_takes(20_000), pytest.raises(StoreFull):
            undo(store, loaded.load_id)
        assert contents(store) == before
        undo(store, loaded.load_id)
        assert is_whole(store)


def test_the_command_says_that_the_disk_is_full_and_what_to_do(path: Path, tmp_path: Path, capsys: Captured) -> None:
    log = long_log(tmp_path / "log.jsonl")
    with disk_that_takes(path.stat().st_size):
        assert main([str(log), "--db", str(path)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(f"ingest: the disk is full: there is no room beside {path}. Nothing was loaded")
    assert "Make room on that disk" in said.err


def test_a_disk_that_really_is_full(path: Path, tmp_path: Path) -> None:
    """A small file system of its own, in a space of mounts that ends with the process."""
    mounted = 'mount -t tmpfs -o size=7m tmpfs "$1" && cp "$2" "$1" && shift 2 && exec "$@"'
    inside = ["unshare", "--mount", "sh", "-c", mounted, "-"]
    (tmp_path / "disk").mkdir()
    inside += [str(tmp_path / "disk"), str(path)]
    if shutil.which("unshare") is None or subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("mounting needs more rights")
    store = tmp_path / "disk" / "usage.duckdb"
    log, small = long_log(tmp_path / "log.jsonl", 100_000), write_log(tmp_path / "small.jsonl", [usage_record()])
    python = sys.executable
    script = f"""
        df() {{ stat -f -c %a {tmp_path}/disk; }}
        before=$(df)
        {python} -m ingest {log} --db {store}; echo "status $?"
        echo "given back $(( $(df) - before ))"
        {python} -m store check --db {store} | tail -1
        {python} -m ingest {small} --db {store}; echo "status $?"
        {python} -m store check --db {store} | tail -1
    """
    ran = subprocess.run([*inside, "sh", "-c", script], capture_output=True, text=True, check=False)
    said = [line for line in ran.stdout.splitlines() if not line.startswith("cost")]
    assert said[:3] == ["status 2", said[1], "the store is whole"], ran
    assert int(said[1].removeprefix("given back ")) >= -100  # blocks of 4,096 bytes
    assert said[3].startswith("1 lines of 1 file: 1 requests")
    assert said[4:] == ["status 0", "the store is whole"]
    assert ran.stderr.startswith("ingest: the disk is full")
    assert ran.stderr.count("\n") == 1


# ── killed ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_whatever_is_killed_leaves_the_store_as_before_or_as_after_and_whole(tmp_path: Path) -> None:
    states = {action.name: outcome.left for action, outcome in kills(tmp_path, kills=6, requests=8000, seed=1)}
    assert set(states) == {"load", "new store", "undo", "prices", "migration"}
    assert sum(left.total() for left in states.values()) >= 6


# ── at the same time ───────────────────────────────────────────────────────────────────────────────────────────────


def test_processes_that_load_at_the_same_time_wait_or_say_that_the_store_is_busy(path: Path, tmp_path: Path) -> None:
    logs = [
        write_log(tmp_path / f"{n}.jsonl", (usage_record(message_id=f"{n} {m}") for m in range(2000))) for n in range(3)
    ]
    commands = [[sys.executable, "-m", "ingest", str(log), "--db", str(path)] for log in logs]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) for command in commands]
    said = [process.communicate()[1].decode() for process in started]
    loaded = [process.returncode == 0 for process in started]
    assert any(loaded)
    assert all(done or "is open in another process" in text for done, text in zip(loaded, said, strict=True))
    assert all(text.count("\n") <= 1 for text in said)
    with open_store(path) as store:
        assert rows(store, "SELECT count(*) FROM usage") == [(3000 + 2000 * sum(loaded),)]
        assert is_whole(store)


def test_threads_that_load_at_the_same_time_take_turns(tmp_path: Path) -> None:
    store = emptied()
    same = write_log(tmp_path / "same.jsonl", (usage_record(message_id=f"m{n}") for n in range(500)))
    own = [
        write_log(tmp_path / f"{n}.jsonl", (usage_record(message_id=f"m{m}", output_tokens=n) for m in range(500)))
        for n in range(4)
    ]
    summaries: list[LoadSummary] = []
    threads = [threading.Thread(target=lambda log=log: summaries.append(load(store, [same, log]))) for log in own]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(summaries) == 4
    assert all(adds_up(summary) for summary in summaries)
    assert rows(store, "SELECT count(*), min(output_tokens) FROM usage") == [(500, 100)]
    assert is_whole(store)


def test_who_asks_during_a_load_sees_all_of_it_or_nothing(tmp_path: Path) -> None:
    store = emptied()
    log = write_log(tmp_path / "log.jsonl", (usage_record(feature=f"f{n % 5}") for n in range(30_000)))
    seen: set[tuple[int, int, int]] = set()
    done = threading.Event()

    def ask() -> None:
        query = "SELECT (SELECT count(*) FROM usage), (SELECT coalesce(sum(requests), 0) FROM rollup), (SELECT count(*)"
        while not done.is_set():
            seen.add(rows(store, f"{query} FROM load)")[0])

    asking = threading.Thread(target=ask)
    asking.start()
    load(store, [log])
    done.set()
    asking.join()
    seen.add(rows(store, "SELECT (SELECT count(*) FROM usage), (SELECT sum(requests) FROM rollup), 1")[0])
    assert seen <= {(0, 0, 0), (30_000, 30_000, 1)}
    assert (30_000, 30_000, 1) in seen


# ── a log that changes while it is read ────────────────────────────────────────────────────────────────────────────

ODD = '{"time": "2026-11-10T12:00:00Z", "model": "claude-haiku-4-5"}'  # is left for reading one by one, and rejected


def record(number: int) -> dict[str, Any]:
    return usage_record(message_id=f"m{number}", request_id=None)


def transcript(number: int) -> dict[str, Any]:
    usage = {"input_tokens": 1000, "output_tokens": 100}
    message = {"id": f"m{number}", "type": "message", "model": "claude-haiku-4-5", "usage": usage}
    return {
        "type": "assistant",
        "uuid": f"u{number}",
        "timestamp": "2026-11-10T12:00:00.000Z",
        "sessionId": "s1",
        "message": message,
    }


def gone(log: Path) -> set[str]:
    log.unlink()
    return set()


def emptied_log(log: Path) -> set[str]:
    os.truncate(log, 0)
    return set()


def cut(log: Path) -> set[str]:
    """Down to its first lines and a piece of one."""
    lines = log.read_bytes().splitlines(keepends=True)
    first = b"".join(lines[:3])
    os.truncate(log, len(first) + 20)
    return {f"m{number}" for number in range(3) if b'"m%d"' % number in first}


def replaced(log: Path) -> set[str]:
    """By another file of more lines."""
    make = transcript if b'"assistant"' in log.read_bytes() else record
    other = write_log(log.with_name(".other"), [make(number) for number in range(100, 200)])
    other.replace(log)
    return {f"m{number}" for number in range(100, 200)}


def written_over(log: Path) -> set[str]:
    """As a log is that is copied away, emptied and gone on with."""
    make = transcript if b'"assistant"' in log.read_bytes() else record
    write_log(log, [make(number) for number in range(100, 200)])
    return {f"m{number}" for number in range(100, 200)}


def grown(log: Path) -> set[str]:
    make = transcript if b'"assistant"' in log.read_bytes() else record
    more = write_log(log.with_name(".more"), [make(number) for number in range(100, 110)])
    with log.open("ab") as file:
        file.write(more.read_bytes())
    more.unlink()
    return {*(f"m{number}" for number in range(50)), *(f"m{number}" for number in range(100, 110))}


WAYS: dict[str, tuple[Callable[[int], dict[str, Any]], LoadOptions | None]] = {
    "in bulk": (record, None),
    "numbered": (record, LoadOptions(number_lines=True)),
    "one by one": (record, LoadOptions(field_map={"feature": "app"})),
    "together": (transcript, None),
}
# where in reading it each way comes past, and so where the log may change
HEAD, DETECTED, BULK = (reading, "read_head"), (reading, "detect"), (bulk, "priced")
FOUND, TAKEN, READ = (bulk, "_unsure"), (bulk, "documents_at"), (reading, "last_line_end")
STEPS = {
    "in bulk": [HEAD, DETECTED, BULK, FOUND, TAKEN, READ],
    "numbered": [BULK, FOUND, TAKEN],
    "one by one": [HEAD, DETECTED, READ],
    "together": [(bulk_lines, "priced"), READ],
}


@pytest.mark.parametrize("change", [gone, emptied_log, cut, replaced, written_over, grown])
@pytest.mark.parametrize(
    ("way", "step"), [pytest.param(way, step, id=f"{way} {step[1]}") for way in WAYS for step in STEPS[way]]
)
def test_a_log_that_changes_while_it_is_read_is_counted_and_the_rest_comes_with_the_next_load(
    tmp_path: Path,
    way: str,
    step: tuple[ModuleType, str],
    change: Callable[[Path], set[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make, options = WAYS[way]
    odd: list[str] = [] if way == "together" else [ODD]
    log = write_log(tmp_path / "logs" / "log.jsonl", [*odd, *(make(number) for number in range(50)), *odd])
    write_log(tmp_path / "logs" / "other.jsonl", [make(number) for number in range(900, 905)])
    module, name = step
    inner, now = getattr(module, name), list[set[str]]()

    def changed_before(*args: Any, **kwargs: Any) -> Any:
        if not now:
            now.append(change(log))
        return inner(*args, **kwargs)

    store = emptied()
    with monkeypatch.context() as patch:
        patch.setattr(module, name, changed_before)
        first = load(store, [tmp_path / "logs"], options=options)
    assert adds_up(first)
    assert is_whole(store)
    others = {f"m{number}" for number in range(900, 905)}
    assert keys(store) >= others
    again = load(store, [tmp_path / "logs"], options=options)
    assert adds_up(again)
    assert is_whole(store)
    assert keys(store) >= others | now[0]
    if change is not grown and keys(store) > others | now[0]:  # some of what it held then was read
        assert any(
            reading.CHANGED in result.findings or any("cannot be read" in why.reason for _, why in result.rejects)
            for result in first.files
        ), first.files


def test_a_packed_log_that_goes_away_while_it_is_read_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write_log(tmp_path / "log.jsonl.gz", [record(number) for number in range(50)])
    inner = bulk.read

    def gone_before(*args: Any, **kwargs: Any) -> Any:
        log.unlink(missing_ok=True)
        return inner(*args, **kwargs)

    monkeypatch.setattr(bulk, "read", gone_before)
    store = emptied()
    summary = load(store, [log])
    assert (summary.requests, adds_up(summary), is_whole(store)) == (50, True, True)
    assert summary.files[0].findings == (reading.CHANGED,)


def test_a_log_that_cannot_be_read_any_further_is_loaded_up_to_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write_log(tmp_path / "log.jsonl", [record(number) for number in range(60_000)])
    inner = documents.read_documents

    def broken(*args: Any, **kwargs: Any) -> Any:
        for document in inner(*args, **kwargs):
            if document.line > 55_000:
                raise OSError(5, "Input/output error")
            yield document

    store = emptied()
    with monkeypatch.context() as patch:
        patch.setattr(reading, "read_documents", broken)
        patch.setattr(bulk, "has_query", lambda _: False)
        summary = load(store, [log])
    assert (summary.lines, summary.requests, summary.rejected) == (55_001, 55_000, 1)
    [(line, why)] = summary.files[0].rejects
    assert (line, why.reason) == (55_001, "the file cannot be read: input/output error")
    assert is_whole(store)
    assert load(store, [log]).requests == 5000


def rotated(log: Path, write: Callable[[Path], None], times: Iterable[int]) -> None:
    """What a program does to its log: goes on with it, and now and then begins anew."""
    for number in times:
        if number % 7 == 3:
            log.replace(log.with_name(f"log.{number}.jsonl"))
        write(log)


def test_of_a_log_that_a_program_goes_on_writing_every_request_is_loaded_once(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    written: list[str] = []
    done = threading.Event()

    def append(log: Path) -> None:
        with log.open("ab", buffering=0) as file:
            for _ in range(40):
                made = usage_record()
                written.append(made["message_id"])
                line = gzip.decompress(write_log(folder / ".line.gz", [made]).read_bytes())
                file.write(line[:30])  # a line is there in pieces
                file.write(line[30:])

    summaries: list[LoadSummary] = []

    def rounds() -> Iterator[int]:
        """Thirty, and more until some loads were made beside them."""
        yield from takewhile(lambda number: number < 30 or len(summaries) < 3, count())

    def program() -> None:
        rotated(folder / "log.jsonl", append, rounds())
        done.set()

    append(folder / "log.jsonl")
    store = emptied()
    writing = threading.Thread(target=program)
    writing.start()
    while not done.is_set():
        summaries.append(load(store, [folder]))
        assert adds_up(summaries[-1])
        assert is_whole(store)
    writing.join()
    load(store, [folder])
    assert keys(store) == set(written)
    assert rows(store, "SELECT count(*) FROM usage") == [(len(written),)]
    assert is_whole(store)
    assert len(summaries) > 1
