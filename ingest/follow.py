"""Logs loaded as they grow: what is written is in the store a moment later, which is not held in between."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.by_whom import loaded
from ingest.formats import by_name
from ingest.formats.names import Names
from ingest.handover import HandOverFailed
from ingest.load import NothingToLoad
from ingest.news import News, Total
from ingest.options import LoadOptions
from ingest.stopping import Stopping, stopping
from ingest.watch import Key, Sight, Watch
from ingest.whole_lines import Now, State, Waiting, is_log, judged
from store.connection import StoreBusy, StoreFull
from store.prices import PriceListError

EVERY = 0.5  # seconds between two looks
LOADS_APART = 1.0  # seconds between the beginnings of two loads; each is a line on the Data page
QUIET = 1.0  # seconds without a change after which nobody is writing a file
OLD = 10.0  # seconds since its last change for a file that is quiet when it is first seen
SHARE, LONGEST = 0.04, 5.0  # of the time goes into looking, but no more seconds lie between two looks
PATIENCE = 2.0  # seconds for which others may hold the store before that is said
LONGEST_PAUSE = 30.0  # seconds between two tries
AT_ONCE = 2000  # files in one load
SURE = 1 << 20  # bytes of a file in which no log was found; there will be none however it grows


def follow(store: Path, paths: Sequence[Path], options: LoadOptions, *, as_json: bool) -> Total:
    """Loads what is in the files now and what is written to them, until Ctrl-C or SIGTERM; says each load.

    Raises WrongFormat for options that mean nothing, and StoreError for a store that will never take anything.
    """
    if options.format is not None:
        by_name(options.format)
    Names(options.field_map)
    news = News(as_json=as_json)
    with stopping() as stop:
        follower = Follower(store, paths, options, news, stop)
        try:
            while not stop.wait(follower.round()):
                pass
        except BrokenPipeError:  # nobody reads what is said any more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    with suppress(BrokenPipeError):
        news.over()
    return news.total


@dataclass(frozen=True)
class _Known:
    """A file as it was when all there was to load of it had been loaded."""

    modified_ns: int
    state: State


@dataclass
class _Pending:
    """A file that has changed: since when, and how it was when it last changed (by the monotonic clock)."""

    since: float
    sight: Sight
    changed: float


@dataclass(frozen=True)
class _Ready:
    """A file that holds something to load, and its state when that is loaded."""

    key: Key
    sight: Sight
    state: State

    def is_still_there(self) -> bool:
        """Is it the file that was to be loaded, grown at most?"""
        try:
            status = os.stat(self.sight.path)  # noqa: PTH116
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self.key and status.st_size >= self.sight.bytes


class Follower:
    """Finds what is new in files and loads it, a ``round`` at a time."""

    def __init__(self, store: Path, paths: Sequence[Path], options: LoadOptions, news: News, stop: Stopping) -> None:
        self._store, self._options, self._news, self._stop = store, options, news, stop
        self._watch = Watch(paths, store=store)
        self._known: dict[Key, _Known] = {}
        self._pending: dict[Key, _Pending] = {}
        self._logs: dict[Key, tuple[bool, int]] = {}
        self._never_there = set(map(str, paths))
        self._said: set[str] = set()
        self._trouble: str | None = None
        self._busy_since: float | None = None
        self._pause = EVERY

    def round(self) -> float:
        """Looks once and loads what is new; answers how many seconds may pass until the next round."""
        began = time.monotonic()
        sights = self._watch.look()
        looked = time.monotonic() - began
        self._say_what_is_wrong()
        batches = list(_batches(self._ready(sights)))
        if not batches:
            return min(max(EVERY, looked / SHARE), LONGEST)
        for now, batch in batches:
            if self._stop.asked or not self._load(batch, now):
                return self._pause
        took = time.monotonic() - began
        return max(LOADS_APART - took, min(took / 4, LONGEST_PAUSE))

    def _ready(self, sights: dict[Key, Sight]) -> dict[Now, list[_Ready]]:
        """The files that hold something to load now, by how much of them."""
        self._forget_all_but(sights)
        ready: dict[Now, list[_Ready]] = {}
        for key, sight in sights.items():
            known = self._known.get(key)
            if known and (known.state.bytes, known.modified_ns) == (sight.bytes, sight.modified_ns):
                continue
            try:
                now, state = self._judged(key, sight)
            except OSError as error:
                if not isinstance(error, FileNotFoundError):
                    self._say(f"{sight.path} cannot be read: {(error.strerror or str(error)).lower()}.")
                continue
            if now is Now.NOTHING:
                self._keep(_Ready(key, sight, state))
            elif now is not Now.LATER:
                ready.setdefault(now, []).append(_Ready(key, sight, state))
        return ready

    def _judged(self, key: Key, sight: Sight) -> tuple[Now, State]:
        known, now = self._known.get(key), time.monotonic()
        pending = self._pending.setdefault(key, _Pending(now, sight, now))
        if (pending.sight.bytes, pending.sight.modified_ns) != (sight.bytes, sight.modified_ns):
            pending.sight, pending.changed = sight, now
        is_old = pending.changed == pending.since and time.time() - sight.modified_ns / 1e9 > OLD
        waiting = Waiting(now - pending.since, quiet=is_old or now - pending.changed >= QUIET)
        verdict, state = judged(Path(sight.path), sight.bytes, known.state if known else None, waiting)
        if verdict in (Now.LINES, Now.ALL) and not self._is_wanted(key, sight):
            verdict = Now.NOTHING
        return verdict, state

    def _is_wanted(self, key: Key, sight: Sight) -> bool:
        """Is the file named itself, or a log?"""
        if sight.named or self._options.format is not None:
            return True
        is_one, size = self._logs.get(key, (False, 0))
        if size > sight.bytes or not (is_one or size > SURE):
            is_one = is_log(Path(sight.path))
            self._logs[key] = is_one, sight.bytes
        return is_one

    def _load(self, batch: Sequence[_Ready], now: Now) -> bool:
        """Loads some files; false if they are to be tried again, after a pause."""
        paths = [Path(one.sight.path) for one in batch]
        self._stop.working = True
        try:
            summary = loaded(self._store, paths, replace(self._options, growing=now is Now.LINES), added=True)
        except NothingToLoad:  # one of them has just gone
            self._pause = EVERY
            return False
        except StoreBusy:
            self._wait_for_store()
            return False
        except (HandOverFailed, StoreFull, PriceListError, OSError) as error:
            self._trouble_with(f"{error} Trying again.")
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            return False
        finally:
            self._stop.working = False
        self._busy_since, self._trouble, self._pause = None, None, EVERY
        for one in batch:
            if one.is_still_there():
                self._keep(one)
        if summary.load_id:
            self._news.loaded(summary, paths)
        return True

    def _keep(self, one: _Ready) -> None:
        self._known[one.key] = _Known(one.sight.modified_ns, one.state)
        self._pending.pop(one.key, None)

    def _forget_all_but(self, sights: dict[Key, Sight]) -> None:
        for key in self._known.keys() - sights.keys():
            del self._known[key]
        for key in self._pending.keys() - sights.keys():
            del self._pending[key]
        for key in self._logs.keys() - sights.keys():
            del self._logs[key]

    def _wait_for_store(self) -> None:
        self._pause, now = EVERY, time.monotonic()
        self._busy_since = self._busy_since or now
        if now - self._busy_since >= PATIENCE:
            self._trouble_with(f"{self._store} is open in another process. What is new is loaded when that lets go.")

    def _trouble_with(self, what: str) -> None:
        """Says once, until a load succeeds, why none does."""
        if self._trouble != what:
            self._trouble = what
            _say(what)

    def _say_what_is_wrong(self) -> None:
        missing = self._never_there & set(self._watch.missing)
        for path in sorted(missing):
            self._say(f"{path} is not there yet: waiting for it.")
        self._never_there = missing
        for path, why in self._watch.faults.items():
            self._say(f"{path} cannot be looked at: {why}.")

    def _say(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            _say(what)


def _say(what: str) -> None:
    print(f"ingest: {what}", file=sys.stderr, flush=True)


def _batches(ready: dict[Now, list[_Ready]]) -> Iterator[tuple[Now, list[_Ready]]]:
    for now, files in ready.items():
        files.sort(key=lambda one: one.sight.path)
        for start in range(0, len(files), AT_ONCE):
            yield now, files[start : start + AT_ONCE]
