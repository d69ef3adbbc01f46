"""What the tests of formats share: a file read by the format it is recognised as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.documents import Document, read_documents, read_head
from ingest.formats import ReadOptions, by_name, detect, entries_of
from ingest.record import Part, Rejected, UsageRecord

CORPORA = Path(__file__).parents[2] / "corpora"


@dataclass
class Read:
    """What became of a file's values."""

    format: str
    records: list[UsageRecord] = field(default_factory=list)
    late: list[UsageRecord] = field(default_factory=list)
    ignored: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


def read_file(path: Path, *, name: str | None = None, file_time: datetime | None = None) -> Read:
    """A file by the format it is recognised as; ``name`` stands for its path."""
    format_ = detect(read_head(path))
    assert format_ is not None, "not recognised"
    values = [document.value for document in read_documents(path)]
    options = ReadOptions(path=name or str(path), file=path, file_time=file_time)
    return read_values(format_.NAME, values, options)


def read_values(name: str, values: Iterable[object], options: ReadOptions | None = None) -> Read:
    """Values by the format of a name."""
    format_ = by_name(name)
    reader = format_.reader(options or ReadOptions())
    read = Read(name)
    documents = (Document(1, b"", value) for value in values)
    for value in (entry.value for document in documents for entry in entries_of(format_, document)):
        try:
            record = reader.read(value, 1)
        except Rejected as rejected:
            read.rejected.append(rejected)
            continue
        if record is None:
            read.ignored += 1
        else:
            read.records.append(record)
    read.late, read.findings = reader.finish(), reader.findings()
    return read


def record_of(name: str, value: object, field_map: Mapping[str, str] | None = None) -> UsageRecord:
    """The record of one value."""
    record = by_name(name).reader(ReadOptions(field_map=field_map or {})).read(value, 1)
    assert record is not None, "not a usage record"
    return record


def counts(part: Part) -> tuple[Any, ...]:
    """(uncached input, output, cache read, 5-minute write, 1-hour write) of a part."""
    written = (part.cache_write_5m_tokens, part.cache_write_1h_tokens)
    return (part.uncached_input_tokens, part.output_tokens, part.cache_read_tokens, *written)
