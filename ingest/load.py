"""Log files into the store: found, recognised, read, settled, priced; one transaction for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from ingest import recorded_cost
from ingest.bulk import Refused
from ingest.file import Loading, for_lines, read_file, read_together
from ingest.file_result import FileResult
from ingest.formats import Format, by_name
from ingest.formats.names import Names
from ingest.ledger import as_before, outdated, record_load, retold
from ingest.options import LoadOptions
from ingest.paths import NothingToLoad, files_of
from ingest.pieces import Scratch
from ingest.seen import Memory
from ingest.settle import settle
from store.connection import Store
from store.derive import complete
from store.model_names import LoggedModels

__all__ = ["LoadSummary", "NothingToLoad", "Progress", "files_of", "load"]

_NAME_IT = "Name a file itself to hear what is wrong with its lines."
Progress = Callable[[int, int, Path], None]


@dataclass(frozen=True)
class LoadSummary:
    """What a load did. lines = requests + duplicates + ignored + rejected; cost in pico-dollars, of what is priced.

    ``load_id`` is 0 when there was nothing new in any file, and so no load. What an earlier load had read of a file
    and was not read again counts as it did then, its requests as duplicates.
    """

    load_id: int
    files: tuple[FileResult, ...]
    unpriced: int
    cost: int
    seconds: float

    @property
    def cost_known(self) -> bool:
        """False when nothing of what was loaded is priced: the cost is then unknown, and not zero."""
        return self.cost > 0 or self.requests > self.unpriced or not self.requests

    @property
    def lines(self) -> int:
        return sum(result.lines + result.before.lines for result in self.files)

    @property
    def requests(self) -> int:
        return sum(result.requests for result in self.files)

    @property
    def duplicates(self) -> int:
        return sum(result.duplicates + result.before.duplicates for result in self.files)

    @property
    def ignored(self) -> int:
        return sum(result.ignored + result.before.ignored for result in self.files)

    @property
    def rejected(self) -> int:
        return sum(result.rejected + result.before.rejected for result in self.files)

    @property
    def unchanged(self) -> int:
        """How many of the files held nothing new since they were loaded."""
        return sum(not result.file_id for result in self.files)


def load(
    store: Store, paths: Iterable[Path], *, options: LoadOptions | None = None, progress: Progress | None = None
) -> LoadSummary:
    """Loads files and folders. Either all of it is in the store afterwards, or nothing is.

    ``progress`` hears (files done, files in all, the file at hand); when all are read they are settled and priced.
    Raises NothingToLoad for a path that is not there, WrongFormat for a format or mapped field that does not exist;
    a bad line is counted and said in the summary. Only what is new in a file since it was loaded is read.
    """
    options = options or LoadOptions()
    if options.format is not None:
        by_name(options.format)
    Names(options.field_map)
    files = files_of(paths)
    began = time.monotonic()
    with store.cursor() as con:
        unchanged = Memory(con, options).unchanged(files)
        if len(unchanged) == len(files):
            results = tuple(as_before(con, path, seen) for path, seen in unchanged.items())
            return LoadSummary(0, results, 0, 0, time.monotonic() - began)
    refused: set[Path] = set()
    while True:
        try:
            return _load(store, files, options, progress, refused)
        except Refused as refusal:
            refused.update(refusal.paths)


def _load(
    store: Store, files: dict[Path, bool], options: LoadOptions, progress: Progress | None, refused: set[Path]
) -> LoadSummary:
    began = time.monotonic()
    with store.writing() as con, Scratch(store.path) as scratch:
        [load_id] = _next(con, "load_ids")
        memory = Memory(con, options)
        loading = Loading(con, options, LoggedModels(con, store.prices), scratch, refused)
        results = _read(loading, files, memory, progress)
        if not results:
            raise NothingToLoad(f"none of the {len(files):,} files there is a log Spendglass recognises. {_NAME_IT}")
        read = sorted(result.file_id for result in results if result.file_id)
        if not read:
            return LoadSummary(0, tuple(results), 0, 0, time.monotonic() - began)
        gave_way = settle(con, read[0], retold=retold(con, results), outdated=outdated(con, results))
        complete(con, loading.models, f"file_id >= {read[0]}", gave_way)
        if gave_way:
            loading.models.forget_unused()
        results = _settled(con, results, read[0])
        record_load(con, load_id, options.origin, results, memory.read_as, time.monotonic() - began)
        unpriced, cost = con.execute(
            "SELECT count(*) FILTER (request_unpriced), coalesce(sum(cost), 0) FROM usage WHERE file_id >= ?", [read[0]]
        ).fetchall()[0]
    return LoadSummary(load_id, tuple(results), int(unpriced), int(cost), time.monotonic() - began)


def _read(loading: Loading, files: dict[Path, bool], memory: Memory, progress: Progress | None) -> list[FileResult]:
    """What became of each file, in their order; of many transcripts at once, of all others one by one."""
    results: dict[Path, FileResult] = {
        path: as_before(loading.con, path, seen) for path, seen in memory.unchanged(files).items()
    }
    new = [path for path in files if path not in results]
    ids = dict(zip(new, _next(loading.con, "file_ids", len(new)), strict=True))
    for done, (format_, together) in enumerate(_together(loading, new, memory).items()):
        if progress:
            progress(done, len(files), next(iter(together)))
        results |= read_together(loading, {path: ids[path] for path in together}, format_)
    for path in new:
        if path in results:
            continue
        if progress:
            progress(len(results), len(files), path)
        result = read_file(loading, path, file_id=ids[path], named=files[path], seen=memory.of(path))
        if result:
            results[path] = result
    if progress:
        progress(len(files), len(files), path)
    return [results[path] for path in files if path in results]


def _together(loading: Loading, files: list[Path], memory: Memory) -> dict[Format, list[Path]]:
    """The files that a query for many takes, by format; not for a few, nor what can go on where it was."""
    found: dict[Format, list[Path]] = {}
    for path in files:
        if path in loading.refused or memory.of(path):
            continue
        format_ = for_lines(path, loading.options)
        if format_:
            found.setdefault(format_, []).append(path)
    return found


def _next(con: DuckDBPyConnection, sequence: str, count: int = 1) -> list[int]:
    return [int(found) for (found,) in con.execute(f"SELECT nextval('{sequence}') FROM range({count})").fetchall()]


def _settled(con: DuckDBPyConnection, results: list[FileResult], first: int) -> list[FileResult]:
    kept = dict(
        con.execute(
            "SELECT file_id, count(*) FROM usage WHERE part = 0 AND file_id >= ? GROUP BY file_id", [first]
        ).fetchall()
    )
    said = recorded_cost.findings(con, first)
    return [result.settled(kept.get(result.file_id, 0), said.get(result.file_id)) for result in results]
