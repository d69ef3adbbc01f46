"""A folder of logs that threads and processes append whole lines to, a new file each day and when one is large."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections import deque
from pathlib import Path
from weakref import WeakValueDictionary

from usage_recorder.counters import TALLY, reason
from usage_recorder.forks import follow_forks

try:
    import fcntl
except ImportError:  # a system without it: each process has files of its own
    fcntl = None  # type: ignore[assignment]

MAX_BYTES = 64 * 1024 * 1024
LOCK_SECONDS = 0.02
TOGETHER = 256
MOST_LINES = 10_000
PATIENCE_SECONDS = 0.5


_folders: WeakValueDictionary[tuple[str, int, str], Folder] = WeakValueDictionary()


def folder_at(path: Path, *, max_bytes: int = MAX_BYTES, counted: str = "written") -> Folder:
    """The folder; all who write to it in this process share one."""
    key = (os.path.realpath(path), max_bytes, counted)
    folder = _folders.get(key)
    if folder is None:
        folder = _folders.setdefault(key, Folder(path, max_bytes=max_bytes, counted=counted))
    return folder


class Folder:
    """Appends lines. Whoever finds another thread at it leaves its line to that one: nobody waits, a finalizer neither.

    A line is one ``write`` to a file opened to append, under a lock that other processes take too, so that what a full
    disk cut short can be taken back. Who cannot have the lock goes to a file of its own.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, counted: str = "written") -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._counted = counted
        self._reset()
        follow_forks(self)

    def _reset(self) -> None:
        self._lines: deque[bytes] = deque()
        self._lock = threading.Lock()
        self._handle: int | None = None
        self._file = self.path
        self._stuck = False
        self._day, self._number, self._end = "", 0, 0
        self._name = secrets.token_hex(3)
        self._own = fcntl is None

    def before_fork(self) -> None:
        """Lines that wait are the parent's to write."""
        self.flush(0.1)

    def after_fork(self) -> None:
        """A child writes none of its parent's lines, and locks for itself."""
        handle = self._handle
        self._reset()
        if handle is not None:
            with contextlib.suppress(OSError):
                os.close(handle)

    def write(self, line: bytes) -> None:
        """Appends a line, which ends in a newline."""
        if len(self._lines) >= MOST_LINES and not self._has_room():
            TALLY.lost(1, "the disk does not answer")
            return
        self._lines.append(line)
        while self._lines and self._lock.acquire(blocking=False):
            try:
                self._drain()
            finally:
                self._lock.release()

    def _has_room(self) -> bool:
        """Waits a moment for whoever is writing to get on, but once only for one that is stuck."""
        until = time.monotonic() + PATIENCE_SECONDS * (not self._stuck)
        while len(self._lines) >= MOST_LINES:
            if time.monotonic() >= until:
                self._stuck = True
                return False
            time.sleep(0.001)
        return True

    def flush(self, seconds: float = 5) -> None:
        """Waits until what other threads are writing is written."""
        if self._lines and self._lock.acquire(timeout=seconds):
            try:
                self._drain()
            finally:
                self._lock.release()

    def __del__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self._close()

    def _drain(self) -> None:
        while self._lines:
            lines: list[bytes] = []
            while self._lines and len(lines) < TOGETHER:
                lines.append(self._lines.popleft())
            try:
                self._append(b"".join(lines))
                self._stuck = False
            except OSError as error:
                self._close()
                TALLY.lost(len(lines), reason(error))
            except BaseException:
                TALLY.add("lost", len(lines))
                raise
            else:
                TALLY.add(self._counted, len(lines))

    def _append(self, data: bytes) -> None:
        day = time.strftime("%Y-%m-%d", time.gmtime())
        if day != self._day:
            self._close()
            self._day, self._number, self._own = day, 0, fcntl is None
        for _ in range(10_000):
            handle = self._open()
            if not self._own and not _locked(handle):
                self._close()
                self._own = True
                continue
            held = os.fstat(handle)
            full = held.st_size > 0 and held.st_size + len(data) > self._max_bytes
            if full or not self._is_in_place(held):
                self._close()
                self._number += full
                continue
            self._end = _append(handle, data, held.st_size, ended=held.st_size == self._end)
            if not self._own:
                fcntl.flock(handle, fcntl.LOCK_UN)
            return
        raise OSError("no file in the folder takes the line")

    def _open(self) -> int:
        if self._handle is None:
            self.path.mkdir(parents=True, exist_ok=True)
            self._file = self._first_with_room()
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
            self._handle = os.open(self._file, flags, 0o666)
            self._end = 0
        return self._handle

    def _first_with_room(self) -> Path:
        own = f".p{os.getpid()}-{self._name}" if self._own else ""
        while True:
            path = self.path / f"usage-{self._day}{f'.{self._number}' if self._number else ''}{own}.jsonl"
            try:
                if path.stat().st_size < self._max_bytes:
                    return path
            except FileNotFoundError:
                return path
            self._number += 1

    def _is_in_place(self, held: os.stat_result) -> bool:
        """Is the file still where it was opened, neither moved nor deleted?"""
        try:
            there = os.stat(self._file)  # noqa: PTH116  for each line written
        except FileNotFoundError:
            return False
        return (there.st_ino, there.st_dev) == (held.st_ino, held.st_dev)

    def _close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)  # and gives its lock back


def _locked(handle: int) -> bool:
    """The lock of a file, if it can be had at once or soon; a file system may have none."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.0002)
        except OSError:
            return False
        else:
            return True


def _append(handle: int, data: bytes, size: int, *, ended: bool) -> int:
    """All of it or nothing; the size then. A line that something else left torn is ended first."""
    if not ended and size and os.pread(handle, 1, size - 1) != b"\n":
        data = b"\n" + data
    done = 0
    try:
        while done < len(data):
            done += os.write(handle, data[done:] if done else data)
    except OSError:
        if done:
            os.ftruncate(handle, size)
        raise
    return size + done
