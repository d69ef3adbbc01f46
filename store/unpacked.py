"""A log file's bytes, unpacked where it is gzip or zstd by its first bytes; what unpacks without end is stopped."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# A log unpacks to a few times its size, a monotonous one to a hundred times; small files may do as they like.
MAX_RATIO = 500
UNBOUNDED = 64 * 1024 * 1024
MAX_UNPACKED = 256 * 1024**3
_AT_ONCE = 1 << 16


class Damaged(ValueError):
    """A compressed file that cannot be unpacked to its end; what stands before has been read."""

    def __init__(self, *, found: str, reason: str, advice: str) -> None:
        self.found, self.reason, self.advice = found, reason, advice
        super().__init__(f"{reason} (found {found}). {advice}")


def packed(path: Path) -> str | None:
    """How a file is compressed, by its content: "gzip", "zstd" or None."""
    with path.open("rb") as file:
        start = file.read(4)
    return "gzip" if start.startswith(GZIP) else "zstd" if start == ZSTD else None


def opened(path: Path, *, start: int = 0, end: int | None = None) -> io.BufferedReader:
    """The bytes of a file; of a plain one those from ``start`` to ``end``, if that is asked for.

    Reading raises Damaged where a compressed one is cut off, broken or a bomb.
    """
    how = packed(path)
    if how is None:
        plain = path.open("rb")
        plain.seek(start)
        return plain if end is None else io.BufferedReader(_Until(plain, end - start), _AT_ONCE)
    size = path.stat().st_size
    if how == "gzip":
        zipped = gzip.GzipFile(path)
        return io.BufferedReader(_Unpacked(how, size, zipped.read1, zipped.close), _AT_ONCE)
    import pyarrow as pa

    stream = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
    return io.BufferedReader(_Unpacked(how, size, stream.read, stream.close), _AT_ONCE)


class _Until(io.RawIOBase):
    def __init__(self, file: io.BufferedReader, left: int) -> None:
        self._file, self._left = file, left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        count = self._file.readinto(view[: min(len(view), self._left)])
        self._left -= count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _Unpacked(io.RawIOBase):
    def __init__(self, how: str, size: int, read: Callable[[int], bytes], close: Callable[[], None]) -> None:
        self._how, self._read, self._close = how, read, close
        self._most = min(max(UNBOUNDED, MAX_RATIO * size), MAX_UNPACKED)
        self._unpacked = 0
        self._problem: Damaged | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        if self._problem:
            raise self._problem
        try:
            found = self._read(len(view))
        except (EOFError, zlib.error, OSError) as error:
            self._problem = Damaged(
                found=f"damaged {self._how} data",
                reason="the compressed file is cut off or damaged here",
                advice="Copy the file again; what stands before this line is loaded.",
            )
            raise self._problem from error
        self._unpacked += len(found)
        if self._unpacked > self._most:
            self._problem = Damaged(
                found=f"{self._unpacked:,} bytes so far",
                reason=f"the compressed file unpacks to more than {MAX_RATIO} times its size",
                advice="If it is a log all the same, unpack it yourself and load that; what stands before is loaded.",
            )
            raise self._problem
        view[: len(found)] = found
        return len(found)

    def close(self) -> None:
        if not self.closed:
            self._close()
        super().close()
