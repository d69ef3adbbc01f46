"""One log file into `usage`: in bulk where its format can, line by line where it must."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from duckdb import DuckDBPyConnection

from ingest import bulk
from ingest.documents import Document, read_documents, read_head
from ingest.formats import Reader, ReadOptions, by_name, detect, entries_of, home_made, record_of, usage_record
from ingest.options import LoadOptions
from ingest.record import Rejected
from ingest.rows import Rows
from store.model_names import Logged, LoggedModels
from store.provenance import kept_path

# Rejected lines are all counted; of one file this many are kept with their reasons.
KEPT_REJECTS = 1000


@dataclass(frozen=True)
class FileResult:
    """What became of one file's lines; ``read`` are the usage records found, before duplicates are settled."""

    file_id: int
    path: Path
    format: str | None
    bytes: int
    read: int = 0
    ignored: int = 0
    rejected: int = 0
    requests: int = 0
    duplicates: int = 0
    findings: tuple[str, ...] = ()
    rejects: tuple[tuple[int, Rejected], ...] = field(default=(), repr=False)

    @property
    def lines(self) -> int:
        return self.read + self.ignored + self.rejected

    def settled(self, kept: int, finding: str | None) -> FileResult:
        """The same once it is known how many of its records stayed, and what their costs turned out to be."""
        findings = (*self.findings, finding) if finding else self.findings
        return replace(self, requests=kept, duplicates=self.read - kept, findings=findings)


def recognised(path: Path) -> bool:
    """Is this file a log of a format we know?"""
    return detect(read_head(path)) is not None


def read_file(
    con: DuckDBPyConnection, path: Path, *, file_id: int, options: LoadOptions, models: LoggedModels, in_bulk: bool
) -> FileResult:
    """Reads a file's usage records into `usage` under ``file_id``; whatever is wrong with a line is in the result."""
    head = read_head(path)
    format_ = by_name(options.format) if options.format else detect(head)
    if options.field_map and not options.format and format_ is usage_record:
        format_ = home_made  # the names in a usage record are fixed
    name = options.names.get(path) or kept_path(path)
    result = FileResult(file_id, Path(name), format_.NAME if format_ else None, path.stat().st_size)
    if format_ is None and not any(isinstance(value, dict) for value in head):
        format_ = home_made  # names what is wrong with each line
    tally = _Tally(Rows(con, file_id, models))
    read_as = format_ or home_made
    read_options = _read_options(path, name, options)
    reader = read_as.reader(read_options)
    taken = None
    if in_bulk and not options.field_map and bulk.reads(read_as, path):
        models.foresee(_models_in(head, read_as.reader(read_options)))
        taken = bulk.read(con, path, read_as, file_id, number_lines=options.number_lines)
    if taken is None:
        for document in read_documents(path):
            for entry in entries_of(read_as, document):
                tally.take(entry, reader)
    elif taken.unsure:
        for document in bulk.documents_at(path, taken.unsure):
            tally.take(document, reader)
    for record in reader.finish():
        tally.rows.add(record, None, repr(record).encode())
        tally.ignored -= 1
    tally.rows.flush()
    return replace(
        result,
        read=tally.rows.requests + (taken.sure if taken else 0),
        ignored=tally.ignored,
        rejected=tally.rejected,
        findings=tuple(reader.findings()),
        rejects=tuple(tally.rejects),
    )


class _Tally:
    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.ignored = 0
        self.rejected = 0
        self.rejects: list[tuple[int, Rejected]] = []

    def take(self, document: Document, reader: Reader) -> None:
        try:
            record = record_of(document.value, document.line, reader)
        except Rejected as rejected:
            self.rejected += 1
            if len(self.rejects) < KEPT_REJECTS:
                self.rejects.append((document.line, rejected))
            return
        if record is None:
            self.ignored += 1
        else:
            self.rows.add(record, document.line, document.raw)


def _models_in(values: list[object], reader: Reader) -> list[Logged]:
    """The models that the first values of a file name."""
    found: set[Logged] = set()
    for value in values:
        with suppress(Rejected):
            record = reader.read(value, 1)
            if record is not None:
                found |= {(p.model, record.provider, record.region) for p in record.parts if p.model is not None}
    return list(found)


def _read_options(path: Path, name: str, options: LoadOptions) -> ReadOptions:
    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
    file_time = options.file_time or modified
    return ReadOptions(path=name, file=path, field_map=dict(options.field_map), file_time=file_time)
