"""The DuckDB file: opened by one process, one writer at a time, every change a transaction that raises its version."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from store.database import IN_MEMORY, connect, cut_off, has_journal, held, is_shaped, make, shape
from store.derive import DERIVATION, derive_all
from store.faults import StoreBusy, StoreError, StoreFull, StoreUnusable, in_words, told_in_words
from store.hold import Hold
from store.migrations import SCHEMA_VERSION, STEPS, migrate
from store.model_names import LoggedModels
from store.prices import PriceList, read_price_lists, write_price_list
from store.spare import spared

__all__ = ["Store", "StoreBusy", "StoreError", "StoreFull", "StoreUnusable", "default_path", "open_store"]

PRICES = Path(__file__).parents[1] / "data" / "prices"
_GIVEN_UP = (duckdb.FatalException, duckdb.InternalException)  # DuckDB does nothing more with the file it has open
_PATIENCE = 60  # seconds for a question that is being answered


class Store:
    """One open DuckDB file. Reads go through ``cursor()``, changes through ``writing()``."""

    def __init__(self, con: DuckDBPyConnection, path: str, prices: PriceList, hold: Hold) -> None:
        self.path = path
        self.prices = prices
        self._con = con
        self._hold = hold
        self._writer = hold.writer
        self._let_go = weakref.finalize(self, hold.let_go)
        self._writing: DuckDBPyConnection | None = None
        self._opening = threading.Lock()

    def cursor(self) -> DuckDBPyConnection:
        """A connection for one thread and one question at a time."""
        with self._opening:
            return self._con.cursor()

    @property
    def data_version(self) -> int:
        """Raised by every change: the key of every cache of answers."""
        return int(self.cursor().execute("SELECT data_version FROM store_info").fetchall()[0][0])

    @contextmanager
    def writing(self) -> Iterator[DuckDBPyConnection]:
        """A transaction: everything done in it is kept together when the block ends, or nothing is when it raises.

        Raises StoreFull when there was no room for it, and StoreUnusable when the file turns out to be damaged.
        """
        with self._writer:
            before = self.data_version
            try:
                with self._transaction() as con:
                    yield con
            except (duckdb.Error, OSError) as error:
                self._revive(error)
                told = in_words(error, self.path)
                if not told:
                    raise
                if self.data_version == before:  # otherwise it is kept, and what failed is tidying up after it
                    if isinstance(told, StoreFull) and self.path != IN_MEMORY:
                        self._give_back()
                    raise told from error
            self._checkpoint()

    @contextmanager
    def _transaction(self) -> Iterator[DuckDBPyConnection]:
        with closing(self.cursor()) as con:
            con.execute("SET enable_progress_bar = true")
            con.execute("SET enable_progress_bar_print = false")
            con.execute("SET preserve_insertion_order = false")
            con.execute("BEGIN")
            self._writing = con
            try:
                yield con
                con.execute("UPDATE store_info SET data_version = data_version + 1")
                with self._spared(con):
                    con.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.Error):  # a commit that failed has rolled back already
                    con.execute("ROLLBACK")
                raise
            finally:
                self._writing = None

    def _checkpoint(self) -> None:
        """Has the file alone hold everything; where that fails, the journal beside it still does."""
        if self.path != IN_MEMORY and not has_journal(self.path):
            return
        try:
            with closing(self.cursor()) as con, self._spared(con):
                con.execute("CHECKPOINT")
        except duckdb.TransactionException:  # somebody is reading: the next change does it
            pass
        except (duckdb.Error, OSError) as error:
            self._revive(error)
            if not isinstance(in_words(error, self.path), StoreFull):
                raise

    def _revive(self, error: Exception) -> None:
        """Opens the file again that DuckDB has given up; it holds whatever was committed."""
        if isinstance(error, _GIVEN_UP) and self.path != IN_MEMORY:
            self._open_again(patience=_PATIENCE)

    def _open_again(self, *, patience: float) -> None:
        until = time.monotonic() + patience
        with self._opening:
            while True:
                try:
                    self._con.close()
                    break
                except duckdb.ResourceInUseException:  # a question is being answered
                    if time.monotonic() >= until:
                        raise
                    time.sleep(0.02)
            self._con = connect(self.path)

    def _give_back(self) -> None:
        """Cuts off what a change that found no room left at the end of the file."""
        with suppress(duckdb.Error, StoreError, OSError):
            self._open_again(patience=0)
            with closing(self.cursor()) as con:
                cut_off(con, self.path)

    def _spared(self, con: DuckDBPyConnection) -> AbstractContextManager[None]:
        return nullcontext() if self._hold.file is None else spared(con, self.path, self._hold.file)

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
            con.execute("UPDATE store_info SET price_list = ?", [priced_with(prices)])
            derive_all(con, LoggedModels(con, prices))
        self.prices = prices

    def close(self) -> None:
        """Closes it, the file alone holding everything unless somebody reads or writes. Does nothing a second time."""
        if self.path != IN_MEMORY and self._writer.acquire(blocking=False):
            with suppress(duckdb.Error, StoreError, OSError):
                self._checkpoint()
            self._writer.release()
        self._con.close()
        self._let_go()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.close()
        if isinstance(error, duckdb.Error) and (told := in_words(error, self.path)):
            raise told from error


def default_path() -> Path:
    """Where the store is unless it is named: $SPENDGLASS_DB, else data/usage.duckdb."""
    return Path(os.environ.get("SPENDGLASS_DB") or PRICES.parent / "usage.duckdb")


def open_store(path: Path | str, *, prices: Path = PRICES) -> Store:
    """Opens or makes the store at ``path`` (":memory:" for one that is not kept), priced by the lists in ``prices``.

    A price list edited since the last time re-prices every request. Raises StoreError.
    """
    price_list = read_price_lists(prices)
    if str(path) != IN_MEMORY and not Path(path).exists():
        make(Path(path))
    hold = held(str(path))
    try:
        store = Store(connect(str(path)), str(path), price_list, hold)
    except BaseException:
        hold.let_go()
        raise
    try:
        with told_in_words(path):
            _bring_up(store)
    except BaseException:
        store.close()
        raise
    return store


@contextmanager
def looking_at(path: Path) -> Iterator[DuckDBPyConnection]:
    """The store as it is, to look at and not to change: nothing is made, brought up or priced. Raises StoreError."""
    hold = held(str(path))
    try:
        with told_in_words(path), closing(connect(str(path), read_only=True)) as con:
            if not is_shaped(con, str(path)):
                raise StoreUnusable(f"{path} is an empty database. Load logs first: python -m ingest PATH...")
            yield con
    finally:
        hold.let_go()


def priced_with(prices: PriceList) -> str:
    """What the derived tables come from: the price list, and the code that applies it."""
    return f"{prices.fingerprint} {DERIVATION}"


def _bring_up(store: Store) -> None:
    """Gives a store this version's shape and the prices now in force."""
    con = store.cursor()
    if not is_shaped(con, store.path):
        shape(con)
    version = con.execute("SELECT schema_version FROM store_info").fetchall()[0][0]
    if version in STEPS:
        with store._spared(con):
            migrate(con, version)
    elif version != SCHEMA_VERSION:
        raise StoreUnusable(
            f"{store.path} was written by a newer version of Spendglass (its shape is {version}, this version knows "
            f"{SCHEMA_VERSION}). Use that version, or load your logs into a new file with --db."
        )
    with closing(con):
        derived_with = con.execute("SELECT price_list FROM store_info").fetchall()[0][0]
    if derived_with == priced_with(store.prices):
        store._checkpoint()  # where a killed process left a journal
    else:
        try:
            store.reprice(store.prices)
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            raise StoreUnusable(
                f"{store.path} has the shape of another version of Spendglass. Use that version, or load your logs "
                "into a new file with --db."
            ) from error
