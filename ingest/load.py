"""Log files into the store: found, recognised, read, settled, priced; one transaction for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from duckdb import DuckDBPyConnection

from ingest import recorded_cost
from ingest.bulk import Refused
from ingest.file import FileResult, read_file, recognised
from ingest.formats import by_name
from ingest.formats.names import Names
from ingest.options import LoadOptions
from ingest.settle import settle
from store.connection import Store
from store.derive import complete
from store.model_names import LoggedModels

_NAME_IT = "Name a file itself to hear what is wrong with its lines."
Progress = Callable[[int, int, Path], None]


@dataclass(frozen=True)
class LoadSummary:
    """What a load did. lines = requests + duplicates + ignored + rejected; cost in pico-dollars, of what is priced."""

    load_id: int
    files: tuple[FileResult, ...]
    unpriced: int
    cost: int
    seconds: float

    @property
    def cost_known(self) -> bool:
        """False when nothing of what was loaded is priced: the cost is then unknown, and not zero."""
        return self.cost > 0 or self.requests > self.unpriced or not self.requests

    def _sum(self, count: str) -> int:
        return sum(getattr(result, count) for result in self.files)

    @property
    def lines(self) -> int:
        return self._sum("lines")

    @property
    def requests(self) -> int:
        return self._sum("requests")

    @property
    def duplicates(self) -> int:
        return self._sum("duplicates")

    @property
    def ignored(self) -> int:
        return self._sum("ignored")

    @property
    def rejected(self) -> int:
        return self._sum("rejected")


class NothingToLoad(ValueError):
    """A path that is not there or holds no file; the message names it."""


def load(
    store: Store, paths: Iterable[Path], *, options: LoadOptions | None = None, progress: Progress | None = None
) -> LoadSummary:
    """Loads files and folders. Either all of it is in the store afterwards, or nothing is.

    ``progress`` hears (files done, files in all, the file at hand); when all are read they are settled and priced.
    Raises NothingToLoad for a path that is not there, WrongFormat for a format or mapped field that does not exist;
    a bad line is counted and said in the summary.
    """
    options = options or LoadOptions()
    if options.format is not None:
        by_name(options.format)
    Names(options.field_map)
    files = files_of(paths)
    refused: set[Path] = set()
    while True:
        try:
            return _load(store, files, options, progress, refused)
        except Refused as refusal:
            refused.add(refusal.path)


def _load(
    store: Store, files: dict[Path, bool], options: LoadOptions, progress: Progress | None, refused: set[Path]
) -> LoadSummary:
    began = time.monotonic()
    with store.writing() as con:
        models = LoggedModels(con, store.prices)
        load_id = _next(con, "load_ids")
        results = []
        for done, (path, named) in enumerate(files.items()):
            if progress:
                progress(done, len(files), path)
            if not (named or options.format or recognised(path)):
                continue
            file_id = _next(con, "file_ids")
            in_bulk = path not in refused
            results.append(read_file(con, path, file_id=file_id, options=options, models=models, in_bulk=in_bulk))
        if not results:
            raise NothingToLoad(f"none of the {len(files):,} files there is a log Spendglass recognises. {_NAME_IT}")
        if progress:
            progress(len(files), len(files), path)
        first_file = results[0].file_id
        gave_way = settle(con, first_file)
        complete(con, models, f"file_id >= {first_file}", gave_way)
        if gave_way:
            models.forget_unused()
        results = _settled(con, results)
        _record(con, load_id, options.origin, results, time.monotonic() - began)
        unpriced, cost = con.execute(
            "SELECT count(*) FILTER (request_unpriced), coalesce(sum(cost), 0) FROM usage WHERE file_id >= ?",
            [first_file],
        ).fetchall()[0]
    return LoadSummary(load_id, tuple(results), int(unpriced), int(cost), time.monotonic() - began)


def files_of(paths: Iterable[Path]) -> dict[Path, bool]:
    """The files to read, in order, and whether each was named itself or only found in a folder that was.

    Folders are searched at any depth; what is hidden in them is left out.
    """
    found: dict[Path, bool] = {}
    for path in paths:
        if path.is_dir():
            below = [
                child
                for child in sorted(path.rglob("*"))
                if child.is_file() and not any(part.startswith(".") for part in child.relative_to(path).parts)
            ]
            if not below:
                raise NothingToLoad(f"{path} holds no file. Name a log file, or a folder that holds some.")
            found = dict.fromkeys(below, False) | found
        elif path.is_file():
            found[path] = True
        else:
            raise NothingToLoad(f"{path} is not there. Name a log file, or a folder of log files.")
    if not found:
        raise NothingToLoad("no file named. Name a log file, or a folder of log files.")
    return found


def _next(con: DuckDBPyConnection, sequence: str) -> int:
    return int(con.execute(f"SELECT nextval('{sequence}')").fetchall()[0][0])


def _settled(con: DuckDBPyConnection, results: list[FileResult]) -> list[FileResult]:
    kept = dict(
        con.execute(
            "SELECT file_id, count(*) FROM usage WHERE part = 0 AND file_id >= ? GROUP BY file_id", [results[0].file_id]
        ).fetchall()
    )
    said = recorded_cost.findings(con, results[0].file_id)
    return [result.settled(kept.get(result.file_id, 0), said.get(result.file_id)) for result in results]


def _record(con: DuckDBPyConnection, load_id: int, origin: str, results: list[FileResult], seconds: float) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    con.execute("INSERT INTO load VALUES (?, ?, ?, ?)", [load_id, now, origin, seconds])
    for result in results:
        con.execute(
            "INSERT INTO load_file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                result.file_id,
                load_id,
                str(result.path),
                result.format,
                result.bytes,
                result.lines,
                result.requests,
                result.duplicates,
                result.ignored,
                result.rejected,
                list(result.findings),
            ],
        )
        if result.rejects:
            con.executemany(
                "INSERT INTO rejected_line VALUES (?, ?, ?, ?, ?, ?)",
                [[result.file_id, line, r.field, r.found, r.reason, r.advice] for line, r in result.rejects],
            )
