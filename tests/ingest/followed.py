"""A follower as its user runs it: a process of its own, what it says, and the lines that are written for it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingest.load import load
from store.connection import Store, StoreBusy, open_store
from tests.conftest import ROOT
from tests.factories import derived, emptied, rows, usage_record
from tests.ingest.routes.asked import until

SECONDS = 30  # for what may take a moment on a busy machine


class Following:
    """A running follower and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=lambda stream=stream, lines=lines: lines.extend(stream))
            for stream, lines in ((process.stdout, self.out), (process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def loads(self) -> list[dict[str, Any]]:
        return [said for line in list(self.out) if "total" not in (said := json.loads(line))]

    def counted(self, name: str, file: str | None = None) -> int:
        """The sum of a count over its loads, or over those of one file."""
        return sum(load[name] for load in self.loads if file in (None, load["file"]))

    def waits_for(self, happened: Callable[[], object]) -> None:
        until(lambda: self.process.poll() is not None or happened(), SECONDS)
        assert self.process.poll() is None, "".join(self.err)

    def has_read(self, requests: int) -> None:
        """Waits until its loads have brought so many requests."""
        self.waits_for(lambda: self.counted("requests") >= requests)
        assert self.counted("requests") == requests

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(by)
        status = self.process.wait(SECONDS)
        for reader in self._readers:
            reader.join()
        return status


@contextmanager
def following(db: Path, *paths: Path | str, flags: tuple[str, ...] = ("--json",)) -> Iterator[Following]:
    """Runs a follower; it is gone when the block ends."""
    command = [sys.executable, "-W", "error", "-m", "ingest", "--follow", *map(str, paths), "--db", str(db), *flags]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True) as process:
        follower = Following(process)
        try:
            yield follower
        finally:
            process.kill()
            follower.stop(signal.SIGKILL)


class Written:
    """Logs and the text ever written to each, all of which is to be in the store in the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._texts: dict[str, list[str]] = {}

    def write(self, name: str, *records: dict[str, Any] | str) -> Path:
        """Appends lines, or other text as it is, to a log of this folder."""
        lines = [one if isinstance(one, str) else f"{json.dumps(one)}\n" for one in records]
        self._texts.setdefault(name, []).extend(lines)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write("".join(lines))
        return path

    @property
    def count(self) -> int:
        """How many lines were written."""
        return sum(text.count("\n") for texts in self._texts.values() for text in texts)

    def is_all_in(self, db: Path) -> None:
        """Fails unless the store is as a fresh one into which all that was loaded at once."""
        fresh = emptied()
        folder = self.folder / ".fresh"
        folder.mkdir(exist_ok=True)
        for number, texts in enumerate(self._texts.values()):
            (folder / f"{number}.jsonl").write_text("".join(texts))
        load(fresh, [folder])
        with opened(db) as store:
            assert rows(store, "SELECT count(*) FROM usage") == rows(fresh, "SELECT count(*) FROM usage")
            assert derived(store) == derived(fresh)


def records(count: int) -> list[dict[str, Any]]:
    """So many requests, each another one."""
    return [usage_record() for _ in range(count)]


@contextmanager
def opened(db: Path) -> Iterator[Store]:
    """The store, as soon as a follower lets go of it."""
    got: list[Store] = []

    def is_open() -> bool:
        try:
            got.append(open_store(db))
        except StoreBusy:
            return False
        return True

    until(is_open, SECONDS)
    with got[0] as store:
        yield store
