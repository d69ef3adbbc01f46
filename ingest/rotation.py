"""Where the lines of a log went that was named itself and has made way for a new one of its name."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from store.unpacked import Damaged, opened

KEPT = 3600.0  # seconds for which a log that moved is looked at: who writes it may not know yet
_START = 4096  # bytes at the beginning that tell a copy
_TELLING = 64  # bytes that are too few for that


class Rotation:
    """One path, and under which other names beside it the file is to be looked at that it meant before.

    Renamed: known by its inode. Copied, and then cut to nothing or packed: known by how it begins.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: tuple[int, int, int] | None = None  # device, inode, bytes
        self._start = b""
        self._former = b""
        self._moved: dict[str, tuple[tuple[int, int], float]] = {}

    def seen(self, status: os.stat_result) -> None:
        """The path is this file at the moment."""
        now = (status.st_dev, status.st_ino, status.st_size)
        if self._file and (now[:2] != self._file[:2] or now[2] < self._file[2]):
            self._made_way(self._file[:2])
        if len(self._start) < min(_START, status.st_size):
            self._start = _beginning(self._path)
        self._file = now

    def moved(self, *, now: bool) -> list[str]:
        """The other names; ``now`` says whether the path itself is there."""
        if self._file and not now:
            self._made_way(self._file[:2])
            self._file = None
        for path, (file, until) in list(self._moved.items()):
            if _file_at(path) != file:
                del self._moved[path]
                self._search(file)
            elif time.monotonic() > until:
                del self._moved[path]
        return list(self._moved)

    def _made_way(self, file: tuple[int, int]) -> None:
        self._former, self._start = self._start, b""
        self._search(file)

    def _search(self, file: tuple[int, int]) -> None:
        folder, name = os.path.split(self._path)
        with suppress(OSError), os.scandir(folder or ".") as entries:
            for entry in entries:
                path = os.path.join(folder, entry.name)  # noqa: PTH118
                if path == self._path or path in self._moved or not entry.name.startswith(name.partition(".")[0]):
                    continue
                there = _file_at(path)
                if there and (there == file or self._begins_alike(path)):
                    self._moved[path] = (there, time.monotonic() + KEPT)

    def _begins_alike(self, path: str) -> bool:
        length = len(self._former)
        return length > _TELLING and _beginning(path, length) == self._former


def _file_at(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _beginning(path: str, length: int = _START) -> bytes:
    try:
        with opened(Path(path)) as file:
            return file.read(length)
    except (OSError, Damaged):
        return b""
