"""A stream of lines in files of a bounded size, for what DuckDB cannot read where it is: packed logs, ends of logs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from ingest.json_values import MAX_BYTES
from store.unpacked import Damaged

PIECE = 256 * 1024 * 1024  # bytes
_AT_ONCE = 1 << 20


class NoLineEnds(ValueError):
    """A piece was full before a line ended."""


class Scratch:
    """A private folder for what is read in pieces; beside the store, since the system's may be small or in memory.

    Only the store's one writer uses it, so what lies there at the beginning is left over from a killed process. A store
    in memory has one of its own each time.
    """

    def __init__(self, store_path: str) -> None:
        self._in_memory = store_path == ":memory:"
        self.folder = Path(f"{store_path}.scratch")
        self._made = False

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._made:
            self.clear()

    def make(self) -> Path:
        if not self._made and self._in_memory:
            self.folder = Path(tempfile.mkdtemp(prefix="spendglass."))
        elif not self._made:
            self.clear()
            self.folder.mkdir(mode=0o700, parents=True)
        self._made = True
        return self.folder

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Piece:
    """Whole lines of the stream, and how many lines and bytes stand before them."""

    path: Path
    lines_before: int
    lines: int


def pieces(stream: BufferedReader, folder: Path, *, lines_before: int = 0, size: int = PIECE) -> Iterator[Piece]:
    """The stream's lines, each piece gone when the next one is asked for.

    Raises NoLineEnds, and Damaged as the stream does; what stands before the damage comes first.
    """
    path, rest, problem, ended = folder / "piece.jsonl", b"", None, False
    while not ended:
        with path.open("wb") as file:
            file.write(rest)
            written, whole, lines, rest, full = len(rest), 0, 0, b"", False
            while not full and not ended:
                try:
                    chunk = stream.read1(_AT_ONCE)
                except Damaged as damaged:
                    chunk, problem = b"", damaged
                ended = not chunk
                end = len(chunk) if written < size else chunk.rfind(b"\n") + 1
                full = written >= size and end > 0
                if not end and written > size + MAX_BYTES:
                    raise NoLineEnds(f"no line ends within {MAX_BYTES:,} bytes")
                end = end or len(chunk)
                file.write(chunk[:end])
                rest = chunk[end:]
                lines += chunk.count(b"\n", 0, end)
                if (last := chunk.rfind(b"\n", 0, end)) >= 0:
                    whole = written + last + 1
                written += end
            if problem:  # the line it broke off in is part of the damage
                written = file.truncate(whole)
        if written:
            yield Piece(path, lines_before, lines)
        lines_before += lines
    path.unlink()
    if problem:
        raise problem
