"""What holds of every log, however damaged, when it is loaded; `python -m tests.ingest.fuzzing` tries it for long."""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from ingest.documents import read_documents
from ingest.file_result import FileResult
from ingest.formats import FORMATS, by_name, entries_of, home_made
from ingest.json_values import LONG_NUMBER, NESTED
from ingest.load import LoadSummary, load
from ingest.record import MAX_TOKENS, Rejected
from ingest.undo import undo
from store.connection import Store
from tests.factories import emptied, rows
from tests.ingest.damage import SAMPLES, SECRET, Log, damaged

TABLES = ("load", "load_file", "rejected_line", "usage", "superseded", "overlap", "rollup")
COUNTS = (
    "uncached_input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "web_search_requests",
)
KEPT_REJECTS = 1001
# what reading in bulk does not mind, though each line on its own would be rejected for it
NOT_MINDED = (NESTED, LONG_NUMBER, "a number that JSON does not have", "not JSON: expecting property name")
Rows = dict[str, list[tuple[Any, ...]]]


def check(log: Log, folder: Path) -> None:
    """Loads a log, a copy of it, and takes both back: every law that has to hold, or AssertionError."""
    store = emptied()
    nothing = everything(store)
    path = _written(log, folder / "one")
    summary = load(store, [path])
    check_counts(store, summary, path)
    check_tokens(store)
    if not log.mixed:
        check_no_prompt(store, summary)
    once = everything(store)
    again = load(store, [_written(log, folder / "two")])
    assert again.requests == 0, "a copy adds requests"
    assert everything(store)["usage"] == once["usage"], "a copy changes what is held"
    undo(store, again.load_id)
    assert everything(store) == once, "undoing the copy does not leave what was before"
    undo(store, summary.load_id)
    assert everything(store) == nothing, "undoing does not leave what was before"
    check_one_by_one(path, once["usage"], summary.files[0])


def _written(log: Log, folder: Path) -> Path:
    """The log in a folder of the usual name, always as old: what a log does not say is taken from there."""
    packed = ".gz" if log.content.startswith(b"\x1f\x8b") else ""
    path = folder / "logs" / f"log.jsonl{packed}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(log.content)
    os.utime(path, (1_794_992_400, 1_794_992_400))
    return path


def everything(store: Store) -> Rows:
    """All that loads fill, in a fixed order."""
    return {table: rows(store, f"SELECT * FROM {table} ORDER BY ALL") for table in TABLES}


def check_counts(store: Store, summary: LoadSummary, path: Path) -> None:
    """The four counts add up to the lines, in the summary, in its file and in the store."""
    [result] = summary.files
    counts = (result.requests, result.duplicates, result.ignored, result.rejected)
    assert min(counts) >= 0
    assert counts == (summary.requests, summary.duplicates, summary.ignored, summary.rejected)
    assert sum(counts) == summary.lines == result.lines == lines_in(path, result.format)
    held = rows(store, "SELECT lines, requests, duplicates, ignored, rejected FROM load_file")
    assert held == [(sum(counts), *counts)]
    assert rows(store, "SELECT count(*) FROM usage WHERE part = 0") == [(result.requests,)]
    assert len(result.rejects) == min(result.rejected, KEPT_REJECTS)
    for line, why in result.rejects:
        assert line >= 1
        assert why.reason
        assert why.advice.endswith((".", "NAME."))
        assert 0 < len(why.found) <= 60
        assert why.found.isprintable()
        assert why.field is None or why.field.isprintable()


def lines_in(path: Path, name: str | None) -> int:
    """How many lines a file has, counted by reading them one by one."""
    format_ = by_name(name) if name else home_made
    return sum(1 for document in read_documents(path) for _ in entries_of(format_, document))


def check_tokens(store: Store) -> None:
    """Every count of tokens is unknown or can be; each part is one of its request's."""
    wrong = " OR ".join(f"{count} NOT BETWEEN 0 AND {MAX_TOKENS}" for count in COUNTS)
    assert rows(store, f"FROM usage WHERE {wrong} OR reasoning_tokens > output_tokens") == []
    assert rows(store, "FROM usage WHERE request_key IS NULL OR part NOT BETWEEN 0 AND parts - 1") == []
    assert rows(store, "SELECT request_key, part FROM usage GROUP BY ALL HAVING count(*) > 1") == []
    assert rows(store, "FROM usage WHERE part = 0 AND model_logged IS NULL AND NOT (uncached_input_tokens = 0)") == []


def check_no_prompt(store: Store, summary: LoadSummary) -> None:
    """No prompt or answer is kept, nor shown."""
    said = [str(why) for result in summary.files for _, why in result.rejects]
    assert [text for text in said if SECRET in text] == []
    for table in TABLES:
        assert rows(store, f"FROM {table} AS kept WHERE contains(kept::VARCHAR, ?)", SECRET) == [], table


def check_one_by_one(path: Path, held: list[tuple[Any, ...]], result: FileResult) -> None:
    """Line by line the same comes of it as in bulk, but for what reading in bulk does not mind."""
    if not any(hasattr(by_name(result.format or home_made.NAME), name) for name in ("BULK", "BULK_LINES")):
        return
    if _names_repeated(path) or any(_not_minded(document.value) for document in read_documents(path)):
        return
    store = emptied(1)
    with without_bulk():
        alone = load(store, [path]).files[0]
    assert [str(why) for why in alone.rejects] == [str(why) for why in result.rejects]
    columns = [name for name, *_ in rows(store, "DESCRIBE usage")]
    where = [columns.index(name) for name in ("file_id", "line")]
    assert _without(rows(store, "SELECT * FROM usage"), where) == _without(held, where)


@contextmanager
def without_bulk() -> Iterator[None]:
    """The formats as if no file could be read in bulk."""
    with pytest.MonkeyPatch.context() as patch:
        for format_ in FORMATS:
            patch.delattr(format_, "BULK", raising=False)
            if hasattr(format_, "glance"):
                patch.setattr(format_, "glance", lambda _: False)
        yield


def _without(held: list[tuple[Any, ...]], columns: list[int]) -> list[str]:
    return sorted(repr([value for number, value in enumerate(row) if number not in columns]) for row in held)


def _not_minded(value: object) -> bool:
    return isinstance(value, Rejected) and value.field is None and value.reason.startswith(NOT_MINDED)


def _names_repeated(path: Path) -> bool:
    repeated = False

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal repeated
        repeated = repeated or len(dict(pairs)) < len(pairs)
        return dict(pairs)

    for document in read_documents(path):
        if not isinstance(document.value, Rejected):
            json.loads(document.raw, object_pairs_hook=look)
    return repeated


class Hang(BaseException):
    """An example took longer than any may."""


class Trial:
    """Damaged logs of one sample, drawn by a seed of their own, against the laws."""

    def __init__(self, sample: str, folder: Path, longest: int) -> None:
        self.sample, self.number = sample, random.SystemRandom().getrandbits(32)
        self.tried = 0
        self._folder, self._longest = folder, longest
        self._last, self._hung = b"", False

    def failure(self) -> str | None:
        """What went wrong, and the log that it went wrong with in base64; None if nothing did."""
        try:
            seed(self.number)(LONG(given(damaged(self.sample))(self._example)))()
        except (Exception, KeyboardInterrupt, Hang) as error:
            if isinstance(error, KeyboardInterrupt) and not self._hung:  # DuckDB makes one of a Hang
                raise
            where = f"{self.sample}, seed {self.number}"
            return f"{where}: {traceback.format_exc()[-3000:]}\n{base64.b64encode(self._last).decode()}"
        return None

    def _example(self, log: Log) -> None:
        self._last = log.content
        self.tried += 1
        signal.signal(signal.SIGALRM, self._hang)
        signal.alarm(self._longest)
        try:
            check(log, self._folder)
        finally:
            signal.alarm(0)

    def _hang(self, _: int, __: FrameType | None) -> None:
        self._hung = True
        raise Hang


def try_for(seconds: float, *, longest: int = 120) -> int:
    """Trials of each sample in turn until the time is up, and what came of them, printed; 1 if anything failed.

    An example that takes ``longest`` seconds is a failure too.
    """
    began, tried, failed = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for sample in cycle(SAMPLES):
            if time.monotonic() - began >= seconds:
                break
            trial = Trial(sample, Path(folder), longest)
            if problem := trial.failure():
                failed += 1
                print(problem, flush=True)
            tried += trial.tried
    print(f"{tried:,} examples, {failed:,} failures")
    return 1 if failed else 0


LONG = settings(
    max_examples=40,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.ingest.fuzzing", description="Damaged logs against the laws."
    )
    parser.add_argument("--seconds", type=float, default=60)
    sys.exit(try_for(parser.parse_args().seconds))
