from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from store.connection import PRICES, Store, StoreBusy, StoreUnusable, default_path, open_store
from store.price_checks import PriceListError
from tests.factories import loaded, rows, usage_record


def test_a_store_is_made_where_there_is_none_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "usage.duckdb"
    with open_store(path) as store:
        loaded(store, tmp_path / "log.jsonl", [usage_record(message_id="m")])
        version = store.data_version
    with open_store(path) as store:
        assert rows(store, "SELECT request_key FROM usage") == [("m",)]
        assert store.data_version == version


def test_every_change_raises_the_data_version_by_one(tmp_path: Path) -> None:
    with open_store(":memory:") as store:
        before = store.data_version
        loaded(store, tmp_path / "a.jsonl", [usage_record()])
        assert store.data_version == before + 1
        with store.writing() as con:
            con.execute("INSERT INTO setting VALUES ('a', '1')")
        assert store.data_version == before + 2


def written_twice(store: Store) -> None:
    with store.writing() as con:
        con.execute("INSERT INTO setting VALUES ('a', '1')")
        con.execute("INSERT INTO setting VALUES ('a', '2')")


def written_and_broken_off(store: Store) -> None:
    with store.writing() as con:
        con.execute("INSERT INTO setting VALUES ('a', '1')")
        raise KeyboardInterrupt


@pytest.mark.parametrize("change", [written_twice, written_and_broken_off])
def test_a_change_that_raises_changes_nothing(change: Callable[[Store], None]) -> None:
    with open_store(":memory:") as store:
        before = store.data_version
        with pytest.raises((duckdb.ConstraintException, KeyboardInterrupt)):
            change(store)
        assert (store.data_version, rows(store, "SELECT * FROM setting")) == (before, [])
        with store.writing() as con:
            con.execute("INSERT INTO setting VALUES ('a', '3')")
        assert rows(store, "SELECT value FROM setting") == [("3",)]


def test_what_is_being_written_is_not_read_before_it_is_done() -> None:
    with open_store(":memory:") as store:
        with store.writing() as con:
            con.execute("INSERT INTO setting VALUES ('a', '1')")
            assert rows(store, "SELECT count(*) FROM setting") == [(0,)]
        assert rows(store, "SELECT count(*) FROM setting") == [(1,)]


def test_writers_wait_for_each_other() -> None:
    with open_store(":memory:") as store:
        before = store.data_version

        def write(number: int) -> None:
            with store.writing() as con:
                con.execute("INSERT INTO setting VALUES (?, '1')", [str(number)])

        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (store.data_version, rows(store, "SELECT count(*) FROM setting")) == (before + 8, [(8,)])


HOLD = """
import sys
from store.connection import open_store
store = open_store(sys.argv[1])
print("open", flush=True)
input()
"""


def test_a_store_open_in_another_process_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "usage.duckdb"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreBusy, match="open in another process"):
            open_store(path)
        holder.communicate("\n")
    open_store(path).close()


def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    text = tmp_path / "text.duckdb"
    text.write_text("not a database at all" * 1000)
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as con:
        con.execute("CREATE TABLE mine (x INTEGER)")
    for path, said in ((text, "cannot be opened"), (other, "not a Spendglass store"), (tmp_path, "cannot be opened")):
        with pytest.raises(StoreUnusable, match=said):
            open_store(path)
    assert text.read_text() == "not a database at all" * 1000
    with duckdb.connect(str(other)) as con:
        assert con.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("mine",)]


def test_a_store_of_another_version_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "usage.duckdb"
    with open_store(path) as store, store.writing() as con:
        con.execute("UPDATE store_info SET schema_version = 99")
    with pytest.raises(StoreUnusable, match="its shape is 99"):
        open_store(path)


def test_a_price_list_that_cannot_be_used_leaves_the_store_alone(tmp_path: Path) -> None:
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "x.toml").write_text("checked_on = 2026-11-20\nmodel = 1\n")
    with pytest.raises(PriceListError):
        open_store(tmp_path / "usage.duckdb", prices=tmp_path / "prices")
    assert not (tmp_path / "usage.duckdb").exists()


def test_where_the_store_is_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDGLASS_DB", "/elsewhere/x.duckdb")
    assert default_path() == Path("/elsewhere/x.duckdb")
    monkeypatch.setenv("SPENDGLASS_DB", "")
    assert default_path() == PRICES.parent / "usage.duckdb"
