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

__all__ = ["Document", "opened", "read_documents", "read_head"]

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


def opened(path: Path) -> BufferedReader | gzip.GzipFile:
    """The bytes of a file, unzipped where it is gzip by its first bytes."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.GzipFile(path) if zipped else path.open("rb")
