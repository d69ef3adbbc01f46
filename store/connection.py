"""The DuckDB file: opened by one process, one writer at a time, every change a transaction that raises its version."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from store.derive import DERIVATION, derive_all
from store.migrations import SCHEMA_VERSION, STEPS, migrate
from store.model_names import LoggedModels
from store.prices import PriceList, read_price_lists, write_price_list

PRICES = Path(__file__).parents[1] / "data" / "prices"
_SCHEMA = Path(__file__).with_name("schema.sql")
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "preserve_insertion_order": "false",
    "memory_limit": "700MB",
}


class StoreError(Exception):
    """The store cannot be opened; the message says why and what to do.

    StoreError
     ├ StoreBusy      another process has it open
     └ StoreUnusable  it is not a store of ours, or of another version
    """


class StoreBusy(StoreError):
    pass


class StoreUnusable(StoreError):
    pass


class Store:
    """One open DuckDB file. Reads go through ``cursor()``, changes through ``writing()``."""

    def __init__(self, con: DuckDBPyConnection, path: str, prices: PriceList) -> None:
        self.path = path
        self.prices = prices
        self._con = con
        self._writer = threading.Lock()
        self._writing: DuckDBPyConnection | None = None

    def cursor(self) -> DuckDBPyConnection:
        """A connection for one thread and one question at a time."""
        return self._con.cursor()

    @property
    def data_version(self) -> int:
        """Raised by every change: the key of every cache of answers."""
        return int(self.cursor().execute("SELECT data_version FROM store_info").fetchall()[0][0])

    @contextmanager
    def writing(self) -> Iterator[DuckDBPyConnection]:
        """A transaction: everything done in it is kept together when the block ends, or nothing is when it raises."""
        with self._writer, closing(self.cursor()) as con:
            con.execute("SET enable_progress_bar = true")
            con.execute("SET enable_progress_bar_print = false")
            con.execute("BEGIN")
            self._writing = con
            try:
                yield con
                con.execute("UPDATE store_info SET data_version = data_version + 1")
                con.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.TransactionException):  # a commit that failed has rolled back already
                    con.execute("ROLLBACK")
                raise
            finally:
                self._writing = None
            with suppress(duckdb.TransactionException):  # somebody is reading: the next change does it
                con.execute("CHECKPOINT")  # the file alone then holds everything

    def percent(self) -> int | None:
        """How far the statement is that is writing at this moment; None while none is, or nobody can tell."""
        con = self._writing
        try:
            done = con.query_progress() if con else -1.0
        except duckdb.ConnectionException:  # it has just ended
            return None
        return int(done) if 0 <= done <= 100 else None

    def reprice(self, prices: PriceList) -> None:
        """Takes a price list into force and derives everything again; the facts stay as they are."""
        with self.writing() as con:
            write_price_list(con, prices)
            con.execute("UPDATE store_info SET price_list = ?", [_priced_with(prices)])
            derive_all(con, LoggedModels(con, prices))
        self.prices = prices

    def close(self) -> None:
        self._con.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def default_path() -> Path:
    """Where the store is unless it is named: $SPENDGLASS_DB, else data/usage.duckdb."""
    return Path(os.environ.get("SPENDGLASS_DB") or PRICES.parent / "usage.duckdb")


def open_store(path: Path | str, *, prices: Path = PRICES) -> Store:
    """Opens or makes the store at ``path`` (":memory:" for one that is not kept), priced by the lists in ``prices``.

    A price list edited since the last time re-prices every request. Raises StoreBusy or StoreUnusable.
    """
    price_list = read_price_lists(prices)
    if str(path) != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    con = _connect(str(path))
    tables = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not tables:
        con.execute("BEGIN")
        con.execute(_SCHEMA.read_text())
        con.execute("INSERT INTO store_info VALUES (?, 1, NULL)", [SCHEMA_VERSION])
        con.execute("COMMIT")
    elif "store_info" not in tables:
        con.close()
        raise StoreUnusable(f"{path} is a DuckDB file, but not a Spendglass store. Choose another file with --db.")
    version = con.execute("SELECT schema_version FROM store_info").fetchall()[0][0]
    if version in STEPS:
        migrate(con, version)
    elif version != SCHEMA_VERSION:
        con.close()
        raise StoreUnusable(
            f"{path} was written by a newer version of Spendglass (its shape is {version}, this version knows "
            f"{SCHEMA_VERSION}). Use that version, or load your logs into a new file with --db."
        )
    priced_with = con.execute("SELECT price_list FROM store_info").fetchall()[0][0]
    store = Store(con, str(path), price_list)
    if priced_with != _priced_with(price_list):
        try:
            store.reprice(price_list)
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            store.close()
            raise StoreUnusable(
                f"{path} has the shape of another version of Spendglass. Use that version, or load your logs into a "
                "new file with --db."
            ) from error
    return store


def _priced_with(prices: PriceList) -> str:
    """What the derived tables come from: the price list, and the code that applies it."""
    return f"{prices.fingerprint} {DERIVATION}"


def _connect(path: str) -> DuckDBPyConnection:
    try:
        con = duckdb.connect(path, config=_CONFIG)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise StoreBusy(
                f"{path} is open in another process, most likely the dashboard. Load through its Data page, or stop it."
            ) from error
        raise StoreUnusable(f"{path} cannot be opened as a store: {error}") from error
    if path != ":memory:" and not _is_on_disk(con):
        con.close()
        raise StoreUnusable(f"{path} cannot be opened as a store: it is a file of data. Choose another file with --db.")
    return con


def _is_on_disk(con: DuckDBPyConnection) -> bool:
    """DuckDB opens a file of JSON, CSV or the like as a database in memory, which would be lost."""
    query = "SELECT path IS NOT NULL FROM duckdb_databases() WHERE database_name = current_database()"
    return bool(con.execute(query).fetchall()[0][0])
