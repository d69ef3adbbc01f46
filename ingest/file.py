"""One log file into `usage`: in bulk where its format can, line by line where it must."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from duckdb import DuckDBPyConnection

from ingest import bulk, bulk_lines
from ingest.documents import read_documents, read_head
from ingest.file_result import Before, FileResult, Found
from ingest.formats import (
    Format,
    Reader,
    ReadOptions,
    by_name,
    claude_code,
    detect,
    entries_of,
    home_made,
    usage_record,
)
from ingest.options import LoadOptions
from ingest.pieces import NoLineEnds, Scratch, pieces
from ingest.record import Rejected
from ingest.rows import Rows
from ingest.seen import Seen, Watched, last_line_end, lines_within
from ingest.tally import Tally
from store.faults import is_no_room
from store.model_names import Logged, LoggedModels
from store.provenance import kept_path
from store.unpacked import Damaged, opened, packed

SHORT = 1024 * 1024  # bytes behind an earlier load's place that are quicker read one by one
CHANGED = "the file changed or went away while it was read: load it again to have what it holds now"


@dataclass(frozen=True)
class Loading:
    """What the files of one load share."""

    con: DuckDBPyConnection
    options: LoadOptions
    models: LoggedModels
    scratch: Scratch
    refused: Container[Path] = ()


def read_file(
    loading: Loading, path: Path, *, file_id: int, named: bool = True, seen: Seen | None = None
) -> FileResult | None:
    """Reads a file's usage records into `usage` under ``file_id``; whatever is wrong with a line is in the result.

    None for a file that was not ``named`` and is of no format we know. Of a file that was ``seen`` and has grown since,
    only what was added is read, where its format allows that.
    """
    options = loading.options
    name = options.names.get(path) or kept_path(path)
    result = FileResult(file_id, Path(name), None, 0)
    try:
        watched = Watched.of(path)
        identity = watched.identity
        head = read_head(path)
        if not named and options.format is None and detect(head) is None:
            return None
        format_ = _format_of(head, options)
        read_as = format_ or home_made
        result = replace(result, format=format_.NAME if format_ else None, bytes=identity.bytes)
        each_alone = hasattr(read_as, "EACH_ALONE")
        start = Start.at(path, seen) if seen and each_alone and seen.grown(path, identity) else Start()
        if seen and not each_alone and seen.begins(path, identity):
            result = replace(result, rereads=seen.file_id)
        reading = _Reading(loading, path, file_id, read_as, _read_options(path, name, options))
        reading.read(head, start, identity.bytes)
        whole = reading.result(replace(result, before=start.before))
        if path in options.names or reading.broke_off:
            return whole
        return _known_again(whole, path, watched, lambda: _found(path, watched, reading, start))
    except OSError as error:
        if is_no_room(error):  # for what is laid aside while reading
            raise
        return replace(result, read=0, rejected=1, rejects=((1, unreadable(error)),))


def read_together(loading: Loading, files: Mapping[Path, int], format_: Format) -> dict[Path, FileResult]:
    """Reads many files of one format at once; those that cannot be read so are not in the answer, nor loaded."""
    results: dict[Path, FileResult] = {}
    names = {path: kept_path(path) for path in files}
    projects = {path: ReadOptions(path=name).project for path, name in names.items()}
    watched: dict[Path, Watched] = {}
    for path in files:
        with suppress(OSError):
            watched[path] = Watched.of(path)
    try:
        with bulk.refusing(*watched):
            there = {path: files[path] for path in watched}
            taken = bulk_lines.read(loading.con, there, format_, loading.models, projects)
    except bulk.Refused as refused:
        raise bulk.Refused(*([path for path in watched if not watched[path].is_there(path)] or watched)) from refused
    for path, lines in taken.items():
        identity, name = watched[path].identity, Path(names[path])
        result = FileResult(files[path], name, format_.NAME, identity.bytes, lines.read, lines.ignored)
        result = replace(result, findings=lines.findings)
        results[path] = _known_again(result, path, watched[path], partial(_found_whole, path, watched[path]))
    return results


def for_lines(path: Path, options: LoadOptions) -> Format | None:
    """The format whose query for many files takes this one, by its first bytes; None if it has to be read alone."""
    if options.field_map or options.number_lines or options.growing or options.format not in (None, claude_code.NAME):
        return None
    try:
        with path.open("rb") as file:
            start = file.read(1 << 16)
    except OSError:
        return None
    return claude_code if claude_code.glance(start) else None


def unreadable(error: OSError) -> Rejected:
    """Why a file could not be read, in place of its lines."""
    reason = f"the file cannot be read: {(error.strerror or str(error)).lower()}"
    return Rejected(field=None, found="a file", reason=reason, advice="Make it readable and load it again.")


def _format_of(head: list[object], options: LoadOptions) -> Format | None:
    format_ = by_name(options.format) if options.format else detect(head)
    if options.field_map and not options.format and format_ is usage_record:
        return home_made  # the names in a usage record are fixed
    if format_ is None and not any(isinstance(value, dict) for value in head):
        return home_made  # names what is wrong with each line
    return format_


def _known_again(result: FileResult, path: Path, watched: Watched, found: Callable[[], Found]) -> FileResult:
    """The result with how the file is to be known; one that changed while it was read is to be read anew."""
    with suppress(OSError):
        known = replace(result, found=found())
        if watched.is_there(path):
            return known
    return replace(result, findings=(*result.findings, CHANGED))


def _found_whole(path: Path, watched: Watched) -> Found:
    place = last_line_end(path, watched.identity.bytes) or None
    return Found(watched.identity, place, None, watched.seal_to(path, place))


def _found(path: Path, watched: Watched, reading: _Reading, start: Start) -> Found:
    """How the file is to be known again, and from where the next load may go on."""
    place = None
    if reading.one_a_line and not packed(path):
        place = last_line_end(path, watched.identity.bytes) or None
    lines = None
    if place and start.offset:
        lines = start.lines + lines_within(path, place, start.offset)
    return Found(watched.identity, place, lines, watched.seal_to(path, place))


@dataclass(frozen=True)
class Start:
    """Where reading begins: at the beginning, or behind what an earlier load read."""

    offset: int = 0
    lines: int = 0
    before: Before = field(default_factory=Before)

    @classmethod
    def at(cls, path: Path, seen: Seen) -> Start:
        offset = seen.place or 0
        lines = lines_within(path, offset) if seen.place_line is None else seen.place_line
        return cls(offset, lines, Before(seen.whole_lines, seen.whole_ignored, seen.whole_rejected))


class _Reading:
    """One file on its way into `usage`: in bulk where its format can, line by line where it must."""

    def __init__(self, loading: Loading, path: Path, file_id: int, format_: Format, read_options: ReadOptions) -> None:
        self._loading, self._path, self._file_id, self._format = loading, path, file_id, format_
        self._read_options = read_options
        self._reader = format_.reader(read_options)
        self._tally = Tally(Rows(loading.con, file_id, loading.models), self._reader)
        self._sure = 0
        self.broke_off = False

    @property
    def one_a_line(self) -> bool:
        """Does every line that was read hold one value?"""
        return self._tally.one_a_line

    def read(self, head: list[object], start: Start, size: int) -> None:
        """Reads from a start on; of a growing file, the whole lines within its first ``size`` bytes."""
        is_cut = self._loading.options.growing and not packed(self._path)
        try:
            self._read(head, start, last_line_end(self._path, size) if is_cut else None)
        except OSError as error:
            if is_no_room(error):
                raise
            self._tally.reject(self._tally.last + 1, unreadable(error))  # what stands before is loaded
            self.broke_off = True
        for record in self._reader.finish():
            self._tally.late(record)
        self._tally.rows.flush()

    def _read(self, head: list[object], start: Start, end: int | None) -> None:
        if not self._is_for_bulk(start):
            self._one_by_one(start, end)
        else:
            self._loading.models.foresee(_models_in(head, self._format.reader(self._read_options)))
            if start.offset or end is not None or packed(self._path) or not bulk.opens(self._path):
                self._in_pieces(start, end)
            else:
                self._in_bulk(self._path, 0)

    def _is_for_bulk(self, start: Start) -> bool:
        if self._path in self._loading.refused or self._loading.options.field_map or not bulk.has_query(self._format):
            return False
        is_short = start.offset and self._path.stat().st_size - start.offset < SHORT
        return not is_short and bulk.is_json_lines(self._path)

    def _one_by_one(self, start: Start, end: int | None) -> None:
        for document in read_documents(self._path, start=start.offset, end=end, lines_before=start.lines):
            self._tally.take_all(entries_of(self._format, document))

    def _in_bulk(self, path: Path, lines_before: int) -> None:
        con, number_lines = self._loading.con, self._loading.options.number_lines
        try:
            taken = bulk.read(
                con, path, self._format, self._file_id, number_lines=number_lines, lines_before=lines_before
            )
            self._sure += taken.sure
            if taken.unsure:
                with bulk.refusing(self._path):
                    for document in bulk.documents_at(path, taken.unsure):
                        self._tally.take(replace(document, line=document.line + lines_before))
        except bulk.Refused as refused:
            raise bulk.Refused(self._path) from refused

    def _in_pieces(self, start: Start, end: int | None) -> None:
        lines = start.lines
        try:
            with opened(self._path, start=start.offset, end=end) as stream:
                for piece in pieces(stream, self._loading.scratch.make(), lines_before=start.lines):
                    self._in_bulk(piece.path, piece.lines_before)
                    lines = piece.lines_before + piece.lines
        except NoLineEnds as error:
            raise bulk.Refused(self._path) from error
        except Damaged as damaged:
            why = {"found": damaged.found, "reason": damaged.reason, "advice": damaged.advice}
            self._tally.reject(lines + 1, Rejected(field=None, **why))

    def result(self, result: FileResult) -> FileResult:
        """The result with what was read."""
        return replace(
            result,
            read=self._tally.rows.requests + self._sure,
            ignored=self._tally.ignored,
            rejected=self._tally.rejected,
            findings=tuple(self._reader.findings()),
            rejects=tuple(self._tally.rejects),
        )


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
