"""What was loaded, from where and when, and which lines were rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from duckdb import DuckDBPyConnection

from ingest.undo import held_elsewhere

_COUNTS = ", ".join(f"sum({name})::BIGINT" for name in ("lines", "requests", "duplicates", "ignored", "rejected"))


@dataclass(frozen=True, slots=True)
class PastLoad:
    """One load. lines = requests + duplicates + ignored + rejected, as counted then; times UTC without a zone.

    ``holds`` requests of it are in the store now (a later, fuller record takes a request over), which cost ``cost``
    pico-dollars (None: not one of them is priced); ``unpriced`` of them are in no sum.
    """

    load_id: int
    loaded_at: datetime
    origin: str
    seconds: float | None
    files: int
    lines: int
    requests: int
    duplicates: int
    ignored: int
    rejected: int
    findings: int
    first_file: str
    holds: int
    unpriced: int
    cost: int | None


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """One file of a load; ``format`` None was not recognised."""

    path: str
    format: str | None
    bytes: int
    lines: int
    requests: int
    duplicates: int
    ignored: int
    rejected: int
    findings: Sequence[str]


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that could not be loaded: where it is, what stood there, why, and what to do."""

    load_id: int
    path: str
    line: int
    field: str | None
    found: str
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class Undoing:
    """What undoing a load does: requests that go, older records that come back, and what later loads skipped for it."""

    requests: int
    back: int
    skipped_later: int


LATEST = 1000


def in_all(con: DuckDBPyConnection) -> tuple[int, int, int]:
    """How many loads there are, how many files they read, and how many lines were rejected."""
    found = con.execute(
        "SELECT (SELECT count(*) FROM load), count(*), coalesce(sum(rejected), 0)::BIGINT FROM load_file"
    )
    loads, files, rejected = found.fetchall()[0]
    return loads, files, rejected


def loads(con: DuckDBPyConnection, *, limit: int = LATEST) -> list[PastLoad]:
    """The latest loads, newest first: following a busy log makes thousands a day."""
    found = con.execute(
        f"""
        WITH latest AS (FROM load ORDER BY load_id DESC LIMIT {limit})
        SELECT load_id, loaded_at, origin, seconds, count(*), {_COUNTS}, sum(len(findings))::BIGINT,
               arg_min(path, file_id), coalesce(sum(holds), 0)::BIGINT, coalesce(sum(unpriced), 0)::BIGINT,
               CASE WHEN sum(cost) > 0 OR coalesce(sum(holds), 0) = 0 OR sum(holds) > sum(unpriced)
                    THEN coalesce(sum(cost), 0)::HUGEINT END
        FROM latest JOIN load_file USING (load_id) LEFT JOIN (
            SELECT file_id, count(*) FILTER (part = 0) AS holds, count(*) FILTER (part = 0 AND request_unpriced)
                AS unpriced, sum(cost) AS cost FROM usage
            WHERE file_id >= (SELECT min(file_id) FROM load_file SEMI JOIN latest USING (load_id)) GROUP BY file_id
        ) USING (file_id)
        GROUP BY load_id, loaded_at, origin, seconds ORDER BY load_id DESC
        """
    ).fetchall()
    return [PastLoad(*row) for row in found]


def files_of_load(con: DuckDBPyConnection, load_id: int) -> list[LoadedFile]:
    """The files of a load in the order they were read."""
    found = con.execute(
        "SELECT path, format, bytes, lines, requests, duplicates, ignored, rejected, findings FROM load_file"
        " WHERE load_id = ? ORDER BY file_id",
        [load_id],
    ).fetchall()
    return [LoadedFile(*row) for row in found]


def rejected_lines(con: DuckDBPyConnection, load_id: int | None = None, *, limit: int = 1000) -> list[RejectedLine]:
    """The rejected lines that were kept, of one load or of all, newest load first."""
    found = con.execute(
        """
        SELECT load_id, path, line, field, found, reason, advice FROM rejected_line JOIN load_file USING (file_id)
        WHERE $load IS NULL OR load_id = $load ORDER BY load_id DESC, file_id, line LIMIT $limit
        """,
        {"load": load_id, "limit": limit},
    ).fetchall()
    return [RejectedLine(*row) for row in found]


def undoing(con: DuckDBPyConnection, load_id: int) -> Undoing:
    """What undoing a load would do."""
    requests, back = con.execute(
        """
        WITH its AS (SELECT file_id FROM load_file WHERE load_id = ?)
        SELECT (SELECT count(*) FROM usage SEMI JOIN its USING (file_id) WHERE part = 0),
               (SELECT count(*) FROM superseded WHERE part = 0 AND file_id NOT IN (FROM its)
                AND superseded_by_file IN (FROM its))
        """,
        [load_id],
    ).fetchall()[0]
    return Undoing(requests, back, held_elsewhere(con, load_id))
