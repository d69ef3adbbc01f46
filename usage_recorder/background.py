"""Work done beside the app: a thread that takes jobs in order, and is waited for when the interpreter ends."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from queue import SimpleQueue
from weakref import WeakSet

from usage_recorder.counters import TALLY
from usage_recorder.forks import follow_forks

LARGE = 64 * 1024
TOGETHER_SECONDS = 0.01  # jobs that come so close are done at once, which disturbs the app least

Job = Callable[[], None]


class Background:
    """Runs jobs in order on a thread of its own.

    ``run`` never waits, so a finalizer may call it too. What is under way when the interpreter ends is done before it
    does, in a forked worker as well.
    """

    def __init__(self, *, most: int = 1_000, most_bytes: int = 64 * 1024 * 1024) -> None:
        self._most, self._most_bytes = most, most_bytes
        self.after_fork()
        follow_forks(self)
        _all.add(self)

    def before_fork(self) -> None:
        """The jobs stay the parent's."""

    def after_fork(self) -> None:
        """A child has no jobs yet, nor the thread."""
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._bytes = 0
        self._thread: threading.Thread | None = None
        self._closing = False
        self._hurry = threading.Event()

    def run(self, job: Job, size: int = 0) -> bool:
        """Takes a job that holds ``size`` bytes; false if too much waits already or no thread can be had."""
        if self._closing or self._jobs.qsize() >= self._most:
            return False
        if self._thread is None and not self._start():
            return False
        if size < LARGE:
            self._jobs.put(job)
            return True
        if not self._hold(size):
            return False
        self._jobs.put(lambda: self._let_go(job, size))
        return True

    def _start(self) -> bool:
        if not self._lock.acquire(timeout=0.01):
            return False
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="usage_recorder", daemon=not _waited_for)
                thread.start()
                self._thread = thread
        except RuntimeError:  # the interpreter is ending, or there are threads enough
            return False
        finally:
            self._lock.release()
        return True

    def _hold(self, size: int) -> bool:
        if not self._lock.acquire(timeout=0.01):
            return False
        try:
            fits = self._bytes + size <= self._most_bytes
            self._bytes += size * fits
            return fits
        finally:
            self._lock.release()

    def _let_go(self, job: Job, size: int) -> None:
        try:
            job()
        finally:
            with self._lock:
                self._bytes -= size

    def flush(self, seconds: float = 5) -> bool:
        """Waits until every job taken so far is done; false if that takes longer."""
        if threading.current_thread() is self._thread:
            return False
        if self._thread is None or not self._thread.is_alive():
            return self._jobs.empty()
        done = threading.Event()
        self._hurry.set()
        self._jobs.put(done.set)
        try:
            return done.wait(seconds)
        finally:
            self._hurry.clear()

    def close(self) -> None:
        """Takes no more; the thread ends when it has done what it took."""
        self._closing = True
        self._hurry.set()
        self._jobs.put(None)

    def _work(self) -> None:
        while True:
            jobs = [self._jobs.get()]
            self._hurry.wait(TOGETHER_SECONDS)
            jobs += [self._jobs.get() for _ in range(self._jobs.qsize())]
            for job in jobs:
                if job is None:
                    return
                try:
                    job()
                except BaseException as error:  # noqa: BLE001  the next job is none the worse for it
                    TALLY.failed(error)


def _close_all() -> None:
    for one in list(_all):
        one.close()
    if not _waited_for:
        for one in list(_all):
            one.flush()


_all: WeakSet[Background] = WeakSet()
# called before the interpreter waits for its threads; where there is no such thing, after
_waited_for = hasattr(threading, "_register_atexit")
(threading._register_atexit if _waited_for else atexit.register)(_close_all)  # type: ignore[attr-defined]
