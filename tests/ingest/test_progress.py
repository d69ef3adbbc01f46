"""Progress tells what is being done, and how far it is."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from ingest.progress import line
from store.connection import open_store
from tests.conftest import ROOT
from tests.factories import usage_record, write_log


def test_the_line_names_the_file_and_how_far_it_is() -> None:
    assert line(1, 3, Path("logs/app.jsonl"), 58) == "app.jsonl, 2 of 3  58 %"
    assert line(1, 3, Path("logs/app.jsonl"), None) == "app.jsonl, 2 of 3"
    assert line(3, 3, Path("logs/app.jsonl"), 5) == "sorting out duplicates and pricing  5 %"
    assert len(line(0, 1, Path("x" * 300), 100)) <= 100


def test_a_store_says_how_far_its_writer_is() -> None:
    with open_store(":memory:") as store:
        assert store.percent() is None
        seen: set[int] = set()
        over = threading.Event()

        def look() -> None:
            while not over.is_set():
                percent = store.percent()
                if percent is not None:
                    seen.add(percent)

        watcher = threading.Thread(target=look)
        watcher.start()
        with store.writing() as con:
            con.execute("CREATE TABLE t AS SELECT range AS n, md5(range::VARCHAR) AS h FROM range(3_000_000)")
        over.set()
        watcher.join()
        assert seen <= set(range(101))
        assert len(seen) > 1
        assert store.percent() is None


def test_a_terminal_sees_it_and_a_pipe_does_not(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    command = [sys.executable, "-m", "ingest", str(log), "--db", str(tmp_path / "usage.duckdb")]
    piped = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert piped.stderr == b""
    terminal, other_end = os.openpty()
    subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=other_end, check=True)
    os.close(other_end)
    assert b"\r\x1b[K" in os.read(terminal, 4096)
    os.close(terminal)
