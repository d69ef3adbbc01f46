"""Standard input as a file: laid down in a private folder beside the store for as long as it is being loaded.

Who uses such a folder holds a shared lock on it, so that what a killed process left can be told from what is in use.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from store.faults import is_no_room

NAME = "standard input"
_AT_ONCE = 1 << 20
_CLEAR = "\r\x1b[K"
_ADVICE = "Pipe a log in: kubectl logs app | python -m ingest -"


class InputError(Exception):
    """Standard input cannot be read, or not be kept; the message says why and what to do."""


@contextmanager
def spooled(store: Path) -> Iterator[Path]:
    """All of standard input in a file, gone when the block ends or its last user is done. Raises InputError."""
    if sys.stdin is None:
        raise InputError(f"there is no standard input. {_ADVICE}")
    if sys.stdin.isatty():
        raise InputError(f"standard input is the terminal. {_ADVICE}")
    with _folder(store) as folder:
        path = folder / NAME
        _copy(path)
        yield path


@contextmanager
def lent(path: Path) -> Iterator[None]:
    """Keeps such a file, if it is still there, while another process than its maker reads it."""
    held = None
    with suppress(OSError):
        held = _held(path.parent)
    try:
        yield
    finally:
        if held is not None:
            _let_go(path.parent, held)


def sweep(store: Path) -> None:
    """Removes what killed processes left."""
    beside, prefix = _place(store)
    with suppress(OSError):
        for folder in beside.iterdir():
            if folder.name.startswith(prefix):
                with suppress(OSError):
                    _let_go(folder, os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW))


def _place(store: Path) -> tuple[Path, str]:
    """Where such folders are and how their names begin."""
    kept = str(store) != ":memory:"
    return (store.parent, f"{store.name}.input-") if kept else (Path(tempfile.gettempdir()), "spendglass.input-")


@contextmanager
def _folder(store: Path) -> Iterator[Path]:
    beside, prefix = _place(store)
    held = None
    while held is None:
        try:
            beside.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=beside))
        except OSError as error:
            raise _not_kept(error, beside) from error
        with suppress(FileNotFoundError):  # swept before it was held
            held = _held(folder)
    try:
        yield folder
    finally:
        _let_go(folder, held, made=True)


def _held(folder: Path) -> int:
    """Holds a folder together with whoever else does. Raises FileNotFoundError if it is gone."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # a file system without such locks
            fcntl.flock(held, fcntl.LOCK_SH)
        if folder.stat().st_ino != os.fstat(held).st_ino:
            raise FileNotFoundError(folder)
    except BaseException:
        os.close(held)
        raise
    return held


def _let_go(folder: Path, held: int, *, made: bool = False) -> None:
    """Removes a folder unless somebody else holds it, who then does so in the end."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made = True
    except BlockingIOError:
        made = False
    except OSError:  # without such locks, only who made it
        pass
    finally:
        if made:
            shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _copy(path: Path) -> None:
    watched, copied = sys.stderr.isatty(), 0
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0) as file:
            while chunk := _next():
                rest = memoryview(chunk)
                while rest:
                    rest = rest[file.write(rest) :]
                copied += len(chunk)
                if watched:
                    print(f"{_CLEAR}{NAME}, {copied / 1e6:,.0f} MB", end="", file=sys.stderr, flush=True)
    except OSError as error:
        raise _not_kept(error, path.parent.parent) from error
    finally:
        if watched:
            print(_CLEAR, end="", file=sys.stderr, flush=True)


def _next() -> bytes:
    try:
        return sys.stdin.buffer.read(_AT_ONCE)
    except OSError as error:
        raise InputError(f"standard input cannot be read: {(error.strerror or str(error)).lower()}.") from error


def _not_kept(error: OSError, folder: Path) -> InputError:
    if is_no_room(error):
        message = f"the disk is full: there is no room in {folder} to lay standard input down."
        return InputError(f"{message} Nothing was loaded. Make room on that disk, then pipe it in again.")
    return InputError(f"standard input cannot be laid down in {folder}: {(error.strerror or str(error)).lower()}.")
