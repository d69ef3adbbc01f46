"""The files behind paths that are followed, found again and again without being opened."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ingest.rotation import Rotation

Key = tuple[int, int]  # device and inode


class Sight(NamedTuple):
    """A file as it was seen; ``named`` itself rather than found in a folder or by a pattern."""

    path: str
    bytes: int
    modified_ns: int
    named: bool


class Watch:
    """Looks for files, folders and patterns, of which any may come, change, move and go at any time.

    Folders are searched as a load searches them: at any depth, through symbolic links too, without what is hidden;
    and without the ``store`` and what lies beside it under its name.
    """

    def __init__(self, paths: Sequence[Path], *, store: Path) -> None:
        self.missing: list[str] = []
        self.faults: dict[str, str] = {}
        self._store_folder, self._store = str(store.parent), store.name
        self._rotations = {str(path): Rotation(str(path)) for path in paths}

    def look(self) -> dict[Key, Sight]:
        """The files there are now, each once however many names it has.

        Sets ``missing`` to the paths behind which there is nothing yet, and ``faults`` to what cannot be looked at.
        """
        found: dict[Key, Sight] = {}
        self.missing, self.faults = [], {}
        for path, rotation in self._rotations.items():
            if not self._is_there(path, rotation, found):
                self.missing.append(path)
        return found

    def _is_there(self, path: str, rotation: Rotation, found: dict[Key, Sight]) -> bool:
        is_there = self._take(path, found, rotation)
        for moved in rotation.moved(now=is_there):
            self._take(moved, found)
        if is_there or not glob.has_magic(path):
            return is_there
        matching = [self._take(name, found, by_pattern=True) for name in glob.iglob(path, recursive=True)]  # noqa: PTH207
        return any(matching)

    def _take(
        self, path: str, found: dict[Key, Sight], rotation: Rotation | None = None, *, by_pattern: bool = False
    ) -> bool:
        """Adds a file, or those below a folder; false if there is neither."""
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError as error:
            self._note(path, error)
            return False
        if stat.S_ISDIR(status.st_mode):
            self._walk(path, found)
            return True
        if not stat.S_ISREG(status.st_mode):
            return False
        if rotation:
            rotation.seen(status)
        self._add(path, status, found, named=not by_pattern)
        return True

    def _walk(self, folder: str, found: dict[Key, Sight]) -> None:
        entered: set[Key] = set()
        folders = [folder]
        while folders:
            where = folders.pop()
            try:
                status = os.stat(where)  # noqa: PTH116
                if (status.st_dev, status.st_ino) in entered:
                    continue
                entered.add((status.st_dev, status.st_ino))
                with os.scandir(where) as entries:
                    for entry in entries:
                        if not self._is_left_out(entry):
                            self._enter(entry, folders, found)
            except OSError as error:
                self._note(where, error)

    def _is_left_out(self, entry: os.DirEntry[str]) -> bool:
        name = entry.name
        if name == self._store or name.startswith(f"{self._store}."):
            return os.path.dirname(os.path.realpath(entry.path)) == self._store_folder  # noqa: PTH120
        return name.startswith(".")

    def _enter(self, entry: os.DirEntry[str], folders: list[str], found: dict[Key, Sight]) -> None:
        try:
            if entry.is_dir():
                folders.append(entry.path)
            elif entry.is_file():
                self._add(entry.path, entry.stat(), found)
        except OSError as error:
            self._note(entry.path, error)

    def _add(self, path: str, status: os.stat_result, found: dict[Key, Sight], *, named: bool = False) -> None:
        key = (status.st_dev, status.st_ino)
        held = found.get(key)
        if held is None or (named and not held.named):
            found[key] = Sight(path, status.st_size, status.st_mtime_ns, named)

    def _note(self, path: str, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            self.faults[path] = (error.strerror or str(error)).lower()
