"""A log file as a stream of JSON values: lines, concatenated or pretty-printed values, one list, or event streams."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from ingest.event_stream import documents_of_events
from ingest.json_values import MAX_BYTES, Document, documents_of_json, rejected
from ingest.record import Rejected

__all__ = ["Document", "find_line", "opened", "read_documents", "read_head", "read_line"]

CHUNK = 1 << 20
HEAD_VALUES = 1000
EVENT_STREAM = (b"data:", b"event:", b"id:", b"retry:", b":")


def read_documents(path: Path, *, max_bytes: int = MAX_BYTES) -> Iterator[Document]:
    """The values of a file, in order, in constant memory.

    Plain or gzip, told apart by content. A bad value is a document whose value is a ``Rejected``; the next one follows.
    Raises ``OSError`` if the file cannot be read.
    """
    last = 1
    with opened(path) as stream:
        try:
            for document in _documents(stream, max_bytes):
                last = document.line
                yield document
        except (EOFError, zlib.error, gzip.BadGzipFile):
            advice = "Copy the file again; what stands before this line is loaded."
            reason = "the compressed file is cut off or damaged here"
            yield rejected(last, b"", found="damaged gzip data", reason=reason, advice=advice)


def _documents(stream: BufferedReader | gzip.GzipFile, max_bytes: int) -> Iterator[Document]:
    start = stream.peek(64)[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    of_stream = documents_of_events if start.startswith(EVENT_STREAM) else documents_of_json
    return of_stream(stream, max_bytes)


def read_head(path: Path, limit: int = 256 * 1024) -> list[object]:
    """The first good values of a file, at least one and about ``limit`` bytes of them, to detect its format by."""
    values: list[object] = []
    size = 0
    for number, document in enumerate(read_documents(path)):
        size += len(document.raw)
        if not isinstance(document.value, Rejected):
            values.append(document.value)
        if size >= limit or number >= HEAD_VALUES:
            break
    return values


def read_line(path: Path, line: int) -> bytes:
    """The exact bytes of the value that stands on a line (1-based; of several, the first). Raises ``LookupError``."""
    with opened(path) as stream:
        text = _line(stream, line)
    if text.startswith(b"{") and text.endswith((b"}", b"},")):
        return text.removesuffix(b",")
    for document in read_documents(path):
        if document.line <= line <= document.line + document.raw.count(b"\n"):
            return document.raw
        if document.line > line:
            break
    raise LookupError(f"{path} has no value on line {line}")


def find_line(path: Path, needle: bytes) -> int | None:
    """The number of the first line that holds ``needle``, or ``None``; ``needle`` has no line break."""
    line, rest = 1, b""
    with opened(path) as stream:
        while chunk := stream.read(CHUNK):
            text: bytes = rest + chunk
            at = text.find(needle)
            if at >= 0:
                return line + text.count(b"\n", 0, at)
            keep = max(len(text) - len(needle) + 1, 0)
            line += text.count(b"\n", 0, keep)
            rest = text[keep:]
    return None


def opened(path: Path) -> BufferedReader | gzip.GzipFile:
    """The bytes of a file, unzipped where it is gzip by its first bytes."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.GzipFile(path) if zipped else path.open("rb")


def _line(stream: BufferedReader | gzip.GzipFile, line: int) -> bytes:
    """The bytes of one physical line without its surrounding white space; too long a line is cut."""
    before = 1
    while chunk := stream.read(CHUNK):
        breaks = chunk.count(b"\n")
        if before + breaks >= line:
            at = 0
            for _ in range(line - before):
                at = chunk.index(b"\n", at) + 1
            rest = chunk[at:]
            if b"\n" not in rest:
                rest += stream.readline(MAX_BYTES)
            return rest.split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf").rstrip()
        before += breaks
    return b""
