"""Copies of the blocks that DuckDB writes over while it folds its journal in: who is killed in the midst loses nothing.

DuckDB puts new blocks where no old ones are, and at last a header that tells of them: until then the file is as it was.
Not so its blocks of metadata, which hold old and new together and are written over where they are; half of one is no
block at all. They are kept beside the file meanwhile, and put back when its header was not reached.

usage.duckdb.spare  the headers, then each block's number and content, then a digest of all that
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from duckdb import DuckDBPyConnection

HEADERS, BLOCK = 3 * 4096, 256 * 1024  # bytes: how DuckDB lays out its file
_NUMBER = struct.Struct("<q")
_DIGEST = 32


@contextmanager
def spared(con: DuckDBPyConnection, path: str, file: int) -> Iterator[None]:
    """Keeps spare blocks of the store at ``path``, open as ``file`` too, while the block runs. Raises OSError."""
    blocks = [block for (block,) in con.execute("SELECT block_id FROM pragma_metadata_info()").fetchall()]
    spare = _beside(path)
    try:
        with spare.open("wb") as copy:
            copy.write(_copied(file, blocks))
            copy.flush()
            os.fsync(copy.fileno())
        _keep_name(spare.parent)
    except BaseException:
        spare.unlink(missing_ok=True)
        raise
    try:
        yield
    except BaseException:
        with suppress(OSError):  # then whoever opens the store next does it
            put_back(path, file)
        raise
    spare.unlink()


def put_back(path: str, file: int) -> None:
    """Puts spare blocks back that a killed process left, when it had not come to the header. Raises OSError."""
    spare = _beside(path)
    try:
        copy = spare.read_bytes()
    except FileNotFoundError:
        return
    body, digest = copy[:-_DIGEST], copy[-_DIGEST:]
    if hashlib.sha256(body).digest() == digest and body[:HEADERS] == os.pread(file, HEADERS, 0):
        for at in range(HEADERS, len(body), _NUMBER.size + BLOCK):
            [number] = _NUMBER.unpack_from(body, at)
            block = body[at + _NUMBER.size : at + _NUMBER.size + BLOCK]
            if os.pread(file, BLOCK, HEADERS + number * BLOCK) != block:
                os.pwrite(file, block, HEADERS + number * BLOCK)
        os.fsync(file)
    spare.unlink()


def _copied(file: int, blocks: Sequence[int]) -> bytes:
    body = os.pread(file, HEADERS, 0)
    for number in blocks:
        content = os.pread(file, BLOCK, HEADERS + number * BLOCK)
        if len(content) == BLOCK:  # else it is not in the file yet
            body += _NUMBER.pack(number) + content
    return body + hashlib.sha256(body).digest()


def _beside(path: str) -> Path:
    return Path(f"{path}.spare")


def _keep_name(folder: Path) -> None:
    """Has the name of a new file outlast a power cut."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
