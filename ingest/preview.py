"""The head of a log file: what its first lines would be loaded as, priced, and where its fields were found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from ingest.documents import Document, read_documents, read_head
from ingest.formats import Format, Reader, ReadOptions, detect, entries_of, home_made, record_of
from ingest.record import Rejected, UsageRecord
from ingest.rows import Rows
from ingest.settle import settle
from store.connection import Store
from store.model_names import LoggedModels

LOOKED_AT = 200  # values of a file
SHOWN_ROWS = 20
MAX_FIELDS = 300
MAX_DEPTH = 4

_SCRATCH = ("usage", "superseded", "overlap", "model_name")
_ROWS = f"""
SELECT any_value(started_at ORDER BY part), any_value(model ORDER BY part), any_value(feature ORDER BY part),
       any_value(user_id ORDER BY part), sum(uncached_input_tokens)::BIGINT, sum(cache_read_tokens)::BIGINT,
       sum(cache_write_5m_tokens)::BIGINT, sum(cache_write_1h_tokens)::BIGINT, sum(output_tokens)::BIGINT,
       CASE WHEN count(cost) = count(*) THEN sum(cost)::BIGINT END, any_value(unpriced_because ORDER BY part),
       bool_or(request_key IN (SELECT request_key FROM held))
FROM usage GROUP BY request_key ORDER BY min(line) NULLS LAST LIMIT {SHOWN_ROWS}
"""


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One request as it would be loaded; cost in pico-dollars, ``held`` if the store has the request already."""

    started_at: datetime | None
    model: str | None
    feature: str | None
    user: str | None
    uncached_input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_5m_tokens: int | None
    cache_write_1h_tokens: int | None
    output_tokens: int | None
    cost: int | None
    unpriced_because: str | None
    held: bool


@dataclass(frozen=True, slots=True)
class PreviewReject:
    """A line that would be rejected, and why."""

    line: int
    field: str | None
    found: str
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What the first lines of a file are: lines = requests + duplicates + ignored + rejected, as in a load.

    ``held`` of the requests are in the store already; ``undated`` records have no time, since their format bears none
    and none was given. ``fields`` are the log's own (dotted), and ``recognised`` says which of them is which of ours,
    where the format lets the user say so (``mappable``).
    """

    format: str
    recognised_format: bool
    whole_file: bool
    lines: int
    requests: int
    duplicates: int
    ignored: int
    rejected: int
    held: int
    undated: int
    rows: tuple[PreviewRow, ...]
    rejects: tuple[PreviewReject, ...]
    findings: tuple[str, ...]
    mappable: bool
    fields: tuple[str, ...]
    recognised: Mapping[str, str | None]


def preview(
    store: Store,
    path: Path,
    *,
    name: str,
    field_map: Mapping[str, str] | None = None,
    file_time: datetime | None = None,
    cut: bool = False,
) -> Preview:
    """Reads the head of a file and changes nothing. Raises ``WrongFormat`` for a field map of names that are not ours.

    ``name`` is the file's for the user, ``file_time`` (UTC, without a zone) stands in where the format bears no time;
    ``cut`` says that ``path`` holds only the file's beginning.
    """
    head = read_head(path)
    format_ = detect(head)
    options = ReadOptions(path=name, file=path, field_map=dict(field_map or {}), file_time=file_time)
    mappable = format_ is home_made or (format_ is None and any(isinstance(value, dict) for value in head))
    found, whole_file = _first(path, cut)
    documents = [entry for document in found for entry in entries_of(format_ or home_made, document)]
    taken = _Taken(documents, (format_ or home_made).reader(options))
    undated = sum(record.started_at is None for record, _ in taken.records)
    with closing(store.cursor()) as con:
        requests, held, rows = _priced(con, store, taken.records)
    return Preview(
        format=_label(format_),
        recognised_format=format_ is not None,
        whole_file=whole_file,
        lines=len(documents),
        requests=requests,
        duplicates=len(taken.records) - requests,
        ignored=taken.ignored,
        rejected=len(taken.rejects),
        held=held,
        undated=undated,
        rows=rows,
        rejects=tuple(taken.rejects),
        findings=taken.findings,
        mappable=mappable,
        fields=tuple(_fields(head)) if mappable else (),
        recognised=home_made.field_map_of(head, options) if mappable else {},
    )


class _Taken:
    """The records of the first documents, and what became of the others."""

    def __init__(self, documents: list[Document], reader: Reader) -> None:
        self.records: list[tuple[UsageRecord, bytes]] = []
        self.rejects: list[PreviewReject] = []
        self.ignored = 0
        for document in documents:
            self._take(document, reader)
        late = reader.finish()
        self.records += [(record, repr(record).encode()) for record in late]
        self.ignored -= len(late)
        self.findings = tuple(reader.findings())

    def _take(self, document: Document, reader: Reader) -> None:
        try:
            record = record_of(document.value, document.line, reader)
        except Rejected as why:
            self.rejects.append(PreviewReject(document.line, why.field, why.found, why.reason, why.advice))
            return
        if record is None:
            self.ignored += 1
        else:
            self.records.append((record, document.raw))


def _first(path: Path, cut: bool) -> tuple[list[Document], bool]:
    """The first documents, and whether they are all there are; the last one of a cut file is cut itself."""
    documents = list(islice(read_documents(path), LOOKED_AT + 1))
    if len(documents) > LOOKED_AT:
        return documents[:LOOKED_AT], False
    if cut and documents and isinstance(documents[-1].value, Rejected):
        documents.pop()
    return documents, not cut


def _priced(
    con: DuckDBPyConnection, store: Store, records: list[tuple[UsageRecord, bytes]]
) -> tuple[int, int, tuple[PreviewRow, ...]]:
    """How many requests stay, how many of them the store holds, and the first; in tables of this cursor only."""
    kept = con.execute("SELECT current_database()").fetchall()[0][0].replace('"', '""')
    for table in _SCRATCH:
        con.execute(f"CREATE TEMP TABLE {table} AS FROM {table} LIMIT 0")
    rows = Rows(con, 1, LoggedModels(con, store.prices))
    for number, (record, raw) in enumerate(records):
        rows.add(record, number, raw)
    rows.flush()
    settle(con, 1)
    con.execute(
        f'CREATE TEMP TABLE held AS SELECT DISTINCT request_key FROM "{kept}".main.usage'
        " WHERE request_key IN (SELECT request_key FROM usage)"
    )
    requests, held = con.execute(
        "SELECT count(*) FILTER (part = 0), (SELECT count(*) FROM held) FROM usage"
    ).fetchall()[0]
    return requests, held, tuple(PreviewRow(*row) for row in con.execute(_ROWS).fetchall())


def _fields(head: list[object]) -> list[str]:
    found: dict[str, None] = {}
    for value in head:
        if isinstance(value, dict):
            found.update(dict.fromkeys(_paths(value, "", 0)))
        if len(found) >= MAX_FIELDS:
            break
    return list(found)[:MAX_FIELDS]


def _paths(row: dict[str, Any], above: str, depth: int) -> Iterator[str]:
    for key, value in row.items():
        if isinstance(value, dict) and value and depth < MAX_DEPTH:
            yield from _paths(value, f"{above}{key}.", depth + 1)
        else:
            yield f"{above}{key}"


def _label(format_: Format | None) -> str:
    return format_.LABEL if format_ else "Not recognised"
