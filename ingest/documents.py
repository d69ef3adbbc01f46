"""A log file as a stream of JSON values: lines, concatenated or pretty-printed values, one list, or event streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BufferedReader
from pathlib import Path

from ingest.event_stream import documents_of_events
from ingest.file_kinds import other_kind
from ingest.json_values import MAX_BYTES, Document, documents_of_json, rejected
from ingest.record import Rejected
from store.unpacked import Damaged, opened

__all__ = ["Document", "read_documents", "read_head"]

CHUNK = 1 << 20
HEAD_VALUES = 1000
EVENT_STREAM = (b"data:", b"event:", b"id:", b"retry:", b":")


def read_documents(
    path: Path, *, start: int = 0, end: int | None = None, lines_before: int = 0, max_bytes: int = MAX_BYTES
) -> Iterator[Document]:
    """The values of a file, in order, in constant memory; of a plain file those from ``start`` to ``end``, if given.

    Plain, gzip or zstd, told apart by content. A bad value is a document whose value is a ``Rejected``; the next one
    follows. Raises ``OSError`` if the file cannot be read.
    """
    last = 0
    with opened(path, start=start, end=end) as stream:
        try:
            for document in _documents(stream, max_bytes, whole=not start):
                last = document.line
                yield replace(document, line=last + lines_before) if lines_before else document
        except Damaged as damaged:
            why = {"found": damaged.found, "reason": damaged.reason, "advice": damaged.advice}
            yield rejected(last + 1 + lines_before, b"", **why)


def _documents(stream: BufferedReader, max_bytes: int, *, whole: bool) -> Iterator[Document]:
    start = stream.peek(512)[:512].removeprefix(b"\xef\xbb\xbf")
    if whole and (kind := other_kind(start)):
        found = f"bytes {start[:4].hex(' ')}"
        return iter([rejected(1, b"", found=found, reason=f"the file is {kind.what}", advice=kind.advice)])
    start = start.lstrip()
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
