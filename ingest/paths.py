"""The files behind the paths somebody names: files, folders at any depth, patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


class NothingToLoad(ValueError):
    """A path that is not there or holds no file; the message names it."""


def files_of(paths: Iterable[Path]) -> dict[Path, bool]:
    """The files to read, in order, and whether each was named itself or only found in a folder or by a pattern.

    Folders are searched at any depth, through symbolic links too, each once; what is hidden in them is left out. A
    path that is not there may be a pattern, ``**`` for any depth. Raises NothingToLoad.
    """
    found: dict[Path, bool] = {}
    for path in paths:
        for child, named in _behind(path):
            found[child] = named or found.get(child, False)
    if not found:
        raise NothingToLoad("no file named. Name a log file, or a folder of log files.")
    return found


def _behind(path: Path) -> Iterator[tuple[Path, bool]]:
    if path.is_dir():
        below = list(_below(path))
        if not below:
            raise NothingToLoad(f"{path} holds no file. Name a log file, or a folder that holds some.")
        yield from ((child, False) for child in below)
    elif path.is_file():
        yield path, True
    elif glob.has_magic(str(path)):
        matching = sorted(Path(name) for name in glob.iglob(str(path), recursive=True))  # noqa: PTH207
        if not matching:
            raise NothingToLoad(f"{path} matches no file. Name a log file, a folder, or a pattern that matches some.")
        for one in matching:
            if one.is_dir():
                yield from ((child, False) for child in _below(one))
            elif one.is_file():
                yield one, False
    elif path.is_symlink():
        raise NothingToLoad(f"{path} is a link to nothing. Name a log file, or a folder of log files.")
    elif path.exists():
        raise NothingToLoad(f"{path} is neither a file nor a folder. Pipe it in: python -m ingest - < {path}")
    else:
        raise NothingToLoad(f"{path} is not there. Name a log file, or a folder of log files.")


def _below(folder: Path) -> Iterator[Path]:
    """The files in a folder in order, none hidden; a folder reached twice, through a link say, is entered once."""
    found: list[str] = []
    entered: set[tuple[int, int]] = set()
    folders = [str(folder)]
    while folders:
        where = folders.pop()
        stat = os.stat(where)  # noqa: PTH116
        if (stat.st_dev, stat.st_ino) in entered:
            continue
        entered.add((stat.st_dev, stat.st_ino))
        with os.scandir(where) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    folders.append(entry.path)
                elif entry.is_file():
                    found.append(entry.path)
    return map(Path, sorted(found))
