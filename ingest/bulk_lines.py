"""Many log files at once: DuckDB cuts them into lines, and a format's query takes those of the files it is sure of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from ingest import bulk
from ingest.formats import Format
from ingest.json_values import MAX_BYTES
from store.derive import priced
from store.facts import facts
from store.model_names import LoggedModels

AT_ONCE = 4000  # files
_LINES = f"""
(SELECT file_id, project, line
 FROM read_csv($paths, columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '', escape = '', header = false,
               auto_detect = false, new_line = '\\n', strict_mode = false, max_line_size = {MAX_BYTES},
               nullstr = ['\x02'], filename = true, store_rejects = true, rejects_table = 'bad_line',
               rejects_scan = 'bad_scan')
 JOIN reading USING (filename))
"""


@dataclass(frozen=True)
class Taken:
    """What became of a file's lines, and how many requests bear each thing worth saying (by its sentence)."""

    read: int
    ignored: int
    findings: tuple[str, ...]


def read(
    con: DuckDBPyConnection,
    files: Mapping[Path, int],
    format_: Format,
    models: LoggedModels,
    projects: Mapping[Path, str | None],
) -> dict[Path, Taken]:
    """Loads plain files (path -> file id) of one format; those it was not sure of are not in the answer, nor loaded."""
    taken: dict[Path, Taken] = {}
    paths = list(files)
    for start in range(0, len(paths), AT_ONCE):
        some = paths[start : start + AT_ONCE]
        taken |= _read(con, {path: files[path] for path in some}, format_, models, projects)
    return taken


def _read(
    con: DuckDBPyConnection,
    files: Mapping[Path, int],
    format_: Format,
    models: LoggedModels,
    projects: Mapping[Path, str | None],
) -> dict[Path, Taken]:
    con.execute(bulk.MACROS)
    names = [str(path) for path in files]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE reading AS SELECT unnest(?::VARCHAR[]) AS filename,"
        " unnest(?::INTEGER[]) AS file_id, unnest(?::VARCHAR[]) AS project",
        [names, list(files.values()), [projects[path] for path in files]],
    )
    query: str = getattr(format_, "BULK_LINES")  # noqa: B009
    query = query.replace("{lines}", _LINES)
    con.execute(f"CREATE OR REPLACE TEMP TABLE line_read AS {query}", {"paths": [bulk.literal(path) for path in files]})
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE file_read AS
        SELECT file_id, count(*) FILTER (verdict = 'usage') AS usage, count(*) FILTER (verdict = 'ignored') AS ignored,
               bool_or(verdict = 'unsure') AS is_unsure
        FROM line_read GROUP BY file_id
        """
    )
    con.execute(
        "UPDATE file_read SET is_unsure = true WHERE file_id IN (SELECT file_id FROM reading WHERE filename IN"
        " (SELECT file_path FROM bad_scan SEMI JOIN bad_line USING (scan_id, file_id)))"
    )
    sure = "verdict = 'usage' AND file_id IN (SELECT file_id FROM file_read WHERE NOT is_unsure)"
    models.learn(models.logged(sure, table="line_read"))
    con.execute(f"INSERT INTO usage BY NAME {priced(facts(sure, source='line_read'))}")
    found = dict(con.execute("SELECT file_id, (usage, ignored) FROM file_read WHERE NOT is_unsure").fetchall())
    said: dict[int, tuple[str, ...]] = getattr(format_, "findings_in", lambda *_: {})(con, "line_read")
    return {
        path: Taken(found[file_id][0], found[file_id][1], said.get(file_id, ()))
        for path, file_id in files.items()
        if file_id in found
    }
