"""What is kept of a load beside its requests: when it was, its files and how they were found, its rejected lines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from duckdb import DuckDBPyConnection

from ingest.file_result import Before, FileResult
from ingest.formats import FORMATS
from ingest.record import Rejected
from ingest.seen import Seen
from store.provenance import kept_path


def record_load(
    con: DuckDBPyConnection, load_id: int, origin: str, results: list[FileResult], read_as: str, seconds: float
) -> None:
    """Writes a load down with those of its files that were read; ``seconds`` is how long that took."""
    now = datetime.now(UTC).replace(tzinfo=None)
    con.execute("INSERT INTO load VALUES (?, ?, ?, ?)", [load_id, now, origin, seconds])
    columns = list(zip(*(_row(load_id, result, read_as) for result in results if result.file_id), strict=True))
    values = ", ".join(f"unnest(?::{kind})" for kind in _KINDS)
    con.execute(f"INSERT INTO load_file SELECT {values}", [list(column) for column in columns])
    for result in results:
        if result.rejects and result.file_id:
            con.executemany(
                "INSERT INTO rejected_line VALUES (?, ?, ?, ?, ?, ?)",
                [[result.file_id, line, r.field, r.found, r.reason, r.advice] for line, r in result.rejects],
            )


_KINDS = (
    *("INTEGER[]", "INTEGER[]", "VARCHAR[]", "VARCHAR[]", *["BIGINT[]"] * 6, "VARCHAR[][]"),
    *("UBIGINT[]", "UBIGINT[]", *["BIGINT[]"] * 4, "VARCHAR[]", "VARCHAR[]", *["BIGINT[]"] * 3),
)


def _row(load_id: int, result: FileResult, read_as: str) -> list[object]:
    """A row of `load_file`."""
    found, before = result.found, result.before
    counts = [result.bytes, result.lines, result.requests, result.duplicates, result.ignored, result.rejected]
    row = [result.file_id, load_id, str(result.path), result.format, *counts, list(result.findings)]
    if found is None:
        return [*row, *[None] * 11]
    at = found.identity
    whole = [before.lines + result.lines, before.ignored + result.ignored, before.rejected + result.rejected]
    known = [at.device, at.inode, at.modified_ns, at.changed_ns, found.place, found.place_line, found.seal]
    return [*row, *known, read_as, *whole]


def as_before(con: DuckDBPyConnection, path: Path, seen: Seen) -> FileResult:
    """A file in which there is nothing new: what its lines were then; all its requests are held already."""
    kept = kept_path(path)
    rejects = _rejects(con, kept, seen.file_id) if seen.whole_rejected else ()
    before = Before(seen.whole_lines, seen.whole_ignored, seen.whole_rejected)
    return FileResult(0, Path(kept), seen.format, seen.bytes, before=before, rejects=rejects)


def _rejects(con: DuckDBPyConnection, kept: str, until: int) -> tuple[tuple[int, Rejected], ...]:
    """The first rejected lines of a file as it was read up to a file id."""
    found = con.execute(
        "SELECT DISTINCT ON (line) line, field, found, reason, advice FROM rejected_line JOIN load_file USING (file_id)"
        " WHERE path = ? AND file_id <= ? ORDER BY line, file_id DESC LIMIT 20",
        [kept, until],
    )
    return tuple(
        (line, Rejected(field=field, found=found, reason=reason, advice=advice))
        for line, field, found, reason, advice in found.fetchall()
    )


def retold(con: DuckDBPyConnection, results: list[FileResult]) -> list[int]:
    """The files, of this load and of earlier ones, whose format is somebody else's account of the API's counts."""
    names = [format_.NAME for format_ in FORMATS if hasattr(format_, "RETOLD")]
    held = con.execute("SELECT file_id FROM load_file WHERE format IN (SELECT unnest(?::VARCHAR[]))", [names])
    return [file_id for (file_id,) in held.fetchall()] + [one.file_id for one in results if one.format in names]


def outdated(con: DuckDBPyConnection, results: list[FileResult]) -> list[int]:
    """The earlier readings of the files that were read again as a whole."""
    again = [result.rereads for result in results if result.rereads]
    held = con.execute(
        "SELECT file_id FROM load_file WHERE path IN (SELECT path FROM load_file WHERE file_id IN"
        " (SELECT unnest(?::INTEGER[])))",
        [again],
    )
    return [file_id for (file_id,) in held.fetchall()] if again else []


def read_anew(con: DuckDBPyConnection, files: str) -> None:
    """Forgets how these files and what shared requests with them were found: ``files`` is a query for file ids.

    The next load reads them from their beginning, so that nothing is missing that an undone load had held.
    """
    con.execute(
        f"""
        UPDATE load_file SET seal = NULL
        WHERE path IN (SELECT path FROM load_file WHERE file_id IN ({files}))
           OR (device, inode) IN (SELECT (device, inode) FROM load_file WHERE file_id IN ({files}))
           OR file_id IN (SELECT file_id FROM overlap WHERE held_by_file IN ({files}))
           OR path IN (SELECT path FROM load_file JOIN overlap USING (file_id) WHERE held_by_file IN ({files}))
        """
    )
