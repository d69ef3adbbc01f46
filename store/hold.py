"""A store's file held by one process, however often that opens it, and written by one of its threads at a time.

DuckDB's own lock goes as soon as its process closes the file anywhere, were it only after a look at its first bytes;
this one stays.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

from store.spare import put_back

_holds: dict[tuple[int, int], Hold] = {}
_lock = threading.Lock()


class Hold:
    """A file this process holds; ``writer`` is for whoever changes it."""

    def __init__(self, file: int | None = None) -> None:
        self.file = file  # None: it is in memory
        self.writer = threading.RLock()
        self._times = 1

    @classmethod
    def of(cls, path: Path) -> Hold:
        """Holds the file at ``path`` once more, with what a killed process left of it put back.

        Raises BlockingIOError when another process has it, and OSError.
        """
        with _lock:
            stat = path.stat()  # to open and close it would let go of DuckDB's lock
            held = _holds.get((stat.st_dev, stat.st_ino))
            if held:
                held._times += 1
                return held
            file = _locked(path)
            try:
                put_back(str(path), file)
            except BaseException:
                os.close(file)
                raise
            held = cls(file)
            _holds[stat.st_dev, stat.st_ino] = held
            return held

    def let_go(self) -> None:
        """Once for each time it was held."""
        with _lock:
            self._times -= 1
            if self._times or self.file is None:
                return
            for key in [key for key, held in _holds.items() if held is self]:
                del _holds[key]
            os.close(self.file)


def _locked(path: Path) -> int:
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # it may only be read
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise
    except OSError:  # a file system without such locks: DuckDB's own has to do
        pass
    return file
