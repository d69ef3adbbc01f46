"""What can be wrong with a store's file or its disk, and errors of DuckDB put into those words."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

_NO_ROOM = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_SPILL = "max_temp_directory_size"  # what does not fit into memory goes to the disk, and that has no room
_DAMAGED = ("Corrupt database file", "Could not read enough bytes", "checksum")


class StoreError(Exception):
    """The store cannot be opened or changed; the message says why and what to do.

    StoreError
     ├ StoreBusy      another process has it open
     ├ StoreFull      the disk, or the memory, has no room for a change; nothing was changed
     └ StoreUnusable  it is not a store of ours, of another version, damaged, or where nothing can be kept
    """


class StoreBusy(StoreError):
    pass


class StoreFull(StoreError):
    pass


class StoreUnusable(StoreError):
    pass


def in_words(error: BaseException, path: Path | str) -> StoreError | None:
    """The fault of the store at ``path`` behind an error; None for an error of another kind, such as a wrong query."""
    if is_no_room(error):
        return StoreFull(
            f"the disk is full: there is no room beside {path}. Nothing was loaded or changed, and the store is as it "
            "was. Make room on that disk, then do the same again."
        )
    if not isinstance(error, duckdb.Error):
        return None
    said = str(error).partition("\n")[0]
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoreFull(
            f"there is not enough memory for this ({said}). Nothing was loaded or changed in {path}. Load fewer files "
            "at once, or stop other programs, then do the same again."
        )
    if any(sign in said for sign in _DAMAGED):
        return StoreUnusable(
            f"{path} is damaged: {said}. Put back a copy of it, or load your logs into a new file with --db."
        )
    if isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException):
        return StoreUnusable(f"{path} cannot be opened or read as a store: {said}")
    return None


def is_no_room(error: BaseException) -> bool:
    """Has a disk no room left, or a quota or a limit been reached?"""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    said = str(error)
    return isinstance(error, duckdb.Error) and (_SPILL in said or any(reason in said for reason in _NO_ROOM))


@contextmanager
def told_in_words(path: Path | str) -> Iterator[None]:
    """Raises the StoreError that an error of DuckDB, or of the system with the file, comes down to in the block."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        told = in_words(error, path)
        if told:
            raise told from error
        if isinstance(error, OSError):
            why = (error.strerror or str(error)).lower()
            raise StoreUnusable(f"{path} cannot be opened as a store: {why}. Choose another file with --db.") from error
        raise
