from __future__ import annotations

import gzip
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pytest

from ingest.__main__ import main
from ingest.load import load
from ingest.routes import by_path
from ingest.standard_input import NAME, lent, spooled, sweep
from store.connection import open_store
from store.dashboard import running
from store.process import process_path, process_store
from tests.conftest import ROOT
from tests.factories import derived, emptied, rows, usage_record, write_log
from tests.ingest.routes.asked import Asked, bearer, server, until
from tests.ingest.small_disk import disk_that_takes

Captured = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch
RECORDS = [usage_record(request_id=f"piped{number}") for number in range(4)]
LINES = "".join(f"{json.dumps(record)}\n" for record in RECORDS).encode()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "store" / "usage.duckdb"


def pipe(patch: Patch, content: bytes) -> None:
    """Makes this standard input."""
    patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def left(db: Path) -> list[Path]:
    """What is laid down beside a store."""
    return sorted(db.parent.glob(f"{db.name}.input-*"))


@contextmanager
def piping(*args: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A command that reads what is written here."""
    command = [sys.executable, "-W", "error", "-m", "ingest", "-", *args]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        try:
            yield process, process.stdin
        finally:
            process.kill()


def test_what_is_piped_in_is_as_if_it_came_from_a_file(db: Path, tmp_path: Path) -> None:
    rejected = b'{"usage": {"input_tokens": -1}, "model": "claude-haiku-4-5"}\n'
    with piping("--db", str(db)) as (process, stream):
        stream.write(LINES[:100])
        stream.flush()
        until(lambda: left(db) and (left(db)[0] / NAME).exists())
        [folder] = left(db)
        assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / NAME)] == [0o700, 0o600]
        assert not db.exists()  # the store is not kept from others for as long as a pipe may take
        stream.write(LINES[100:] + rejected)
        stream.close()
        assert process.wait(60) == 0
        assert process.stdout is not None
        said = process.stdout.read().decode()
    assert said.startswith("5 lines of 1 file: 4 requests, 0 duplicates, 0 not usage records, 1 rejected, in ")
    assert f"\nrejected: {NAME}:5: " in said
    assert sorted(path.name for path in db.parent.iterdir()) == [db.name]
    fresh = emptied()
    load(fresh, [write_log(tmp_path / "log.jsonl", [LINES.strip(), rejected.strip()])])
    with open_store(db) as store:
        assert derived(store) == derived(fresh)
        assert rows(store, "SELECT request_id, line FROM usage ORDER BY line") == [
            (f"piped{number}", number + 1) for number in range(4)
        ]
        query = "SELECT path, origin FROM load_file JOIN load USING (load_id)"
        assert rows(store, query) == [(NAME, "command line")]


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, "zstd", asbytes=True))


@pytest.mark.parametrize(
    "content",
    [gzip.compress(LINES), zstd(LINES), json.dumps(RECORDS, indent=1).encode(), LINES.strip(), b"\n\n" + LINES],
    ids=["gzip", "zstd", "a list", "no last line end", "blank lines"],
)
def test_it_may_be_packed_or_of_any_format(db: Path, monkeypatch: Patch, capsys: Captured, content: bytes) -> None:
    pipe(monkeypatch, content)
    assert main(["-", "--db", str(db), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["requests"] == 4
    with open_store(db) as store:
        assert rows(store, "SELECT count(*) FROM usage WHERE line IS NULL") == [(0,)]


def test_much_is_laid_down_piece_by_piece_and_all_of_it_is_there(db: Path, monkeypatch: Patch) -> None:
    content = os.urandom(1 << 16) * 50 + b"end"
    pipe(monkeypatch, content)
    with spooled(db) as path:
        assert path.read_bytes() == content
    assert left(db) == []


def test_the_same_again_is_read_again_and_brings_duplicates(db: Path, monkeypatch: Patch, capsys: Captured) -> None:
    for requests in (4, 0):
        pipe(monkeypatch, LINES)
        assert main(["-", "--db", str(db), "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["requests"], said["duplicates"]) == (requests, 4 - requests)


def test_it_can_be_loaded_together_with_files(db: Path, tmp_path: Path, monkeypatch: Patch, capsys: Captured) -> None:
    logs = [write_log(tmp_path / "logs" / f"{number}.jsonl", [usage_record(), RECORDS[0]]) for number in range(2)]
    pipe(monkeypatch, LINES)
    assert main([str(logs[0]), "-", str(logs[1].parent), "--db", str(db), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["files"], said["lines"], said["requests"], said["duplicates"]) == (3, 8, 6, 2)
    with open_store(db) as store:
        assert rows(store, "SELECT path FROM load_file ORDER BY file_id") == [(str(logs[0]),), (NAME,), (str(logs[1]),)]
        assert load(store, [logs[0].parent]).unchanged == 2


def test_nothing_is_kept_where_the_store_is_in_memory(tmp_path: Path, monkeypatch: Patch, capsys: Captured) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pipe(monkeypatch, LINES)
    assert main(["-", "--db", ":memory:", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["requests"] == 4
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_that_name_is_a_file(db: Path, tmp_path: Path, monkeypatch: Patch, capsys: Captured) -> None:
    monkeypatch.chdir(tmp_path)
    write_log(tmp_path / "-", RECORDS)
    assert main(["./-", "--db", str(db), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["requests"] == 4


def test_there_is_one_standard_input(db: Path, monkeypatch: Patch, capsys: Captured) -> None:
    pipe(monkeypatch, LINES)
    assert main(["-", "-", "--db", str(db)]) == 2
    assert capsys.readouterr().err == "ingest: - is named twice, but there is one standard input.\n"


def said_of(db: Path, **kwargs: Any) -> str:
    command = [sys.executable, "-W", "error", "-m", "ingest", "-", "--db", str(db)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **kwargs)
    assert (done.returncode, done.stdout) == (2, "")
    assert left(db) == []
    return str(done.stderr)


def test_at_a_terminal_it_says_what_to_do(db: Path) -> None:
    terminal, other_end = os.openpty()
    said = said_of(db, stdin=other_end)
    os.close(terminal)
    os.close(other_end)
    assert said.startswith("ingest: standard input is the terminal. Pipe a log in: ")


def test_where_there_is_none_that_is_said(db: Path) -> None:
    assert said_of(db, preexec_fn=lambda: os.close(0)).startswith("ingest: there is no standard input. Pipe a log in")


class Broken(io.RawIOBase):
    """A stream that breaks off."""

    def readable(self) -> bool:
        return True

    def readinto(self, _: object, /) -> int:
        raise OSError(5, "Input/output error")


def test_where_it_cannot_be_read_that_is_said(db: Path, monkeypatch: Patch, capsys: Captured) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Broken())))
    assert main(["-", "--db", str(db)]) == 2
    assert capsys.readouterr().err == "ingest: standard input cannot be read: input/output error.\n"
    assert left(db) == []


def test_a_full_disk_is_said_and_nothing_left(db: Path, monkeypatch: Patch, capsys: Captured) -> None:
    pipe(monkeypatch, LINES * 10_000)
    with disk_that_takes(100_000):
        assert main(["-", "--db", str(db)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"ingest: the disk is full: there is no room in {db.parent} to lay standard input down.")
    assert list(db.parent.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_what_is_in_use_is_not(db: Path, tmp_path: Path) -> None:
    with piping("--db", str(db)) as (killed, stream), piping("--db", str(db)) as (living, other_stream):
        for some in (stream, other_stream):
            some.write(LINES)
            some.flush()
        until(lambda: len([folder for folder in left(db) if (folder / NAME).exists()]) == 2)
        killed.kill()
        killed.wait()
        assert len(left(db)) == 2
        assert main([str(write_log(tmp_path / "log.jsonl", [usage_record()])), "--db", str(db)]) == 0
        assert len(left(db)) == 1
        other_stream.close()
        assert living.wait(60) == 0
    assert left(db) == []


def test_it_is_gone_when_the_last_of_its_users_is_done(db: Path, monkeypatch: Patch) -> None:
    pipe(monkeypatch, LINES)
    with spooled(db) as path:
        with lent(path):
            sweep(db)
            assert path.read_bytes() == LINES
        assert path.exists()
        borrowed = lent(path)
        borrowed.__enter__()
    assert path.read_bytes() == LINES
    borrowed.__exit__(None, None, None)
    assert left(db) == []
    with lent(path):
        assert not path.exists()


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A dashboard's routes over a store that other processes find taken."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SPENDGLASS_DB", str(tmp_path_factory.mktemp("held") / "usage.duckdb"))
        with server() as asked:
            process_store()
            until(lambda: running(process_path()))
            yield asked


def test_the_dashboard_that_holds_the_store_loads_it(ask: Asked, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record(), RECORDS[0]])
    with piping(str(log), "--db", str(process_path()), "--json") as (process, _):
        out, err = process.communicate(LINES + b"no\n")
    assert err == b""
    said = json.loads(out)
    assert (said["files"], said["requests"], said["duplicates"], said["rejected"]) == (2, 5, 1, 1)
    assert left(process_path()) == []
    query = "SELECT line FROM usage JOIN load_file USING (file_id) WHERE path = ? ORDER BY line"
    assert rows(process_store(), query, NAME) == [(1,), (2,), (3,), (4,)]


def test_what_a_client_left_while_the_dashboard_loads_goes_when_that_is_done(ask: Asked, monkeypatch: Patch) -> None:
    asked_for: list[Path] = []

    @contextmanager
    def noticed(path: Path) -> Iterator[None]:
        with lent(path):
            asked_for.append(path)
            yield

    monkeypatch.setattr(by_path, "lent", noticed)
    content = "".join(f"{json.dumps(usage_record(request_id=f'orphan{number}'))}\n" for number in range(3))
    with piping("--db", str(process_path())) as (process, stream):
        with process_store().writing():
            stream.write(content.encode())
            stream.close()
            until(lambda: asked_for)
            process.kill()
            process.wait()
            sweep(process_path())
            assert len(left(process_path())) == 1
        query = "SELECT count(*) FROM usage WHERE request_id LIKE 'orphan%'"
        until(lambda: rows(process_store(), query) == [(3,)])
        until(lambda: left(process_path()) == [])


@pytest.mark.parametrize(
    ("options", "added"),
    [
        ({"standard_input": "/elsewhere"}, False),
        ({"standard_input": 5}, False),
        ({"growing": "yes"}, False),
        ({"number_lines": True}, False),
        ({}, "yes"),
    ],
)
def test_the_route_takes_nothing_else(ask: Asked, tmp_path: Path, options: dict[str, Any], added: object) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    body = {"store": str(process_path()), "paths": [str(log)], "options": options, "added": added}
    answer = ask("POST", "/api/load", json.dumps(body), bearer("owner"))
    assert (answer.status, answer.error) == (400, "wrong_body")
