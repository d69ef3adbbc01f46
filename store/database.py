"""The DuckDB file itself: made all at once, held by this process, opened, and told from files of other kinds."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from store.faults import StoreBusy, StoreUnusable, in_words, told_in_words
from store.hold import Hold
from store.migrations import SCHEMA_VERSION
from store.spare import BLOCK, HEADERS

IN_MEMORY = ":memory:"
_SCHEMA = Path(__file__).with_name("schema.sql")
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "preserve_insertion_order": "false",
    "memory_limit": "700MB",
}


def make(path: Path) -> None:
    """An empty store, there all at once, so that who is killed meanwhile leaves no half of one. Raises StoreError."""
    with told_in_words(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            with closing(connect(str(folder / "new"))) as con:
                shape(con)
                con.execute("CHECKPOINT")
            _named(folder / "new", path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _named(new: Path, path: Path) -> None:
    """Gives a new store its name, unless another process was quicker; held, so that none opens it meanwhile."""
    hold = Hold.of(new)
    try:
        os.link(new, path)
        Path(f"{path}.wal").unlink(missing_ok=True)  # the journal of a store that is gone
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        new.rename(path)
    finally:
        hold.let_go()


def shape(con: DuckDBPyConnection) -> None:
    """Gives an empty database the tables of a store."""
    con.execute("BEGIN")
    con.execute(_SCHEMA.read_text())
    con.execute("INSERT INTO store_info VALUES (?, 1, NULL)", [SCHEMA_VERSION])
    con.execute("COMMIT")


def held(path: str) -> Hold:
    """Holds the file for this process. Raises StoreBusy when another has it, and StoreUnusable."""
    if path != IN_MEMORY and Path(path).exists() and not Path(path).is_file():
        raise StoreUnusable(f"{path} cannot be opened as a store: it is not a file. Choose another with --db.")
    with told_in_words(path):
        try:
            return Hold() if path == IN_MEMORY else Hold.of(Path(path))
        except BlockingIOError as error:
            raise _busy(path) from error


def connect(path: str, *, read_only: bool = False) -> DuckDBPyConnection:
    """Opens the file. Raises StoreError."""
    try:
        con = duckdb.connect(path, read_only=read_only, config=_CONFIG)
    except duckdb.Error as error:
        if "onflicting lock" in str(error) or "Could not set lock" in str(error):
            raise _busy(path) from error
        raise in_words(error, path) or StoreUnusable(f"{path} cannot be opened as a store: {error}") from error
    if path != IN_MEMORY and not _is_on_disk(con):
        con.close()
        raise StoreUnusable(f"{path} cannot be opened as a store: it is a file of data. Choose another file with --db.")
    con.execute("PRAGMA disable_checkpoint_on_shutdown")  # it would spare no blocks
    return con


def cut_off(con: DuckDBPyConnection, path: str) -> None:
    """Gives back what stands behind the last block of a file just opened: what a change left that came to naught.

    Nothing is cut off while there is a journal, which may tell of more blocks. Raises OSError.
    """
    [(blocks,)] = con.execute("SELECT total_blocks FROM pragma_database_size()").fetchall()
    end = HEADERS + blocks * BLOCK
    if not has_journal(path) and end < Path(path).stat().st_size:
        os.truncate(path, end)


def has_journal(path: str) -> bool:
    """Is there something in the journal beside the file?"""
    try:
        return Path(f"{path}.wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def is_shaped(con: DuckDBPyConnection, path: str) -> bool:
    """Has the database the tables of a store, rather than none? Raises StoreUnusable when it has others."""
    tables = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if tables and "store_info" not in tables:
        raise StoreUnusable(f"{path} is a DuckDB file, but not a Spendglass store. Choose another file with --db.")
    return bool(tables)


def _busy(path: str) -> StoreBusy:
    return StoreBusy(
        f"{path} is open in another process, most likely the dashboard. Load through its Data page, or stop it."
    )


def _is_on_disk(con: DuckDBPyConnection) -> bool:
    """DuckDB opens a file of JSON, CSV or the like as a database in memory, which would be lost."""
    query = "SELECT path IS NOT NULL FROM duckdb_databases() WHERE database_name = current_database()"
    return bool(con.execute(query).fetchall()[0][0])
